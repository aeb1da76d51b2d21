//! The answer, ready to render: the only types of this crate that are serialised.
//!
//! The shape is a promise to callers (`rdpwhy.report/1`): fields are added, never renamed, dropped or re-typed. Times are
//! RFC 3339 texts in UTC with at least milliseconds.

use serde::Serialize;
use std::collections::{BTreeMap, HashSet};

use crate::identities::Identities;
use crate::reasoning::Reasoning;

/// Everything that was found out about a set of evidence.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Always `rdpwhy.report/1`.
    pub schema: &'static str,
    /// Who made it.
    pub tool: Tool,
    /// The evidence files, in the order of their ids.
    pub sources: Vec<SourceReport>,
    /// What each host's channel covers.
    pub coverage: Vec<Coverage>,
    /// The clock of each source against the reference.
    pub clocks: Vec<Clock>,
    /// One TCP connection, or one try that only logs saw, each.
    pub attempts: Vec<AttemptReport>,
    /// One per root cause, host and spell of time; most important first.
    pub verdicts: Vec<VerdictReport>,
    /// Counts.
    pub summary: Summary,
    /// The reasoning about the cause that was asked about, if one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<Reasoning>,
    /// Whom the evidence names, if that was asked for. Not part of what is written.
    #[serde(skip)]
    pub identities: Identities,
}

/// Name and version of the program.
#[derive(Debug, Clone, Serialize)]
pub struct Tool {
    /// `rdpwhy`.
    pub name: &'static str,
    /// Semantic version.
    pub version: &'static str,
}

/// One evidence file.
#[derive(Debug, Clone, Serialize)]
pub struct SourceReport {
    /// Number that evidence points to.
    pub id: u32,
    /// Path as given, `/` as separator, `archive.zip!member` for members.
    pub path: String,
    /// `evtx`, `pcap`, `pcapng` …
    pub format: String,
    /// Computer named by most of its records.
    pub host: Option<String>,
    /// server, client, gateway, domain-controller, wire.
    pub side: Option<&'static str>,
    /// SHA-256 of the bytes, where it was computed.
    pub sha256: Option<String>,
    /// Size.
    pub bytes: u64,
    /// Records or packets read.
    pub records: u64,
    /// Of these, relevant to RDP.
    pub events: u64,
    /// Earliest record or packet, in the source's own clock.
    pub first: Option<String>,
    /// Latest.
    pub last: Option<String>,
    /// What could not be read.
    pub defects: Vec<DefectReport>,
}

/// Something that could not be read.
#[derive(Debug, Clone, Serialize)]
pub struct DefectReport {
    /// Place in the file.
    pub at: String,
    /// What is wrong there.
    pub what: String,
    /// Records or packets lost by it.
    pub lost: u64,
}

/// What one host's channel covers.
#[derive(Debug, Clone, Serialize)]
pub struct Coverage {
    /// Computer.
    pub host: String,
    /// Channel.
    pub channel: String,
    /// First record.
    pub first: String,
    /// Last record.
    pub last: String,
    /// Stretches that are not covered.
    pub gaps: Vec<GapReport>,
}

/// A stretch of time that a channel does not tell about.
#[derive(Debug, Clone, Serialize)]
pub struct GapReport {
    /// Last moment before it.
    pub from: String,
    /// First moment after it.
    pub to: String,
    /// `log-cleared`, `rolled-over` or `records-missing`.
    pub why: &'static str,
}

/// The clock of one source.
#[derive(Debug, Clone, Serialize)]
pub struct Clock {
    /// Source id.
    pub source: u32,
    /// Milliseconds by which the source runs ahead of the reference: corrected = raw − offset.
    pub offset_ms: i64,
    /// What that rests on.
    pub basis: String,
}

/// One end of a connection.
#[derive(Debug, Clone, Serialize, PartialEq, Eq, Default)]
pub struct Endpoint {
    /// Address.
    pub ip: Option<String>,
    /// Port.
    pub port: Option<u16>,
    /// Name.
    pub host: Option<String>,
}

/// One connection.
#[derive(Debug, Clone, Serialize)]
pub struct AttemptReport {
    /// `a-` and 12 hex digits.
    pub id: String,
    /// Id of the attempt that decided the same try.
    pub part_of: Option<String>,
    /// Tries that this entry stands for.
    pub count: u64,
    /// Who connected.
    pub client: Endpoint,
    /// To whom.
    pub server: Endpoint,
    /// `DOMAIN\user`.
    pub user: Option<String>,
    /// First sign of it.
    pub started: String,
    /// Last sign of it.
    pub ended: Option<String>,
    /// ok, failed, dropped, cancelled, unknown.
    pub outcome: &'static str,
    /// Furthest stage entered.
    pub stage: &'static str,
    /// client, server, middlebox, nobody, unknown.
    pub closed_by: &'static str,
    /// fin, rst, alert …
    pub closed_how: &'static str,
    /// Codes that a side gave.
    pub codes: BTreeMap<&'static str, i64>,
    /// Verdict that covers it.
    pub verdict: Option<String>,
    /// The ladder: each stage with what shows it.
    pub steps: Vec<Step>,
}

/// One rung of the ladder.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Stage.
    pub stage: &'static str,
    /// `passed`, `broke` (the furthest stage of an attempt that did not get through), `not-reached`.
    pub state: &'static str,
    /// Milliseconds after the attempt's start.
    pub after_ms: Option<f64>,
    /// What was agreed or said in it, in a few words.
    pub brief: Option<String>,
    /// What happened, a sentence each, with its place.
    pub signs: Vec<Sign>,
}

/// A fact with its place.
#[derive(Debug, Clone, Serialize)]
pub struct Sign {
    /// Source id.
    pub source: u32,
    /// `record 90211`, `packet 812`.
    pub at: String,
    /// Provider and event id of a record: `RdpCoreTS 131`.
    pub event: Option<String>,
    /// Corrected time.
    pub time: String,
    /// What it says.
    pub says: String,
}

/// One root cause at one host in one spell of time.
#[derive(Debug, Clone, Serialize)]
pub struct VerdictReport {
    /// `v-` and 12 hex digits.
    pub id: String,
    /// failure or remark.
    pub severity: &'static str,
    /// Cause id; none: inconclusive.
    pub cause: Option<String>,
    /// The answer in one line.
    pub title: String,
    /// certain, likely, possible.
    pub confidence: Option<&'static str>,
    /// Whose host.
    pub host: Option<String>,
    /// First attempt's start.
    pub first: Option<String>,
    /// Last attempt's start.
    pub last: Option<String>,
    /// Attempts it covers.
    pub attempts: Vec<String>,
    /// Different clients among them.
    pub clients: u64,
    /// Tries among them.
    pub tries: u64,
    /// One paragraph for a person.
    pub summary: String,
    /// The attempt whose ladder shows it best.
    pub example: Option<String>,
    /// What mstsc shows to the user in this case.
    pub mstsc: Option<String>,
    /// What it rests on.
    pub evidence: Vec<Evidence>,
    /// What else was considered.
    pub alternatives: Vec<Alternative>,
    /// What evidence would settle or strengthen it.
    pub missing: Vec<Missing>,
    /// What happened on the host between the last good connection and the first bad one, nearest first.
    pub changes: Vec<Sign>,
    /// Start of the last attempt that went well before.
    pub last_good: Option<String>,
    /// What to do.
    pub remedy: Option<Remedy>,
}

/// One piece of evidence.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    /// Source id.
    pub source: u32,
    /// `record 90211`, `packet 812`.
    pub at: String,
    /// Corrected time.
    pub time: String,
    /// The source's own time, where it differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_time: Option<String>,
    /// What it says.
    pub says: String,
    /// decisive, supporting, contradicting.
    pub role: &'static str,
    /// Host and channel, or capture: for people.
    pub origin: String,
    /// Provider and event id of a record: `Schannel 36870`.
    pub event: Option<String>,
    /// Times that the same thing was seen; this entry is the first.
    pub times: u64,
}

/// A cause that was considered and stands behind.
#[derive(Debug, Clone, Serialize)]
pub struct Alternative {
    /// Cause id.
    pub cause: String,
    /// Its title.
    pub title: String,
    /// How sure it would be.
    pub confidence: Option<&'static str>,
    /// Why it is not the answer.
    pub why_not: String,
}

/// Evidence that would help.
#[derive(Debug, Clone, Serialize)]
pub struct Missing {
    /// Channel or capture, host and span of time.
    pub what: String,
    /// Causes that it would decide.
    pub would_decide: Vec<String>,
    /// Command that exports it.
    pub command: Option<String>,
}

/// What to do.
#[derive(Debug, Clone, Serialize)]
pub struct Remedy {
    /// One sentence.
    pub summary: String,
    /// client, server, gateway, network, directory.
    pub run_on: String,
    /// Name of that host, where it is one.
    pub host: Option<String>,
    /// Lines to paste.
    pub commands: Vec<String>,
    /// What it costs.
    pub risk: String,
    /// How to take it back.
    pub undo: Option<String>,
    /// What shows that it worked.
    pub verify: String,
}

/// Counts over the attempts.
#[derive(Debug, Clone, Serialize, Default)]
pub struct Summary {
    /// Entries.
    pub attempts: u64,
    /// Sum of their counts.
    pub tries: u64,
    /// Entries per outcome.
    pub ok: u64,
    /// Ended before a session.
    pub failed: u64,
    /// Lost against the user's will.
    pub dropped: u64,
    /// Given up on purpose.
    pub cancelled: u64,
    /// Cannot be told.
    pub unknown: u64,
    /// Failed and dropped entries per cause.
    pub by_cause: BTreeMap<String, u64>,
}

impl Report {
    /// The exit status that the contract gives to this report: 0, 1 or 4.
    pub fn exit_status(&self) -> u8 {
        let named = self
            .verdicts
            .iter()
            .any(|v| v.cause.is_some() && v.severity != "remark");
        if named {
            return 1;
        }
        let excused: HashSet<&str> = self
            .verdicts
            .iter()
            .filter(|v| v.severity == "remark")
            .flat_map(|v| v.attempts.iter().map(String::as_str))
            .collect();
        let hurt = self
            .attempts
            .iter()
            .any(|a| matches!(a.outcome, "failed" | "dropped") && !excused.contains(a.id.as_str()));
        if hurt { 4 } else { 0 }
    }
}
