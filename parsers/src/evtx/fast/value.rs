//! Values as the text that the general reader makes of them.

use std::fmt::Write as _;

use super::bytes::Odd;
use super::instance::{Value, kind};

/// Ticks of 100 ns in a day.
const DAY: u64 = 864_000_000_000;

/// Characters that are looked at in one go.
const GO: usize = 32;

/// Appends UTF-16LE up to its first NUL.
pub(super) fn utf16(bytes: &[u8], out: &mut String) -> Result<(), Odd> {
    let mut units = bytes.as_chunks::<2>().0;
    // Nearly all text is ASCII: a block without a NUL and without anything else is taken over as it is.
    while !units.is_empty() {
        let (block, rest) = units.split_at(units.len().min(GO));
        let mut ascii = [0; GO];
        let mut plain = true;
        for (to, [low, high]) in ascii.iter_mut().zip(block) {
            *to = *low;
            plain &= *high == 0 && (1..0x80).contains(low);
        }
        let taken = ascii.get(..block.len()).filter(|_| plain);
        let Some(text) = taken.and_then(|t| str::from_utf8(t).ok()) else {
            break;
        };
        out.push_str(text);
        units = rest;
    }
    let rest = units
        .iter()
        .map(|c| u16::from_le_bytes(*c))
        .take_while(|u| *u != 0);
    for c in char::decode_utf16(rest) {
        out.push(c.map_err(|_| Odd("text that is not UTF-16"))?);
    }
    Ok(())
}

/// A whole number, as [`text`] shows it in decimal or in hexadecimal with `0x`: its bits.
pub(super) fn whole(value: Value, data: &[u8]) -> Option<i64> {
    Some(match (value.kind, value.of(data)) {
        (0x03, &[b]) => b.cast_signed().into(),
        (0x04, &[b]) => b.into(),
        (0x05, &[a, b]) => i16::from_le_bytes([a, b]).into(),
        (0x06, &[a, b]) => u16::from_le_bytes([a, b]).into(),
        (0x07, &[a, b, c, d]) => i32::from_le_bytes([a, b, c, d]).into(),
        (0x08 | 0x10 | 0x14, &[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]).into(),
        (0x09 | 0x0A | 0x10 | 0x15, bytes) => i64::from_le_bytes(bytes.try_into().ok()?),
        _ => return None,
    })
}

/// Appends a value; nothing for one that says nothing.
pub(super) fn text(value: Value, data: &[u8], out: &mut String) -> Result<(), Odd> {
    let bytes = value.of(data);
    match (value.kind, bytes) {
        (kind::NULL, _) | (_, []) => {}
        (kind::TEXT, _) => utf16(bytes, out)?,
        (0x02, _) => ansi(bytes, out)?,
        (0x03, &[b]) => number(out, b.cast_signed()),
        (0x04, &[b]) => number(out, b),
        (0x05, _) => number(out, i16::from_le_bytes(sized(bytes)?)),
        (0x06, _) => number(out, u16::from_le_bytes(sized(bytes)?)),
        (0x07, _) => number(out, i32::from_le_bytes(sized(bytes)?)),
        (0x08, _) => number(out, u32::from_le_bytes(sized(bytes)?)),
        (0x09, _) => number(out, i64::from_le_bytes(sized(bytes)?)),
        (0x0A, _) => number(out, u64::from_le_bytes(sized(bytes)?)),
        (0x0D, _) => match i32::from_le_bytes(sized(bytes)?) {
            0 => out.push_str("false"),
            1 => out.push_str("true"),
            mask => number(out, mask),
        },
        (0x0E, _) => bytes.iter().for_each(|b| hex(out, *b, b"0123456789ABCDEF")),
        (0x0F, _) => guid(sized(bytes)?, out),
        (0x10 | 0x14, &[a, b, c, d]) => {
            let _ = write!(out, "{:#x}", u32::from_le_bytes([a, b, c, d]));
        }
        (0x10 | 0x15, _) => {
            let _ = write!(out, "{:#x}", u64::from_le_bytes(sized(bytes)?));
        }
        (0x11, _) => filetime(filetime_of(bytes)?, out),
        (0x13, _) => sid(bytes, out)?,
        _ => return Err(Odd("a value of a rare type that is asked for")),
    }
    Ok(())
}

/// Appends an item of an array of texts; of any other value, the value is the first item and the only one.
pub(super) fn item(value: Value, nth: u16, data: &[u8], out: &mut String) -> Result<(), Odd> {
    if value.kind != kind::TEXTS {
        return if nth == 0 {
            text(value, data, out)
        } else if value.kind & kind::ARRAY != 0 {
            Err(Odd("an array of a rare type"))
        } else {
            Ok(())
        };
    }
    let units = value.of(data).as_chunks::<2>().0;
    let mut items = units.split(|c| *c == [0, 0]);
    let found = items.nth(usize::from(nth)).unwrap_or_default();
    utf16(found.as_flattened(), out)
}

fn sized<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Odd> {
    bytes
        .try_into()
        .map_err(|_| Odd("a value of a wrong length"))
}

fn number(out: &mut String, n: impl std::fmt::Display) {
    let _ = write!(out, "{n}");
}

/// Code pages differ above ASCII. NULs inside are left out.
fn ansi(bytes: &[u8], out: &mut String) -> Result<(), Odd> {
    if !bytes.is_ascii() {
        return Err(Odd("text of a code page"));
    }
    out.extend(bytes.iter().filter(|b| **b != 0).map(|b| char::from(*b)));
    Ok(())
}

fn hex(out: &mut String, byte: u8, digits: &[u8; 16]) {
    for nibble in [byte >> 4, byte & 15] {
        let digit = digits.get(usize::from(nibble)).copied().unwrap_or(b'?');
        out.push(char::from(digit));
    }
}

/// A GUID's bytes in the order in which they are printed.
pub(super) fn guid_number(b: [u8; 16]) -> u128 {
    let [a0, a1, a2, a3, b0, b1, c0, c1, rest @ ..] = b;
    let [d0, d1, d2, d3, d4, d5, d6, d7] = rest;
    u128::from_be_bytes([
        a3, a2, a1, a0, b1, b0, c1, c0, d0, d1, d2, d3, d4, d5, d6, d7,
    ])
}

fn guid(bytes: [u8; 16], out: &mut String) {
    out.push('{');
    for (i, byte) in guid_number(bytes).to_be_bytes().into_iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        hex(out, byte, b"0123456789abcdef");
    }
    out.push('}');
}

fn sid(bytes: &[u8], out: &mut String) -> Result<(), Odd> {
    let &[revision, count, a0, a1, a2, a3, a4, a5, ref parts @ ..] = bytes else {
        return Err(Odd("a SID of a wrong length"));
    };
    let authority = u64::from_be_bytes([0, 0, a0, a1, a2, a3, a4, a5]);
    let _ = write!(out, "S-{revision}-{authority}");
    for part in parts.as_chunks::<4>().0.iter().take(usize::from(count)) {
        let _ = write!(out, "-{}", u32::from_le_bytes(*part));
    }
    Ok(())
}

/// The ticks of a FILETIME up to the year 9999; beyond, Windows cuts the year.
pub(super) fn filetime_of(bytes: &[u8]) -> Result<u64, Odd> {
    let ticks = u64::from_le_bytes(sized(bytes)?);
    if ticks >= 2_650_467_744_000_000_000 {
        return Err(Odd("a time beyond the year 9999"));
    }
    Ok(ticks)
}

/// ISO 8601 with the seven digits that a FILETIME counts, as Windows shows it.
fn filetime(ticks: u64, out: &mut String) {
    let (days, rest) = (ticks / DAY, ticks % DAY);
    // Days since 0000-03-01, in eras of 400 years: leap days come last.
    let shifted = days + 584_694;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = era * 400 + year + carry;
    let (seconds, fraction) = (rest / 10_000_000, rest % 10_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let _ = write!(
        out,
        "{year:04}-{month:02}-{day_of_month:02}T{hour:02}:{minute:02}:{second:02}.{fraction:07}Z"
    );
}
