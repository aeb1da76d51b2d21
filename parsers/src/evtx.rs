//! Windows event log files (`.evtx`): chunks of 64 KiB behind a header of 4 KiB.
//!
//! Nothing of the file's header is believed. Files copied from a running system have counters and checksums of some
//! earlier moment, chunk numbers wrap, and the 16-bit chunk count overflows in large files. The length of the file and
//! the chunks themselves say where the records are.
//!
//! ```text
//! plan() → Plan { chunks } → read_chunks(range) for any split, in parallel → EventBatch::append in order → finish()
//! ```

mod chunk;
mod fast;
mod plan;
mod stream;

pub use chunk::read_chunks;
#[doc(hidden)]
pub use chunk::read_chunks_generally;
pub use plan::{Chunk, Plan, plan};
pub use stream::Stream;

use crate::batch::EventBatch;

/// First bytes of a file.
const FILE_SIGNATURE: &[u8; 8] = b"ElfFile\0";
/// First bytes of a chunk.
const CHUNK_SIGNATURE: &[u8; 8] = b"ElfChnk\0";
/// First bytes of a record.
const RECORD_SIGNATURE: &[u8; 4] = b"**\0\0";
/// Length of the file header block.
const FILE_HEADER: usize = 4096;
/// Length of a chunk.
const CHUNK: usize = 65536;
/// Length of a chunk's header, where its first record starts.
const CHUNK_HEADER: usize = 512;

/// Whether a file that begins with `head` (4104 bytes or more are best) is an event log: it says so, or its header is
/// damaged or cut away and a chunk stands where one must.
pub fn looks_like(head: &[u8]) -> bool {
    let chunk_at = |at: usize| {
        head.get(at..)
            .is_some_and(|rest| rest.starts_with(CHUNK_SIGNATURE))
    };
    head.starts_with(FILE_SIGNATURE) || chunk_at(0) || chunk_at(4096)
}

/// Computes the gaps of each log once all pieces of one file are appended. Adds to `gaps` of each log:
/// * `records-missing` from the last record before a hole in the record numbers to the first one after it;
/// * `rolled-over` with `from` == `to` == first record, when its number is above 1: what was before was overwritten;
/// * `log-cleared` with `from` == `to` == moment of the clearing, on the log that was cleared, which may be one that this
///   file does not hold ([`Log::records`](crate::Log::records) is 0 then).
///
/// Chunks that a shrinking file lost are told in one defect, at the first of them.
pub fn finish(batch: &mut EventBatch) {
    crate::continuity::finish(batch);
    let gone = |what: &str| what == chunk::GONE;
    let count = batch.defects.iter().filter(|d| gone(&d.what)).count();
    let mut first = true;
    batch.defects.retain_mut(|defect| {
        if count < 2 || !gone(&defect.what) {
            return true;
        }
        defect.what = format!("with the {} behind it {}", count - 1, chunk::GONE);
        std::mem::take(&mut first)
    });
}
