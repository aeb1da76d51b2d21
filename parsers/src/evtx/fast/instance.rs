//! Template instances: which definition, and where its values stand.

use super::bytes::{Odd, offset_at, slice, u8_at, u16_at};

/// Most values of an instance; the richest events of Windows have about sixty.
pub(super) const MOST_VALUES: usize = 256;
/// Length of a definition's header: next offset, GUID, length of its body.
const DEFINITION_HEADER: usize = 24;

/// Type bytes of values (MS-EVEN6 2.2.12) that are looked at by name.
pub(super) mod kind {
    pub(in super::super) const NULL: u8 = 0x00;
    pub(in super::super) const TEXT: u8 = 0x01;
    pub(in super::super) const BINXML: u8 = 0x21;
    pub(in super::super) const TEXTS: u8 = 0x81;
    /// This bit marks arrays.
    pub(in super::super) const ARRAY: u8 = 0x80;
}

/// A value of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Value {
    /// Offset in the chunk.
    pub(super) at: u32,
    /// Length in bytes.
    pub(super) len: u16,
    /// Type byte.
    pub(super) kind: u8,
}

impl Value {
    /// Its bytes.
    pub(super) fn of(self, data: &[u8]) -> &[u8] {
        let start = self.at as usize;
        data.get(start..start + usize::from(self.len))
            .unwrap_or_default()
    }

    /// Whether an element that depends on it is left out.
    pub(super) fn is_null(self) -> bool {
        self.kind == kind::NULL || (self.kind == kind::BINXML && self.len == 0)
    }
}

/// An instance before its values are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Instance {
    /// Offset of its definition in the chunk.
    pub(super) definition: usize,
    /// How many values it has.
    pub(super) count: usize,
    /// Where their descriptors start: `size u16, type u8, 0` each.
    pub(super) descriptors: usize,
    /// Where their bytes start.
    pub(super) values: usize,
}

impl Instance {
    /// Reads the instance whose token ends at `at`.
    pub(super) fn read(data: &[u8], at: usize) -> Result<Self, Odd> {
        // A version byte and the template's short id come first.
        let definition = offset_at(data, at.saturating_add(5))?;
        let mut next = at + 9;
        if next == definition {
            let body = offset_at(data, next + 20)?;
            next = next.saturating_add(DEFINITION_HEADER).saturating_add(body);
        }
        let count = offset_at(data, next)?;
        if count > MOST_VALUES {
            return Err(Odd("an instance of very many values"));
        }
        let descriptors = next + 4;
        slice(data, descriptors, count * 4)?;
        Ok(Self {
            definition,
            count,
            descriptors,
            values: descriptors + count * 4,
        })
    }

    /// Length and type of a value.
    pub(super) fn descriptor(&self, data: &[u8], slot: usize) -> Result<(u16, u8), Odd> {
        let at = self.descriptors + slot * 4;
        Ok((u16_at(data, at)?, u8_at(data, at + 2)?))
    }

    /// Lists the values into `list`, all of them checked; returns where they end.
    pub(super) fn list(&self, data: &[u8], list: &mut Vec<Value>) -> Result<usize, Odd> {
        list.clear();
        let mut at = self.values;
        for slot in 0..self.count {
            let (len, kind) = self.descriptor(data, slot)?;
            fits(kind, slice(data, at, usize::from(len))?)?;
            list.push(Value {
                at: u32::try_from(at).map_err(|_| Odd("a value beyond the chunk"))?,
                len,
                kind,
            });
            at += usize::from(len);
        }
        Ok(at)
    }
}

/// Checks that what ends at `at` ends its stream, which ends at `end`.
pub(super) fn ends(data: &[u8], at: usize, end: usize) -> Result<(), Odd> {
    match at.cmp(&end) {
        std::cmp::Ordering::Less if u8_at(data, at)? == 0 => Ok(()),
        std::cmp::Ordering::Equal => Ok(()),
        _ => Err(Odd("something behind a template instance")),
    }
}

/// The body of the definition at `at`: where it starts and ends.
pub(super) fn body(data: &[u8], at: usize) -> Result<(usize, usize), Odd> {
    let len = offset_at(data, at.saturating_add(20))?;
    let start = at + DEFINITION_HEADER;
    slice(data, start, len)?;
    Ok((start, start + len))
}

/// Checks that a value of this type can have these bytes. A value of a wrong length shifts those behind it, in ways that
/// only the general reader knows.
pub(super) fn fits(kind: u8, bytes: &[u8]) -> Result<(), Odd> {
    let len = bytes.len();
    let right = match kind {
        // Nothing, ANSI text, binary, BinXML and arrays of bytes have any length.
        0x00 | 0x02 | 0x0E | 0x21 | 0x83 | 0x84 => true,
        0x01 | 0x85 | 0x86 => len.is_multiple_of(2),
        0x03 | 0x04 => len == 1,
        0x05 | 0x06 => len == 2,
        0x07 | 0x08 | 0x0B | 0x0D | 0x14 => len == 4,
        0x09 | 0x0A | 0x0C | 0x11 | 0x15 => len == 8,
        0x0F | 0x12 => len == 16,
        0x10 => len == 4 || len == 8,
        0x13 => len >= 8 && bytes.get(1).is_some_and(|n| 8 + 4 * usize::from(*n) == len),
        0x81 => len.is_multiple_of(2) && (len == 0 || bytes.ends_with(&[0, 0])),
        0x87 | 0x88 | 0x8B | 0x8D | 0x94 => len.is_multiple_of(4),
        0x89 | 0x8A | 0x8C | 0x91 | 0x95 => len.is_multiple_of(8),
        0x8F | 0x92 => len.is_multiple_of(16),
        _ => false,
    };
    right
        .then_some(())
        .ok_or(Odd("a value of a rare type or a wrong length"))
}
