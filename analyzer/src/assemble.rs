//! What was found out, as the report says it.

mod ids;
mod sources;
mod verdict;

use rdpwhy_parsers::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::Ladders;
use crate::attempt::Attempt;
use crate::clock::{ClockEstimate, ClockId};
use crate::coverage::CoverageMap;
use crate::evidence::{At, Evidence};
use crate::identities::Identities;
use crate::knowledge::Knowledge;
use crate::ladder;
use crate::pipeline;
use crate::report::{AttemptReport, Endpoint, Report, Sign, Summary, Tool, VerdictReport};
use crate::roles::Roles;
use crate::sentence;
use crate::sighting::Peer;
use crate::verdict::Verdict;
pub(crate) use ids::{attempt_ids, verdict_ids};
use sources::{clocks, coverage, sources};
pub use verdict::PLACEHOLDERS;
pub(crate) use verdict::entry;
use verdict::{example, verdict};

/// Everything that the report is made of.
pub struct Parts<'a> {
    /// The evidence.
    pub evidence: &'a Evidence,
    /// What was learnt of the clocks.
    pub clocks: &'a BTreeMap<ClockId, ClockEstimate>,
    /// What the logs cover.
    pub coverage: &'a CoverageMap,
    /// Who is server, client, gateway, controller.
    pub roles: &'a Roles,
    /// The causes.
    pub knowledge: &'a Knowledge,
    /// The attempts.
    pub attempts: &'a [Attempt],
    /// Per attempt: whether the report tells of it.
    pub shown: &'a [bool],
    /// The verdicts, most important first.
    pub verdicts: &'a [Verdict],
    /// Changes before each verdict's first attempt, nearest first, and the last good start before it.
    pub histories: &'a [(Vec<At>, Option<Timestamp>)],
    /// Of which attempts the report holds the steps.
    pub ladders: Ladders,
}

/// Makes the report.
pub fn report(parts: &Parts<'_>) -> Report {
    let ids = attempt_ids(parts);
    let verdict_ids = verdict_ids(parts, &ids);
    let mut by_attempt: BTreeMap<usize, usize> = BTreeMap::new();
    for (n, v) in parts.verdicts.iter().enumerate() {
        for a in &v.attempts {
            by_attempt.entry(*a).or_insert(n);
        }
    }
    let examples: BTreeSet<usize> = parts
        .verdicts
        .iter()
        .filter_map(|v| example(parts, v))
        .collect();
    let shown: Vec<(usize, &Attempt)> = parts
        .attempts
        .iter()
        .enumerate()
        .filter(|(i, _)| parts.shown.get(*i) == Some(&true))
        .collect();
    let tell = |(i, a): (usize, &Attempt)| {
        // The steps of a failed try share the verdict of what decided it.
        let decided = || by_attempt.get(&a.part_of?).filter(|_| a.outcome.is_bad());
        let v = by_attempt.get(&i).or_else(decided);
        attempt(
            parts,
            &ids,
            i,
            a,
            v.and_then(|v| verdict_ids.get(*v)).cloned(),
            parts.ladders == Ladders::All || examples.contains(&i),
        )
    };
    let attempts: Vec<AttemptReport> = pipeline::map_all(&shown, |s| tell(*s));
    let numbered: Vec<(usize, &Verdict)> = parts.verdicts.iter().enumerate().collect();
    let verdicts: Vec<VerdictReport> = pipeline::map_all(&numbered, |(n, v)| {
        let id = verdict_ids.get(*n).cloned().unwrap_or_default();
        verdict(parts, &ids, id, *n, v)
    });
    let summary = summary(&attempts, &verdicts);
    Report {
        schema: "rdpwhy.report/1",
        tool: Tool {
            name: "rdpwhy",
            version: env!("CARGO_PKG_VERSION"),
        },
        sources: sources(parts),
        coverage: coverage(parts),
        clocks: clocks(parts),
        attempts,
        verdicts,
        summary,
        reasoning: None,
        identities: Identities::default(),
    }
}

/// RFC 3339 in UTC with microseconds.
pub fn time(t: Timestamp) -> String {
    match jiff::Timestamp::from_nanosecond(i128::from(t.0)) {
        Ok(t) => format!("{t:.6}"),
        Err(_) => "1970-01-01T00:00:00.000000Z".to_owned(),
    }
}

/// RFC 3339 in UTC with whole seconds, for sentences and queries.
pub fn second(t: Timestamp) -> String {
    format!("{}Z", time(t).get(..19).unwrap_or_default())
}

/// The day alone, in UTC.
pub fn day(t: Timestamp) -> String {
    time(t).get(..10).unwrap_or_default().to_owned()
}

/// The channel of captures.
const CAPTURE: &str = "capture";

/// `record 90211`, `packet 812`, or `line 40` of a monitor's log.
pub fn place(evidence: &Evidence, at: At) -> String {
    let event = evidence.event(at);
    let captured = event
        .and_then(rdpwhy_parsers::EventRef::log)
        .is_none_or(|l| l.channel == CAPTURE);
    let word = match (evidence.host(at).is_some(), captured) {
        (true, _) => "record",
        (false, true) => "packet",
        (false, false) => "line",
    };
    format!("{word} {}", event.map_or(0, |e| e.event.place))
}

/// A fact with its place.
pub fn sign(evidence: &Evidence, at: At) -> Sign {
    Sign {
        source: at.source,
        at: place(evidence, at),
        event: evidence.event(at).and_then(sentence::event_name),
        time: time(evidence.time(at)),
        says: evidence
            .event(at)
            .map(sentence::describe)
            .unwrap_or_default(),
    }
}

fn endpoint(p: &Peer) -> Endpoint {
    Endpoint {
        ip: p.ip.map(|ip| ip.to_string()),
        port: p.port,
        host: p.name.clone(),
    }
}

fn attempt(
    parts: &Parts<'_>,
    ids: &[String],
    i: usize,
    a: &Attempt,
    verdict: Option<String>,
    with_steps: bool,
) -> AttemptReport {
    AttemptReport {
        id: ids.get(i).cloned().unwrap_or_default(),
        part_of: a.part_of.and_then(|p| ids.get(p)).cloned(),
        count: a.count,
        client: endpoint(&a.client),
        server: endpoint(&a.server),
        user: a.user.clone(),
        started: time(a.start),
        ended: (a.closed_how != "still-open").then(|| time(a.end)),
        outcome: a.outcome.name(),
        stage: a.stage.name(),
        closed_by: a.closed_by,
        closed_how: a.closed_how,
        codes: a.codes.clone(),
        verdict,
        steps: if with_steps {
            ladder::steps(parts.evidence, a)
        } else {
            Vec::new()
        },
    }
}

fn summary(attempts: &[AttemptReport], verdicts: &[VerdictReport]) -> Summary {
    let mut s = Summary {
        attempts: attempts.len() as u64,
        tries: attempts.iter().map(|a| a.count).sum(),
        ..Summary::default()
    };
    let causes: HashMap<&str, &str> = verdicts
        .iter()
        .filter_map(|v| Some((v.id.as_str(), v.cause.as_deref()?)))
        .collect();
    for a in attempts {
        match a.outcome {
            "ok" => s.ok += 1,
            "failed" => s.failed += 1,
            "dropped" => s.dropped += 1,
            "cancelled" => s.cancelled += 1,
            _ => s.unknown += 1,
        }
        let cause = a.verdict.as_ref().and_then(|id| causes.get(id.as_str()));
        if let Some(cause) = cause.filter(|_| matches!(a.outcome, "failed" | "dropped")) {
            *s.by_cause.entry((*cause).to_owned()).or_default() += 1;
        }
    }
    s
}
