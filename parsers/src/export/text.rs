//! Bytes of an export as text: UTF-8 with or without a byte order mark, UTF-16 of both orders.

use crate::batch::EventBatch;
use crate::read_at::ReadAt;

/// Bytes taken at a time.
const BLOCK: usize = 256 << 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16 { big_endian: bool },
}

/// A file as text, block by block.
pub(crate) struct Text<'a> {
    source: &'a dyn ReadAt,
    at: u64,
    encoding: Option<Encoding>,
    /// The beginning of a character whose rest stands in the next block.
    carry: Vec<u8>,
    /// Places that are no text in this encoding, and the first of them.
    bad: u64,
    first_bad: u64,
    failure: Option<String>,
}

impl<'a> Text<'a> {
    pub fn new(source: &'a dyn ReadAt) -> Self {
        Self {
            source,
            at: 0,
            encoding: None,
            carry: Vec::new(),
            bad: 0,
            first_bad: 0,
            failure: None,
        }
    }

    /// Appends the next block; `false` when there is none.
    pub fn next(&mut self, to: &mut String) -> bool {
        if self.failure.is_some() {
            return false;
        }
        let mut bytes = std::mem::take(&mut self.carry);
        let held = bytes.len();
        bytes.resize(held + BLOCK, 0);
        let got = match self
            .source
            .fill_at(self.at, bytes.get_mut(held..).unwrap_or_default())
        {
            Ok(n) => n,
            Err(e) => {
                self.failure = Some(e.to_string());
                0
            }
        };
        bytes.truncate(held + got);
        let begins_at = self.at.saturating_sub(held as u64);
        self.at += got as u64;
        if bytes.is_empty() {
            return false;
        }
        let mut bytes = bytes.as_slice();
        let encoding = *self.encoding.get_or_insert_with(|| {
            let (encoding, mark) = recognise(bytes);
            bytes = bytes.get(mark..).unwrap_or_default();
            encoding
        });
        let last = got < BLOCK;
        match encoding {
            Encoding::Utf8 => self.utf8(bytes, begins_at, last, to),
            Encoding::Utf16 { big_endian } => self.utf16(bytes, big_endian, begins_at, last, to),
        }
        true
    }

    fn utf8(&mut self, bytes: &[u8], begins_at: u64, last: bool, to: &mut String) {
        let mut done = 0;
        for chunk in bytes.utf8_chunks() {
            to.push_str(chunk.valid());
            done += chunk.valid().len();
            let invalid = chunk.invalid();
            if invalid.is_empty() {
                continue;
            }
            let at_end = done + invalid.len() == bytes.len();
            if at_end && !last && invalid.len() < 4 {
                self.carry.extend_from_slice(invalid);
                return;
            }
            self.not_text(begins_at + done as u64);
            to.push(char::REPLACEMENT_CHARACTER);
            done += invalid.len();
        }
    }

    fn utf16(
        &mut self,
        bytes: &[u8],
        big_endian: bool,
        begins_at: u64,
        last: bool,
        to: &mut String,
    ) {
        let unit = |pair: &[u8; 2]| {
            if big_endian {
                u16::from_be_bytes(*pair)
            } else {
                u16::from_le_bytes(*pair)
            }
        };
        let (mut pairs, mut rest) = bytes.as_chunks::<2>();
        let high = |pair: &[u8; 2]| (0xD800..0xDC00).contains(&unit(pair));
        if let (false, Some((half, before))) = (last, pairs.split_last())
            && high(half)
        {
            pairs = before;
            rest = bytes.get(before.len() * 2..).unwrap_or_default();
        }
        for decoded in char::decode_utf16(pairs.iter().map(unit)) {
            to.push(decoded.unwrap_or_else(|_| {
                self.not_text(begins_at);
                char::REPLACEMENT_CHARACTER
            }));
        }
        if last && !rest.is_empty() {
            self.not_text(begins_at + (pairs.len() * 2) as u64);
        } else {
            self.carry.extend_from_slice(rest);
        }
    }

    fn not_text(&mut self, at: u64) {
        if self.bad == 0 {
            self.first_bad = at;
        }
        self.bad += 1;
    }

    /// Says what was no text.
    pub fn report(&self, batch: &mut EventBatch) {
        if let Some(failure) = &self.failure {
            let at = self.at;
            batch.defect(
                format!("byte {at}"),
                format!("cannot be read on: {failure}"),
                0,
            );
        }
        if self.bad > 0 {
            let (bad, encoding) = (self.bad, self.encoding_name());
            batch.defect(
                format!("byte {}", self.first_bad),
                format!("{bad} place(s) are not {encoding} and show as \u{fffd}"),
                0,
            );
        }
    }

    fn encoding_name(&self) -> &'static str {
        match self.encoding {
            Some(Encoding::Utf16 { .. }) => "UTF-16",
            _ => "UTF-8",
        }
    }
}

/// The encoding of a text that begins so, and the length of its mark. Exports begin with an ASCII character, which in
/// UTF-16 without a mark stands beside a zero.
fn recognise(bytes: &[u8]) -> (Encoding, usize) {
    match bytes {
        [0xEF, 0xBB, 0xBF, ..] => (Encoding::Utf8, 3),
        [0xFF, 0xFE, ..] => (Encoding::Utf16 { big_endian: false }, 2),
        [0xFE, 0xFF, ..] => (Encoding::Utf16 { big_endian: true }, 2),
        [1..=0x7F, 0, 1..=0x7F, 0, ..] => (Encoding::Utf16 { big_endian: false }, 0),
        [0, 1..=0x7F, 0, 1..=0x7F, ..] => (Encoding::Utf16 { big_endian: true }, 0),
        _ => (Encoding::Utf8, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(bytes: &[u8]) -> (String, usize) {
        let mut text = Text::new(&bytes);
        let mut out = String::new();
        while text.next(&mut out) {}
        let mut batch = EventBatch::default();
        text.report(&mut batch);
        (out, batch.defects.len())
    }

    #[test]
    fn all_encodings_give_the_same_text() {
        let text = "<Data>Zürich 𝒳</Data>";
        let marked = |units: Vec<u16>, big: bool| -> Vec<u8> {
            let bytes = |u: u16| {
                if big {
                    u.to_be_bytes()
                } else {
                    u.to_le_bytes()
                }
            };
            units.into_iter().flat_map(bytes).collect()
        };
        let units: Vec<u16> = text.encode_utf16().collect();
        let with_mark: Vec<u16> = std::iter::once(0xFEFF)
            .chain(units.iter().copied())
            .collect();
        let wanted = (text.to_owned(), 0);
        assert_eq!(decoded(text.as_bytes()), wanted);
        assert_eq!(decoded(format!("\u{feff}{text}").as_bytes()), wanted);
        assert_eq!(decoded(&marked(with_mark.clone(), false)), wanted);
        assert_eq!(decoded(&marked(with_mark, true)), wanted);
        assert_eq!(decoded(&marked(units.clone(), false)), wanted);
        assert_eq!(decoded(&marked(units, true)), wanted);
    }

    #[test]
    fn characters_across_blocks_stay_whole() {
        let long: String = "ü€𝒳".repeat(BLOCK / 5);
        assert_eq!(decoded(long.as_bytes()), (long.clone(), 0));
        let utf16: Vec<u8> = [0xFF, 0xFE]
            .into_iter()
            .chain(long.encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        assert_eq!(decoded(&utf16), (long, 0));
    }

    #[test]
    fn what_is_no_text_is_shown_and_told() {
        let (text, defects) = decoded(b"Z\xfcrich");
        assert_eq!(text, "Z\u{fffd}rich");
        assert_eq!(defects, 1);
        assert_eq!(decoded(b"\xff\xfea\0b").1, 1);
        assert_eq!(decoded(b""), (String::new(), 0));
    }
}
