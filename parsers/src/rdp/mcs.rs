//! Multipoint Communication Service (ITU-T T.125) as RDP uses it: 2.2.1.3 to 2.2.1.8, 2.2.2.

use super::ber::{element, elements, integer, per_length};

/// Tags of the two BER-encoded PDUs.
const CONNECT_INITIAL: u16 = 0x7f65;
const CONNECT_RESPONSE: u16 = 0x7f66;
const ENUMERATED: u16 = 0x0a;
const OCTET_STRING: u16 = 0x04;

/// Choice numbers of DomainMCSPDU, upper six bits of the first byte.
mod choice {
    pub(super) const ERECT_DOMAIN_REQUEST: u8 = 1;
    pub(super) const DISCONNECT_PROVIDER_ULTIMATUM: u8 = 8;
    pub(super) const ATTACH_USER_REQUEST: u8 = 10;
    pub(super) const ATTACH_USER_CONFIRM: u8 = 11;
    pub(super) const CHANNEL_JOIN_REQUEST: u8 = 14;
    pub(super) const CHANNEL_JOIN_CONFIRM: u8 = 15;
    pub(super) const SEND_DATA_REQUEST: u8 = 25;
    pub(super) const SEND_DATA_INDICATION: u8 = 26;
}

/// A PDU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mcs<'a> {
    /// Client's Connect Initial with its GCC user data.
    ConnectInitial(&'a [u8]),
    /// Server's Connect Response: result (0 is success) and its GCC user data.
    ConnectResponse(i64, &'a [u8]),
    /// Erect Domain, Attach User, Channel Join and their confirms, with the confirm's result (0 is success).
    Setup(u8),
    /// Disconnect Provider Ultimatum (2.2.2.3) with its reason: 1 provider initiated, 3 user requested.
    Disconnect(u8),
    /// Data to or from a channel.
    Data {
        /// Channel id.
        channel: u16,
        /// What it carries.
        data: &'a [u8],
    },
}

/// Reads the user data of an X.224 data PDU.
pub fn mcs(bytes: &[u8]) -> Option<Mcs<'_>> {
    if bytes.first() == Some(&0x7f) {
        let connect = element(bytes)?;
        // The user data is the last octet string; in Connect Initial two selectors come before it.
        let user_data = || {
            elements(connect.body)
                .filter(|e| e.tag == OCTET_STRING)
                .last()
                .map(|e| e.body)
                .unwrap_or_default()
        };
        return match connect.tag {
            CONNECT_INITIAL => Some(Mcs::ConnectInitial(user_data())),
            CONNECT_RESPONSE => {
                let result = elements(connect.body)
                    .find(|e| e.tag == ENUMERATED)
                    .map_or(0, |e| integer(e.body));
                Some(Mcs::ConnectResponse(result, user_data()))
            }
            _ => None,
        };
    }
    let first = *bytes.first()?;
    match first >> 2 {
        choice::ERECT_DOMAIN_REQUEST
        | choice::ATTACH_USER_REQUEST
        | choice::CHANNEL_JOIN_REQUEST => Some(Mcs::Setup(0)),
        choice::ATTACH_USER_CONFIRM | choice::CHANNEL_JOIN_CONFIRM => {
            Some(Mcs::Setup(bytes.get(1)? >> 4))
        }
        // Three bits of reason straddle the first two bytes.
        choice::DISCONNECT_PROVIDER_ULTIMATUM => Some(Mcs::Disconnect(
            (first & 3) << 1 | bytes.get(1).map_or(0, |b| b >> 7),
        )),
        choice::SEND_DATA_REQUEST | choice::SEND_DATA_INDICATION => {
            let channel = u16::from_be_bytes(*bytes.get(3..)?.first_chunk()?);
            let (length, data) = per_length(bytes.get(6..)?)?;
            Some(Mcs::Data {
                channel,
                data: data.get(..length).unwrap_or(data),
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domain_pdus_of_the_specification() {
        // MS-RDPBCGR 4.1.5 to 4.1.8, 4.2.3.
        assert_eq!(mcs(&[0x04, 0x01, 0x00, 0x01, 0x00]), Some(Mcs::Setup(0)));
        assert_eq!(mcs(&[0x28]), Some(Mcs::Setup(0)));
        assert_eq!(mcs(&[0x2e, 0x00, 0x00, 0x06]), Some(Mcs::Setup(0)));
        assert_eq!(
            mcs(&[0x3e, 0x00, 0x00, 0x06, 0x03, 0xef, 0x03, 0xef]),
            Some(Mcs::Setup(0))
        );
        assert_eq!(mcs(&[0x21, 0x80]), Some(Mcs::Disconnect(3)));
        assert_eq!(mcs(&[0x20, 0x80]), Some(Mcs::Disconnect(1)));
        assert_eq!(
            mcs(&[0x64, 0, 6, 3, 0xeb, 0x70, 2, 7, 8]),
            Some(Mcs::Data {
                channel: 0x3eb,
                data: &[7, 8]
            })
        );
    }

    #[test]
    fn a_response_tells_its_result() {
        let bytes = [0x7f, 0x66, 8, 0x0a, 1, 14, 4, 3, 1, 2, 3];
        assert_eq!(mcs(&bytes), Some(Mcs::ConnectResponse(14, &[1, 2, 3])));
    }
}
