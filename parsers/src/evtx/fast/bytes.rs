//! Little-endian numbers and spans of a chunk's bytes. Every read is checked; what does not fit is [`Odd`].

/// What this reader does not understand, or does not want to: the general reader must look. Says what, for people who
/// trace why a file is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::evtx) struct Odd(pub(super) &'static str);

/// Some bytes of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    /// Offset in the chunk.
    pub(super) at: u32,
    /// Length in bytes.
    pub(super) len: u32,
}

impl Span {
    /// A span of `len` bytes from `at` on.
    pub(super) fn new(at: usize, len: usize) -> Result<Self, Odd> {
        match (u32::try_from(at), u32::try_from(len)) {
            (Ok(at), Ok(len)) => Ok(Self { at, len }),
            _ => Err(Odd("a length beyond the chunk")),
        }
    }

    /// Its bytes; none when it reaches beyond `data`.
    pub(super) fn of(self, data: &[u8]) -> &[u8] {
        let start = self.at as usize;
        data.get(start..start + self.len as usize)
            .unwrap_or_default()
    }
}

fn array<const N: usize>(data: &[u8], at: usize) -> Result<[u8; N], Odd> {
    data.get(at..)
        .and_then(|rest| rest.first_chunk::<N>())
        .copied()
        .ok_or(Odd("a number beyond the chunk"))
}

/// The byte at `at`.
pub(super) fn u8_at(data: &[u8], at: usize) -> Result<u8, Odd> {
    array::<1>(data, at).map(|[b]| b)
}

/// The 16-bit number at `at`.
pub(super) fn u16_at(data: &[u8], at: usize) -> Result<u16, Odd> {
    array(data, at).map(u16::from_le_bytes)
}

/// The 32-bit number at `at`.
pub(super) fn u32_at(data: &[u8], at: usize) -> Result<u32, Odd> {
    array(data, at).map(u32::from_le_bytes)
}

/// The 64-bit number at `at`.
pub(super) fn u64_at(data: &[u8], at: usize) -> Result<u64, Odd> {
    array(data, at).map(u64::from_le_bytes)
}

/// An offset or count that stands as 32 bits.
pub(super) fn offset_at(data: &[u8], at: usize) -> Result<usize, Odd> {
    u32_at(data, at).map(|n| n as usize)
}

/// The bytes `at..at + len`.
pub(super) fn slice(data: &[u8], at: usize, len: usize) -> Result<&[u8], Odd> {
    at.checked_add(len)
        .and_then(|end| data.get(at..end))
        .ok_or(Odd("a value beyond the chunk"))
}
