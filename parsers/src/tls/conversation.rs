//! One TLS connection from the outside: hellos, certificate, alerts, and when the handshake was over.

use tls_parser::TlsCipherSuite;

use super::certificate::{certificate, first_in_message};
use super::hello::{Hello, client_hello, server_hello};
use super::record::{content, plaintext_length, version_name};
use super::fingerprint;
use crate::pcap::endpoint::Side;
use crate::pcap::story::{Story, hex, printable};
use crate::pcap::stream::Place;
use crate::pcap::vocabulary::{field, kind};

/// Handshake bytes kept per side; a chain of certificates is some KiB.
const MOST_HANDSHAKE: usize = 64 << 10;
/// Plaintext of an alert.
const ALERT_LENGTH: usize = 2;
/// Shortest Finished message: header and a 32-byte hash (RFC 8446 §4.4.4).
const SHORTEST_FINISHED: usize = 4 + 32;

mod message {
    pub(super) const CLIENT_HELLO: u8 = 1;
    pub(super) const SERVER_HELLO: u8 = 2;
    pub(super) const CERTIFICATE: u8 = 11;
}

/// One record as cut from the stream.
pub(crate) struct Record<'a> {
    pub side: Side,
    pub content: u8,
    pub length: usize,
    /// What is there of the body.
    pub body: &'a [u8],
    pub cut: bool,
    pub place: Place,
}

/// What a record meant for those above TLS.
pub(crate) enum Meaning {
    /// Part of the handshake, or nothing.
    Handshake,
    /// A fatal alert (or an encrypted one before the handshake was over).
    Alert,
    /// Protected data of the application; how much plaintext it can hold.
    Data(std::ops::RangeInclusive<usize>),
}

/// State of one connection.
#[derive(Default)]
pub(crate) struct Conversation {
    pub version: Option<u16>,
    pub suite: u16,
    pub client_random: Option<[u8; 32]>,
    pub server_random: Option<[u8; 32]>,
    pub completed: bool,
    /// First fatal alert: who, where.
    pub alert: Option<(Side, Place)>,
    handshake: [Vec<u8>; 2],
    /// ChangeCipherSpec seen.
    ciphered: [bool; 2],
    /// Protected handshake record seen (TLS 1.2: Finished).
    finished: [bool; 2],
    /// Whether the handshake was followed from its beginning.
    hello_seen: [bool; 2],
}

fn index(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

fn slot<T>(pair: &mut [T; 2], side: Side) -> &mut T {
    let [client, server] = pair;
    match side {
        Side::Client => client,
        Side::Server => server,
    }
}

impl Conversation {
    /// Whether TLS 1.3 was negotiated.
    fn is_13(&self) -> bool {
        self.version.is_some_and(|v| v >= 0x0304)
    }

    /// Whether anything of the handshake was seen.
    pub(crate) fn began(&self) -> bool {
        self.hello_seen != [false; 2]
    }

    /// Takes note of a record.
    pub(crate) fn record(&mut self, r: &Record<'_>, story: &mut Story) -> Meaning {
        let ciphered = self.ciphered.get(index(r.side)).copied().unwrap_or(false);
        match r.content {
            content::CHANGE_CIPHER_SPEC => {
                *slot(&mut self.ciphered, r.side) = true;
                Meaning::Handshake
            }
            content::HANDSHAKE if ciphered && !self.is_13() && self.version.is_some() => {
                *slot(&mut self.finished, r.side) = true;
                if self.finished == [true; 2] {
                    self.complete(r.place, story);
                }
                Meaning::Handshake
            }
            content::HANDSHAKE => {
                self.clear_handshake(r, story);
                Meaning::Handshake
            }
            content::ALERT => self.alert(r, story),
            content::APPLICATION_DATA => self.protected(r, story),
            _ => Meaning::Handshake,
        }
    }

    fn complete(&mut self, place: Place, story: &mut Story) {
        if !self.completed {
            self.completed = true;
            story.tell(kind::TLS_COMPLETED, place);
        }
    }

    fn alert(&mut self, r: &Record<'_>, story: &mut Story) -> Meaning {
        if let (ALERT_LENGTH, Some([level, description])) = (r.length, r.body.get(..2)) {
            let (level, description) = (*level, *description);
            story
                .tell(kind::TLS_ALERTED, r.place)
                .text(field::FROM, r.side.name())
                .int(field::LEVEL, i64::from(level))
                .int(field::ALERT, i64::from(description));
            if description == 0 {
                return Meaning::Handshake; // close_notify: an orderly end, not an alarm
            }
            self.alert.get_or_insert((r.side, r.place));
            return Meaning::Alert;
        }
        self.hidden_alert(r, story)
    }

    /// An alert that is encrypted. After the handshake it is nearly always close_notify; before, it never is.
    fn hidden_alert(&mut self, r: &Record<'_>, story: &mut Story) -> Meaning {
        if self.completed || !self.began() {
            return Meaning::Handshake;
        }
        story.tell(kind::TLS_ALERTED, r.place).text(field::FROM, r.side.name()).flag(field::INFERRED, true);
        self.alert.get_or_insert((r.side, r.place));
        Meaning::Alert
    }

    /// A record of type application data: in TLS 1.3 these also hide the rest of the handshake.
    fn protected(&mut self, r: &Record<'_>, story: &mut Story) -> Meaning {
        let plain = self.version.map_or(0..=r.length, |v| plaintext_length(v, self.suite, r.length));
        if self.completed {
            return Meaning::Data(plain);
        }
        if !self.is_13() {
            if self.began() {
                self.complete(r.place, story); // data says so, even if a record before was missed
            }
            return Meaning::Data(plain);
        }
        if plain == (ALERT_LENGTH..=ALERT_LENGTH) {
            return self.hidden_alert(r, story);
        }
        // Client's Finished ends the handshake; the server's flight comes before it.
        if r.side == Side::Client && *plain.end() >= SHORTEST_FINISHED {
            self.complete(r.place, story);
        }
        Meaning::Handshake
    }

    fn clear_handshake(&mut self, r: &Record<'_>, story: &mut Story) {
        let mut buffer = std::mem::take(slot(&mut self.handshake, r.side));
        if buffer.len() + r.body.len() <= MOST_HANDSHAKE {
            buffer.extend_from_slice(r.body);
        }
        let mut at = 0;
        while let Some([kind, a, b, c]) = buffer.get(at..at + 4) {
            let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
            let kind = *kind;
            let body = match buffer.get(at + 4..at + 4 + length) {
                Some(whole) => whole,
                None if r.cut => buffer.get(at + 4..).unwrap_or_default(),
                None => break,
            };
            self.message(r, kind, body, story);
            at = (at + 4 + length).min(buffer.len());
        }
        if r.cut {
            at = buffer.len();
        }
        buffer.drain(..at);
        *slot(&mut self.handshake, r.side) = buffer;
    }

    fn message(&mut self, r: &Record<'_>, kind: u8, body: &[u8], story: &mut Story) {
        match (kind, r.side) {
            (message::CLIENT_HELLO, Side::Client) => self.client_hello(&client_hello(body), r.place, story),
            (message::SERVER_HELLO, Side::Server) => self.server_hello(&server_hello(body), r.place, story),
            (message::CERTIFICATE, Side::Server) => {
                if let Some(der) = first_in_message(body) {
                    tell_certificate(der, r.place, story);
                }
            }
            _ => {}
        }
    }

    fn client_hello(&mut self, hello: &Hello<'_>, place: Place, story: &mut Story) {
        if std::mem::replace(slot(&mut self.hello_seen, Side::Client), true) {
            return; // the second one, after HelloRetryRequest, says nothing new
        }
        self.client_random = hello.random.first_chunk().copied();
        let mut step = story.tell(kind::TLS_CLIENT_HELLO, place);
        step.text(field::VERSION, version_name(hello.version)).text(field::RANDOM, &hex(hello.random));
        if hello.suites.is_empty() {
            return; // cut before anything that could be told
        }
        let versions: Vec<_> =
            hello.offered_versions().into_iter().filter(|v| *v & 0x0f0f != 0x0a0a).map(version_name).collect();
        let numbers = |list: &[u16]| list.iter().map(|n| format!("{n:04x}")).collect::<Vec<_>>().join(" ");
        step.text(field::VERSIONS, &versions.join(" "))
            .text(field::SUITES, &numbers(&hello.suites))
            .text(field::GROUPS, &numbers(&hello.groups()))
            .text(field::SNI, &hello.server_name().map(printable).unwrap_or_default());
        if !hello.cut {
            step.text(field::JA3, &fingerprint::ja3(hello)).text(field::JA4, &fingerprint::ja4(hello));
        }
    }

    fn server_hello(&mut self, hello: &Hello<'_>, place: Place, story: &mut Story) {
        *slot(&mut self.hello_seen, Side::Server) = true;
        let suite = hello.suites.first().copied().unwrap_or(0);
        if !hello.is_retry() {
            self.server_random = hello.random.first_chunk().copied();
            self.suite = suite;
            // A cut hello may hide the extension that says 1.3, but only 1.3 uses these suites.
            let version = if (0x1301..=0x1305).contains(&suite) { 0x0304 } else { hello.chosen_version() };
            self.version = Some(version);
        }
        let mut step = story.tell(kind::TLS_SERVER_HELLO, place);
        step.text(field::VERSION, version_name(self.version.unwrap_or(hello.chosen_version())));
        if suite != 0 {
            let name = TlsCipherSuite::from_id(suite).map_or_else(|| format!("0x{suite:04x}"), |s| s.name.to_owned());
            step.text(field::SUITE, &name);
        }
        if !hello.cut {
            step.text(field::JA3S, &fingerprint::ja3s(hello));
        }
        if hello.is_retry() {
            step.flag(field::RETRY, true);
        }
    }
}

/// Tells what a certificate says, judged by the capture's clock.
pub(crate) fn tell_certificate(der: &[u8], place: Place, story: &mut Story) {
    let c = certificate(der);
    let mut step = story.tell(kind::TLS_CERTIFICATE, place);
    step.text(field::SUBJECT, &c.subject)
        .text(field::ISSUER, &c.issuer)
        .flag(field::SELF_SIGNED, c.self_signed)
        .text(field::KEY, c.key)
        .int(field::KEY_BITS, i64::try_from(c.key_bits).unwrap_or(0))
        .text(field::THUMBPRINT, &c.thumbprint)
        .text(field::SHA256, &c.sha256)
        .text(field::SERIAL, &c.serial);
    if let Some((from, to)) = c.validity {
        step.int(field::NOT_BEFORE, from.0)
            .int(field::NOT_AFTER, to.0)
            .flag(field::EXPIRED, place.time > to)
            .flag(field::NOT_YET_VALID, place.time < from);
    }
}
