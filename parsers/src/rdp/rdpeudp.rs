//! RDP over UDP: the SYN datagram (MS-RDPEUDP 2.2.2, 3.1.5.1.1).

/// Flags of the RDPUDP_FEC_HEADER.
const SYN: u16 = 0x0001;
const ACK: u16 = 0x0004;
const SYNEX: u16 = 0x1000;
const CORRELATION: u16 = 0x0800;
/// A SYN is padded to at least this (the smallest MTU that the protocol allows).
const SMALLEST_MTU: usize = 1132;

/// What a SYN or SYN+ACK says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Syn {
    /// Whether it is the server's answer.
    pub answer: bool,
    /// Highest protocol version, from RDPUDP_SYNDATAEX_PAYLOAD; 1 without it.
    pub version: u16,
    /// Correlation id, when there is one.
    pub correlation_id: Option<[u8; 16]>,
    /// SHA-256 of the security cookie that the TCP connection handed out (version 3).
    pub cookie_hash: Option<[u8; 32]>,
}

/// Reads a datagram; `None` unless it is a SYN or SYN+ACK.
pub fn syn(bytes: &[u8]) -> Option<Syn> {
    let be16 = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let flags = be16(6)?;
    let answer = flags & ACK != 0;
    // A client's SYN acknowledges nothing yet: -1. Datagrams shorter than the MTU's floor are something else.
    if flags & SYN == 0 || bytes.len() < SMALLEST_MTU || (!answer && bytes.get(..4)? != [0xff; 4]) {
        return None;
    }
    // RDPUDP_SYNDATA_PAYLOAD: initial sequence number, two MTUs.
    let mtu = be16(12)?;
    if !(1132..=1232).contains(&mtu) {
        return None;
    }
    let mut at = 16;
    let mut correlation_id = None;
    if flags & CORRELATION != 0 {
        correlation_id = bytes.get(at..).and_then(|b| b.first_chunk()).copied();
        at += 32;
    }
    let (mut version, mut cookie_hash) = (1, None);
    if flags & SYNEX != 0 {
        // The server's ACK vector, if any, stands before it; its absence in practice keeps this simple: only the client's
        // SYN is asked for the hash.
        version = be16(at + 2)?;
        if version >= 0x0101 {
            cookie_hash = bytes.get(at + 4..).and_then(|b| b.first_chunk()).copied();
        }
    }
    Some(Syn {
        answer,
        version,
        correlation_id,
        cookie_hash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn datagram(flags: u16, first: u8, ex: &[u8]) -> Vec<u8> {
        let mut d = vec![first; 4];
        d.extend([0, 64]);
        d.extend(flags.to_be_bytes());
        d.extend([0, 0, 0, 7]);
        d.extend(1232u16.to_be_bytes());
        d.extend(1232u16.to_be_bytes());
        d.extend(ex);
        d.resize(1232, 0);
        d
    }

    #[test]
    fn syn_and_its_answer() {
        let s = syn(&datagram(0x1001, 0xff, &[0, 1, 0, 2])).map(|s| (s.answer, s.version));
        assert_eq!(s, Some((false, 2)));
        assert_eq!(
            syn(&datagram(0x0005, 0, &[])).map(|s| (s.answer, s.version)),
            Some((true, 1))
        );
        assert_eq!(
            syn(&datagram(0x0001, 0, &[])),
            None,
            "a client's SYN acknowledges -1"
        );
        assert_eq!(syn(&[0xff; 40]), None);
    }
}
