//! The records of a run of chunks.

use std::collections::HashSet;
use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

use ::evtx::err::EvtxError;
use ::evtx::{EvtxChunkData, EvtxRecord, IterChunkRecords, ParserSettings};

use super::fast;
use super::plan::{Chunk, Plan};
use super::{CHUNK, CHUNK_HEADER, CHUNK_SIGNATURE, RECORD_SIGNATURE};
use crate::batch::EventBatch;
use crate::raw::{RawRecord, to_event};
use crate::read_at::ReadAt;

/// Length of a chunk as its header counts.
const CHUNK_END: u32 = 65536;
/// What is said of a chunk that was there when the file was looked through.
pub(super) const GONE: &str = "not there any more: the file has become shorter while it was read";
const HEADER_MISMATCH: &str = "chunk header checksum mismatch";
const DATA_MISMATCH: &str = "data checksum mismatch";
/// Most records that fit into a chunk: a header of 24 bytes and a size of 4 around nothing.
const MOST_RECORDS: u64 = ((CHUNK - CHUNK_HEADER) / 28) as u64;

/// What the general reader finds.
type Found<'a> = Result<EvtxRecord<'a>, EvtxError>;

/// Reads the chunks `range` of a plan. The pieces of a file may be read in any order and by any split: appended in the
/// order of the file they are the same batch.
pub fn read_chunks(source: &dyn ReadAt, plan: &Plan, range: Range<u32>) -> EventBatch {
    let mut batch = EventBatch::default();
    let mut fast = fast::Reader::default();
    each_block(source, plan, range, &mut batch, |chunk, block, batch| {
        let whole = chunk.signed && chunk.bytes as usize == CHUNK;
        match fast.take(block, batch) {
            Ok(taken) if whole && taken.odd <= MOST_VIEWS => {
                read_taken(&mut fast, &taken, chunk, block, batch);
            }
            Ok(taken) => {
                batch.forget_events_from(taken.first_event);
                read_block(chunk, block, batch);
            }
            Err(_) => read_block(chunk, block, batch),
        }
    });
    fast.finish(&mut batch);
    batch
}

/// Goes on with a chunk of which the short way took what it understood.
fn read_taken(
    fast: &mut fast::Reader,
    taken: &fast::Taken,
    chunk: &Chunk,
    block: &[u8],
    batch: &mut EventBatch,
) {
    let header = &taken.header;
    let at = || format!("chunk {}", chunk.number);
    if !header.header_sound {
        batch.defect(at(), HEADER_MISMATCH, 0);
    }
    if !header.records_sound {
        batch.defect(at(), DATA_MISMATCH, 0);
    }
    let mut tally = Tally {
        read: taken.understood,
        ..Tally::default()
    };
    match &taken.rest {
        None => fast.count(taken, batch, |_, _| {}),
        Some(rest) => read_rest(fast, taken, rest, block, &mut tally, batch),
    }
    let span = (header.first_number, header.last_number);
    report(&tally, header.header_sound.then_some(span), chunk, batch);
}

/// Odd records and damaged places of a chunk that are looked at one by one, each in a view of its own, which costs as much as
/// some five records. With more, the chunk is read generally.
const MOST_VIEWS: usize = 16;

/// Has the general reader read what the short way left.
fn read_rest(
    fast: &mut fast::Reader,
    taken: &fast::Taken,
    rest: &fast::Rest,
    block: &[u8],
    tally: &mut Tally,
    batch: &mut EventBatch,
) {
    let mut live: HashSet<u64> = fast.steps().iter().filter_map(fast::Step::read).collect();
    let settings = settings();
    let last_id = taken.header.last_id;
    let mut damaged = Vec::new();
    fast.count(taken, batch, |step, batch| {
        let prefix = (step.at, !last_id);
        let one = |records: &mut IterChunkRecords<'_>| {
            if let Some(record) = records.next() {
                read_live(record, &mut live, tally, batch);
            }
        };
        from(block, &settings, prefix, one);
        if step.is_damage() {
            damaged.push(prefix);
        }
    });
    // Old records come last. Behind damage they stand before the next live one.
    for prefix in damaged {
        from(block, &settings, prefix, |records| {
            records.next();
            let old = records.map_while(|r| r.ok().filter(|r| r.recovered));
            read_old(old, &mut live, batch);
        });
    }
    if rest.more {
        let id = if rest.all_met { last_id } else { !last_id };
        from(block, &settings, (rest.end, id), |records| {
            read_all(records, &mut live, tally, batch);
        });
    }
}

/// Reads a chunk generally from the place of `prefix` on. All before it is made one record without content, with the number
/// of `prefix`: the reader stops behind the record that has the last number, and looks for old ones from there on.
fn from(
    block: &[u8],
    settings: &Arc<ParserSettings>,
    prefix: (usize, u64),
    read: impl FnOnce(&mut IterChunkRecords<'_>),
) {
    let Some(mut data) = view(block, settings, Some(prefix)) else {
        return;
    };
    let Ok(mut parsed) = data.parse(Arc::clone(settings)) else {
        return;
    };
    let mut records = parsed.iter();
    if prefix.0 > CHUNK_HEADER {
        records.next();
    }
    read(&mut records);
}

/// A copy of a chunk for the general reader.
fn view(
    block: &[u8],
    settings: &Arc<ParserSettings>,
    prefix: Option<(usize, u64)>,
) -> Option<EvtxChunkData> {
    let mut block = block.to_vec();
    if let Some((end, id)) = prefix.filter(|p| p.0 > CHUNK_HEADER) {
        let size = u32::try_from(end - CHUNK_HEADER).unwrap_or(CHUNK_END);
        let place = |at: usize| CHUNK_HEADER + at..;
        // A record may be broken here: without a whole header the reader would look for the next one by itself.
        let parts: [(usize, &[u8]); 5] = [
            (0, RECORD_SIGNATURE),
            (4, &size.to_le_bytes()),
            (8, &id.to_le_bytes()),
            (16, &[0; 8]),
            // The token that ends a stream.
            (24, &[0]),
        ];
        for (at, bytes) in parts {
            let there = block.get_mut(place(at)).unwrap_or_default();
            there
                .iter_mut()
                .zip(bytes)
                .for_each(|(old, new)| *old = *new);
        }
    }
    let mut data = EvtxChunkData::new(block, false).ok()?;
    mend(&mut data, settings);
    Some(data)
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
            // What the plan saw is gone: see `evtx::finish`, which tells it once.
            Ok(0) if wanted > 0 => {
                batch.defect(at(), GONE, 0);
                continue;
            }
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
            read_records(&mut data, &mut tally, batch);
            report(&tally, trusted.then_some(span), chunk, batch);
        }
        Err(e) => batch.defect(at, format!("the chunk's header cannot be read: {e}"), 0),
    }
}

/// Compares the checksums of a chunk that is whole; says whether the record numbers in its header can be believed.
fn check(data: &mut EvtxChunkData, whole: bool, at: &str, batch: &mut EventBatch) -> bool {
    let trusted = data.validate_header_checksum();
    if whole && !trusted {
        batch.defect(at, HEADER_MISMATCH, 0);
    }
    if whole && !data.validate_data_checksum() {
        batch.defect(at, DATA_MISMATCH, 0);
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

fn settings() -> Arc<ParserSettings> {
    let settings = ParserSettings::new()
        .validate_checksums(false)
        .recover_records(true)
        .indent(false);
    Arc::new(settings)
}

/// Does without a chunk's table of strings if it is damaged.
fn mend(data: &mut EvtxChunkData, settings: &Arc<ParserSettings>) {
    if data.parse(Arc::clone(settings)).is_ok() {
        return;
    }
    // The table is a short cut only: names also stand where they are used first.
    if let Some(table) = data.data.get_mut(128..CHUNK_HEADER) {
        table.fill(0);
    }
    if let Ok(without) = EvtxChunkData::new(std::mem::take(&mut data.data), false) {
        *data = without;
    }
}

fn read_records(data: &mut EvtxChunkData, tally: &mut Tally, batch: &mut EventBatch) {
    let settings = settings();
    mend(data, &settings);
    match data.parse(settings) {
        Ok(mut chunk) => read_all(chunk.iter(), &mut HashSet::new(), tally, batch),
        Err(e) => tally.fail(e),
    }
}

/// Reads live records, then the old ones that are not among `live` or them.
fn read_all<'a>(
    records: impl IntoIterator<Item = Found<'a>>,
    live: &mut HashSet<u64>,
    tally: &mut Tally,
    batch: &mut EventBatch,
) {
    let mut slack = Vec::new();
    for record in records {
        match record {
            Ok(record) if record.recovered => slack.push(record),
            record => read_live(record, live, tally, batch),
        }
    }
    read_old(slack, live, batch);
}

/// Reads a live record. Only one that was read stands for an old one with its number.
fn read_live(
    record: Found<'_>,
    live: &mut HashSet<u64>,
    tally: &mut Tally,
    batch: &mut EventBatch,
) {
    match record {
        Ok(record) => {
            let number = record.event_record_id;
            match read_record(record, batch) {
                Ok(()) => {
                    live.insert(number);
                    tally.read += 1;
                }
                Err(e) => tally.fail(e),
            }
        }
        Err(e) => tally.fail(e),
    }
}

/// Reads old records. What slack holds is a gift: not all of it decodes, and that is no loss.
fn read_old<'a>(
    records: impl IntoIterator<Item = EvtxRecord<'a>>,
    live: &mut HashSet<u64>,
    batch: &mut EventBatch,
) {
    for record in records {
        let number = record.event_record_id;
        if !live.contains(&number) && read_record(record, batch).is_ok() {
            live.insert(number);
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
