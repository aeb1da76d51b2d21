//! Opinions about single attempts become verdicts: one per cause, host and spell of time.

use rdpwhy_parsers::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

use crate::attempt::{Attempt, Fact};
use crate::facts::GUESSING;
use crate::good::Good;
use crate::hosts::HostId;
use crate::judge::{self, Finding, Opinion};
use crate::knowledge::{Confidence, Knowledge};
use crate::matcher::{Found, Matcher, Unrecorded, peer_name};
use crate::tries::{ClientKey, ServerKey, client_key, server_key};

/// A spell ends when nothing failed for a day.
const SPELL_NS: i64 = 86_400 * 1_000_000_000;

/// One root cause at one host in one spell; without cause: what nobody can tell.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// Index into [`Knowledge::causes`].
    pub cause: Option<usize>,
    /// How sure; none without cause.
    pub confidence: Option<Confidence>,
    /// failure or remark.
    pub severity: &'static str,
    /// Whose host.
    pub host: String,
    /// Attempts, by start.
    pub attempts: Vec<usize>,
    /// What it rests on: required signs.
    pub decisive: Vec<Found>,
    /// What strengthens it.
    pub supporting: Vec<Found>,
    /// Other causes: how sure they would be, and why not.
    pub alternatives: Vec<(usize, Option<Confidence>, String)>,
    /// Where nobody recorded, and what that would decide.
    pub missing: BTreeMap<Unrecorded, BTreeSet<usize>>,
}

/// What one attempt's opinion comes to.
struct Ballot {
    attempt: usize,
    finding: Option<Finding>,
    opinion: Opinion,
    remark: bool,
}

/// Verdicts over all attempts, most important first.
pub fn verdicts(
    knowledge: &Knowledge,
    attempts: &[Attempt],
    good: &Good,
    opinions: Vec<Option<Opinion>>,
) -> Vec<Verdict> {
    let mut groups: BTreeMap<(Option<usize>, String, bool, String), Vec<Ballot>> = BTreeMap::new();
    for (i, opinion) in opinions.into_iter().enumerate() {
        let (Some(a), Some(opinion)) = (attempts.get(i), opinion) else {
            continue;
        };
        let ballot = ballot(knowledge, i, a, opinion);
        if ballot.finding.is_none() && !a.outcome.is_bad() {
            continue;
        }
        let cause = ballot.finding.as_ref().map(|f| f.cause);
        let host = cause
            .and_then(|c| knowledge.causes.get(c))
            .map_or("server", |c| c.host.as_str());
        let name = match host {
            "client" => peer_name(&a.client),
            "gateway" => gateway_name(a),
            _ => peer_name(&a.server),
        };
        // What nobody can tell is kept apart by where it broke.
        let signature = if cause.is_none() {
            format!("{} {}", a.stage.name(), a.closed_by)
        } else {
            String::new()
        };
        groups
            .entry((cause, name, ballot.remark, signature))
            .or_default()
            .push(ballot);
    }
    let mut found = Vec::new();
    for ((cause, host, remark, _), ballots) in groups {
        for spell in spells(attempts, good, ballots) {
            let stage = spell
                .first()
                .and_then(|b| attempts.get(b.attempt))
                .map(|a| a.stage.name());
            found.push(verdict(
                knowledge, attempts, cause, &host, remark, stage, &spell,
            ));
        }
    }
    found.sort_by_cached_key(|x| rank(attempts, x));
    found
}

/// Adds verdicts for hosts of which no connection is known on the side that the cause is about: System.evtx alone can name
/// a broken key.
pub fn add_alone(
    matcher: &Matcher<'_>,
    knowledge: &Knowledge,
    attempts: &[Attempt],
    verdicts: &mut Vec<Verdict>,
) {
    let known: BTreeSet<(bool, HostId)> = attempts
        .iter()
        .flat_map(|a| [(true, a.client.host), (false, a.server.host)])
        .filter_map(|(client, host)| Some((client, host?)))
        .collect();
    for host in matcher.evidence.hosts.iter() {
        for finding in judge::alone(matcher, knowledge, host) {
            let Some(cause) = knowledge.causes.get(finding.cause) else {
                continue;
            };
            if known.contains(&(cause.host == "client", host)) {
                continue;
            }
            verdicts.push(Verdict {
                cause: Some(finding.cause),
                confidence: Some(finding.confidence),
                severity: cause.severity,
                host: matcher.evidence.hosts.name(host).to_owned(),
                attempts: Vec::new(),
                decisive: finding.decisive,
                supporting: Vec::new(),
                alternatives: Vec::new(),
                missing: BTreeMap::new(),
            });
        }
    }
    verdicts.sort_by_cached_key(|x| rank(attempts, x));
}

/// The gateway's own name is not known to its records' reader as a peer: the log's host stands in.
fn gateway_name(a: &Attempt) -> String {
    peer_name(&a.server)
}

fn ballot(knowledge: &Knowledge, attempt: usize, a: &Attempt, mut opinion: Opinion) -> Ballot {
    let severity = |f: &Finding| {
        knowledge
            .causes
            .get(f.cause)
            .map_or("failure", |c| c.severity)
    };
    let guessing = a.facts.get(GUESSING) == Some(&Fact::Flag(true));
    // A remark beside a failure is no explanation of it, except for strangers' tries.
    if !guessing && a.outcome.is_bad() && opinion.standing.iter().any(|f| severity(f) == "failure")
    {
        opinion.standing.retain(|f| severity(f) == "failure");
    }
    let tied = match (opinion.standing.first(), opinion.standing.get(1)) {
        (Some(x), Some(y)) => {
            x.confidence < Confidence::Certain
                && x.confidence == y.confidence
                && x.strength == y.strength
                && x.recurs_to_certain == y.recurs_to_certain
        }
        _ => false,
    };
    let finding = if tied {
        None
    } else {
        opinion.standing.first().cloned()
    };
    let remark = finding.as_ref().is_some_and(|f| severity(f) == "remark") || guessing;
    Ballot {
        attempt,
        finding,
        opinion,
        remark,
    }
}

/// A spell ends after a day without failure, or when the same pair connected well in between.
fn spells(attempts: &[Attempt], good: &Good, ballots: Vec<Ballot>) -> Vec<Vec<Ballot>> {
    let mut spells: Vec<Vec<Ballot>> = Vec::new();
    let mut last: BTreeMap<(ClientKey, ServerKey), Timestamp> = BTreeMap::new();
    let mut latest: Option<Timestamp> = None;
    for ballot in ballots {
        let Some(a) = attempts.get(ballot.attempt) else {
            continue;
        };
        let pair = (client_key(a), server_key(a));
        let recovered = last
            .get(&pair)
            .is_some_and(|before| good.between(&pair, *before, a.start));
        let quiet = latest.is_some_and(|t| a.start.since(t) > SPELL_NS);
        if spells.is_empty() || quiet || recovered {
            spells.push(Vec::new());
            last.clear();
        }
        latest = Some(a.start);
        last.insert(pair, a.start);
        if let Some(spell) = spells.last_mut() {
            spell.push(ballot);
        }
    }
    spells
}

/// The surest of a spell; what recurs with each attempt is certain.
fn confidence(spell: &[Ballot]) -> Option<Confidence> {
    if recurs(spell) {
        return Some(Confidence::Certain);
    }
    let findings = spell.iter().filter_map(|b| b.finding.as_ref());
    findings.map(|f| f.confidence).max()
}

fn verdict(
    knowledge: &Knowledge,
    attempts: &[Attempt],
    cause: Option<usize>,
    host: &str,
    remark: bool,
    stage: Option<&str>,
    spell: &[Ballot],
) -> Verdict {
    let confidence = confidence(spell);
    let mut v = Verdict {
        cause,
        confidence: confidence.filter(|_| cause.is_some()),
        severity: if remark { "remark" } else { "failure" },
        host: host.to_owned(),
        attempts: spell.iter().map(|b| b.attempt).collect(),
        decisive: Vec::new(),
        supporting: Vec::new(),
        alternatives: Vec::new(),
        missing: BTreeMap::new(),
    };
    let mut seen = BTreeSet::new();
    let mut alternatives: BTreeMap<usize, (Option<Confidence>, String)> = BTreeMap::new();
    for b in spell {
        if let Some(f) = &b.finding {
            v.decisive
                .extend(f.decisive.iter().filter(|d| seen.insert(d.at)).cloned());
            v.supporting
                .extend(f.supporting.iter().filter(|d| seen.insert(d.at)).cloned());
            for u in &f.unrecorded {
                v.missing.entry(u.clone()).or_default().insert(f.cause);
            }
        }
        let chosen = b.finding.as_ref().map(|f| f.cause);
        for f in b
            .opinion
            .standing
            .iter()
            .filter(|f| Some(f.cause) != chosen)
        {
            let why = if chosen.is_some() {
                "its signs are there too, but fewer or less direct"
            } else {
                "its signs are there, and so are another cause's"
            };
            alternatives
                .entry(f.cause)
                .or_insert((Some(f.confidence), why.into()));
        }
        for (n, c, why) in &b.opinion.behind {
            alternatives.entry(*n).or_insert((Some(*c), why.clone()));
        }
        // What a side stated is not put in question by what somebody else might have stated.
        let settled = v.confidence == Some(Confidence::Certain);
        for (n, u) in b
            .opinion
            .open
            .iter()
            .filter(|(n, _)| !settled && related(knowledge, cause, *n))
        {
            let Some(a) = attempts.get(b.attempt) else {
                continue;
            };
            let u: BTreeSet<Unrecorded> = u.iter().map(|blind| blind.of(a)).collect();
            let places: Vec<String> = u
                .iter()
                .map(|x| format!("{} of {}", x.channel, x.host))
                .collect();
            let why = format!(
                "nothing is against it, but nobody recorded what would show it: {}",
                places.join("; ")
            );
            alternatives
                .entry(*n)
                .or_insert((Some(Confidence::Possible), why));
            for x in u {
                v.missing.entry(x).or_default().insert(*n);
            }
        }
        for (n, why) in &b.opinion.ruled_out {
            let Some(ruled_out) = knowledge.causes.get(*n) else {
                continue;
            };
            if cause.is_some_and(|c| knowledge.look_alike(c, *n)) {
                alternatives
                    .entry(*n)
                    .or_insert_with(|| (None, why.text(ruled_out)));
            }
        }
    }
    v.alternatives = alternatives
        .into_iter()
        .map(|(n, (c, why))| (n, c, why))
        .collect();
    // Of equals, those that break a connection where this one broke come first.
    let near = |n: &usize| {
        knowledge
            .causes
            .get(*n)
            .is_some_and(|c| Some(c.stage.as_str()) == stage)
    };
    v.alternatives.sort_by(|x, y| {
        (y.1, near(&y.0))
            .cmp(&(x.1, near(&x.0)))
            .then_with(|| x.0.cmp(&y.0))
    });
    v
}

/// A statement that comes back with each of several attempts is no coincidence; one record that all of them share is.
fn recurs(spell: &[Ballot]) -> bool {
    let mut told = BTreeSet::new();
    let own = |b: &Ballot| {
        b.finding
            .as_ref()
            .filter(|f| f.recurs_to_certain)
            .is_some_and(|f| {
                let statements = f.decisive.iter().filter(|d| d.statement);
                // All of them are counted as told, not only the first new one.
                statements.fold(false, |new, d| told.insert(d.at) | new)
            })
    };
    spell.len() > 1 && spell.iter().all(own)
}

/// With a cause named, only what its file calls similar is worth a word; without one, every open cause is.
fn related(knowledge: &Knowledge, cause: Option<usize>, other: usize) -> bool {
    cause.is_none_or(|c| knowledge.look_alike(c, other))
        && knowledge
            .causes
            .get(other)
            .is_some_and(|o| o.severity == "failure")
}

/// Failures before remarks, named before unnamed, the surest first, then the one that hit most, then the first.
fn rank(attempts: &[Attempt], v: &Verdict) -> impl Ord + use<> {
    let tries: u64 = v
        .attempts
        .iter()
        .filter_map(|i| attempts.get(*i))
        .map(|a| a.count)
        .sum();
    let first = v
        .attempts
        .first()
        .and_then(|i| attempts.get(*i))
        .map(|a| a.start);
    (
        v.severity == "remark",
        v.cause.is_none(),
        std::cmp::Reverse(v.confidence),
        std::cmp::Reverse(tries),
        first,
        v.host.clone(),
        v.cause,
    )
}
