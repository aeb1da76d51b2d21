//! From a frame to its network layer: link types, VLAN tags, labels.
//!
//! Link types as in <https://www.tcpdump.org/linktypes.html>.

use crate::pcap::file::u16_at;

/// EtherTypes that are looked at.
pub(crate) mod ether_type {
    pub(crate) const IPV4: u16 = 0x0800;
    pub(crate) const ARP: u16 = 0x0806;
    pub(crate) const TRANSPARENT_ETHERNET: u16 = 0x6558;
    pub(crate) const IPV6: u16 = 0x86dd;
    const VLAN: u16 = 0x8100;
    const QINQ: u16 = 0x88a8;
    const QINQ_OLD: u16 = 0x9100;
    pub(super) const MPLS: u16 = 0x8847;
    pub(super) const PPPOE_SESSION: u16 = 0x8864;
    pub(super) const MACSEC: u16 = 0x88e5;

    pub(super) fn is_vlan(t: u16) -> bool {
        matches!(t, VLAN | QINQ | QINQ_OLD)
    }
}

/// Deepest stack of tags and labels followed; real ones have two or three.
const DEEPEST_TAGS: usize = 8;

/// EtherType and bytes of the network layer of a frame, `None` for link types or frames that carry none.
pub(crate) fn network(link: u32, frame: &[u8]) -> Option<(u16, &[u8])> {
    match link {
        1 => ethernet(frame),
        // LINKTYPE_RAW in its three numbers, IPv4, IPv6.
        12 | 14 | 101 | 228 | 229 => ip(frame),
        // NULL has the family in host order of the capturing machine, LOOP in network order: the IP version says the same.
        0 | 108 => ip(frame.get(4..)?),
        // Linux cooked captures.
        113 => tagged(u16_at(frame, 14, true)?, frame.get(16..)?),
        276 => tagged(u16_at(frame, 0, true)?, frame.get(20..)?),
        // PPP, with or without HDLC framing.
        9 | 50 => ppp(if frame.starts_with(&[0xff, 0x03]) {
            frame.get(2..)?
        } else {
            frame
        }),
        _ => None,
    }
}

/// EtherType and bytes behind an Ethernet header and its tags.
pub(crate) fn ethernet(frame: &[u8]) -> Option<(u16, &[u8])> {
    let kind = u16_at(frame, 12, true)?;
    if kind >= 0x0600 {
        return tagged(kind, frame.get(14..)?);
    }
    // IEEE 802.3 with LLC/SNAP: aa aa 03, organisation code, EtherType.
    match frame.get(14..17)? {
        [0xaa, 0xaa, 0x03] => tagged(u16_at(frame, 20, true)?, frame.get(22..)?),
        _ => None,
    }
}

fn tagged(mut kind: u16, mut rest: &[u8]) -> Option<(u16, &[u8])> {
    for _ in 0..DEEPEST_TAGS {
        match kind {
            k if ether_type::is_vlan(k) => {
                kind = u16_at(rest, 2, true)?;
                rest = rest.get(4..)?;
            }
            ether_type::MPLS => {
                // RFC 3032 §2.1: bit 23 ends the stack; what follows is IP (or an Ethernet pseudo-wire).
                let last = rest.get(2)? & 1 != 0;
                rest = rest.get(4..)?;
                if last {
                    return ip(rest).or_else(|| ethernet(rest.get(4..)?));
                }
            }
            ether_type::PPPOE_SESSION => return ppp(rest.get(6..)?),
            // IEEE 802.1AE without encryption: the EtherType stands behind the 6 or 14 byte tag.
            ether_type::MACSEC => {
                let control = *rest.first()?;
                if control & 0x0c != 0 {
                    return None;
                }
                let tag = if control & 0x20 != 0 { 14 } else { 6 };
                kind = u16_at(rest, tag, true)?;
                rest = rest.get(tag + 2..)?;
            }
            _ => return Some((kind, rest)),
        }
    }
    None
}

fn ppp(rest: &[u8]) -> Option<(u16, &[u8])> {
    match u16_at(rest, 0, true)? {
        0x0021 | 0x0057 => ip(rest.get(2..)?),
        _ => None,
    }
}

/// By the version in the first half byte.
pub(crate) fn ip(rest: &[u8]) -> Option<(u16, &[u8])> {
    match rest.first()? >> 4 {
        4 => Some((ether_type::IPV4, rest)),
        6 => Some((ether_type::IPV6, rest)),
        _ => None,
    }
}
