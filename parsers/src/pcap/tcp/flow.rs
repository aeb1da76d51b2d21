//! One TCP connection of a capture.

use std::net::SocketAddr;

use super::claim::Claim;
use super::endpoint::{Endpoint, Sent};
use super::forgery::is_far;
use super::side::{Pair, Side};
use super::stream::Place;
use super::vigil::Vigil;
use crate::pcap::dialogue::Dialogue;
use crate::pcap::frame::packet::{Packet, Segment};
use crate::pcap::vocabulary::kind;
use crate::time::Timestamp;
use crate::tls::keylog::KeyLog;

/// Signs of the end that are kept; the first ones decide.
const MOST_SIGNALS: usize = 16;
/// Whoever takes a reset falls silent by then.
const HEEDED_WITHIN: i64 = 1_000_000_000;
/// A silence this long is remembered with its end.
const SILENCE: i64 = 1_000_000_000;

/// A FIN or RST.
#[derive(Clone)]
pub(crate) struct Signal {
    pub side: Side,
    pub place: Place,
    pub rst: bool,
    pub ttl: u8,
    pub id: Option<u16>,
    pub seq: u32,
    /// Sequence number behind all that this side had sent by then.
    pub next: Option<u32>,
    /// When this side was last heard before.
    pub heard: Option<Timestamp>,
    /// Whether anything of this side was heard since the other side's FIN.
    pub answered_fin: bool,
}

/// An ICMP error about this connection.
#[derive(Clone, Copy)]
pub(crate) struct Unreachable {
    pub place: Place,
    pub from: std::net::IpAddr,
    pub ttl: u8,
}

/// One connection.
#[derive(Clone)]
pub(crate) struct Flow {
    pub number: u64,
    pub client: SocketAddr,
    pub server: SocketAddr,
    pub ends: Pair<Endpoint>,
    pub opened: Place,
    pub last: Place,
    pub syn_count: u32,
    pub last_syn: Timestamp,
    pub syn_ack: Option<Place>,
    pub midstream: bool,
    pub established: Option<Place>,
    /// SYN-ACK to ACK plus SYN to SYN-ACK: the whole way there and back, whatever side was captured. Nanoseconds.
    pub rtt: Option<i64>,
    pub signals: Vec<Signal>,
    /// The FIN of an end that was not captured, where it was acknowledged.
    pub unseen_fin: Option<(Side, Place)>,
    pub idle_max: i64,
    pub too_big: bool,
    pub unreachable: Option<Unreachable>,
    /// Sides heard since the other side sent FIN.
    heard_since_fin: Pair<bool>,
    /// Client data that the server has not answered with data yet.
    pub unanswered_since: Option<Timestamp>,
    ack_at_confirm: Option<u32>,
    /// What repetitions tell stands for the acknowledgements that were not captured.
    pub settled: bool,
    pub dialogue: Option<Box<Dialogue>>,
    pub vigil: Vigil,
    /// A request to open it anew that nobody answered yet.
    pub claim: Option<Box<Claim>>,
}

impl Flow {
    pub(crate) fn new(
        number: u64,
        client: SocketAddr,
        server: SocketAddr,
        place: Place,
        midstream: bool,
    ) -> Self {
        Self {
            number,
            client,
            server,
            ends: Pair::default(),
            opened: place,
            last: place,
            syn_count: 0,
            last_syn: place.time,
            syn_ack: None,
            midstream,
            established: None,
            rtt: None,
            signals: Vec::new(),
            unseen_fin: None,
            idle_max: 0,
            too_big: false,
            unreachable: None,
            heard_since_fin: Pair::default(),
            unanswered_since: None,
            ack_at_confirm: None,
            settled: false,
            dialogue: None,
            vigil: Vigil::default(),
            claim: None,
        }
    }

    /// Which side sends from this address.
    pub(crate) fn side(&self, source: SocketAddr) -> Side {
        if source == self.client {
            Side::Client
        } else {
            Side::Server
        }
    }

    pub(crate) fn in_session(&self) -> bool {
        self.dialogue
            .as_ref()
            .is_some_and(|t| t.story.told(kind::SESSION_DATA_SEEN))
    }

    pub(crate) fn spoke_rdp(&self) -> bool {
        self.dialogue.as_ref().is_some_and(|t| t.spoke_rdp)
    }

    /// Whether it is a client's connection to a gateway.
    pub(crate) fn is_gateway(&self) -> bool {
        self.dialogue.as_ref().is_some_and(|d| d.is_gateway())
    }

    /// Whether it may turn out to be one.
    pub(crate) fn may_be_gateway(&self, keys: &KeyLog) -> bool {
        self.dialogue
            .as_ref()
            .is_some_and(|d| d.may_be_gateway(keys))
    }

    /// Signs of the end, without the resets that neither end took for one: both went on talking. A stranger who knows
    /// addresses and ports can send such a reset, but has to guess the sequence number.
    pub(crate) fn heeded(&self) -> impl Iterator<Item = &Signal> {
        self.signals.iter().filter(|s| !self.is_unheeded(s))
    }

    fn is_unheeded(&self, signal: &Signal) -> bool {
        let rtt = self.rtt.unwrap_or(0);
        // What was on its way still arrives. A reset that cannot have been taken needs less proof.
        let patience = if is_far(signal, &self.ends[signal.side]) {
            rtt
        } else {
            HEEDED_WITHIN.max(rtt.saturating_mul(2))
        };
        let until = signal.place.time.plus(patience);
        signal.rst && self.ends.all(|end| end.heard.is_some_and(|h| h > until))
    }

    /// The side that alone was captured.
    pub(crate) fn one_way(&self) -> Option<Side> {
        let refused = self.established.is_none() && !self.midstream;
        match (self.ends.client.packets, self.ends.server.packets) {
            (_, 0) if !refused => Some(Side::Client),
            (0, _) => Some(Side::Server),
            _ => None,
        }
    }

    /// No more packets come.
    pub(crate) fn settle(&mut self) {
        if let Some(side) = self.one_way() {
            let own = |s: &&Signal| s.rst && s.side == side;
            let gave_up_at = self.heeded().find(own).map(|s| s.seq);
            self.ends[side].settle(gave_up_at);
            self.settled = true;
        }
    }

    /// Whether both sides closed or one reset: only stragglers follow.
    pub(crate) fn is_over(&self) -> bool {
        self.heeded().any(|s| s.rst)
            || [Side::Client, Side::Server]
                .iter()
                .all(|side| self.signals.iter().any(|s| s.side == *side))
    }

    /// Whether both ends are in a connection, as far as was seen.
    pub(crate) fn is_alive(&self) -> bool {
        (self.established.is_some() || self.midstream) && !self.is_over()
    }

    /// Whether nothing but attempts to open it were seen.
    pub(crate) fn is_half_open(&self) -> bool {
        self.dialogue.is_none() && self.established.is_none() && !self.midstream
    }

    /// Takes a segment of this connection.
    pub(crate) fn segment(
        &mut self,
        side: Side,
        packet: &Packet<'_>,
        segment: &Segment<'_>,
        keys: &KeyLog,
    ) {
        let place = Place {
            frame: packet.frame,
            time: packet.time,
        };
        let heard = self.ends[side].heard;
        let doubted = self.ends[side].is_foreign_ttl(packet.ttl);
        let rtt = self.rtt.unwrap_or(0);
        if self.ends[side].sent(packet, segment, rtt) == Sent::Twice {
            return;
        }
        if self.ends[side.other()].acknowledged(segment) && self.signals.is_empty() {
            self.ends[side.other()].advanced = Some(place.time);
        }
        self.unseen_goodbye(side.other(), place);
        self.pass_time(place);
        self.handshake(side, place, segment);
        self.note_end(side, place, packet, segment, heard);
        self.unseen_client(side, segment, place);
        if segment.length > 0 && !segment.flags.rst() {
            self.data(side, place, (segment, doubted), keys);
        }
        // The segment that carries the confirm is where counting begins.
        self.unseen_client(side, segment, place);
    }

    /// The goodbye of an end that was not captured, in what the other acknowledges of it (RFC 9293 §3.4: a FIN counts as one
    /// byte).
    fn unseen_goodbye(&mut self, of: Side, place: Place) {
        let end = &self.ends[of];
        if end.packets > 0 || !end.one_more {
            self.unseen_fin = None;
        } else {
            self.unseen_fin.get_or_insert((of, place));
        }
    }

    fn pass_time(&mut self, place: Place) {
        let silence = place.time.since(self.last.time);
        if silence > SILENCE {
            self.idle_max = self.idle_max.max(silence);
        }
        self.last = place;
    }

    fn handshake(&mut self, side: Side, place: Place, segment: &Segment<'_>) {
        let flags = segment.flags;
        match (side, flags.syn(), flags.ack()) {
            (Side::Client, true, false) => {
                self.syn_count += 1;
                self.last_syn = place.time;
            }
            (Side::Server, true, true) => {
                self.syn_ack.get_or_insert(place);
            }
            (Side::Client, false, true)
                if self.established.is_none() && !flags.rst() && self.syn_ack.is_some() =>
            {
                self.established = Some(place);
                if self.syn_count == 1 {
                    self.rtt = Some(place.time.since(self.opened.time));
                }
            }
            // Data that way proves the same where the acknowledgement was not captured.
            (_, false, _) if self.established.is_none() && segment.length > 0 => {
                self.established = Some(place);
            }
            _ => {}
        }
    }

    fn note_end(
        &mut self,
        side: Side,
        place: Place,
        packet: &Packet<'_>,
        segment: &Segment<'_>,
        heard: Option<Timestamp>,
    ) {
        let flags = segment.flags;
        let repeated_fin = flags.fin() && self.signals.iter().any(|s| s.side == side && !s.rst);
        let ends = flags.rst() || flags.fin() && !repeated_fin;
        if ends && self.signals.len() == MOST_SIGNALS {
            // Whoever sends resets that nobody heeds must not use up the room for the true end.
            let kept = self.heeded().cloned().collect();
            self.signals = kept;
        }
        if ends && self.signals.len() < MOST_SIGNALS {
            self.signals.push(Signal {
                side,
                place,
                rst: flags.rst(),
                ttl: packet.ttl,
                id: packet.id,
                seq: segment.seq,
                next: self.ends[side].next,
                heard,
                answered_fin: self.heard_since_fin[side],
            });
        }
        if !flags.rst()
            && self
                .signals
                .iter()
                .any(|s| s.side == side.other() && !s.rst)
        {
            self.heard_since_fin[side] = true;
        }
    }

    fn data(&mut self, side: Side, place: Place, segment: (&Segment<'_>, bool), keys: &KeyLog) {
        match side {
            Side::Client => {
                self.unanswered_since.get_or_insert(place.time);
            }
            Side::Server => self.unanswered_since = None,
        }
        let acked = self.ends[side].acked;
        let begins = [Side::Client, Side::Server].map(|s| (s, self.ends[s].isn));
        let (number, midstream) = (self.number, self.midstream);
        let talk = self
            .dialogue
            .get_or_insert_with(|| Box::new(Dialogue::new(number, midstream)));
        for (s, isn) in begins {
            if let Some(isn) = isn {
                talk.begin(s, isn.wrapping_add(1));
            }
        }
        talk.payload(side, segment, place, acked, keys);
    }

    /// Follows a client that was not captured by what the server acknowledges.
    fn unseen_client(&mut self, side: Side, segment: &Segment<'_>, place: Place) {
        if side == Side::Client || self.ends.client.packets > 0 || !segment.flags.ack() {
            return;
        }
        let Some(talk) = self.dialogue.as_mut().filter(|t| t.selected.is_some()) else {
            return;
        };
        let from = *self.ack_at_confirm.get_or_insert(segment.ack);
        talk.unseen_client_bytes(segment.ack.wrapping_sub(from), place);
    }
}
