//! A frame to packets: tunnels opened, fragments put together.

mod fragments;
mod link;
pub(crate) mod packet;
mod tunnel;

use std::net::IpAddr;

use etherparse::LaxIpSlice;

use self::fragments::Fragments;
use self::link::ether_type;
use self::packet::{ArpClaim, Body, Datagram, IcmpError, Packet, segment};
use super::file::{Frame, u16_at, u32_at};

/// Tunnels in tunnels that are followed; more is an attack on the parser, not a network.
const DEEPEST_TUNNEL: u8 = 4;
/// What a frame can carry for us.
pub(crate) enum Decoded<'a> {
    Packet(Packet<'a>),
    Arp(ArpClaim),
}

/// Takes frames apart; keeps fragments until their packet is complete.
pub(crate) struct Decoder {
    fragments: Fragments,
    /// Packets in too many tunnels.
    pub(crate) too_deep: u64,
}

impl Decoder {
    pub(crate) fn new() -> Self {
        Self {
            fragments: Fragments::new(),
            too_deep: 0,
        }
    }

    /// Fragments that were dropped because there were too many at a time.
    pub(crate) fn dropped_fragments(&self) -> u64 {
        self.fragments.dropped
    }

    /// Fragments that contradict what earlier ones said.
    pub(crate) fn contradicting_fragments(&self) -> u64 {
        self.fragments.contradicting
    }

    /// Hands out what the frame carries, if it is of use.
    pub(crate) fn decode(&mut self, frame: &Frame<'_>, sink: &mut dyn FnMut(Decoded<'_>)) {
        if let Some((kind, rest)) = link::network(frame.link, frame.data) {
            // What the frame lacks at its end was cut by the snapshot length.
            let cut = frame.wire_length - frame.data.len();
            self.network(frame, kind, rest, cut, 0, sink);
        }
    }

    fn network(
        &mut self,
        frame: &Frame<'_>,
        kind: u16,
        rest: &[u8],
        cut: usize,
        depth: u8,
        sink: &mut dyn FnMut(Decoded<'_>),
    ) {
        match kind {
            ether_type::ARP => {
                if let Some(claim) = arp(frame, rest) {
                    sink(Decoded::Arp(claim));
                }
            }
            ether_type::IPV4 | ether_type::IPV6 => self.ip(frame, rest, cut, depth, sink),
            _ => {}
        }
    }

    fn ip(
        &mut self,
        frame: &Frame<'_>,
        bytes: &[u8],
        cut: usize,
        depth: u8,
        sink: &mut dyn FnMut(Decoded<'_>),
    ) {
        if let Some((head, protocol, payload, wire)) = plain(bytes) {
            self.transport(frame, &head, protocol, payload, wire, depth, sink);
            return;
        }
        let Ok((ip, _)) = LaxIpSlice::from_slice(bytes) else {
            return;
        };
        let payload = ip.payload();
        let (ttl, id, claimed, before) = match &ip {
            LaxIpSlice::Ipv4(v4) => {
                let header = v4.header();
                let extensions = v4.extensions().auth.map_or(0, |a| a.slice().len());
                (
                    header.ttl(),
                    Some(header.identification()),
                    usize::from(header.total_len()),
                    header.slice().len() + extensions,
                )
            }
            LaxIpSlice::Ipv6(v6) => {
                let length = usize::from(v6.header().payload_length());
                (
                    v6.header().hop_limit(),
                    None,
                    if length == 0 { 0 } else { length + 40 },
                    40 + v6.extensions().slice().len(),
                )
            }
        };
        if payload.fragmented {
            self.fragment(frame, &ip, ttl, id, bytes, depth, sink);
            return;
        }
        // Segmentation offload writes 0 as length: then the frame's own length counts.
        let whole = if claimed == 0 {
            bytes.len() + cut
        } else {
            claimed
        };
        let wire = whole.saturating_sub(before);
        let head = Head {
            source: ip.source_addr(),
            destination: ip.destination_addr(),
            ttl,
            id,
        };
        self.transport(
            frame,
            &head,
            payload.ip_number.0,
            payload.payload,
            wire,
            depth,
            sink,
        );
    }

    #[allow(clippy::too_many_arguments, reason = "one packet's facts, used once")]
    fn fragment(
        &mut self,
        frame: &Frame<'_>,
        ip: &LaxIpSlice<'_>,
        ttl: u8,
        id: Option<u16>,
        bytes: &[u8],
        depth: u8,
        sink: &mut dyn FnMut(Decoded<'_>),
    ) {
        if let Some(whole) = self.fragments.take(bytes, frame.time, depth) {
            let head = Head {
                source: ip.source_addr(),
                destination: ip.destination_addr(),
                ttl,
                id,
            };
            self.transport(
                frame,
                &head,
                whole.ip_number.0,
                &whole.payload,
                whole.payload.len(),
                depth,
                sink,
            );
        }
    }

    #[allow(clippy::too_many_arguments, reason = "one packet's facts, used once")]
    fn transport(
        &mut self,
        frame: &Frame<'_>,
        head: &Head,
        protocol: u8,
        bytes: &[u8],
        wire: usize,
        depth: u8,
        sink: &mut dyn FnMut(Decoded<'_>),
    ) {
        let cut = wire.saturating_sub(bytes.len());
        let inner = match protocol {
            4 | 41 => link::ip(bytes),
            47 => tunnel::gre(bytes),
            17 => u16_at(bytes, 2, true)
                .zip(bytes.get(8..))
                .and_then(|(port, payload)| tunnel::udp(port, payload)),
            _ => None,
        };
        if let Some((kind, rest)) = inner {
            if depth < DEEPEST_TUNNEL {
                self.network(frame, kind, rest, cut, depth + 1, sink);
            } else {
                self.too_deep += 1;
            }
            return;
        }
        let body = match protocol {
            6 => segment(bytes, wire).map(Body::Tcp),
            17 => datagram(bytes).map(Body::Udp),
            1 | 58 => icmp(protocol, bytes).map(Body::Icmp),
            _ => None,
        };
        if let Some(body) = body {
            let Head {
                source,
                destination,
                ttl,
                id,
            } = *head;
            sink(Decoded::Packet(Packet {
                frame: frame.number,
                time: frame.time,
                source,
                destination,
                ttl,
                id,
                body,
            }));
        }
    }
}

struct Head {
    source: IpAddr,
    destination: IpAddr,
    ttl: u8,
    id: Option<u16>,
}

/// Head, protocol, payload and the payload's length on the wire of an IP packet as nearly all are: TCP or UDP right behind
/// a header without options, in one piece and of a length that it tells. What is otherwise is left to the general reader.
fn plain(bytes: &[u8]) -> Option<(Head, u8, &[u8], usize)> {
    const V4: usize = 20;
    const V6: usize = 40;
    let fixed: &[u8; V4] = bytes.first_chunk()?;
    let (head, protocol, from, end) = if fixed[0] == 0x45 {
        let [fragment, offset] = [fixed[6], fixed[7]];
        if fragment & 0x3f != 0 || offset != 0 {
            return None;
        }
        let head = Head {
            source: IpAddr::from([fixed[12], fixed[13], fixed[14], fixed[15]]),
            destination: IpAddr::from([fixed[16], fixed[17], fixed[18], fixed[19]]),
            ttl: fixed[8],
            id: Some(u16::from_be_bytes([fixed[4], fixed[5]])),
        };
        let total = usize::from(u16::from_be_bytes([fixed[2], fixed[3]]));
        (head, fixed[9], V4, total)
    } else if fixed[0] >> 4 == 6 {
        let fixed: &[u8; V6] = bytes.first_chunk()?;
        let address = |at: usize| -> Option<IpAddr> {
            let octets: [u8; 16] = fixed.get(at..at + 16)?.try_into().ok()?;
            Some(IpAddr::from(octets))
        };
        let head = Head {
            source: address(8)?,
            destination: address(24)?,
            ttl: fixed[7],
            id: None,
        };
        let length = usize::from(u16::from_be_bytes([fixed[4], fixed[5]]));
        if length == 0 {
            return None;
        }
        (head, fixed[6], V6, V6 + length)
    } else {
        return None;
    };
    if !matches!(protocol, 6 | 17) || end <= from {
        return None;
    }
    let payload = bytes.get(from..end.min(bytes.len()))?;
    Some((head, protocol, payload, end - from))
}

fn datagram(bytes: &[u8]) -> Option<Datagram<'_>> {
    Some(Datagram {
        source_port: u16_at(bytes, 0, true)?,
        destination_port: u16_at(bytes, 2, true)?,
        payload: bytes.get(8..)?,
    })
}

/// Errors of ICMP (RFC 792, RFC 1191) and ICMPv6 (RFC 4443) about TCP, with the packet they quote.
fn icmp(protocol: u8, bytes: &[u8]) -> Option<IcmpError> {
    let (kind, code) = (*bytes.first()?, *bytes.get(1)?);
    let too_big = match (protocol, kind, code) {
        (1, 3, 4) | (58, 2, _) => true,
        (1, 3, _) | (58, 1, _) => false,
        _ => return None,
    };
    let (quoted, _) = LaxIpSlice::from_slice(bytes.get(8..)?).ok()?;
    let payload = quoted.payload();
    if payload.ip_number.0 != 6 {
        return None;
    }
    Some(IcmpError {
        too_big,
        seq: u32_at(payload.payload, 4, true)?,
        source: quoted.source_addr(),
        destination: quoted.destination_addr(),
        source_port: u16_at(payload.payload, 0, true)?,
        destination_port: u16_at(payload.payload, 2, true)?,
    })
}

/// An ARP packet for IPv4 over Ethernet (RFC 826); requests and answers both tell the sender's station.
fn arp(frame: &Frame<'_>, bytes: &[u8]) -> Option<ArpClaim> {
    if bytes.get(..6)? != [0, 1, 8, 0, 6, 4] {
        return None;
    }
    let mac: [u8; 6] = bytes.get(8..14)?.try_into().ok()?;
    let ip: [u8; 4] = bytes.get(14..18)?.try_into().ok()?;
    // Address probes (RFC 5227) carry 0.0.0.0.
    (ip != [0; 4]).then_some(ArpClaim {
        frame: frame.number,
        time: frame.time,
        ip: IpAddr::from(ip),
        mac,
    })
}

#[cfg(test)]
mod tests {
    use super::{LaxIpSlice, plain};
    use std::net::IpAddr;

    /// The short way says of a packet what the general reader says, or nothing.
    #[test]
    fn plain_packets_are_read_as_the_general_reader_reads_them() {
        let mut v4 = vec![0u8; 60];
        v4[..20].copy_from_slice(&[
            0x45, 0, 0, 60, 0x12, 0x34, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 192, 0, 2, 7,
        ]);
        let mut v6 = vec![0u8; 80];
        v6[..8].copy_from_slice(&[0x60, 0, 0, 0, 0, 40, 17, 128]);
        v6[8..40].copy_from_slice(&[7; 32]);
        let mut short = 0;
        // xorshift: the same packets in each run.
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        let mut next = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            usize::try_from(random % below as u64).unwrap()
        };
        for n in 0..200_000 {
            let mut packet = if n % 2 == 0 { v4.clone() } else { v6.clone() };
            for _ in 0..next(3) {
                let at = next(40);
                packet[at] = u8::try_from(next(256)).unwrap();
            }
            packet.truncate(if next(2) == 0 { packet.len() } else { next(80) });
            let Some((head, protocol, payload, wire)) = plain(&packet) else {
                continue;
            };
            short += 1;
            let (ip, _) = LaxIpSlice::from_slice(&packet).unwrap();
            let general = ip.payload();
            assert!(!general.fragmented, "{packet:x?}");
            assert_eq!(general.ip_number.0, protocol, "{packet:x?}");
            assert_eq!(general.payload, payload, "{packet:x?}");
            let (source, destination): (IpAddr, IpAddr) = (ip.source_addr(), ip.destination_addr());
            assert_eq!((head.source, head.destination), (source, destination));
            let (ttl, id, whole) = match &ip {
                LaxIpSlice::Ipv4(v4) => {
                    let h = v4.header();
                    let whole = usize::from(h.total_len()) - h.slice().len();
                    (h.ttl(), Some(h.identification()), whole)
                }
                LaxIpSlice::Ipv6(v6) => {
                    let h = v6.header();
                    (h.hop_limit(), None, usize::from(h.payload_length()))
                }
            };
            assert_eq!((head.ttl, head.id, wire), (ttl, id, whole), "{packet:x?}");
        }
        assert!(short > 20_000, "{short}");
    }
}
