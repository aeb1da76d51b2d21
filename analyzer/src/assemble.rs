//! What was found out, as the report says it.

use rdpwhy_parsers::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;

use crate::Ladders;
use crate::attempt::{Attempt, Outcome};
use crate::clock::{ClockEstimate, ClockId};
use crate::coverage::CoverageMap;
use crate::evidence::{At, Evidence};
use crate::identities::Identities;
use crate::knowledge::{Cause, Knowledge};
use crate::ladder;
use crate::matcher::Found;
use crate::missing;
use crate::remedy;
use crate::report::{
    Alternative, AttemptReport, Clock, Coverage, DefectReport, Endpoint,
    Evidence as EvidenceReport, GapReport, Report, Sign, SourceReport, Summary, Tool,
    VerdictReport,
};
use crate::roles::Roles;
use crate::sentence;
use crate::sighting::Peer;
use crate::verdict::Verdict;

/// Entries of evidence per role that a verdict shows; the rest is counted.
const MOST_EVIDENCE: usize = 60;

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
    let attempts: Vec<AttemptReport> = parts
        .attempts
        .iter()
        .enumerate()
        .filter(|(i, _)| parts.shown.get(*i) == Some(&true))
        .map(|(i, a)| {
            // The steps of a failed try share the verdict of what decided it.
            let v = by_attempt
                .get(&i)
                .or_else(|| by_attempt.get(&a.part_of?).filter(|_| a.outcome.is_bad()));
            attempt(
                parts,
                &ids,
                i,
                a,
                v.and_then(|v| verdict_ids.get(*v)).cloned(),
                parts.ladders == Ladders::All || examples.contains(&i),
            )
        })
        .collect();
    let verdicts: Vec<VerdictReport> = parts
        .verdicts
        .iter()
        .enumerate()
        .map(|(n, v)| {
            verdict(
                parts,
                &ids,
                verdict_ids.get(n).cloned().unwrap_or_default(),
                n,
                v,
            )
        })
        .collect();
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

/// `record 90211` or `packet 812`.
pub fn place(evidence: &Evidence, at: At) -> String {
    let word = if evidence.host(at).is_some() {
        "record"
    } else {
        "packet"
    };
    format!("{word} {}", evidence.event(at).map_or(0, |e| e.event.place))
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

fn hash(prefix: &str, parts: &[String]) -> String {
    let mut hasher = Sha256::new();
    for p in parts {
        hasher.update((p.len() as u64).to_le_bytes());
        hasher.update(p.as_bytes());
    }
    let digest = hasher.finalize();
    digest
        .iter()
        .take(6)
        .fold(format!("{prefix}-"), |mut id, byte| {
            let _ = write!(id, "{byte:02x}");
            id
        })
}

/// Hashes of what an attempt is. Two tries of which nothing but the moment is known can be alike: later ones are counted.
pub(crate) fn attempt_ids(parts: &Parts<'_>) -> Vec<String> {
    let mut used = BTreeSet::new();
    // A file that holds a chunk again and again holds the same tries again and again.
    let mut alike: BTreeMap<String, u32> = BTreeMap::new();
    let peer = |p: &Peer| {
        let text = |t: Option<String>| t.unwrap_or_default();
        [
            text(p.ip.map(|ip| ip.to_string())),
            text(p.port.map(|p| p.to_string())),
            text(p.name.as_ref().map(|n| n.to_lowercase())),
        ]
    };
    parts
        .attempts
        .iter()
        .map(|a| {
            let mut what = Vec::from(peer(&a.client));
            what.extend(peer(&a.server));
            what.push(a.raw_start.0.to_string());
            let first = hash("a", &what);
            if used.insert(first.clone()) {
                return first;
            }
            let again = alike.entry(first).or_insert(1);
            loop {
                *again += 1;
                let mut more = what.clone();
                more.push(again.to_string());
                let id = hash("a", &more);
                if used.insert(id.clone()) {
                    return id;
                }
            }
        })
        .collect()
}

pub(crate) fn verdict_ids(parts: &Parts<'_>, attempts: &[String]) -> Vec<String> {
    let mut used = BTreeSet::new();
    parts
        .verdicts
        .iter()
        .map(|v| {
            let cause = v
                .cause
                .and_then(|c| parts.knowledge.causes.get(c))
                .map_or("", |c| c.id.as_str());
            let first = v
                .attempts
                .first()
                .and_then(|i| attempts.get(*i))
                .cloned()
                .unwrap_or_default();
            let what = [
                cause.to_owned(),
                v.host.to_lowercase(),
                first,
                v.severity.to_owned(),
            ];
            let mut id = hash("v", &what);
            while !used.insert(id.clone()) {
                id = hash("v", &[id]);
            }
            id
        })
        .collect()
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

/// The attempt of a verdict of which most is known.
fn example(parts: &Parts<'_>, v: &Verdict) -> Option<usize> {
    v.attempts.iter().copied().max_by_key(|i| {
        parts.attempts.get(*i).map(|a| {
            (
                a.part_of.is_none(),
                a.views.len(),
                a.signs().count().min(40),
                std::cmp::Reverse(*i),
            )
        })
    })
}

fn verdict(parts: &Parts<'_>, ids: &[String], id: String, n: usize, v: &Verdict) -> VerdictReport {
    let cause = v.cause.and_then(|c| parts.knowledge.causes.get(c));
    let of = |i: &usize| parts.attempts.get(*i);
    let clients: BTreeSet<String> = v
        .attempts
        .iter()
        .filter_map(of)
        .map(|a| crate::matcher::peer_name(&a.client))
        .collect();
    let tries: u64 = v.attempts.iter().filter_map(of).map(|a| a.count).sum();
    let example = example(parts, v);
    let mut evidence = Vec::new();
    evidence.extend(entries(parts, &v.decisive, "decisive"));
    evidence.extend(entries(parts, &v.supporting, "supporting"));
    if evidence.is_empty() {
        evidence.extend(fallback(parts, v));
    }
    let empty = (Vec::new(), None);
    let (changes, last_good) = parts.histories.get(n).unwrap_or(&empty);
    let (title, summary) = match cause {
        Some(c) => (c.title.clone(), fill(parts, c, v, clients.len(), tries)),
        None => undecided(parts, v, clients.len(), tries),
    };
    VerdictReport {
        id,
        severity: v.severity,
        cause: cause.map(|c| c.id.clone()),
        title,
        confidence: v.confidence.map(crate::knowledge::Confidence::name),
        host: Some(v.host.clone()),
        first: v
            .attempts
            .first()
            .and_then(of)
            .map(|a| time(a.start))
            .or_else(|| evidence.first().map(|e: &EvidenceReport| e.time.clone())),
        last: v
            .attempts
            .last()
            .and_then(of)
            .map(|a| time(a.start))
            .or_else(|| evidence.last().map(|e| e.time.clone())),
        attempts: v
            .attempts
            .iter()
            .filter_map(|i| ids.get(*i))
            .cloned()
            .collect(),
        clients: clients.len() as u64,
        tries,
        summary,
        example: example.and_then(|i| ids.get(i)).cloned(),
        mstsc: cause.and_then(|c| c.mstsc.clone()),
        evidence,
        alternatives: alternatives(parts, v),
        missing: missing::missing(parts, v),
        changes: changes.iter().map(|at| sign(parts.evidence, *at)).collect(),
        last_good: last_good.map(time),
        remedy: cause.and_then(|c| remedy::of_case(parts, c, v)),
    }
}

fn entries(parts: &Parts<'_>, found: &[Found], role: &'static str) -> Vec<EvidenceReport> {
    let mut list: Vec<&Found> = found.iter().collect();
    list.sort_by_key(|f| (parts.evidence.time(f.at), f.at));
    list.iter()
        .take(MOST_EVIDENCE)
        .map(|f| entry(parts.evidence, f.at, f.says.clone(), role))
        .collect()
}

pub(crate) fn entry(
    evidence: &Evidence,
    at: At,
    says: String,
    role: &'static str,
) -> EvidenceReport {
    let (corrected, raw) = (evidence.time(at), evidence.raw_time(at));
    let event = evidence.event(at);
    let says = if event.is_some_and(rdpwhy_parsers::EventRef::is_recovered) {
        format!("{says} (a record recovered from outside the live log)")
    } else {
        says
    };
    EvidenceReport {
        source: at.source,
        at: place(evidence, at),
        time: time(corrected),
        raw_time: (corrected != raw).then(|| time(raw)),
        says,
        role,
        origin: match event.and_then(rdpwhy_parsers::EventRef::log) {
            Some(l) if l.host.is_empty() => "capture".to_owned(),
            Some(l) => format!("{} of {}", l.channel, l.host),
            None => String::new(),
        },
        event: event.and_then(sentence::event_name),
        times: 1,
    }
}

/// A verdict that rests on facts alone still points into the evidence: to the last thing that the attempt showed.
fn fallback(parts: &Parts<'_>, v: &Verdict) -> Vec<EvidenceReport> {
    let last = |i: &usize| {
        let a = parts.attempts.get(*i)?;
        let telling = |at: &&At| {
            parts.evidence.kind(**at).is_some_and(|k| {
                !matches!(
                    k.name(),
                    "flow.measured" | "channel.closed" | "connection.idle-measured"
                )
            })
        };
        let at = *a
            .events
            .iter()
            .rev()
            .find(telling)
            .or_else(|| a.events.last())?;
        let says = parts
            .evidence
            .event(at)
            .map(sentence::describe)
            .unwrap_or_default();
        Some(entry(parts.evidence, at, says, "supporting"))
    };
    v.attempts
        .iter()
        .take(MOST_EVIDENCE)
        .filter_map(last)
        .collect()
}

/// What a summary may leave to be filled in.
pub const PLACEHOLDERS: &[&str] = &[
    "server", "client", "host", "user", "attempts", "clients", "first", "last",
];

fn fill(parts: &Parts<'_>, c: &Cause, v: &Verdict, clients: usize, tries: u64) -> String {
    let first = v.attempts.first().and_then(|i| parts.attempts.get(*i));
    let last = v.attempts.last().and_then(|i| parts.attempts.get(*i));
    // Without a connection only the host of the verdict has a name.
    let name = |p: Option<&Peer>, side: &str| match p {
        Some(p) => crate::matcher::peer_name(p),
        None if c.host == side => v.host.clone(),
        None => format!("the {side}"),
    };
    // One name for several would send people to one machine.
    let client = name(first.map(|a| &a.client), "client");
    let client = match clients {
        0 | 1 => client,
        2 => format!("{client} (and another client)"),
        n => format!("{client} (and {} other clients)", n - 1),
    };
    let user = first
        .and_then(|a| a.user.clone())
        .unwrap_or_else(|| "the user".into());
    let mut text = c.summary.clone();
    for (placeholder, value) in [
        ("{server}", name(first.map(|a| &a.server), "server")),
        ("{client}", client),
        ("{host}", v.host.clone()),
        ("{user}", user),
        ("{attempts}", tries.to_string()),
        ("{clients}", clients.to_string()),
        ("{first}", first.map(|a| time(a.start)).unwrap_or_default()),
        ("{last}", last.map(|a| time(a.start)).unwrap_or_default()),
    ] {
        text = text.replace(placeholder, &value);
    }
    // Grammar of one: "(1 clients, 1 attempts)".
    text.replace("1 clients", "1 client")
        .replace("1 attempts", "1 attempt")
        .replace("1 addresses", "1 address")
}

/// What can be said when no cause can be named.
fn undecided(parts: &Parts<'_>, v: &Verdict, clients: usize, tries: u64) -> (String, String) {
    let Some(a) = v.attempts.first().and_then(|i| parts.attempts.get(*i)) else {
        return (String::new(), String::new());
    };
    let connections = if tries == 1 {
        "1 connection".to_owned()
    } else {
        format!("{tries} connections")
    };
    let from = match clients {
        1 => format!("from {}", crate::matcher::peer_name(&a.client)),
        n => format!("of {n} clients"),
    };
    let title = format!(
        "{connections} {from} to {} cannot be explained with what is here",
        v.host
    );
    let ended = match (a.outcome, a.closed_by) {
        (Outcome::Dropped, _) => "A session was lost",
        (_, "server") => "The server ended it",
        (_, "client") => "The client ended it",
        (_, "middlebox") => "Something between the two ended it",
        (_, "nobody") => "It went silent",
        _ => "Nobody recorded who ended it; it ended",
    };
    let after = ladder::reached(a.stage);
    (
        title,
        format!("{ended} {after}. Nothing here tells why; what would settle it stands below."),
    )
}

fn alternatives(parts: &Parts<'_>, v: &Verdict) -> Vec<Alternative> {
    v.alternatives
        .iter()
        .filter_map(|(n, c, why)| {
            let cause = parts.knowledge.causes.get(*n)?;
            Some(Alternative {
                cause: cause.id.clone(),
                title: cause.title.clone(),
                confidence: c.map(crate::knowledge::Confidence::name),
                why_not: why.clone(),
            })
        })
        .collect()
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

fn sources(parts: &Parts<'_>) -> Vec<SourceReport> {
    (0u32..)
        .zip(&parts.evidence.sources)
        .map(|(id, s)| {
            let main = (0u32..).zip(&s.batch.logs).max_by_key(|(_, l)| l.records);
            let host = main.and_then(|(n, _)| parts.evidence.log_host(id, n));
            let dated = s.batch.logs.iter().filter(|l| l.records > 0);
            SourceReport {
                id,
                path: s.label.clone(),
                format: s.format.to_owned(),
                host: host.map(|h| parts.evidence.hosts.name(h).to_owned()),
                side: match host {
                    Some(h) => parts.roles.side(h),
                    None => main.map(|_| "wire"),
                },
                sha256: s.sha256.clone(),
                bytes: s.bytes,
                records: s.batch.logs.iter().map(|l| l.records).sum(),
                events: s.batch.events.len() as u64,
                first: dated.clone().map(|l| l.first).min().map(time),
                last: dated.map(|l| l.last).max().map(time),
                defects: s
                    .batch
                    .defects
                    .iter()
                    .map(|d| DefectReport {
                        at: d.at.clone(),
                        what: d.what.clone(),
                        lost: d.lost,
                    })
                    .collect(),
            }
        })
        .collect()
}

fn coverage(parts: &Parts<'_>) -> Vec<Coverage> {
    parts
        .coverage
        .iter()
        .map(|(host, channel, c)| Coverage {
            host: parts.evidence.hosts.name(host).to_owned(),
            channel: channel.to_owned(),
            first: time(c.first),
            last: time(c.last),
            gaps: c
                .gaps
                .iter()
                .map(|g| GapReport {
                    from: time(g.from),
                    to: time(g.to),
                    why: g.why,
                })
                .collect(),
        })
        .collect()
}

fn clocks(parts: &Parts<'_>) -> Vec<Clock> {
    (0u32..)
        .zip(&parts.evidence.sources)
        .filter_map(|(source, s)| {
            let main = (0u32..).zip(&s.batch.logs).max_by_key(|(_, l)| l.records)?;
            let id = match parts.evidence.log_host(source, main.0) {
                Some(host) => ClockId::Host(host),
                None => ClockId::Capture(source),
            };
            let estimate = parts.clocks.get(&id)?;
            Some(Clock {
                source,
                offset_ms: estimate.offset / 1_000_000,
                basis: estimate.basis.clone(),
            })
        })
        .collect()
}
