//! Moments that two clocks both recorded, and the offset between the clocks that they show.

use rdpwhy_parsers::Timestamp;
use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{ClockId, Edge, SECOND, pattern};
use crate::evidence::Evidence;
use crate::names::{field, kind};
use crate::sighting::{Sighting, View};

/// Anchors that scatter more than this (median absolute deviation) tell nothing.
const MOST_SCATTER_NS: i64 = SECOND;
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
pub(super) fn named_connections(evidence: &Evidence) -> BTreeMap<ClockId, BTreeMap<Socket, Timestamp>> {
    let mut named: BTreeMap<ClockId, BTreeMap<Socket, Timestamp>> = BTreeMap::new();
    for at in evidence.all() {
        let Some(e) = evidence.event(at) else { continue };
        let port = e.int(field::CLIENT_PORT).and_then(|p| u16::try_from(p).ok()).filter(|p| *p != 0);
        let Some((host, port)) = evidence.host(at).zip(port) else { continue };
        let Some(ip) = e.ip(field::CLIENT_IP) else { continue };
        let first = named.entry(ClockId::Host(host)).or_default().entry((ip, port)).or_insert(e.event.time);
        *first = e.event.time.min(*first);
    }
    named
}

/// How far `a` runs ahead of `b`, from the connections that both saw.
pub(super) fn compare(evidence: &Evidence, a: Seen<'_>, b: Seen<'_>) -> Option<Edge> {
    let mut keyed = by_address(&of_view(a.sightings, View::Server), &of_view(b.sightings, View::Wire), |s| s.start, |s| accepted(evidence, s));
    keyed.extend(by_address(&of_view(a.sightings, View::Wire), &of_view(b.sightings, View::Server), |s| accepted(evidence, s), |s| s.start));
    keyed.extend(by_address(&of_view(a.sightings, View::Wire), &of_view(b.sightings, View::Wire), |s| s.start, |s| s.start));
    if let Some(edge) = median(keyed) {
        return Some(edge);
    }
    let mut by_name: Vec<i64> = by_records(a.named, &of_view(b.sightings, View::Wire));
    by_name.extend(by_records(b.named, &of_view(a.sightings, View::Wire)).into_iter().map(|d| -d));
    if let Some(edge) = median(by_name) {
        return Some(edge);
    }
    if let Some(edge) = pattern::compare(evidence, &of_view(a.sightings, View::Client), &others(b.sightings)) {
        return Some(edge);
    }
    pattern::compare(evidence, &of_view(b.sightings, View::Client), &others(a.sightings)).map(|e| Edge { offset: -e.offset, ..e })
}

fn of_view<'a>(list: &[&'a Sighting], view: View) -> Vec<&'a Sighting> {
    list.iter().copied().filter(|s| s.view == view).collect()
}

/// What a client can have met: everything but other clients' logs.
fn others<'a>(list: &[&'a Sighting]) -> Vec<&'a Sighting> {
    list.iter().copied().filter(|s| s.view != View::Client).collect()
}

/// When the server could accept a captured connection: at the end of the handshake, which on a long way comes a tenth of a
/// second after the SYN.
fn accepted(evidence: &Evidence, s: &Sighting) -> Timestamp {
    let established = s.events.iter().find(|at| evidence.kind(**at) == Some(kind::TCP_ESTABLISHED));
    established.map_or(s.start, |at| evidence.raw_time(*at))
}

/// Differences between the moments of connections with the same client address and port (or the same ClientHello). Ports
/// are used again: when the two clocks hold several of one port, only a lone match counts.
fn by_address(
    a: &[&Sighting],
    b: &[&Sighting],
    moment_a: impl Fn(&Sighting) -> Timestamp,
    moment_b: impl Fn(&Sighting) -> Timestamp,
) -> Vec<i64> {
    type Key = (Option<IpAddr>, Option<u16>, Option<String>);
    let mut keys: BTreeMap<Key, (Vec<&Sighting>, Vec<&Sighting>)> = BTreeMap::new();
    let key = |s: &Sighting| -> Option<Key> {
        if s.client.ip.is_some() && s.client.port.is_some() {
            return Some((s.client.ip, s.client.port, None));
        }
        s.fingerprint.as_ref().map(|f| (None, None, Some(f.clone())))
    };
    for s in a.iter().take(MOST_ANCHORS) {
        if let Some(key) = key(s) {
            keys.entry(key).or_default().0.push(s);
        }
    }
    for s in b {
        if let Some(pair) = key(s).and_then(|key| keys.get_mut(&key)) {
            pair.1.push(s);
        }
    }
    keys.into_values()
        .filter_map(|(x, y)| match (x.as_slice(), y.as_slice()) {
            ([x], [y]) => Some(moment_a(x).since(moment_b(y))),
            _ => None,
        })
        .collect()
}

/// Differences between records that name a client's socket and the one captured connection from it.
fn by_records(named: Option<&BTreeMap<Socket, Timestamp>>, wire: &[&Sighting]) -> Vec<i64> {
    let Some(named) = named else { return Vec::new() };
    let mut captured: BTreeMap<Socket, Vec<Timestamp>> = BTreeMap::new();
    for s in wire.iter().take(MOST_ANCHORS) {
        if let Some(socket) = s.client.ip.zip(s.client.port).filter(|socket| named.contains_key(socket)) {
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
    let anchors = differences.len();
    let offset = middle(&mut differences);
    let mut scatter: Vec<i64> = differences.iter().map(|d| (d - offset).abs()).collect();
    (middle(&mut scatter) <= MOST_SCATTER_NS).then_some(Edge { offset, anchors })
}
