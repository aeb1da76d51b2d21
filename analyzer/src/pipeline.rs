//! Reads all sources, in parallel. The only place that knows threads; its result does not depend on them.

mod tap;

use rayon::prelude::*;
use rdpwhy_parsers::tls::keylog::KeyLog;
use rdpwhy_parsers::{
    Copies, Defect, EventBatch, ReadAt, Sink, Timestamp, evtx, export, monitor, pcap,
};
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
    let keys = Keys::of(means);
    sources
        .par_iter()
        .map(|s| read_one(s, &keys, progress))
        .collect()
}

/// Reads one source and tells each event as soon as it is known, on this thread; none is kept. What comes back are its logs,
/// defects and counts. Events come in the order of the file, those of a connection when it is over, and what lay outside the
/// live part of a log last.
pub fn stream(
    source: &Source,
    means: &Means<'_>,
    progress: &dyn Progress,
    tell: Sink<'_>,
) -> SourceEvents {
    let keys = Keys::of(means);
    open_one(source, &keys, progress, |bytes, head, keys| {
        parse_on(bytes, head, keys, tell)
    })
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
///
/// `admit` may wait until there is room for a piece; `work` must wait for no other piece: a thread of the pool that waits
/// for help with one does another one meanwhile, on top of it.
pub fn each<P: Send>(
    threads: Option<usize>,
    count: usize,
    admit: impl Fn(usize) -> P + Sync,
    work: impl Fn(usize, P) + Sync,
) {
    let next = AtomicUsize::new(0);
    let Ok(pool) = pool(threads) else {
        return (0..count).for_each(|n| work(n, admit(n)));
    };
    let take = || {
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= count {
                break;
            }
            let admitted = admit(n);
            pool.install(|| work(n, admitted));
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

/// What `each` makes of each of these, in their order, in parallel.
pub fn map_all<I: Sync, T: Send>(items: &[I], each: impl Fn(&I) -> T + Sync + Send) -> Vec<T> {
    if items.len() <= FEW && rayon::current_thread_index().is_none() {
        return items.iter().map(each).collect();
    }
    let items = items.par_iter().with_min_len(SMALLEST_SHARE);
    items.map(each).collect()
}

/// [`Means`], read.
struct Keys<'a> {
    secrets: KeyLog,
    zone: Option<&'a jiff::tz::TimeZone>,
    hash: bool,
}

impl<'a> Keys<'a> {
    fn of(means: &Means<'a>) -> Self {
        let mut secrets = KeyLog::default();
        for text in means.secrets {
            secrets.add(text);
        }
        Self {
            secrets,
            zone: means.zone,
            hash: means.hash,
        }
    }

    fn secrets(&self) -> Option<&KeyLog> {
        Some(&self.secrets).filter(|s| !s.is_empty())
    }

    /// The hour that a change of clocks repeats is taken as the first of the two, the one it skips as after the change.
    fn moment(zone: &jiff::tz::TimeZone, local: Timestamp) -> Option<Timestamp> {
        let local = jiff::Timestamp::from_nanosecond(i128::from(local.0)).ok()?;
        let civil = jiff::tz::TimeZone::UTC.to_datetime(local);
        let moment = zone.to_ambiguous_timestamp(civil).compatible().ok()?;
        i64::try_from(moment.as_nanosecond()).ok().map(Timestamp)
    }
}

fn read_one(source: &Source, keys: &Keys<'_>, progress: &dyn Progress) -> SourceEvents {
    open_one(source, keys, progress, parse)
}

/// What is made of the bytes behind their first ones: the format's name, and what was read.
type Parsed = (&'static str, EventBatch);

fn open_one(
    source: &Source,
    keys: &Keys<'_>,
    progress: &dyn Progress,
    parse: impl FnOnce(&dyn ReadAt, &[u8], &Keys<'_>) -> Parsed,
) -> SourceEvents {
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

/// What a source holds, by its first bytes.
enum Content {
    Log,
    Capture(&'static str),
    Export(export::Form),
    Monitor(monitor::Form),
    Other,
}

impl Content {
    fn of(head: &[u8]) -> Self {
        if evtx::looks_like(head) {
            Self::Log
        } else if pcap::looks_like(head) {
            // A pcapng file begins with its section header block, whose type reads the same in both byte orders.
            Self::Capture(if head.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
                "pcapng"
            } else {
                "pcap"
            })
        } else {
            let monitor = || monitor::looks_like(head).map(Self::Monitor);
            let export = export::looks_like(head).map(Self::Export);
            export.or_else(monitor).unwrap_or(Self::Other)
        }
    }
}

fn parse(bytes: &dyn ReadAt, head: &[u8], keys: &Keys<'_>) -> Parsed {
    match Content::of(head) {
        Content::Log => ("evtx", event_log(bytes)),
        Content::Capture(format) => {
            let mut batch = pcap::read(bytes, keys.secrets());
            batch.shrink();
            (format, batch)
        }
        Content::Export(form) => {
            let moment = keys.zone.map(|zone| |local| Keys::moment(zone, local));
            let zone = moment.as_ref().map(|m| m as export::LocalTime<'_>);
            (form.name(), export::read(bytes, form, zone))
        }
        Content::Monitor(form) => (form.name(), monitor::read(bytes, form)),
        Content::Other => ("unknown", neither(head)),
    }
}

fn parse_on(bytes: &dyn ReadAt, head: &[u8], keys: &Keys<'_>, tell: Sink<'_>) -> Parsed {
    match Content::of(head) {
        Content::Log => ("evtx", event_log_on(bytes, tell)),
        Content::Capture(format) => (format, pcap::stream(bytes, keys.secrets(), tell)),
        Content::Export(form) => {
            let moment = keys.zone.map(|zone| |local| Keys::moment(zone, local));
            let zone = moment.as_ref().map(|m| m as export::LocalTime<'_>);
            (form.name(), export::stream(bytes, form, zone, tell))
        }
        Content::Monitor(form) => (form.name(), monitor::stream(bytes, form, tell)),
        Content::Other => ("unknown", neither(head)),
    }
}

fn neither(head: &[u8]) -> EventBatch {
    let what = if head.is_empty() {
        "the file is empty"
    } else {
        "neither an event log nor a capture"
    };
    let mut batch = EventBatch::default();
    batch.defect("byte 0", what, 0);
    batch
}

fn event_log(bytes: &dyn ReadAt) -> EventBatch {
    let mut batch = EventBatch::default();
    let mut copies = Copies::default();
    let defects = pieces(bytes, &mut |piece| copies.append(&mut batch, piece));
    batch.defects.splice(0..0, defects);
    evtx::finish(&mut batch);
    batch.shrink();
    batch
}

fn event_log_on(bytes: &dyn ReadAt, tell: Sink<'_>) -> EventBatch {
    let mut stream = evtx::Stream::default();
    let defects = pieces(bytes, &mut |piece| stream.piece(piece, tell));
    let mut rest = stream.finish(tell);
    rest.defects.splice(0..0, defects);
    rest
}

/// Reads the pieces of an event log, several at a time, and hands them over in their order; what is wrong with the file as
/// a whole.
fn pieces(bytes: &dyn ReadAt, take: &mut dyn FnMut(EventBatch)) -> Vec<Defect> {
    let (plan, defects) = evtx::plan(bytes);
    let starts: Vec<u32> = (0..plan.len()).step_by(CHUNKS_PER_PIECE as usize).collect();
    let piece = |start: &u32| -> Range<u32> {
        *start..start.saturating_add(CHUNKS_PER_PIECE).min(plan.len())
    };
    // Not all at once: what is taken is free before the next pieces are read.
    for group in starts.chunks(PIECES_AT_ONCE) {
        let pieces: Vec<EventBatch> = group
            .par_iter()
            .map(|s| evtx::read_chunks(bytes, &plan, piece(s)))
            .collect();
        pieces.into_iter().for_each(&mut *take);
    }
    defects
}

fn unreadable(why: &str) -> EventBatch {
    let mut batch = EventBatch::default();
    batch.defect("byte 0", format!("the file cannot be read: {why}"), 0);
    batch
}
