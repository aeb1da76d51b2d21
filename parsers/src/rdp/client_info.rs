//! Client Info (2.2.1.11): who wants to log on.
//!
//! The password stands behind the user name. It is not read.

use super::gcc::utf16;

/// `INFO_UNICODE`.
const UNICODE: u32 = 0x0000_0010;

/// Domain and user name of TS_INFO_PACKET (2.2.1.11.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientInfo {
    /// Domain, often empty.
    pub domain: String,
    /// User name, empty when the logon screen asks.
    pub user: String,
}

/// Reads what stands behind the security header.
pub fn client_info(bytes: &[u8]) -> Option<ClientInfo> {
    let flags = u32::from_le_bytes(*bytes.get(4..)?.first_chunk()?);
    let length = |at: usize| {
        Some(usize::from(u16::from_le_bytes(
            *bytes.get(at..)?.first_chunk()?,
        )))
    };
    let (domain, user) = (length(8)?, length(10)?);
    let text = |b: &[u8]| {
        if flags & UNICODE != 0 {
            utf16(b)
        } else {
            String::from_utf8_lossy(b).into_owned()
        }
    };
    // The lengths leave out the terminators, which are there nevertheless.
    let terminator = if flags & UNICODE != 0 { 2 } else { 1 };
    let user_at = 18 + domain + terminator;
    Some(ClientInfo {
        domain: text(bytes.get(18..18 + domain)?),
        user: text(bytes.get(user_at..user_at + user)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_nothing_behind_them() {
        let mut bytes = vec![0; 4];
        bytes.extend(UNICODE.to_le_bytes());
        bytes.extend([4, 0, 6, 0, 8, 0, 0, 0, 0, 0]);
        bytes.extend(b"D\0O\0\0\0a\0n\0a\0\0\0p\0w\0");
        assert_eq!(
            client_info(&bytes),
            Some(ClientInfo {
                domain: "DO".to_owned(),
                user: "ana".to_owned()
            })
        );
        for end in 0..bytes.len() {
            let _ = client_info(&bytes[..end]);
        }
    }
}
