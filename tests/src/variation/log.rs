//! Event logs rewritten in place: the records keep their templates, their order and their damage.

use flate2::Crc;

use super::identity::Texts;

const CHUNK: usize = 0x1_0000;
const FIRST_CHUNK: usize = 0x1000;
const FIRST_RECORD: usize = 0x200;
const RECORD_HEADER: usize = 24;
const RECORD: u32 = 0x2a2a;
/// Slots of a record's System part.
const PROCESS: usize = 8;
const RECORD_ID: usize = 10;
/// 100 ns units between 1601 and 1970.
const EPOCH: i64 = 116_444_736_000_000_000;
/// By so much other record ids and process ids are.
const MORE_RECORDS: u64 = 41_057;
const MORE_PROCESSES: u32 = 4 * 137;

/// Whether the bytes are an event log.
fn is_log(bytes: &[u8]) -> bool {
    bytes.starts_with(b"ElfFile\0")
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    if let Some(to) = bytes.get_mut(at..at + new.len()) {
        to.copy_from_slice(new);
    }
}

fn crc(parts: &[Option<&[u8]>]) -> [u8; 4] {
    let mut crc = Crc::new();
    for part in parts.iter().flatten() {
        crc.update(part);
    }
    crc.sum().to_le_bytes()
}

/// Does something to each chunk, and makes checksums right again that were right before.
fn each_chunk(bytes: &[u8], mut change: impl FnMut(&mut [u8])) -> Option<Vec<u8>> {
    if !is_log(bytes) {
        return None;
    }
    let mut bytes = bytes.to_vec();
    let header = bytes.get(124..128) == Some(&crc(&[bytes.get(..120)]));
    for chunk in bytes.get_mut(FIRST_CHUNK..)?.chunks_mut(CHUNK) {
        if !chunk.starts_with(b"ElfChnk\0") {
            continue;
        }
        let data = |c: &[u8]| crc(&[c.get(FIRST_RECORD..free_space(c))]);
        let head = |c: &[u8]| crc(&[c.get(..120), c.get(128..512)]);
        let right = (
            chunk.get(52..56) == Some(&data(chunk)),
            chunk.get(124..128) == Some(&head(chunk)),
        );
        change(chunk);
        if right.0 {
            let sum = data(chunk);
            put(chunk, 52, &sum);
        }
        if right.1 {
            let sum = head(chunk);
            put(chunk, 124, &sum);
        }
    }
    if header {
        let sum = crc(&[bytes.get(..120)]);
        put(&mut bytes, 124, &sum);
    }
    Some(bytes)
}

fn free_space(chunk: &[u8]) -> usize {
    let free = u32_at(chunk, 48).map_or(0, |n| n as usize);
    free.clamp(FIRST_RECORD, chunk.len())
}

/// Start and length of a chunk's records.
fn records(chunk: &[u8]) -> Vec<(usize, usize)> {
    let (mut at, end) = (FIRST_RECORD, free_space(chunk));
    let mut found = Vec::new();
    while at + RECORD_HEADER < end && u32_at(chunk, at) == Some(RECORD) {
        let size = u32_at(chunk, at + 4).map_or(0, |n| n as usize);
        if size < RECORD_HEADER + 4 || at + size > end {
            break;
        }
        found.push((at, size));
        at += size;
    }
    found
}

fn time(chunk: &[u8], record: usize) -> Option<i64> {
    let ticks = u64_at(chunk, record + 16)?.cast_signed();
    ticks.checked_sub(EPOCH)?.checked_mul(100)
}

/// First and last record's time, nanoseconds since 1970.
pub fn span(bytes: &[u8]) -> Option<(i64, i64)> {
    if !is_log(bytes) {
        return None;
    }
    let chunks = bytes.get(FIRST_CHUNK..)?.chunks(CHUNK);
    let times = chunks.flat_map(|c| records(c).into_iter().filter_map(|(at, _)| time(c, at)));
    times
        .map(|t| (t, t))
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// The log with other texts, days and, given its label, other record and process ids.
pub fn rewrite(bytes: &[u8], texts: &Texts<'_>, numbers: Option<&str>) -> Option<Vec<u8>> {
    // Each log has its own numbers.
    let more = numbers.map_or(0, |label| MORE_RECORDS + 1_000 * label.len() as u64);
    let rewriting = Rewriting {
        texts,
        more_records: more,
        more_processes: if numbers.is_some() { MORE_PROCESSES } else { 0 },
        later: texts.later_days * 864_000_000_000,
    };
    let mut bytes = bytes.to_vec();
    let right = bytes.get(124..128) == Some(&crc(&[bytes.get(..120)]));
    if let Some(next) = u64_at(&bytes, 24).filter(|_| is_log(&bytes)) {
        put(&mut bytes, 24, &next.wrapping_add(more).to_le_bytes());
        if right {
            let sum = crc(&[bytes.get(..120)]);
            put(&mut bytes, 124, &sum);
        }
    }
    each_chunk(&bytes, |chunk| rewriting.chunk(chunk))
}

/// Adds to a 64-bit number.
fn add(chunk: &mut [u8], at: usize, more: u64) {
    if let Some(n) = u64_at(chunk, at) {
        put(chunk, at, &n.wrapping_add(more).to_le_bytes());
    }
}

/// Whether a program's name stands there.
fn names_a_caller(chunk: &[u8], at: usize) -> bool {
    let near: Vec<u8> = chunk
        .get(at..)
        .unwrap_or_default()
        .iter()
        .copied()
        .step_by(2)
        .take(24)
        .collect();
    near.windows(4).any(|w| w == b".exe")
}

struct Rewriting<'a> {
    texts: &'a Texts<'a>,
    more_records: u64,
    more_processes: u32,
    /// 100 ns units.
    later: i64,
}

impl Rewriting<'_> {
    fn chunk(&self, chunk: &mut [u8]) {
        for at in [24, 32] {
            add(chunk, at, self.more_records);
        }
        for (at, size) in records(chunk) {
            add(chunk, at + 8, self.more_records);
            add(chunk, at + 16, self.later.cast_unsigned());
            self.fragment(chunk, at + RECORD_HEADER, at + size - 4, true);
        }
        self.literals(chunk);
    }

    /// The values of a template instance; records without template have literals only.
    fn fragment(&self, chunk: &mut [u8], start: usize, end: usize, outer: bool) -> Option<()> {
        let mut at = start;
        if chunk.get(at) == Some(&0x0f) {
            at += 4;
        }
        if chunk.get(at) != Some(&0x0c) {
            return None;
        }
        let definition = u32_at(chunk, at + 6)? as usize;
        at += 10;
        if definition == at {
            // The definition stands in front of its first use: next one, GUID, size, body.
            at += 24 + u32_at(chunk, at + 20)? as usize;
        }
        let count = u32_at(chunk, at)? as usize;
        let descriptors = at + 4;
        let mut value = descriptors + 4 * count;
        let kind = |chunk: &[u8], n: usize| chunk.get(descriptors + 4 * n + 2).copied();
        for n in 0..count {
            let size = *chunk.get(descriptors + 4 * n..)?.first_chunk::<2>()?;
            let size = usize::from(u16::from_le_bytes(size));
            if value + size > end {
                return None;
            }
            match kind(chunk, n)? {
                0x01 | 0x81 => self.text(chunk, value, size),
                0x11 => add(chunk, value, self.later.cast_unsigned()),
                0x0a if outer && n == RECORD_ID => add(chunk, value, self.more_records),
                // CallerProcessId stands before the caller's image.
                0x08 if (outer && n == PROCESS)
                    || (!outer && n == 0 && names_a_caller(chunk, value + size)) =>
                {
                    let process = u32_at(chunk, value)?;
                    if process > 4 {
                        put(chunk, value, &(process + self.more_processes).to_le_bytes());
                    }
                }
                0x21 => {
                    self.fragment(chunk, value, value + size, false);
                }
                _ => {}
            }
            value += size;
        }
        Some(())
    }

    /// A text, or several with a terminator each.
    fn text(&self, chunk: &mut [u8], at: usize, size: usize) {
        let Some(bytes) = chunk.get(at..at + size) else {
            return;
        };
        let units: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|u| u16::from_le_bytes([u[0], u[1]]))
            .collect();
        let mut position = at;
        for part in units.split(|u| *u == 0) {
            let new = String::from_utf16(part)
                .ok()
                .and_then(|text| self.texts.of(&text));
            if let Some(new) = new {
                let bytes: Vec<u8> = new.encode_utf16().flat_map(u16::to_le_bytes).collect();
                put(chunk, position, &bytes);
            }
            position += 2 * (part.len() + 1);
        }
    }

    /// Literal texts (`05 01`, number of units, units): computer names in templates, and records without templates.
    fn literals(&self, chunk: &mut [u8]) {
        for at in FIRST_RECORD..free_space(chunk).saturating_sub(4) {
            if chunk.get(at..at + 2) != Some(&[0x05, 0x01]) {
                continue;
            }
            let Some(units) = chunk.get(at + 2..).and_then(|b| b.first_chunk::<2>()) else {
                continue;
            };
            let size = 2 * usize::from(u16::from_le_bytes(*units));
            if size > 0 && at + 4 + size <= free_space(chunk) {
                self.text(chunk, at + 4, size);
            }
        }
    }
}

/// The log with the records of a spell of time only. What came before is passed over by one record without content, since
/// templates that later records use may stand there; what came after is cut off.
pub fn keep(bytes: &[u8], from: i64, to: i64) -> Option<Vec<u8>> {
    each_chunk(bytes, |chunk| {
        let list = records(chunk);
        let inside = |r: &(usize, usize)| time(chunk, r.0).is_none_or(|t| (from..=to).contains(&t));
        // Records of one log are in order but for milliseconds.
        let first = list.iter().position(inside).unwrap_or(list.len());
        let last = list.iter().rposition(inside).map_or(first, |n| n + 1);
        let end = list.get(last).map_or(free_space(chunk), |r| r.0);
        if let (Some(begin), true) = (list.get(first), first > 0) {
            pass_over(chunk, &list[..first], begin.0);
        } else if first == list.len() {
            // Nothing is left of this chunk.
            put(chunk, 48, &(FIRST_RECORD as u32).to_le_bytes());
            return;
        }
        put(chunk, 48, &(end as u32).to_le_bytes());
        let id = |n: usize| list.get(n).and_then(|r| u64_at(chunk, r.0 + 8));
        if let Some((a, b)) = id(first).zip(last.checked_sub(1).and_then(id)) {
            put(chunk, 24, &a.to_le_bytes());
            put(chunk, 32, &b.to_le_bytes());
        }
        put(
            chunk,
            44,
            &(last
                .checked_sub(1)
                .and_then(|n| list.get(n))
                .map_or(0, |r| r.0) as u32)
                .to_le_bytes(),
        );
    })
}

/// One record of the length of all these, with nothing in it but what the templates behind need.
fn pass_over(chunk: &mut [u8], dropped: &[(usize, usize)], end: usize) {
    for (at, _) in dropped.iter().skip(1) {
        // No reader that looks for records may find these again.
        put(chunk, *at, &[0; 4]);
    }
    if let Some(last) = dropped.last().copied() {
        let (id, ticks) = (u64_at(chunk, last.0 + 8), u64_at(chunk, last.0 + 16));
        for (to, value) in [(8, id), (16, ticks)] {
            if let Some(value) = value {
                put(chunk, FIRST_RECORD + to, &value.to_le_bytes());
            }
        }
    }
    let size = ((end - FIRST_RECORD) as u32).to_le_bytes();
    put(chunk, FIRST_RECORD + 4, &size);
    put(chunk, end - 4, &size);
    // Fragment header and its end.
    put(chunk, FIRST_RECORD + RECORD_HEADER, &[0x0f, 1, 1, 0, 0]);
}
