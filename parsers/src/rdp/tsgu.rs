//! RD Gateway over HTTP ([MS-TSGU]): the head of its requests and answers, WebSocket frames (RFC 6455 §5.2), and the packets
//! inside (2.2.10). Tokens and cookies are looked at for their kind and name only.

use data_encoding::BASE64;

/// Method of the older client's two connections and of the WebSocket one (3.3.5.1).
const METHODS: [&[u8]; 2] = [b"RDG_OUT_DATA ", b"RDG_IN_DATA "];
/// Longest head waited for: a Kerberos ticket with many groups stands in it, in Base64; http.sys takes 16 KiB a header
/// unless told otherwise.
pub const LONGEST_HEAD: usize = 32 << 10;
/// Longest packet that is looked into; only authentication cookies and texts are longer.
pub const LONGEST_PACKET: usize = 8 << 10;
/// Characters of a server's reason that are kept.
const LONGEST_REASON: usize = 120;

/// Whether a client's first opened bytes are those of a gateway's client: yes, no, or not enough of them.
pub fn begins(bytes: &[u8]) -> Option<bool> {
    if METHODS.iter().any(|m| bytes.starts_with(m)) {
        return Some(true);
    }
    let may_become = METHODS.iter().any(|m| m.starts_with(bytes));
    (!may_become).then_some(false)
}

/// First line and headers.
#[derive(Debug, Clone, Copy)]
pub struct Head<'a> {
    text: &'a str,
    /// Bytes up to and with the empty line.
    pub length: usize,
}

/// The head at the beginning of these bytes; `None` until all of it is there.
pub fn head(bytes: &[u8]) -> Option<Head<'_>> {
    const END: &[u8] = b"\r\n\r\n";
    let end = bytes.windows(END.len()).position(|w| w == END)?;
    // Headers are ASCII; what is not is cut off and shows as missing.
    let whole = bytes.get(..end).unwrap_or_default();
    let ascii = whole.iter().position(|b| !b.is_ascii()).unwrap_or(end);
    let text = std::str::from_utf8(whole.get(..ascii).unwrap_or_default()).unwrap_or_default();
    Some(Head {
        text,
        length: end + END.len(),
    })
}

impl<'a> Head<'a> {
    /// The value of a header, whatever its case.
    pub fn header(&self, name: &str) -> Option<&'a str> {
        self.text.split("\r\n").skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Status and reason of an answer.
    pub fn answer(&self) -> Option<(u16, &'a str)> {
        let line = self.text.split("\r\n").next()?;
        let (version, rest) = line.split_once(' ')?;
        let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
        let kept = reason.get(..reason.len().min(LONGEST_REASON))?;
        version
            .starts_with("HTTP/")
            .then(|| status.parse().ok())?
            .map(|status| (status, kept.trim()))
    }

    /// Bytes of the body behind it, as far as it says.
    pub fn body(&self) -> u64 {
        self.header("content-length")
            .and_then(|n| n.parse().ok())
            .unwrap_or(0)
    }

    /// The token of `Authorization: Negotiate …` and its scheme.
    pub fn authorization(&self) -> Option<(&'a str, Vec<u8>)> {
        let value = self.header("authorization")?;
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        Some((
            scheme,
            BASE64.decode(token.trim().as_bytes()).unwrap_or_default(),
        ))
    }

    /// `RDG-User-Id`: the user in UTF-16, in Base64.
    pub fn user(&self) -> Option<String> {
        let bytes = BASE64.decode(self.header("rdg-user-id")?.as_bytes()).ok()?;
        utf16(&bytes)
    }

    /// An id in braces, as 32 hex digits.
    pub fn id(&self, name: &str) -> Option<String> {
        let digits: String = self
            .header(name)?
            .chars()
            .filter(char::is_ascii_hexdigit)
            .map(|c| c.to_ascii_lowercase())
            .collect();
        (digits.len() == 32).then_some(digits)
    }
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .filter_map(|c| Some(u16::from_le_bytes(c.try_into().ok()?)))
        .take_while(|u| *u != 0)
        .collect();
    String::from_utf16(&units).ok().filter(|t| !t.is_empty())
}

/// The head of a WebSocket frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// Bytes of the head itself.
    pub head: usize,
    /// Bytes of the payload.
    pub payload: u64,
    /// What the payload is masked with; zeros where it is not.
    pub mask: [u8; 4],
}

/// Reads it; `None` until all of it is there.
pub fn frame(bytes: &[u8]) -> Option<Frame> {
    let second = *bytes.get(1)?;
    let (mut head, payload) = match second & 0x7f {
        126 => (
            4,
            u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        ),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        short => (2, u64::from(short)),
    };
    let mask = if second & 0x80 == 0 {
        [0; 4]
    } else {
        let mask = *bytes.get(head..)?.first_chunk()?;
        head += 4;
        mask
    };
    Some(Frame {
        head,
        payload,
        mask,
    })
}

/// Takes the mask off.
pub fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    for (byte, mask) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// What a packet of the tunnel says, as far as it matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Packet {
    /// The answer to a step: its name, and 0 or what was wrong.
    Answer(&'static str, u32),
    /// The target that the client asks for, and its port (2.2.10.2).
    Target(String, u16),
    /// The user's own connection.
    Data,
    /// Anything else.
    Other,
}

/// Bytes in front of each packet: type, reserved, length (2.2.10.9).
const PACKET_HEAD: usize = 8;

/// Reads an unmasked payload, or its beginning.
pub fn packet(bytes: &[u8]) -> Packet {
    let u16_at = |at: usize| Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let u32_at = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let answer = |step, at| u32_at(at).map_or(Packet::Other, |error| Packet::Answer(step, error));
    match u16_at(0) {
        Some(2) => answer("handshake", PACKET_HEAD),
        // serverVersion stands before the status.
        Some(5) => answer("tunnel", PACKET_HEAD + 2),
        Some(7) => answer("authorization", PACKET_HEAD),
        Some(8) => {
            // numResources, numAltResources, port, protocol; then each name with its length.
            let target = || {
                let port = u16_at(PACKET_HEAD + 2)?;
                let length = usize::from(u16_at(PACKET_HEAD + 6)?);
                let at = PACKET_HEAD + 8;
                Some(Packet::Target(utf16(bytes.get(at..at + length)?)?, port))
            };
            target().unwrap_or(Packet::Other)
        }
        Some(9) => answer("channel", PACKET_HEAD),
        Some(10) => Packet::Data,
        _ => Packet::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        let bytes = b"HTTP/1.1 401 User Account Restricted\r\nContent-Length: 12\r\n\r\nbody";
        let head = head(bytes).expect("a head");
        assert_eq!(head.answer(), Some((401, "User Account Restricted")));
        assert_eq!((head.body(), head.length), (12, bytes.len() - 4));
        assert!(super::head(b"HTTP/1.1 200 OK\r\n").is_none());
        assert_eq!(begins(b"RDG_OUT_DATA /x"), Some(true));
        assert_eq!(begins(b"RDG_"), None);
        assert_eq!(begins(b"GET / HTTP/1.1"), Some(false));
    }

    #[test]
    fn frames_and_packets() {
        let channel = [9, 0, 0, 0, 20, 0, 0, 0, 0xda, 0x59, 0x07, 0x80];
        assert_eq!(packet(&channel), Packet::Answer("channel", 0x8007_59da));
        let mut masked = channel;
        unmask(&mut masked, [1, 2, 3, 4]);
        unmask(&mut masked, [1, 2, 3, 4]);
        assert_eq!(masked, channel);
        assert_eq!(
            frame(&[0x82, 0xfe, 1, 0, 9, 8, 7, 6]),
            Some(Frame {
                head: 8,
                payload: 256,
                mask: [9, 8, 7, 6]
            })
        );
        assert_eq!(frame(&[0x82, 0x7e, 1]), None);
        let mut target = vec![8, 0, 0, 0, 26, 0, 0, 0, 1, 0, 0x3d, 0x0d, 3, 0, 6, 0];
        target.extend("srv".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(packet(&target), Packet::Target("srv".into(), 3389));
        target.pop();
        assert_eq!(packet(&target), Packet::Other);
    }
}
