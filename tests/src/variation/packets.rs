//! Captures rewritten in place, and captures with fewer or more packets. Little-endian pcap and pcapng; a file of another
//! kind stays as it is.

use std::net::Ipv4Addr;
use std::ops::Range;

use super::identity::{FIRST_OWN_PORT, Identity};

/// One captured packet.
#[derive(Clone, Debug)]
pub struct Packet<'a> {
    /// Nanoseconds since 1970.
    pub time: i64,
    /// As captured.
    pub bytes: &'a [u8],
}

impl Packet<'_> {
    /// Whether the side that chose its port sent it; `None` for what is no TCP, or if nobody or both did.
    pub fn from_client(&self) -> Option<bool> {
        let ip = network(self.bytes)?;
        let (protocol, ports) = transport(self.bytes, ip)?;
        let port = |at| u16_at(self.bytes, at).map(|p| p >= FIRST_OWN_PORT);
        let (from, to) = (port(ports)?, port(ports + 2)?);
        (protocol == TCP && from != to).then_some(from)
    }
}

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ETHERNET: u32 = 1;
const PCAP: [u8; 4] = [0xd4, 0xc3, 0xb2, 0xa1];
const PCAPNG: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];
const ENHANCED_PACKET: u32 = 6;

/// A file cut into packets and what stands between them.
struct Capture {
    pieces: Vec<Piece>,
    ethernet: bool,
}

enum Piece {
    /// File header, or a block that is no packet.
    Other(Range<usize>),
    Packet {
        /// With its header.
        whole: Range<usize>,
        /// The bytes on the wire.
        data: Range<usize>,
        time: i64,
        /// Where the time stands, and its resolution in nanoseconds; 0: pcap's seconds and microseconds.
        stamp: (usize, i64),
    },
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

impl Capture {
    fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.starts_with(&PCAP) {
            Self::pcap(bytes)
        } else if bytes.starts_with(&PCAPNG) {
            Self::pcapng(bytes)
        } else {
            None
        }
    }

    fn pcap(bytes: &[u8]) -> Option<Self> {
        let mut pieces = vec![Piece::Other(0..24)];
        let mut at = 24;
        while let (Some(seconds), Some(micros), Some(size)) =
            (le32(bytes, at), le32(bytes, at + 4), le32(bytes, at + 8))
        {
            let end = at + 16 + size as usize;
            if end > bytes.len() {
                break;
            }
            pieces.push(Piece::Packet {
                whole: at..end,
                data: at + 16..end,
                time: i64::from(seconds) * 1_000_000_000 + i64::from(micros) * 1_000,
                stamp: (at, 0),
            });
            at = end;
        }
        Some(Self {
            pieces,
            ethernet: le32(bytes, 20)? & 0xffff == ETHERNET,
        })
    }

    fn pcapng(bytes: &[u8]) -> Option<Self> {
        // Little-endian sections only.
        (le32(bytes, 8)? == 0x1a2b_3c4d).then_some(())?;
        let (mut pieces, mut at) = (Vec::new(), 0);
        let mut interfaces: Vec<i64> = Vec::new();
        let mut ethernet = true;
        while let (Some(kind), Some(size)) = (le32(bytes, at), le32(bytes, at + 4)) {
            let end = at + size as usize;
            if size < 12 || end > bytes.len() {
                break;
            }
            if kind == 1 {
                ethernet &= le32(bytes, at + 8)? & 0xffff == ETHERNET;
                interfaces.push(resolution(bytes.get(at + 16..end - 4)?));
            }
            if kind == ENHANCED_PACKET {
                let unit = le32(bytes, at + 8)
                    .and_then(|n| interfaces.get(n as usize).copied())
                    .unwrap_or(1_000);
                let ticks =
                    u64::from(le32(bytes, at + 12)?) << 32 | u64::from(le32(bytes, at + 16)?);
                let length = le32(bytes, at + 20)? as usize;
                pieces.push(Piece::Packet {
                    whole: at..end,
                    data: at + 28..(at + 28 + length).min(end),
                    time: ticks.cast_signed().saturating_mul(unit),
                    stamp: (at + 12, unit),
                });
            } else {
                pieces.push(Piece::Other(at..end));
            }
            at = end;
        }
        Some(Self { pieces, ethernet })
    }
}

/// Nanoseconds per tick, of an interface's options; microseconds unless told.
fn resolution(options: &[u8]) -> i64 {
    let mut at = 0;
    while let (Some(code), Some(size)) = (
        options
            .get(at..at + 2)
            .map(|b| u16::from_le_bytes([b[0], b[1]])),
        options
            .get(at + 2..at + 4)
            .map(|b| u16::from_le_bytes([b[0], b[1]])),
    ) {
        if code == 9 {
            return options
                .get(at + 4)
                .map_or(1_000, |p| 10_i64.pow(9_u32.saturating_sub(u32::from(*p))));
        }
        if code == 0 {
            break;
        }
        at += 4 + usize::from(size).next_multiple_of(4);
    }
    1_000
}

/// First and last packet's time.
pub fn span(bytes: &[u8]) -> Option<(i64, i64)> {
    let times = Capture::read(bytes)?
        .pieces
        .into_iter()
        .filter_map(|p| match p {
            Piece::Packet { time, .. } => Some((time, time)),
            Piece::Other(_) => None,
        });
    times.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

/// The capture with some of its packets.
pub fn keep(bytes: &[u8], wanted: impl Fn(&Packet<'_>) -> bool) -> Option<Vec<u8>> {
    let mut kept = Vec::new();
    for piece in Capture::read(bytes)?.pieces {
        match piece {
            Piece::Other(range) => kept.extend(bytes.get(range)?),
            Piece::Packet {
                whole, data, time, ..
            } => {
                if wanted(&Packet {
                    time,
                    bytes: bytes.get(data)?,
                }) {
                    kept.extend(bytes.get(whole)?);
                }
            }
        }
    }
    Some(kept)
}

/// A pcap of Ethernet with more packets in it, in the order of time; `None` for other files.
pub fn with(bytes: &[u8], more: &[Packet<'_>]) -> Option<Vec<u8>> {
    let capture = Capture::read(bytes).filter(|c| c.ethernet && bytes.starts_with(&PCAP))?;
    let mut all: Vec<(i64, Vec<u8>)> = Vec::new();
    for piece in &capture.pieces {
        if let Piece::Packet { whole, time, .. } = piece {
            all.push((*time, bytes.get(whole.clone())?.to_vec()));
        }
    }
    for packet in more {
        let size = u32::try_from(packet.bytes.len()).ok()?;
        let seconds = u32::try_from(packet.time.div_euclid(1_000_000_000)).ok()?;
        let micros = u32::try_from(packet.time.rem_euclid(1_000_000_000) / 1_000).ok()?;
        let mut record: Vec<u8> = [seconds, micros, size, size]
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect();
        record.extend(packet.bytes);
        all.push((packet.time, record));
    }
    // Stable: the file's own order stays for packets of one moment.
    all.sort_by_key(|(time, _)| *time);
    let mut file = bytes.get(..24)?.to_vec();
    file.extend(all.into_iter().flat_map(|(_, record)| record));
    Some(file)
}

/// The packets of a capture, so much later.
pub fn packets(bytes: &[u8], later: i64) -> Option<Vec<Packet<'_>>> {
    let pieces = Capture::read(bytes)?.pieces.into_iter();
    let packet = |p| match p {
        Piece::Packet { data, time, .. } => Some(Packet {
            time: time + later,
            bytes: bytes.get(data)?,
        }),
        Piece::Other(_) => None,
    };
    Some(pieces.filter_map(packet).collect())
}

/// The capture with other addresses and ports, so much later. Checksums that were right stay right, and wrong ones wrong.
pub fn rewrite(bytes: &[u8], identity: Identity, later: i64) -> Option<Vec<u8>> {
    let capture = Capture::read(bytes)?;
    let mut new = bytes.to_vec();
    for piece in capture.pieces {
        let Piece::Packet {
            data,
            time,
            stamp: (at, unit),
            ..
        } = piece
        else {
            continue;
        };
        if capture.ethernet {
            frame(new.get_mut(data)?, identity);
        }
        let time = time + later;
        let stamp: Vec<u8> = if unit == 0 {
            u32::try_from(time.div_euclid(1_000_000_000))
                .ok()?
                .to_le_bytes()
                .to_vec()
        } else {
            let ticks = (time / unit).cast_unsigned();
            let halves = [ticks >> 32, ticks & 0xffff_ffff];
            halves
                .iter()
                .flat_map(|h| u32::try_from(*h).unwrap_or(0).to_le_bytes())
                .collect()
        };
        if later != 0 {
            new.get_mut(at..at + stamp.len())?.copy_from_slice(&stamp);
        }
    }
    Some(new)
}

/// Where the IPv4 header begins, behind Ethernet and tags.
fn network(frame: &[u8]) -> Option<usize> {
    let mut at = 12;
    loop {
        match u16_at(frame, at)? {
            0x8100 | 0x88a8 | 0x9100 => at += 4,
            0x0800 => return Some(at + 2),
            _ => return None,
        }
    }
}

/// Protocol, and where its header begins if this is the first fragment.
fn transport(frame: &[u8], ip: usize) -> Option<(u8, usize)> {
    let first = *frame.get(ip)?;
    let fragment = u16_at(frame, ip + 6)? & 0x1fff;
    (first >> 4 == 4 && fragment == 0)
        .then_some((*frame.get(ip + 9)?, ip + 4 * usize::from(first & 15)))
}

fn frame(frame: &mut [u8], identity: Identity) {
    if u16_at(frame, 12) == Some(0x0806) {
        for at in [28, 38] {
            address(frame, at, identity, &[]);
        }
    } else if let Some(ip) = network(frame) {
        datagram(frame, ip, identity);
    }
}

/// Rewrites an IPv4 packet.
fn datagram(frame: &mut [u8], ip: usize, identity: Identity) {
    let inner = transport(frame, ip);
    let checksum = match inner {
        Some((TCP, at)) => Some(at + 16),
        Some((UDP, at)) if u16_at(frame, at + 6) != Some(0) => Some(at + 6),
        _ => None,
    };
    let checksum = checksum.filter(|at| at + 2 <= frame.len());
    let addressed: Vec<usize> = std::iter::once(ip + 10).chain(checksum).collect();
    for at in [ip + 12, ip + 16] {
        address(frame, at, identity, &addressed);
    }
    match inner {
        Some((TCP | UDP, at)) => {
            let sums: Vec<usize> = checksum.into_iter().collect();
            for at in [at, at + 2] {
                if let Some(port) = u16_at(frame, at) {
                    word(frame, at, identity.port(port), &sums);
                }
            }
            if u16_at(frame, at) == Some(53) || u16_at(frame, at + 2) == Some(53) {
                answers(frame, at + 8, identity, &sums);
            }
        }
        // Errors quote the packet that they are about.
        Some((ICMP, at)) if matches!(frame.get(at), Some(3 | 5 | 11 | 12)) => {
            let quoted = at + 8;
            let before: Vec<Option<u16>> = (0..14).map(|n| u16_at(frame, quoted + 2 * n)).collect();
            datagram(frame, quoted, identity);
            let now: Vec<Option<u16>> = (0..14).map(|n| u16_at(frame, quoted + 2 * n)).collect();
            for (old, new) in before.into_iter().zip(now) {
                if let Some((old, new)) = old.zip(new) {
                    correct(frame, at + 2, old, new);
                }
            }
        }
        _ => {}
    }
}

/// Addresses in the answers of a name server: records of type A, class IN, four bytes.
fn answers(frame: &mut [u8], from: usize, identity: Identity, sums: &[usize]) {
    const A_RECORD: [u8; 4] = [0, 1, 0, 1];
    for at in from + 12..frame.len() {
        if frame.get(at..at + 4) == Some(&A_RECORD) && frame.get(at + 8..at + 10) == Some(&[0, 4]) {
            // At an odd place the two bytes of a word change in different words: the sum is then left to say nothing.
            if (at - from).is_multiple_of(2) {
                address(frame, at + 10, identity, sums);
            } else {
                address(frame, at + 10, identity, &[]);
                for sum in sums {
                    if let Some(to) = frame.get_mut(*sum..*sum + 2) {
                        to.fill(0);
                    }
                }
            }
        }
    }
}

fn address(frame: &mut [u8], at: usize, identity: Identity, sums: &[usize]) {
    let Some(old) = frame.get(at..).and_then(|b| b.first_chunk::<4>()) else {
        return;
    };
    let [a, b, c, d] = identity.address(Ipv4Addr::from(*old)).octets();
    word(frame, at, u16::from_be_bytes([a, b]), sums);
    word(frame, at + 2, u16::from_be_bytes([c, d]), sums);
}

/// Replaces a word and corrects the checksums over it.
fn word(frame: &mut [u8], at: usize, new: u16, sums: &[usize]) {
    let Some(old) = u16_at(frame, at) else { return };
    if let Some(to) = frame.get_mut(at..at + 2) {
        to.copy_from_slice(&new.to_be_bytes());
    }
    for sum in sums {
        correct(frame, *sum, old, new);
    }
}

/// RFC 1624, equation 3.
fn correct(frame: &mut [u8], sum: usize, old: u16, new: u16) {
    let Some(before) = u16_at(frame, sum) else {
        return;
    };
    let mut total = u32::from(!before) + u32::from(!old) + u32::from(new);
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    let after = !u16::try_from(total).unwrap_or(0);
    if let Some(to) = frame.get_mut(sum..sum + 2) {
        to.copy_from_slice(&after.to_be_bytes());
    }
}
