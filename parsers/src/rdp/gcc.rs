//! Settings exchanged inside MCS Connect Initial and Response (GCC, ITU-T T.124): 2.2.1.3, 2.2.1.4.

use super::ber::per_length;

const CS_CORE: u16 = 0xc001;
const CS_NET: u16 = 0xc003;
const SC_SECURITY: u16 = 0x0c02;
/// Static virtual channels that a client may ask for (2.2.1.3.4).
const MOST_CHANNELS: usize = 31;
/// CHANNEL_DEF (2.2.1.3.4.1): an eight-byte name, four bytes of options.
const CHANNEL_DEF: usize = 12;

/// What the client tells of itself (2.2.1.3.2).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ClientCore {
    /// `clientName`, at most 15 characters.
    pub name: String,
    /// `clientBuild`.
    pub build: u32,
    /// Whether the client understands Set Error Info.
    pub error_info: bool,
}

/// What the server decides about standard RDP security (2.2.1.4.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ServerSecurity {
    /// `encryptionMethod`.
    pub method: u32,
    /// `encryptionLevel`, 0 is none.
    pub level: u32,
}

/// The settings blocks behind the H.221 key of either side: type and body.
fn blocks(user_data: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let key = user_data
        .windows(4)
        .position(|w| w == b"Duca" || w == b"McDn");
    let mut rest = key
        .and_then(|at| user_data.get(at + 4..))
        .and_then(per_length)
        .map(|(_, rest)| rest)
        .unwrap_or_default();
    std::iter::from_fn(move || {
        let [a, b, c, d, ..] = *rest else { return None };
        let length = usize::from(u16::from_le_bytes([c, d])).max(4);
        let body = rest.get(4..length).unwrap_or(rest.get(4..)?);
        rest = rest.get(length..).unwrap_or_default();
        Some((u16::from_le_bytes([a, b]), body))
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Reads the client's core data.
pub fn client_core(user_data: &[u8]) -> Option<ClientCore> {
    let (_, body) = blocks(user_data).find(|(kind, _)| *kind == CS_CORE)?;
    let name = utf16(body.get(20..body.len().min(52)).unwrap_or_default());
    let early = body.get(140).copied().unwrap_or(0);
    Some(ClientCore {
        name,
        build: u32_at(body, 16)?,
        error_info: early & 1 != 0,
    })
}

/// Names of the static virtual channels that the client asks for.
pub fn client_channels(user_data: &[u8]) -> Vec<String> {
    let body = blocks(user_data)
        .find(|(kind, _)| *kind == CS_NET)
        .map(|(_, body)| body);
    let stated = body.and_then(|b| u32_at(b, 0)).unwrap_or(0);
    let most = usize::try_from(stated)
        .unwrap_or(usize::MAX)
        .min(MOST_CHANNELS);
    let definitions = body.and_then(|b| b.get(4..)).unwrap_or_default();
    let name = |definition: &[u8]| {
        let name = definition.iter().take(8).take_while(|b| **b != 0);
        name.map(|b| {
            if b.is_ascii_graphic() {
                char::from(*b)
            } else {
                '.'
            }
        })
        .collect::<String>()
    };
    definitions
        .chunks_exact(CHANNEL_DEF)
        .take(most)
        .map(name)
        .collect()
}

/// Reads the server's security data.
pub fn server_security(user_data: &[u8]) -> Option<ServerSecurity> {
    let (_, body) = blocks(user_data).find(|(kind, _)| *kind == SC_SECURITY)?;
    Some(ServerSecurity {
        method: u32_at(body, 0)?,
        level: u32_at(body, 4)?,
    })
}

/// UTF-16LE up to its first NUL; what is no character becomes U+FFFD.
pub(crate) fn utf16(bytes: &[u8]) -> String {
    let units = bytes
        .chunks_exact(2)
        .filter_map(|c| c.first_chunk().copied())
        .map(u16::from_le_bytes)
        .take_while(|u| *u != 0);
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_data_behind_the_key() {
        let mut core = vec![0; 216 - 4];
        core[16..20].copy_from_slice(&3790u32.to_le_bytes());
        core[20..28].copy_from_slice(b"E\0L\0T\0\0\0");
        core[140] = 1;
        let mut data = b"\0\x08\0\x10\0\x01\xc0\0Duca\x81\x2a".to_vec();
        data.extend([0x01, 0xc0, 216, 0]);
        data.extend(&core);
        let read = client_core(&data);
        assert_eq!(
            read,
            Some(ClientCore {
                name: "ELT".to_owned(),
                build: 3790,
                error_info: true
            })
        );
        for end in 0..data.len() {
            let _ = client_core(&data[..end]);
        }
    }

    #[test]
    fn channels_asked_for() {
        let mut data = b"Duca\x1c\x03\xc0\x20\0\xff\0\0\0".to_vec();
        data.extend(b"rdpdr\0\0\0\0\0\x80\x80MS_T1\x01!\x20\0\0\0\0");
        assert_eq!(client_channels(&data), ["rdpdr", "MS_T1.!."]);
        for end in 0..data.len() {
            let _ = client_channels(&data[..end]);
        }
    }

    #[test]
    fn security_data() {
        let data = b"McDn\x0c\x02\x0c\x0c\0\x02\0\0\0\x02\0\0\0";
        assert_eq!(
            server_security(data),
            Some(ServerSecurity {
                method: 2,
                level: 2
            })
        );
    }
}
