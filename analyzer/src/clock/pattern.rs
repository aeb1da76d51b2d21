//! The clock of a client's log, which names servers but not the client's own port: found by the pattern of its tries.

use rdpwhy_parsers::{Kind, Timestamp};
use std::collections::BTreeSet;

use super::anchors::{MOST_ANCHORS, median};
use super::{Edge, MILLISECOND, SECOND, distance};
use crate::evidence::Evidence;
use crate::names::{field, kind};
use crate::sighting::Sighting;
use crate::sighting::contradiction::{Told, contradict};

/// RdpCoreTS 131 follows the handshake by milliseconds; RDPClient 1024 comes before name resolution and handshake, which
/// take about a tenth of a second in a network.
const CLIENT_LEADS_NS: i64 = 100 * MILLISECOND;
/// Moments of one connection agree within this once the offset is right.
const AGREE_NS: i64 = 1_500 * MILLISECOND;
/// The pauses between tries of one person agree within this: so much the time before a handshake differs from try to try.
const SAME_PAUSE_NS: i64 = 200 * MILLISECOND;
/// Without several matching connections, clocks are believed to be this near: domain members keep within five minutes,
/// and a connection looked for further away would be another one.
const TRUSTED_ALONE_NS: i64 = 10 * SECOND;
/// What a match further away has to score: three tries, or two with something in common beyond their order.
const ENOUGH: u32 = 3;
/// Pairs of one client's tries and a server's connections that are weighed against each other; the work is its square.
const MOST_PAIRS: usize = 3_000;

/// A client's try that may be a connection.
struct Pair {
    /// How far the client's clock would be ahead, nanoseconds.
    difference: i64,
    try_: usize,
    connection: usize,
    /// 1 for a match in time alone, more for what else agrees.
    likeness: u32,
    /// Whether both lasted equally long, as far as it can be told.
    same_length: bool,
}

/// How well an offset explains the tries.
struct Match {
    score: u32,
    offset: i64,
    differences: Vec<i64>,
}

/// The offset under which most of the client's tries, with their lengths, pauses and session numbers, fall on connections
/// that the other witness saw.
pub(super) fn compare(
    evidence: &Evidence,
    clients: &[&Sighting],
    others: &[&Sighting],
) -> Option<Edge> {
    let pairs = pairs(evidence, clients, others);
    let matches: Vec<Match> = pairs
        .iter()
        .map(|p| explains(&pairs, p.difference))
        .collect();
    let near = |m: &Match| m.offset.abs() <= TRUSTED_ALONE_NS;
    let best = matches
        .iter()
        .filter(|m| m.score >= ENOUGH || near(m))
        .max_by_key(|m| (m.score, -m.offset.saturating_abs()))?;
    // Retries at an even interval fit several offsets alike; far away none of these is better than the others.
    let rival = |m: &&Match| distance(m.offset, best.offset) > AGREE_NS && m.score >= best.score;
    if !near(best) && matches.iter().any(|m| rival(&m)) {
        return None;
    }
    median(best.differences.clone())
}

fn pairs(evidence: &Evidence, clients: &[&Sighting], others: &[&Sighting]) -> Vec<Pair> {
    let mut pairs = Vec::new();
    for (try_, c) in clients.iter().enumerate().take(MOST_ANCHORS) {
        if pairs.len() >= MOST_PAIRS {
            break;
        }
        for (connection, o) in others
            .iter()
            .enumerate()
            .filter(|(_, o)| may_be_target(evidence, c, o))
            .filter(|(_, o)| !contradict(evidence, began(c), began(o)))
            .take(MOST_ANCHORS)
        {
            pairs.push(Pair {
                difference: c.start.since(o.start).saturating_add(CLIENT_LEADS_NS),
                try_,
                connection,
                likeness: likeness(evidence, c, o),
                // What nobody answers ends for the client when its patience does, on the wire with the last repetition.
                same_length: same_length(c, o) || has(evidence, o, kind::TCP_UNANSWERED),
            });
        }
    }
    pairs
}

fn explains(pairs: &[Pair], offset: i64) -> Match {
    let off = |p: &Pair| distance(p.difference, offset);
    let mut near: Vec<&Pair> = pairs.iter().filter(|p| off(p) <= AGREE_NS).collect();
    near.sort_by_key(|p| (off(p), p.try_, p.connection));
    let mut used = (BTreeSet::new(), BTreeSet::new());
    let (mut score, mut alike, mut differences) = (0, 0u32, Vec::new());
    for p in near {
        if used.0.contains(&p.try_) || used.1.contains(&p.connection) {
            continue;
        }
        used.0.insert(p.try_);
        used.1.insert(p.connection);
        score += p.likeness;
        alike += u32::from(p.likeness > 0 && p.same_length && off(p) <= SAME_PAUSE_NS);
        differences.push(p.difference);
    }
    // Two tries with the very same pause between them and the same lengths are more than two tries.
    Match {
        score: score + alike.saturating_sub(1),
        offset,
        differences,
    }
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
    let mut alike = 1;
    if length(client) > AGREE_NS && same_length(client, other) {
        alike += 1;
    }
    let joined = client
        .events
        .iter()
        .filter_map(|at| evidence.event(*at))
        .find(|e| e.event.kind == kind::CLIENT_JOINED);
    match (joined.and_then(|e| e.int(field::SESSION_ID)), other.session) {
        (Some(a), Some(b)) if a == b => alike + 1,
        (Some(_), Some(_)) => 0,
        _ => alike,
    }
}

/// Counted from its start: whatever the offset is, both began together if they are one.
fn began(s: &Sighting) -> Told<'_> {
    Told::new(&s.events, Timestamp(0), Timestamp(length(s)))
}

fn has(evidence: &Evidence, s: &Sighting, wanted: Kind) -> bool {
    s.events.iter().any(|at| evidence.kind(*at) == Some(wanted))
}

fn length(s: &Sighting) -> i64 {
    s.end.since(s.start)
}

fn same_length(a: &Sighting, b: &Sighting) -> bool {
    distance(length(a), length(b)) <= AGREE_NS
}
