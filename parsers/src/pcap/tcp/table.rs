//! All connections of a capture.
//!
//! RDP is recognised by its bytes on any port, so every connection is a candidate until its first payload. What turns out to
//! be something else is forgotten at once; what only tried to open is kept, because its server may turn out to speak RDP.

mod room;
mod watching;

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use foldhash::quality::RandomState;

use super::claim::Claim;
use super::close::Surroundings;
use super::flow::{Flow, Unreachable};
use super::key::Key;
use super::quota::Quota;
use super::servers::Servers;
use super::side::Side;
use super::stream::Place;
use crate::batch::EventBatch;
use crate::pcap::frame::packet::{IcmpError, Packet, Segment};
use crate::pcap::report;
use crate::pcap::watch::Phase;
use crate::rdp::tpkt;
use crate::rdp::x224::{Tpdu, tpdu};
use crate::time::Timestamp;
use crate::tls::keylog::KeyLog;
use room::Floor;
use watching::Watching;

/// Port of RDP (IANA `ms-wbt-server`).
pub(crate) const RDP_PORT: u16 = 3389;
/// Packets between two looks for connections that are over.
const SWEEP_PACKETS: usize = 16_384;
/// And at least so many for each connection that is looked at.
const PACKETS_PER_LOOK: usize = 4;
/// Addresses whose TTL is remembered.
const MOST_HOSTS: usize = 65_536;
/// Defects told one by one.
pub(crate) const MOST_DEFECTS: usize = 1_000;

/// Where connections that are over are written to, and the secrets to read them with.
pub(crate) struct Desk<'a> {
    pub batch: &'a mut EventBatch,
    pub log: u32,
    pub keys: &'a KeyLog,
}

/// All connections.
pub(crate) struct Table {
    /// In boxes, so that the table grows by moving pointers.
    flows: HashMap<Key, Box<Flow>, RandomState>,
    made: u64,
    /// Somebody asked to open a connection that was open: there may be claims to settle.
    claimed: bool,
    rdp_servers: Servers,
    ttls: HashMap<IpAddr, u8, RandomState>,
    since_sweep: usize,
    now: Timestamp,
    ports: Ports,
    quota: Quota,
    /// Defects that are not told one by one.
    pub more_defects: usize,
    /// Connection tries that were dropped for want of room.
    pub condensed: u64,
    /// While packets are still arriving.
    watch: Option<Watching>,
}

/// Which ports are of interest.
#[derive(Debug, Clone, Default)]
pub struct Ports {
    /// Where RDP is expected; 3389 when empty.
    pub usual: Vec<u16>,
    /// Whether connections to other ports are left alone, even if they speak RDP.
    pub only: bool,
}

impl Ports {
    /// Whether RDP is expected there.
    pub fn expected(&self, port: u16) -> bool {
        if self.usual.is_empty() {
            port == RDP_PORT
        } else {
            self.usual.contains(&port)
        }
    }
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            flows: HashMap::default(),
            made: 0,
            claimed: false,
            rdp_servers: Servers::default(),
            ttls: HashMap::default(),
            since_sweep: 0,
            now: Timestamp(i64::MIN),
            ports: Ports::default(),
            quota: Quota::default(),
            more_defects: 0,
            condensed: 0,
            watch: None,
        }
    }

    /// One that also tells connections while the capture goes on.
    pub(crate) fn watching(ports: Ports) -> Self {
        Self {
            watch: Some(Watching::default()),
            ports,
            ..Self::new()
        }
    }

    /// Takes a TCP segment; connections that are over are written to the desk.
    pub(crate) fn segment(
        &mut self,
        packet: &Packet<'_>,
        segment: &Segment<'_>,
        desk: &mut Desk<'_>,
    ) {
        let source = SocketAddr::new(packet.source, segment.source_port);
        let destination = SocketAddr::new(packet.destination, segment.destination_port);
        if self.ports.only
            && !self.ports.expected(source.port())
            && !self.ports.expected(destination.port())
        {
            return;
        }
        self.pass(packet.time, desk);
        let key = Key::of(source, destination);
        let flags = segment.flags;
        if flags.syn() {
            // Who floods with invented addresses must not keep those of users out.
            if self.ttls.len() >= MOST_HOSTS && !self.ttls.contains_key(&packet.source) {
                self.ttls.clear();
            }
            self.ttls.insert(packet.source, packet.ttl);
        }
        if flags.syn() && !flags.ack() && self.claims(key, packet, segment, source, desk) {
            return;
        }
        if self.claimed {
            self.settle_claim(key, source, segment, desk);
        }
        let (floor, ports) = (Floor::at(packet.time), &self.ports);
        let flow = match self.flows.get_mut(&key) {
            Some(flow) if !floor.is_below(flow, ports) => flow,
            old => {
                // Settled, and only not looked at since: what comes now is a connection of its own.
                if old.is_some()
                    && let Some(old) = self.flows.remove(&key)
                {
                    self.write(*old, desk);
                }
                let Some((client, server, midstream)) = self.roles(source, destination, segment)
                else {
                    return;
                };
                self.make_room(desk);
                self.made += 1;
                let place = Place {
                    frame: packet.frame,
                    time: packet.time,
                };
                let flow = Flow::new(self.made, client, server, place, midstream);
                self.flows.entry(key).or_insert(Box::new(flow))
            }
        };
        flow.segment(flow.side(source), packet, segment, desk.keys);
        if !self.ports.expected(flow.server.port()) {
            if flow.spoke_rdp() {
                self.rdp_servers.add(flow.server);
            } else if is_something_else(flow)
                && !flow.is_gateway()
                && !flow.may_be_gateway(desk.keys)
                && !self.rdp_servers.has(flow.server)
            {
                self.flows.remove(&key);
            }
        }
        self.attend(key, desk);
        self.since_sweep += 1;
        if self.since_sweep >= SWEEP_PACKETS.max(self.flows.len() * PACKETS_PER_LOOK) {
            self.sweep(desk);
        }
    }

    /// A request to open the connection anew is true if it is answered as one, and somebody else's if the client goes on.
    fn settle_claim(
        &mut self,
        key: Key,
        source: SocketAddr,
        segment: &Segment<'_>,
        desk: &mut Desk<'_>,
    ) {
        let Some(flow) = self.flows.get_mut(&key) else {
            return;
        };
        let Some(claim) = &flow.claim else { return };
        if claim.is_answered_by(segment) && claim.source() != source {
            let claim = flow.claim.take();
            if let (Some(claim), Some(old)) = (claim, self.flows.remove(&key)) {
                self.write(*old, desk);
                self.made += 1;
                self.flows
                    .insert(key, Box::new(claim.opened(self.made, desk.keys)));
            }
        } else if claim.source() == source
            && !segment.flags.syn()
            && !segment.flags.rst()
            && flow.ends[flow.side(source)].has_sent(segment.seq)
        {
            flow.claim = None;
        }
    }

    /// A SYN with another number than the connection's is a new connection of the same two ends, and the old one is over. While
    /// that is alive, whose it is shows only later: then it is a claim, and the answer is true.
    fn claims(
        &mut self,
        key: Key,
        packet: &Packet<'_>,
        segment: &Segment<'_>,
        source: SocketAddr,
        desk: &mut Desk<'_>,
    ) -> bool {
        let is_another = |f: &Flow| {
            f.ends[f.side(source)].isn != Some(segment.seq) && (f.midstream || f.syn_count > 0)
        };
        let Some(flow) = self.flows.get_mut(&key).filter(|f| is_another(f)) else {
            return false;
        };
        if flow.is_alive() {
            match &mut flow.claim {
                Some(claim) => claim.again(packet, segment),
                none => *none = Some(Box::new(Claim::new(packet, segment))),
            }
            self.claimed = true;
            return true;
        }
        if let Some(old) = self.flows.remove(&key) {
            self.write(*old, desk);
        }
        false
    }

    /// Takes an ICMP error.
    pub(crate) fn icmp(&mut self, packet: &Packet<'_>, error: &IcmpError, desk: &mut Desk<'_>) {
        self.pass(packet.time, desk);
        let sender = SocketAddr::new(error.source, error.source_port);
        let receiver = SocketAddr::new(error.destination, error.destination_port);
        let key = Key::of(sender, receiver);
        let Some(flow) = self.flows.get_mut(&key) else {
            return;
        };
        // RFC 5927 §4.1: whoever is not on the way has to guess what the connection is about to send.
        if !flow.ends[flow.side(sender)].has_sent(error.seq) {
            return;
        }
        if error.too_big {
            flow.too_big = true;
        } else if flow.side(sender) == Side::Client && flow.unreachable.is_none() {
            let place = Place {
                frame: packet.frame,
                time: packet.time,
            };
            flow.unreachable = Some(Unreachable {
                place,
                from: packet.source,
                ttl: packet.ttl,
            });
            if flow.is_half_open() {
                flow.last = place;
            }
        }
        self.attend(key, desk);
    }

    /// Writes all that is left, in the order of their beginning.
    pub(crate) fn finish(&mut self, desk: &mut Desk<'_>) {
        let mut left: Vec<_> = std::mem::take(&mut self.flows).into_values().collect();
        left.sort_by_key(|f| f.number);
        for flow in left {
            self.write(*flow, desk);
        }
    }

    /// Connections left out because too many were told before.
    pub(crate) fn untold(&self) -> u64 {
        self.quota.left_out
    }

    /// How many connections were seen.
    pub(crate) fn made(&self) -> u64 {
        self.made
    }

    fn write(&mut self, mut flow: Flow, desk: &mut Desk<'_>) {
        // Nobody answered, and nobody went on either: the client had lost the connection, and found no server any more.
        if let Some(claim) = flow.claim.take() {
            self.write(flow, desk);
            self.made += 1;
            let opened = claim.opened(self.made, desk.keys);
            return self.write(opened, desk);
        }
        if !self.is_rdp(&flow) {
            return;
        }
        if self.watch.is_some() {
            self.tell(flow, Phase::Settled, desk.keys);
            return;
        }
        if !self.quota.admit(flow.client.ip()) {
            return;
        }
        let usual_ttl = |ip: IpAddr| self.ttls.get(&ip).copied();
        let around = Surroundings {
            usual_ttl: &usual_ttl,
            capture_end: self.now,
            keys: desk.keys,
        };
        report::write(flow, desk.batch, desk.log, &around);
        let defects = &mut desk.batch.defects;
        self.more_defects += defects.len().saturating_sub(MOST_DEFECTS);
        defects.truncate(MOST_DEFECTS);
    }

    /// A connection that is told, if it ends like this.
    fn is_rdp(&self, flow: &Flow) -> bool {
        self.ports.expected(flow.server.port())
            || flow.spoke_rdp()
            || flow.is_gateway()
            || self.rdp_servers.has(flow.server)
    }

    /// Time goes on, whether or not packets come.
    pub(crate) fn pass(&mut self, now: Timestamp, desk: &mut Desk<'_>) {
        while let Some(watch) = &mut self.watch
            && let Some((due, number, key)) = watch.alarms.first().copied()
            && due <= now
        {
            watch.alarms.remove(&(due, number, key));
            // What is told is told as of then, however late the next packet comes.
            self.now = self.now.max(due);
            if let Some(flow) = self.flows.get_mut(&key).filter(|f| f.number == number) {
                flow.vigil.alarm = None;
                self.attend(key, desk);
            }
        }
        self.now = self.now.max(now);
    }

    /// The moment up to which the capture was seen.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Client, server, and whether the beginning is missing; `None` for a packet that begins nothing of interest.
    fn roles(
        &self,
        source: SocketAddr,
        destination: SocketAddr,
        segment: &Segment<'_>,
    ) -> Option<(SocketAddr, SocketAddr, bool)> {
        let flags = segment.flags;
        match (flags.syn(), flags.ack()) {
            (true, false) => return Some((source, destination, false)),
            (true, true) => return Some((destination, source, false)),
            _ => {}
        }
        match tpkt::payload(segment.payload).and_then(tpdu) {
            Some(Tpdu::ConnectionRequest(_)) => return Some((source, destination, false)),
            Some(Tpdu::ConnectionConfirm(_)) => return Some((destination, source, false)),
            _ => {}
        }
        // A RST alone is the tail of something long over, or an answer to a scan.
        if flags.rst() {
            return None;
        }
        let serves = |a: SocketAddr| self.ports.expected(a.port()) || self.rdp_servers.has(a);
        if serves(destination) {
            Some((source, destination, true))
        } else if serves(source) {
            Some((destination, source, true))
        } else {
            None
        }
    }
}

/// Whether the first payload showed another protocol.
fn is_something_else(flow: &Flow) -> bool {
    flow.dialogue
        .as_ref()
        .is_some_and(|t| t.foreign.any(|f| *f) || t.tls.began() || t.data.records.any(|n| *n > 0))
}
