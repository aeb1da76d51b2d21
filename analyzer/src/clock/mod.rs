//! How far each witness's clock runs ahead of the reference, learnt from connections that two witnesses saw.

mod anchors;
mod drift;
pub mod evening;
mod pattern;
pub mod settle;
mod steps;

use rdpwhy_parsers::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::evidence::Evidence;
use crate::hosts::HostId;
use crate::sighting::{Sighting, View};

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

/// How far apart two differences are. Damaged evidence has moments of any century.
pub(crate) fn distance(a: i64, b: i64) -> i64 {
    a.saturating_sub(b).saturating_abs()
}

/// One clock against another: the first runs `offset` ahead of the second.
struct Edge {
    offset: i64,
    anchors: usize,
}

/// Estimates all clocks and writes the offsets into the evidence. Reference: the first capture that joins, else a domain
/// controller, else the host that most connections join.
pub fn estimate(
    evidence: &mut Evidence,
    sightings: &[Sighting],
    controllers: &BTreeSet<HostId>,
) -> BTreeMap<ClockId, ClockEstimate> {
    let groups = groups(sightings);
    let mut clocks: BTreeSet<ClockId> = groups.keys().copied().collect();
    clocks.extend(evidence.hosts.iter().map(ClockId::Host));
    clocks.extend(
        (0u32..)
            .zip(&evidence.sources)
            .filter(|(_, s)| s.batch.logs.iter().any(|l| l.host.is_empty()))
            .map(|(i, _)| ClockId::Capture(i)),
    );
    let edges = edges(evidence, &clocks, &groups);
    let Some(reference) = reference(evidence, &clocks, &groups, &edges, controllers) else {
        return BTreeMap::new();
    };
    let mut estimates = spread(evidence, &clocks, &edges, reference);
    for (id, estimate) in &mut estimates {
        if let ClockId::Host(host) = id
            && let Some(evening) = evidence.evening(*host)
        {
            estimate.basis.push_str("; ");
            estimate.basis.push_str(&evening.told());
        }
        match id {
            ClockId::Capture(source) => evidence.capture_offsets.insert(*source, estimate.offset),
            ClockId::Host(host) => evidence.host_offsets.insert(*host, estimate.offset),
        };
    }
    estimates
}

/// Sightings by the clock that they are dated by.
fn groups(sightings: &[Sighting]) -> BTreeMap<ClockId, Vec<&Sighting>> {
    let mut groups: BTreeMap<ClockId, Vec<&Sighting>> = BTreeMap::new();
    for s in sightings {
        groups.entry(clock_of(s)).or_default().push(s);
    }
    groups
}

/// Each clock against each other one that shares moments with it, both ways.
fn edges(
    evidence: &Evidence,
    clocks: &BTreeSet<ClockId>,
    groups: &BTreeMap<ClockId, Vec<&Sighting>>,
) -> BTreeMap<(ClockId, ClockId), Edge> {
    let named = anchors::named_connections(evidence);
    let mut edges: BTreeMap<(ClockId, ClockId), Edge> = BTreeMap::new();
    let ids: Vec<ClockId> = clocks.iter().copied().collect();
    let seen = |id: ClockId| anchors::Seen {
        sightings: groups.get(&id).map_or(&[], Vec::as_slice),
        named: named.get(&id),
    };
    for (i, a) in ids.iter().enumerate() {
        for b in ids.iter().skip(i + 1) {
            if let Some(edge) = anchors::compare(evidence, seen(*a), seen(*b)) {
                edges.insert(
                    (*b, *a),
                    Edge {
                        offset: -edge.offset,
                        anchors: edge.anchors,
                    },
                );
                edges.insert((*a, *b), edge);
            }
        }
    }
    edges
}

/// How many moments of different witnesses fall together once each clock's offset is taken out.
fn agreement(evidence: &Evidence, sightings: &[Sighting]) -> usize {
    let groups = groups(sightings);
    let clocks = groups.keys().copied().collect();
    edges(evidence, &clocks, &groups)
        .values()
        .map(|e| e.anchors)
        .sum()
}

/// Whether a clock is believed rather than another one: a capture, which nobody sets while it runs; between hosts the one
/// that more connections came to, since servers are looked after.
fn leads(other: (ClockId, &[&Sighting]), ours: (ClockId, &[&Sighting])) -> bool {
    let served = |list: &[&Sighting]| list.iter().filter(|s| s.view == View::Server).count();
    let weight = |(id, list): (ClockId, &[&Sighting])| (served(list), list.len(), id);
    match (other.0, ours.0) {
        (ClockId::Capture(_), ClockId::Host(_)) => true,
        (ClockId::Host(_), ClockId::Host(_)) => weight(other) > weight(ours),
        (_, ClockId::Capture(_)) => false,
    }
}

/// The clock that a sighting's times are written in.
pub fn clock_of(s: &Sighting) -> ClockId {
    match s.view {
        View::Wire => ClockId::Capture(s.source),
        View::Client => s
            .client
            .host
            .map_or(ClockId::Capture(s.source), ClockId::Host),
        View::Server | View::Gateway => s
            .server
            .host
            .map_or(ClockId::Capture(s.source), ClockId::Host),
    }
}

fn reference(
    evidence: &Evidence,
    clocks: &BTreeSet<ClockId>,
    groups: &BTreeMap<ClockId, Vec<&Sighting>>,
    edges: &BTreeMap<(ClockId, ClockId), Edge>,
    controllers: &BTreeSet<HostId>,
) -> Option<ClockId> {
    let joins = |id: ClockId| {
        edges
            .iter()
            .filter(|((a, _), _)| *a == id)
            .map(|(_, e)| e.anchors)
            .sum::<usize>()
    };
    let name = |id: ClockId| match id {
        ClockId::Host(h) => evidence.hosts.name(h).to_lowercase(),
        ClockId::Capture(s) => evidence
            .sources
            .get(s as usize)
            .map(|s| s.label.clone())
            .unwrap_or_default(),
    };
    let rank = |id: ClockId| match id {
        ClockId::Capture(_) => 0,
        ClockId::Host(h) if controllers.contains(&h) => 1,
        ClockId::Host(_) => 2,
    };
    clocks.iter().copied().min_by_key(|id| {
        let seen = groups.get(id).map_or(0, Vec::len);
        // A server saw every connection, a client only its own: between hosts that join alike, the one that saw more.
        (
            rank(*id),
            std::cmp::Reverse(joins(*id)),
            std::cmp::Reverse(seen),
            name(*id),
        )
    })
}

/// Walks from the reference over the edges, best supported first.
fn spread(
    evidence: &Evidence,
    clocks: &BTreeSet<ClockId>,
    edges: &BTreeMap<(ClockId, ClockId), Edge>,
    reference: ClockId,
) -> BTreeMap<ClockId, ClockEstimate> {
    let mut found = BTreeMap::from([(
        reference,
        ClockEstimate {
            offset: 0,
            basis: "reference".into(),
        },
    )]);
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
            let basis = format!(
                "{} connection{plural} seen here and by {other}",
                edge.anchors
            );
            found.insert(
                *a,
                ClockEstimate {
                    offset: base.saturating_add(edge.offset),
                    basis,
                },
            );
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

/// A sighting's start on the common clock.
pub fn corrected(
    estimates: &BTreeMap<ClockId, ClockEstimate>,
    s: &Sighting,
    time: Timestamp,
) -> Timestamp {
    time.plus(-estimates.get(&clock_of(s)).map_or(0, |e| e.offset))
}
