//! Which packets are written: all, or those of connections that failed.
//!
//! Whether a connection fails is known when it is over, so its packets wait: the first ones, which are the handshake, and
//! the last ones, which are the end. What lies between in a long session is not kept.

use std::collections::{HashMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rdpwhy_live::line::Said;
use rdpwhy_parsers::Timestamp;
use rdpwhy_parsers::pcap::{Ends, Seen};

use super::arguments::Keep;
use super::pcapng::Writer;

/// Bytes of a connection's beginning, and of its end, that wait.
const BEGINNING: usize = 96 << 10;
const END: usize = 96 << 10;
/// Bytes of all connections together.
const ALL: usize = 256 << 20;
/// Connections remembered.
const CONNECTIONS: usize = 65_536;
/// Packets of a connection that come so long after its verdict are still written, nanoseconds.
const STRAGGLERS: i64 = 5_000_000_000;

/// When a new file begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rotation {
    /// After so many bytes.
    pub bytes: Option<u64>,
    /// After so many nanoseconds.
    pub time: Option<i64>,
    /// Files kept.
    pub files: usize,
}

impl Rotation {
    /// Reads `100M`, `1h`.
    ///
    /// # Errors
    /// What is neither.
    pub fn read(typed: &[String], files: usize) -> Result<Self, String> {
        let mut rotation = Self {
            files: files.max(1),
            ..Self::default()
        };
        for text in typed {
            if let Some(bytes) = size(text) {
                rotation.bytes = Some(bytes);
            } else if let Ok(time) = text.parse::<jiff::SignedDuration>()
                && time.is_positive()
            {
                rotation.time = i64::try_from(time.as_nanos()).ok();
            } else {
                return Err(format!(
                    "--rotate {text}: expected a size such as 100M or a time such as 1h"
                ));
            }
        }
        Ok(rotation)
    }
}

fn size(text: &str) -> Option<u64> {
    let (digits, factor) = match text.strip_suffix(['K', 'M', 'G']) {
        Some(digits) if text.ends_with('K') => (digits, 1 << 10),
        Some(digits) if text.ends_with('M') => (digits, 1 << 20),
        Some(digits) => (digits, 1 << 30),
        None => (text, 1),
    };
    digits
        .parse::<u64>()
        .ok()?
        .checked_mul(factor)
        .filter(|n| *n > 0)
}

/// A packet that waits.
struct Waiting {
    time: Timestamp,
    link: u32,
    data: Box<[u8]>,
    wire_length: usize,
}

#[derive(Default)]
struct Connection {
    beginning: Vec<Waiting>,
    end: VecDeque<Waiting>,
    beginning_bytes: usize,
    end_bytes: usize,
    /// It failed: what comes until then is written at once.
    written_until: Option<Timestamp>,
    last: Timestamp,
}

type Pair = (SocketAddr, SocketAddr);

/// The file, and what may still go into it.
pub struct Keeper {
    keep: Keep,
    path: PathBuf,
    rotation: Rotation,
    writer: Writer<BufWriter<File>>,
    begun: Option<Timestamp>,
    made: Vec<PathBuf>,
    number: u64,
    ends: Ends,
    waiting: HashMap<Pair, Connection>,
    bytes: usize,
}

impl Keeper {
    /// Opens the file.
    ///
    /// # Errors
    /// What the system says.
    pub fn open(path: &Path, keep: Keep, rotation: Rotation) -> io::Result<Self> {
        Ok(Self {
            keep,
            path: path.to_owned(),
            rotation,
            writer: Writer::new(BufWriter::new(File::create(path)?))?,
            begun: None,
            made: vec![path.to_owned()],
            number: 0,
            ends: Ends::new(),
            waiting: HashMap::new(),
            bytes: 0,
        })
    }

    /// Takes a packet.
    ///
    /// # Errors
    /// What the file says.
    pub fn packet(&mut self, seen: &Seen<'_>) -> io::Result<()> {
        if self.keep == Keep::All {
            return self.write(seen);
        }
        let Some(pair) = self.ends.of(seen).map(sorted) else {
            return Ok(());
        };
        let connection = self.waiting.entry(pair).or_default();
        connection.last = seen.time;
        if connection
            .written_until
            .is_some_and(|until| seen.time <= until)
        {
            return self.write(seen);
        }
        let size = seen.data.len() + size_of::<Waiting>();
        let waiting = Waiting {
            time: seen.time,
            link: seen.link,
            data: seen.data.into(),
            wire_length: seen.wire_length,
        };
        self.bytes += size;
        if connection.beginning_bytes < BEGINNING {
            connection.beginning_bytes += size;
            connection.beginning.push(waiting);
        } else {
            connection.end_bytes += size;
            connection.end.push_back(waiting);
            while connection.end_bytes > END {
                let Some(oldest) = connection.end.pop_front() else {
                    break;
                };
                let size = oldest.data.len() + size_of::<Waiting>();
                connection.end_bytes -= size;
                self.bytes -= size;
            }
        }
        if self.bytes > ALL || self.waiting.len() > CONNECTIONS {
            self.make_room();
        }
        Ok(())
    }

    /// The connections that were quiet for longest give way.
    fn make_room(&mut self) {
        let mut by_age: Vec<(Timestamp, Pair)> =
            self.waiting.iter().map(|(k, c)| (c.last, *k)).collect();
        by_age.sort_unstable();
        by_age.truncate(by_age.len().div_ceil(4));
        for (_, pair) in by_age {
            self.forget(pair);
        }
    }

    fn forget(&mut self, pair: Pair) -> Option<Connection> {
        let connection = self.waiting.remove(&pair)?;
        self.bytes -= connection.beginning_bytes + connection.end_bytes;
        Some(connection)
    }

    /// Hears what became of a connection.
    ///
    /// # Errors
    /// What the file says.
    pub fn said(&mut self, said: &Said, now: Timestamp) -> io::Result<()> {
        use rdpwhy_live::State;
        let end = |e: &rdpwhy_analyzer::report::Endpoint| {
            Some(SocketAddr::new(e.ip.as_ref()?.parse().ok()?, e.port?))
        };
        let Some(pair) = end(&said.attempt.client)
            .zip(end(&said.attempt.server))
            .map(sorted)
        else {
            return Ok(());
        };
        match said.state {
            State::Failed | State::Dropped => {
                let Some(connection) = self.forget(pair) else {
                    return Ok(());
                };
                for w in connection.beginning.iter().chain(&connection.end) {
                    self.write(&Seen {
                        time: w.time,
                        link: w.link,
                        data: &w.data,
                        wire_length: w.wire_length,
                    })?;
                }
                self.waiting.insert(
                    pair,
                    Connection {
                        written_until: Some(now.plus(STRAGGLERS)),
                        last: now,
                        ..Connection::default()
                    },
                );
                self.writer.flush()
            }
            State::Ok | State::Cancelled | State::Step => {
                self.forget(pair);
                Ok(())
            }
            State::Open | State::Waiting | State::Unknown => Ok(()),
        }
    }

    fn write(&mut self, seen: &Seen<'_>) -> io::Result<()> {
        let begun = *self.begun.get_or_insert(seen.time);
        let full = self
            .rotation
            .bytes
            .is_some_and(|most| self.writer.written >= most);
        let old = self
            .rotation
            .time
            .is_some_and(|most| seen.time.since(begun) >= most);
        if full || old {
            self.rotate(seen.time)?;
        }
        self.writer.packet(seen)
    }

    fn rotate(&mut self, now: Timestamp) -> io::Result<()> {
        self.writer.flush()?;
        self.number += 1;
        let path = numbered(&self.path, self.number);
        self.writer = Writer::new(BufWriter::new(File::create(&path)?))?;
        self.begun = Some(now);
        self.made.push(path);
        while self.made.len() > self.rotation.files {
            fs::remove_file(self.made.remove(0))?;
        }
        Ok(())
    }

    /// Closes the file.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

fn sorted((a, b): Pair) -> Pair {
    if a <= b { (a, b) } else { (b, a) }
}

/// `failed.pcapng` → `failed.00001.pcapng`.
fn numbered(path: &Path, n: u64) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let name = match path.extension() {
        Some(extension) => format!("{stem}.{n:05}.{}", extension.to_string_lossy()),
        None => format!("{stem}.{n:05}"),
    };
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_times_are_told_apart() {
        let typed = ["100M".to_owned(), "1h".to_owned()];
        let rotation = Rotation::read(&typed, 3).expect("both read");
        assert_eq!(rotation.bytes, Some(100 << 20));
        assert_eq!(rotation.time, Some(3_600_000_000_000));
        assert!(Rotation::read(&["soon".to_owned()], 3).is_err());
        assert!(Rotation::read(&["0".to_owned()], 3).is_err());
        assert_eq!(
            numbered(Path::new("a/b.pcapng"), 7),
            Path::new("a/b.00007.pcapng")
        );
    }
}
