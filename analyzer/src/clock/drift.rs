//! Clocks that run too fast or too slow: their offset from another witness's grows evenly.

use rdpwhy_parsers::Timestamp;
use std::collections::BTreeMap;

use super::evening::Drift;
use super::{ClockId, SECOND, anchors, distance, groups, leads};
use crate::evidence::Evidence;
use crate::hosts::HostId;
use crate::sighting::Sighting;

/// Pieces into which the tries of one host are cut to see its clock move.
const PIECES: usize = 6;
/// Tries that one piece needs.
const SMALLEST_PIECE: usize = 2;
/// Less than this over all is lost among the anchors' own scatter.
const SMALLEST_DRIFT_NS: i64 = 2 * SECOND;
/// A quartz that is further off than this is broken; what looks like it is chance.
const MOST_PER_BILLION: i64 = 500_000;
/// How near three quarters of the pieces have to lie to the line: a piece with few tries may have matched others.
const STRAIGHT_NS: i64 = SECOND;

/// Hosts whose clocks move evenly against another witness's.
pub(super) fn drifts(evidence: &Evidence, sightings: &[Sighting]) -> BTreeMap<HostId, Drift> {
    let groups = groups(sightings);
    let mut found = BTreeMap::new();
    for (id, ours) in &groups {
        let ClockId::Host(host) = id else {
            continue;
        };
        if ours.len() < PIECES * SMALLEST_PIECE {
            continue;
        }
        let others = groups
            .iter()
            .filter(|(other, seen)| leads((**other, seen), (*id, ours)));
        let best = others
            .filter_map(|(_, theirs)| drift(evidence, ours, theirs))
            .max_by_key(|(pieces, _)| *pieces);
        if let Some((_, drift)) = best {
            found.insert(*host, drift);
        }
    }
    found
}

/// The drift of one witness against another, with the number of pieces that show it.
fn drift(evidence: &Evidence, ours: &[&Sighting], theirs: &[&Sighting]) -> Option<(usize, Drift)> {
    let mut ours = ours.to_vec();
    ours.sort_by_key(|s| s.start);
    let size = ours.len().div_ceil(PIECES);
    let mut points: Vec<(Timestamp, i64)> = Vec::new();
    for piece in ours.chunks(size) {
        // The offset is a median, so it is that of the middle one.
        let middle = piece.get(piece.len() / 2)?.start;
        if let Some(edge) = anchors::of_sightings(evidence, piece, theirs) {
            points.push((middle, edge.offset));
        }
    }
    if points.len() < PIECES / 2 {
        return None;
    }
    let (low, high) = (
        points.iter().map(|p| p.1).min()?,
        points.iter().map(|p| p.1).max()?,
    );
    if high.saturating_sub(low) < SMALLEST_DRIFT_NS {
        return None;
    }
    let per_billion = slope(&points)?;
    let from = points.first()?.0;
    let gained = |t: Timestamp| {
        i64::try_from(i128::from(t.since(from)) * i128::from(per_billion) / 1_000_000_000)
            .unwrap_or(0)
    };
    let mut rest: Vec<i64> = points
        .iter()
        .map(|(t, d)| d.saturating_sub(gained(*t)))
        .collect();
    rest.sort_unstable();
    let middle = rest.get(rest.len() / 2).copied()?;
    let on_line = rest.iter().filter(|d| distance(**d, middle) <= STRAIGHT_NS);
    let straight = 4 * on_line.count() >= 3 * points.len();
    (straight && per_billion.saturating_abs() <= MOST_PER_BILLION)
        .then_some((points.len(), Drift { from, per_billion }))
}

/// The median of the slopes between all pairs of points (Theil and Sen), nanoseconds per second.
fn slope(points: &[(Timestamp, i64)]) -> Option<i64> {
    let mut slopes = Vec::new();
    for (n, (t, d)) in points.iter().enumerate() {
        for (u, e) in points.iter().skip(n + 1) {
            let passed = i128::from(u.since(*t));
            if passed > 0 {
                let rise = (i128::from(*e) - i128::from(*d)) * 1_000_000_000 / passed;
                slopes.push(i64::try_from(rise).ok()?);
            }
        }
    }
    slopes.sort_unstable();
    slopes.get(slopes.len() / 2).copied()
}
