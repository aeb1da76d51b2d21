//! Sightings of one connection become one attempt, by the strongest key that both witnesses have.
//!
//! In order of trust: client address and port with the moment (RdpCoreTS 131 and the SYN); bytes that are alike at two
//! capture points (ClientHello random, sequence numbers, cookie); server name and moment, for a client's log, which
//! never writes its own port.

use rdpwhy_parsers::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::attempt::Attempt;
use crate::clock::{ClockEstimate, ClockId, corrected};
use crate::evidence::Evidence;
use crate::hosts::HostId;
use crate::sighting::contradiction::{Told, contradict};
use crate::sighting::{Peer, Sighting, View};
use capture::Captured;

mod capture;
mod gateway;

const SECOND: i64 = 1_000_000_000;
/// Ports are used again, so an address and port mean the same connection only within this time once clocks are corrected.
const SAME_PORT_NS: i64 = 5 * SECOND;
/// A client says "trying to connect" before the SYN leaves; name resolution can take seconds.
const CONNECT_TAKES_NS: i64 = 12 * SECOND;
/// A connection that begins so shortly before a client's next try, or after it, is that try's.
const NEXT_TRY_NS: i64 = SECOND / 2;
/// A client has so many connections to servers open at most.
const MOST_OPEN: usize = 64;
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
    fn server(&mut self, evidence: &mut Evidence, s: Sighting) {
        let start = corrected(self.clocks, &s, s.start);
        let found = self.same_port(&s).into_iter().find(|i| {
            self.attempts.get(*i).is_some_and(|a| {
                start.since(a.start).abs() < SAME_PORT_NS
                    && !a.seen_by(View::Server)
                    && a.server.ip.is_none_or(|ip| {
                        let host = evidence.hosts.at_address(ip);
                        host.is_none() || host == s.server.host
                    })
            })
        });
        let found = found
            .or_else(|| self.around(evidence, &s, start))
            .or_else(|| self.nameless(evidence, &s, start));
        let i = found.unwrap_or_else(|| self.add(&s));
        if s.client.port.is_none() && found.is_some() {
            self.without_port.insert(i);
        }
        if let (Some(host), Some(ip)) = (
            s.server.host,
            self.attempts.get(i).and_then(|a| a.server.ip),
        ) {
            evidence.hosts.saw_address(host, ip);
        }
        self.absorb(i, s);
    }

    /// Where RdpCoreTS rolled over, the other logs know a client by its address alone: its captured connection that began
    /// last before the record, and that was still open.
    fn around(&self, evidence: &Evidence, s: &Sighting, start: Timestamp) -> Option<usize> {
        let ip = s.client.ip.filter(|_| s.client.port.is_none())?;
        let from_ip = self
            .by_start
            .between(Some(ip), Timestamp(i64::MIN), start.plus(SLACK_NS));
        from_ip
            .iter()
            .rev()
            .take(MOST_OPEN)
            .map(|(_, i)| *i)
            .find(|i| {
                self.attempts.get(*i).is_some_and(|a| {
                    let known = a.server.ip.and_then(|ip| evidence.hosts.at_address(ip));
                    a.seen_by(View::Wire)
                        && a.end.plus(SLACK_NS) >= start
                        && (known.is_none() || known == s.server.host)
                        && (!a.seen_by(View::Server) || self.without_port.contains(i))
                })
            })
    }

    /// Where RdpCoreTS is missing, the listener's own record (261) knows no client at all: the captured connection to this
    /// server that began nearest to it.
    fn nameless(&self, evidence: &Evidence, s: &Sighting, start: Timestamp) -> Option<usize> {
        if s.client.ip.is_some() || s.client.port.is_some() {
            return None;
        }
        let near = self
            .by_start
            .between(None, start.plus(-SLACK_NS), start.plus(SLACK_NS));
        let here = |i: usize| {
            let ip = self.attempts.get(i)?.server.ip?;
            let known = evidence.hosts.at_address(ip);
            // Of an address that no log names it can only be told where the captures hold no other.
            known
                .map(|host| Some(host) == s.server.host)
                .or(Some(self.only_server == Some(ip)))
        };
        let free = |i: usize| {
            self.attempts
                .get(i)
                .is_some_and(|a| a.seen_by(View::Wire) && !a.seen_by(View::Server))
        };
        near.iter()
            .filter(|(_, i)| free(*i) && here(*i) == Some(true))
            .min_by_key(|(t, i)| (t.since(start).abs(), *i))
            .map(|(_, i)| *i)
    }

    /// A client's try takes the connections that begin inside it: the last one decided it, the ones before (a probe, a
    /// refusal) are its steps.
    fn clients(&mut self, evidence: &mut Evidence, clients: Vec<Sighting>) {
        let addresses = self.addresses(evidence, &clients);
        let next = self.next_tries(&clients);
        for (s, next) in clients.into_iter().zip(next) {
            let known = s.client.host.and_then(|h| addresses.get(&h).copied());
            let mut fitting = self.fitting(evidence, &s, known);
            // Two windows of one client: each connection is of the try that began last before it.
            let later = |i: usize| {
                let start = self.attempts.get(i).map(|a| a.start);
                start.zip(next).is_some_and(|(t, next)| t >= next)
            };
            fitting.retain(|(_, i)| !later(*i));
            // Where the usual address has nothing (a VPN gave another one), the connection nearest in time tells it.
            let usual =
                known.filter(|ip| fitting.iter().any(|(_, i)| self.client_ip(*i) == Some(*ip)));
            fitting.sort_by_key(|(after, i)| (after.abs(), *i));
            let address = usual.or_else(|| fitting.iter().find_map(|(_, i)| self.client_ip(*i)));
            fitting.retain(|(_, i)| self.client_ip(*i).is_none_or(|ip| Some(ip) == address));
            fitting.sort_unstable();
            let Some((_, deciding)) = fitting.pop() else {
                let i = self.add(&s);
                if let (Some(a), Some(ip)) = (self.attempts.get_mut(i), known) {
                    a.client.ip = Some(ip);
                }
                self.absorb(i, s);
                continue;
            };
            if let (Some(host), Some(ip)) = (s.client.host, address) {
                evidence.hosts.saw_address(host, ip);
            }
            if let Some(a) = self.at_gateway.get(&deciding)
                && let Some(a) = self.attempts.get_mut(*a)
            {
                a.client.host = a.client.host.or(s.client.host);
            }
            for (_, i) in fitting {
                if let Some(a) = self.attempts.get_mut(i) {
                    a.part_of = Some(deciding);
                    a.client.host = a.client.host.or(s.client.host);
                }
            }
            self.absorb(deciding, s);
        }
    }

    /// For each of the clients' tries, in the order of time: from when on connections are of the client's next one to that
    /// server.
    fn next_tries(&self, clients: &[Sighting]) -> Vec<Option<Timestamp>> {
        let mut next = BTreeMap::new();
        let mut found: Vec<Option<Timestamp>> = clients
            .iter()
            .rev()
            .map(|s| {
                let start = corrected(self.clocks, s, s.start);
                let to = (s.server.host, s.server.ip, s.server.name.clone());
                let later = next.insert((s.client.host?, to), start)?;
                // Tries that begin together cannot be told apart.
                let from = later.plus(-NEXT_TRY_NS);
                (from.since(start) > NEXT_TRY_NS).then_some(from)
            })
            .collect();
        found.reverse();
        found
    }

    /// Each client's address: the one that most of its tries can have used. In a flood the nearest connection is a
    /// stranger's, but not each time the same one's.
    fn addresses(&self, evidence: &Evidence, clients: &[Sighting]) -> BTreeMap<HostId, IpAddr> {
        let mut votes: BTreeMap<HostId, BTreeMap<IpAddr, (usize, i64)>> = BTreeMap::new();
        for s in clients {
            let Some(host) = s.client.host else { continue };
            let mut near: BTreeMap<IpAddr, i64> = BTreeMap::new();
            for (after, i) in self.fitting(evidence, s, None) {
                if let Some(ip) = self.client_ip(i) {
                    let best = near.entry(ip).or_insert(after.abs());
                    *best = (*best).min(after.abs());
                }
            }
            for (ip, after) in near {
                let vote = votes.entry(host).or_default().entry(ip).or_default();
                vote.0 += 1;
                vote.1 = vote.1.saturating_add(after);
            }
        }
        let best = |v: BTreeMap<IpAddr, (usize, i64)>| {
            v.into_iter()
                .max_by_key(|(ip, (n, after))| (*n, Reverse(*after), Reverse(*ip)))
                .map(|(ip, _)| ip)
        };
        votes
            .into_iter()
            .filter_map(|(host, v)| Some((host, best(v)?)))
            .collect()
    }

    /// Connections that a client's try can have made, with their start after "trying to connect".
    fn fitting(
        &self,
        evidence: &Evidence,
        s: &Sighting,
        known: Option<IpAddr>,
    ) -> Vec<(i64, usize)> {
        let start = corrected(self.clocks, s, s.start);
        let end = corrected(self.clocks, s, s.end);
        let soon = self
            .by_start
            .between(None, start.plus(-SLACK_NS), start.plus(CONNECT_TAKES_NS));
        let later = known.map(|ip| {
            self.by_start
                .between(Some(ip), start.plus(-SLACK_NS), end.plus(SLACK_NS))
        });
        let near: BTreeSet<usize> = soon
            .iter()
            .chain(later.unwrap_or_default())
            .map(|(_, i)| *i)
            .collect();
        near.into_iter()
            .filter_map(|i| {
                let a = self.attempts.get(i)?;
                let after = a.start.since(start);
                let mine = known.is_some() && self.client_ip(i) == known;
                let fits = after > -SLACK_NS
                    && (after < CONNECT_TAKES_NS || mine && a.start.since(end) < SLACK_NS)
                    && !a.seen_by(View::Client)
                    && meant(evidence, s, a)
                    && !contradict(
                        evidence,
                        Told::new(&s.events, start, end),
                        Told::new(&a.events, a.start, a.end),
                    );
                fits.then_some((after, i))
            })
            .collect()
    }

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

/// Whether a client's try may have meant this attempt's server.
fn meant(evidence: &Evidence, s: &Sighting, a: &Attempt) -> bool {
    if let (Some(x), Some(y)) = (s.server.port, a.server.port)
        && x != y
        && s.server.name.as_deref().is_some_and(|n| n.contains(':'))
    {
        return false;
    }
    match (s.server.host, a.server.host, s.server.ip, a.server.ip) {
        (Some(x), Some(y), ..) => x == y,
        (_, _, Some(x), Some(y)) => x == y,
        (Some(host), None, _, Some(ip)) => {
            evidence.hosts.addresses(host).any(|known| known == ip)
                || evidence.hosts.at_address(ip).is_none()
        }
        // The client used an address and the server's log knows only its name, or the name is an alias.
        (None, Some(host), Some(ip), None) => {
            evidence.hosts.addresses(host).next().is_none()
                || evidence.hosts.addresses(host).any(|known| known == ip)
        }
        (None, Some(host), None, _) => {
            // A name nobody's log carries: taken for this server only where its bare name is the same.
            s.server.name.as_deref().is_some_and(|n| {
                evidence
                    .hosts
                    .name(host)
                    .to_lowercase()
                    .starts_with(&n.to_lowercase())
            })
        }
        _ => s.server.host.is_none(),
    }
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
pub fn sort(attempts: &mut [Attempt]) {
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
    for a in attempts.iter_mut() {
        a.part_of = a.part_of.and_then(|p| place.get(p).copied());
    }
    // Each goes to its place, and what was there goes on to its own: there may be a hundred thousand, of half a KiB.
    for i in 0..place.len() {
        while let Some(to) = place.get(i).copied().filter(|to| *to != i) {
            attempts.swap(i, to);
            place.swap(i, to);
        }
    }
}
