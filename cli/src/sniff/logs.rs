//! Event logs that are being written while packets are watched.
//!
//! Windows writes a log chunk by chunk and touches neither its length nor its date while it does so, so each chunk's header
//! says whether there is something new in it. Only what changed is read again, and only the last half hour is kept.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::thread;
use std::time::Duration;

use rdpwhy_analyzer::evidence::SourceEvents;
use rdpwhy_parsers::{EventBatch, ReadAt, evtx};

use super::feed::News;
use crate::input::source::FileSource;

/// How often the folder is looked at.
const EACH: Duration = Duration::from_millis(500);
/// What is older does not belong to a connection of now, nanoseconds.
const KEPT: i64 = 1_800_000_000_000;
/// Memory that the records of all logs together may take, bytes: some 60,000 records of use. A log that is flooded covers
/// less than half an hour then. All of it is looked at with each verdict, which has to come within a second.
const MOST_BYTES: usize = 8 << 20;
/// Files that are followed; a Windows machine has some 400 logs.
const MOST_FILES: usize = 1024;
/// Geometry of a log file: its header, a chunk, and the part of a chunk that tells whether it changed.
const FILE_HEADER: u64 = 4096;
const CHUNK: u64 = 65_536;
const CHUNK_HEAD: usize = 128;
/// The newest chunks of a file that are read at the beginning.
const AT_FIRST: u32 = 4;

/// One log.
#[derive(Default)]
struct Log {
    /// What each chunk's header looked like.
    heads: Vec<u64>,
    /// Events by chunk.
    read: BTreeMap<u32, EventBatch>,
    bytes: u64,
}

/// A folder of logs.
struct Folder {
    path: PathBuf,
    /// Whether only the newest records count.
    live: bool,
    logs: BTreeMap<PathBuf, Log>,
}

/// Follows the logs of a folder until told to stop. `live`: packets come now; beside a file all records count.
///
/// # Errors
/// When the folder cannot be read.
pub fn follow(
    path: &Path,
    live: bool,
    to: SyncSender<News>,
    stop: Arc<AtomicBool>,
) -> std::io::Result<()> {
    std::fs::read_dir(path)?;
    let mut folder = Folder {
        path: path.to_owned(),
        live,
        logs: BTreeMap::new(),
    };
    // Once before the first packet: what is there already belongs to the first connection, too.
    if folder.look() {
        let _ = to.send(News::Records(folder.sources()));
    }
    thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            thread::sleep(EACH);
            if folder.look() && to.send(News::Records(folder.sources())).is_err() {
                return;
            }
        }
    });
    Ok(())
}

impl Folder {
    /// Reads what is new; whether there was anything.
    fn look(&mut self) -> bool {
        let mut news = false;
        for entry in std::fs::read_dir(&self.path)
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = entry.path();
            if !path.is_file() || (self.logs.len() >= MOST_FILES && !self.logs.contains_key(&path))
            {
                continue;
            }
            // A log that is being replaced, or that may not be read, is looked at again next time.
            let Ok(source) = FileSource::open(&path, false) else {
                continue;
            };
            let known = self.logs.contains_key(&path);
            let mut head = [0; 8];
            if !known && (source.read_at(0, &mut head).is_err() || !head.starts_with(b"ElfFile\0"))
            {
                continue;
            }
            news |= self.logs.entry(path).or_default().look(&source, self.live);
        }
        if news && self.live {
            self.forget();
        }
        news
    }

    /// Leaves away what is older than half an hour, by the logs' own clock.
    fn forget(&mut self) {
        let batches = self.logs.values().flat_map(|log| log.read.values());
        let newest = batches.flat_map(|b| &b.logs).map(|l| l.last).max();
        let Some(since) = newest.map(|t| t.plus(-KEPT)) else {
            return;
        };
        for log in self.logs.values_mut() {
            let newest = log.newest();
            log.read.retain(|n, batch| {
                Some(*n) == newest || batch.logs.iter().any(|l| l.last >= since)
            });
            for batch in log.read.values_mut() {
                batch.forget_before(since);
                batch.shrink();
            }
        }
        self.make_room();
    }

    /// The oldest chunks give way, but for the newest of each log.
    fn make_room(&mut self) {
        let mut chunks = Vec::new();
        let mut bytes = 0;
        for (path, log) in &self.logs {
            let newest = log.newest();
            for (n, batch) in &log.read {
                let size = batch.footprint();
                bytes += size;
                if Some(*n) != newest {
                    let last = batch.logs.iter().map(|l| l.last).max();
                    chunks.push((last, path.clone(), *n, size));
                }
            }
        }
        chunks.sort_unstable();
        for (_, path, n, size) in chunks {
            if bytes <= MOST_BYTES {
                return;
            }
            if let Some(log) = self.logs.get_mut(&path) {
                log.read.remove(&n);
            }
            bytes -= size;
        }
    }

    fn sources(&self) -> Vec<SourceEvents> {
        let logs = self.logs.iter().filter(|(_, log)| !log.read.is_empty());
        logs.map(|(path, log)| SourceEvents {
            sha256: None,
            label: path.display().to_string().replace('\\', "/"),
            format: "evtx",
            bytes: log.bytes,
            batch: log.batch(),
        })
        .collect()
    }
}

impl Log {
    fn look(&mut self, source: &dyn ReadAt, live: bool) -> bool {
        let first = self.heads.is_empty();
        self.bytes = source.size();
        let chunks = self.bytes.saturating_sub(FILE_HEADER) / CHUNK;
        let mut changed = Vec::new();
        for n in 0..u32::try_from(chunks).unwrap_or(u32::MAX) {
            let mut head = [0; CHUNK_HEAD];
            if source
                .read_at(FILE_HEADER + u64::from(n) * CHUNK, &mut head)
                .is_err()
            {
                break;
            }
            let mut hasher = DefaultHasher::new();
            head.hash(&mut hasher);
            let hash = hasher.finish();
            let at = n as usize;
            match self.heads.get_mut(at) {
                Some(old) if *old == hash => {}
                Some(old) => {
                    *old = hash;
                    changed.push((last_record(&head), n));
                }
                None => {
                    self.heads.push(hash);
                    changed.push((last_record(&head), n));
                }
            }
        }
        if first && live {
            // The log wraps, so the newest records say which chunks are the newest.
            changed.sort_unstable();
            let old = changed.len().saturating_sub(AT_FIRST as usize);
            changed.drain(..old);
        }
        if changed.is_empty() {
            return false;
        }
        let (plan, _) = evtx::plan(source);
        for (_, n) in changed {
            let piece = n..n.saturating_add(1).min(plan.len());
            self.read.insert(n, evtx::read_chunks(source, &plan, piece));
        }
        true
    }

    /// The chunk with the newest records.
    fn newest(&self) -> Option<u32> {
        let last = |batch: &EventBatch| batch.logs.iter().map(|l| l.last_record).max();
        let newest = self.read.iter().max_by_key(|(_, batch)| last(batch));
        newest.map(|(n, _)| *n)
    }

    /// All that is kept, chunk after chunk by their records.
    fn batch(&self) -> EventBatch {
        let mut batches: Vec<&EventBatch> = self.read.values().collect();
        batches.sort_by_key(|b| b.logs.iter().map(|l| l.first_record).min());
        let mut all = EventBatch::default();
        for batch in batches {
            all.append(batch.clone());
        }
        evtx::finish(&mut all);
        all
    }
}

/// The number of a chunk's last record, from its header.
fn last_record(head: &[u8; CHUNK_HEAD]) -> u64 {
    let bytes = head.get(32..).and_then(|rest| rest.first_chunk());
    let number = bytes.map_or(0, |b| u64::from_le_bytes(*b));
    // Chunks that were never used.
    if number == u64::MAX { 0 } else { number }
}
