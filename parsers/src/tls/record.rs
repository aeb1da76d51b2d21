//! Record layer (RFC 5246 §6.2, RFC 8446 §5): what the length of a protected record tells of its content.

use std::ops::RangeInclusive;

use tls_parser::{TlsCipherEnc, TlsCipherEncMode, TlsCipherMac, TlsCipherSuite};

/// Content types.
pub mod content {
    /// ChangeCipherSpec.
    pub const CHANGE_CIPHER_SPEC: u8 = 20;
    /// Alert.
    pub const ALERT: u8 = 21;
    /// Handshake.
    pub const HANDSHAKE: u8 = 22;
    /// Application data.
    pub const APPLICATION_DATA: u8 = 23;
}

/// Version number of TLS 1.2.
pub const TLS12: u16 = 0x0303;
/// Version number of TLS 1.3.
pub const TLS13: u16 = 0x0304;

/// Version number as people write it.
pub fn version_name(version: u16) -> &'static str {
    match version {
        0x0300 => "ssl3",
        0x0301 => "1.0",
        0x0302 => "1.1",
        0x0303 => "1.2",
        0x0304 => "1.3",
        _ => "unknown",
    }
}

/// How many bytes of plaintext a protected record of this length can hold. `version` is the negotiated one.
///
/// AEAD suites hide nothing (TLS 1.3's padding is used by nobody in this protocol's world); CBC leaves a range of 16.
pub fn plaintext_length(version: u16, suite: u16, record: usize) -> RangeInclusive<usize> {
    let exactly = |overhead: usize| {
        let n = record.saturating_sub(overhead);
        n..=n
    };
    if version >= TLS13 {
        return exactly(if suite == 0x1305 { 8 + 1 } else { 16 + 1 });
    }
    let Some(s) = TlsCipherSuite::from_id(suite) else {
        return 0..=record;
    };
    match (&s.enc, &s.enc_mode) {
        (_, TlsCipherEncMode::Gcm) => exactly(8 + 16),
        (TlsCipherEnc::Chacha20_Poly1305, _) => exactly(16),
        (_, TlsCipherEncMode::Ccm) => exactly(if s.name.ends_with("CCM_8") {
            8 + 8
        } else {
            8 + 16
        }),
        (enc, TlsCipherEncMode::Cbc) => {
            let block = if matches!(enc, TlsCipherEnc::TripleDes | TlsCipherEnc::Des) {
                8
            } else {
                16
            };
            // TLS 1.0 chains its initialisation vectors instead of sending them.
            let overhead = mac_length(s) + if version >= 0x0302 { block } else { 0 };
            record.saturating_sub(overhead + block)..=record.saturating_sub(overhead + 1)
        }
        _ => exactly(mac_length(s)),
    }
}

/// Bytes of the record's MAC.
pub(crate) fn mac_length(suite: &TlsCipherSuite) -> usize {
    match suite.mac {
        TlsCipherMac::HmacMd5 => 16,
        TlsCipherMac::HmacSha1 => 20,
        TlsCipherMac::HmacSha256 => 32,
        TlsCipherMac::HmacSha384 => 48,
        TlsCipherMac::HmacSha512 => 64,
        TlsCipherMac::Null | TlsCipherMac::Aead => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_authorization_result_is_recognised_by_its_length() {
        assert_eq!(plaintext_length(0x0303, 0xc030, 28), 4..=4, "AES-GCM");
        assert_eq!(plaintext_length(0x0304, 0x1302, 21), 4..=4, "TLS 1.3");
        assert!(
            plaintext_length(0x0303, 0xc014, 48).contains(&4),
            "AES-CBC with SHA-1"
        );
    }
}
