//! One end of a TCP connection, judged by what it sent and what came back for it.

use super::packet::{Packet, Segment};
use crate::time::Timestamp;

/// Unacknowledged segments remembered per end. A full window of 64 KiB in MSS-sized pieces is 45; what is forgotten beyond
/// that only misses from the loss figures.
const MOST_OUTSTANDING: usize = 96;
/// Holes remembered per end; more at once means that most of the traffic is missing anyway.
const MOST_HOLES: usize = 32;
/// A hole filled sooner than this was reordering, later it was a repetition (the usual threshold of analysers).
const REORDERING: i64 = 3_000_000;
/// Two identical frames closer than this are one frame seen twice, where the IP identification cannot tell.
const SEEN_TWICE: i64 = 1_000_000;

/// Which end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Side {
    Client,
    Server,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

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

/// Bytes behind which others were already seen.
#[derive(Clone, Copy)]
struct Hole {
    from: u32,
    to: u32,
    since: Timestamp,
}

/// What identifies a frame that was captured twice.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Print {
    id: Option<u16>,
    seq: u32,
    ack: u32,
    flags: u8,
    window: u16,
    length: u32,
}

/// What a segment turned out to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The same frame, captured once more: to be ignored.
    Twice,
    /// Anything else.
    Once,
}

/// One end of a connection.
#[derive(Default)]
pub(crate) struct Endpoint {
    pub packets: u32,
    /// Segments with payload, repetitions included.
    pub segments: u32,
    /// Payload bytes, without repetitions.
    pub bytes: u64,
    pub retransmissions: u32,
    pub out_of_order: u32,
    pub keepalives: u32,
    pub zero_windows: u32,
    pub duplicate_acks: u32,
    pub duplicate_frames: u32,
    /// Bytes that the other end acknowledged and the capture lacks.
    pub gap_bytes: u64,
    /// Longest run of repetitions of the same sequence number.
    pub backoff: u32,
    pub largest_acked: u32,
    pub mss: Option<u16>,
    /// Initial sequence number, from SYN.
    pub isn: Option<u32>,
    /// Sequence number behind all that was sent.
    pub next: Option<u32>,
    /// What the other end acknowledged of it.
    pub acked: Option<u32>,
    /// Most frequent TTLs of packets that are no RST: value, count.
    ttls: [(u8, u32); 4],
    /// Last IPv4 identification and how often it grew in small steps.
    pub last_id: Option<u16>,
    pub small_steps: u32,
    pub first_ttl: Option<u8>,
    /// When it was last heard, RSTs not counted.
    pub heard: Option<Timestamp>,
    pub first_data: Option<Timestamp>,
    outstanding: Vec<Outstanding>,
    holes: Vec<Hole>,
    run: (u32, u32),
    last: Option<(Print, Timestamp)>,
    last_ack: Option<(u32, u16)>,
}

impl Endpoint {
    /// Takes note of a segment that this end sent.
    pub(crate) fn sent(&mut self, packet: &Packet<'_>, segment: &Segment<'_>, rtt: i64) -> Sent {
        if self.is_repeated_frame(packet, segment) {
            self.duplicate_frames += 1;
            return Sent::Twice;
        }
        self.packets += 1;
        if segment.flags.rst() {
            return Sent::Once; // may be forged: tells nothing about this end
        }
        self.heard = Some(packet.time);
        self.note_ttl(packet.ttl);
        self.note_id(packet.id);
        if segment.flags.syn() {
            self.isn = Some(segment.seq);
            self.mss = segment.mss.or(self.mss);
        } else if segment.window == 0 {
            self.zero_windows += 1;
        }
        self.note_ack(segment);
        self.note_data(packet.time, segment, rtt);
        Sent::Once
    }

    fn is_repeated_frame(&mut self, packet: &Packet<'_>, segment: &Segment<'_>) -> bool {
        let print = Print {
            id: packet.id.filter(|id| *id != 0),
            seq: segment.seq,
            ack: segment.ack,
            flags: segment.flags.0,
            window: segment.window,
            length: segment.length,
        };
        let twice = self.last.is_some_and(|(last, time)| {
            // Without an identification, a bare acknowledgement may well be sent twice in a row.
            let telling = print.id.is_some()
                || print.length > 0
                || segment.flags.syn()
                || segment.flags.fin();
            last == print
                && telling
                && packet.time.since(time)
                    < if print.id.is_some() {
                        1_000 * SEEN_TWICE
                    } else {
                        SEEN_TWICE
                    }
        });
        self.last = Some((print, packet.time));
        twice
    }

    fn note_ttl(&mut self, ttl: u8) {
        self.first_ttl = self.first_ttl.or(Some(ttl));
        if let Some(slot) = self.ttls.iter_mut().find(|(t, n)| *n > 0 && *t == ttl) {
            slot.1 += 1;
        } else if let Some(slot) = self.ttls.iter_mut().find(|(_, n)| *n == 0) {
            *slot = (ttl, 1);
        }
    }

    fn note_id(&mut self, id: Option<u16>) {
        let Some(id) = id.filter(|id| *id != 0) else {
            return;
        };
        if self
            .last_id
            .is_some_and(|last| (1..=64).contains(&id.wrapping_sub(last)))
        {
            self.small_steps += 1;
        }
        self.last_id = Some(id);
    }

    /// TTL that most of its packets had.
    pub(crate) fn usual_ttl(&self) -> Option<u8> {
        self.ttls
            .iter()
            .filter(|(_, n)| *n > 0)
            .max_by_key(|(_, n)| *n)
            .map(|(t, _)| *t)
    }

    /// Whether any packet that is no RST had this TTL.
    pub(crate) fn had_ttl(&self, ttl: u8) -> bool {
        self.ttls.iter().any(|(t, n)| *n > 0 && *t == ttl)
    }

    /// Counts bare acknowledgements that repeat the one before.
    fn note_ack(&mut self, segment: &Segment<'_>) {
        if !segment.flags.ack() || segment.flags.syn() || segment.flags.fin() {
            return;
        }
        let this = (segment.ack, segment.window);
        let bare = segment.length == 0 && self.next.is_none_or(|next| next == segment.seq);
        if bare && self.last_ack == Some(this) && segment.sack.first().is_some_and(Option::is_some)
        {
            self.duplicate_acks += 1;
        }
        self.last_ack = Some(this);
    }

    fn note_data(&mut self, time: Timestamp, segment: &Segment<'_>, rtt: i64) {
        let (seq, end) = (segment.seq, segment.end());
        let Some(next) = self.next else {
            self.next = Some(end);
            self.first_piece(time, segment);
            return;
        };
        // A probe that the other end is still there: nothing new, one byte back (RFC 9293 §3.8.4).
        if segment.length <= 1 && seq.wrapping_add(1) == next && segment.flags.0 & 0x07 == 0 {
            self.keepalives += 1;
            return;
        }
        if end == seq {
            return;
        }
        if segment.length > 0 {
            self.segments += 1;
            self.first_data = self.first_data.or(Some(time));
        }
        if before(next, end) {
            // New bytes, perhaps behind a hole or after a repeated beginning.
            if before(next, seq) {
                if self.holes.len() < MOST_HOLES {
                    self.holes.push(Hole {
                        from: next,
                        to: seq,
                        since: time,
                    });
                }
            } else if before(seq, next) && segment.length > 0 {
                self.repeated(seq, next);
            }
            let fresh = if before(seq, next) { next } else { seq };
            self.bytes += u64::from(end.wrapping_sub(fresh))
                .saturating_sub(u64::from(segment.flags.syn()) + u64::from(segment.flags.fin()));
            self.remember(fresh, end, time);
            self.next = Some(end);
            return;
        }
        let filled = self.fill(seq, end);
        match filled {
            Some(hole) => {
                self.bytes += u64::from(segment.length);
                self.remember(seq, end, time);
                if time.since(hole.since) < REORDERING.max(rtt / 2) {
                    self.out_of_order += 1;
                } else {
                    self.repeated(seq, end);
                }
            }
            None => self.repeated(seq, end),
        }
    }

    fn first_piece(&mut self, time: Timestamp, segment: &Segment<'_>) {
        if segment.length > 0 {
            self.segments += 1;
            self.bytes += u64::from(segment.length);
            self.first_data = Some(time);
            self.remember(segment.seq, segment.end(), time);
        }
    }

    fn remember(&mut self, seq: u32, end: u32, first: Timestamp) {
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

    fn repeated(&mut self, seq: u32, end: u32) {
        self.retransmissions += 1;
        for o in &mut self.outstanding {
            if before(o.seq, end) && before(seq, o.end) {
                o.sent += 1;
            }
        }
        self.run = if self.run.0 == seq {
            (seq, self.run.1 + 1)
        } else {
            (seq, 1)
        };
        self.backoff = self.backoff.max(self.run.1);
    }

    /// Removes the hole that these bytes fill, leaving what they do not cover.
    fn fill(&mut self, seq: u32, end: u32) -> Option<Hole> {
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

    /// Takes note of an acknowledgement that the other end sent.
    pub(crate) fn acknowledged(&mut self, segment: &Segment<'_>) {
        if !segment.flags.ack() || segment.flags.rst() {
            return;
        }
        let ack = segment.ack;
        if self.acked.is_some_and(|a| before(ack, a)) {
            return;
        }
        self.acked = Some(ack);
        if let Some(next) = self.next {
            if before(next, ack) && ack.wrapping_sub(next) < 1 << 30 {
                // Acknowledged and never seen: the capture lost it.
                self.gap_bytes += u64::from(ack.wrapping_sub(next));
                self.next = Some(ack);
            }
        }
        let gap = &mut self.gap_bytes;
        self.holes.retain(|h| {
            let keep = before(ack, h.to);
            if !keep {
                *gap += u64::from(h.to.wrapping_sub(h.from));
            }
            keep
        });
        let cap = u32::from(self.mss.unwrap_or(u16::MAX));
        let largest = &mut self.largest_acked;
        self.outstanding.retain(|o| {
            let whole = !before(ack, o.end)
                || segment
                    .sack
                    .iter()
                    .flatten()
                    .any(|(left, right)| !before(o.seq, *left) && !before(*right, o.end));
            if whole {
                *largest = (*largest).max(o.end.wrapping_sub(o.seq).min(cap));
            }
            !whole
        });
    }

    /// Bytes that others followed and that never came, at the time of asking.
    pub(crate) fn hole_bytes(&self) -> u64 {
        self.holes
            .iter()
            .map(|h| u64::from(h.to.wrapping_sub(h.from)))
            .sum()
    }

    /// Largest segment that was sent three times or more without an answer; where only the hole is visible, the piece of it
    /// that fits a segment.
    pub(crate) fn largest_lost(&self) -> u32 {
        let cap = u32::from(self.mss.unwrap_or(1460));
        let repeated = self
            .outstanding
            .iter()
            .filter(|o| o.sent >= 3)
            .map(|o| o.end.wrapping_sub(o.seq))
            .max()
            .unwrap_or(0);
        let hole = self
            .holes
            .iter()
            .map(|h| h.to.wrapping_sub(h.from))
            .max()
            .unwrap_or(0);
        repeated.max(hole).min(cap)
    }

    /// First unacknowledged sequence: when it was sent first, and how many times in all.
    pub(crate) fn unacknowledged(&self) -> Option<(Timestamp, u32)> {
        self.outstanding
            .iter()
            .min_by_key(|o| o.first)
            .map(|o| (o.first, o.sent))
    }
}
