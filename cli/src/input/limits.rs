//! How much an archive may make of itself. Evidence comes from strangers, and a file of 42 kB can unpack to petabytes.

use std::cell::Cell;
use std::io::{self, Read};

use thiserror::Error;

/// Archives inside archives, compressed streams counted as well. A collection tool's zip holds a zip per host, which may
/// hold a zip per volume; a tar.gz (two) is for the person who packed it all for the mail. Bombs nest deeper.
pub const MAX_DEPTH: u32 = 5;

/// Members of one archive. A full triage collection of one host has below 200,000 files.
pub const MAX_MEMBERS: u64 = 1_000_000;

/// Bytes unpacked in one run. Two hundred hosts with a Security log of 1 GiB each are below it; no disk is above it.
pub const MAX_UNPACKED: u64 = 256 << 30;

/// Bytes unpacked per byte of the outermost file. Event logs compress 10 to 40 times; deflate cannot exceed 1032.
pub const MAX_RATIO: u64 = 250;

/// Below this many bytes the ratio is not looked at: an event log that was just created is 68 KiB of zeros, and a sparse
/// one of 64 MiB holds nothing else; neither harms.
pub const RATIO_FLOOR: u64 = 256 << 20;

/// A key log of this size has secrets of about 80,000 connections; what is larger is something else.
pub const MAX_KEY_LOG: u64 = 16 << 20;

/// A limit that an archive ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Limit {
    /// See [`MAX_UNPACKED`].
    #[error("more than {} GiB would be unpacked in this run, the rest is left out", MAX_UNPACKED >> 30)]
    Unpacked,
    /// See [`MAX_RATIO`].
    #[error(
        "unpacks to more than {MAX_RATIO} times the size of its archive, as decompression bombs do"
    )]
    Ratio,
    /// See [`MAX_DEPTH`].
    #[error("lies more than {MAX_DEPTH} archives deep")]
    Depth,
    /// See [`MAX_MEMBERS`].
    #[error("has more than {MAX_MEMBERS} members, the rest is left out")]
    Members,
}

impl Limit {
    /// The limit that an I/O error carries through a decoder, if it does.
    pub fn of(error: &io::Error) -> Option<Self> {
        error
            .get_ref()
            .and_then(|e| e.downcast_ref::<Self>())
            .copied()
    }
}

/// What has been unpacked so far: in the whole run, and from the outermost file at hand.
#[derive(Debug, Default)]
pub struct Budget {
    run: Cell<u64>,
    outer: Cell<u64>,
    outer_size: Cell<u64>,
}

impl Budget {
    /// Starts the count of an outermost file of `size` bytes.
    pub fn open(&self, size: u64) {
        self.outer.set(0);
        self.outer_size.set(size);
    }

    /// Whether a limit was reached that ends the outermost file at hand.
    pub fn is_exhausted(&self) -> bool {
        self.run.get() > MAX_UNPACKED
            || self.outer.get() > RATIO_FLOOR.max(self.outer_size.get().saturating_mul(MAX_RATIO))
    }

    /// Counts `n` unpacked bytes.
    ///
    /// # Errors
    /// The limit that they exceed.
    fn spend(&self, n: u64) -> Result<(), Limit> {
        self.run.set(self.run.get().saturating_add(n));
        self.outer.set(self.outer.get().saturating_add(n));
        if self.run.get() > MAX_UNPACKED {
            return Err(Limit::Unpacked);
        }
        if self.is_exhausted() {
            Err(Limit::Ratio)
        } else {
            Ok(())
        }
    }
}

/// A reader of unpacked bytes that stops at the budget's limits.
pub struct Metered<'a, R> {
    /// The decoder.
    pub inner: R,
    /// Where its output counts.
    pub budget: &'a Budget,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.budget.spend(n as u64).map_err(io::Error::other)?;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_beyond_the_ratio_are_stopped() {
        let budget = Budget::default();
        budget.open(1000);
        let mut bomb = Metered {
            inner: io::repeat(0),
            budget: &budget,
        };
        let error = io::copy(&mut bomb, &mut io::sink()).expect_err("endless");
        assert_eq!(Limit::of(&error), Some(Limit::Ratio));
        assert!(budget.outer.get() <= RATIO_FLOOR + (1 << 20));
    }

    #[test]
    fn an_honest_archive_passes() {
        let budget = Budget::default();
        budget.open(10 << 20);
        let mut log = Metered {
            inner: io::repeat(0).take(400 << 20),
            budget: &budget,
        };
        assert_eq!(io::copy(&mut log, &mut io::sink()).ok(), Some(400 << 20));
    }
}
