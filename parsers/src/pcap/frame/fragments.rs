//! IP fragments that wait for the rest of their packet.
//!
//! The pool below keeps what it is given until the packet is complete, and a buffer of up to 64 KiB for each packet begun:
//! a capture of a few megabytes full of first fragments would take gigabytes. So it is emptied by age and by number, and
//! what is dropped is counted.

use std::collections::BTreeMap;

use etherparse::SlicedPacket;
use etherparse::defrag::{IpDefragPayloadVec, IpDefragPool};

use crate::time::Timestamp;

/// How long a fragment waits. RFC 8200 §4.5 lets a receiver give up after 60 s.
const PATIENCE: i64 = 60_000_000_000;
/// Fragments that wait, at most; each may hold 64 KiB. Networks that fragment deliver the pieces of a packet within a few
/// frames.
const MOST: usize = 1024;

/// The fragments of a capture.
pub(super) struct Fragments {
    pool: IpDefragPool<Timestamp, u8>,
    /// How many came at each moment since they were last looked through.
    came: BTreeMap<i64, usize>,
    held: usize,
    looked: Timestamp,
    /// Fragments that were dropped because there were too many.
    pub(super) dropped: u64,
}

impl Fragments {
    pub(super) fn new() -> Self {
        Self {
            pool: IpDefragPool::new(),
            came: BTreeMap::new(),
            held: 0,
            looked: Timestamp(i64::MIN),
            dropped: 0,
        }
    }

    /// Takes a fragment; returns the packet that it completes. `depth`: tunnels around it, each with packets of its own.
    pub(super) fn take(
        &mut self,
        bytes: &[u8],
        time: Timestamp,
        depth: u8,
    ) -> Option<IpDefragPayloadVec> {
        if self.held >= MOST || time.since(self.looked) > PATIENCE {
            self.look_through(time);
        }
        // A cut fragment cannot complete its packet; the strict reader refuses it.
        let strict = SlicedPacket::from_ip(bytes).ok()?;
        *self.came.entry(time.0).or_default() += 1;
        self.held += 1;
        self.pool.process_sliced_packet(&strict, time, depth).ok()?
    }

    /// Drops what waited too long, and if there is too much the older half; all of it when it came in one moment.
    fn look_through(&mut self, now: Timestamp) {
        let mut floor = now.plus(-PATIENCE).0;
        if self.held >= MOST {
            let mut newest = 0;
            for (moment, count) in self.came.iter().rev() {
                newest += count;
                if newest > MOST / 2 {
                    floor = floor.max(*moment);
                    break;
                }
            }
            let behind: usize = self.came.range(..=floor).map(|(_, n)| n).sum();
            self.dropped += behind as u64;
        }
        self.came.retain(|moment, _| *moment > floor);
        self.held = self.came.values().sum();
        // Not the pool's own way to forget, which keeps the buffers for later: a flood would stay in memory.
        if self.held == 0 {
            self.pool = IpDefragPool::new();
        } else {
            self.pool.retain(|moment| moment.0 > floor);
        }
        self.looked = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 fragment of a packet of its own, far into it.
    fn fragment(id: u16) -> Vec<u8> {
        let [high, low] = id.to_be_bytes();
        let head = [
            0x45, 0, 0, 28, high, low, 0x3f, 0xf0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ];
        [&head[..], &[0; 8]].concat()
    }

    #[test]
    fn a_flood_of_first_fragments_is_dropped() {
        let mut fragments = Fragments::new();
        for n in 0..20_000_u16 {
            // All in one moment, then one a millisecond.
            let time = Timestamp(i64::from(n.saturating_sub(10_000)) * 1_000_000);
            assert!(fragments.take(&fragment(n), time, 0).is_none());
            assert!(fragments.held <= MOST);
        }
        assert!(fragments.dropped > 18_000, "{}", fragments.dropped);
    }
}
