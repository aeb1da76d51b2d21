//! Moments that two clocks both recorded, and the offset between the clocks that they show.

use rdpwhy_parsers::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{ClockId, Edge, SECOND, distance, pattern};
use crate::evidence::Evidence;
use crate::names::{field, kind};
use crate::sighting::{Fingerprint, Sighting, View};

/// Anchors that scatter more than this (median absolute deviation) tell nothing.
const MOST_SCATTER_NS: i64 = SECOND;
/// Anchors this near to the offset confirm it.
const AGREE_NS: i64 = 2 * SECOND;
/// Connections looked at per pair of clocks: enough for a median, and it bounds the work on flooded logs.
pub(super) const MOST_ANCHORS: usize = 400;

/// A client's address and port.
type Socket = (IpAddr, u16);

/// What was recorded in one clock.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    /// Connections.
    pub sightings: &'a [&'a Sighting],
    /// First moment of each client's socket that single records name.
    pub named: Option<&'a BTreeMap<Socket, Timestamp>>,
}

/// Sockets that records of a host name, whatever they say of them: a filter that blocks a connection is its only
/// witness on the server.
pub(super) fn named_connections(
    evidence: &Evidence,
) -> BTreeMap<ClockId, BTreeMap<Socket, Timestamp>> {
    let mut named: BTreeMap<ClockId, BTreeMap<Socket, Timestamp>> = BTreeMap::new();
    for at in evidence.all() {
        let Some(e) = evidence.event(at) else {
            continue;
        };
        let port = e
            .int(field::CLIENT_PORT)
            .and_then(|p| u16::try_from(p).ok())
            .filter(|p| *p != 0);
        let Some((host, port)) = evidence.host(at).zip(port) else {
            continue;
        };
        let Some(ip) = e.ip(field::CLIENT_IP) else {
            continue;
        };
        let first = named
            .entry(ClockId::Host(host))
            .or_default()
            .entry((ip, port))
            .or_insert(e.event.time);
        *first = e.event.time.min(*first);
    }
    named
}

/// The same from connections alone.
pub(super) fn of_sightings(evidence: &Evidence, a: &[&Sighting], b: &[&Sighting]) -> Option<Edge> {
    let seen = |sightings| Seen {
        sightings,
        named: None,
    };
    compare(evidence, seen(a), seen(b))
}

/// How far `a` runs ahead of `b`, from the connections that both saw.
pub(super) fn compare(evidence: &Evidence, a: Seen<'_>, b: Seen<'_>) -> Option<Edge> {
    let mut keyed = Vec::new();
    for (of_a, of_b) in [
        (View::Server, View::Wire),
        (View::Wire, View::Server),
        (View::Wire, View::Wire),
    ] {
        keyed.extend(by_address(
            evidence,
            &of_view(a.sightings, of_a),
            &of_view(b.sightings, of_b),
        ));
    }
    if let Some(edge) = median(keyed) {
        return Some(edge);
    }
    let mut by_name: Vec<i64> = by_records(a.named, &of_view(b.sightings, View::Wire));
    by_name.extend(
        by_records(b.named, &of_view(a.sightings, View::Wire))
            .into_iter()
            .map(|d| -d),
    );
    if let Some(edge) = median(by_name) {
        return Some(edge);
    }
    if let Some(edge) = pattern::compare(
        evidence,
        &of_view(a.sightings, View::Client),
        &others(b.sightings),
    ) {
        return Some(edge);
    }
    pattern::compare(
        evidence,
        &of_view(b.sightings, View::Client),
        &others(a.sightings),
    )
    .map(|e| Edge {
        offset: -e.offset,
        ..e
    })
}

fn of_view<'a>(list: &[&'a Sighting], view: View) -> Vec<&'a Sighting> {
    list.iter().copied().filter(|s| s.view == view).collect()
}

/// What a client can have met: everything but other clients' logs.
fn others<'a>(list: &[&'a Sighting]) -> Vec<&'a Sighting> {
    list.iter()
        .copied()
        .filter(|s| s.view != View::Client)
        .collect()
}

/// When the server could accept a captured connection: at the end of the handshake, which on a long way comes a tenth of a
/// second after the SYN.
fn accepted(evidence: &Evidence, s: &Sighting) -> Timestamp {
    let established = s
        .events
        .iter()
        .find(|at| evidence.kind(**at) == Some(kind::TCP_ESTABLISHED));
    established.map_or(s.start, |at| evidence.local_time(*at))
}

/// Differences between the moments of connections with the same client address and port or the same fingerprint. Ports are
/// used again: when the two clocks hold several of one port, only a lone match counts.
fn by_address(evidence: &Evidence, a: &[&Sighting], b: &[&Sighting]) -> Vec<i64> {
    let mut keys: BTreeMap<Key<'_>, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (i, s) in a.iter().enumerate().take(MOST_ANCHORS) {
        for key in keys_of(s) {
            keys.entry(key).or_default().0.push(i);
        }
    }
    for (j, s) in b.iter().enumerate() {
        for key in keys_of(s) {
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
    pairs
        .into_iter()
        .filter_map(|(i, j)| apart(evidence, a.get(i)?, b.get(j)?))
        .collect()
}

/// What two witnesses may both know of a connection.
type Key<'a> = (Option<Socket>, Option<&'a Fingerprint>);

fn keys_of(s: &Sighting) -> impl Iterator<Item = Key<'_>> {
    let address = s
        .client
        .ip
        .zip(s.client.port)
        .map(|socket| (Some(socket), None));
    address
        .into_iter()
        .chain(s.fingerprints.iter().map(|f| (None, Some(f))))
}

/// How much later one witness dates a connection than the other. Between two captures the way lies once before the first
/// and once before the second of them: what went either way is averaged, so that the journey cancels out. A capture that
/// began later has another first packet: its start says nothing.
fn apart(evidence: &Evidence, x: &Sighting, y: &Sighting) -> Option<i64> {
    let whole = !x.midstream && !y.midstream;
    match (x.view, y.view) {
        (View::Server, View::Wire) => return whole.then(|| x.start.since(accepted(evidence, y))),
        (View::Wire, View::Server) => return whole.then(|| accepted(evidence, x).since(y.start)),
        _ => {}
    }
    let there = whole.then(|| x.start.since(y.start));
    let moment = |s: &Sighting, k| {
        s.events
            .iter()
            .find(|at| evidence.kind(**at) == Some(k))
            .map(|at| evidence.local_time(*at))
    };
    let both = |k| moment(x, k).zip(moment(y, k)).map(|(x, y)| x.since(y));
    let back = [
        kind::X224_CONFIRMED,
        kind::NEGOTIATION_FAILED,
        kind::SERVER_HELLO,
    ]
    .into_iter()
    .find_map(both);
    match (there, back) {
        (Some(there), Some(back)) => Some(i64::midpoint(there, back)),
        (there, back) => there.or(back),
    }
}

/// Differences between records that name a client's socket and the one captured connection from it.
fn by_records(named: Option<&BTreeMap<Socket, Timestamp>>, wire: &[&Sighting]) -> Vec<i64> {
    let Some(named) = named else {
        return Vec::new();
    };
    let mut captured: BTreeMap<Socket, Vec<Timestamp>> = BTreeMap::new();
    for s in wire.iter().filter(|s| !s.midstream).take(MOST_ANCHORS) {
        if let Some(socket) = s
            .client
            .ip
            .zip(s.client.port)
            .filter(|socket| named.contains_key(socket))
        {
            captured.entry(socket).or_default().push(s.start);
        }
    }
    captured
        .iter()
        .filter_map(|(socket, starts)| match starts.as_slice() {
            [start] => named.get(socket).map(|first| first.since(*start)),
            _ => None,
        })
        .collect()
}

/// The median of the differences; none when they scatter.
pub(super) fn median(mut differences: Vec<i64>) -> Option<Edge> {
    if differences.is_empty() {
        return None;
    }
    let middle = |list: &mut Vec<i64>| {
        list.sort_unstable();
        list.get(list.len() / 2).copied().unwrap_or(0)
    };
    let offset = middle(&mut differences);
    let anchors = differences
        .iter()
        .filter(|d| distance(**d, offset) <= AGREE_NS)
        .count();
    let mut scatter: Vec<i64> = differences.iter().map(|d| distance(*d, offset)).collect();
    (middle(&mut scatter) <= MOST_SCATTER_NS).then_some(Edge { offset, anchors })
}
