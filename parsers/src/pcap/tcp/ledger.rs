//! What one end sent and has not yet had acknowledged, and what of it never came by.

use crate::pcap::frame::packet::Segment;
use crate::time::Timestamp;

/// Unacknowledged segments remembered per end. A full window of 64 KiB in MSS-sized pieces is 45; what is forgotten beyond
/// that only misses from the loss figures.
const MOST_OUTSTANDING: usize = 96;
/// Holes remembered per end; more at once means that most of the traffic is missing anyway.
const MOST_HOLES: usize = 32;
/// Sent so often without acknowledgement, a segment counts as lost and not as in flight.
pub(crate) const SENT_IN_VAIN: u32 = 3;

/// `a` before `b` in sequence space, which wraps (RFC 9293 §3.4).
pub(crate) fn before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b) > 0x8000_0000
}

/// A segment that was sent and not yet acknowledged.
#[derive(Clone, Copy)]
struct Outstanding {
    seq: u32,
    end: u32,
    sent: u32,
    first: Timestamp,
}

impl Outstanding {
    fn length(&self) -> u32 {
        self.end.wrapping_sub(self.seq)
    }
}

/// Bytes behind which others were already seen.
#[derive(Clone, Copy)]
pub(crate) struct Hole {
    from: u32,
    to: u32,
    pub since: Timestamp,
}

/// The books of one end.
#[derive(Clone, Default)]
pub(crate) struct Ledger {
    outstanding: Vec<Outstanding>,
    holes: Vec<Hole>,
    /// Longest piece that was acknowledged; with segmentation offload longer than a segment.
    pub largest_acknowledged: u32,
    /// Bytes in holes that the other end acknowledged nevertheless: the capture lost them.
    pub not_captured: u64,
}

impl Ledger {
    /// New bytes went out.
    pub(crate) fn sent(&mut self, seq: u32, end: u32, first: Timestamp) {
        if self.outstanding.len() >= MOST_OUTSTANDING {
            self.outstanding.remove(0);
        }
        self.outstanding.push(Outstanding {
            seq,
            end,
            sent: 1,
            first,
        });
    }

    /// Bytes went out once more.
    pub(crate) fn repeated(&mut self, seq: u32, end: u32) {
        for o in &mut self.outstanding {
            if before(o.seq, end) && before(seq, o.end) {
                o.sent += 1;
            }
        }
    }

    /// Bytes were passed over.
    pub(crate) fn skipped(&mut self, from: u32, to: u32, since: Timestamp) {
        if self.holes.len() < MOST_HOLES {
            self.holes.push(Hole { from, to, since });
        }
    }

    /// Removes the hole that these bytes fill, leaving what they do not cover.
    pub(crate) fn fill(&mut self, seq: u32, end: u32) -> Option<Hole> {
        let at = self
            .holes
            .iter()
            .position(|h| before(h.from, end) && before(seq, h.to))?;
        let hole = self.holes.swap_remove(at);
        if before(hole.from, seq) {
            self.holes.push(Hole { to: seq, ..hole });
        }
        if before(end, hole.to) {
            self.holes.push(Hole { from: end, ..hole });
        }
        Some(hole)
    }

    /// The other end acknowledged all before `segment.ack`, and selectively its SACK blocks.
    pub(crate) fn acknowledged(&mut self, segment: &Segment<'_>) {
        let ack = segment.ack;
        let lost = &mut self.not_captured;
        self.holes.retain(|h| {
            let open = before(ack, h.to);
            if !open {
                *lost += u64::from(h.to.wrapping_sub(h.from));
            }
            open
        });
        let largest = &mut self.largest_acknowledged;
        let selected = |o: &Outstanding| {
            segment
                .sack
                .iter()
                .flatten()
                .any(|(left, right)| !before(o.seq, *left) && !before(*right, o.end))
        };
        self.outstanding.retain(|o| {
            let done = !before(ack, o.end) || selected(o);
            if done {
                *largest = (*largest).max(o.length());
            }
            !done
        });
    }

    /// Where the acknowledgements were not captured: all before what the sender is stuck at must have arrived, for a sender
    /// repeats the oldest first; all of it, if it is not stuck. What is missing then, the capture lost, unless the sender
    /// itself went back to its beginning (`missed`) when it gave up: then it never arrived at the other end either.
    pub(crate) fn assume(&mut self, stuck: Option<u32>, missed: Option<u32>) {
        self.holes.retain(|h| Some(h.from) == missed);
        let largest = &mut self.largest_acknowledged;
        self.outstanding.retain(|o| {
            let arrived = stuck.is_none_or(|seq| before(o.seq, seq));
            if arrived {
                *largest = (*largest).max(o.length());
            }
            !arrived
        });
    }

    /// Bytes that others followed and that never came.
    pub(crate) fn hole_bytes(&self) -> u64 {
        self.holes
            .iter()
            .map(|h| u64::from(h.to.wrapping_sub(h.from)))
            .sum()
    }

    /// Largest segment that was sent in vain; where only the hole is visible that it left, the hole.
    pub(crate) fn largest_lost(&self) -> u32 {
        let in_vain = self
            .outstanding
            .iter()
            .filter(|o| o.sent >= SENT_IN_VAIN)
            .map(Outstanding::length)
            .max();
        let hole = self.holes.iter().map(|h| h.to.wrapping_sub(h.from)).max();
        in_vain.max(hole).unwrap_or(0)
    }

    /// The oldest segment without acknowledgement: when it was sent first, and how many times in all.
    pub(crate) fn oldest(&self) -> Option<(Timestamp, u32)> {
        self.outstanding
            .iter()
            .min_by_key(|o| o.first)
            .map(|o| (o.first, o.sent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcap::frame::packet::Flags;

    fn ack(ack: u32, sack: Option<(u32, u32)>) -> Segment<'static> {
        Segment {
            source_port: 1,
            destination_port: 2,
            seq: 0,
            ack,
            flags: Flags(0x10),
            window: 100,
            mss: None,
            sack: [sack, None, None, None],
            payload: &[],
            length: 0,
        }
    }

    #[test]
    fn sequence_numbers_wrap() {
        assert!(before(u32::MAX, 3) && !before(3, u32::MAX) && !before(7, 7));
    }

    #[test]
    fn a_black_hole_loses_the_large_and_acknowledges_the_small() {
        let mut ledger = Ledger::default();
        ledger.sent(0, 1460, Timestamp(0));
        ledger.sent(1460, 1600, Timestamp(1));
        ledger.repeated(0, 1460);
        ledger.acknowledged(&ack(0, Some((1460, 1600))));
        ledger.repeated(0, 1460);
        assert_eq!(
            (ledger.largest_acknowledged, ledger.largest_lost()),
            (140, 1460)
        );
        assert_eq!(ledger.oldest(), Some((Timestamp(0), 3)));
    }

    #[test]
    fn without_acknowledgements_repetitions_tell_what_arrived() {
        let mut ledger = Ledger::default();
        ledger.sent(0, 19, Timestamp(0));
        ledger.sent(19, 1479, Timestamp(1));
        ledger.repeated(19, 1479);
        ledger.repeated(19, 1479);
        let mut moved_on = ledger.clone();
        ledger.assume(Some(19), None);
        assert_eq!(
            (ledger.largest_acknowledged, ledger.largest_lost()),
            (19, 1460)
        );
        moved_on.assume(None, None);
        assert_eq!((moved_on.largest_lost(), moved_on.oldest()), (0, None));
    }

    #[test]
    fn a_hole_is_filled_in_parts_or_lost_by_the_capture() {
        let mut ledger = Ledger::default();
        ledger.skipped(100, 300, Timestamp(0));
        assert!(ledger.fill(150, 200).is_some());
        assert_eq!(ledger.hole_bytes(), 150);
        ledger.acknowledged(&ack(300, None));
        assert_eq!((ledger.hole_bytes(), ledger.not_captured), (0, 150));
    }
}
