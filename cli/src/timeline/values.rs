//! Which values of an event a person wants to read, and in what order.

use std::collections::BTreeMap;

use rdpwhy_analyzer::timeline::Entry;

use super::fold::Events;
use crate::render::when::duration;

/// Values shown of one event.
const FEW: usize = 4;
/// Different values of one name shown of events that are told together.
const FEW_OF_ONE: usize = 3;
/// Characters of one of several values.
const LONGEST: usize = 48;
/// What is wanted first.
const FIRST: [&str; 14] = [
    "error",
    "status",
    "sub_status",
    "reason",
    "code",
    "alert",
    "user",
    "client_ip",
    "client_host",
    "server_name",
    "logon_type",
    "session_id",
    "service",
    "name",
];
/// What programs want, not people.
const NEVER: [&str; 12] = [
    "at",
    "process_id",
    "logon_id",
    "linked_logon_id",
    "logon_process",
    "package",
    "state",
    "user_sid",
    "connection_name",
    "instance",
    "activity",
    "major",
];
/// Values that say how something went.
const RESULTS: [&str; 4] = ["error", "status", "sub_status", "code"];
/// A connection's heading names these already.
const IN_THE_HEADING: [&str; 5] = [
    "client_ip",
    "client_port",
    "server_ip",
    "server_port",
    "transport",
];
/// Services without which no remote session comes about: named first among many.
const SERVICES: [&str; 10] = [
    "TermService",
    "UmRdpService",
    "SessionEnv",
    "KeyIso",
    "CryptSvc",
    "Netlogon",
    "W32Time",
    "mpssvc",
    "BFE",
    "Dhcp",
];

/// Milliseconds by which a clock was set forward, where an event tells the old and the new time.
pub fn clock_step(entry: &Entry<'_>) -> Option<f64> {
    let moment = |name: &str| {
        let value = entry.values.iter().find(|(n, _)| *n == name);
        value.and_then(|(_, v)| v.parse::<jiff::Timestamp>().ok())
    };
    let step = moment("new")?.duration_since(moment("old")?);
    Some(step.as_secs_f64() * 1000.0)
}

fn by(step_ms: f64) -> String {
    let direction = if step_ms < 0.0 { "back" } else { "forward" };
    format!("by {} {direction}", duration(step_ms))
}

/// Zero says that nothing went wrong, which needs no saying.
fn is_success(name: &str, value: Option<&str>) -> bool {
    RESULTS.contains(&name) && value == Some("0")
}

/// `: error 64 (ERROR_NETNAME_DELETED), user CORP\\ana`, or nothing.
pub fn of_one(entry: &Entry<'_>, heading: &[String]) -> String {
    let value = |name: &str| {
        entry
            .values
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, v)| v.as_str())
    };
    let told =
        |name: &str| value(name).is_some_and(|v| heading.iter().any(|h| h.eq_ignore_ascii_case(v)));
    let mut wanted: Vec<(usize, String)> = Vec::new();
    for (name, says) in &entry.details {
        let says = match *name {
            n if NEVER.contains(&n) || told(n) || is_success(n, value(n)) => continue,
            n if !heading.is_empty() && IN_THE_HEADING.contains(&n) => continue,
            // One name is enough.
            "service_name" if value("service").is_some() => continue,
            "old" if clock_step(entry).is_some() => continue,
            "new" => clock_step(entry).map_or_else(|| says.clone(), by),
            "domain" if value("user").is_some() => continue,
            "user" => match (value("domain"), value("user")) {
                (Some(domain), Some(user)) if !user.contains(['\\', '@']) => {
                    format!("user {domain}\\{user}")
                }
                _ => says.clone(),
            },
            _ => says.clone(),
        };
        let rank = FIRST.iter().position(|f| f == name).unwrap_or(FIRST.len());
        wanted.push((rank, says));
    }
    wanted.sort_by_key(|(rank, _)| *rank);
    list(wanted.into_iter().take(FEW).map(|(_, says)| says))
}

/// What events have in common, and the first name in which they differ with its values.
pub fn of_all(events: &Events<'_>) -> String {
    let has = |name: &str| events.values.contains_key(name);
    let zero = |name: &str| {
        let values = events.values.get(name);
        values.is_some_and(|v| v.len() == 1 && v.keys().all(|says| says.ends_with(" 0")))
    };
    let shown = |name: &&str| match *name {
        "service_name" => !has("service"),
        "domain" => !has("user"),
        // Every connection has another one.
        "client_port" => false,
        name => !NEVER.contains(&name) && !(RESULTS.contains(&name) && zero(name)),
    };
    let rank = |name: &str| FIRST.iter().position(|f| *f == name).unwrap_or(FIRST.len());
    let mut names: Vec<&str> = events.values.keys().copied().filter(|n| shown(n)).collect();
    names.sort_by_key(|n| rank(n));
    let mut says = Vec::new();
    let mut differ = false;
    for name in names {
        let Some(values) = events.values.get(name) else {
            continue;
        };
        match values.first_key_value() {
            Some((only, n)) if values.len() == 1 && *n == events.times => says.push(only.clone()),
            Some(_) if !differ => {
                differ = true;
                says.push(several(name, values));
            }
            _ => {}
        }
    }
    list(says.into_iter().take(FEW))
}

/// `service TermService, KeyIso, Spooler and 31 more`.
fn several(name: &str, values: &BTreeMap<String, u64>) -> String {
    let label = format!("{} ", name.replace('_', " "));
    let bare = |says: &str| says.strip_prefix(&label).unwrap_or(says).to_owned();
    let mut values: Vec<(String, u64)> = values.iter().map(|(v, n)| (bare(v), *n)).collect();
    values.sort_by_key(|(v, n)| {
        let service = SERVICES
            .iter()
            .position(|s| s.eq_ignore_ascii_case(v))
            .unwrap_or(SERVICES.len());
        (service, std::cmp::Reverse(*n))
    });
    let shown: Vec<String> = values
        .iter()
        .take(FEW_OF_ONE)
        .map(|(v, n)| (short(v), n))
        .map(|(v, n)| if *n > 1 { format!("{v} ×{n}") } else { v })
        .collect();
    let more = values.len().saturating_sub(FEW_OF_ONE);
    if more == 0 {
        format!("{label}{}", shown.join(", "))
    } else {
        format!("{label}{} and {more} more", shown.join(", "))
    }
}

fn short(value: &str) -> String {
    if value.chars().count() <= LONGEST {
        return value.to_owned();
    }
    value.chars().take(LONGEST).chain(['…']).collect()
}

fn list(says: impl Iterator<Item = String>) -> String {
    let says: Vec<String> = says.collect();
    if says.is_empty() {
        String::new()
    } else {
        format!(": {}", says.join(", "))
    }
}
