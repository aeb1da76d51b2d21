//! Sightings of one connection become one attempt, by the strongest key that both witnesses have.
//!
//! In order of trust: client address and port with the moment (RdpCoreTS 131 and the SYN); bytes that are alike at two
//! capture points (ClientHello random, sequence numbers, cookie); server name and moment, for a client's log, which
//! never writes its own port.

use rdpwhy_parsers::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::attempt::Attempt;
use crate::clock::{ClockEstimate, ClockId, corrected};
use crate::evidence::Evidence;
use crate::sighting::{Peer, Sighting, View};
use capture::Captured;

mod capture;
mod client;
mod gateway;
mod server;

const SECOND: i64 = 1_000_000_000;
/// Ports are used again, so an address and port mean the same connection only within this time once clocks are corrected.
const SAME_PORT_NS: i64 = 5 * SECOND;
/// Clocks agree at best within this.
const SLACK_NS: i64 = 2 * SECOND;

/// Makes attempts of sightings; the result is sorted by start.
pub fn merge(
    evidence: &mut Evidence,
    clocks: &BTreeMap<ClockId, ClockEstimate>,
    sightings: Vec<Sighting>,
) -> Vec<Attempt> {
    let mut by_view: BTreeMap<View, Vec<Sighting>> = BTreeMap::new();
    for s in sightings {
        by_view.entry(s.view).or_default().push(s);
    }
    let mut merging = Merging {
        clocks,
        attempts: Vec::new(),
        by_client: HashMap::new(),
        captured: Captured::default(),
        only_server: None,
        by_start: Starts::default(),
        without_port: BTreeSet::new(),
        at_gateway: BTreeMap::new(),
    };
    // In the order of time, so that a capture that goes on where another ended finds what it goes on with.
    let mut captured = by_view.remove(&View::Wire).unwrap_or_default();
    captured.sort_by_key(|s| corrected(clocks, s, s.start));
    for s in captured {
        merging.wire(evidence, s);
    }
    merging.own_addresses(evidence);
    let servers: BTreeSet<IpAddr> = merging
        .attempts
        .iter()
        .filter_map(|a| a.server.ip)
        .collect();
    merging.only_server = servers.first().copied().filter(|_| servers.len() == 1);
    merging.by_start = Starts::new(&merging.attempts);
    for s in by_view.remove(&View::Server).unwrap_or_default() {
        merging.server(evidence, s);
    }
    for s in by_view.remove(&View::Gateway).unwrap_or_default() {
        let i = merging.add(&s);
        merging.absorb(i, s);
    }
    merging.by_start = Starts::new(&merging.attempts);
    merging.behind_gateways(evidence);
    // In the order of time, so that each try takes the connections that follow it.
    let mut clients = by_view.remove(&View::Client).unwrap_or_default();
    clients.sort_by_key(|s| corrected(clocks, s, s.start));
    merging.clients(evidence, clients);
    let mut attempts = merging.attempts;
    name_peers(evidence, &mut attempts);
    sort(&mut attempts);
    attempts
}

struct Merging<'a> {
    clocks: &'a BTreeMap<ClockId, ClockEstimate>,
    attempts: Vec<Attempt>,
    by_client: HashMap<(IpAddr, u16), Vec<usize>>,
    captured: Captured,
    /// The server of all captured connections, if it is one.
    only_server: Option<IpAddr>,
    /// Filled once the captures have told their part, and again before the clients tell theirs.
    by_start: Starts,
    /// Those that a server's log was given to by the client's address and the time.
    without_port: BTreeSet<usize>,
    /// Of each connection that a gateway opened, the user's try at the gateway.
    at_gateway: BTreeMap<usize, usize>,
}

/// Attempts by start: all, and those of each client address.
#[derive(Default)]
struct Starts {
    all: Vec<(Timestamp, usize)>,
    by_ip: HashMap<IpAddr, Vec<(Timestamp, usize)>>,
}

impl Starts {
    fn new(attempts: &[Attempt]) -> Self {
        let mut starts = Self::default();
        for (i, a) in attempts.iter().enumerate() {
            starts.all.push((a.start, i));
            if let Some(ip) = a.client.ip {
                starts.by_ip.entry(ip).or_default().push((a.start, i));
            }
        }
        starts.all.sort_unstable();
        starts
            .by_ip
            .values_mut()
            .for_each(|list| list.sort_unstable());
        starts
    }

    fn between(&self, ip: Option<IpAddr>, from: Timestamp, to: Timestamp) -> &[(Timestamp, usize)] {
        let list = match ip {
            Some(ip) => self.by_ip.get(&ip).map_or(&[][..], Vec::as_slice),
            None => &self.all,
        };
        let start = list.partition_point(|(t, _)| *t < from);
        let end = list.partition_point(|(t, _)| *t <= to);
        list.get(start..end.max(start)).unwrap_or_default()
    }
}

impl Merging<'_> {
    /// The user's address: behind a gateway the connection has the gateway's, and the user's own is known there.
    fn client_ip(&self, i: usize) -> Option<IpAddr> {
        let i = self.at_gateway.get(&i).copied().unwrap_or(i);
        self.attempts.get(i)?.client.ip
    }

    fn same_port(&self, s: &Sighting) -> Vec<usize> {
        match (s.client.ip, s.client.port) {
            (Some(ip), Some(port)) => self.by_client.get(&(ip, port)).cloned().unwrap_or_default(),
            _ => Vec::new(),
        }
    }

    fn add(&mut self, s: &Sighting) -> usize {
        let i = self.attempts.len();
        if let (Some(ip), Some(port)) = (s.client.ip, s.client.port) {
            self.by_client.entry((ip, port)).or_default().push(i);
        }
        let start = corrected(self.clocks, s, s.start);
        self.attempts.push(Attempt {
            raw_start: s.start,
            end: corrected(self.clocks, s, s.end),
            count: s.count,
            ..Attempt::new(Peer::default(), Peer::default(), start)
        });
        i
    }

    fn absorb(&mut self, i: usize, s: Sighting) {
        let (start, end) = (
            corrected(self.clocks, &s, s.start),
            corrected(self.clocks, &s, s.end),
        );
        let Some(a) = self.attempts.get_mut(i) else {
            return;
        };
        // A client's "trying" is part of the try, but the connection begins on the wire.
        // What knows the client by its address only knows the moment of the logon, not of the connection.
        let exact = s.view != View::Client && (s.view != View::Server || s.client.port.is_some());
        if exact || a.views.is_empty() {
            a.start = a.start.min(start);
        }
        a.end = a.end.max(end);
        a.views.push(s.view);
        a.views.sort_unstable();
        a.views.dedup();
        complete(&mut a.client, s.client);
        complete(&mut a.server, s.server);
        // A cookie on the wire is cut and untrusted: a log's user name replaces it.
        if s.view != View::Wire && s.user.is_some() {
            a.user = s.user;
        } else {
            a.user = a.user.take().or(s.user);
        }
        a.session = a.session.or(s.session);
        a.events.extend(s.events);
    }
}

fn complete(known: &mut Peer, new: Peer) {
    known.ip = known.ip.or(new.ip);
    known.port = known.port.or(new.port);
    known.host = known.host.or(new.host);
    known.name = known.name.take().or(new.name);
}

/// What one witness learnt of a name or address holds for the other attempts of the same machine.
fn name_peers(evidence: &Evidence, attempts: &mut [Attempt]) {
    for a in attempts {
        for peer in [&mut a.client, &mut a.server] {
            peer.host = peer
                .host
                .or_else(|| peer.ip.and_then(|ip| evidence.hosts.at_address(ip)));
            if let Some(host) = peer.host {
                peer.name = Some(evidence.hosts.name(host).to_owned());
                let mut known = evidence.hosts.addresses(host);
                let only = known.next().filter(|_| known.next().is_none());
                peer.ip = peer.ip.or(only);
            }
        }
        a.events.sort_by_key(|at| (evidence.time(*at), *at));
        a.events.dedup();
    }
}

/// By start, then by what they are; `part_of` follows.
pub fn sort(attempts: &mut Vec<Attempt>) {
    let mut order: Vec<usize> = (0..attempts.len()).collect();
    let key = |a: &Attempt| {
        (
            a.start,
            a.client.ip,
            a.client.port,
            a.server.ip,
            a.server.port,
            a.events.first().copied(),
        )
    };
    order.sort_by_key(|i| attempts.get(*i).map(key));
    let mut place = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        if let Some(p) = place.get_mut(*old) {
            *p = new;
        }
    }
    let mut old: Vec<Option<Attempt>> = std::mem::take(attempts).into_iter().map(Some).collect();
    for i in order {
        if let Some(mut a) = old.get_mut(i).and_then(Option::take) {
            a.part_of = a.part_of.and_then(|p| place.get(p).copied());
            attempts.push(a);
        }
    }
}
