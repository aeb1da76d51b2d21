//! One TLS connection from the outside: hellos, certificate, alerts, and when the handshake was over.

use tls_parser::TlsCipherSuite;

use super::certificate::{certificate, first_in_message, first_in_message_13};
use super::fingerprint;
use super::hello::{Hello, client_hello, server_hello};
use super::keylog::{KeyLog, Label};
use super::keys;
use super::protection::{Opener, implicit_nonce};
use super::record::{content, plaintext_length, version_name};
use crate::pcap::endpoint::Side;
use crate::pcap::story::{Story, hex, printable};
use crate::pcap::stream::Place;
use crate::pcap::vocabulary::{field, kind};

/// Handshake bytes kept per side; a chain of certificates is some KiB.
const MOST_HANDSHAKE: usize = 64 << 10;
/// Extension encrypt_then_mac (RFC 7366).
const ENCRYPT_THEN_MAC: u16 = 22;
/// Plaintext of an alert.
const ALERT_LENGTH: usize = 2;
/// An alert as record of TLS 1.3: two bytes, the inner type, the tag.
const HIDDEN_ALERT: usize = ALERT_LENGTH + 1 + 16;
/// Description of the alert that only says goodbye.
const CLOSE_NOTIFY: u8 = 0;
/// Once a session runs, only records up to this length are opened: the PDUs that explain an end are short.
const LARGEST_IN_SESSION: usize = 512;
/// Shortest Finished message: header and a 32-byte hash (RFC 8446 §4.4.4).
const SHORTEST_FINISHED: usize = 4 + 32;

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
    /// The same, opened with secrets.
    Opened(Vec<u8>),
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
    /// Frame of each side's close_notify; encrypted ones are known by their length.
    pub goodbye: [Option<u64>; 2],
    handshake: [Vec<u8>; 2],
    /// ChangeCipherSpec seen.
    ciphered: [bool; 2],
    /// Protected handshake record seen (TLS 1.2: Finished).
    finished: [bool; 2],
    /// Whether the handshake was followed from its beginning.
    hello_seen: [bool; 2],
    /// Version and suite were cut off: the records decide.
    uncertain: bool,
    encrypt_then_mac: bool,
    openers: [Option<Opener>; 2],
    /// Secrets of TLS 1.3 that come into force with Finished.
    traffic: [Option<Vec<u8>>; 2],
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
    pub(crate) fn record(&mut self, r: &Record<'_>, keys: &KeyLog, story: &mut Story) -> Meaning {
        let ciphered = self.ciphered.get(index(r.side)).copied().unwrap_or(false);
        self.settle(r, ciphered);
        if let Some(meaning) = self.open(r, ciphered, story) {
            return meaning;
        }
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
                let before = self.server_random;
                self.handshake(r, r.body, story);
                if self.server_random != before {
                    self.install(keys);
                }
                Meaning::Handshake
            }
            content::ALERT => self.alert(r, story),
            content::APPLICATION_DATA => self.protected(r, story),
            _ => Meaning::Handshake,
        }
    }

    /// A ServerHello cut before its extensions leaves the version open. Application data behind ChangeCipherSpec without a
    /// Finished between them is TLS 1.3.
    fn settle(&mut self, r: &Record<'_>, ciphered: bool) {
        if !self.uncertain || !ciphered {
            return;
        }
        match r.content {
            content::APPLICATION_DATA => (self.version, self.uncertain) = (Some(0x0304), false),
            content::HANDSHAKE => self.uncertain = false,
            _ => {}
        }
    }

    /// Makes keys of the secrets for this connection, when there are any.
    fn install(&mut self, log: &KeyLog) {
        let (Some(client), Some(server), Some(suite)) = (
            self.client_random,
            self.server_random,
            TlsCipherSuite::from_id(self.suite),
        ) else {
            return;
        };
        if self.is_13() {
            let opener = |label| {
                Opener::new(
                    suite,
                    keys::tls13(suite, log.get(&client, label)?),
                    true,
                    false,
                )
            };
            self.openers = [
                opener(Label::ClientHandshake),
                opener(Label::ServerHandshake),
            ];
            self.traffic = [Label::ClientTraffic, Label::ServerTraffic]
                .map(|label| log.get(&client, label).map(<[u8]>::to_vec));
        } else if let (Some(master), Some(iv), Some(0x0303)) = (
            log.get(&client, Label::ClientRandom),
            implicit_nonce(suite),
            self.version,
        ) {
            let made = keys::tls12(suite, master, &client, &server, iv);
            self.openers = made.map(|k| Opener::new(suite, k, false, self.encrypt_then_mac));
        }
    }

    /// Whether records may be openable: as long as the hellos have not settled it.
    pub(crate) fn may_open(&self) -> bool {
        self.server_random.is_none() || self.openers.iter().any(Option::is_some)
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
        let opener = slot(&mut self.openers, r.side).as_mut()?;
        if r.cut || r.body.len() != r.length {
            opener.pass();
            return None;
        }
        if self.completed && r.length > LARGEST_IN_SESSION && story.told(kind::SESSION_DATA_SEEN) {
            opener.pass();
            return None;
        }
        let (content, plain) = opener.open(r.content, r.version, r.body)?;
        Some(match content {
            content::HANDSHAKE if self.is_13() => {
                self.handshake(r, &plain, story);
                Meaning::Handshake
            }
            content::HANDSHAKE => return None, // Finished of TLS 1.2: what counts is that it is there
            content::ALERT => self.clear_alert(r, &plain, story),
            content::APPLICATION_DATA => {
                self.complete(r.place, story);
                Meaning::Opened(plain)
            }
            _ => Meaning::Handshake,
        })
    }

    fn complete(&mut self, place: Place, story: &mut Story) {
        if !self.completed {
            self.completed = true;
            story.tell(kind::TLS_COMPLETED, place);
        }
    }

    fn alert(&mut self, r: &Record<'_>, story: &mut Story) -> Meaning {
        if r.length == ALERT_LENGTH && r.body.len() == ALERT_LENGTH {
            return self.clear_alert(r, r.body, story);
        }
        self.hidden_alert(r, story)
    }

    fn clear_alert(&mut self, r: &Record<'_>, body: &[u8], story: &mut Story) -> Meaning {
        if let Some([level, description]) = body.get(..ALERT_LENGTH) {
            let (level, description) = (*level, *description);
            if description == CLOSE_NOTIFY {
                self.say_goodbye(r);
                if self.completed {
                    return Meaning::Handshake; // the orderly end of every session
                }
            }
            story
                .tell(kind::TLS_ALERTED, r.place)
                .text(field::FROM, r.side.name())
                .int(field::LEVEL, i64::from(level))
                .int(field::ALERT, i64::from(description));
            if description == CLOSE_NOTIFY {
                return Meaning::Handshake; // given up, but nothing went wrong
            }
            self.alert.get_or_insert((r.side, r.place));
        }
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

    fn say_goodbye(&mut self, r: &Record<'_>) {
        slot(&mut self.goodbye, r.side).get_or_insert(r.place.frame);
    }

    /// A record of type application data: in TLS 1.3 these also hide the rest of the handshake.
    fn protected(&mut self, r: &Record<'_>, story: &mut Story) -> Meaning {
        let plain = self
            .version
            .map_or(0..=r.length, |v| plaintext_length(v, self.suite, r.length));
        // No other suite than those of TLS 1.3 makes a record this short.
        let alert = r.length == HIDDEN_ALERT && (self.is_13() || !self.began());
        if alert {
            return self.hidden_alert(r, story);
        }
        if self.completed {
            return Meaning::Data(plain);
        }
        if !self.is_13() {
            if self.began() {
                self.complete(r.place, story); // data says so, even if a record before was missed
            }
            return Meaning::Data(plain);
        }
        // Client's Finished ends the handshake; the server's flight comes before it.
        if r.side == Side::Client && *plain.end() >= SHORTEST_FINISHED {
            self.complete(r.place, story);
        }
        Meaning::Handshake
    }

    /// Handshake messages in clear or opened; they may span records.
    fn handshake(&mut self, r: &Record<'_>, body: &[u8], story: &mut Story) {
        let mut buffer = std::mem::take(slot(&mut self.handshake, r.side));
        if buffer.len() + body.len() <= MOST_HANDSHAKE {
            buffer.extend_from_slice(body);
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
            (message::CLIENT_HELLO, Side::Client) => {
                self.client_hello(&client_hello(body), r.place, story)
            }
            (message::SERVER_HELLO, Side::Server) => {
                self.server_hello(&server_hello(body), r.place, story)
            }
            (message::CERTIFICATE, Side::Server) => {
                let der = if self.is_13() {
                    first_in_message_13(body)
                } else {
                    first_in_message(body)
                };
                if let Some(der) = der {
                    tell_certificate(der, r.place, story);
                }
            }
            (message::FINISHED, side) if self.is_13() => {
                self.next_secret(side, None);
                if side == Side::Client {
                    self.complete(r.place, story);
                }
            }
            (message::KEY_UPDATE, side) if self.is_13() => {
                self.next_secret(side, Some("traffic upd"))
            }
            _ => {}
        }
    }

    /// Puts the next traffic secret of a side into force (RFC 8446 §7.2, §7.3).
    fn next_secret(&mut self, side: Side, label: Option<&str>) {
        let Some(suite) = TlsCipherSuite::from_id(self.suite) else {
            return;
        };
        let Some(secret) = slot(&mut self.traffic, side) else {
            return;
        };
        if let Some(label) = label {
            let next = keys::expand_label(keys::Hash::of_suite(suite), secret, label, secret.len());
            *secret = next;
        }
        *slot(&mut self.openers, side) =
            Opener::new(suite, keys::tls13(suite, secret), true, false);
    }

    fn client_hello(&mut self, hello: &Hello<'_>, place: Place, story: &mut Story) {
        if std::mem::replace(slot(&mut self.hello_seen, Side::Client), true) {
            return; // the second one, after HelloRetryRequest, says nothing new
        }
        self.client_random = hello.random.first_chunk().copied();
        let mut step = story.tell(kind::TLS_CLIENT_HELLO, place);
        step.text(field::VERSION, version_name(hello.version))
            .text(field::RANDOM, &hex(hello.random));
        if hello.suites.is_empty() {
            return; // cut before anything that could be told
        }
        let versions: Vec<_> = hello
            .offered_versions()
            .into_iter()
            .filter(|v| *v & 0x0f0f != 0x0a0a)
            .map(version_name)
            .collect();
        let numbers = |list: &[u16]| {
            list.iter()
                .map(|n| format!("{n:04x}"))
                .collect::<Vec<_>>()
                .join(" ")
        };
        step.text(field::VERSIONS, &versions.join(" "))
            .text(field::SUITES, &numbers(&hello.suites))
            .text(field::GROUPS, &numbers(&hello.groups()))
            .text(
                field::SNI,
                &hello.server_name().map(printable).unwrap_or_default(),
            );
        if !hello.cut {
            step.text(field::JA3, &fingerprint::ja3(hello))
                .text(field::JA4, &fingerprint::ja4(hello));
        }
    }

    fn server_hello(&mut self, hello: &Hello<'_>, place: Place, story: &mut Story) {
        *slot(&mut self.hello_seen, Side::Server) = true;
        let suite = hello.suites.first().copied().unwrap_or(0);
        if !hello.is_retry() {
            self.server_random = hello.random.first_chunk().copied();
            self.suite = suite;
            // A cut hello may hide the extension that says 1.3, but only 1.3 uses these suites.
            let version = if (0x1301..=0x1305).contains(&suite) {
                0x0304
            } else {
                hello.chosen_version()
            };
            self.version = Some(version);
            self.uncertain = hello.cut && suite == 0;
            self.encrypt_then_mac = hello.extension(ENCRYPT_THEN_MAC).is_some();
        }
        let mut step = story.tell(kind::TLS_SERVER_HELLO, place);
        step.text(
            field::VERSION,
            version_name(self.version.unwrap_or(hello.chosen_version())),
        );
        if suite != 0 {
            let name = TlsCipherSuite::from_id(suite)
                .map_or_else(|| format!("0x{suite:04x}"), |s| s.name.to_owned());
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
