//! How far a connection came inside TLS, read from the lengths of its records alone.
//!
//! After TLS the connection sequence (MS-RDPBCGR 1.3.1.1) has PDUs of telling sizes: CredSSP's tokens, the four bytes of
//! the Early User Authorization Result, MCS Erect Domain (12) and Attach User (8) in a row, channel joins (12) with their
//! confirms (15), the server's Synchronize, Control, Control, Font Map. Everything told from here carries `inferred`.

use std::ops::RangeInclusive;

use super::story::Story;
use crate::pcap::tcp::side::Side;
use crate::pcap::tcp::stream::Place;
use crate::pcap::vocabulary::{field, kind};
use crate::rdp::nego::protocol;

/// Early User Authorization Result PDU (MS-RDPBCGR 2.2.10.2).
const AUTHORIZATION_RESULT: usize = 4;
/// Smallest MCS Connect Initial met is 380 bytes; CredSSP's last message (the credentials) stays in the same range, so order
/// decides as well.
const CONNECT_INITIAL: usize = 200;
/// More than any MCS Connect Initial met: a Kerberos ticket inside CredSSP's first message.
const TICKET: usize = 1000;
const ERECT_DOMAIN: usize = 12;
const ATTACH_USER: usize = 8;
/// What no cipher suite adds to a record: initialisation vector, MAC of SHA-384, padding.
const LARGEST_OVERHEAD: usize = 16 + 48 + 16;
const ATTACH_CONFIRM: usize = 11;
const JOIN_REQUEST: usize = 12;
const JOIN_CONFIRM: usize = 15;
/// Client Info carries at least a security header, flags, five lengths and the extended info.
const CLIENT_INFO: usize = 100;
/// Demand Active and Confirm Active hold all capability sets.
const CAPABILITIES: usize = 250;
/// Server's records after Confirm Active that belong to activation: Synchronize, Control twice, Font Map.
const FINALIZATION: u32 = 4;
/// Records each way that no connection sequence needs: then a session runs, whatever its PDUs look like.
const CERTAINLY_SESSION: u32 = 24;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// The client offered CredSSP, and whether the server selected it was not captured.
    Unknown,
    /// CredSSP, when it was selected.
    Nla,
    /// Connect Initial is next.
    Mcs,
    /// Connect Initial was sent; joins follow.
    Joining,
    /// Client Info was sent; licensing follows.
    Licensing,
    /// Confirm Active was sent.
    Activating,
    Session,
}

/// Follows one connection's records of application data.
#[derive(Clone)]
pub(crate) struct Inference {
    phase: Phase,
    early_result: bool,
    client: u32,
    server: u32,
    /// Largest possible plaintext and place of the client's last record, unless the server spoke since.
    last_client: Option<(usize, Place)>,
    since_phase: u32,
    joined: bool,
    demanded: bool,
}

fn is(plain: &RangeInclusive<usize>, length: usize) -> bool {
    plain.contains(&length)
}

/// Whether a record of at most `n` bytes before one of at most `attach` is Erect Domain.
fn precedes_attach_user(n: usize, attach: usize) -> bool {
    // Without the ServerHello the suite is not known, and the most that a record may hold is all of it: then their
    // difference tells.
    let unknown = attach <= ATTACH_USER + LARGEST_OVERHEAD
        && n.checked_sub(attach) == Some(ERECT_DOMAIN - ATTACH_USER);
    (ERECT_DOMAIN..ERECT_DOMAIN + 16).contains(&n) || unknown
}

impl Inference {
    /// For a connection with this `selectedProtocol`; where that was not captured, with these `requestedProtocols`.
    pub(crate) fn new(selected: Option<u32>, requested: u32) -> Self {
        let nla = |protocols| protocols & (protocol::HYBRID | protocol::HYBRID_EX) != 0;
        let phase = match selected {
            Some(selected) if nla(selected) => Phase::Nla,
            None if nla(requested) => Phase::Unknown,
            _ => Phase::Mcs,
        };
        Self {
            phase,
            early_result: selected.is_some_and(|s| s & protocol::HYBRID_EX != 0),
            client: 0,
            server: 0,
            last_client: None,
            since_phase: 0,
            joined: false,
            demanded: false,
        }
    }

    /// Takes note of one record with this much plaintext.
    pub(crate) fn record(
        &mut self,
        side: Side,
        plain: &RangeInclusive<usize>,
        place: Place,
        story: &mut Story,
    ) {
        match side {
            Side::Client => {
                self.client += 1;
                self.client_record(plain, place, story);
                self.last_client = Some((*plain.end(), place));
            }
            Side::Server => {
                self.server += 1;
                self.server_record(plain, place, story);
                self.last_client = None;
            }
        }
        if self.phase < Phase::Session && self.client.min(self.server) >= CERTAINLY_SESSION {
            self.enter(Phase::Session);
            story
                .tell(kind::SESSION_DATA_SEEN, place)
                .flag(field::INFERRED, true);
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since_phase = 0;
    }

    fn client_record(&mut self, plain: &RangeInclusive<usize>, place: Place, story: &mut Story) {
        if self.phase == Phase::Unknown {
            let sequence = (CONNECT_INITIAL..TICKET).contains(plain.end());
            self.phase = if sequence { Phase::Mcs } else { Phase::Nla };
        }
        match self.phase {
            Phase::Nla => {
                if self.client == 1 {
                    story.tell(kind::CREDSSP_STARTED, place);
                } else if self.client >= 3
                    && self.server > 0
                    && self.last_client.is_some()
                    && !self.early_result
                    && *plain.end() >= CONNECT_INITIAL
                {
                    // CredSSP alternates; two in a row are the credentials and, unasked, Connect Initial.
                    self.connect_initial(place, story);
                } else if is(plain, ATTACH_USER)
                    && self
                        .last_client
                        .is_some_and(|(n, _)| precedes_attach_user(n, *plain.end()))
                {
                    // Missed until now: the pair that follows Connect Initial.
                    self.connect_initial(place, story);
                }
            }
            Phase::Mcs => {
                if *plain.end() >= CONNECT_INITIAL {
                    self.connect_initial(place, story);
                }
            }
            Phase::Joining => {
                if is(plain, JOIN_REQUEST) || is(plain, ATTACH_USER) {
                    self.joined = true;
                } else if self.joined && *plain.start() >= CLIENT_INFO {
                    self.enter(Phase::Licensing);
                }
            }
            Phase::Licensing => {
                if self.demanded && *plain.end() >= CAPABILITIES {
                    self.enter(Phase::Activating);
                    story
                        .tell(kind::ACTIVATION_STARTED, place)
                        .flag(field::INFERRED, true);
                }
            }
            Phase::Unknown | Phase::Activating | Phase::Session => {}
        }
    }

    fn connect_initial(&mut self, place: Place, story: &mut Story) {
        self.enter(Phase::Joining);
        story
            .tell(kind::MCS_CONNECT_INITIAL, place)
            .flag(field::INFERRED, true);
    }

    fn server_record(&mut self, plain: &RangeInclusive<usize>, place: Place, story: &mut Story) {
        self.since_phase += 1;
        match self.phase {
            Phase::Nla
                if self.early_result && self.client >= 2 && is(plain, AUTHORIZATION_RESULT) =>
            {
                story
                    .tell(kind::AUTHORIZATION_ANSWERED, place)
                    .flag(field::INFERRED, true);
                self.enter(Phase::Mcs);
            }
            Phase::Joining if self.since_phase == 1 => {
                story
                    .tell(kind::MCS_CONNECT_RESPONSE, place)
                    .flag(field::INFERRED, true);
            }
            Phase::Joining if is(plain, ATTACH_CONFIRM) || is(plain, JOIN_CONFIRM) => {
                self.joined = true;
            }
            Phase::Licensing => {
                if self.since_phase == 1 {
                    story
                        .tell(kind::LICENSING_MESSAGE, place)
                        .flag(field::INFERRED, true);
                } else if *plain.end() >= CAPABILITIES {
                    self.demanded = true;
                }
            }
            Phase::Activating if self.since_phase > FINALIZATION => {
                self.enter(Phase::Session);
                story
                    .tell(kind::SESSION_DATA_SEEN, place)
                    .flag(field::INFERRED, true);
            }
            _ => {}
        }
    }
}
