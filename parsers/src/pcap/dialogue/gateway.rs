//! A client at an RD Gateway, inside an opened TLS connection: who asked, what the gateway answered, and how far the tunnel
//! came. What goes through the tunnel is TLS of its own, between client and target, and stays closed.

use super::story::{Story, printable};
use crate::pcap::tcp::side::{Pair, Side};
use crate::pcap::tcp::stream::Place;
use crate::pcap::vocabulary::{field, kind};
use crate::rdp::credssp::token;
use crate::rdp::tsgu::{
    self, Frame, Head, LONGEST_HEAD, LONGEST_PACKET, Packet, begins, frame, packet, unmask,
};

/// An RDP connection that fails carries some 20 KiB, most of it certificates; the first picture of a desktop takes more
/// than this.
const SESSION_BYTES: u64 = 100 << 10;

/// HTTP asks for a logon with it, and refuses one.
const UNAUTHORIZED: u16 = 401;

/// What an opened connection that did not begin with X.224 turned out to be.
#[derive(Clone)]
pub(crate) enum Door {
    /// Not enough bytes yet.
    Unknown(Vec<u8>),
    /// A gateway's.
    Gateway(Box<Gateway>),
    /// Something else.
    Other,
}

impl Door {
    pub(crate) fn new() -> Self {
        Self::Unknown(Vec::new())
    }

    /// Takes opened bytes; whether this was what showed a gateway.
    pub(crate) fn push(
        &mut self,
        side: Side,
        bytes: &[u8],
        place: Place,
        story: &mut Story,
    ) -> bool {
        match self {
            Self::Unknown(so_far) if side == Side::Client => {
                so_far.extend_from_slice(bytes);
                match begins(so_far) {
                    Some(true) => {
                        let so_far = std::mem::take(so_far);
                        let mut gateway = Box::<Gateway>::default();
                        gateway.push(side, &so_far, place, story);
                        *self = Self::Gateway(gateway);
                        return true;
                    }
                    Some(false) => *self = Self::Other,
                    None => {}
                }
            }
            // HTTP/2 servers speak first.
            Self::Unknown(_) => *self = Self::Other,
            Self::Gateway(gateway) => gateway.push(side, bytes, place, story),
            Self::Other => {}
        }
        false
    }

    pub(crate) fn is_gateway(&self) -> bool {
        matches!(self, Self::Gateway(_))
    }

    /// Whether more bytes can still show a gateway.
    pub(crate) fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// The connection is over.
    pub(crate) fn finish(&mut self, story: &mut Story) {
        if let Self::Gateway(gateway) = self {
            gateway.finish(story);
        }
    }
}

/// One direction.
#[derive(Clone, Default)]
struct Lane {
    buffer: Vec<u8>,
    /// Bytes of a body or a payload that nobody looks into.
    skip: u64,
}

/// State of one connection.
#[derive(Clone, Default)]
pub(crate) struct Gateway {
    lanes: Pair<Lane>,
    upgraded: bool,
    over: bool,
    refusal: Option<(Place, u16, String)>,
    /// Whether the client's last request proved who it is.
    proved: bool,
    carried: u64,
}

impl Gateway {
    fn push(&mut self, side: Side, bytes: &[u8], place: Place, story: &mut Story) {
        let mut rest = bytes;
        while !rest.is_empty() && !self.over {
            let lane = &mut self.lanes[side];
            let skipped = usize::try_from(lane.skip)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            lane.skip -= skipped as u64;
            rest = rest.get(skipped..).unwrap_or_default();
            if rest.is_empty() {
                break;
            }
            lane.buffer.extend_from_slice(rest);
            rest = &[];
            while self.step(side, place, story) {}
            let most = if self.upgraded {
                LONGEST_PACKET
            } else {
                LONGEST_HEAD
            };
            // Whatever is longer is no head and no packet that says anything.
            self.over |= self.lanes[side].buffer.len() > most + LONGEST_PACKET;
        }
    }

    /// Takes one head or frame off the buffer, if a whole one is there.
    fn step(&mut self, side: Side, place: Place, story: &mut Story) -> bool {
        let buffer = std::mem::take(&mut self.lanes[side].buffer);
        let used = if self.upgraded {
            self.tunnel(side, &buffer, place, story)
        } else {
            tsgu::head(&buffer).map(|head| {
                self.head(side, head, place, story);
                (head.length, head.body())
            })
        };
        let lane = &mut self.lanes[side];
        let Some((taken, skip)) = used else {
            lane.buffer = buffer;
            return false;
        };
        let rest = buffer.get(taken..).unwrap_or_default();
        let skipped = usize::try_from(skip).unwrap_or(usize::MAX).min(rest.len());
        lane.skip = skip - skipped as u64;
        lane.buffer = rest.get(skipped..).unwrap_or_default().to_vec();
        !lane.buffer.is_empty()
    }

    fn head(&mut self, side: Side, head: Head<'_>, place: Place, story: &mut Story) {
        match side {
            Side::Client => self.proved = request(head, place, story),
            Side::Server => match head.answer() {
                Some((status @ (101 | 200), _)) => {
                    self.refusal = None;
                    self.upgraded = status == 101;
                    // The older way has its packets in two connections, in chunks.
                    self.over = status == 200;
                    story
                        .tell(kind::RDG_UPGRADED, place)
                        .int(field::STATUS, i64::from(status));
                }
                // Asking for a logon, or for its next step, refuses nobody.
                Some((UNAUTHORIZED, _)) if !self.proved => self.refusal = None,
                Some((status, reason)) if status >= 400 => {
                    self.refusal = Some((place, status, printable(reason.as_bytes())));
                }
                _ => {}
            },
        }
    }

    /// A frame: bytes taken, and bytes behind them that are not looked into.
    fn tunnel(
        &mut self,
        side: Side,
        buffer: &[u8],
        place: Place,
        story: &mut Story,
    ) -> Option<(usize, u64)> {
        let Frame {
            head,
            payload,
            mask,
        } = frame(buffer)?;
        let length = usize::try_from(payload).unwrap_or(usize::MAX);
        let here = buffer.get(head..).unwrap_or_default();
        // Type and length of the packet tell what is in it.
        let enough = here.len() >= length.min(8);
        if !enough {
            return None;
        }
        let mut start = here
            .get(..here.len().min(length).min(LONGEST_PACKET))
            .unwrap_or_default()
            .to_vec();
        unmask(&mut start, mask);
        let whole = start.len() == length;
        match packet(&start) {
            Packet::Data => {
                self.carried = self.carried.saturating_add(payload);
                if self.carried >= SESSION_BYTES && !story.told(kind::RDG_CARRIED) {
                    story.tell(kind::RDG_CARRIED, place);
                }
            }
            // The rest of it has not come yet.
            _ if !whole && length <= LONGEST_PACKET => return None,
            Packet::Target(name, port) if side == Side::Client => {
                story
                    .tell(kind::RDG_TARGET_ASKED, place)
                    .text(field::SERVER_NAME, &printable(name.as_bytes()))
                    .int(field::PORT, i64::from(port));
            }
            Packet::Answer("channel", 0) => {
                story.tell(kind::RDG_TARGET_REACHED, place);
            }
            Packet::Answer(step, error) if side == Side::Server && error != 0 => {
                story
                    .tell(kind::RDG_FAILED, place)
                    .text(field::STEP, step)
                    .int(field::ERROR, i64::from(error));
            }
            _ => {}
        }
        Some((head, payload))
    }

    /// A refusal in the middle of an authentication is a step of it; only the last word counts.
    fn finish(&mut self, story: &mut Story) {
        if let Some((place, status, text)) = self.refusal.take() {
            story
                .tell(kind::RDG_REFUSED, place)
                .int(field::STATUS, i64::from(status))
                .text(field::TEXT, &text);
        }
    }
}

/// Tells the first request; whether this one holds the proof of a logon and not only its beginning.
fn request(head: Head<'_>, place: Place, story: &mut Story) -> bool {
    let mut proves = false;
    let auth = head.authorization().map(|(scheme, bytes)| {
        let known = token(&bytes);
        let begins = known.mechanism == "ntlm" && known.message == "negotiate";
        proves = !bytes.is_empty() && !begins;
        if known.mechanism == "negotiate" {
            scheme.to_lowercase()
        } else {
            known.mechanism.to_owned()
        }
    });
    if story.told(kind::RDG_REQUESTED) {
        return proves;
    }
    let text = |t: Option<&str>| printable(t.unwrap_or_default().as_bytes());
    story
        .tell(kind::RDG_REQUESTED, place)
        .text(field::HOST, &text(head.header("host")))
        .text(field::USER, &text(head.user().as_deref()))
        .text(field::AUTH, &text(auth.as_deref()))
        .text(
            field::CONNECTION_ID,
            &head.id("rdg-connection-id").unwrap_or_default(),
        )
        .text(
            field::CORRELATION_ID,
            &head.id("rdg-correlation-id").unwrap_or_default(),
        );
    proves
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    const PLACE: Place = Place {
        frame: 1,
        time: Timestamp(0),
    };

    /// Both sides' bytes, in the order of the connection.
    type Talk = Vec<(Side, Vec<u8>)>;

    fn head(lines: &[&str]) -> Vec<u8> {
        format!("{}\r\n\r\n", lines.join("\r\n")).into_bytes()
    }

    /// A frame as clients mask it.
    fn masked(packet: &[u8]) -> Vec<u8> {
        let mask = [7, 1, 9, 3];
        let mut payload = packet.to_vec();
        unmask(&mut payload, mask);
        let mut bytes = vec![0x82, 0xfe];
        bytes.extend(u16::try_from(packet.len()).unwrap_or(0).to_be_bytes());
        bytes.extend(mask);
        bytes.extend(payload);
        bytes
    }

    fn unmasked(packet: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x82, 0x7f];
        bytes.extend((packet.len() as u64).to_be_bytes());
        bytes.extend(packet);
        bytes
    }

    fn asks() -> (Side, Vec<u8>) {
        let lines = [
            "RDG_OUT_DATA /remoteDesktopGateway/ HTTP/1.1",
            "Host: gw.example",
            "RDG-User-Id: YQBuAGEA",
            "Authorization: Negotiate TlRMTVNTUAABAAAA",
        ];
        (Side::Client, head(&lines))
    }

    fn answers(status: &str) -> (Side, Vec<u8>) {
        let mut bytes = head(&[&format!("HTTP/1.1 {status}"), "Content-Length: 5"]);
        bytes.extend(b"words");
        (Side::Server, bytes)
    }

    /// Kinds told, with the whole and with single bytes: they have to agree.
    fn told(talk: &Talk) -> Vec<&'static str> {
        let kinds = |pieces: &dyn Fn(&[u8]) -> Vec<Vec<u8>>| {
            let (mut door, mut story) = (Door::new(), Story::new(1));
            for (side, bytes) in talk {
                for piece in pieces(bytes) {
                    door.push(*side, &piece, PLACE, &mut story);
                }
            }
            door.finish(&mut story);
            let events = story.take().events;
            events.iter().map(|e| e.kind.name()).collect::<Vec<_>>()
        };
        let whole = kinds(&|bytes| vec![bytes.to_vec()]);
        let crumbs = kinds(&|bytes| bytes.iter().map(|b| vec![*b]).collect());
        assert_eq!(whole, crumbs);
        whole
    }

    /// A client that is asked for a logon goes to ask its user.
    #[test]
    fn who_is_asked_for_a_logon_is_not_refused() {
        let (side, nothing) = (
            Side::Client,
            head(&["RDG_OUT_DATA /x HTTP/1.1", "Host: gw"]),
        );
        for first in [(side, nothing), asks()] {
            let talk = vec![first, answers("401 Unauthorized")];
            assert_eq!(told(&talk), ["rdg.requested"]);
        }
        let (side, proof) = asks();
        let proof = String::from_utf8(proof).unwrap_or_default();
        let proof = proof
            .replace("TlRMTVNTUAABAAAA", "TlRMTVNTUAADAAAA")
            .into_bytes();
        let talk = vec![
            asks(),
            answers("401 Unauthorized"),
            (side, proof),
            answers("401 No"),
        ];
        assert_eq!(told(&talk), ["rdg.requested", "rdg.refused"]);
    }

    #[test]
    fn only_the_last_refusal_counts() {
        let refused = vec![
            asks(),
            answers("401 Unauthorized"),
            asks(),
            answers("403 No"),
        ];
        assert_eq!(told(&refused), ["rdg.requested", "rdg.refused"]);
        let let_in = vec![
            asks(),
            answers("401 Unauthorized"),
            asks(),
            answers("200 OK"),
        ];
        assert_eq!(told(&let_in), ["rdg.requested", "rdg.upgraded"]);
    }

    #[test]
    fn a_tunnel_from_its_beginning_to_a_session() {
        let upgraded = (Side::Server, head(&["HTTP/1.1 101 Switching Protocols"]));
        let mut target = vec![8, 0, 0, 0, 26, 0, 0, 0, 1, 0, 0x3d, 0x0d, 3, 0, 6, 0];
        target.extend("srv".encode_utf16().flat_map(u16::to_le_bytes));
        let opened = [9, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0];
        let mut data = vec![0; 60_000];
        data[0] = 10;
        let talk = vec![
            asks(),
            upgraded.clone(),
            (Side::Client, masked(&target)),
            (Side::Server, unmasked(&opened)),
            (Side::Client, masked(&data)),
            (Side::Server, unmasked(&data)),
        ];
        let all = [
            "rdg.requested",
            "rdg.upgraded",
            "rdg.target-asked",
            "rdg.target-reached",
            "rdg.carried",
        ];
        assert_eq!(told(&talk), all);
        let denied = [9, 0, 0, 0, 12, 0, 0, 0, 0xda, 0x59, 0x07, 0x80];
        let talk = vec![asks(), upgraded, (Side::Server, unmasked(&denied))];
        assert_eq!(told(&talk), ["rdg.requested", "rdg.upgraded", "rdg.failed"]);
    }

    #[test]
    fn other_web_traffic_is_none_of_ours() {
        let talk = vec![(Side::Client, head(&["GET / HTTP/1.1"])), answers("200 OK")];
        assert!(told(&talk).is_empty());
    }

    #[test]
    fn what_never_ends_is_let_go() {
        let (mut door, mut story) = (Door::new(), Story::new(1));
        let (side, begin) = asks();
        door.push(side, begin.get(..20).unwrap_or_default(), PLACE, &mut story);
        for _ in 0..1000 {
            door.push(side, &[b'x'; 1000], PLACE, &mut story);
        }
        let Door::Gateway(gateway) = &door else {
            unreachable!("it began as one")
        };
        assert!(gateway.lanes[side].buffer.len() < 2 * LONGEST_HEAD);
    }
}
