//! What a server's certificate says (RFC 5280), judged by the capture's own clock.

use std::fmt::Write as _;

use sha1::{Digest as _, Sha1};
use sha2::Sha256;
use x509_parser::prelude::*;
use x509_parser::public_key::PublicKey;

use crate::time::Timestamp;

/// Facts of one certificate.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Certificate {
    /// Subject as `CN=…`.
    pub subject: String,
    /// Issuer as `CN=…`.
    pub issuer: String,
    /// First and last moment of validity.
    pub validity: Option<(Timestamp, Timestamp)>,
    /// Subject equals issuer.
    pub self_signed: bool,
    /// `rsa`, `ec`, `dsa` or `other`.
    pub key: &'static str,
    /// Length of the key in bits, 0 when unknown.
    pub key_bits: usize,
    /// SHA-1 of the DER in hex, as Windows names certificates.
    pub thumbprint: String,
    /// SHA-256 of the DER in hex.
    pub sha256: String,
    /// Serial number in hex.
    pub serial: String,
}

/// Reads DER. What cannot be parsed still has its fingerprints.
pub fn certificate(der: &[u8]) -> Certificate {
    let mut facts = Certificate {
        thumbprint: hex(&Sha1::digest(der)),
        sha256: hex(&Sha256::digest(der)),
        key: "other",
        ..Certificate::default()
    };
    let Ok((_, parsed)) = X509Certificate::from_der(der) else {
        return facts;
    };
    facts.subject = parsed.subject().to_string();
    facts.issuer = parsed.issuer().to_string();
    facts.self_signed = parsed.subject().as_raw() == parsed.issuer().as_raw();
    let moment = |t: ASN1Time| Timestamp::from_unix(t.timestamp(), 0);
    facts.validity = Some((
        moment(parsed.validity().not_before),
        moment(parsed.validity().not_after),
    ));
    facts.serial = hex(parsed.raw_serial());
    if let Ok(key) = parsed.public_key().parsed() {
        (facts.key, facts.key_bits) = match &key {
            PublicKey::RSA(_) => ("rsa", key.key_size()),
            PublicKey::EC(_) => ("ec", key.key_size()),
            PublicKey::DSA(_) => ("dsa", key.key_size()),
            _ => ("other", 0),
        };
    }
    facts
}

/// The first certificate (the server's own) in the body of a Certificate message of TLS 1.2 and before (RFC 5246 §7.4.2).
pub fn first_in_message(body: &[u8]) -> Option<&[u8]> {
    let length = body
        .get(3..6)?
        .iter()
        .fold(0usize, |n, b| n << 8 | usize::from(*b));
    body.get(6..6usize.checked_add(length)?)
        .filter(|der| !der.is_empty())
}

/// The same for TLS 1.3 (RFC 8446 §4.4.2), which puts a context before the list.
pub fn first_in_message_13(body: &[u8]) -> Option<&[u8]> {
    let context = usize::from(*body.first()?);
    first_in_message(body.get(1 + context..)?)
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut s, b| {
            let _ = write!(s, "{b:02x}");
            s
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonsense_has_fingerprints_only() {
        let facts = certificate(b"no certificate");
        assert!(facts.subject.is_empty() && facts.validity.is_none());
        assert_eq!(facts.thumbprint.len(), 40);
    }

    #[test]
    fn the_first_certificate_of_a_chain() {
        assert_eq!(
            first_in_message(&[0, 0, 9, 0, 0, 2, 7, 8, 0, 0, 1, 9]),
            Some(&[7, 8][..])
        );
        assert_eq!(first_in_message(&[0, 0, 9, 0, 0, 200, 7, 8]), None, "cut");
        assert_eq!(first_in_message(&[]), None);
    }
}
