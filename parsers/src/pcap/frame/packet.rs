//! One frame, taken apart down to TCP, UDP, ICMP or ARP.

use std::net::IpAddr;

use crate::time::Timestamp;

/// An IP packet (or ARP) with what flows need of it.
pub(crate) struct Packet<'a> {
    pub frame: u64,
    pub time: Timestamp,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub ttl: u8,
    /// IPv4 identification; IPv6 has none.
    pub id: Option<u16>,
    pub body: Body<'a>,
}

pub(crate) enum Body<'a> {
    Tcp(Segment<'a>),
    Udp(Datagram<'a>),
    /// An ICMP error about another packet.
    Icmp(IcmpError),
}

/// A UDP datagram.
pub(crate) struct Datagram<'a> {
    pub source_port: u16,
    pub destination_port: u16,
    pub payload: &'a [u8],
}

/// What an ICMP error says, and about which connection.
pub(crate) struct IcmpError {
    /// A packet was too big for the next link; otherwise its destination cannot be reached.
    pub too_big: bool,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub source_port: u16,
    pub destination_port: u16,
    /// Sequence number of the segment that it is about; RFC 792 has eight bytes of it quoted.
    pub seq: u32,
}

/// An ARP statement "this address is at this station".
pub(crate) struct ArpClaim {
    pub frame: u64,
    pub time: Timestamp,
    pub ip: IpAddr,
    pub mac: [u8; 6],
}

/// TCP flags by their RFC 9293 bit values.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Flags(pub u8);

impl Flags {
    pub(crate) fn fin(self) -> bool {
        self.0 & 0x01 != 0
    }
    pub(crate) fn syn(self) -> bool {
        self.0 & 0x02 != 0
    }
    pub(crate) fn rst(self) -> bool {
        self.0 & 0x04 != 0
    }
    /// Whether it opens or ends something.
    pub(crate) fn controls(self) -> bool {
        self.syn() || self.fin() || self.rst()
    }
    pub(crate) fn ack(self) -> bool {
        self.0 & 0x10 != 0
    }
}

/// A TCP segment; options only as far as they are used.
pub(crate) struct Segment<'a> {
    pub source_port: u16,
    pub destination_port: u16,
    pub seq: u32,
    pub ack: u32,
    pub flags: Flags,
    pub window: u16,
    pub mss: Option<u16>,
    /// Selective acknowledgement blocks, left edge to right edge.
    pub sack: [Option<(u32, u32)>; 4],
    /// Captured part of the payload.
    pub payload: &'a [u8],
    /// Length of the payload on the wire, at least `payload.len()`.
    pub length: u32,
}

impl Segment<'_> {
    /// Sequence number behind this segment; SYN and FIN count one each.
    pub(crate) fn end(&self) -> u32 {
        self.seq
            .wrapping_add(self.length)
            .wrapping_add(u32::from(self.flags.syn()))
            .wrapping_add(u32::from(self.flags.fin()))
    }
}

/// Reads a TCP header (RFC 9293 §3.1) leniently: a header cut inside its options still gives ports, numbers and flags.
/// `wire` is the length of header and payload on the wire.
pub(crate) fn segment(bytes: &[u8], wire: usize) -> Option<Segment<'_>> {
    let fixed: &[u8; 20] = bytes.first_chunk()?;
    let header = usize::from(fixed[12] >> 4) * 4;
    if header < 20 {
        return None;
    }
    let mut segment = Segment {
        source_port: u16::from_be_bytes([fixed[0], fixed[1]]),
        destination_port: u16::from_be_bytes([fixed[2], fixed[3]]),
        seq: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
        ack: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        flags: Flags(fixed[13]),
        window: u16::from_be_bytes([fixed[14], fixed[15]]),
        mss: None,
        sack: [None; 4],
        payload: bytes.get(header..).unwrap_or_default(),
        length: u32::try_from(wire.saturating_sub(header)).unwrap_or(u32::MAX),
    };
    segment.length = segment
        .length
        .max(u32::try_from(segment.payload.len()).unwrap_or(u32::MAX));
    options(
        bytes.get(20..header.min(bytes.len())).unwrap_or_default(),
        &mut segment,
    );
    Some(segment)
}

fn options(mut rest: &[u8], segment: &mut Segment<'_>) {
    // Most segments of a running connection have a timestamp and nothing else (RFC 7323 §A).
    if matches!(rest, [1, 1, 8, 10, more @ ..] if more.len() == 8) {
        return;
    }
    while let [kind, after @ ..] = rest {
        match kind {
            0 => return,
            1 => rest = after,
            _ => {
                let Some(length) = after.first().map(|l| usize::from(*l)).filter(|l| *l >= 2)
                else {
                    return;
                };
                let Some(body) = rest.get(2..length) else {
                    return;
                };
                match (kind, body) {
                    (2, [a, b]) => segment.mss = Some(u16::from_be_bytes([*a, *b])),
                    (5, blocks) => {
                        for (slot, pair) in segment.sack.iter_mut().zip(blocks.chunks_exact(8)) {
                            if let [a, b, c, d, e, f, g, h] = pair {
                                *slot = Some((
                                    u32::from_be_bytes([*a, *b, *c, *d]),
                                    u32::from_be_bytes([*e, *f, *g, *h]),
                                ));
                            }
                        }
                    }
                    _ => {}
                }
                rest = rest.get(length..).unwrap_or_default();
            }
        }
    }
}
