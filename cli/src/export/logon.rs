//! Logons as the Security log tells them, which a report only draws on.

use rdpwhy_analyzer::Timeline;
use rdpwhy_analyzer::timeline::{Entry, Filter};

/// Kinds of logons that came to an end, and whether they went well.
const KINDS: [(&str, bool); 2] = [("logon.succeeded", true), ("logon.failed", false)];
/// Logon types over the network: network, unlock, remote interactive.
const REMOTE: [&str; 3] = ["3", "7", "10"];

/// One logon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logon {
    /// RFC 3339.
    pub time: String,
    /// Computer that was logged on to.
    pub host: Option<String>,
    /// Account without its domain.
    pub user: String,
    /// Its domain.
    pub domain: Option<String>,
    /// Windows logon type.
    pub kind: Option<i64>,
    /// Where it came from.
    pub client_ip: Option<String>,
    /// Its port.
    pub client_port: Option<u16>,
    /// Its name.
    pub client_host: Option<String>,
    /// NTLM, Kerberos, Negotiate …
    pub package: Option<String>,
    /// Whether it went well.
    pub ok: bool,
    /// Status and sub-status in words.
    pub status: Option<String>,
    /// What the record says.
    pub says: String,
    /// Attempt that it belongs to.
    pub attempt: Option<String>,
    /// EventRecordID.
    pub record: u64,
}

/// All logons of a timeline that belong to a connection, or came from afar.
pub fn logons(timeline: &Timeline<'_>, filter: &Filter) -> Vec<Logon> {
    let entries = timeline.entries(filter);
    let told = entries.filter_map(|e| {
        let (_, ok) = KINDS.iter().find(|(kind, _)| *kind == e.kind)?;
        let attempt = e.attempt.and_then(|a| timeline.attempt(a));
        let from_afar = value(&e, "client_ip").is_some()
            && value(&e, "logon_type").is_some_and(|t| REMOTE.contains(&t));
        if attempt.is_none() && !from_afar {
            return None;
        }
        logon(&e, *ok, attempt.map(|a| a.id.to_owned()))
    });
    told.collect()
}

fn value<'e>(entry: &'e Entry<'_>, name: &str) -> Option<&'e str> {
    let found = entry.values.iter().find(|(n, _)| *n == name);
    found
        .map(|(_, v)| v.as_str())
        .filter(|v| !v.is_empty() && *v != "-")
}

fn logon(entry: &Entry<'_>, ok: bool, attempt: Option<String>) -> Option<Logon> {
    let text = |name: &str| value(entry, name).map(str::to_owned);
    let status = || {
        text("sub_status")
            .filter(|s| s != "0")
            .or_else(|| text("status"))
    };
    Some(Logon {
        time: rdpwhy_analyzer::assemble::time(entry.time),
        host: entry.host.map(str::to_owned),
        user: text("user")?,
        domain: text("domain"),
        kind: value(entry, "logon_type").and_then(|t| t.parse().ok()),
        client_ip: text("client_ip"),
        client_port: value(entry, "client_port").and_then(|p| p.parse().ok()),
        client_host: text("client_host"),
        package: text("package"),
        ok,
        status: status().filter(|_| !ok),
        says: entry.says.clone(),
        attempt,
        record: entry.place,
    })
}
