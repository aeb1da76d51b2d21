//! What is read anyway, counted for the progress and hashed on its way.

use std::fmt::Write as _;
use std::io;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rdpwhy_parsers::ReadAt;
use sha2::{Digest as _, Sha256};

use super::Progress;

/// Reads shorter than this look at headers: the bytes come again.
const WHOLE: usize = 4096;
/// Pieces of a log are read out of order. Whoever comes first takes the others' bytes along, which are in memory by then.
const CATCH_UP: u64 = 128 << 20;
/// Bytes taken along at a time.
const BLOCK: usize = 256 << 10;

/// A source with a counter, and a hash if one is wanted.
pub(super) struct Tap<'a> {
    bytes: &'a dyn ReadAt,
    progress: &'a dyn Progress,
    counted: AtomicU64,
    hash: Option<Mutex<Hashing>>,
}

struct Hashing {
    state: Sha256,
    done: u64,
}

impl<'a> Tap<'a> {
    pub(super) fn new(bytes: &'a dyn ReadAt, progress: &'a dyn Progress, hash: bool) -> Self {
        let state = Hashing {
            state: Sha256::new(),
            done: 0,
        };
        Self {
            bytes,
            progress,
            counted: AtomicU64::new(0),
            hash: hash.then(|| Mutex::new(state)),
        }
    }

    /// Counts what was not read, and hashes it. The hash in hex digits, or why there is none.
    pub(super) fn finish(self) -> Option<Result<String, String>> {
        let size = self.bytes.size();
        let left = size.saturating_sub(self.counted.load(Ordering::Relaxed));
        self.progress.bytes(left);
        let Ok(mut hashing) = self.hash?.into_inner() else {
            return Some(Err("hashing was broken off".to_owned()));
        };
        if let Err(e) = hashing.up_to(size, self.bytes) {
            return Some(Err(e.to_string()));
        }
        let digest = hashing.state.finalize();
        let mut hex = String::with_capacity(64);
        for byte in digest {
            let _ = write!(hex, "{byte:02x}");
        }
        Some(Ok(hex))
    }

    fn count(&self, n: usize) {
        let n = n as u64;
        let before = self.counted.fetch_add(n, Ordering::Relaxed);
        // Damaged places are read twice.
        self.progress
            .bytes(n.min(self.bytes.size().saturating_sub(before)));
    }
}

impl Hashing {
    fn take(&mut self, offset: u64, bytes: &[u8]) {
        let known = usize::try_from(self.done.saturating_sub(offset)).unwrap_or(usize::MAX);
        if let Some(new) = bytes.get(known..).filter(|_| offset <= self.done) {
            self.state.update(new);
            self.done += new.len() as u64;
        }
    }

    fn up_to(&mut self, end: u64, bytes: &dyn ReadAt) -> io::Result<()> {
        let mut block = vec![0; BLOCK];
        while self.done < end {
            let left = usize::try_from(end - self.done).unwrap_or(BLOCK).min(BLOCK);
            let Some(buffer) = block.get_mut(..left) else {
                break;
            };
            let n = bytes.fill_at(self.done, buffer)?;
            if n == 0 {
                let (done, end) = (self.done, bytes.size());
                return Err(io::Error::other(format!(
                    "the file has become shorter while it was read: {done} of {end} bytes are there"
                )));
            }
            self.state.update(buffer.get(..n).unwrap_or_default());
            self.done += n as u64;
        }
        Ok(())
    }
}

impl ReadAt for Tap<'_> {
    fn size(&self) -> u64 {
        self.bytes.size()
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.stopped() {
            return Err(io::Error::other("stopped"));
        }
        let n = self.bytes.read_at(offset, buffer)?;
        if buffer.len() < WHOLE {
            return Ok(n);
        }
        self.count(n);
        // Another thread that is at it takes these bytes along.
        if let Some(mut hashing) = self.hash.as_ref().and_then(|h| h.try_lock().ok()) {
            if offset > hashing.done && offset - hashing.done <= CATCH_UP {
                // What cannot be read is told where it is needed.
                let _ = hashing.up_to(offset, self.bytes);
            }
            hashing.take(offset, buffer.get(..n).unwrap_or_default());
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::Silent;

    fn hex(bytes: &[u8]) -> String {
        Sha256::digest(bytes)
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect()
    }

    #[test]
    fn the_hash_is_that_of_the_file_whatever_was_read_of_it() {
        let bytes: Vec<u8> = (0..1_000_003_u32).map(|n| (n % 251) as u8).collect();
        let orders: [&[(u64, usize)]; 4] = [
            &[],
            &[(0, 65536), (4096, 65536), (69632, 65536)],
            &[(700_000, 65536), (0, 65536), (300_000, 500_000)],
            &[(990_000, 65536), (5, 8)],
        ];
        for reads in orders {
            let tap = Tap::new(&bytes, &Silent, true);
            for (offset, n) in reads {
                let mut buffer = vec![0; *n];
                tap.read_at(*offset, &mut buffer).expect("reads");
            }
            assert_eq!(tap.finish(), Some(Ok(hex(&bytes))));
        }
    }

    #[test]
    fn a_file_that_shrank_has_no_hash() {
        struct Shrunk;
        impl ReadAt for Shrunk {
            fn size(&self) -> u64 {
                1000
            }
            fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
                [7u8; 100].read_at(offset, buffer)
            }
        }
        let hash = Tap::new(&Shrunk, &Silent, true).finish();
        let why = hash.expect("wanted").expect_err("no hash");
        assert!(why.contains("100 of 1000 bytes"), "{why}");
    }
}
