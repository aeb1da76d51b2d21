//! One end of a TCP connection, judged by what it sent and what came back for it.

use super::ledger::{Ledger, SENT_IN_VAIN, before};
use crate::pcap::frame::packet::{Packet, Segment};
use crate::time::Timestamp;

/// A hole filled sooner than this was reordering, later it was a repetition (the usual threshold of analysers).
const REORDERING: i64 = 3_000_000;
/// Identical frames closer than this are one frame captured twice: with an IP identification, which a repetition does not
/// keep, and without.
const SEEN_TWICE_WITH_ID: i64 = 1_000_000_000;
const SEEN_TWICE: i64 = 1_000_000;
/// Frames that may lie between a frame and its copy, where a mirror shows a burst on its way in and then on its way out.
const REMEMBERED_FRAMES: usize = 8;
/// Bytes that may be on their way and not acknowledged: sixteen times the largest window that Windows opens by itself.
const LARGEST_FLIGHT: u32 = 1 << 24;
/// Steps of the IP identification that count as counting up.
const SMALL_STEP: u16 = 64;

/// TTLs this far apart do not come from one machine by a changed route.
pub(crate) const TTL_STEP: u8 = 2;
/// Packets with another TTL that make one foreign. A proxy that answers the SYN for a server has a TTL of its own, so that one
/// or two prove nothing.
const FOREIGN_AFTER: u32 = 3;

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

/// Whether a segment is news.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The same frame, captured once more: to be ignored.
    Twice,
    /// Anything else.
    Once,
}

/// One end of a connection.
#[derive(Clone, Default)]
pub(crate) struct Endpoint {
    pub packets: u32,
    /// Segments with payload, repetitions included.
    pub segments: u32,
    /// Payload bytes, without repetitions.
    pub bytes: u64,
    pub retransmissions: u32,
    pub out_of_order: u32,
    pub keepalives: u32,
    /// Of these, the last ones that nothing came back for.
    pub unanswered_keepalives: u32,
    /// When the other end last acknowledged something new, before anybody closed.
    pub advanced: Option<Timestamp>,
    pub zero_windows: u32,
    pub duplicate_acks: u32,
    pub duplicate_frames: u32,
    /// Bytes behind the last one seen that the other end acknowledged and the capture lacks.
    unseen_tail: u64,
    /// Longest run of repetitions of the same sequence number.
    pub backoff: u32,
    pub mss: Option<u16>,
    /// Initial sequence number, from SYN.
    pub isn: Option<u32>,
    /// Sequence number behind all that was sent.
    pub next: Option<u32>,
    /// What the other end acknowledged of it, first and last.
    pub first_acked: Option<u32>,
    pub acked: Option<u32>,
    /// The last acknowledgement of something new was one of a single byte: hardly data, but what a FIN counts as.
    pub one_more: bool,
    pub first_ttl: Option<u8>,
    /// TTLs of packets that are no RST: value, count.
    ttls: [(u8, u32); 4],
    /// Last IPv4 identification, and how often it grew in small steps.
    pub last_id: Option<u16>,
    pub small_steps: u32,
    /// When it was last heard, RSTs not counted.
    pub heard: Option<Timestamp>,
    pub ledger: Ledger,
    /// Sequence number repeated last, and how often in a row.
    run: (u32, u32),
    /// The same, of what was repeated since it sent anything new.
    stuck: (u32, u32),
    /// The frames sent last, the newest overwriting the oldest.
    prints: [Option<(Print, Timestamp)>; REMEMBERED_FRAMES],
    prints_made: usize,
    last_ack: Option<(u32, u16)>,
}

impl Endpoint {
    /// Takes note of a segment that this end sent. `rtt`: round trip of the connection in nanoseconds, 0 if unknown.
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

    /// A mirror port or an "any" interface shows a frame twice, the second time perhaps one hop later.
    fn is_repeated_frame(&mut self, packet: &Packet<'_>, segment: &Segment<'_>) -> bool {
        let print = Print {
            id: packet.id.filter(|id| *id != 0),
            seq: segment.seq,
            ack: segment.ack,
            flags: segment.flags.0,
            window: segment.window,
            length: segment.length,
        };
        // Without an identification, a bare acknowledgement may well be sent twice in a row.
        let telling =
            print.id.is_some() || print.length > 0 || segment.flags.syn() || segment.flags.fin();
        let patience = if print.id.is_some() {
            SEEN_TWICE_WITH_ID
        } else {
            SEEN_TWICE
        };
        let twice = telling
            && self
                .prints
                .iter()
                .flatten()
                .any(|(old, time)| *old == print && packet.time.since(*time) < patience);
        if !twice {
            if let Some(slot) = self.prints.get_mut(self.prints_made % REMEMBERED_FRAMES) {
                *slot = Some((print, packet.time));
            }
            self.prints_made += 1;
        }
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
            .is_some_and(|last| (1..=SMALL_STEP).contains(&id.wrapping_sub(last)))
        {
            self.small_steps += 1;
        }
        self.last_id = Some(id);
    }

    /// Whether a segment with this sequence number is among what it sent lately.
    pub(crate) fn has_sent(&self, seq: u32) -> bool {
        let next = self.next.or(self.isn);
        next.is_some_and(|next| next.wrapping_sub(seq) <= LARGEST_FLIGHT)
    }

    /// TTL that most of its packets had.
    pub(crate) fn usual_ttl(&self) -> Option<u8> {
        self.ttls
            .iter()
            .filter(|(_, n)| *n > 0)
            .max_by_key(|(_, n)| *n)
            .map(|(t, _)| *t)
    }

    /// Whether a packet with this TTL hardly comes from here: several had another one, far from it, and none had this.
    pub(crate) fn is_foreign_ttl(&self, ttl: u8) -> bool {
        let most = self.ttls.iter().max_by_key(|(_, n)| *n);
        most.is_some_and(|(usual, n)| *n >= FOREIGN_AFTER && usual.abs_diff(ttl) >= TTL_STEP)
            && !self.had_ttl(ttl)
    }

    /// Whether any packet that is no RST had this TTL.
    pub(crate) fn had_ttl(&self, ttl: u8) -> bool {
        self.ttls.iter().any(|(t, n)| *n > 0 && *t == ttl)
    }

    /// Counts bare acknowledgements that repeat the one before and tell by SACK that something is missing.
    fn note_ack(&mut self, segment: &Segment<'_>) {
        if !segment.flags.ack() || segment.flags.syn() || segment.flags.fin() {
            return;
        }
        let this = (segment.ack, segment.window);
        let bare = segment.length == 0 && self.next.is_none_or(|next| next == segment.seq);
        if bare && self.last_ack == Some(this) && segment.sack.iter().any(Option::is_some) {
            self.duplicate_acks += 1;
        }
        self.last_ack = Some(this);
    }

    /// Whether this segment only asks if the other end is still there: nothing new, one byte back (RFC 9293 §3.8.4).
    pub(crate) fn is_keepalive(next: u32, segment: &Segment<'_>) -> bool {
        segment.length <= 1 && segment.seq.wrapping_add(1) == next && !segment.flags.controls()
    }

    fn note_data(&mut self, time: Timestamp, segment: &Segment<'_>, rtt: i64) {
        let (seq, end) = (segment.seq, segment.end());
        let next = *self.next.get_or_insert(seq);
        if Self::is_keepalive(next, segment) {
            self.keepalives += 1;
            self.unanswered_keepalives += 1;
            return;
        }
        if end == seq {
            return;
        }
        if segment.length > 0 {
            self.segments += 1;
        }
        if before(next, end) {
            self.new_bytes(next, time, segment);
        } else if let Some(hole) = self.ledger.fill(seq, end) {
            self.bytes += u64::from(segment.length);
            self.ledger.sent(seq, end, time);
            if time.since(hole.since) < REORDERING.max(rtt / 2) {
                self.out_of_order += 1;
            } else {
                self.repeated(seq, end);
            }
        } else {
            self.repeated(seq, end);
        }
    }

    /// Bytes beyond all before, perhaps behind a hole or after a repeated beginning.
    fn new_bytes(&mut self, next: u32, time: Timestamp, segment: &Segment<'_>) {
        let (seq, end) = (segment.seq, segment.end());
        if before(next, seq) {
            self.ledger.skipped(next, seq, time);
        } else if before(seq, next) && segment.length > 0 {
            self.repeated(seq, next);
        }
        let fresh = if before(seq, next) { next } else { seq };
        // SYN and FIN count in sequence space and are no bytes.
        self.bytes += u64::from(end.wrapping_sub(fresh).min(segment.length));
        self.ledger.sent(fresh, end, time);
        self.next = Some(end);
        self.stuck.1 = 0;
    }

    fn repeated(&mut self, seq: u32, end: u32) {
        self.retransmissions += 1;
        self.ledger.repeated(seq, end);
        let longer = |run: (u32, u32)| (seq, if run.0 == seq { run.1 + 1 } else { 1 });
        self.run = longer(self.run);
        self.stuck = longer(self.stuck);
        self.backoff = self.backoff.max(self.run.1);
    }

    /// Balances the books of an end whose peer was not captured. `gave_up_at`: the sequence number of its own reset, which is
    /// that of the oldest byte that nobody acknowledged if it stands before others.
    pub(crate) fn settle(&mut self, gave_up_at: Option<u32>) {
        let stuck = (self.stuck.1 + 1 >= SENT_IN_VAIN).then_some(self.stuck.0);
        let behind = gave_up_at.filter(|seq| self.next.is_some_and(|next| before(*seq, next)));
        self.ledger.assume(stuck.or(behind), behind);
    }

    /// Bytes of it that the other end acknowledged, whether or not they were captured; a FIN counts as one.
    pub(crate) fn arrived(&self) -> Option<u32> {
        Some(self.acked?.wrapping_sub(self.first_acked?))
    }

    /// Takes note of an acknowledgement that the other end sent; whether it is of something new.
    pub(crate) fn acknowledged(&mut self, segment: &Segment<'_>) -> bool {
        let ack = segment.ack;
        if !segment.flags.rst() {
            self.unanswered_keepalives = 0;
        }
        if !segment.flags.ack() || segment.flags.rst() || self.acked.is_some_and(|a| before(ack, a))
        {
            return false;
        }
        self.first_acked.get_or_insert(ack);
        let step = self.acked.map(|a| ack.wrapping_sub(a)).filter(|n| *n > 0);
        if let Some(step) = step {
            self.one_more = step == 1;
        }
        self.acked = Some(ack);
        // Acknowledged and never seen: the capture lost it. Nonsense beyond any window says nothing.
        if let Some(next) = self
            .next
            .filter(|next| before(*next, ack) && ack.wrapping_sub(*next) < 1 << 30)
        {
            self.unseen_tail += u64::from(ack.wrapping_sub(next));
            self.next = Some(ack);
        }
        self.ledger.acknowledged(segment);
        step.is_some()
    }

    /// Bytes that the other end acknowledged and the capture lacks.
    pub(crate) fn gap_bytes(&self) -> u64 {
        self.unseen_tail + self.ledger.not_captured
    }
}
