//! The secrets of one connection at work: which keys are in force for which record.

use tls_parser::TlsCipherSuite;

use super::tls::Record;
use crate::pcap::tcp::side::{Pair, Side};
use crate::tls::keylog::{KeyLog, Label};
use crate::tls::keys;
use crate::tls::protection::{Opener, implicit_nonce};
use crate::tls::record::{TLS12, TLS13};

/// Records in a row that do not open, after which the secrets are taken for another connection's.
const FAILURES: u32 = 8;

/// What a connection negotiated.
pub(crate) struct Negotiated {
    pub version: u16,
    pub suite: u16,
    pub client_random: [u8; 32],
    pub server_random: [u8; 32],
    pub encrypt_then_mac: bool,
}

/// Keys of both directions.
#[derive(Clone, Default)]
pub(crate) struct Opening {
    openers: Pair<Option<Opener>>,
    failures: Pair<u32>,
    /// Secrets of TLS 1.3 that come into force with Finished.
    traffic: Pair<Option<Vec<u8>>>,
    suite: u16,
}

impl Opening {
    /// Makes keys of the secrets for a connection, when there are any.
    pub(crate) fn install(&mut self, n: &Negotiated, log: &KeyLog) {
        let Some(suite) = TlsCipherSuite::from_id(n.suite) else {
            return;
        };
        self.suite = n.suite;
        let secret = |label| log.get(&n.client_random, label);
        if n.version >= TLS13 {
            let opener =
                |label| Opener::new(suite, keys::tls13(suite, secret(label)?), true, false);
            self.openers = Pair {
                client: opener(Label::ClientHandshake),
                server: opener(Label::ServerHandshake),
            };
            let traffic = |label| secret(label).map(<[u8]>::to_vec);
            self.traffic = Pair {
                client: traffic(Label::ClientTraffic),
                server: traffic(Label::ServerTraffic),
            };
        } else if let (Some(master), Some(iv), TLS12) = (
            secret(Label::ClientRandom),
            implicit_nonce(suite),
            n.version,
        ) {
            let [client, server] =
                keys::tls12(suite, master, &n.client_random, &n.server_random, iv);
            let opener = |keys| Opener::new(suite, keys, false, n.encrypt_then_mac);
            self.openers = Pair {
                client: opener(client),
                server: opener(server),
            };
        }
    }

    /// Whether there is a key for either direction.
    pub(crate) fn is_possible(&self) -> bool {
        self.openers.any(Option::is_some)
    }

    /// Content type and plaintext of a protected record. With `wanted` false the record is only counted.
    pub(crate) fn open(&mut self, r: &Record<'_>, wanted: bool) -> Option<(u8, Vec<u8>)> {
        let opener = self.openers[r.side].as_mut()?;
        if !wanted || r.cut || r.body.len() != r.length {
            opener.pass();
            return None;
        }
        let plain = opener.open(r.content, r.version, r.body);
        self.failures[r.side] = if plain.is_some() {
            0
        } else {
            self.failures[r.side] + 1
        };
        if self.failures[r.side] >= FAILURES {
            self.openers[r.side] = None;
        }
        plain
    }

    /// Puts a side's next traffic secret into force: behind Finished, or behind KeyUpdate with its label (RFC 8446 §7.2).
    pub(crate) fn next_secret(&mut self, side: Side, label: Option<&str>) {
        let Some(suite) = TlsCipherSuite::from_id(self.suite) else {
            return;
        };
        let Some(secret) = &mut self.traffic[side] else {
            return;
        };
        if let Some(label) = label {
            *secret = keys::expand_label(keys::Hash::of_suite(suite), secret, label, secret.len());
        }
        self.openers[side] = Opener::new(suite, keys::tls13(suite, secret), true, false);
    }
}
