//! One host's results as lines: the host, then each of its verdicts. What the summary says follows from these lines alone.

use std::collections::{BTreeMap, BTreeSet};

use rdpwhy_analyzer::report::{AttemptReport, Endpoint, Report, VerdictReport};
use serde::{Deserialize, Serialize};

use crate::input::Problem;

/// Names listed of one kind: a listener on the internet has a hundred thousand visitors.
const MOST_NAMES: usize = 100;
/// Reasons listed of one host.
const MOST_PROBLEMS: usize = 20;

/// A line of the results.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Line {
    /// A host, first.
    Host(Host),
    /// One of its verdicts, most important first.
    Verdict(Verdict),
}

/// What was found of one host.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Host {
    /// Folder, archive or computer.
    pub unit: String,
    /// ok, failing, unexplained, unreadable.
    pub status: String,
    /// Computers whose logs were read, by how many records they have.
    pub hosts: Vec<String>,
    /// Event logs and captures read.
    pub sources: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Their records and packets.
    pub records: u64,
    /// Earliest of them, in its own clock.
    pub first: Option<String>,
    /// Latest.
    pub last: Option<String>,
    /// Connections.
    pub attempts: u64,
    /// Tries, folded ones counted each.
    pub tries: u64,
    /// Of the connections: went well.
    pub ok: u64,
    /// Ended before a session.
    pub failed: u64,
    /// Lost against the user's will.
    pub dropped: u64,
    /// What could not be read, the first of it.
    pub problems: Vec<String>,
    /// How much more of that there is.
    pub more_problems: u64,
}

/// A verdict in short.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Verdict {
    /// Folder, archive or computer.
    pub unit: String,
    /// Computer that it blames.
    pub host: Option<String>,
    /// Cause id; none: inconclusive.
    pub cause: Option<String>,
    /// The answer in one line.
    pub title: String,
    /// failure or remark.
    pub severity: String,
    /// certain, likely, possible.
    pub confidence: Option<String>,
    /// Its id in the full report.
    pub id: String,
    /// First attempt's start.
    pub first: Option<String>,
    /// Last attempt's start.
    pub last: Option<String>,
    /// Entries and tries that it covers.
    pub attempts: u64,
    /// See above.
    pub tries: u64,
    /// Servers that were dialled, with the tries of each, most first.
    pub servers: Vec<Peer>,
    /// Clients that dialled them.
    pub clients: Vec<Peer>,
    /// How many more of both there are.
    pub more_peers: u64,
    /// Start of the last attempt that went well before.
    pub last_good: Option<String>,
    /// What changed on the host just before, nearest first.
    pub changes: Vec<Change>,
}

/// One end of connections.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Peer {
    /// Its name, else its address.
    pub name: String,
    /// Its address, if it is known.
    pub ip: Option<String>,
    /// Tries with it.
    pub tries: u64,
}

/// Something that changed on a host.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub struct Change {
    /// When, corrected.
    pub time: String,
    /// Provider and event id.
    pub event: Option<String>,
    /// What it says.
    pub says: String,
}

/// The lines of a host that was analysed.
pub fn lines(unit: &str, report: &Report, problems: &[Problem]) -> Vec<Line> {
    let by_id: BTreeMap<&str, &AttemptReport> =
        report.attempts.iter().map(|a| (a.id.as_str(), a)).collect();
    let mut lines = vec![Line::Host(host(unit, report, problems))];
    let verdict = |v| Line::Verdict(verdict(unit, v, &by_id));
    lines.extend(report.verdicts.iter().map(verdict));
    lines
}

/// The line of a host of which nothing could be read.
pub fn unreadable(unit: &str, problems: &[String]) -> Line {
    Line::Host(Host {
        unit: unit.to_owned(),
        status: "unreadable".to_owned(),
        hosts: Vec::new(),
        sources: 0,
        bytes: 0,
        records: 0,
        first: None,
        last: None,
        attempts: 0,
        tries: 0,
        ok: 0,
        failed: 0,
        dropped: 0,
        problems: problems.iter().take(MOST_PROBLEMS).cloned().collect(),
        more_problems: problems.len().saturating_sub(MOST_PROBLEMS) as u64,
    })
}

fn host(unit: &str, report: &Report, problems: &[Problem]) -> Host {
    let defects = report.sources.iter().flat_map(|s| {
        let told = move |d: &rdpwhy_analyzer::report::DefectReport| {
            format!("{}: {}: {}", s.path, d.at, d.what)
        };
        s.defects.iter().map(told)
    });
    let all: Vec<String> = problems
        .iter()
        .map(|p| format!("{}: {}", p.path, p.what))
        .chain(defects)
        .collect();
    let unread =
        |s: &rdpwhy_analyzer::report::SourceReport| s.records == 0 && !s.defects.is_empty();
    let status = if report.sources.iter().all(unread) {
        "unreadable"
    } else {
        match report.exit_status() {
            1 => "failing",
            4 => "unexplained",
            _ => "ok",
        }
    };
    let mut records: BTreeMap<&str, u64> = BTreeMap::new();
    for s in &report.sources {
        if let Some(host) = &s.host {
            *records.entry(host).or_default() += s.records;
        }
    }
    let mut hosts: Vec<(&str, u64)> = records.into_iter().collect();
    hosts.sort_by_key(|(name, n)| (std::cmp::Reverse(*n), *name));
    let times = |t: fn(&rdpwhy_analyzer::report::SourceReport) -> Option<&String>| {
        report.sources.iter().filter_map(t)
    };
    Host {
        unit: unit.to_owned(),
        status: status.to_owned(),
        hosts: hosts
            .iter()
            .take(MOST_NAMES)
            .map(|(name, _)| (*name).to_owned())
            .collect(),
        sources: report.sources.len() as u64,
        bytes: report.sources.iter().map(|s| s.bytes).sum(),
        records: report.sources.iter().map(|s| s.records).sum(),
        first: times(|s| s.first.as_ref()).min().cloned(),
        last: times(|s| s.last.as_ref()).max().cloned(),
        attempts: report.summary.attempts,
        tries: report.summary.tries,
        ok: report.summary.ok,
        failed: report.summary.failed,
        dropped: report.summary.dropped,
        more_problems: all.len().saturating_sub(MOST_PROBLEMS) as u64,
        problems: all.into_iter().take(MOST_PROBLEMS).collect(),
    }
}

fn verdict(unit: &str, v: &VerdictReport, by_id: &BTreeMap<&str, &AttemptReport>) -> Verdict {
    let attempts = || v.attempts.iter().filter_map(|id| by_id.get(id.as_str()));
    let (servers, more) = peers(attempts().map(|a| (&a.server, a.count)));
    let (clients, still_more) = peers(attempts().map(|a| (&a.client, a.count)));
    let mut told = BTreeSet::new();
    Verdict {
        unit: unit.to_owned(),
        host: v.host.clone(),
        cause: v.cause.clone(),
        title: v.title.clone(),
        severity: v.severity.to_owned(),
        confidence: v.confidence.map(str::to_owned),
        id: v.id.clone(),
        first: v.first.clone(),
        last: v.last.clone(),
        attempts: v.attempts.len() as u64,
        tries: v.tries,
        servers,
        clients,
        more_peers: more + still_more,
        last_good: v.last_good.clone(),
        changes: v
            .changes
            .iter()
            .filter(|c| told.insert(c.says.as_str()))
            .map(|c| Change {
                time: c.time.clone(),
                event: c.event.clone(),
                says: c.says.clone(),
            })
            .collect(),
    }
}

/// The ends of connections by their tries, and how many are left out.
fn peers<'a>(ends: impl Iterator<Item = (&'a Endpoint, u64)>) -> (Vec<Peer>, u64) {
    let mut tries: BTreeMap<(String, Option<String>), u64> = BTreeMap::new();
    for (end, n) in ends {
        let Some(name) = end.host.as_ref().or(end.ip.as_ref()) else {
            continue;
        };
        *tries.entry((name.clone(), end.ip.clone())).or_default() += n;
    }
    let mut all: Vec<Peer> = tries
        .into_iter()
        .map(|((name, ip), tries)| Peer { name, ip, tries })
        .collect();
    all.sort_by(|a, b| {
        (b.tries.cmp(&a.tries)).then_with(|| (&a.name, &a.ip).cmp(&(&b.name, &b.ip)))
    });
    let more = all.len().saturating_sub(MOST_NAMES) as u64;
    all.truncate(MOST_NAMES);
    (all, more)
}
