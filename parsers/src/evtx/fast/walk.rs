//! A chunk's header and the places of its records.

use super::bytes::{Odd, offset_at, slice, u32_at, u64_at};
use crate::evtx::{CHUNK, CHUNK_HEADER, RECORD_SIGNATURE};

/// Length of a record's header: signature, size, number, time.
const RECORD_HEADER: usize = 24;
/// A record's size stands behind it once more.
const SIZE_COPY: usize = 4;
/// A chunk with this flag has no checksums.
const NO_CHECKSUMS: u32 = 4;
/// 9999-12-30T22:00Z, behind which the general reader believes no record's time.
const LATEST_FILETIME: u64 = 2_650_466_808_000_000_000;

/// What a chunk's header says.
#[derive(Debug, Clone, Copy)]
pub(in crate::evtx) struct Header {
    /// Number of the first record in the file.
    pub(in crate::evtx) first_number: u64,
    /// Number of the last record in the file.
    pub(in crate::evtx) last_number: u64,
    /// Id of the first record.
    first_id: u64,
    /// Id of the last record.
    pub(in crate::evtx) last_id: u64,
    /// Where the last record starts.
    last_at: usize,
    /// Where the live records end.
    free: usize,
    /// Whether the header's checksum holds, or it says that there are none.
    pub(in crate::evtx) header_sound: bool,
    /// Whether the checksum of the records holds, or the header says that there are none.
    pub(in crate::evtx) records_sound: bool,
    /// Whether there are checksums, and both hold.
    pub(super) proven: bool,
}

impl Header {
    /// Reads the header of a whole chunk.
    pub(super) fn read(block: &[u8]) -> Result<Self, Odd> {
        if block.len() != CHUNK {
            return Err(Odd("a part of a chunk"));
        }
        let free = offset_at(block, 48)?;
        if !(CHUNK_HEADER..=CHUNK).contains(&free) {
            return Err(Odd("a chunk whose records end outside it"));
        }
        // The checksum covers the header without itself and the flags before it.
        let mut covered = [0; 504];
        let (front, back) = covered.split_at_mut(120);
        front.copy_from_slice(slice(block, 0, 120)?);
        back.copy_from_slice(slice(block, 128, 384)?);
        let records = slice(block, CHUNK_HEADER, free - CHUNK_HEADER)?;
        let unsigned = u32_at(block, 120)? & NO_CHECKSUMS != 0;
        let header_holds = ::evtx::checksum_ieee(&covered) == u32_at(block, 124)?;
        let records_hold = ::evtx::checksum_ieee(records) == u32_at(block, 52)?;
        Ok(Self {
            first_number: u64_at(block, 8)?,
            last_number: u64_at(block, 16)?,
            first_id: u64_at(block, 24)?,
            last_id: u64_at(block, 32)?,
            last_at: offset_at(block, 44)?,
            free,
            header_sound: unsigned || header_holds,
            records_sound: unsigned || records_hold,
            proven: !unsigned && header_holds && records_hold,
        })
    }
}

/// A record's place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    /// Offset of its header.
    pub(super) at: usize,
    /// Number in its header.
    pub(super) number: u64,
    /// Where its BinXML starts.
    pub(super) start: usize,
    /// Where its BinXML ends.
    pub(super) end: usize,
}

/// What a walk meets.
#[derive(Debug, Clone, Copy)]
pub(super) enum Met {
    /// A live record.
    Record(Record),
    /// No record from this place on, but live ones behind.
    Damage(usize),
}

/// How far a walk came.
#[derive(Debug, Clone, Copy)]
pub(super) struct Walked {
    /// Where it ended.
    pub(super) end: usize,
    /// Whether no record stood where one must, and none behind it; else all live ones were walked.
    pub(super) broken: bool,
    /// Whether something readable lies behind the live records.
    pub(super) old: bool,
}

/// Calls `each` for every live record.
pub(super) fn records(
    block: &[u8],
    header: &Header,
    mut each: impl FnMut(Met),
) -> Result<Walked, Odd> {
    let mut at = CHUNK_HEADER;
    while at < header.free {
        let Some((record, next)) = record(block, at)? else {
            if let Some(next) = next_live(block, header, at + 1)? {
                each(Met::Damage(at));
                at = next;
                continue;
            }
            return Ok(Walked {
                end: at,
                broken: true,
                old: false,
            });
        };
        each(Met::Record(record));
        at = next;
        if record.number == header.last_id {
            break;
        }
    }
    Ok(Walked {
        end: at,
        broken: false,
        old: old(block, at).next().is_some(),
    })
}

/// Where the live records go on behind damage, by the same signs as the general reader: a whole record before the end of the
/// live ones, with a number that the header counts among them.
fn next_live(block: &[u8], header: &Header, mut from: usize) -> Result<Option<usize>, Odd> {
    let until = header.free.min(header.last_at.saturating_add(4));
    while let Some(found) = block
        .get(from..until)
        .and_then(|rest| rest.windows(4).position(|w| w == RECORD_SIGNATURE))
    {
        let at = from + found;
        let ids = header.first_id..=header.last_id;
        if let Some((record, end)) = record(block, at)?
            && end <= header.free
            && ids.contains(&record.number)
            && block.get(record.end..end) == block.get(at + 4..at + 8)
        {
            return Ok(Some(at));
        }
        from = at + 1;
    }
    Ok(None)
}

/// The record at `at`, and where the next one is; `None` when none is there.
fn record(block: &[u8], at: usize) -> Result<Option<(Record, usize)>, Odd> {
    let Some(head) = block.get(at..at + RECORD_HEADER) else {
        return Ok(None);
    };
    let size = offset_at(head, 4)?;
    let end = at + size;
    let fits = size >= RECORD_HEADER + SIZE_COPY && end <= block.len();
    if !head.starts_with(RECORD_SIGNATURE) || !fits || u64_at(head, 16)? >= LATEST_FILETIME {
        return Ok(None);
    }
    let record = Record {
        at,
        number: u64_at(head, 8)?,
        start: at + RECORD_HEADER,
        end: end - SIZE_COPY,
    };
    Ok(Some((record, end)))
}

/// The numbers of the old records behind the live ones, which are the general reader's business; also what only looks like
/// one inside another.
pub(super) fn old(block: &[u8], from: usize) -> impl Iterator<Item = u64> {
    let rest = block.get(from..).unwrap_or_default();
    // Nearly always nothing but zeroes, or what is left of one old record: look at eight bytes at a time.
    let (words, tail) = rest.as_chunks::<8>();
    let used = words
        .iter()
        .rposition(|w| *w != [0; 8])
        .map_or(0, |last| (last + 1) * 8);
    let end = if tail.iter().any(|b| *b != 0) {
        rest.len()
    } else {
        used
    };
    let mut at = from;
    std::iter::from_fn(move || {
        while let Some(found) = block
            .get(at..from + end)
            .and_then(|rest| rest.iter().position(|b| *b == b'*'))
        {
            let here = at + found;
            at = here + 1;
            if let Ok(Some((old, _))) = record(block, here)
                && block.get(old.end..old.end + SIZE_COPY) == block.get(here + 4..here + 8)
            {
                return Some(old.number);
            }
        }
        None
    })
}
