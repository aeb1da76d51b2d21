//! All connections of a capture.
//!
//! RDP is recognised by its bytes on any port, so every connection is a candidate until its first payload. What turns out to
//! be something else is forgotten at once; what only tried to open is kept, because its server may turn out to speak RDP.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use super::close::Surroundings;
use super::flow::{Flow, Unreachable};
use super::quota::Quota;
use super::side::Side;
use super::stream::Place;
use crate::batch::EventBatch;
use crate::pcap::frame::packet::{IcmpError, Packet, Segment};
use crate::pcap::report;
use crate::rdp::tpkt;
use crate::rdp::x224::{Tpdu, tpdu};
use crate::time::Timestamp;
use crate::tls::keylog::KeyLog;

/// Port of RDP (IANA `ms-wbt-server`).
pub(crate) const RDP_PORT: u16 = 3389;
/// Connections kept at a time. One costs about a KiB, some ten more while its handshake is read, and a hostile one at most
/// what a stream and a framer may hold for each side, about 160 KiB.
const MOST_FLOWS: usize = 32_768;
/// Packets between two looks for connections that are over.
const SWEEP_PACKETS: u32 = 16_384;
/// A connection that is over waits this long for stragglers: twice the usual maximum segment lifetime (RFC 9293 §3.4.2).
const STRAGGLERS: i64 = 120_000_000_000;
/// Addresses whose TTL is remembered.
const MOST_HOSTS: usize = 65_536;
/// Servers remembered as speaking RDP on another port than the usual one. A capture of a whole site has some hundred.
const MOST_SERVERS: usize = 16_384;
/// Defects told one by one.
const MOST_DEFECTS: usize = 1_000;

/// Two ends, in an order that both directions share.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key(SocketAddr, SocketAddr);

fn key(a: SocketAddr, b: SocketAddr) -> Key {
    if a <= b { Key(a, b) } else { Key(b, a) }
}

/// Where connections that are over are written to, and the secrets to read them with.
pub(crate) struct Desk<'a> {
    pub batch: &'a mut EventBatch,
    pub log: u32,
    pub keys: &'a KeyLog,
}

/// All connections.
pub(crate) struct Table {
    flows: HashMap<Key, Flow>,
    made: u64,
    rdp_servers: HashSet<SocketAddr>,
    ttls: HashMap<IpAddr, u8>,
    since_sweep: u32,
    now: Timestamp,
    quota: Quota,
    /// Defects that are not told one by one.
    pub more_defects: usize,
    /// Connection tries that were dropped for want of room.
    pub condensed: u64,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            flows: HashMap::new(),
            made: 0,
            rdp_servers: HashSet::new(),
            ttls: HashMap::new(),
            since_sweep: 0,
            now: Timestamp(i64::MIN),
            quota: Quota::default(),
            more_defects: 0,
            condensed: 0,
        }
    }

    /// Takes a TCP segment; connections that are over are written to the desk.
    pub(crate) fn segment(
        &mut self,
        packet: &Packet<'_>,
        segment: &Segment<'_>,
        desk: &mut Desk<'_>,
    ) {
        self.now = self.now.max(packet.time);
        let source = SocketAddr::new(packet.source, segment.source_port);
        let destination = SocketAddr::new(packet.destination, segment.destination_port);
        let key = key(source, destination);
        let flags = segment.flags;
        if flags.syn() && (self.ttls.len() < MOST_HOSTS || self.ttls.contains_key(&packet.source)) {
            self.ttls.insert(packet.source, packet.ttl);
        }
        let opens_anew = flags.syn() && !flags.ack();
        if opens_anew
            && self.flows.get(&key).is_some_and(|f| {
                f.ends[f.side(source)].isn != Some(segment.seq) && (f.midstream || f.syn_count > 0)
            })
            && let Some(old) = self.flows.remove(&key)
        {
            self.write(old, desk);
        }
        if !self.flows.contains_key(&key) {
            let Some((client, server, midstream)) =
                roles(source, destination, segment, &self.rdp_servers)
            else {
                return;
            };
            self.make_room(desk);
            self.made += 1;
            let place = Place {
                frame: packet.frame,
                time: packet.time,
            };
            self.flows
                .insert(key, Flow::new(self.made, client, server, place, midstream));
        }
        if let Some(flow) = self.flows.get_mut(&key) {
            flow.segment(flow.side(source), packet, segment, desk.keys);
            if flow.spoke_rdp() {
                if flow.server.port() != RDP_PORT && self.rdp_servers.len() < MOST_SERVERS {
                    self.rdp_servers.insert(flow.server);
                }
            } else if flow.server.port() != RDP_PORT
                && is_something_else(flow)
                && !flow.is_gateway()
                && !flow.may_be_gateway(desk.keys)
                && !self.rdp_servers.contains(&flow.server)
            {
                self.flows.remove(&key);
            }
        }
        self.since_sweep += 1;
        if self.since_sweep >= SWEEP_PACKETS {
            self.sweep(desk);
        }
    }

    /// Takes an ICMP error.
    pub(crate) fn icmp(&mut self, packet: &Packet<'_>, error: &IcmpError) {
        let sender = SocketAddr::new(error.source, error.source_port);
        let receiver = SocketAddr::new(error.destination, error.destination_port);
        let Some(flow) = self.flows.get_mut(&key(sender, receiver)) else {
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
    }

    /// Writes all that is left, in the order of their beginning.
    pub(crate) fn finish(&mut self, desk: &mut Desk<'_>) {
        let mut left: Vec<_> = std::mem::take(&mut self.flows).into_values().collect();
        left.sort_by_key(|f| f.number);
        for flow in left {
            self.write(flow, desk);
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

    fn write(&mut self, flow: Flow, desk: &mut Desk<'_>) {
        if flow.server.port() != RDP_PORT
            && !flow.spoke_rdp()
            && !flow.is_gateway()
            && !self.rdp_servers.contains(&flow.server)
        {
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

    fn sweep(&mut self, desk: &mut Desk<'_>) {
        self.since_sweep = 0;
        let floor = self.now.plus(-STRAGGLERS);
        let over = |f: &Flow| {
            f.last.time < floor && f.is_over() && (f.server.port() == RDP_PORT || !f.is_half_open())
        };
        let mut done: Vec<_> = self
            .flows
            .iter()
            .filter(|(_, f)| over(f))
            .map(|(k, f)| (f.number, *k))
            .collect();
        done.sort_unstable_by_key(|(number, _)| *number);
        for (_, key) in done {
            if let Some(flow) = self.flows.remove(&key) {
                self.write(flow, desk);
            }
        }
    }

    /// When the table is full, the connections that were quiet for longest give way, mere tries first.
    fn make_room(&mut self, desk: &mut Desk<'_>) {
        if self.flows.len() < MOST_FLOWS {
            return;
        }
        let mut all: Vec<_> = self
            .flows
            .iter()
            .map(|(k, f)| {
                (
                    !f.is_half_open(),
                    f.server.port() == RDP_PORT,
                    f.last.time,
                    f.number,
                    *k,
                )
            })
            .collect();
        all.sort_unstable_by_key(|(open, rdp, last, number, _)| (*open, *rdp, *last, *number));
        all.truncate(MOST_FLOWS / 4);
        for (open, rdp, .., key) in all {
            let Some(flow) = self.flows.remove(&key) else {
                continue;
            };
            if open || !rdp {
                self.write(flow, desk);
            } else {
                self.condensed += 1;
            }
        }
    }
}

/// Whether the first payload showed another protocol.
fn is_something_else(flow: &Flow) -> bool {
    flow.dialogue
        .as_ref()
        .is_some_and(|t| t.foreign.any(|f| *f) || t.tls.began() || t.data.records.any(|n| *n > 0))
}

/// Client, server, and whether the beginning is missing; `None` for a packet that begins nothing of interest.
fn roles(
    source: SocketAddr,
    destination: SocketAddr,
    segment: &Segment<'_>,
    rdp_servers: &HashSet<SocketAddr>,
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
    let serves = |a: SocketAddr| a.port() == RDP_PORT || rdp_servers.contains(&a);
    if serves(destination) {
        Some((source, destination, true))
    } else if serves(source) {
        Some((destination, source, true))
    } else {
        None
    }
}
