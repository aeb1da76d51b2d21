//! IP fragments that wait for the rest of their packet.
//!
//! The pool below keeps what it is given until the packet is complete, and a buffer of up to 64 KiB for each packet begun:
//! a capture of a few megabytes full of first fragments would take gigabytes. So it is emptied by age and by number, and
//! what is dropped is counted.
//!
//! Pieces that overlap are a way to show one packet to the capture and another to the receiver. Receivers drop such packets (RFC
//! 5722; Windows does so for IPv4, too), so only the first copy of each byte is taken, and a piece that lies across others
//! is none at all.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::IpAddr;

use etherparse::defrag::{IpDefragPayloadVec, IpDefragPool};
use etherparse::{Ipv6ExtensionSlice, NetSlice, SlicedPacket};

use crate::time::Timestamp;

/// How long a fragment waits. RFC 8200 §4.5 lets a receiver give up after 60 s.
const PATIENCE: i64 = 60_000_000_000;
/// Fragments that wait, at most; each may hold 64 KiB. Networks that fragment deliver the pieces of a packet within a few
/// frames.
const MOST: usize = 1024;

/// What the pieces of one packet have in common: addresses, identification, protocol, tunnels around it.
type Packet = (IpAddr, IpAddr, u32, u8, u8);

/// A piece of a packet.
#[derive(Clone, Copy)]
struct Piece {
    of: Packet,
    /// First byte, and the one behind the last.
    from: usize,
    to: usize,
    /// Of its bytes.
    hash: u64,
}

/// Pieces of one packet that were taken.
struct Begun {
    newest: Timestamp,
    pieces: Vec<(usize, usize, u64)>,
}

/// The fragments of a capture.
pub(super) struct Fragments {
    pool: IpDefragPool<Timestamp, u8>,
    begun: HashMap<Packet, Begun>,
    /// How many came at each moment since they were last looked through.
    came: BTreeMap<i64, usize>,
    held: usize,
    looked: Timestamp,
    /// Fragments that were dropped because there were too many.
    pub(super) dropped: u64,
    /// Fragments that say otherwise what earlier ones said, or lie across them.
    pub(super) contradicting: u64,
}

impl Fragments {
    pub(super) fn new() -> Self {
        Self {
            pool: IpDefragPool::new(),
            begun: HashMap::new(),
            came: BTreeMap::new(),
            held: 0,
            looked: Timestamp(i64::MIN),
            dropped: 0,
            contradicting: 0,
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
        let piece = piece(&strict, depth)?;
        let of = piece.of;
        if !self.is_new(piece, time) {
            return None;
        }
        *self.came.entry(time.0).or_default() += 1;
        self.held += 1;
        let whole = self.pool.process_sliced_packet(&strict, time, depth).ok()?;
        if whole.is_some() {
            self.begun.remove(&of);
        }
        whole
    }

    /// Whether nothing of a piece was there before.
    fn is_new(&mut self, piece: Piece, time: Timestamp) -> bool {
        let begun = self.begun.entry(piece.of).or_insert_with(|| Begun {
            newest: time,
            pieces: Vec::new(),
        });
        let this = (piece.from, piece.to, piece.hash);
        let mut overlapped = begun
            .pieces
            .iter()
            .filter(|(from, to, _)| *from < piece.to && piece.from < *to);
        if let Some(earlier) = overlapped.next() {
            // A capture that sees each packet twice has copies.
            let copy = *earlier == this;
            self.contradicting += u64::from(!copy);
            return false;
        }
        begun.newest = time;
        begun.pieces.push(this);
        true
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
            self.begun = HashMap::new();
        } else {
            self.pool.retain(|moment| moment.0 > floor);
            self.begun.retain(|_, b| b.newest.0 > floor);
        }
        self.looked = now;
    }
}

/// Where a fragment stands in its packet; none for what is no fragment.
fn piece(packet: &SlicedPacket<'_>, depth: u8) -> Option<Piece> {
    let (of, offset, bytes) = match packet.net.as_ref()? {
        NetSlice::Ipv4(v4) => {
            let head = v4.header();
            let of = (
                IpAddr::V4(head.source_addr()),
                IpAddr::V4(head.destination_addr()),
                u32::from(head.identification()),
                v4.payload().ip_number.0,
                depth,
            );
            (of, head.fragments_offset(), v4.payload().payload)
        }
        NetSlice::Ipv6(v6) => {
            let fragment = v6.extensions().clone().into_iter().find_map(|e| match e {
                Ipv6ExtensionSlice::Fragment(fragment) => Some(fragment.to_header()),
                _ => None,
            })?;
            let of = (
                IpAddr::V6(v6.header().source_addr()),
                IpAddr::V6(v6.header().destination_addr()),
                fragment.identification,
                v6.payload().ip_number.0,
                depth,
            );
            (of, fragment.fragment_offset, v6.payload().payload)
        }
        NetSlice::Arp(_) => return None,
    };
    let from = usize::from(offset.byte_offset());
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    Some(Piece {
        of,
        from,
        to: from + bytes.len(),
        hash: hasher.finish(),
    })
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

    /// Eight bytes of packet 7, the last ones if nothing is to follow.
    fn piece_of_seven(offset: u8, more: bool, fill: u8) -> Vec<u8> {
        let more = if more { 0x20 } else { 0 };
        let head = [
            0x45, 0, 0, 28, 0, 7, more, offset, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ];
        [&head[..], &[fill; 8]].concat()
    }

    #[test]
    fn the_first_copy_is_taken_and_another_one_counted() {
        let mut fragments = Fragments::new();
        let mut take = |offset, more, fill| {
            let whole = fragments.take(&piece_of_seven(offset, more, fill), Timestamp(1), 0);
            (whole.map(|w| w.payload), fragments.contradicting)
        };
        assert_eq!(take(0, true, 1), (None, 0));
        // The same once more is a copy, other bytes are a lie.
        assert_eq!(take(0, true, 1), (None, 0));
        assert_eq!(take(0, true, 9), (None, 1));
        let whole = [[1; 8], [2; 8]].concat();
        assert_eq!(take(1, false, 2), (Some(whole), 1));
        // Its number is free again.
        assert_eq!(take(0, true, 3).0, None);
        assert_eq!(take(1, false, 4), (Some([[3; 8], [4; 8]].concat()), 1));
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
