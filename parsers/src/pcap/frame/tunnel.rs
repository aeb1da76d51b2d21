//! Headers of tunnels and port mirrors, down to the network layer inside. Cloud mirrors use VXLAN, Geneve and ERSPAN.

use super::link::{ether_type, ethernet, ip};
use crate::pcap::file::u16_at;

/// UDP ports of VXLAN (RFC 7348 and Linux' older one).
const VXLAN: [u16; 2] = [4789, 8472];
/// UDP port of Geneve (RFC 8926).
const GENEVE: u16 = 6081;

/// Network layer inside a GRE packet (RFC 2784, RFC 2890), ERSPAN types I, II and III included.
pub(crate) fn gre(rest: &[u8]) -> Option<(u16, &[u8])> {
    let flags = u16_at(rest, 0, true)?;
    let protocol = u16_at(rest, 2, true)?;
    // Version 1 is PPTP's; its PPP frames carry no mirror and are mostly compressed.
    if flags & 0x0007 != 0 {
        return None;
    }
    let (checksum, key, sequence) = (
        flags & 0x8000 != 0,
        flags & 0x2000 != 0,
        flags & 0x1000 != 0,
    );
    let header = 4 + 4 * (usize::from(checksum) + usize::from(key) + usize::from(sequence));
    let inner = rest.get(header..)?;
    match protocol {
        ether_type::IPV4 | ether_type::IPV6 => Some((protocol, inner)),
        ether_type::TRANSPARENT_ETHERNET => ethernet(inner),
        // ERSPAN I has neither a sequence number nor a header of its own.
        0x88be if !sequence => ethernet(inner),
        0x88be => ethernet(inner.get(8..)?),
        0x22eb => {
            // ERSPAN III: 12 bytes, 8 more when the last bit of the header is set; the frame type tells what is inside.
            let last = *inner.get(11)?;
            let frame = inner.get(if last & 1 != 0 { 20 } else { 12 }..)?;
            if (last >> 3) & 0x1f == 2 || u16_at(inner, 10, true)? >> 10 & 0x1f == 2 {
                ip(frame).or_else(|| ethernet(frame))
            } else {
                ethernet(frame)
            }
        }
        _ => None,
    }
}

/// Network layer inside a UDP datagram, when its port is that of a tunnel.
pub(crate) fn udp(destination_port: u16, payload: &[u8]) -> Option<(u16, &[u8])> {
    if VXLAN.contains(&destination_port) {
        // The flag "VNI is valid" must be set.
        return (payload.first()? & 0x08 != 0).then(|| payload.get(8..).and_then(ethernet))?;
    }
    if destination_port == GENEVE {
        let first = *payload.first()?;
        if first >> 6 != 0 {
            return None;
        }
        let inner = payload.get(8 + usize::from(first & 0x3f) * 4..)?;
        return match u16_at(payload, 2, true)? {
            ether_type::TRANSPARENT_ETHERNET => ethernet(inner),
            kind @ (ether_type::IPV4 | ether_type::IPV6) => Some((kind, inner)),
            _ => None,
        };
    }
    None
}
