//! The part of BER/DER (ITU-T X.690) and PER (X.691) lengths that MCS, GCC and CredSSP need.

/// One element: tag (two-byte tags as 0x7f65), body as far as it is there, and what follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Element<'a> {
    /// Identifier octets as a number.
    pub tag: u16,
    /// Content octets; shorter than told when the element was cut.
    pub body: &'a [u8],
    /// Bytes behind the element.
    pub rest: &'a [u8],
    /// Length of the whole element by its header.
    pub length: usize,
}

/// Reads the element at the beginning. `None` when its header is not complete or no length that a PDU can have.
pub fn element(bytes: &[u8]) -> Option<Element<'_>> {
    let first = *bytes.first()?;
    let (tag, at) = if first & 0x1f == 0x1f {
        (u16::from(first) << 8 | u16::from(*bytes.get(1)?), 2)
    } else {
        (u16::from(first), 1)
    };
    let short = usize::from(*bytes.get(at)?);
    let (length, start) = if short < 0x80 {
        (short, at + 1)
    } else {
        let digits = bytes.get(at + 1..at + 1 + (short & 0x7f))?;
        if digits.is_empty() || digits.len() > 3 {
            return None;
        }
        (
            digits.iter().fold(0usize, |n, b| n << 8 | usize::from(*b)),
            at + 1 + digits.len(),
        )
    };
    let there = bytes.get(start..)?;
    let body = there.get(..length).unwrap_or(there);
    Some(Element {
        tag,
        body,
        rest: there.get(length..).unwrap_or_default(),
        length: start + length,
    })
}

/// The elements inside a constructed one.
pub fn elements(mut bytes: &[u8]) -> impl Iterator<Item = Element<'_>> {
    std::iter::from_fn(move || {
        let element = element(bytes)?;
        bytes = element.rest;
        Some(element)
    })
}

/// An INTEGER's or ENUMERATED's content as a number; more than eight bytes give the last eight.
pub fn integer(body: &[u8]) -> i64 {
    let negative = body.first().is_some_and(|b| b & 0x80 != 0);
    body.iter()
        .fold(if negative { -1 } else { 0 }, |n, b| n << 8 | i64::from(*b))
}

/// A PER length of one or two bytes and what follows it.
pub fn per_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [a, b, rest @ ..] if a & 0x80 != 0 => {
            Some((usize::from(a & 0x7f) << 8 | usize::from(*b), rest))
        }
        [a, rest @ ..] if a & 0x80 == 0 => Some((usize::from(*a), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_lengths() {
        let e = element(&[0x7f, 0x65, 0x82, 0, 2, 1, 2, 9]);
        assert_eq!(
            e.map(|e| (e.tag, e.body, e.rest)),
            Some((0x7f65, &[1, 2][..], &[9][..]))
        );
        assert_eq!(element(&[4, 0x84, 1, 1, 1, 1]), None, "no PDU is that long");
        assert_eq!(element(&[4, 9, 7]).map(|e| e.body), Some(&[7][..]), "cut");
        assert_eq!(element(&[4]), None);
    }

    #[test]
    fn integers_keep_their_sign() {
        assert_eq!(
            integer(&[0x80, 0x09, 0x03, 0x02]),
            i64::from(0x8009_0302_u32.cast_signed())
        );
        assert_eq!(integer(&[0x00, 0xc0]), 0xc0);
        assert_eq!(integer(&[]), 0);
    }

    #[test]
    fn per_lengths() {
        assert_eq!(per_length(&[0x81, 0x02, 7]), Some((0x102, &[7][..])));
        assert_eq!(per_length(&[5, 7]), Some((5, &[7][..])));
        assert_eq!(per_length(&[0x81]), None);
    }
}
