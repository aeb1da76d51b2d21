//! All evidence in one order of time, cut into attempts: what is known before anything is judged.

use std::collections::{BTreeMap, HashSet};

use crate::attempt::Attempt;
use crate::clock::{self, ClockEstimate, ClockId};
use crate::coverage::CoverageMap;
use crate::evidence::{At, Evidence};
use crate::index::Index;
use crate::kinds::Kinds;
use crate::knowledge::lists;
use crate::matcher::{self, Matcher, Packets};
use crate::roles::Roles;
use crate::sighting::Sighting;
use crate::told::Told;
use crate::{KnowledgeError, facts, join, merge, moment, outcome, sighting, told, tries};
use rdpwhy_parsers::Kind;

/// The evidence with corrected clocks, and what helps to find one's way in it.
pub struct Case {
    /// Events of all sources, their clocks corrected.
    pub evidence: Evidence,
    /// Its events by host, kind and moment.
    pub index: Index,
    /// Which host is what.
    pub roles: Roles,
    /// What the logs cover.
    pub coverage: CoverageMap,
    /// The clock of each host and capture.
    pub clocks: BTreeMap<ClockId, ClockEstimate>,
    claimed: HashSet<At>,
    off_by_default: &'static [Vec<Kind>],
    packets: Packets,
}

/// What each witness saw, in its own clock.
fn sight(evidence: &Evidence) -> (Index, Vec<Sighting>) {
    let index = Index::new(evidence);
    let mut sightings = sighting::wire::sightings(evidence);
    sightings.extend(sighting::server::sightings(evidence, &index));
    sighting::session::join(evidence, &index, &mut sightings);
    sightings.extend(sighting::gateway::sightings(evidence, &index));
    sightings.extend(sighting::client::sightings(evidence, &index));
    (index, sightings)
}

impl Case {
    /// Estimates the clocks, and cuts the evidence into attempts, by start. `told` is what a user saw, whose words are among
    /// the sources. `looked_for` are the kinds of facts that causes look for beside an attempt.
    ///
    /// # Errors
    /// When an embedded data file is wrong, which the tests exclude.
    pub fn new(
        mut evidence: Evidence,
        told: Option<&Told>,
        looked_for: &Kinds,
    ) -> Result<(Self, Vec<Attempt>), KnowledgeError> {
        let (index, sightings) = clock::settle::settle(&mut evidence, &sight);
        let roles = Roles::new(&evidence, &index);
        let coverage = CoverageMap::new(&evidence);
        let clocks = clock::estimate(&mut evidence, &sightings, &roles.controllers);
        let mut attempts = merge::merge(&mut evidence, &clocks, sightings);
        join::join(&evidence, &index, moment::embedded()?, &mut attempts);
        outcome::conclude(&evidence, &index, &mut attempts);
        if let Some(told) = told
            && let Some(i) = told::place(&evidence, told, &mut attempts)
        {
            outcome::conclude(
                &evidence,
                &index,
                attempts.get_mut(i..=i).unwrap_or_default(),
            );
            if let Some(a) = attempts.get_mut(i) {
                told::state(told, a);
            }
            merge::sort(&mut attempts);
        }
        tries::link(&evidence, &mut attempts);
        facts::gather(&evidence, &index, &mut attempts);

        for a in &mut attempts {
            a.kinds = a.signs().filter_map(|at| evidence.kind(at)).collect();
        }
        // Packets are of one connection from the beginning.
        let claimed = attempts
            .iter()
            .flat_map(Attempt::signs)
            .filter(|at| evidence.host(*at).is_some())
            .collect();
        let off_by_default = lists::off_by_default()?;
        let packets = matcher::packets(&evidence, &attempts, looked_for);
        let case = Self {
            evidence,
            index,
            roles,
            coverage,
            clocks,
            claimed,
            off_by_default,
            packets,
        };
        Ok((case, attempts))
    }

    /// What signs are held against.
    pub fn matcher(&self) -> Matcher<'_> {
        Matcher {
            evidence: &self.evidence,
            index: &self.index,
            coverage: &self.coverage,
            claimed: &self.claimed,
            controllers: &self.roles.controllers,
            off_by_default: self.off_by_default,
            packets: &self.packets,
        }
    }
}
