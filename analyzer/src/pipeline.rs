//! Reads all sources, in parallel. The only place that knows threads; its result does not depend on them.

mod tap;

use rayon::prelude::*;
use rdpwhy_parsers::tls::keylog::KeyLog;
use rdpwhy_parsers::{Copies, EventBatch, ReadAt, Timestamp, evtx, export, pcap};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::evidence::SourceEvents;
use tap::Tap;

/// One evidence file to read.
pub struct Source {
    /// Path as given; the name in the report.
    pub label: String,
    /// Its bytes.
    pub bytes: Box<dyn ReadAt>,
}

/// Hears how far reading is. Called from several threads.
pub trait Progress: Sync {
    /// So many more bytes are done.
    fn bytes(&self, n: u64);
    /// This source is in hand.
    fn source(&self, label: &str);
    /// Whether the work is to be broken off: nothing more is read then, and what comes out is not whole.
    fn stopped(&self) -> bool {
        false
    }
}

/// Hears nothing.
pub struct Silent;

impl Progress for Silent {
    fn bytes(&self, _: u64) {}
    fn source(&self, _: &str) {}
}

/// Chunks of an event log that are read in one piece: large enough to be worth a task, small enough that one big file
/// keeps all cores busy.
const CHUNKS_PER_PIECE: u32 = 16;
/// Pieces of one event log that are read before they are put together.
const PIECES_AT_ONCE: usize = 64;
/// Attempts that one thread takes at least: each is worth some ten microseconds.
const SMALLEST_SHARE: usize = 64;
/// So many are done where they are asked for.
const FEW: usize = 1024;
/// Bytes looked at to recognise a file: exports need the most.
const HEAD: usize = export::HEAD;

/// What reading needs to know beside the files.
pub struct Means<'a> {
    /// Key logs in the NSS format.
    pub secrets: &'a [Vec<u8>],
    /// Of times that stand in exports without a zone.
    pub zone: Option<&'a jiff::tz::TimeZone>,
    /// Whether to hash every source (SHA-256).
    pub hash: bool,
}

/// Reads every source. Sources come out in the order they went in.
pub fn read(sources: &[Source], means: &Means<'_>, progress: &dyn Progress) -> Vec<SourceEvents> {
    let mut secrets = KeyLog::default();
    for text in means.secrets {
        secrets.add(text);
    }
    let keys = Keys {
        secrets,
        zone: means.zone,
        hash: means.hash,
    };
    sources
        .par_iter()
        .map(|s| read_one(s, &keys, progress))
        .collect()
}

/// Stack of each thread: records nest as deep as whoever made them wanted, and the general reader of event logs follows
/// them by recursion. Memory that is never touched costs nothing.
const STACK: usize = 64 << 20;

/// Runs all that follows in a pool of so many threads; all cores without a number. Inside such a pool in that one.
pub fn within<T: Send>(threads: Option<usize>, run: impl FnOnce() -> T + Send) -> T {
    if rayon::current_thread_index().is_some() {
        return run();
    }
    match pool(threads) {
        Ok(pool) => pool.install(run),
        Err(_) => run(),
    }
}

fn pool(threads: Option<usize>) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.unwrap_or(0))
        .stack_size(STACK)
        .build()
}

/// Does each piece of work `0..count` once, several at a time, begun in this order. All of them share one pool, so that the
/// last one, if it is large, gets all of it.
pub fn each(threads: Option<usize>, count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    let Ok(pool) = pool(threads) else {
        return (0..count).for_each(work);
    };
    let take = || {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                break;
            }
            pool.install(|| work(n));
        }
    };
    // These threads only wait for the pool's.
    std::thread::scope(|scope| {
        for _ in 0..pool.current_num_threads() {
            scope.spawn(take);
        }
    });
}

/// What `each` makes of each of `0..count`, in this order, in parallel.
pub fn map<T: Send>(count: usize, each: impl Fn(usize) -> T + Sync + Send) -> Vec<T> {
    // A handful, as live capture asks for many times a second, is not worth waking others.
    if count <= FEW && rayon::current_thread_index().is_none() {
        return (0..count).map(each).collect();
    }
    (0..count)
        .into_par_iter()
        .with_min_len(SMALLEST_SHARE)
        .map(each)
        .collect()
}

/// [`Means`], read.
struct Keys<'a> {
    secrets: KeyLog,
    zone: Option<&'a jiff::tz::TimeZone>,
    hash: bool,
}

impl Keys<'_> {
    /// The hour that a change of clocks repeats is taken as the first of the two, the one it skips as after the change.
    fn moment(zone: &jiff::tz::TimeZone, local: Timestamp) -> Option<Timestamp> {
        let local = jiff::Timestamp::from_nanosecond(i128::from(local.0)).ok()?;
        let civil = jiff::tz::TimeZone::UTC.to_datetime(local);
        let moment = zone.to_ambiguous_timestamp(civil).compatible().ok()?;
        i64::try_from(moment.as_nanosecond()).ok().map(Timestamp)
    }
}

fn read_one(source: &Source, keys: &Keys<'_>, progress: &dyn Progress) -> SourceEvents {
    progress.source(&source.label);
    let bytes = source.bytes.size();
    let tap = Tap::new(source.bytes.as_ref(), progress, keys.hash);
    let mut head = vec![0; HEAD];
    let read = source.bytes.fill_at(0, &mut head);
    let (format, mut batch) = match read {
        Err(e) => ("unknown", unreadable(&e.to_string())),
        Ok(n) => {
            head.truncate(n);
            parse(&tap, &head, keys)
        }
    };
    if source.bytes.carved() {
        batch.all_recovered();
    }
    let sha256 = match tap.finish() {
        Some(Ok(hash)) => Some(hash),
        Some(Err(why)) => {
            batch.defect("file", format!("has no hash: {why}"), 0);
            None
        }
        None => None,
    };
    SourceEvents {
        label: source.label.clone(),
        format,
        bytes,
        sha256,
        batch,
    }
}

fn parse(bytes: &dyn ReadAt, head: &[u8], keys: &Keys<'_>) -> (&'static str, EventBatch) {
    if evtx::looks_like(head) {
        return ("evtx", event_log(bytes));
    }
    if pcap::looks_like(head) {
        // A pcapng file begins with its section header block, whose type reads the same in both byte orders.
        let format = if head.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
            "pcapng"
        } else {
            "pcap"
        };
        let secrets = (!keys.secrets.is_empty()).then_some(&keys.secrets);
        let mut batch = pcap::read(bytes, secrets);
        batch.shrink();
        return (format, batch);
    }
    if let Some(form) = export::looks_like(head) {
        let moment = keys.zone.map(|zone| |local| Keys::moment(zone, local));
        let zone = moment.as_ref().map(|m| m as export::LocalTime<'_>);
        return (form.name(), export::read(bytes, form, zone));
    }
    let mut batch = EventBatch::default();
    let what = if head.is_empty() {
        "the file is empty"
    } else {
        "neither an event log nor a capture"
    };
    batch.defect("byte 0", what, 0);
    ("unknown", batch)
}

fn event_log(bytes: &dyn ReadAt) -> EventBatch {
    let (plan, defects) = evtx::plan(bytes);
    let starts: Vec<u32> = (0..plan.len()).step_by(CHUNKS_PER_PIECE as usize).collect();
    let piece = |start: &u32| -> Range<u32> {
        *start..start.saturating_add(CHUNKS_PER_PIECE).min(plan.len())
    };
    let mut batch = EventBatch::default();
    batch.defects.extend(defects);
    let mut copies = Copies::default();
    // Not all at once: what is appended is free before the next pieces are read.
    for group in starts.chunks(PIECES_AT_ONCE) {
        let pieces: Vec<EventBatch> = group
            .par_iter()
            .map(|s| evtx::read_chunks(bytes, &plan, piece(s)))
            .collect();
        for p in pieces {
            copies.append(&mut batch, p);
        }
    }
    evtx::finish(&mut batch);
    batch.shrink();
    batch
}

fn unreadable(why: &str) -> EventBatch {
    let mut batch = EventBatch::default();
    batch.defect("byte 0", format!("the file cannot be read: {why}"), 0);
    batch
}
