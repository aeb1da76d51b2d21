//! A request to open a connection that is open already. Either the client lost it and uses its port again, or somebody else
//! sent the request to make the connection look like another one: the answer tells, and whether the client goes on.

use std::net::{IpAddr, SocketAddr};

use super::flow::Flow;
use super::stream::Place;
use crate::pcap::frame::packet::{Body, Flags, Packet, Segment};
use crate::time::Timestamp;
use crate::tls::keylog::KeyLog;

/// A SYN with a sequence number that is not the connection's.
#[derive(Clone)]
pub(crate) struct Claim {
    frame: u64,
    time: Timestamp,
    source: (IpAddr, u16),
    destination: (IpAddr, u16),
    ttl: u8,
    id: Option<u16>,
    seq: u32,
    window: u16,
    mss: Option<u16>,
    /// How often it came again, and when last.
    repeats: u32,
    last: Timestamp,
}

impl Claim {
    pub(crate) fn new(packet: &Packet<'_>, segment: &Segment<'_>) -> Self {
        Self {
            frame: packet.frame,
            time: packet.time,
            source: (packet.source, segment.source_port),
            destination: (packet.destination, segment.destination_port),
            ttl: packet.ttl,
            id: packet.id,
            seq: segment.seq,
            window: segment.window,
            mss: segment.mss,
            repeats: 0,
            last: packet.time,
        }
    }

    /// Takes note of a further SYN: the same one once more, or another one, which counts instead.
    pub(crate) fn again(&mut self, packet: &Packet<'_>, segment: &Segment<'_>) {
        if segment.seq == self.seq && self.source == (packet.source, segment.source_port) {
            self.repeats = self.repeats.saturating_add(1);
            self.last = packet.time;
        } else {
            *self = Self::new(packet, segment);
        }
    }

    pub(crate) fn source(&self) -> SocketAddr {
        SocketAddr::new(self.source.0, self.source.1)
    }

    /// Whether a segment accepts or refuses it.
    pub(crate) fn is_answered_by(&self, segment: &Segment<'_>) -> bool {
        (segment.flags.syn() || segment.flags.rst())
            && segment.flags.ack()
            && segment.ack == self.seq.wrapping_add(1)
    }

    /// The connection that it opens.
    pub(crate) fn opened(self, number: u64, keys: &KeyLog) -> Flow {
        let place = Place {
            frame: self.frame,
            time: self.time,
        };
        let (client, server) = (self.source, self.destination);
        let client = SocketAddr::new(client.0, client.1);
        let server = SocketAddr::new(server.0, server.1);
        let mut flow = Flow::new(number, client, server, place, false);
        let segment = || Segment {
            source_port: client.port(),
            destination_port: server.port(),
            seq: self.seq,
            ack: 0,
            flags: Flags(0x02),
            window: self.window,
            mss: self.mss,
            sack: [None; 4],
            payload: &[],
            length: 0,
        };
        let packet = Packet {
            frame: self.frame,
            time: self.time,
            source: client.ip(),
            destination: server.ip(),
            ttl: self.ttl,
            id: self.id,
            body: Body::Tcp(segment()),
        };
        let side = flow.side(client);
        flow.segment(side, &packet, &segment(), keys);
        flow.syn_count = flow.syn_count.saturating_add(self.repeats);
        flow.last_syn = self.last;
        flow
    }
}
