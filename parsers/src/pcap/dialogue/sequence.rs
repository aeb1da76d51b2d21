//! The connection sequence from MCS on, where its PDUs are readable: standard RDP security, or TLS with secrets.
//!
//! With standard RDP security only the headers are: then order and number of the encrypted PDUs tell the rest, `inferred`.

use super::story::Story;
use crate::pcap::tcp::side::{Pair, Side};
use crate::pcap::tcp::stream::Place;
use crate::pcap::vocabulary::{field, kind};
use crate::rdp::client_info::client_info;
use crate::rdp::gcc::{client_channels, client_core, server_security};
use crate::rdp::licensing::{self, license};
use crate::rdp::mcs::{Mcs, mcs};
use crate::rdp::share::{FINALIZATION, FONT_MAP, Io, SET_ERROR_INFO, io, security};

/// Encrypted PDUs of the server that finish activation: Synchronize, Control twice, Font Map.
const FINISHING: u32 = 4;

/// First byte of the two MCS PDUs in BER.
const CONNECT: u8 = 0x7f;

/// State of one connection.
#[derive(Clone, Default)]
pub(crate) struct Sequence {
    /// Whether licensing was seen; what the client sends before belongs to it.
    licensed: bool,
    /// Encrypted PDUs of the server since licensing.
    hidden_server: u32,
    confirmed: bool,
    finished: bool,
    /// Sides that sent a Disconnect Provider Ultimatum.
    pub disconnected: Pair<bool>,
    /// I/O channel: the one that Client Info came on.
    io_channel: Option<u16>,
}

impl Sequence {
    /// Takes the user data of an X.224 data PDU.
    pub(crate) fn pdu(&mut self, side: Side, bytes: &[u8], place: Place, story: &mut Story) {
        match mcs(bytes) {
            None if bytes.first() == Some(&CONNECT) => {
                story.defect(place, "MCS connect PDU with lengths that do not fit");
            }
            Some(Mcs::ConnectInitial(user_data)) if side == Side::Client => {
                let core = client_core(user_data).unwrap_or_default();
                let channels = client_channels(user_data).join(" ");
                let mut step = story.tell(kind::MCS_CONNECT_INITIAL, place);
                step.text(field::CLIENT_HOST, &core.name)
                    .text(field::CHANNELS, &channels);
                if core.build != 0 {
                    step.int(field::BUILD, i64::from(core.build));
                }
            }
            Some(Mcs::ConnectResponse(result, user_data)) if side == Side::Server => {
                let level = server_security(user_data).unwrap_or_default().level;
                story
                    .tell(kind::MCS_CONNECT_RESPONSE, place)
                    .int(field::RESULT, result)
                    .int(field::ENCRYPTION_LEVEL, i64::from(level));
            }
            Some(Mcs::Disconnect(reason)) => {
                self.disconnected[side] = true;
                story
                    .tell(kind::DISCONNECT_ANNOUNCED, place)
                    .text(field::FROM, side.name())
                    .int(field::REASON, i64::from(reason));
            }
            Some(Mcs::Data { channel, data }) => {
                if self.io_channel.is_none_or(|c| c == channel) || data.len() < 64 {
                    self.data(side, channel, data, place, story);
                } else if self.finished {
                    session(false, place, story);
                }
            }
            _ => {}
        }
    }

    /// A fast-path PDU: only a running session has them.
    pub(crate) fn fast_path(&mut self, place: Place, story: &mut Story) {
        if self.confirmed || self.finished {
            session(!self.finished, place, story);
        }
    }

    fn data(&mut self, side: Side, channel: u16, data: &[u8], place: Place, story: &mut Story) {
        match io(data) {
            Some(Io::Secured(flags, body)) => {
                self.secured(side, channel, flags, body, place, story);
            }
            Some(Io::DemandActive) => self.licensed = true,
            Some(Io::ConfirmActive) => {
                self.confirmed = true;
                if !story.told(kind::ACTIVATION_STARTED) {
                    story.tell(kind::ACTIVATION_STARTED, place);
                }
            }
            Some(Io::Redirection) => {
                story.tell(kind::REDIRECTION_RECEIVED, place);
            }
            Some(Io::Data(SET_ERROR_INFO, body)) if side == Side::Server => {
                if let Some(code) = body.first_chunk().map(|b| u32::from_le_bytes(*b)) {
                    // Zero takes back an earlier one (2.2.5.1.1); servers send it when all is well.
                    story
                        .tell(kind::ERROR_INFO_RECEIVED, place)
                        .int(field::CODE, i64::from(code));
                }
            }
            Some(Io::Data(FONT_MAP, _)) => self.finished = true,
            Some(Io::Data(other, _)) if self.finished && !FINALIZATION.contains(&other) => {
                session(false, place, story);
            }
            _ => {}
        }
    }

    fn secured(
        &mut self,
        side: Side,
        channel: u16,
        flags: u16,
        body: &[u8],
        place: Place,
        story: &mut Story,
    ) {
        let encrypted = flags & security::ENCRYPT != 0;
        if flags & security::INFO != 0
            && side == Side::Client
            && !story.told(kind::CLIENT_INFO_SENT)
        {
            self.io_channel = Some(channel);
            let info = if encrypted { None } else { client_info(body) }.unwrap_or_default();
            story
                .tell(kind::CLIENT_INFO_SENT, place)
                .text(field::USER, &info.user)
                .text(field::DOMAIN, &info.domain);
        } else if flags & security::LICENSE != 0 {
            self.licensed = true;
            // Encrypted licensing packets have a MAC before what cannot be read anyway.
            let message = if encrypted { None } else { license(body) };
            let mut step = story.tell(kind::LICENSING_MESSAGE, place);
            step.text(field::FROM, side.name());
            if let Some(message) = message {
                step.text(field::TYPE, licensing::name(message.kind));
                if let Some(error) = message.error {
                    step.int(field::ERROR, i64::from(error));
                }
            }
        } else if flags & security::REDIRECTION != 0 && side == Side::Server {
            story.tell(kind::REDIRECTION_RECEIVED, place);
        } else if encrypted {
            self.hidden(side, place, story);
        }
    }

    /// An encrypted PDU behind licensing: Demand Active, Confirm Active, the finalization of both, then the session.
    fn hidden(&mut self, side: Side, place: Place, story: &mut Story) {
        if !self.licensed {
            return;
        }
        match side {
            Side::Client if self.hidden_server > 0 && !self.confirmed => {
                self.confirmed = true;
                self.hidden_server = 0;
                story
                    .tell(kind::ACTIVATION_STARTED, place)
                    .flag(field::INFERRED, true);
            }
            Side::Client => {}
            Side::Server => {
                self.hidden_server += 1;
                if self.confirmed && self.hidden_server > FINISHING {
                    session(true, place, story);
                }
            }
        }
    }
}

fn session(inferred: bool, place: Place, story: &mut Story) {
    if !story.told(kind::SESSION_DATA_SEEN) {
        story
            .tell(kind::SESSION_DATA_SEEN, place)
            .flag(field::INFERRED, inferred);
    }
}
