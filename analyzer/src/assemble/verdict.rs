//! A verdict in words, with its evidence.

use std::collections::BTreeSet;

use super::{Parts, place, sign, time};
use crate::attempt::Outcome;
use crate::evidence::{At, Evidence};
use crate::knowledge::Cause;
use crate::ladder;
use crate::matcher::Found;
use crate::missing;
use crate::remedy;
use crate::report::{Alternative, Evidence as EvidenceReport, VerdictReport};
use crate::sentence;
use crate::sighting::Peer;
use crate::verdict::Verdict;

/// Entries of evidence per role that a verdict shows; the rest is counted.
const MOST_EVIDENCE: usize = 60;

/// The attempt of a verdict of which most is known.
pub(super) fn example(parts: &Parts<'_>, v: &Verdict) -> Option<usize> {
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

pub(super) fn verdict(
    parts: &Parts<'_>,
    ids: &[String],
    id: String,
    n: usize,
    v: &Verdict,
) -> VerdictReport {
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
            Some(l) if l.host.is_empty() => l.channel.clone(),
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
