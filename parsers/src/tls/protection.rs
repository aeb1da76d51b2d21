//! Opening of protected records: AEAD and CBC suites of TLS 1.2 (RFC 5246 §6.2.3, RFC 5288, RFC 7366, RFC 7905) and TLS 1.3
//! (RFC 8446 §5.2).
//!
//! Nothing is opened that does not authenticate, so a wrong secret or a lost record gives nothing rather than noise.

use aes::cipher::{BlockModeDecrypt as _, KeyIvInit as _, block_padding::NoPadding};
use aes_gcm::aead::{Aead as _, KeyInit as _, Nonce, Payload};
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use tls_parser::{TlsCipherEnc, TlsCipherEncMode, TlsCipherSuite};

use super::keys::{Hash, Keys, hmac};
use super::record::mac_length;

/// Records that may have been lost before one that does not open at its number. Each costs one attempt at opening.
const LOST_RECORDS: u64 = 32;

/// How a suite protects records.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Gcm128,
    Gcm256,
    ChaCha,
    Cbc { wide: bool, hash: Hash },
}

/// Bytes of implicit nonce that TLS 1.2 derives for a suite; `None` for suites that cannot be opened here.
pub(crate) fn implicit_nonce(suite: &TlsCipherSuite) -> Option<usize> {
    match way(suite)? {
        Way::Gcm128 | Way::Gcm256 => Some(4),
        Way::ChaCha => Some(12),
        Way::Cbc { .. } => Some(0),
    }
}

fn way(suite: &TlsCipherSuite) -> Option<Way> {
    match (&suite.enc, &suite.enc_mode, suite.enc_size) {
        (TlsCipherEnc::Aes, TlsCipherEncMode::Gcm, 128) => Some(Way::Gcm128),
        (TlsCipherEnc::Aes, TlsCipherEncMode::Gcm, 256) => Some(Way::Gcm256),
        (TlsCipherEnc::Chacha20_Poly1305, _, _) => Some(Way::ChaCha),
        (TlsCipherEnc::Aes, TlsCipherEncMode::Cbc, size) => Some(Way::Cbc {
            wide: size == 256,
            hash: Hash::of_mac(suite.mac)?,
        }),
        _ => None,
    }
}

/// Opens the records of one direction in their order.
#[derive(Clone)]
pub(crate) struct Opener {
    way: Way,
    keys: Keys,
    sequence: u64,
    tls13: bool,
    encrypt_then_mac: bool,
    mac_length: usize,
}

impl Opener {
    pub(crate) fn new(
        suite: &TlsCipherSuite,
        keys: Keys,
        tls13: bool,
        encrypt_then_mac: bool,
    ) -> Option<Self> {
        Some(Self {
            way: way(suite)?,
            keys,
            sequence: 0,
            tls13,
            encrypt_then_mac,
            mac_length: mac_length(suite),
        })
    }

    /// Counts a record without opening it.
    pub(crate) fn pass(&mut self) {
        self.sequence = self.sequence.wrapping_add(1);
    }

    /// Content type and plaintext of a record's body. `None` when it does not authenticate.
    pub(crate) fn open(&mut self, content: u8, version: u16, body: &[u8]) -> Option<(u8, Vec<u8>)> {
        let found = (0..=LOST_RECORDS).find_map(|lost| {
            let number = self.sequence.wrapping_add(lost);
            self.open_at(number, content, version, body)
                .map(|plain| (number, plain))
        });
        let (number, mut plain) = found?;
        self.sequence = number.wrapping_add(1);
        if !self.tls13 {
            return Some((content, plain));
        }
        // TLSInnerPlaintext: content, type, zeros.
        while plain.last() == Some(&0) {
            plain.pop();
        }
        let content = plain.pop()?;
        Some((content, plain))
    }

    fn open_at(&self, number: u64, content: u8, version: u16, body: &[u8]) -> Option<Vec<u8>> {
        if let Way::Cbc { wide, hash } = self.way {
            return self.open_cbc(number, content, version, body, wide, hash);
        }
        let explicit = if self.tls13 || self.way == Way::ChaCha {
            0
        } else {
            8
        };
        let (nonce_part, sealed) = body.split_at_checked(explicit)?;
        let nonce = if explicit == 8 {
            [self.keys.iv.as_slice(), nonce_part].concat()
        } else {
            self.mixed_nonce(number)
        };
        let nonce: [u8; 12] = nonce.try_into().ok()?;
        let aad = if self.tls13 {
            header(content, version, body.len()).to_vec()
        } else {
            associated(number, content, version, sealed.len().checked_sub(16)?)
        };
        let payload = Payload {
            msg: sealed,
            aad: &aad,
        };
        match self.way {
            Way::Gcm128 => Aes128Gcm::new_from_slice(&self.keys.key)
                .ok()?
                .decrypt(&Nonce::<Aes128Gcm>::from(nonce), payload)
                .ok(),
            Way::Gcm256 => Aes256Gcm::new_from_slice(&self.keys.key)
                .ok()?
                .decrypt(&Nonce::<Aes256Gcm>::from(nonce), payload)
                .ok(),
            Way::ChaCha => ChaCha20Poly1305::new_from_slice(&self.keys.key)
                .ok()?
                .decrypt(&Nonce::<ChaCha20Poly1305>::from(nonce), payload)
                .ok(),
            Way::Cbc { .. } => None,
        }
    }

    /// The implicit nonce with the record's number mixed in from the right.
    fn mixed_nonce(&self, number: u64) -> Vec<u8> {
        let mut nonce = self.keys.iv.clone();
        for (n, s) in nonce
            .iter_mut()
            .rev()
            .zip(number.to_be_bytes().iter().rev())
        {
            *n ^= s;
        }
        nonce
    }

    fn open_cbc(
        &self,
        number: u64,
        content: u8,
        version: u16,
        body: &[u8],
        wide: bool,
        hash: Hash,
    ) -> Option<Vec<u8>> {
        let mac_at = body.len().checked_sub(self.mac_length)?;
        let (sealed, outer_mac) = if self.encrypt_then_mac {
            body.split_at(mac_at)
        } else {
            (body, &[][..])
        };
        let (iv, blocks) = sealed.split_at_checked(16)?;
        if self.encrypt_then_mac {
            let aad = associated(number, content, version, sealed.len());
            if hmac(hash, &self.keys.mac, &[&aad, sealed]) != outer_mac {
                return None;
            }
        }
        let key = self.keys.key.as_slice();
        let mut plain = if wide {
            cbc::Decryptor::<aes::Aes256>::new_from_slices(key, iv)
                .ok()?
                .decrypt_padded_vec::<NoPadding>(blocks)
                .ok()?
        } else {
            cbc::Decryptor::<aes::Aes128>::new_from_slices(key, iv)
                .ok()?
                .decrypt_padded_vec::<NoPadding>(blocks)
                .ok()?
        };
        let padding = usize::from(*plain.last()?) + 1;
        plain.truncate(plain.len().checked_sub(padding)?);
        if !self.encrypt_then_mac {
            let mac = plain.split_off(plain.len().checked_sub(self.mac_length)?);
            let aad = associated(number, content, version, plain.len());
            if hmac(hash, &self.keys.mac, &[&aad, &plain]) != mac {
                return None;
            }
        }
        Some(plain)
    }
}

fn header(content: u8, version: u16, length: usize) -> [u8; 5] {
    let [v1, v2] = version.to_be_bytes();
    let [l1, l2] = u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes();
    [content, v1, v2, l1, l2]
}

/// What TLS 1.2 authenticates beside the data: number, type, version, length of the plaintext.
fn associated(number: u64, content: u8, version: u16, length: usize) -> Vec<u8> {
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend(header(content, version, length));
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opener(name: &str, keys: Keys) -> Option<Opener> {
        Opener::new(TlsCipherSuite::from_name(name)?, keys, true, false)
    }

    #[test]
    fn a_sealed_record_opens_and_a_touched_one_does_not() {
        let keys = Keys {
            mac: Vec::new(),
            key: vec![7; 16],
            iv: vec![9; 12],
        };
        let Some(mut opener) = opener("TLS_AES_128_GCM_SHA256", keys.clone()) else {
            unreachable!("the suite is known")
        };
        let seal = |number: u64, inner: &[u8]| {
            let mut nonce = [9u8; 12];
            nonce[11] ^= u8::try_from(number).unwrap_or(0);
            let aad = header(23, 0x0303, inner.len() + 16);
            let cipher = Aes128Gcm::new_from_slice(&keys.key).ok();
            cipher
                .and_then(|c| {
                    c.encrypt(
                        &Nonce::<Aes128Gcm>::from(nonce),
                        Payload {
                            msg: inner,
                            aad: &aad,
                        },
                    )
                    .ok()
                })
                .unwrap_or_default()
        };
        assert_eq!(
            opener.open(23, 0x0303, &seal(0, b"hi\x17\0\0")),
            Some((23, b"hi".to_vec()))
        );
        // The record with number 1 was lost.
        assert_eq!(
            opener.open(23, 0x0303, &seal(2, b"\x01\x00\x15")),
            Some((21, vec![1, 0]))
        );
        let mut touched = seal(3, b"hi\x17");
        touched[0] ^= 1;
        assert_eq!(opener.open(23, 0x0303, &touched), None);
        assert_eq!(opener.open(23, 0x0303, &[]), None);
    }
}
