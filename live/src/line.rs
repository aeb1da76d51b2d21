//! What is said while packets arrive, a line at a time: schema `rdpwhy.sniff/1`.

use rdpwhy_analyzer::report::{AttemptReport, Report, VerdictReport};
use serde::Serialize;
use std::collections::BTreeMap;

/// How a connection stands, as far as can be said now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// A session runs.
    Open,
    /// A session ended in an orderly way.
    Ok,
    /// Closed by its client before logon and without an error, as clients do who ask for a password first: a retry is to
    /// come, or it was given up.
    Waiting,
    /// Given up on purpose: no retry came.
    Cancelled,
    /// One step of a try that another connection decides.
    Step,
    /// Ended before a session.
    Failed,
    /// A session was lost.
    Dropped,
    /// The packets do not tell.
    Unknown,
}

impl State {
    /// The word of the schema.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Ok => "ok",
            Self::Waiting => "waiting",
            Self::Cancelled => "cancelled",
            Self::Step => "step",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Unknown => "unknown",
        }
    }

    /// Whether somebody was hurt.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Dropped)
    }
}

/// What is said of one connection.
#[derive(Debug, Clone, Serialize)]
pub struct Said {
    /// The attempt's id and the number of the line about it: `a-3f9c1e27b04d/1`.
    pub id: String,
    /// The line about the same attempt that this one takes the place of.
    pub revises: Option<String>,
    /// When it was said, by the clock of the capture.
    pub at: String,
    /// How it stands.
    pub state: State,
    /// What made the line change, in words; none in the first line.
    pub because: Option<&'static str>,
    /// For strangers' refused tries, which are not told one by one: how many there were of this client, server and cause.
    pub tries: u64,
    /// The attempt, as in `rdpwhy.report/1`.
    pub attempt: AttemptReport,
    /// Its verdict, as in `rdpwhy.report/1`; `attempts` are those that are known now.
    pub verdict: Option<VerdictReport>,
}

/// Packets that were not seen, so far.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Drops {
    /// Where.
    pub interface: String,
    /// Packets that the kernel's filter let through.
    pub received: u64,
    /// Of these, dropped because the buffer was full.
    pub dropped: u64,
    /// Dropped by the network card or its driver.
    pub dropped_by_interface: u64,
}

/// The end.
#[derive(Debug, Clone, Serialize)]
pub struct Summary {
    /// Packets seen.
    pub packets: u64,
    /// Connections told, by state.
    pub connections: BTreeMap<State, u64>,
    /// Failed and lost connections by cause; the empty cause: not explained.
    pub by_cause: BTreeMap<String, u64>,
    /// Connections that are counted above and not in the report, because more were seen than are kept.
    pub retired: u64,
    /// Drop counters.
    pub drops: Vec<Drops>,
    /// What `diagnose` says about all that was seen: `rdpwhy.report/1`.
    pub report: Box<Report>,
}

/// One line.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Line {
    /// What is listened to.
    Start {
        /// `rdpwhy.sniff/1`.
        schema: &'static str,
        /// Version of the program.
        version: &'static str,
        /// Interfaces, file or pipe.
        sources: Vec<String>,
    },
    /// A connection.
    Attempt(Box<Said>),
    /// Packets were lost.
    Drops(Drops),
    /// The end.
    Summary(Box<Summary>),
}

/// Name of the schema.
pub const SCHEMA: &str = "rdpwhy.sniff/1";
