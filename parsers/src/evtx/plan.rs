//! Where the chunks of a file are.

use super::{CHUNK, CHUNK_HEADER, CHUNK_SIGNATURE, FILE_HEADER, FILE_SIGNATURE, RECORD_SIGNATURE};
use crate::batch::Defect;
use crate::read_at::ReadAt;

/// One chunk of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Number in the file, from 0, unused ones included.
    pub number: u32,
    /// Where it starts, in bytes.
    pub offset: u64,
    /// How much of its 64 KiB is there: less for the last one of a cut file.
    pub bytes: u32,
    /// Whether its signature is intact.
    pub signed: bool,
}

/// The chunks of a file, in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// Chunks that hold records, or did before they were damaged. Unused ones are left out.
    pub chunks: Vec<Chunk>,
}

impl Plan {
    /// How many chunks there are to read.
    pub fn len(&self) -> u32 {
        u32::try_from(self.chunks.len()).unwrap_or(u32::MAX)
    }

    /// Whether there is nothing to read.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }
}

/// Finds the chunks of a file, and says what is wrong with its header and its end. Reads a few bytes per chunk.
pub fn plan(source: &dyn ReadAt) -> (Plan, Vec<Defect>) {
    let mut defects = Vec::new();
    let mut header = [0; FILE_HEADER + 8];
    let got = read(source, 0, &mut header, &mut defects);
    let header = header.get(..got).unwrap_or_default();
    let start = if header.starts_with(CHUNK_SIGNATURE) {
        defects.push(defect(
            "file header",
            "no file header: the file starts with a chunk",
        ));
        0
    } else {
        FILE_HEADER as u64
    };
    let chunks = find_chunks(source, start, &mut defects);
    if start != 0 {
        check_header(header, chunks.len(), &mut defects);
    }
    (Plan { chunks }, defects)
}

fn defect(at: impl Into<String>, what: impl Into<String>) -> Defect {
    Defect {
        at: at.into(),
        what: what.into(),
        lost: 0,
    }
}

fn read(source: &dyn ReadAt, offset: u64, buffer: &mut [u8], defects: &mut Vec<Defect>) -> usize {
    source.fill_at(offset, buffer).unwrap_or_else(|e| {
        defects.push(defect(
            format!("byte {offset}"),
            format!("cannot be read: {e}"),
        ));
        0
    })
}

/// Walks the file in steps of a chunk. Where no chunk stands, looks for one in between: files carved from a disk and
/// files that lost bytes are not aligned.
fn find_chunks(source: &dyn ReadAt, start: u64, defects: &mut Vec<Defect>) -> Vec<Chunk> {
    let size = source.size();
    let (mut chunks, mut at, mut number) = (Vec::new(), start, 0);
    while at < size {
        let there = usize::try_from(size - at).unwrap_or(CHUNK).min(CHUNK);
        let mut signature = [0; 8];
        read(source, at, &mut signature, defects);
        let bytes = u32::try_from(there).unwrap_or(0);
        let mut step = CHUNK;
        if &signature == CHUNK_SIGNATURE {
            if there < CHUNK {
                let what = format!(
                    "the file is cut off here: {there} of {CHUNK} bytes of the chunk are there"
                );
                defects.push(defect(format!("chunk {number}"), what));
            }
            chunks.push(Chunk {
                number,
                offset: at,
                bytes,
                signed: true,
            });
        } else {
            let mut block = vec![0; there];
            let got = read(source, at, &mut block, defects);
            block.truncate(got);
            let moved = block.windows(8).position(|w| w == CHUNK_SIGNATURE);
            if let Some(by) = moved {
                let what = format!(
                    "no chunk where one was expected; the next one starts {by} bytes later"
                );
                defects.push(defect(format!("chunk {number}"), what));
                at = at.saturating_add(by as u64);
                continue;
            }
            let record = block
                .get(CHUNK_HEADER..)
                .is_some_and(|b| b.windows(4).any(|w| w == RECORD_SIGNATURE));
            if record {
                defects.push(defect(
                    format!("chunk {number}"),
                    "the chunk's signature is damaged",
                ));
                chunks.push(Chunk {
                    number,
                    offset: at,
                    bytes,
                    signed: false,
                });
            } else if block.iter().any(|b| *b != 0) {
                defects.push(defect(
                    format!("chunk {number}"),
                    "neither a chunk nor unused space",
                ));
            }
            step = there.max(1);
        }
        at = at.saturating_add(step as u64);
        number += 1;
    }
    chunks
}

fn check_header(header: &[u8], found: usize, defects: &mut Vec<Defect>) {
    let mut wrong = Vec::new();
    if header.is_empty() {
        wrong.push("the file is empty".to_owned());
    } else if !header.starts_with(FILE_SIGNATURE) {
        wrong.push("the file's signature is damaged".to_owned());
    } else {
        let number = |at: usize, bytes: usize| {
            let little_endian = header.get(at..at + bytes).unwrap_or_default();
            little_endian
                .iter()
                .rev()
                .fold(0u64, |n, b| n << 8 | u64::from(*b))
        };
        // The layout is not in an open specification: 42 chunk count, 120 flags, 124 CRC-32 of the first 120 bytes.
        let (counted, flags, stored) = (number(42, 2), number(120, 4), number(124, 4));
        if flags & 1 != 0 {
            wrong.push("marked as in use: copied while the log was being written".to_owned());
        }
        let computed = header
            .get(..120)
            .map(|h| u64::from(::evtx::checksum_ieee(h)));
        if flags & 4 == 0 && computed != Some(stored) {
            wrong.push("header checksum mismatch".to_owned());
        }
        if counted != found as u64 & 0xFFFF {
            wrong.push(format!(
                "the header counts {counted} chunks, {found} were found"
            ));
        }
    }
    if !wrong.is_empty() {
        defects.push(defect("file header", wrong.join("; ")));
    }
}
