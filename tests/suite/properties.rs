//! What more or less evidence, and wrong clocks, may change, and what not: over all cases.

use rayon::prelude::*;
use rdpwhy_analyzer::knowledge::Confidence;
use serde_json::Value;

use crate::case::{self, Case, Evidence};
use crate::program::{Told, analyze, list, number, text, told};
use crate::verdicts::{Essence, connections, essence, named, refines};

/// Fails with all complaints at once.
fn none(complaints: &[String]) {
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

/// What is wrong with an answer from less evidence, seen from the answer from all of it.
fn overstated(all: &Value, less: &Value) -> Vec<String> {
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
    let complaints: Vec<String> = runs
        .par_iter()
        .flat_map_iter(|(t, label)| {
            let (less, _) = analyze(&t.case.evidence.without(label));
            let found = overstated(&t.report, &less).into_iter();
            found.map(move |f| format!("{} without {label}: {f}", t.case.name))
        })
        .collect();
    none(&complaints);
}

/// A working day at another branch: hosts, addresses and accounts of its own.
fn elsewhere() -> Evidence {
    let text = case::named("probe-then-prompt").description();
    let moved = text
        .replace("SRV1", "FILER7")
        .replace("WS", "KIOSK")
        .replace("corp.example", "branch.example")
        .replace("10.2.", "172.20.")
        .replace("user = 'CORP", "user = 'BRANCH")
        .replace("[[attempt]]", "[[attempt]]\nuser = 'BRANCH\\zoe'");
    Evidence::described(&moved)
}

#[test]
fn a_healthy_branch_beside_it_changes_no_verdict() {
    let (told, elsewhere) = (told(), elsewhere());
    let (alone, status) = analyze(&elsewhere);
    assert_eq!((status, list(&alone, "/verdicts").len()), (0, 0));
    let complaints: Vec<String> = told
        .par_iter()
        .filter_map(|t| {
            let (both, _) = analyze(&t.case.evidence.beside("zz-branch", &elsewhere));
            let (one, two) = (essence(&t.report), essence(&both));
            (one != two).then(|| format!("{}:\n  {one:?}\n  {two:?}", t.case.name))
        })
        .collect();
    none(&complaints);
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

/// Hosts of a case whose logs were collected.
fn recorded_hosts(case: &Case) -> Vec<String> {
    let description: toml::Table = case.description().parse().unwrap();
    let hosts = description["host"].as_table().unwrap().keys();
    let has_logs = |key: &&String| {
        let prefix = format!("{key}/");
        let labels = &case.evidence.0;
        labels.iter().any(|(label, _)| label.starts_with(&prefix))
    };
    hosts.filter(has_logs).cloned().collect()
}

/// Offsets by source.
fn offset(report: &Value, prefix: &str) -> Option<i64> {
    let sources = list(report, "/sources");
    let clocks = list(report, "/clocks");
    let source = sources.iter().find(|s| text(s, "/path").contains(prefix))?;
    let clock = clocks
        .iter()
        .find(|c| number(c, "/source") == number(source, "/id"))?;
    clock["offset_ms"].as_i64()
}

/// Verdicts in an order that does not depend on when they begin.
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
    let complaints: Vec<String> = told()
        .par_iter()
        .filter(|t| !about_clocks.contains(&t.case.name.as_str()))
        .flat_map_iter(|t| {
            recorded_hosts(t.case)
                .into_iter()
                .filter_map(|host| shifted(t, &host))
        })
        .collect();
    none(&complaints);
}

fn shifted(t: &Told, host: &str) -> Option<String> {
    let by_ms = 3 * HOUR_MS;
    let (report, _) = analyze(&with_clock(t.case, host, by_ms));
    let (one, two) = (sorted(&t.report), sorted(&report));
    if one != two {
        return Some(format!(
            "{}, {host} 3 h ahead:\n  {:?}\n  {:?}",
            t.case.name, one.0, two.0
        ));
    }
    let prefix = format!("{host}/");
    let before = offset(&t.report, &prefix)?;
    let after = offset(&report, &prefix)?;
    (before + by_ms != after)
        .then(|| format!("{}, {host}: offset {before} → {after}", t.case.name))
}
