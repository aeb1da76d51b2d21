//! What a fleet tells in the end, as it is written.

use std::collections::BTreeMap;

use serde::Serialize;

/// Everything the hosts told together: schema `rdpwhy.fleet/1`.
#[derive(Debug, Serialize)]
pub struct Summary {
    /// Always `rdpwhy.fleet/1`.
    pub schema: &'static str,
    /// Hosts that are told here.
    pub hosts: u64,
    /// Hosts that were to be analysed.
    pub of: u64,
    /// Whether the run was broken off before all of them were.
    pub interrupted: bool,
    /// Hosts by status: ok, failing, unexplained, unreadable.
    pub status: BTreeMap<String, u64>,
    /// Bytes of event logs and captures.
    pub bytes: u64,
    /// Records and packets.
    pub records: u64,
    /// Connections, and their tries.
    pub attempts: u64,
    /// See above.
    pub tries: u64,
    /// Went well.
    pub ok: u64,
    /// Ended before a session.
    pub failed: u64,
    /// Lost against the user's will.
    pub dropped: u64,
    /// Causes, failures first, by the hosts that they hit.
    pub causes: Vec<Cause>,
    /// Changes that lie just before the same cause on several hosts, by how many.
    pub changes: Vec<Shared>,
    /// When a cause came to hosts that it had not hit before, by day.
    pub first_seen: Vec<Day>,
    /// Servers at which many clients fail.
    pub servers: Vec<Blamed>,
    /// Strangers who tried at several hosts.
    pub sources: Vec<Attacker>,
    /// Strangers beyond those that are counted.
    pub sources_left_out: u64,
    /// Hosts of which nothing could be read.
    pub unreadable: Vec<Unreadable>,
}

/// A cause and its hosts.
#[derive(Debug, Serialize)]
pub struct Cause {
    /// Cause id; none: inconclusive.
    pub cause: Option<String>,
    /// In one line.
    pub title: String,
    /// failure or remark.
    pub severity: &'static str,
    /// How many hosts.
    pub host_count: u64,
    /// Tries of all.
    pub tries: u64,
    /// First attempt of all.
    pub first: Option<String>,
    /// Where that was.
    pub first_host: String,
    /// Last attempt of all.
    pub last: Option<String>,
    /// The hosts.
    pub hosts: Vec<String>,
}

/// A change that several hosts share.
#[derive(Debug, Serialize)]
pub struct Shared {
    /// Cause that followed.
    pub cause: String,
    /// Provider and event id.
    pub event: Option<String>,
    /// What changed.
    pub says: String,
    /// On how many hosts it lies before the cause.
    pub host_count: u64,
    /// How many hosts the cause has.
    pub of: u64,
    /// When it came to the first of them.
    pub first: String,
    /// The hosts.
    pub hosts: Vec<String>,
}

/// Hosts that a cause hit for the first time on a day.
#[derive(Debug, Serialize)]
pub struct Day {
    /// YYYY-MM-DD, UTC.
    pub day: String,
    /// Cause id.
    pub cause: String,
    /// How many.
    pub host_count: u64,
}

/// A server at which many clients fail.
#[derive(Debug, Serialize)]
pub struct Blamed {
    /// Name, else address.
    pub server: String,
    /// How many clients.
    pub clients: u64,
    /// Hosts whose evidence says so.
    pub hosts: u64,
    /// Their tries.
    pub tries: u64,
    /// Why.
    pub causes: Vec<String>,
}

/// A stranger.
#[derive(Debug, Serialize)]
pub struct Attacker {
    /// Address, else name.
    pub source: String,
    /// Hosts at which he tried.
    pub hosts: u64,
    /// His tries.
    pub tries: u64,
    /// Day of the first.
    pub first: Option<String>,
    /// Day of the last.
    pub last: Option<String>,
}

/// A host of which nothing could be read.
#[derive(Debug, Clone, Serialize)]
pub struct Unreadable {
    /// Folder, archive or computer.
    pub unit: String,
    /// Why.
    pub why: String,
}
