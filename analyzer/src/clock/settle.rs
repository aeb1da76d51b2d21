//! Which of the moments when clocks were set, and which drifts, are taken out: those that let witnesses agree.
//!
//! Windows writes the same record when a wrong clock is set right (its earlier records are off) and when a machine wakes
//! that stood still (they are not: the time between did pass). A clock that is set back was wrong. One that is set forward
//! may only have stood still, so that needs witnesses.

use super::evening::{Evening, Step};
use super::{drift, steps};
use crate::evidence::Evidence;
use crate::hosts::HostId;
use crate::index::Index;
use crate::sighting::Sighting;

/// Hosts whose settings are weighed against other witnesses: each way is a look at all evidence. Of further hosts only what
/// needs no witness is taken out.
const MOST_WEIGHED: usize = 8;

/// Evens the clocks of all hosts, and returns the index and the sightings on them.
pub fn settle(
    evidence: &mut Evidence,
    sight: &dyn Fn(&Evidence) -> (Index, Vec<Sighting>),
) -> (Index, Vec<Sighting>) {
    let mut seen = sight(evidence);
    let found = steps::find(evidence);
    let uneven = !found.is_empty();
    let witnesses = super::groups(&seen.1).len() > 1;
    for (n, (host, steps)) in found.into_iter().enumerate() {
        let back: Vec<Step> = steps.iter().filter(|s| s.is_back()).cloned().collect();
        if !witnesses || n >= MOST_WEIGHED {
            if !back.is_empty() {
                evidence.set_evening(host, Some(of_steps(back)));
            }
            continue;
        }
        let ways = [
            (!back.is_empty()).then_some(back.clone()),
            Some(Vec::new()),
            (back.len() < steps.len()).then_some(steps),
        ];
        choose(
            evidence,
            host,
            sight,
            ways.into_iter().flatten().map(of_steps),
        );
    }
    if uneven {
        seen = sight(evidence);
    }
    let drifts = drift::drifts(evidence, &seen.1);
    if drifts.is_empty() {
        return seen;
    }
    for (host, drift) in drifts.into_iter().take(MOST_WEIGHED) {
        let so_far = evidence.evening(host).cloned().unwrap_or_default();
        let drifting = Evening {
            drift: Some(drift),
            ..so_far.clone()
        };
        choose(evidence, host, sight, [so_far, drifting].into_iter());
    }
    sight(evidence)
}

fn of_steps(steps: Vec<Step>) -> Evening {
    Evening { steps, drift: None }
}

/// Takes the way under which most witnesses agree; the first of equals.
fn choose(
    evidence: &mut Evidence,
    host: HostId,
    sight: &dyn Fn(&Evidence) -> (Index, Vec<Sighting>),
    ways: impl Iterator<Item = Evening>,
) {
    let mut best: Option<(usize, Evening)> = None;
    for way in ways {
        evidence.set_evening(host, Some(way.clone()));
        let agree = super::agreement(evidence, &sight(evidence).1);
        if best.as_ref().is_none_or(|(most, _)| agree > *most) {
            best = Some((agree, way));
        }
    }
    let way = best
        .map(|(_, way)| way)
        .filter(|w| *w != Evening::default());
    evidence.set_evening(host, way);
}
