//! TLS secrets in the NSS key log format (draft-ietf-tls-keylogfile).

use std::collections::HashMap;

/// Secrets kept; a day of a busy proxy's key log has fewer.
const MOST_SECRETS: usize = 1 << 20;

/// Secrets by client random.
#[derive(Debug, Clone, Default)]
pub struct KeyLog {
    secrets: HashMap<([u8; 32], Label), Vec<u8>>,
}

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Label {
    /// Master secret of TLS 1.2 and before.
    ClientRandom,
    /// TLS 1.3 handshake traffic, client to server.
    ClientHandshake,
    /// TLS 1.3 handshake traffic, server to client.
    ServerHandshake,
    /// TLS 1.3 application traffic, client to server.
    ClientTraffic,
    /// TLS 1.3 application traffic, server to client.
    ServerTraffic,
}

impl KeyLog {
    /// Whether these first bytes of a file are a key log: its first line that is no comment begins with a known label.
    pub fn looks_like(head: &[u8]) -> bool {
        head.split(|b| *b == b'\n')
            .find(|l| !l.is_empty() && !l.starts_with(b"#"))
            .is_some_and(|l| line(l).is_some())
    }

    /// Reads a whole key log.
    pub fn parse(text: &[u8]) -> Self {
        let mut log = Self::default();
        log.add(text);
        log
    }

    /// Adds the secrets of a text; lines that are none are passed over.
    pub fn add(&mut self, text: &[u8]) {
        for (random, label, secret) in text.split(|b| *b == b'\n').filter_map(line) {
            if self.secrets.len() < MOST_SECRETS {
                self.secrets.insert((random, label), secret);
            }
        }
    }

    /// Takes over the secrets of another key log.
    pub fn extend(&mut self, other: &Self) {
        self.secrets
            .extend(other.secrets.iter().map(|(k, v)| (*k, v.clone())));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    pub(crate) fn get(&self, random: &[u8; 32], label: Label) -> Option<&[u8]> {
        self.secrets.get(&(*random, label)).map(Vec::as_slice)
    }
}

fn line(line: &[u8]) -> Option<([u8; 32], Label, Vec<u8>)> {
    let mut words = line
        .split(u8::is_ascii_whitespace)
        .filter(|w| !w.is_empty());
    let label = match words.next()? {
        b"CLIENT_RANDOM" => Label::ClientRandom,
        b"CLIENT_HANDSHAKE_TRAFFIC_SECRET" => Label::ClientHandshake,
        b"SERVER_HANDSHAKE_TRAFFIC_SECRET" => Label::ServerHandshake,
        b"CLIENT_TRAFFIC_SECRET_0" => Label::ClientTraffic,
        b"SERVER_TRAFFIC_SECRET_0" => Label::ServerTraffic,
        _ => return None,
    };
    let random: [u8; 32] = unhex(words.next()?)?.try_into().ok()?;
    let secret = unhex(words.next()?)?;
    (32..=64)
        .contains(&secret.len())
        .then_some((random, label, secret))
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || text.len() > 256 {
        return None;
    }
    let digit = |b: u8| {
        char::from(b)
            .to_digit(16)
            .and_then(|d| u8::try_from(d).ok())
    };
    text.chunks_exact(2)
        .map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.last()?)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_others_passed_over() {
        let random = "ab".repeat(32);
        let text = format!(
            "# comment\n\nCLIENT_RANDOM {random} {}\r\nEXPORTER_SECRET {random} 00\nnonsense\n",
            "cd".repeat(48)
        );
        assert!(KeyLog::looks_like(text.as_bytes()));
        let log = KeyLog::parse(text.as_bytes());
        assert_eq!(
            log.get(&[0xab; 32], Label::ClientRandom),
            Some(&[0xcd; 48][..])
        );
        assert_eq!(log.get(&[0xab; 32], Label::ClientTraffic), None);
        assert!(!KeyLog::looks_like(b"no key log"));
    }
}
