//! What more or less evidence, and wrong clocks, may change, and what not: over all cases.

use rdpwhy_analyzer::knowledge::Confidence;
use serde_json::Value;

use crate::case::{self, Case, Evidence};
use crate::program::{Told, analyze, in_parallel, list, number, text, told};
use crate::verdicts::{Essence, connections, essence, named, refines};

/// Fails with all complaints at once.
pub fn none(complaints: &[Option<String>]) {
    let complaints: Vec<&str> = complaints.iter().flatten().map(String::as_str).collect();
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

/// What is wrong with an answer from less evidence, seen from the answer from all of it.
pub fn overstated(all: &Value, less: &Value) -> Vec<String> {
    let (all, less) = (named(all), named(less));
    less.into_iter()
        .filter_map(|(cause, now)| match all.get(cause) {
            Some(before) if now > *before => Some(format!(
                "{cause} rises from {} to {}",
                before.name(),
                now.name()
            )),
            None if now > Confidence::Possible && !all.keys().any(|a| refines(a, cause)) => {
                let before: Vec<_> = all.keys().collect();
                Some(format!("{cause} is {} instead of {before:?}", now.name()))
            }
            _ => None,
        })
        .collect()
}

/// The less there is, the less is claimed.
#[test]
fn taking_a_source_away_never_makes_a_claim_stronger() {
    let told = told();
    let runs: Vec<(&Told, &str)> = told
        .iter()
        .flat_map(|t| {
            let labels = t.case.evidence.0.iter();
            labels.map(move |(label, _)| (t, label.as_str()))
        })
        .collect();
    none(&in_parallel(&runs, |(t, label)| {
        let (less, _) = analyze(&t.case.evidence.without(label));
        let found = overstated(&t.report, &less);
        (!found.is_empty()).then(|| format!("{} without {label}: {found:?}", t.case.name))
    }));
}

/// A working day at another branch: hosts, addresses and accounts of its own.
fn elsewhere() -> Evidence {
    let text = case::named("probe-then-prompt").description();
    let moved = text
        .replace("SRV1", "FILER7")
        .replace("WS", "KIOSK")
        .replace("corp.example", "branch.example")
        .replace("10.2.", "172.20.")
        .replace("CORP", "BRANCH");
    let mut description: toml::Table = moved.parse().unwrap();
    for attempt in description["attempt"].as_array_mut().unwrap() {
        let attempt = attempt.as_table_mut().unwrap();
        attempt.insert("user".into(), r"BRANCH\zoe".into());
        // Client and port seed what is random on the wire: other ports, other connections.
        let port = attempt["port"].as_integer().unwrap() + 7000;
        attempt.insert("port".into(), port.into());
    }
    Evidence::described(&toml::to_string(&description).unwrap())
}

#[test]
fn a_healthy_branch_beside_it_changes_no_verdict() {
    let (told, elsewhere) = (told(), elsewhere());
    let (alone, status) = analyze(&elsewhere);
    assert_eq!((status, list(&alone, "/verdicts").len()), (0, 0));
    none(&in_parallel(told, |t| {
        let (both, _) = analyze(&t.case.evidence.beside("zz-branch", &elsewhere));
        let (one, two) = (essence(&t.report), essence(&both));
        (one != two).then(|| format!("{}:\n  {one:?}\n  {two:?}", t.case.name))
    }));
}

const HOUR_MS: i64 = 3_600_000;

/// The case with one host's clock set otherwise, by hours.
fn with_clock(case: &Case, host: &str, by_ms: i64) -> Evidence {
    let mut description: toml::Table = case.description().parse().unwrap();
    let host = description["host"][host].as_table_mut().unwrap();
    let before = host.get("clock_ms").and_then(toml::Value::as_integer);
    let after = before.unwrap_or(0) + by_ms;
    host.insert("clock_ms".into(), after.into());
    Evidence::described(&toml::to_string(&description).unwrap())
}

/// The clock of a host's logs in a report.
fn clock<'a>(report: &'a Value, host: &str) -> Option<&'a Value> {
    let folder = format!("{host}/");
    let sources = list(report, "/sources").iter();
    let mut ours = sources.filter(|s| text(s, "/path").contains(&folder));
    let id = number(ours.next()?, "/id");
    let mut clocks = list(report, "/clocks").iter();
    clocks.find(|c| number(c, "/source") == id)
}

/// Hosts of a case whose clock can be known: the reference itself, and those that share several moments with others. One
/// try of a client, hours away from any connection, is the try of somebody else as likely as that of a wrong clock.
fn hosts_with_known_clocks(t: &Told) -> Vec<String> {
    let description: toml::Table = t.case.description().parse().unwrap();
    let hosts = description["host"].as_table().unwrap().keys();
    let known = |host: &&String| {
        clock(&t.report, host).is_some_and(|c| {
            let basis = text(c, "/basis");
            basis == "reference" || basis.contains("connections seen")
        })
    };
    hosts.filter(known).cloned().collect()
}

/// Verdicts in an order that does not depend on when they begin, and the attempts.
fn sorted(report: &Value) -> (Vec<Essence>, Vec<String>) {
    let mut verdicts = essence(report);
    verdicts.sort();
    let mut attempts: Vec<String> = connections(report).into_values().collect();
    attempts.sort();
    (verdicts, attempts)
}

/// Where a capture or another log ties a host's records to true time, its clock is found and taken out.
#[test]
fn a_clock_that_is_hours_off_changes_nothing_but_the_offset() {
    // A clock five minutes off is a cause of its own, and that case is about it.
    let about_clocks = ["clock-skew"];
    let runs: Vec<(&Told, String)> = told()
        .iter()
        .filter(|t| !about_clocks.contains(&t.case.name.as_str()))
        .flat_map(|t| {
            let hosts = hosts_with_known_clocks(t).into_iter();
            hosts.map(move |host| (t, host))
        })
        .collect();
    assert!(runs.len() > 60, "{} clocks", runs.len());
    none(&in_parallel(&runs, |(t, host)| shifted(t, host)));
}

/// Which moments two clocks share depends on how far they are apart, and so does the last of the milliseconds.
const SAME_OFFSET_MS: i64 = 100;

fn shifted(t: &Told, host: &str) -> Option<String> {
    let by_ms = 3 * HOUR_MS;
    let (report, _) = analyze(&with_clock(t.case, host, by_ms));
    let name = &t.case.name;
    let (one, two) = (sorted(&t.report), sorted(&report));
    if one != two {
        let (one, two) = (one.0, two.0);
        return Some(format!("{name}, {host} 3 h ahead:\n  {one:?}\n  {two:?}"));
    }
    let (before, after) = (clock(&t.report, host)?, clock(&report, host)?);
    // The reference is right by definition: everybody else is off.
    let by_ms = if text(after, "/basis") == "reference" {
        0
    } else {
        by_ms
    };
    let offset = |c: &Value| c["offset_ms"].as_i64().unwrap_or(0);
    let (before, after) = (offset(before), offset(after));
    let good = (before + by_ms - after).abs() <= SAME_OFFSET_MS;
    (!good).then(|| format!("{name}, {host}: offset {before} → {after}"))
}
