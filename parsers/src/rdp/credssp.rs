//! CredSSP (MS-CSSP 2.2.1): TSRequest, and which security package speaks in its tokens.
//!
//! `authInfo` holds the user's credentials. It is noted to be there and never looked into.

use super::ber::{element, elements, integer};
use super::gcc::utf16;

const SEQUENCE: u16 = 0x30;

/// A TSRequest.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TsRequest<'a> {
    /// CredSSP version of the sender.
    pub version: i64,
    /// First SPNEGO or NTLM token.
    pub token: Option<&'a [u8]>,
    /// `pubKeyAuth` is there.
    pub public_key: bool,
    /// `authInfo` is there: the server was believed, the credentials were sent.
    pub credentials: bool,
    /// `errorCode`, an NTSTATUS or SECURITY_STATUS; versions 3, 4 and 6 send it.
    pub error: Option<u32>,
}

/// Reads a TSRequest at the beginning of the bytes and says how long it is. `None` until its header is complete or when it is
/// none.
pub fn ts_request(bytes: &[u8]) -> Option<(TsRequest<'_>, usize)> {
    let outer = element(bytes).filter(|e| e.tag == SEQUENCE)?;
    let mut request = TsRequest::default();
    for field in elements(outer.body) {
        let inner = element(field.body);
        match (field.tag, inner) {
            (0xa0, Some(version)) => request.version = integer(version.body),
            (0xa1, Some(tokens)) => {
                // SEQUENCE OF SEQUENCE { [0] OCTET STRING }
                request.token = element(tokens.body)
                    .and_then(|item| element(item.body))
                    .and_then(|t| element(t.body))
                    .map(|o| o.body);
            }
            (0xa2, _) => request.credentials = true,
            (0xa3, _) => request.public_key = true,
            #[allow(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a status is its 32 bits"
            )]
            (0xa4, Some(error)) => request.error = Some(integer(error.body) as u32),
            _ => {}
        }
    }
    Some((request, outer.length))
}

/// Names that an NTLM AUTHENTICATE message tells in clear (MS-NLMP 2.2.1.3).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NtlmNames {
    /// User.
    pub user: String,
    /// Domain.
    pub domain: String,
    /// Workstation.
    pub workstation: String,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// `ntlm`, `kerberos` or `negotiate`.
    pub mechanism: &'static str,
    /// Message inside the mechanism.
    pub message: &'static str,
    /// Names, from an NTLM AUTHENTICATE message.
    pub names: Option<NtlmNames>,
}

/// Object identifiers of Kerberos V5, Microsoft's and its user-to-user variant, as DER content.
const KERBEROS: [&[u8]; 3] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02],
    &[0x2a, 0x86, 0x48, 0x82, 0xf7, 0x12, 0x01, 0x02, 0x02],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x12, 0x01, 0x02, 0x02, 0x03],
];
const NTLM: &[u8] = b"NTLMSSP\0";

/// Says which package a token belongs to.
pub fn token(bytes: &[u8]) -> Token {
    let find = |needle: &[u8]| bytes.windows(needle.len()).position(|w| w == needle);
    if let Some(message) = find(NTLM).and_then(|at| bytes.get(at..)) {
        let (name, names) = match message.get(8) {
            Some(1) => ("negotiate", None),
            Some(2) => ("challenge", None),
            Some(3) => ("authenticate", ntlm_names(message)),
            _ => ("unknown", None),
        };
        return Token {
            mechanism: "ntlm",
            message: name,
            names,
        };
    }
    // Inside its GSS frame (RFC 4121 §4.1) a Kerberos message follows the identifier with two bytes of type.
    for oid in KERBEROS {
        let inner = find(oid).and_then(|at| bytes.get(at + oid.len()..at + oid.len() + 2));
        let message = match inner {
            Some([1, 0]) => "ap-req",
            Some([2, 0]) => "ap-rep",
            Some([3, 0]) => "error",
            Some([4, 0]) => "tgt-req",
            Some([4, 1]) => "tgt-rep",
            _ => continue,
        };
        return Token {
            mechanism: "kerberos",
            message,
            names: None,
        };
    }
    Token {
        mechanism: "negotiate",
        message: "other",
        names: None,
    }
}

fn ntlm_names(message: &[u8]) -> Option<NtlmNames> {
    let unicode = message.get(60).is_some_and(|flags| flags & 1 != 0);
    let text = |at: usize| {
        let length = usize::from(u16::from_le_bytes(*message.get(at..)?.first_chunk()?));
        let offset = u32::from_le_bytes(*message.get(at + 4..)?.first_chunk()?) as usize;
        let bytes = message.get(offset..offset.checked_add(length)?)?;
        Some(if unicode {
            utf16(bytes)
        } else {
            String::from_utf8_lossy(bytes).into_owned()
        })
    };
    Some(NtlmNames {
        domain: text(28)?,
        user: text(36)?,
        workstation: text(44)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_code_is_read() {
        let bytes = [
            0x30, 13, 0xa0, 3, 2, 1, 6, 0xa4, 6, 2, 4, 0x80, 0x09, 0x03, 0x02, 0xff,
        ];
        let (request, length) = ts_request(&bytes).unwrap_or_default();
        assert_eq!(
            (request.version, request.error, length),
            (6, Some(0x8009_0302), 15)
        );
    }

    #[test]
    fn a_token_is_found_and_named() {
        let mut bytes = vec![
            0x30, 27, 0xa0, 3, 2, 1, 6, 0xa1, 20, 0x30, 18, 0x30, 16, 0xa0, 14, 4, 12,
        ];
        bytes.extend(b"NTLMSSP\0\x01\0\0\0");
        let (request, _) = ts_request(&bytes).unwrap_or_default();
        let named = request.token.map(token);
        assert_eq!(
            named.map(|t| (t.mechanism, t.message)),
            Some(("ntlm", "negotiate"))
        );
        for end in 0..bytes.len() {
            let _ = ts_request(&bytes[..end]);
        }
    }

    #[test]
    fn names_of_authenticate() {
        let mut m = b"NTLMSSP\0\x03\0\0\0".to_vec();
        m.resize(64, 0);
        m[28..36].copy_from_slice(&[4, 0, 4, 0, 64, 0, 0, 0]);
        m[36..44].copy_from_slice(&[6, 0, 6, 0, 68, 0, 0, 0]);
        m[44..52].copy_from_slice(&[0, 0, 0, 0, 74, 0, 0, 0]);
        m[60] = 1;
        m.extend(b"D\0O\0a\0n\0a\0");
        let names = token(&m).names;
        assert_eq!(
            names.map(|n| (n.domain, n.user)),
            Some(("DO".to_owned(), "ana".to_owned()))
        );
    }
}
