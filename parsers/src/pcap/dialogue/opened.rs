//! The streams inside an opened TLS connection: CredSSP first where it was selected, then TPKT and fast-path.

use super::framer::Framer;
use super::nla::Nla;
use super::sequence::Sequence;
use super::shape::Shape;
use super::story::Story;
use crate::pcap::tcp::side::{Pair, Side};
use crate::pcap::tcp::stream::{Piece, Place};
use crate::rdp::nego::protocol;
use crate::rdp::tpkt;
use crate::rdp::x224::{Tpdu, tpdu};

/// Both streams.
#[derive(Clone)]
pub(crate) struct Opened {
    nla: Option<Nla>,
    framers: Pair<Framer>,
}

impl Opened {
    /// For a connection with this `selectedProtocol`.
    pub(crate) fn new(selected: u32) -> Self {
        let nla = selected & (protocol::HYBRID | protocol::HYBRID_EX) != 0;
        let early_result = selected & protocol::HYBRID_EX != 0;
        Self {
            nla: nla.then(|| Nla::new(early_result)),
            framers: Pair::of(|_| Framer::new(false)),
        }
    }

    /// Takes what a record held.
    pub(crate) fn push(
        &mut self,
        side: Side,
        bytes: &[u8],
        place: Place,
        sequence: &mut Sequence,
        story: &mut Story,
    ) {
        let behind = self
            .nla
            .as_mut()
            .map(|nla| nla.push(side, bytes, place, story));
        let bytes = behind.as_deref().unwrap_or(bytes);
        self.framers[side].push(&Piece::Bytes(bytes), place, &mut |pdu| match pdu.shape {
            Shape::Tpkt { .. } => {
                if let Some(Tpdu::Data(data)) = tpkt::payload(pdu.bytes).and_then(tpdu) {
                    sequence.pdu(side, data, place, story);
                }
            }
            Shape::FastPath { .. } => sequence.fast_path(place, story),
            Shape::Tls { .. } | Shape::Foreign | Shape::Lost => {}
        });
    }
}
