//! All connections of a capture.
//!
//! RDP is recognised by its bytes on any port, so every connection is a candidate until its first payload. What turns out to
//! be something else is forgotten at once; what only tried to open is kept, because its server may turn out to speak RDP.

use std::collections::{BTreeSet, HashMap};
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
use super::vigil::{self, Heard, Look};
use crate::batch::EventBatch;
use crate::pcap::frame::packet::{IcmpError, Packet, Segment};
use crate::pcap::report;
use crate::pcap::watch::{Phase, Told};
use crate::rdp::tpkt;
use crate::rdp::x224::{Tpdu, tpdu};
use crate::time::Timestamp;
use crate::tls::keylog::KeyLog;

/// Port of RDP (IANA `ms-wbt-server`).
pub(crate) const RDP_PORT: u16 = 3389;
/// A connection that is neither over nor heard of for so long is told as it stands. Sessions are quiet for hours, and a
/// capture of weeks must not fill up with those whose end it missed.
const IDLE: i64 = 86_400_000_000_000;
/// Connections kept at a time. One costs about a KiB, some ten more while its handshake is read, and a hostile one at most
/// what a stream and a framer may hold for each side, about 160 KiB.
const MOST_FLOWS: usize = 32_768;
/// Packets between two looks for connections that are over.
const SWEEP_PACKETS: usize = 16_384;
/// And at least so many for each connection that is looked at.
const PACKETS_PER_LOOK: usize = 4;
/// A connection that is over waits this long for stragglers: twice the usual maximum segment lifetime (RFC 9293 §3.4.2).
const STRAGGLERS: i64 = 120_000_000_000;
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

/// What is told while the capture goes on.
#[derive(Default)]
struct Watching {
    /// Connections to look at again, by moment and number.
    alarms: BTreeSet<(Timestamp, u64, Key)>,
    told: Vec<Told>,
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

    fn sweep(&mut self, desk: &mut Desk<'_>) {
        self.since_sweep = 0;
        let floor = Floor::at(self.now);
        let mut done: Vec<_> = self
            .flows
            .iter()
            .filter(|(_, f)| floor.is_below(f, &self.ports))
            .map(|(k, f)| (f.number, *k))
            .collect();
        done.sort_unstable_by_key(|(number, _)| *number);
        for (_, key) in done {
            if let Some(flow) = self.flows.remove(&key) {
                self.write(*flow, desk);
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
                    self.ports.expected(f.server.port()),
                    f.last.time,
                    f.number,
                    *k,
                )
            })
            .collect();
        let order = |(open, rdp, last, number, _): &(bool, bool, Timestamp, u64, Key)| {
            (*open, *rdp, *last, *number)
        };
        // Of a full table only those that go need an order.
        if all.len() > MOST_FLOWS / 4 {
            all.select_nth_unstable_by_key(MOST_FLOWS / 4, order);
            all.truncate(MOST_FLOWS / 4);
        }
        all.sort_unstable_by_key(order);
        for (open, rdp, .., key) in all {
            let Some(flow) = self.flows.remove(&key) else {
                continue;
            };
            // What was told already gets its last word.
            if open || !rdp || flow.vigil.heard == Heard::End {
                self.write(*flow, desk);
            } else {
                self.condensed += 1;
            }
        }
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

    /// Tells what is new of a connection, and sets the alarm for its next look.
    fn attend(&mut self, key: Key, desk: &Desk<'_>) {
        if self.watch.is_none() {
            return;
        }
        let Some(flow) = self.flows.get(&key).filter(|f| self.is_rdp(f)) else {
            return;
        };
        let mut vigil = flow.vigil;
        let packets = vigil::packets(flow);
        if vigil.heard == Heard::End {
            if vigil.packets == packets {
                return;
            }
            // It goes on: a forged reset, a late answer, or the rest of its goodbye.
            if flow.is_over() {
                return;
            }
            vigil.heard = Heard::Nothing;
        }
        // Most packets change nothing that is awaited: the alarm that is set will do.
        let awaits_session = vigil.heard == Heard::Nothing && flow.dialogue.is_some();
        if vigil.alarm.is_some_and(|due| due > self.now) && !awaits_session && !vigil::ending(flow)
        {
            return;
        }
        let mut news = None;
        if vigil.heard == Heard::Nothing && flow.in_session() {
            vigil.heard = Heard::Session;
            news = Some(Phase::Session);
        }
        let look = vigil::look(flow, self.now);
        if look == Look::Ended {
            vigil.heard = Heard::End;
            vigil.packets = packets;
            news = Some(Phase::Ended);
        }
        let snapshot = news.map(|phase| (Flow::clone(flow), phase));
        let alarm = match look {
            Look::Later(due) => Some(due),
            Look::Ended | Look::Fine => None,
        };
        let number = flow.number;
        // An alarm that is too early costs a look, one that is moved with each packet costs more.
        let keep = match (vigil.alarm, alarm) {
            (Some(set), Some(due)) => set <= due,
            (None, None) => true,
            _ => false,
        };
        if let Some(watch) = self.watch.as_mut().filter(|_| !keep) {
            if let Some(set) = vigil.alarm.take() {
                watch.alarms.remove(&(set, number, key));
            }
            if let Some(due) = alarm {
                watch.alarms.insert((due, number, key));
                vigil.alarm = Some(due);
            }
        }
        if let Some(flow) = self.flows.get_mut(&key) {
            flow.vigil = vigil;
        }
        if let Some((flow, phase)) = snapshot {
            self.tell(flow, phase, desk.keys);
        }
    }

    /// Tells a connection, or how it stands, by itself.
    fn tell(&mut self, flow: Flow, phase: Phase, keys: &KeyLog) {
        let usual_ttl = |ip: IpAddr| self.ttls.get(&ip).copied();
        let around = Surroundings {
            usual_ttl: &usual_ttl,
            capture_end: self.now,
            keys,
        };
        let mut batch = EventBatch::default();
        let log = batch.log("", "capture");
        let (number, client, server) = (flow.number, flow.client, flow.server);
        let opened = flow.opened.time;
        if let Some(set) = flow.vigil.alarm.filter(|_| phase == Phase::Settled)
            && let (Some(watch), key) = (&mut self.watch, Key::of(client, server))
        {
            watch.alarms.remove(&(set, number, key));
        }
        report::write(flow, &mut batch, log, &around);
        batch.shrink();
        if let Some(watch) = &mut self.watch {
            watch.told.push(Told {
                flow: number,
                phase,
                at: self.now,
                client,
                server,
                opened,
                batch,
            });
        }
    }

    /// What was told since the last time, in its order.
    pub(crate) fn told(&mut self) -> Vec<Told> {
        self.watch
            .as_mut()
            .map(|w| std::mem::take(&mut w.told))
            .unwrap_or_default()
    }

    /// The moment up to which the capture was seen.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Connections that are under way, each as it stands.
    pub(crate) fn under_way(&self) -> impl Iterator<Item = &Flow> {
        self.flows
            .values()
            .map(Box::as_ref)
            .filter(|f| self.is_rdp(f) && f.vigil.heard != Heard::End)
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

/// The moments up to which connections must have been heard not to be settled.
struct Floor {
    /// Those that are over.
    over: Timestamp,
    /// All.
    idle: Timestamp,
}

impl Floor {
    fn at(now: Timestamp) -> Self {
        Self {
            over: now.plus(-STRAGGLERS),
            idle: now.plus(-IDLE),
        }
    }

    /// Whether nothing is expected of a connection any more.
    fn is_below(&self, flow: &Flow, ports: &Ports) -> bool {
        // Of nearly all this one look tells it.
        if flow.last.time >= self.over {
            return false;
        }
        let done = flow.is_over() && (ports.expected(flow.server.port()) || !flow.is_half_open());
        done || flow.last.time < self.idle
    }
}

/// Whether the first payload showed another protocol.
fn is_something_else(flow: &Flow) -> bool {
    flow.dialogue
        .as_ref()
        .is_some_and(|t| t.foreign.any(|f| *f) || t.tls.began() || t.data.records.any(|n| *n > 0))
}
