//! How far each witness's clock runs ahead of the reference, learnt from connections that two witnesses saw.

use rdpwhy_parsers::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::evidence::Evidence;
use crate::hosts::HostId;
use crate::names::{field, kind};
use crate::sighting::{Fingerprint, Sighting, View};

/// A clock: one per host, one per capture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClockId {
    /// A capture, by source.
    Capture(u32),
    /// All logs of a host.
    Host(HostId),
}

/// What was learnt of one clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockEstimate {
    /// Nanoseconds that it runs ahead of the reference.
    pub offset: i64,
    /// On what that rests, for a person.
    pub basis: String,
}

const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MILLISECOND;
/// RdpCoreTS 131 follows the handshake by milliseconds; RDPClient 1024 comes before name resolution and handshake, which
/// take about a tenth of a second in a network.
const CLIENT_LEADS_NS: i64 = 100 * MILLISECOND;
/// Moments of one connection agree within this once the offset is right.
const AGREE_NS: i64 = 1_500 * MILLISECOND;
/// Anchors that scatter more than this (median absolute deviation) tell nothing.
const MOST_SCATTER_NS: i64 = SECOND;
/// Without several matching connections, clocks are believed to be this near: domain members keep within five minutes,
/// and a connection looked for further away would be another one.
const TRUSTED_ALONE_NS: i64 = 10 * SECOND;
/// Connections looked at per pair of clocks: enough for a median, and it bounds the work on flooded logs.
const MOST_ANCHORS: usize = 400;
/// Pairs of one client's tries and a server's connections that are weighed against each other; the work is its square.
const MOST_PAIRS: usize = 3_000;

/// One clock against another: the first runs `offset` ahead of the second.
struct Edge {
    offset: i64,
    anchors: usize,
}

/// Estimates all clocks and writes the offsets into the evidence. Reference: the first capture that joins, else a domain
/// controller, else the host that most connections join.
pub fn estimate(evidence: &mut Evidence, sightings: &[Sighting], controllers: &BTreeSet<HostId>) -> BTreeMap<ClockId, ClockEstimate> {
    let mut groups: BTreeMap<ClockId, Vec<&Sighting>> = BTreeMap::new();
    for s in sightings {
        groups.entry(clock_of(s)).or_default().push(s);
    }
    let mut clocks: BTreeSet<ClockId> = groups.keys().copied().collect();
    clocks.extend(evidence.hosts.iter().map(ClockId::Host));
    clocks.extend((0u32..).zip(&evidence.sources).filter(|(_, s)| s.batch.logs.iter().any(|l| l.host.is_empty())).map(|(i, _)| ClockId::Capture(i)));
    let mut edges: BTreeMap<(ClockId, ClockId), Edge> = BTreeMap::new();
    let ids: Vec<ClockId> = groups.keys().copied().collect();
    for (i, a) in ids.iter().enumerate() {
        for b in ids.iter().skip(i + 1) {
            let (Some(of_a), Some(of_b)) = (groups.get(a), groups.get(b)) else { continue };
            if let Some(edge) = compare(evidence, of_a, of_b) {
                edges.insert((*b, *a), Edge { offset: -edge.offset, anchors: edge.anchors });
                edges.insert((*a, *b), edge);
            }
        }
    }
    let Some(reference) = reference(evidence, &clocks, &groups, &edges, controllers) else { return BTreeMap::new() };
    let estimates = spread(evidence, &clocks, &edges, reference);
    for (id, estimate) in &estimates {
        match id {
            ClockId::Capture(source) => evidence.capture_offsets.insert(*source, estimate.offset),
            ClockId::Host(host) => evidence.host_offsets.insert(*host, estimate.offset),
        };
    }
    estimates
}

/// The clock that a sighting's times are written in.
pub fn clock_of(s: &Sighting) -> ClockId {
    match s.view {
        View::Wire => ClockId::Capture(s.source),
        View::Client => s.client.host.map_or(ClockId::Capture(s.source), ClockId::Host),
        View::Server | View::Gateway => s.server.host.map_or(ClockId::Capture(s.source), ClockId::Host),
    }
}

fn reference(
    evidence: &Evidence,
    clocks: &BTreeSet<ClockId>,
    groups: &BTreeMap<ClockId, Vec<&Sighting>>,
    edges: &BTreeMap<(ClockId, ClockId), Edge>,
    controllers: &BTreeSet<HostId>,
) -> Option<ClockId> {
    let joins = |id: ClockId| edges.iter().filter(|((a, _), _)| *a == id).map(|(_, e)| e.anchors).sum::<usize>();
    let name = |id: ClockId| match id {
        ClockId::Host(h) => evidence.hosts.name(h).to_lowercase(),
        ClockId::Capture(s) => evidence.sources.get(s as usize).map(|s| s.label.clone()).unwrap_or_default(),
    };
    let rank = |id: ClockId| match id {
        ClockId::Capture(_) => 0,
        ClockId::Host(h) if controllers.contains(&h) => 1,
        ClockId::Host(_) => 2,
    };
    clocks.iter().copied().min_by_key(|id| {
        let seen = groups.get(id).map_or(0, Vec::len);
        // A server saw every connection, a client only its own: between hosts that join alike, the one that saw more.
        (rank(*id), std::cmp::Reverse(joins(*id)), std::cmp::Reverse(seen), name(*id))
    })
}

/// Walks from the reference over the edges, best supported first.
fn spread(
    evidence: &Evidence,
    clocks: &BTreeSet<ClockId>,
    edges: &BTreeMap<(ClockId, ClockId), Edge>,
    reference: ClockId,
) -> BTreeMap<ClockId, ClockEstimate> {
    let mut found = BTreeMap::from([(reference, ClockEstimate { offset: 0, basis: "reference".into() })]);
    let mut todo = VecDeque::from([reference]);
    while let Some(from) = todo.pop_front() {
        let base = found.get(&from).map_or(0, |e| e.offset);
        let mut next: Vec<_> = edges.iter().filter(|((_, b), _)| *b == from).collect();
        next.sort_by_key(|((a, _), e)| (std::cmp::Reverse(e.anchors), *a));
        for ((a, _), edge) in next {
            if found.contains_key(a) {
                continue;
            }
            let other = match from {
                ClockId::Capture(_) => "the capture".to_owned(),
                ClockId::Host(h) => evidence.hosts.name(h).to_owned(),
            };
            let plural = if edge.anchors == 1 { "" } else { "s" };
            let basis = format!("{} connection{plural} seen here and by {other}", edge.anchors);
            found.insert(*a, ClockEstimate { offset: base + edge.offset, basis });
            todo.push_back(*a);
        }
    }
    for id in clocks {
        found.entry(*id).or_insert_with(|| ClockEstimate {
            offset: 0,
            basis: "no moment that another source saw too; its time is taken as it is".into(),
        });
    }
    found
}

/// How far `a` runs ahead of `b`, from the connections that both saw.
fn compare(evidence: &Evidence, a: &[&Sighting], b: &[&Sighting]) -> Option<Edge> {
    let mut keyed: Vec<i64> = Vec::new();
    for (va, vb) in [(View::Server, View::Wire), (View::Wire, View::Server), (View::Wire, View::Wire)] {
        keyed.extend(by_address(evidence, &of_view(a, va), &of_view(b, vb)));
    }
    if let Some(edge) = median(keyed) {
        return Some(edge);
    }
    let (clients_a, clients_b) = (of_view(a, View::Client), of_view(b, View::Client));
    if let Some(edge) = by_pattern(evidence, &clients_a, &others(b)) {
        return Some(edge);
    }
    by_pattern(evidence, &clients_b, &others(a)).map(|e| Edge { offset: -e.offset, ..e })
}

fn of_view<'a>(list: &[&'a Sighting], view: View) -> Vec<&'a Sighting> {
    list.iter().copied().filter(|s| s.view == view).collect()
}

/// What a client can have met: everything but other clients' logs.
fn others<'a>(list: &[&'a Sighting]) -> Vec<&'a Sighting> {
    list.iter().copied().filter(|s| s.view != View::Client).collect()
}

/// Differences of the moments of connections with the same client address and port or the same fingerprint. Ports are used
/// again: when the two clocks hold several of one port, only a lone match counts.
fn by_address(evidence: &Evidence, a: &[&Sighting], b: &[&Sighting]) -> Vec<i64> {
    type Key<'a> = (Option<(std::net::IpAddr, u16)>, Option<&'a Fingerprint>);
    fn file<'a>(s: &'a Sighting) -> impl Iterator<Item = Key<'a>> {
        let address = s.client.ip.zip(s.client.port).map(|peer| (Some(peer), None));
        address.into_iter().chain(s.fingerprints.iter().map(|f| (None, Some(f))))
    }
    let mut keys: BTreeMap<Key<'_>, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (i, s) in a.iter().enumerate().take(MOST_ANCHORS) {
        for key in file(s) {
            keys.entry(key).or_default().0.push(i);
        }
    }
    for (j, s) in b.iter().enumerate() {
        for key in file(s) {
            if let Some(pair) = keys.get_mut(&key) {
                pair.1.push(j);
            }
        }
    }
    let alone = |(x, y): (Vec<usize>, Vec<usize>)| match (x.as_slice(), y.as_slice()) {
        ([x], [y]) => Some((*x, *y)),
        _ => None,
    };
    let pairs: BTreeSet<(usize, usize)> = keys.into_values().filter_map(alone).collect();
    pairs.into_iter().filter_map(|(i, j)| apart(evidence, a.get(i)?, b.get(j)?)).collect()
}

/// How much later one witness dates a connection than the other. Between two captures the way lies once before the first
/// and once before the second of them: what went either way is averaged, so that the journey cancels out. A capture that
/// began later has another first packet: its start says nothing.
fn apart(evidence: &Evidence, x: &Sighting, y: &Sighting) -> Option<i64> {
    let there = (!x.midstream && !y.midstream).then(|| x.start.since(y.start));
    if (x.view, y.view) != (View::Wire, View::Wire) {
        return there;
    }
    let moment = |s: &Sighting, k| s.events.iter().find(|at| evidence.kind(**at) == Some(k)).map(|at| evidence.raw_time(*at));
    let both = |k| moment(x, k).zip(moment(y, k)).map(|(x, y)| x.since(y));
    let back = [kind::X224_CONFIRMED, kind::NEGOTIATION_FAILED, kind::SERVER_HELLO].into_iter().find_map(both);
    match (there, back) {
        (Some(there), Some(back)) => Some(i64::midpoint(there, back)),
        (there, back) => there.or(back),
    }
}

/// A client's log names the server but not its own port: the offset is the one under which most of its tries, with their
/// lengths and session numbers, fall on connections that the other witness saw.
fn by_pattern(evidence: &Evidence, clients: &[&Sighting], others: &[&Sighting]) -> Option<Edge> {
    let clients: Vec<_> = clients.iter().copied().take(MOST_ANCHORS).collect();
    let mut pairs: Vec<(i64, usize, usize, u32)> = Vec::new();
    for (i, c) in clients.iter().enumerate() {
        if pairs.len() >= MOST_PAIRS {
            break;
        }
        for (j, o) in others.iter().enumerate().filter(|(_, o)| may_be_target(evidence, c, o)).take(MOST_ANCHORS) {
            let difference = c.start.since(o.start).saturating_add(CLIENT_LEADS_NS);
            pairs.push((difference, i, j, likeness(evidence, c, o)));
        }
    }
    let mut best: Option<(u32, i64, Vec<i64>)> = None;
    for (hypothesis, ..) in &pairs {
        let mut used = (BTreeSet::new(), BTreeSet::new());
        let mut near: Vec<_> = pairs.iter().filter(|p| (p.0 - hypothesis).abs() <= AGREE_NS).collect();
        near.sort_by_key(|p| ((p.0 - hypothesis).abs(), p.1, p.2));
        let (mut score, mut differences) = (0, Vec::new());
        for (difference, i, j, alike) in near {
            if !used.0.contains(i) && !used.1.contains(j) {
                used.0.insert(*i);
                used.1.insert(*j);
                score += alike;
                differences.push(*difference);
            }
        }
        // Few matches far away are chance; few matches near by are what clocks of one domain look like.
        let enough = score >= 3 || hypothesis.abs() <= TRUSTED_ALONE_NS;
        let better = best.as_ref().is_none_or(|(s, h, _)| (score, -hypothesis.abs()) > (*s, -h.abs()));
        if enough && better {
            best = Some((score, *hypothesis, differences));
        }
    }
    median(best?.2)
}

/// Whether the client may have meant this server.
fn may_be_target(evidence: &Evidence, client: &Sighting, other: &Sighting) -> bool {
    if let (Some(a), Some(b)) = (client.server.host, other.server.host) {
        return a == b;
    }
    if let (Some(a), Some(b)) = (client.server.ip, other.server.ip) {
        return a == b;
    }
    match (client.server.host, other.server.ip) {
        (Some(host), Some(ip)) if evidence.hosts.addresses(host).next().is_some() => {
            evidence.hosts.addresses(host).any(|a| a == ip)
        }
        // A name that no log here belongs to, or an address against a host whose addresses nobody wrote down.
        _ => client.server.host.is_none() || other.server.host.is_none(),
    }
}

/// 1 for a match in time alone, more when length or session number agree, 0 when the session numbers contradict.
fn likeness(evidence: &Evidence, client: &Sighting, other: &Sighting) -> u32 {
    let length = |s: &Sighting| s.end.since(s.start);
    let mut alike = 1;
    if length(client) > AGREE_NS && (length(client) - length(other)).abs() <= AGREE_NS {
        alike += 1;
    }
    let joined = client.events.iter().filter_map(|at| evidence.event(*at)).find(|e| e.event.kind == kind::CLIENT_JOINED);
    match (joined.and_then(|e| e.int(field::SESSION_ID)), other.session) {
        (Some(a), Some(b)) if a == b => alike + 1,
        (Some(_), Some(_)) => 0,
        _ => alike,
    }
}

/// The median of the differences; none when they scatter.
fn median(mut differences: Vec<i64>) -> Option<Edge> {
    if differences.is_empty() {
        return None;
    }
    let middle = |list: &mut Vec<i64>| {
        list.sort_unstable();
        list.get(list.len() / 2).copied().unwrap_or(0)
    };
    let anchors = differences.len();
    let offset = middle(&mut differences);
    let mut scatter: Vec<i64> = differences.iter().map(|d| (d - offset).abs()).collect();
    (middle(&mut scatter) <= MOST_SCATTER_NS).then_some(Edge { offset, anchors })
}

/// A sighting's start on the common clock.
pub fn corrected(estimates: &BTreeMap<ClockId, ClockEstimate>, s: &Sighting, time: Timestamp) -> Timestamp {
    time.plus(-estimates.get(&clock_of(s)).map_or(0, |e| e.offset))
}
