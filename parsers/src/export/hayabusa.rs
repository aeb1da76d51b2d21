//! Hayabusa's timelines, CSV and JSON: one row per record and rule that hit it.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::Reading;
use crate::catalog::{self, EventSpec};
use crate::raw::RawRecord;
use crate::time::Timestamp;

/// Channels as Hayabusa shortens them.
const CHANNELS: [(&str, &str); 12] = [
    ("App", "Application"),
    ("Sec", "Security"),
    ("Sys", "System"),
    (
        "RDS-LSM",
        "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
    ),
    (
        "RDS-RCM",
        "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
    ),
    (
        "RDS-GTW",
        "Microsoft-Windows-TerminalServices-Gateway/Operational",
    ),
    (
        "RDP-Client",
        "Microsoft-Windows-TerminalServices-RDPClient/Operational",
    ),
    ("Defender", "Microsoft-Windows-Windows Defender/Operational"),
    (
        "Firewall",
        "Microsoft-Windows-Windows Firewall With Advanced Security/Firewall",
    ),
    ("NTLM", "Microsoft-Windows-NTLM/Operational"),
    ("CAPI2", "Microsoft-Windows-CAPI2/Operational"),
    ("DNS-Cli", "Microsoft-Windows-DNS-Client/Operational"),
];

/// Names of values as Hayabusa shortens them in `Details`, and what they can stand for. Which one it is, the catalogue's
/// file of the event tells; where it tells two, none is used.
const VALUES: [(&str, &[&str]); 11] = [
    ("TgtUser", &["TargetUserName", "User", "Param1"]),
    ("TgtDom", &["TargetDomainName", "Param2"]),
    ("SrcIP", &["IpAddress", "Address", "Param3"]),
    ("SrcPort", &["IpPort"]),
    ("SrcComp", &["WorkstationName"]),
    ("LID", &["TargetLogonId", "LogonID"]),
    ("Type", &["LogonType"]),
    ("SessID", &["SessionID"]),
    ("Proc", &["ProcessName"]),
    ("PID", &["ProcessId"]),
    ("User", &["User"]),
];

/// One row.
#[derive(Debug, Default)]
pub(super) struct Hit {
    pub time: String,
    pub computer: String,
    pub channel: String,
    pub provider: String,
    pub id: u32,
    pub record: u64,
    /// Values by the names they have in the row.
    pub values: Vec<(String, String)>,
}

/// The object of a JSON timeline, if it is one.
pub(super) fn hit(object: &Map<String, Value>) -> Option<Hit> {
    object.get("RuleTitle")?;
    let text = |name: &str| match object.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(n)) => n.to_string(),
        _ => String::new(),
    };
    let mut hit = Hit {
        time: text("Timestamp"),
        computer: text("Computer"),
        channel: text("Channel"),
        provider: text("Provider"),
        id: text("EventID").parse().ok()?,
        record: text("RecordID").parse().unwrap_or_default(),
        values: Vec::new(),
    };
    for part in ["AllFieldInfo", "Details", "ExtraFieldInfo"] {
        match object.get(part) {
            Some(Value::Object(values)) => {
                hit.values.extend(values.iter().map(|(name, value)| {
                    let value = value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned);
                    (name.clone(), value)
                }));
            }
            Some(Value::String(text)) => hit.values.extend(values(text)),
            _ => {}
        }
    }
    Some(hit)
}

/// `TgtUser: ana ¦ SrcIP: 198.51.100.23`.
pub(super) fn values(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split('¦').filter_map(|pair| {
        let (name, value) = pair.split_once(':')?;
        Some((name.trim().to_owned(), value.trim().to_owned()))
    })
}

/// Rows taken so far.
#[derive(Default)]
pub(super) struct Hits {
    /// A record that two rules hit stands in two rows.
    seen: HashSet<(String, String, u64)>,
    first_line: u64,
}

impl Hits {
    /// Takes over a row, once per record.
    pub fn take(&mut self, hit: &Hit, line: u64, reading: &mut Reading<'_>) {
        if self.first_line == 0 {
            self.first_line = line;
        }
        let Some(time) = Timestamp::parse(&hit.time) else {
            let what = "a time without date, clock or zone that can be read";
            return reading.tally.problem(line, what, 1);
        };
        let channel = CHANNELS
            .iter()
            .find(|(short, _)| *short == hit.channel)
            .map_or(hit.channel.as_str(), |(_, full)| full);
        let key = (hit.computer.clone(), channel.to_owned(), hit.record);
        if hit.record != 0 && !self.seen.insert(key) {
            return;
        }
        let spec = if hit.provider.is_empty() {
            only_one(channel, hit.id)
        } else {
            catalog::lookup(&hit.provider, hit.id)
        };
        let provider = spec.map_or(hit.provider.as_str(), |s| s.provider);
        let mut raw = RawRecord {
            provider: provider.into(),
            id: hit.id,
            channel: channel.into(),
            computer: hit.computer.as_str().into(),
            record: hit.record,
            time,
            ..RawRecord::default()
        };
        for (name, value) in &hit.values {
            let name = spec.map_or(name.as_str(), |s| full_name(name, s));
            // Hayabusa says what a number means: `3 - NETWORK`.
            let value = match value.split_once(" - ") {
                Some((n, _)) if n.bytes().all(|b| b.is_ascii_digit()) => n,
                _ => value,
            };
            raw.data.push((name.to_owned().into(), value.into()));
        }
        reading.raw(&raw);
    }

    /// Says what a timeline of hits cannot tell.
    pub fn report(&self, reading: &mut Reading<'_>) {
        if self.first_line > 0 {
            let what = "rows of Hayabusa are the records that a rule hit, most with part of their values: what is not \
                        here may have happened";
            reading.tally.problem(self.first_line, what, 0);
        }
    }
}

/// The event of a channel with this id, if the catalogue has one only.
fn only_one(channel: &str, id: u32) -> Option<&'static EventSpec> {
    let mut found = catalog::all()
        .iter()
        .filter(|s| s.id == id && s.channel.eq_ignore_ascii_case(channel));
    found.next().filter(|_| found.next().is_none())
}

fn full_name<'a>(name: &'a str, spec: &EventSpec) -> &'a str {
    let has = |wanted: &str| {
        spec.fields
            .iter()
            .any(|f| f.from.split('|').any(|n| n == wanted))
    };
    if has(name) {
        return name;
    }
    let Some((_, full)) = VALUES.iter().find(|(short, _)| *short == name) else {
        return name;
    };
    let mut fitting = full.iter().filter(|n| has(n));
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => one,
        _ => name,
    }
}
