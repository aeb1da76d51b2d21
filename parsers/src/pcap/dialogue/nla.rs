//! CredSSP inside an opened TLS connection (MS-CSSP 3.1.5), up to the first TPKT packet.

use super::story::Story;
use crate::pcap::tcp::side::{Pair, Side};
use crate::pcap::tcp::stream::Place;
use crate::pcap::vocabulary::{field, kind};
use crate::rdp::ber::element;
use crate::rdp::credssp::{TsRequest, token, ts_request};

/// Largest TSRequest waited for; Kerberos tickets with many groups reach 64 KiB.
const LARGEST_REQUEST: usize = 128 << 10;
/// Early User Authorization Result (MS-RDPBCGR 2.2.10.2).
const AUTHORIZATION_RESULT: usize = 4;
/// First byte of TPKT.
const TPKT: u8 = 3;
/// First byte of a TSRequest.
const TS_REQUEST: u8 = 0x30;

/// State of one connection.
#[derive(Clone)]
pub(crate) struct Nla {
    early_result: bool,
    buffers: Pair<Vec<u8>>,
    over: Pair<bool>,
    began: bool,
}

impl Nla {
    pub(crate) fn new(early_result: bool) -> Self {
        Self {
            early_result,
            buffers: Pair::default(),
            over: Pair::default(),
            began: false,
        }
    }

    /// Takes opened bytes and gives back those that lie behind CredSSP.
    pub(crate) fn push(
        &mut self,
        side: Side,
        bytes: &[u8],
        place: Place,
        story: &mut Story,
    ) -> Vec<u8> {
        let (buffer, over) = (&mut self.buffers[side], &mut self.over[side]);
        if *over {
            return bytes.to_vec();
        }
        buffer.extend_from_slice(bytes);
        while let Some(first) = buffer.first().copied() {
            if first == TS_REQUEST {
                // Only a whole request is looked into, so that one that comes in crumbs is not read again for each.
                if element(buffer).is_none_or(|e| e.length > buffer.len()) {
                    break;
                }
                let Some((request, length)) =
                    ts_request(buffer).filter(|(_, n)| *n <= buffer.len())
                else {
                    break;
                };
                if !std::mem::replace(&mut self.began, true) {
                    story.tell(kind::CREDSSP_STARTED, place);
                }
                tell(side, &request, place, story);
                buffer.drain(..length);
            } else if side == Side::Server && self.early_result && first != TPKT {
                let Some(result) = buffer.first_chunk().copied().map(u32::from_le_bytes) else {
                    break;
                };
                story
                    .tell(kind::AUTHORIZATION_ANSWERED, place)
                    .int(field::RESULT, i64::from(result))
                    .flag(field::INFERRED, false);
                buffer.drain(..AUTHORIZATION_RESULT);
                self.early_result = false;
            } else {
                *over = true;
                break;
            }
        }
        if *over || buffer.len() > LARGEST_REQUEST {
            *over = true;
            return std::mem::take(buffer);
        }
        Vec::new()
    }
}

fn tell(side: Side, request: &TsRequest<'_>, place: Place, story: &mut Story) {
    let token = request.token.map(token);
    let mut step = story.tell(kind::CREDSSP_MESSAGE, place);
    step.text(field::FROM, side.name())
        .int(field::VERSION, request.version);
    if let Some(token) = &token {
        step.text(field::MECHANISM, token.mechanism)
            .text(field::TOKEN, token.message);
        if let Some(names) = &token.names {
            step.text(field::USER, &names.user)
                .text(field::DOMAIN, &names.domain)
                .text(field::CLIENT_HOST, &names.workstation);
        }
    } else if request.credentials {
        step.text(field::TOKEN, "credentials");
    } else if request.public_key {
        step.text(field::TOKEN, "public-key");
    }
    if let Some(error) = request.error {
        step.int(field::ERROR, i64::from(error));
        if side == Side::Server {
            story
                .tell(kind::CREDSSP_REFUSED, place)
                .int(field::ERROR, i64::from(error));
        }
    }
}
