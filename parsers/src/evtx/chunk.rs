//! The records of a run of chunks.

use std::collections::HashSet;
use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

use ::evtx::{EvtxChunkData, EvtxRecord, ParserSettings};

use super::fast;
use super::plan::{Chunk, Plan};
use super::{CHUNK, CHUNK_HEADER, CHUNK_SIGNATURE};
use crate::batch::EventBatch;
use crate::raw::{RawRecord, to_event};
use crate::read_at::ReadAt;

/// Length of a chunk as its header counts.
const CHUNK_END: u32 = 65536;
/// Most records that fit into a chunk: a header of 24 bytes and a size of 4 around nothing.
const MOST_RECORDS: u64 = ((CHUNK - CHUNK_HEADER) / 28) as u64;

/// Reads the chunks `range` of a plan. The pieces of a file may be read in any order and by any split: appended in the
/// order of the file they are the same batch.
pub fn read_chunks(source: &dyn ReadAt, plan: &Plan, range: Range<u32>) -> EventBatch {
    let mut batch = EventBatch::default();
    let mut fast = fast::Reader::default();
    each_block(source, plan, range, &mut batch, |chunk, block, batch| {
        if chunk.signed
            && let Ok(taken) = fast.take(block, batch)
        {
            let mut tally = Tally {
                read: taken.records,
                ..Tally::default()
            };
            if taken.old_records
                && let Ok(mut data) = EvtxChunkData::new(block.to_vec(), false)
            {
                read_records(&mut data, Wanted::Old, &mut tally, batch);
            }
            let span = (taken.first_number, taken.last_number);
            report(&tally, Some(span), chunk, batch);
        } else {
            read_block(chunk, block, batch);
        }
    });
    fast.finish(&mut batch);
    batch
}

/// As [`read_chunks`], but all the general way: what the short way must agree with.
#[doc(hidden)]
pub fn read_chunks_generally(source: &dyn ReadAt, plan: &Plan, range: Range<u32>) -> EventBatch {
    let mut batch = EventBatch::default();
    each_block(source, plan, range, &mut batch, read_block);
    batch
}

/// Reads the bytes of chunks one after the other into the same buffer.
fn each_block(
    source: &dyn ReadAt,
    plan: &Plan,
    range: Range<u32>,
    batch: &mut EventBatch,
    mut each: impl FnMut(&Chunk, &mut [u8], &mut EventBatch),
) {
    let range = range.start as usize..(range.end.min(plan.len())) as usize;
    let mut block = vec![0; CHUNK];
    for chunk in plan.chunks.get(range).unwrap_or_default() {
        let wanted = (chunk.bytes as usize).min(CHUNK);
        let (there, gone) = block.split_at_mut(wanted);
        gone.fill(0);
        let got = source.fill_at(chunk.offset, there);
        let at = || format!("chunk {}", chunk.number);
        match got {
            Ok(got) if got < wanted => {
                there.get_mut(got..).unwrap_or_default().fill(0);
                batch.defect(at(), format!("{got} of {wanted} bytes can be read"), 0);
            }
            Ok(_) => {}
            Err(e) => {
                // What stands before the unreadable place is worth having; the last chunk's bytes are not.
                there.fill(0);
                let _ = source.fill_at(chunk.offset, there);
                batch.defect(at(), format!("cannot be read: {e}"), 0);
            }
        }
        each(chunk, &mut block, batch);
    }
}

/// Reads a chunk with the crate that knows all that can be in it.
fn read_block(chunk: &Chunk, block: &mut [u8], batch: &mut EventBatch) {
    let at = format!("chunk {}", chunk.number);
    if let (false, Some(signature)) = (chunk.signed, block.get_mut(..8)) {
        signature.copy_from_slice(CHUNK_SIGNATURE);
    }
    match EvtxChunkData::new(block.to_vec(), false) {
        Ok(mut data) => {
            let whole = chunk.bytes as usize == CHUNK;
            let trusted = check(&mut data, whole && chunk.signed, &at, batch);
            let header = &data.header;
            let span = (
                header.first_event_record_number,
                header.last_event_record_number,
            );
            let mut tally = Tally::default();
            read_records(&mut data, Wanted::All, &mut tally, batch);
            report(&tally, trusted.then_some(span), chunk, batch);
        }
        Err(e) => batch.defect(at, format!("the chunk's header cannot be read: {e}"), 0),
    }
}

/// Compares the checksums of a chunk that is whole; says whether the record numbers in its header can be believed.
fn check(data: &mut EvtxChunkData, whole: bool, at: &str, batch: &mut EventBatch) -> bool {
    let trusted = data.validate_header_checksum();
    if whole && !trusted {
        batch.defect(at, "chunk header checksum mismatch", 0);
    }
    if whole && !data.validate_data_checksum() {
        batch.defect(at, "data checksum mismatch", 0);
    }
    let end = data.header.free_space_offset as usize;
    if !(CHUNK_HEADER..=CHUNK).contains(&end) {
        // Without a credible end the whole chunk is live; the walk stops at the first zeroes.
        data.header.free_space_offset = CHUNK_END;
        data.header.last_event_record_data_offset = CHUNK_END;
        data.header.first_event_record_id = 0;
        data.header.last_event_record_id = u64::MAX;
        return false;
    }
    trusted
}

/// What reading a chunk gave.
#[derive(Default)]
struct Tally {
    /// Live records read.
    read: u64,
    /// Live records that are there and cannot be decoded.
    failed: u64,
    /// What the first of them says.
    first_error: Option<String>,
}

impl Tally {
    fn fail(&mut self, error: impl Into<Box<dyn Error>>) {
        self.failed += 1;
        self.first_error
            .get_or_insert_with(|| reasons(&*error.into()));
    }
}

/// An error with all that it stems from.
fn reasons(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// Which records of a chunk are to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// All of them.
    All,
    /// Only what lies behind the live ones, which were read already.
    Old,
}

fn read_records(
    data: &mut EvtxChunkData,
    wanted: Wanted,
    tally: &mut Tally,
    batch: &mut EventBatch,
) {
    let settings = Arc::new(
        ParserSettings::new()
            .validate_checksums(false)
            .recover_records(true)
            .indent(false),
    );
    if data.parse(Arc::clone(&settings)).is_err() {
        // The table of strings is a short cut only: names also stand where they are used first.
        if let Some(table) = data.data.get_mut(128..CHUNK_HEADER) {
            table.fill(0);
        }
        if let Ok(without) = EvtxChunkData::new(std::mem::take(&mut data.data), false) {
            *data = without;
        }
    }
    let mut chunk = match data.parse(settings) {
        Ok(chunk) => chunk,
        Err(e) => {
            tally.fail(e);
            return;
        }
    };
    let mut live = HashSet::new();
    let mut slack = Vec::new();
    for record in chunk.iter() {
        match record {
            Ok(record) if record.recovered => slack.push(record),
            Ok(record) => {
                live.insert(record.event_record_id);
                if wanted == Wanted::Old {
                    continue;
                }
                match read_record(record, batch) {
                    Ok(()) => tally.read += 1,
                    Err(e) => tally.fail(e),
                }
            }
            Err(e) => tally.fail(e),
        }
    }
    // What slack holds is a gift: not all of it decodes, and that is no loss.
    for record in slack {
        if live.insert(record.event_record_id) {
            let _ = read_record(record, batch);
        }
    }
}

/// Decodes one record into the batch.
fn read_record(record: EvtxRecord<'_>, batch: &mut EventBatch) -> Result<(), Box<dyn Error>> {
    let recovered = record.recovered;
    let header_time = record.timestamp.as_nanosecond();
    let header_number = record.event_record_id;
    let json = record.into_json_bytes()?;
    let value = serde_json::from_slice(&json.data)?;
    let mut raw =
        RawRecord::from_json(&value).ok_or("the record has no provider or no event id")?;
    raw.recovered = recovered;
    if raw.time.0 == 0 {
        raw.time.0 = i64::try_from(header_time).unwrap_or_default();
    }
    if raw.record == 0 {
        raw.record = header_number;
    }
    to_event(&raw, batch);
    Ok(())
}

/// Says what was lost. The chunk's header tells the numbers of its first and last record, if it can be believed; records
/// behind the free-space offset that it does not know yet only make the count larger than that.
fn report(tally: &Tally, numbers: Option<(u64, u64)>, chunk: &Chunk, batch: &mut EventBatch) {
    let expected = numbers
        .and_then(|(first, last)| last.checked_sub(first)?.checked_add(1))
        .filter(|n| *n <= MOST_RECORDS)
        .unwrap_or(0);
    let lost = expected.saturating_sub(tally.read).max(tally.failed);
    let what = match &tally.first_error {
        Some(error) => {
            let n = tally.failed;
            format!("{n} place(s) in the records cannot be read; the first: {error}")
        }
        None if lost > 0 => format!(
            "the header tells of {expected} records, {} are there",
            tally.read
        ),
        None => return,
    };
    batch.defect(format!("chunk {}", chunk.number), what, lost);
}
