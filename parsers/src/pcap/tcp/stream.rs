//! One direction of a connection as bytes in order.
//!
//! First copy wins where segments overlap, as most stacks do it. Memory is bounded: what waits behind a hole longer than it
//! may is given out behind a gap of known length.

use super::ledger::before;
use crate::pcap::frame::packet::Segment;
use crate::time::Timestamp;

/// Bytes kept behind a hole. The handshakes of interest fit many times; a session's data behind a hole is only counted.
const MOST_WAITING: usize = 64 << 10;

/// The next piece of a stream.
pub(crate) enum Piece<'a> {
    Bytes(&'a [u8]),
    /// So many bytes are missing: cut by the snapshot length, or not captured.
    Gap(u32),
}

/// Where a piece was captured.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    pub frame: u64,
    pub time: Timestamp,
}

#[derive(Clone)]
struct Waiting {
    seq: u32,
    bytes: Vec<u8>,
    length: u32,
    place: Place,
}

/// One direction.
#[derive(Clone, Default)]
pub(crate) struct Stream {
    next: Option<u32>,
    waiting: Vec<Waiting>,
    held: usize,
}

impl Stream {
    /// The next expected byte, from a SYN; whether that was news.
    pub(crate) fn begin(&mut self, next: u32) -> bool {
        let first = self.next.is_none();
        self.next.get_or_insert(next);
        first
    }

    /// Takes a segment's payload and hands out what is in order now. `acked` is what the other end acknowledged so far: a
    /// hole below it will never be filled.
    pub(crate) fn push(
        &mut self,
        segment: &Segment<'_>,
        place: Place,
        acked: Option<u32>,
        sink: &mut dyn FnMut(Piece<'_>, Place),
    ) {
        let Segment {
            payload, length, ..
        } = *segment;
        // Data may ride on a SYN (RFC 7413), which counts one itself.
        let seq = segment.seq.wrapping_add(u32::from(segment.flags.syn()));
        if length == 0 {
            return;
        }
        let next = *self.next.get_or_insert(seq);
        if before(next, seq) {
            self.wait(seq, payload, length, place);
            if self.held > MOST_WAITING
                || self
                    .first_waiting()
                    .is_some_and(|first| acked.is_some_and(|a| !before(a, first)))
            {
                self.skip(sink);
            }
        } else {
            self.deliver(seq, payload, length, place, sink);
        }
        self.drain(sink);
    }

    /// Gives out what still waits, each behind its gap.
    pub(crate) fn finish(&mut self, sink: &mut dyn FnMut(Piece<'_>, Place)) {
        while !self.waiting.is_empty() {
            self.skip(sink);
            self.drain(sink);
        }
    }

    fn first_waiting(&self) -> Option<u32> {
        self.waiting.first().map(|w| w.seq)
    }

    fn wait(&mut self, seq: u32, payload: &[u8], length: u32, place: Place) {
        let at = self
            .waiting
            .iter()
            .position(|w| before(seq, w.seq))
            .unwrap_or(self.waiting.len());
        self.held += payload.len() + size_of::<Waiting>();
        self.waiting.insert(
            at,
            Waiting {
                seq,
                bytes: payload.to_vec(),
                length,
                place,
            },
        );
    }

    fn skip(&mut self, sink: &mut dyn FnMut(Piece<'_>, Place)) {
        let (Some(next), Some(first)) = (self.next, self.waiting.first()) else {
            return;
        };
        if before(next, first.seq) {
            sink(Piece::Gap(first.seq.wrapping_sub(next)), first.place);
            self.next = Some(first.seq);
        }
    }

    fn drain(&mut self, sink: &mut dyn FnMut(Piece<'_>, Place)) {
        while let (Some(next), Some(first)) = (self.next, self.waiting.first()) {
            if before(next, first.seq) {
                return;
            }
            let w = self.waiting.remove(0);
            self.held = self
                .held
                .saturating_sub(w.bytes.len() + size_of::<Waiting>());
            self.deliver(w.seq, &w.bytes, w.length, w.place, sink);
        }
    }

    fn deliver(
        &mut self,
        seq: u32,
        payload: &[u8],
        length: u32,
        place: Place,
        sink: &mut dyn FnMut(Piece<'_>, Place),
    ) {
        let Some(next) = self.next else { return };
        let known = next.wrapping_sub(seq);
        if known >= length {
            return;
        }
        self.next = Some(seq.wrapping_add(length));
        let fresh = payload.get(known as usize..).unwrap_or_default();
        if !fresh.is_empty() {
            sink(Piece::Bytes(fresh), place);
        }
        let missing = length - known - u32::try_from(fresh.len()).unwrap_or(0).min(length - known);
        if missing > 0 {
            sink(Piece::Gap(missing), place);
        }
    }
}
