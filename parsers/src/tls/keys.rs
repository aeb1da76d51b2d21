//! Traffic keys from a key log's secrets: the PRF of TLS 1.2 (RFC 5246 §5, §6.3) and the labels of TLS 1.3 (RFC 8446 §7).

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use sha2::{Sha256, Sha384};
use tls_parser::{TlsCipherMac, TlsCipherSuite, TlsPRF};

/// A hash as base of HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha1,
    Sha256,
    Sha384,
}

impl Hash {
    /// Of the PRF (TLS 1.2) or the key schedule (TLS 1.3).
    pub(crate) fn of_suite(suite: &TlsCipherSuite) -> Self {
        if matches!(suite.prf, TlsPRF::Sha384) || suite.name.ends_with("SHA384") {
            Self::Sha384
        } else {
            Self::Sha256
        }
    }

    /// Of the record's MAC; `None` for AEAD and for hashes that nothing uses any more.
    pub(crate) fn of_mac(mac: TlsCipherMac) -> Option<Self> {
        match mac {
            TlsCipherMac::HmacSha1 => Some(Self::Sha1),
            TlsCipherMac::HmacSha256 => Some(Self::Sha256),
            TlsCipherMac::HmacSha384 => Some(Self::Sha384),
            _ => None,
        }
    }

    fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

macro_rules! hmac_of {
    ($hash:ty, $key:expr, $parts:expr) => {{
        let Ok(mut mac) = Hmac::<$hash>::new_from_slice($key) else {
            return Vec::new();
        };
        for part in $parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().to_vec()
    }};
}

/// HMAC of the parts one after the other.
pub(crate) fn hmac(hash: Hash, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    match hash {
        Hash::Sha1 => hmac_of!(Sha1, key, parts),
        Hash::Sha256 => hmac_of!(Sha256, key, parts),
        Hash::Sha384 => hmac_of!(Sha384, key, parts),
    }
}

/// PRF of TLS 1.2.
fn prf(hash: Hash, secret: &[u8], label: &[u8], seed: &[&[u8]], length: usize) -> Vec<u8> {
    let mut label_seed = label.to_vec();
    label_seed.extend(seed.iter().flat_map(|s| s.iter()));
    let mut out = Vec::new();
    let mut a = hmac(hash, secret, &[&label_seed]);
    while out.len() < length {
        out.extend(hmac(hash, secret, &[&a, &label_seed]));
        a = hmac(hash, secret, &[&a]);
    }
    out.truncate(length);
    out
}

/// HKDF-Expand-Label with an empty context.
pub(crate) fn expand_label(hash: Hash, secret: &[u8], label: &str, length: usize) -> Vec<u8> {
    let name = format!("tls13 {label}");
    let mut info = u16::try_from(length)
        .unwrap_or(u16::MAX)
        .to_be_bytes()
        .to_vec();
    info.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    info.extend(name.as_bytes());
    info.push(0);
    // No key is longer than two blocks of the hash.
    let mut out = hmac(hash, secret, &[&info, &[1]]);
    if length > hash.length() {
        let second = hmac(hash, secret, &[&out, &info, &[2]]);
        out.extend(second);
    }
    out.truncate(length);
    out
}

/// Keys of one direction.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys {
    /// MAC key of CBC suites.
    pub mac: Vec<u8>,
    pub key: Vec<u8>,
    /// Implicit part of the nonce.
    pub iv: Vec<u8>,
}

/// Keys of both directions of TLS 1.2, client first.
pub(crate) fn tls12(
    suite: &TlsCipherSuite,
    master: &[u8],
    client_random: &[u8; 32],
    server_random: &[u8; 32],
    iv: usize,
) -> [Keys; 2] {
    let mac = Hash::of_mac(suite.mac).map_or(0, Hash::length);
    let key = usize::from(suite.enc_size) / 8;
    let block = prf(
        Hash::of_suite(suite),
        master,
        b"key expansion",
        &[server_random, client_random],
        2 * (mac + key + iv),
    );
    let part =
        |from: usize, length: usize| block.get(from..from + length).unwrap_or_default().to_vec();
    let side = |n: usize| Keys {
        mac: part(n * mac, mac),
        key: part(2 * mac + n * key, key),
        iv: part(2 * (mac + key) + n * iv, iv),
    };
    [side(0), side(1)]
}

/// Keys of one direction of TLS 1.3 from its traffic secret.
pub(crate) fn tls13(suite: &TlsCipherSuite, secret: &[u8]) -> Keys {
    let hash = Hash::of_suite(suite);
    let length = usize::from(suite.enc_size) / 8;
    Keys {
        mac: Vec::new(),
        key: expand_label(hash, secret, "key", length),
        iv: expand_label(hash, secret, "iv", 12),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unhex(text: &str) -> Vec<u8> {
        (0..text.len() / 2)
            .map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap_or(0))
            .collect()
    }

    #[test]
    fn the_traffic_key_of_rfc_8448() {
        // RFC 8448 §3: server handshake traffic secret and the keys made of it.
        let secret = unhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38");
        assert_eq!(
            expand_label(Hash::Sha256, &secret, "key", 16),
            unhex("3fce516009c21727d0f2e4e86ee403bc")
        );
        assert_eq!(
            expand_label(Hash::Sha256, &secret, "iv", 12),
            unhex("5d313eb2671276ee13000b30")
        );
    }

    #[test]
    fn the_prf_has_the_length_asked_for() {
        assert_eq!(
            prf(
                Hash::Sha384,
                &[1; 48],
                b"key expansion",
                &[&[2; 32], &[3; 32]],
                72
            )
            .len(),
            72
        );
    }
}
