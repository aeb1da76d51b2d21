//! What is looked at in a chunk whose checksums do not vouch for its bytes, or that has none.
//!
//! The general reader opens all of a record, so a fault anywhere in it costs the record. To agree with it, all of a record is
//! looked at here as well: each value, each text, each template. Nothing of it is kept.

use super::bytes::Odd;
use super::frame::instance_token;
use super::instance::{self, Instance, Value, kind};
use super::token::{DEEPEST, Source, Stream, Token};
use super::value;

/// Most templates of a chunk that are remembered.
const MOST_KNOWN: usize = 256;

/// Looks at records as a whole.
#[derive(Default)]
pub(super) struct Strict {
    /// Templates that were looked at, with the number of slots that they name.
    known: Vec<(usize, usize)>,
    values: Vec<Value>,
}

impl Strict {
    /// Forgets the last chunk.
    pub(super) fn clear(&mut self) {
        self.known.clear();
    }

    /// Looks at an instance: its template, its values, and the payload in one of them. `depth` is 0 for a record's own.
    pub(super) fn instance(
        &mut self,
        data: &[u8],
        instance: &Instance,
        depth: u8,
    ) -> Result<usize, Odd> {
        if self.definition(data, instance.definition)? > instance.count {
            return Err(Odd("a template with more slots than values"));
        }
        let mut values = std::mem::take(&mut self.values);
        let end = instance.list(data, &mut values)?;
        for value in values.iter().copied() {
            match value.kind {
                kind::BINXML if value.len == 0 => {}
                kind::BINXML if depth == 0 => self.fragment(data, value)?,
                _ => plain(value, data)?,
            }
        }
        self.values = values;
        Ok(end)
    }

    /// Looks at elements that stand without a template.
    pub(super) fn elements(&mut self, stream: Stream<'_>) -> Result<(), Odd> {
        self.tokens(stream).map(drop)
    }

    fn fragment(&mut self, data: &[u8], value: Value) -> Result<(), Odd> {
        let start = value.at as usize;
        let end = start + usize::from(value.len);
        match instance_token(data, start, end)? {
            Some(token) => {
                let instance = Instance::read(data, token)?;
                let after = self.instance(data, &instance, 1)?;
                instance::ends(data, after, end)
            }
            None => self.elements(Stream::inline(data, start, end)),
        }
    }

    /// How many slots a template names.
    fn definition(&mut self, data: &[u8], at: usize) -> Result<usize, Odd> {
        if let Some((_, slots)) = self.known.iter().find(|(known, _)| *known == at) {
            return Ok(*slots);
        }
        if self.known.len() >= MOST_KNOWN {
            return Err(Odd("very many templates"));
        }
        let (start, end) = instance::body(data, at)?;
        let slots = self.tokens(Stream::definition(data, start, end))?;
        self.known.push((at, slots));
        Ok(slots)
    }

    /// Looks at a stream of one element; returns the number of slots that it names.
    fn tokens(&mut self, mut stream: Stream<'_>) -> Result<usize, Odd> {
        stream.skip_header()?;
        let data = stream.data;
        let (mut slots, mut inside, mut started) = (0, 0_u8, true);
        let mut names = |slot: u16| slots = slots.max(usize::from(slot) + 1);
        loop {
            // Inside a start tag attributes follow, behind it content.
            match stream.next()? {
                Token::Open { depends, .. } if started && inside < DEEPEST => {
                    depends.into_iter().for_each(&mut names);
                    (inside, started) = (inside + 1, false);
                }
                Token::Attribute(_) if !started => {}
                Token::CloseStart if !started => started = true,
                Token::CloseEmpty if !started => (inside, started) = (inside - 1, true),
                Token::Close if started && inside > 0 => inside -= 1,
                Token::Content(source) if inside > 0 => match source {
                    Source::Slot(slot) => names(slot),
                    Source::Text(span) => text(span.of(data))?,
                    _ => {}
                },
                Token::Instance if started && inside > 0 => {
                    let instance = Instance::read(data, stream.at)?;
                    let after = self.instance(data, &instance, 1)?;
                    stream.jump(after)?;
                }
                Token::End if started && inside == 0 => return Ok(slots),
                _ => return Err(Odd("tokens in an odd order")),
            }
        }
    }
}

/// Checks that a value can be shown.
fn plain(value: Value, data: &[u8]) -> Result<(), Odd> {
    let bytes = value.of(data);
    match value.kind {
        kind::TEXT | kind::TEXTS => text(bytes),
        0x02 if bytes.is_ascii() => Ok(()),
        0x11 => value::filetime_of(bytes).map(drop),
        // Their lengths were checked, and any bits of them are a value.
        kind::NULL | 0x03..=0x0A | 0x0D..=0x10 | 0x13..=0x15 => Ok(()),
        _ => Err(Odd("a value of a rare type")),
    }
}

/// Checks that a text is UTF-16.
fn text(bytes: &[u8]) -> Result<(), Odd> {
    let units = bytes.as_chunks::<2>().0;
    if units.iter().all(|c| c[1] & 0xF8 != 0xD8) {
        return Ok(());
    }
    let units = units.iter().map(|c| u16::from_le_bytes(*c));
    let sound = char::decode_utf16(units).all(|c| c.is_ok());
    sound.then_some(()).ok_or(Odd("text that is not UTF-16"))
}
