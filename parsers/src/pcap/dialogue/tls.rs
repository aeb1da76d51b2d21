//! One TLS connection from the outside, and from the inside when there are secrets: hellos, certificate, alerts, and when the
//! handshake was over.

use std::ops::RangeInclusive;

use super::hello::{tell_certificate, tell_client_hello, tell_server_hello};
use super::opening::{Negotiated, Opening};
use super::story::Story;
use crate::pcap::tcp::side::{Pair, Side};
use crate::pcap::tcp::stream::Place;
use crate::pcap::vocabulary::{field, kind};
use crate::tls::certificate::{first_in_message, first_in_message_13};
use crate::tls::hello::{ENCRYPT_THEN_MAC, Hello, client_hello, server_hello};
use crate::tls::keylog::KeyLog;
use crate::tls::record::{TLS13, content, plaintext_length};

/// Handshake bytes kept per side; a chain of certificates is some KiB.
const MOST_HANDSHAKE: usize = 64 << 10;
/// Plaintext of an alert.
const ALERT_LENGTH: usize = 2;
/// An alert as record of TLS 1.3: two bytes, the inner type, the tag.
const HIDDEN_ALERT: usize = ALERT_LENGTH + 1 + 16;
/// Description of the alert that only says goodbye.
const CLOSE_NOTIFY: u8 = 0;
/// Shortest Finished message: header and a 32-byte hash (RFC 8446 §4.4.4).
const SHORTEST_FINISHED: usize = 4 + 32;
/// Once a session runs, only records up to this length are opened: the PDUs that explain an end are short.
const LARGEST_IN_SESSION: usize = 512;

/// Handshake message types.
mod message {
    pub(super) const CLIENT_HELLO: u8 = 1;
    pub(super) const SERVER_HELLO: u8 = 2;
    pub(super) const CERTIFICATE: u8 = 11;
    pub(super) const FINISHED: u8 = 20;
    pub(super) const KEY_UPDATE: u8 = 24;
}

/// One record as cut from the stream.
pub(crate) struct Record<'a> {
    pub side: Side,
    pub content: u8,
    /// Version in the record's header.
    pub version: u16,
    pub length: usize,
    /// What is there of the body.
    pub body: &'a [u8],
    pub cut: bool,
    /// Whether its last packet hardly comes from the side that it names.
    pub doubted: bool,
    pub place: Place,
}

/// What a record meant for those above TLS.
pub(crate) enum Meaning {
    /// Part of the handshake, or nothing.
    Handshake,
    /// A fatal alert (or an encrypted one before the handshake was over).
    Alert,
    /// Protected data of the application; how much plaintext it can hold.
    Data(RangeInclusive<usize>),
    /// The same, opened with secrets.
    Opened(Vec<u8>),
}

/// State of one connection.
#[derive(Clone, Default)]
pub(crate) struct Tls {
    /// Version and suite that the server chose.
    version: Option<u16>,
    suite: u16,
    /// Version and suite were cut off: the records decide.
    uncertain: bool,
    encrypt_then_mac: bool,
    randoms: Pair<Option<[u8; 32]>>,
    pub completed: bool,
    /// First fatal alert: who, where.
    pub alert: Option<(Side, Place)>,
    /// Frame of each side's close_notify; encrypted ones are known by their length.
    pub goodbye: Pair<Option<u64>>,
    /// Handshake messages that are not complete yet.
    handshake: Pair<Vec<u8>>,
    hello_seen: Pair<bool>,
    /// ChangeCipherSpec seen.
    ciphered: Pair<bool>,
    /// Protected handshake record seen (TLS 1.2: Finished).
    finished: Pair<bool>,
    opening: Opening,
}

impl Tls {
    fn is_13(&self) -> bool {
        self.version.is_some_and(|v| v >= TLS13)
    }

    /// Whether anything of the handshake was seen.
    pub(crate) fn began(&self) -> bool {
        self.hello_seen.any(|seen| *seen)
    }

    /// Whether records may be openable: as long as the hellos have not settled it.
    pub(crate) fn may_open(&self) -> bool {
        self.randoms.server.is_none() || self.opening.is_possible()
    }

    /// Takes note of a record.
    pub(crate) fn record(&mut self, r: &Record<'_>, keys: &KeyLog, story: &mut Story) -> Meaning {
        let ciphered = self.ciphered[r.side];
        self.settle(r.content, ciphered);
        if let Some(meaning) = self.open(r, ciphered, story) {
            return meaning;
        }
        match r.content {
            content::CHANGE_CIPHER_SPEC => self.ciphered[r.side] = true,
            content::HANDSHAKE if ciphered && !self.is_13() && self.version.is_some() => {
                self.finished[r.side] = true;
                if self.finished.all(|f| *f) {
                    self.complete(r.place, story);
                }
            }
            content::HANDSHAKE => {
                let before = self.randoms.server;
                self.handshake(r, r.body, story);
                if self.randoms.server != before {
                    self.install(keys);
                }
            }
            content::ALERT if r.length == ALERT_LENGTH && r.body.len() == ALERT_LENGTH => {
                return self.alert(r, r.body, story);
            }
            content::ALERT => return self.hidden_alert(r, story),
            content::APPLICATION_DATA => return self.protected(r, story),
            _ => {}
        }
        Meaning::Handshake
    }

    /// A ServerHello cut before its extensions leaves the version open. Application data behind ChangeCipherSpec without a
    /// Finished between them is TLS 1.3.
    fn settle(&mut self, content: u8, ciphered: bool) {
        if self.uncertain
            && ciphered
            && matches!(content, content::APPLICATION_DATA | content::HANDSHAKE)
        {
            self.uncertain = false;
            if content == content::APPLICATION_DATA {
                self.version = Some(TLS13);
            }
        }
    }

    fn install(&mut self, keys: &KeyLog) {
        let (Some(version), Some(client_random), Some(server_random)) =
            (self.version, self.randoms.client, self.randoms.server)
        else {
            return;
        };
        let negotiated = Negotiated {
            version,
            suite: self.suite,
            client_random,
            server_random,
            encrypt_then_mac: self.encrypt_then_mac,
        };
        self.opening.install(&negotiated, keys);
    }

    /// Opens a protected record. `None`: it is not protected, or cannot be opened.
    fn open(&mut self, r: &Record<'_>, ciphered: bool, story: &mut Story) -> Option<Meaning> {
        let protected = if self.is_13() {
            r.content == content::APPLICATION_DATA
        } else {
            ciphered
        };
        if !protected || r.content == content::CHANGE_CIPHER_SPEC {
            return None;
        }
        let wanted = r.length <= LARGEST_IN_SESSION
            || !self.completed
            || !story.told(kind::SESSION_DATA_SEEN);
        let (content, plain) = self.opening.open(r, wanted)?;
        match content {
            content::HANDSHAKE if self.is_13() => self.handshake(r, &plain, story),
            content::HANDSHAKE => return None, // Finished of TLS 1.2: what counts is that it is there
            content::ALERT => return Some(self.alert(r, &plain, story)),
            content::APPLICATION_DATA => {
                self.complete(r.place, story);
                return Some(Meaning::Opened(plain));
            }
            _ => {}
        }
        Some(Meaning::Handshake)
    }

    fn complete(&mut self, place: Place, story: &mut Story) {
        if !std::mem::replace(&mut self.completed, true) {
            story.tell(kind::TLS_COMPLETED, place);
        }
    }

    fn say_goodbye(&mut self, r: &Record<'_>) {
        self.goodbye[r.side].get_or_insert(r.place.frame);
    }

    fn alert(&mut self, r: &Record<'_>, body: &[u8], story: &mut Story) -> Meaning {
        let Some([level, description]) = body.first_chunk().copied() else {
            return Meaning::Handshake;
        };
        if description == CLOSE_NOTIFY {
            self.say_goodbye(r);
        }
        // Anybody on the way can write an alert in clear into a connection, and both ends give up as they do for a true one.
        if r.doubted && description != CLOSE_NOTIFY {
            let what = "an alert with a TTL that no other packet of its side has: somebody else sent it, so it is not believed";
            story.defect(r.place, what);
            return Meaning::Handshake;
        }
        if description != CLOSE_NOTIFY || !self.completed {
            let mut step = story.tell(kind::TLS_ALERTED, r.place);
            step.text(field::FROM, r.side.name())
                .int(field::LEVEL, i64::from(level))
                .int(field::ALERT, i64::from(description));
        }
        if description == CLOSE_NOTIFY {
            return Meaning::Handshake; // an orderly end, or given up: nothing went wrong
        }
        self.alert.get_or_insert((r.side, r.place));
        Meaning::Alert
    }

    /// An alert that is encrypted. After the handshake it is nearly always close_notify; before, it never is.
    fn hidden_alert(&mut self, r: &Record<'_>, story: &mut Story) -> Meaning {
        if self.completed || !self.began() {
            self.say_goodbye(r);
            return Meaning::Handshake;
        }
        story
            .tell(kind::TLS_ALERTED, r.place)
            .text(field::FROM, r.side.name())
            .flag(field::INFERRED, true);
        self.alert.get_or_insert((r.side, r.place));
        Meaning::Alert
    }

    /// A record of type application data: in TLS 1.3 these also hide the rest of the handshake.
    fn protected(&mut self, r: &Record<'_>, story: &mut Story) -> Meaning {
        // No suite of TLS 1.2 makes a record this short.
        if r.length == HIDDEN_ALERT && (self.is_13() || !self.began()) {
            return self.hidden_alert(r, story);
        }
        let plain = self
            .version
            .map_or(0..=r.length, |v| plaintext_length(v, self.suite, r.length));
        if !self.completed && self.is_13() {
            // The client's Finished ends the handshake; the server's flight comes before it.
            if r.side == Side::Client && *plain.end() >= SHORTEST_FINISHED {
                self.complete(r.place, story);
            }
            return Meaning::Handshake;
        }
        if self.began() {
            self.complete(r.place, story); // data says so, even if a record before it was missed
        }
        Meaning::Data(plain)
    }

    /// Handshake messages in clear or opened; they may span records.
    fn handshake(&mut self, r: &Record<'_>, body: &[u8], story: &mut Story) {
        let mut buffer = std::mem::take(&mut self.handshake[r.side]);
        if buffer.len() + body.len() <= MOST_HANDSHAKE {
            buffer.extend_from_slice(body);
        }
        let mut at = 0;
        while let Some([kind, a, b, c]) = buffer.get(at..at + 4) {
            let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
            if length > MOST_HANDSHAKE {
                story.defect(
                    r.place,
                    "TLS handshake message longer than any server's chain",
                );
            }
            let body = match buffer.get(at + 4..at + 4 + length) {
                Some(whole) => whole,
                None if r.cut => buffer.get(at + 4..).unwrap_or_default(),
                None => break,
            };
            self.message(r, *kind, body, story);
            at = (at + 4 + length).min(buffer.len());
        }
        buffer.drain(..if r.cut { buffer.len() } else { at });
        // Chains of certificates are long, and what comes after them is not.
        self.handshake[r.side] = if buffer.is_empty() {
            Vec::new()
        } else {
            buffer
        };
    }

    fn message(&mut self, r: &Record<'_>, kind: u8, body: &[u8], story: &mut Story) {
        match (kind, r.side) {
            (message::CLIENT_HELLO, Side::Client) if !self.hello_seen.client => {
                // A second one, after HelloRetryRequest, says nothing new.
                let hello = client_hello(body);
                if hello.cut && !r.cut {
                    story.defect(r.place, "lengths inside the ClientHello do not fit");
                }
                self.hello_seen.client = true;
                self.randoms.client = hello.random.first_chunk().copied();
                tell_client_hello(&hello, r.place, story);
            }
            (message::SERVER_HELLO, Side::Server) => {
                let hello = server_hello(body);
                if hello.cut && !r.cut {
                    story.defect(r.place, "lengths inside the ServerHello do not fit");
                }
                self.server_hello(&hello, r.place, story);
            }
            (message::CERTIFICATE, Side::Server) => {
                let der = if self.is_13() {
                    first_in_message_13(body)
                } else {
                    first_in_message(body)
                };
                match der {
                    Some(der) => tell_certificate(der, r.place, story),
                    // A server without certificate (anonymous suites) sends an empty list.
                    None if !r.cut && body.len() > 4 => {
                        story.defect(r.place, "lengths inside the Certificate message do not fit");
                    }
                    None => {}
                }
            }
            (message::FINISHED, side) if self.is_13() => {
                self.opening.next_secret(side, None);
                if side == Side::Client {
                    self.complete(r.place, story);
                }
            }
            (message::KEY_UPDATE, side) if self.is_13() => {
                self.opening.next_secret(side, Some("traffic upd"));
            }
            _ => {}
        }
    }

    fn server_hello(&mut self, hello: &Hello<'_>, place: Place, story: &mut Story) {
        self.hello_seen.server = true;
        let suite = hello.suites.first().copied().unwrap_or(0);
        // A cut hello may hide the extension that says 1.3, but only 1.3 uses these suites.
        let version = if (0x1301..=0x1305).contains(&suite) {
            TLS13
        } else {
            hello.chosen_version()
        };
        if !hello.is_retry() {
            self.randoms.server = hello.random.first_chunk().copied();
            self.suite = suite;
            self.version = Some(version);
            self.uncertain = hello.cut && suite == 0;
            self.encrypt_then_mac = hello.extension(ENCRYPT_THEN_MAC).is_some();
        }
        tell_server_hello(hello, version, place, story);
    }
}
