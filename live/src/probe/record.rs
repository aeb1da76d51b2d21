//! What was said on sockets, written down as the packets that it must have been, so that everything that reads captures can
//! read it. Sequence numbers and times to live are invented; times, ports, bytes and who closed are not.

use std::net::{IpAddr, SocketAddr};

use rdpwhy_parsers::Timestamp;

/// Bytes of one packet.
const MOST: usize = 1400;
const FIN: u8 = 0x11;
const SYN: u8 = 0x02;
const RST: u8 = 0x14;
const ACK: u8 = 0x10;
/// Time to live of Windows.
const TTL: u8 = 128;

/// One packet: when, and its bytes from the IP header on (LINKTYPE_RAW).
pub type Packet = (Timestamp, Vec<u8>);

/// A TCP connection as its client knew it.
pub struct Conversation {
    client: SocketAddr,
    server: SocketAddr,
    sent: u32,
    received: u32,
    /// The packets so far.
    pub packets: Vec<Packet>,
}

impl Conversation {
    /// From here to there; `number` tells several of them apart.
    pub fn new(client: SocketAddr, server: SocketAddr, number: u32) -> Self {
        Self {
            client,
            server,
            sent: number.wrapping_mul(0x9e37_79b9),
            received: number.wrapping_mul(0x85eb_ca6b) ^ 0x5555_5555,
            packets: Vec::new(),
        }
    }

    /// The request to open was sent.
    pub fn asked(&mut self, at: Timestamp) {
        let (seq, flags) = (self.sent, SYN);
        self.push(at, true, flags, seq, &[]);
    }

    /// It was accepted.
    pub fn opened(&mut self, at: Timestamp) {
        self.sent = self.sent.wrapping_add(1);
        let seq = self.received;
        self.push(at, false, SYN | ACK, seq, &[]);
        self.received = self.received.wrapping_add(1);
        self.push(at, true, ACK, self.sent, &[]);
    }

    /// It was refused.
    pub fn refused(&mut self, at: Timestamp) {
        self.sent = self.sent.wrapping_add(1);
        self.push(at, false, RST, 0, &[]);
    }

    /// One side said something.
    pub fn said(&mut self, at: Timestamp, by_client: bool, bytes: &[u8]) {
        for piece in bytes.chunks(MOST) {
            let seq = if by_client { self.sent } else { self.received };
            self.push(at, by_client, ACK | 0x08, seq, piece);
            let length = u32::try_from(piece.len()).unwrap_or(0);
            if by_client {
                self.sent = self.sent.wrapping_add(length);
            } else {
                self.received = self.received.wrapping_add(length);
            }
            let seq = if by_client { self.received } else { self.sent };
            self.push(at, !by_client, ACK, seq, &[]);
        }
    }

    /// One side closed, with a reset or in order.
    pub fn closed(&mut self, at: Timestamp, by_client: bool, reset: bool) {
        let seq = if by_client { self.sent } else { self.received };
        self.push(at, by_client, if reset { RST } else { FIN }, seq, &[]);
    }

    fn push(&mut self, at: Timestamp, by_client: bool, flags: u8, seq: u32, data: &[u8]) {
        let (from, to) = if by_client {
            (self.client, self.server)
        } else {
            (self.server, self.client)
        };
        let ack = match (flags & ACK != 0, by_client) {
            (false, _) => 0,
            (true, true) => self.received,
            (true, false) => self.sent,
        };
        let mut tcp = from.port().to_be_bytes().to_vec();
        tcp.extend(to.port().to_be_bytes());
        tcp.extend(seq.to_be_bytes());
        tcp.extend(ack.to_be_bytes());
        tcp.extend([0x50, flags]);
        tcp.extend(64_240u16.to_be_bytes());
        tcp.extend([0; 4]); // checksum, urgent pointer
        tcp.extend(data);
        self.packets.push((at, ip(from.ip(), to.ip(), 6, &tcp)));
    }
}

/// A UDP datagram.
pub fn datagram(at: Timestamp, from: SocketAddr, to: SocketAddr, data: &[u8]) -> Packet {
    let mut udp = from.port().to_be_bytes().to_vec();
    udp.extend(to.port().to_be_bytes());
    let length = u16::try_from(data.len() + 8).unwrap_or(u16::MAX);
    udp.extend(length.to_be_bytes());
    udp.extend([0; 2]);
    udp.extend(data);
    (at, ip(from.ip(), to.ip(), 17, &udp))
}

fn ip(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            let length = u16::try_from(payload.len() + 20).unwrap_or(u16::MAX);
            let mut bytes = vec![0x45, 0];
            bytes.extend(length.to_be_bytes());
            bytes.extend([0, 0, 0x40, 0, TTL, protocol, 0, 0]);
            bytes.extend(from.octets());
            bytes.extend(to.octets());
            bytes.extend(payload);
            bytes
        }
        (from, to) => {
            let wide = |ip: IpAddr| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            let mut bytes = vec![0x60, 0, 0, 0];
            bytes.extend(
                u16::try_from(payload.len())
                    .unwrap_or(u16::MAX)
                    .to_be_bytes(),
            );
            bytes.extend([protocol, TTL]);
            bytes.extend(wide(from).octets());
            bytes.extend(wide(to).octets());
            bytes.extend(payload);
            bytes
        }
    }
}
