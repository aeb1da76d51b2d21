//! What the two ends say to each other: from bytes in order to the steps of an RDP connection.

use super::endpoint::Side;
use super::framer::{Framer, Pdu, Shape};
use super::infer::Inference;
use super::nla::Nla;
use super::packet::Segment;
use super::sequence::Sequence;
use super::story::{Story, hex, printable};
use super::stream::{Piece, Place, Stream};
use super::vocabulary::{field, kind};
use crate::rdp::nego::{self, Answer, protocol};
use crate::rdp::tpkt;
use crate::rdp::x224::{Tpdu, tpdu};
use crate::tls::conversation::{Conversation, Meaning, Record};
use crate::tls::keylog::KeyLog;

/// Application records each way after which a connection caught in the middle counts as a running session.
const MIDSTREAM_SESSION: u32 = 2;
/// Bytes of one side after which it does: CredSSP and MCS stay below, Kerberos tickets included.
const MIDSTREAM_BYTES: u64 = 12 << 10;
/// Records of one side after which a session is assumed, where only that side was captured: a handshake with CredSSP, MCS
/// and activation needs fewer.
const ONE_WAY_SESSION: u32 = 12;
/// Bytes behind the confirm that no other first message reaches: a ClientHello has at least this.
const CLIENT_HELLO_FLOOR: u32 = 40;

struct Lane {
    stream: Stream,
    framer: Option<Framer>,
    pdus: u32,
}

/// One connection's dialogue.
pub(crate) struct Talk {
    lanes: [Lane; 2],
    pub story: Story,
    pub tls: Conversation,
    midstream: bool,
    /// When and where the X.224 request was sent, and answered.
    pub requested: Option<Place>,
    pub answered: Option<Place>,
    /// selectedProtocol, after a confirm.
    pub selected: Option<u32>,
    pub spoke_rdp: bool,
    pub foreign: [bool; 2],
    /// Records of application data, in clear or not.
    pub app_records: [u32; 2],
    /// Bytes of protected records that carried application data.
    pub data_after_tls: [u64; 2],
    inference: Option<Inference>,
    pub sequence: Sequence,
    /// What TLS carried, when it could be opened.
    opened: Option<Opened>,
}

/// The streams inside TLS.
struct Opened {
    nla: Option<Nla>,
    framers: [Framer; 2],
}

impl Talk {
    pub(crate) fn new(flow: u64, midstream: bool) -> Self {
        let lane = || Lane {
            stream: Stream::default(),
            framer: Some(Framer::new(midstream)),
            pdus: 0,
        };
        Self {
            lanes: [lane(), lane()],
            story: Story::new(flow),
            tls: Conversation::default(),
            midstream,
            requested: None,
            answered: None,
            selected: None,
            spoke_rdp: false,
            foreign: [false; 2],
            app_records: [0; 2],
            data_after_tls: [0; 2],
            inference: None,
            sequence: Sequence::default(),
            opened: None,
        }
    }

    fn lane(&mut self, side: Side) -> &mut Lane {
        let [client, server] = &mut self.lanes;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    /// The first expected byte of a side, from its SYN.
    pub(crate) fn begin(&mut self, side: Side, next: u32) {
        self.lane(side).stream.begin(next);
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
        let lane = self.lane(side);
        let mut stream = std::mem::take(&mut lane.stream);
        let framer = lane.framer.take();
        if let Some(mut framer) = framer {
            framer.keep_application_data = !keys.is_empty() && self.tls.may_open();
            stream.push(segment, place, acked, &mut |piece, place| {
                framer.push(&piece, place, &mut |pdu| self.pdu(side, &pdu, keys));
            });
            self.lane(side).framer = Some(framer);
        }
        self.lane(side).stream = stream;
    }

    /// Gives out what waits and what never became complete.
    pub(crate) fn finish(&mut self, keys: &KeyLog) {
        for side in [Side::Client, Side::Server] {
            let lane = self.lane(side);
            let mut stream = std::mem::take(&mut lane.stream);
            if let Some(mut framer) = lane.framer.take() {
                stream.finish(&mut |piece, place| {
                    framer.push(&piece, place, &mut |pdu| self.pdu(side, &pdu, keys))
                });
                framer.finish(&mut |pdu| self.pdu(side, &pdu, keys));
            }
        }
    }

    fn pdu(&mut self, side: Side, pdu: &Pdu<'_>, keys: &KeyLog) {
        let first = {
            let lane = self.lane(side);
            lane.pdus = lane.pdus.saturating_add(1);
            lane.pdus == 1
        };
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
                let record = Record {
                    side,
                    content,
                    version,
                    length,
                    body,
                    cut: pdu.cut,
                    place: pdu.place,
                };
                self.tls_record(&record, keys);
            }
            Shape::Tpkt { .. } => self.tpkt(side, pdu, first),
            Shape::FastPath { .. } => {
                self.clear_data(side, pdu.place);
                self.sequence.fast_path(pdu.place, &mut self.story);
            }
            Shape::Foreign => self.otherwise(side, pdu),
        }
    }

    fn otherwise(&mut self, side: Side, pdu: &Pdu<'_>) {
        let [client, server] = &mut self.foreign;
        match side {
            Side::Client => *client = true,
            Side::Server => *server = true,
        }
        let kind = match side {
            Side::Client => kind::CLIENT_SPOKE_OTHERWISE,
            Side::Server => kind::SERVER_ANSWERED_OTHERWISE,
        };
        if !self.story.told(kind) {
            let head = pdu.bytes.get(..pdu.bytes.len().min(16)).unwrap_or_default();
            self.story
                .tell(kind, pdu.place)
                .text(field::LOOKS_LIKE, looks_like(pdu))
                .text(field::BYTES, &hex(head));
        }
    }

    fn tls_record(&mut self, record: &Record<'_>, keys: &KeyLog) {
        match self.tls.record(record, keys, &mut self.story) {
            Meaning::Handshake | Meaning::Alert => {}
            Meaning::Opened(bytes) => {
                self.count_data(record.side, record.length);
                self.opened(record.side, &bytes, record.place);
            }
            Meaning::Data(plain) => {
                self.count_data(record.side, record.length);
                if self.opened.is_some() {
                    return; // what is not opened of a connection that is, was left out on purpose
                }
                if self.tls.completed {
                    let selected = self.selected.unwrap_or(0);
                    let inference = self
                        .inference
                        .get_or_insert_with(|| Inference::new(selected));
                    inference.record(record.side, &plain, record.place, &mut self.story);
                } else if self.midstream || !self.tls.began() {
                    self.midstream_data(record.place);
                }
            }
        }
        self.one_way_data(record);
    }

    fn count_data(&mut self, side: Side, length: usize) {
        let at = usize::from(side == Side::Server);
        if let Some(records) = self.app_records.get_mut(at) {
            *records = records.saturating_add(1);
        }
        if let Some(bytes) = self.data_after_tls.get_mut(at) {
            *bytes += length as u64;
        }
    }

    /// What a record held: CredSSP first where it was selected, then TPKT.
    fn opened(&mut self, side: Side, bytes: &[u8], place: Place) {
        let selected = self.selected.unwrap_or(0);
        let opened = self.opened.get_or_insert_with(|| Opened {
            nla: (selected & (protocol::HYBRID | protocol::HYBRID_EX) != 0)
                .then(|| Nla::new(selected & protocol::HYBRID_EX != 0)),
            framers: [Framer::new(false), Framer::new(false)],
        });
        let behind = opened
            .nla
            .as_mut()
            .map(|nla| nla.push(side, bytes, place, &mut self.story));
        let bytes = behind.as_deref().unwrap_or(bytes);
        let [client, server] = &mut opened.framers;
        let framer = match side {
            Side::Client => client,
            Side::Server => server,
        };
        let (sequence, story) = (&mut self.sequence, &mut self.story);
        framer.push(&Piece::Bytes(bytes), place, &mut |pdu| match pdu.shape {
            Shape::Tpkt { .. } => {
                if let Some(Tpdu::Data(data)) = tpkt::payload(pdu.bytes).and_then(tpdu) {
                    sequence.pdu(side, data, place, story);
                }
            }
            Shape::FastPath { .. } => sequence.fast_path(place, story),
            Shape::Tls { .. } | Shape::Foreign => {}
        });
    }

    /// Data of a connection whose handshake lies before the capture.
    fn midstream_data(&mut self, place: Place) {
        let [client, server] = self.app_records;
        let bytes = self.data_after_tls.iter().max().copied().unwrap_or(0);
        let enough = client.min(server) >= MIDSTREAM_SESSION
            || client.max(server) >= ONE_WAY_SESSION
            || bytes >= MIDSTREAM_BYTES;
        if enough && !self.story.told(kind::SESSION_DATA_SEEN) {
            self.story
                .tell(kind::SESSION_DATA_SEEN, place)
                .flag(field::INFERRED, true);
        }
    }

    /// Protected records of one side only: TLS 1.3 looks like an endless handshake then.
    fn one_way_data(&mut self, record: &Record<'_>) {
        let other = self.lane(record.side.other()).pdus;
        if other > 0
            || self.tls.completed
            || !self.tls.began()
            || self.lane(record.side).pdus < ONE_WAY_SESSION
        {
            return;
        }
        if !self.story.told(kind::SESSION_DATA_SEEN) {
            self.story
                .tell(kind::SESSION_DATA_SEEN, record.place)
                .flag(field::INFERRED, true);
        }
    }

    fn tpkt(&mut self, side: Side, pdu: &Pdu<'_>, first: bool) {
        let Some(tpdu) = tpkt::payload(pdu.bytes).and_then(tpdu) else {
            if first {
                self.otherwise(side, pdu);
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
            step.int(field::REQUESTED_PROTOCOLS, i64::from(protocols))
                .int(field::FLAGS, i64::from(flags));
        }
        if let Some(id) = request.correlation_id {
            step.text(field::CORRELATION_ID, &hex(&id));
        }
    }

    fn confirm(&mut self, variable: &[u8], place: Place) {
        self.answered.get_or_insert(place);
        match nego::answer(variable) {
            Answer::Failure(code) => {
                self.story
                    .tell(kind::NEGOTIATION_FAILED, place)
                    .int(field::CODE, i64::from(code));
            }
            Answer::Response { flags, selected } => {
                self.selected = Some(selected);
                self.story
                    .tell(kind::X224_CONFIRMED, place)
                    .int(field::SELECTED_PROTOCOL, i64::from(selected))
                    .int(field::FLAGS, i64::from(flags))
                    .flag(field::LEGACY, false);
            }
            Answer::None => {
                self.selected = Some(0);
                self.story
                    .tell(kind::X224_CONFIRMED, place)
                    .int(field::SELECTED_PROTOCOL, 0)
                    .flag(field::LEGACY, true);
            }
        }
    }

    /// PDUs in clear behind the X.224 handshake: standard RDP security, or a connection caught in the middle.
    fn clear_data(&mut self, side: Side, place: Place) {
        if let Some(records) = self.app_records.get_mut(usize::from(side == Side::Server)) {
            *records = records.saturating_add(1);
        }
        if self.midstream {
            self.midstream_data(place);
        }
    }

    /// What the server's acknowledgements tell of a client that was not captured: how many bytes it sent so far.
    pub(crate) fn unseen_client_bytes(&mut self, behind_request: u32, place: Place) {
        let tls_selected = self
            .selected
            .is_some_and(|s| s & (protocol::SSL | protocol::HYBRID | protocol::HYBRID_EX) != 0);
        if tls_selected
            && behind_request >= CLIENT_HELLO_FLOOR
            && !self.tls.began()
            && !self.story.told(kind::TLS_CLIENT_HELLO)
        {
            self.story
                .tell(kind::TLS_CLIENT_HELLO, place)
                .flag(field::INFERRED, true);
        }
    }
}

/// A foreign protocol by its first bytes.
fn looks_like(pdu: &Pdu<'_>) -> &'static str {
    const KNOWN: [(&[u8], &str); 14] = [
        (b"HTTP/", "http"),
        (b"GET ", "http"),
        (b"HEAD ", "http"),
        (b"POST ", "http"),
        (b"OPTIONS ", "http"),
        (b"CONNECT ", "http"),
        (b"<", "html or xml"),
        (b"SSH-", "ssh"),
        (b"RFB ", "vnc"),
        (b"220 ", "smtp or ftp"),
        (b"+OK", "pop3"),
        (b"* OK", "imap"),
        (b"\xff\xfd", "telnet"),
        (b"PROXY ", "proxy protocol"),
    ];
    if let Shape::Tls { .. } = pdu.shape {
        return "tls";
    }
    if pdu.bytes.get(4..8) == Some(b"\xffSMB") || pdu.bytes.get(4..8) == Some(b"\xfeSMB") {
        return "smb";
    }
    KNOWN
        .iter()
        .find(|(head, _)| pdu.bytes.starts_with(head))
        .map_or("unknown", |(_, name)| name)
}
