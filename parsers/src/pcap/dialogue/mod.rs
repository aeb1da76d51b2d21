//! What the two ends say to each other: from bytes in order to the steps of an RDP connection.

mod data;
mod foreign;
mod framer;
mod gateway;
mod hello;
mod infer;
mod nla;
mod opened;
mod opening;
mod sequence;
mod shape;
pub(crate) mod story;
pub(crate) mod tls;

use super::frame::packet::Segment;
use super::tcp::side::{Pair, Side};
use super::tcp::stream::{Piece, Place, Stream};
use super::vocabulary::{field, kind};
use crate::rdp::nego::{self, Answer, protocol};
use crate::rdp::tpkt;
use crate::rdp::x224::{Tpdu, tpdu};
use crate::tls::keylog::KeyLog;
use data::DataCount;
use framer::{Framer, Pdu};
use gateway::Door;
use infer::Inference;
use opened::Opened;
use sequence::Sequence;
use shape::Shape;
use story::{Story, hex, printable};
use tls::{Meaning, Record, Tls};

/// Bytes behind the confirm that no other first message reaches: a ClientHello has at least this.
const CLIENT_HELLO_FLOOR: u32 = 40;

/// One direction.
#[derive(Clone)]
struct Lane {
    stream: Stream,
    /// Away while its bytes are worked on.
    framer: Option<Framer>,
    pdus: u32,
    /// All of its bytes were seen so far, from the first: what begins here is how it began.
    whole: bool,
}

/// One connection's dialogue.
#[derive(Clone)]
pub(crate) struct Dialogue {
    lanes: Pair<Lane>,
    pub story: Story,
    pub tls: Tls,
    midstream: bool,
    /// Where the X.224 request was sent, and answered.
    pub requested: Option<Place>,
    pub answered: Option<Place>,
    /// requestedProtocols, after a request.
    offered: u32,
    /// selectedProtocol, after a confirm.
    pub selected: Option<u32>,
    pub spoke_rdp: bool,
    /// Sides that spoke another protocol.
    pub foreign: Pair<bool>,
    pub data: DataCount,
    inference: Option<Inference>,
    pub sequence: Sequence,
    /// What TLS carried, when it could be opened.
    opened: Option<Opened>,
    /// What TLS carried that began with the first byte.
    door: Door,
}

impl Dialogue {
    pub(crate) fn new(flow: u64, midstream: bool) -> Self {
        Self {
            lanes: Pair::of(|_| Lane {
                stream: Stream::default(),
                framer: Some(Framer::new(midstream)),
                pdus: 0,
                whole: false,
            }),
            story: Story::new(flow),
            tls: Tls::default(),
            midstream,
            requested: None,
            answered: None,
            offered: 0,
            selected: None,
            spoke_rdp: false,
            foreign: Pair::default(),
            data: DataCount::default(),
            inference: None,
            sequence: Sequence::default(),
            opened: None,
            door: Door::new(),
        }
    }

    /// The first expected byte of a side, from its SYN.
    pub(crate) fn begin(&mut self, side: Side, next: u32) {
        let lane = &mut self.lanes[side];
        lane.whole |= lane.stream.begin(next);
    }

    /// Takes a segment's payload. `acked` is what the other side acknowledged of this side's bytes.
    pub(crate) fn payload(
        &mut self,
        side: Side,
        segment: &Segment<'_>,
        place: Place,
        acked: Option<u32>,
        keys: &KeyLog,
    ) {
        let Some(mut framer) = self.lanes[side].framer.take() else {
            return;
        };
        let mut stream = std::mem::take(&mut self.lanes[side].stream);
        framer.keep_application_data = !keys.is_empty() && self.tls.may_open();
        stream.push(segment, place, acked, &mut |piece, place| {
            self.lanes[side].whole &= matches!(piece, Piece::Bytes(_));
            framer.push(&piece, place, &mut |pdu| self.pdu(side, &pdu, keys));
        });
        self.lanes[side].framer = Some(framer);
        self.lanes[side].stream = stream;
    }

    /// Gives out what waits and what never became complete.
    pub(crate) fn finish(&mut self, keys: &KeyLog) {
        for side in Side::BOTH {
            let Some(mut framer) = self.lanes[side].framer.take() else {
                continue;
            };
            let mut stream = std::mem::take(&mut self.lanes[side].stream);
            stream.finish(&mut |piece, place| {
                self.lanes[side].whole &= matches!(piece, Piece::Bytes(_));
                framer.push(&piece, place, &mut |pdu| self.pdu(side, &pdu, keys));
            });
            framer.finish(&mut |pdu| self.pdu(side, &pdu, keys));
        }
        self.door.finish(&mut self.story);
    }

    fn pdu(&mut self, side: Side, pdu: &Pdu<'_>, keys: &KeyLog) {
        let place = pdu.place;
        let lane = &mut self.lanes[side];
        lane.pdus = lane.pdus.saturating_add(1);
        let first = lane.pdus == 1 && lane.whole;
        match pdu.shape {
            Shape::Tls {
                content,
                version,
                length,
            } => {
                if first && !self.midstream && self.requested.is_none() && self.answered.is_none() {
                    self.otherwise(side, pdu); // TLS from the first byte: not how RDP begins
                }
                let body = pdu.bytes.get(5..).unwrap_or_default();
                self.tls_record(
                    &Record {
                        side,
                        content,
                        version,
                        length,
                        body,
                        cut: pdu.cut,
                        place,
                    },
                    keys,
                );
            }
            Shape::Tpkt { .. } => self.tpkt(side, pdu, first),
            Shape::FastPath { .. } => {
                self.clear_data(side, place);
                self.sequence.fast_path(place, &mut self.story);
            }
            Shape::Foreign if self.lanes[side].whole => self.otherwise(side, pdu),
            Shape::Foreign | Shape::Lost => {
                let what =
                    "no TLS record, TPKT or fast-path packet begins where the one before ended";
                self.story.defect(place, what);
            }
        }
    }

    fn otherwise(&mut self, side: Side, pdu: &Pdu<'_>) {
        self.foreign[side] = true;
        let kind = match side {
            Side::Client => kind::CLIENT_SPOKE_OTHERWISE,
            Side::Server => kind::SERVER_ANSWERED_OTHERWISE,
        };
        if !self.story.told(kind) {
            let head = pdu.bytes.get(..pdu.bytes.len().min(16)).unwrap_or_default();
            let mut step = self.story.tell(kind, pdu.place);
            step.text(field::LOOKS_LIKE, foreign::looks_like(pdu))
                .text(field::BYTES, &hex(head));
        }
    }

    fn tls_record(&mut self, record: &Record<'_>, keys: &KeyLog) {
        let Record { side, place, .. } = *record;
        match self.tls.record(record, keys, &mut self.story) {
            Meaning::Handshake | Meaning::Alert => {}
            Meaning::Opened(bytes) => {
                self.data.count(side, record.length);
                if self.requested.is_none() && self.answered.is_none() && !self.midstream {
                    self.behind_door(side, &bytes, place);
                    return;
                }
                let selected = self.selected.unwrap_or(0);
                let opened = self.opened.get_or_insert_with(|| Opened::new(selected));
                opened.push(side, &bytes, place, &mut self.sequence, &mut self.story);
            }
            Meaning::Data(plain) => {
                self.data.count(side, record.length);
                if self.opened.is_some() {
                    // What is not opened of a connection that is, was left out on purpose.
                } else if self.tls.completed {
                    let (selected, offered) = (self.selected, self.offered);
                    let inference = self
                        .inference
                        .get_or_insert_with(|| Inference::new(selected, offered));
                    inference.record(side, &plain, place, &mut self.story);
                } else if (self.midstream || !self.tls.began()) && self.data.is_session() {
                    self.session_runs(place);
                }
            }
        }
        // Protected records of one side only: TLS 1.3 looks like an endless handshake then.
        let alone = self.lanes[side.other()].pdus == 0 && !self.tls.completed && self.tls.began();
        if alone && data::is_one_way_session(self.lanes[side].pdus) {
            self.session_runs(place);
        }
    }

    /// TLS from the first byte is no RDP, but a gateway's client begins so.
    fn behind_door(&mut self, side: Side, bytes: &[u8], place: Place) {
        if self.door.push(side, bytes, place, &mut self.story) {
            self.foreign = Pair::default();
            self.story.retract(kind::CLIENT_SPOKE_OTHERWISE);
            self.story.retract(kind::SERVER_ANSWERED_OTHERWISE);
        }
    }

    /// Whether it is a client's connection to a gateway.
    pub(crate) fn is_gateway(&self) -> bool {
        self.door.is_gateway()
    }

    /// Whether it may turn out to be one: its bytes can be opened, and nothing of them was.
    pub(crate) fn may_be_gateway(&self, keys: &KeyLog) -> bool {
        !keys.is_empty() && self.door.is_unknown() && self.tls.began() && self.tls.may_open()
    }

    fn session_runs(&mut self, place: Place) {
        if !self.story.told(kind::SESSION_DATA_SEEN) {
            self.story
                .tell(kind::SESSION_DATA_SEEN, place)
                .flag(field::INFERRED, true);
        }
    }

    fn tpkt(&mut self, side: Side, pdu: &Pdu<'_>, first: bool) {
        let Some(tpdu) = tpkt::payload(pdu.bytes).and_then(tpdu) else {
            if first {
                self.otherwise(side, pdu);
            } else if !pdu.cut {
                self.story
                    .defect(pdu.place, "TPKT packet without an X.224 PDU");
            }
            return;
        };
        self.spoke_rdp = true;
        match (tpdu, side) {
            (Tpdu::ConnectionRequest(variable), Side::Client) => self.request(variable, pdu.place),
            (Tpdu::ConnectionConfirm(variable), Side::Server) => self.confirm(variable, pdu.place),
            (Tpdu::Data(data), _) => {
                self.clear_data(side, pdu.place);
                self.sequence.pdu(side, data, pdu.place, &mut self.story);
            }
            _ => {}
        }
    }

    fn request(&mut self, variable: &[u8], place: Place) {
        self.requested.get_or_insert(place);
        let request = nego::request(variable);
        if request.malformed {
            self.story.defect(place, "negotiation request is malformed");
        }
        let mut step = self.story.tell(kind::X224_REQUESTED, place);
        step.flag(field::NEGOTIATION, request.negotiation.is_some())
            .text(
                field::COOKIE,
                &request.cookie.map(printable).unwrap_or_default(),
            )
            .text(
                field::ROUTING_TOKEN,
                &request.routing_token.map(printable).unwrap_or_default(),
            );
        if let Some((flags, protocols)) = request.negotiation {
            self.offered = protocols;
            step.int(field::REQUESTED_PROTOCOLS, i64::from(protocols))
                .int(field::FLAGS, i64::from(flags));
        }
        if let Some(id) = request.correlation_id {
            step.text(field::CORRELATION_ID, &hex(&id));
        }
    }

    fn confirm(&mut self, variable: &[u8], place: Place) {
        self.answered.get_or_insert(place);
        let answer = nego::answer(variable);
        if let Answer::Failure(code) = answer {
            self.story
                .tell(kind::NEGOTIATION_FAILED, place)
                .int(field::CODE, i64::from(code));
            return;
        }
        let mut step = self.story.tell(kind::X224_CONFIRMED, place);
        step.flag(field::LEGACY, answer == Answer::None);
        let selected = match answer {
            Answer::Response { flags, selected } => {
                step.int(field::FLAGS, i64::from(flags));
                selected
            }
            Answer::Malformed => {
                self.story
                    .defect(place, "negotiation response is malformed");
                return;
            }
            Answer::None | Answer::Failure(_) => 0,
        };
        step.int(field::SELECTED_PROTOCOL, i64::from(selected));
        self.selected = Some(selected);
    }

    /// PDUs in clear behind the X.224 handshake: standard RDP security, or a connection caught in the middle.
    fn clear_data(&mut self, side: Side, place: Place) {
        self.data.count(side, 0);
        if self.midstream && self.data.is_session() {
            self.session_runs(place);
        }
    }

    /// What the server's acknowledgements tell of a client that was not captured: how many bytes it sent since the confirm.
    pub(crate) fn unseen_client_bytes(&mut self, since_confirm: u32, place: Place) {
        let tls = protocol::SSL | protocol::HYBRID | protocol::HYBRID_EX;
        let expected = self.selected.is_some_and(|s| s & tls != 0) && !self.tls.began();
        if expected
            && since_confirm >= CLIENT_HELLO_FLOOR
            && !self.story.told(kind::TLS_CLIENT_HELLO)
        {
            self.story
                .tell(kind::TLS_CLIENT_HELLO, place)
                .flag(field::INFERRED, true);
        }
    }
}
