//! Security negotiation inside the X.224 connection PDUs.

/// Protocols in `requestedProtocols` and `selectedProtocol` (2.2.1.1.1, 2.2.1.2.1).
pub mod protocol {
    /// TLS.
    pub const SSL: u32 = 0x01;
    /// CredSSP over TLS (NLA).
    pub const HYBRID: u32 = 0x02;
    /// RDSTLS.
    pub const RDSTLS: u32 = 0x04;
    /// CredSSP with Early User Authorization Result.
    pub const HYBRID_EX: u32 = 0x08;
}

/// What an X.224 Connection Request carries (2.2.1.1).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request<'a> {
    /// Name behind `Cookie: mstshash=`, as the client cut it (nine bytes).
    pub cookie: Option<&'a [u8]>,
    /// Routing token for a load balancer, when the line is no such cookie.
    pub routing_token: Option<&'a [u8]>,
    /// RDP_NEG_REQ flags and requested protocols; old clients send none.
    pub negotiation: Option<(u8, u32)>,
    /// What is in the place of RDP_NEG_REQ is none, or says a wrong length.
    pub malformed: bool,
    /// RDP_NEG_CORRELATION_INFO (2.2.1.1.2).
    pub correlation_id: Option<[u8; 16]>,
}

/// What an X.224 Connection Confirm carries (2.2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// RDP_NEG_RSP.
    Response {
        /// What the server supports beside.
        flags: u8,
        /// Selected protocol; 0 is standard RDP security.
        selected: u32,
    },
    /// RDP_NEG_FAILURE: the reason (2.2.1.2.2).
    Failure(u32),
    /// Nothing: a server that knows no negotiation.
    None,
    /// A structure that is none of these, or says a wrong length: no client can make anything of it.
    Malformed,
}

const REQUEST: u8 = 1;
const RESPONSE: u8 = 2;
const FAILURE: u8 = 3;
const CORRELATION: u8 = 6;
/// Length that each negotiation structure has to state of itself.
const STRUCTURE: u16 = 8;
const COOKIE: &[u8] = b"Cookie: mstshash=";
const TOKEN: &[u8] = b"Cookie: msts=";

/// Reads the variable part of a Connection Request.
pub fn request(variable: &[u8]) -> Request<'_> {
    let mut request = Request::default();
    let line = variable.windows(2).position(|w| w == b"\r\n");
    let (line, rest) = match line {
        Some(at) => (
            variable.get(..at).unwrap_or_default(),
            variable.get(at + 2..).unwrap_or_default(),
        ),
        None => (&[][..], variable),
    };
    if let Some(name) = line.strip_prefix(COOKIE) {
        request.cookie = Some(name);
    } else if let Some(token) = line.strip_prefix(TOKEN) {
        request.routing_token = Some(token);
    } else if !line.is_empty() {
        request.routing_token = Some(line);
    }
    if rest.first() == Some(&REQUEST) {
        if let Some(flags) = rest.get(1) {
            // A snapshot length may cut the last byte, which is always zero.
            request.negotiation = protocols(rest).map(|p| (*flags, p));
        }
        request.malformed = misstates_length(rest);
        if let Some([CORRELATION, _, 36, 0, id @ ..]) = rest.get(8..) {
            request.correlation_id = id.first_chunk().copied();
        }
    }
    request
}

/// Whether a structure's length field is there and wrong.
fn misstates_length(structure: &[u8]) -> bool {
    let stated = structure.get(2..).and_then(<[u8]>::first_chunk);
    stated.is_some_and(|l| u16::from_le_bytes(*l) != STRUCTURE)
}

/// The last four bytes of a negotiation structure, little-endian; what is cut off counts as zero, but one must be there.
fn protocols(structure: &[u8]) -> Option<u32> {
    if misstates_length(structure) {
        return None;
    }
    let four = structure
        .get(4..structure.len().min(8))
        .filter(|b| !b.is_empty())?;
    Some(four.iter().rev().fold(0, |n, b| n << 8 | u32::from(*b)))
}

/// Reads the variable part of a Connection Confirm.
pub fn answer(variable: &[u8]) -> Answer {
    match (variable.first(), variable.get(1), protocols(variable)) {
        (Some(&RESPONSE), Some(flags), Some(selected)) => Answer::Response {
            flags: *flags,
            selected,
        },
        (Some(&FAILURE), _, Some(code)) => Answer::Failure(code),
        (None, ..) => Answer::None,
        _ => Answer::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn request_of_the_specification() {
        // The example of MS-RDPBCGR 4.1.1, behind the X.224 header.
        let bytes = b"Cookie: mstshash=eltons\r\n\x01\x00\x08\x00\x00\x00\x00\x00";
        let read = request(bytes);
        assert_eq!(read.cookie, Some(&b"eltons"[..]));
        assert_eq!(read.negotiation, Some((0, 0)));
        assert_eq!(read.correlation_id, None);
    }

    #[test]
    fn request_without_negotiation_with_token_and_cut() {
        assert_eq!(request(b"Cookie: mstshash=a\r\n").negotiation, None);
        let token = request(b"Cookie: msts=3640205228.15629.0000\r\n\x01\x00\x08\x00\x0b\x00\x00");
        assert_eq!(token.routing_token, Some(&b"3640205228.15629.0000"[..]));
        assert_eq!(
            token.negotiation,
            Some((0, 11)),
            "the cut byte counts as zero"
        );
        assert_eq!(request(b""), Request::default());
    }

    #[test]
    fn correlation_id_follows_the_request() {
        let mut bytes = vec![1, 8, 8, 0, 3, 0, 0, 0, 6, 0, 36, 0];
        bytes.extend(1..=16u8);
        bytes.extend([0; 16]);
        assert_eq!(request(&bytes).correlation_id.map(|id| id[15]), Some(16));
    }

    #[test]
    fn answers() {
        assert_eq!(
            answer(&[2, 0x1f, 8, 0, 8, 0, 0, 0]),
            Answer::Response {
                flags: 0x1f,
                selected: 8
            }
        );
        assert_eq!(answer(&[3, 0, 8, 0, 5, 0, 0, 0]), Answer::Failure(5));
        assert_eq!(answer(&[]), Answer::None);
        assert_eq!(answer(&[2, 3, 0, 0, 1, 0, 0, 2]), Answer::Malformed);
        assert_eq!(answer(&[9, 0, 8, 0, 1, 0, 0, 0]), Answer::Malformed);
    }

    #[test]
    fn a_request_of_wrong_length_asks_for_nothing() {
        let read = request(&[1, 0, 7, 0, 3, 0, 0, 0]);
        assert!(read.malformed && read.negotiation.is_none());
    }
}
