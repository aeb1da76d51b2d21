//! Each case leads to what its `expected.toml` says.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::case::Expected;
use crate::program::{Told, knowledge, list, number, text, told};
use crate::verdicts::named;

/// Where a report differs from what a case expects.
fn differences(expected: &Expected, report: &Value, status: u8) -> Vec<String> {
    let mut found = Vec::new();
    let mut same = |what: &str, expected: &dyn std::fmt::Display, got: &dyn std::fmt::Display| {
        let (expected, got) = (expected.to_string(), got.to_string());
        if expected != got {
            found.push(format!("{what}: expected \"{expected}\", got \"{got}\""));
        }
    };
    same("first", &expected.first, &text(report, "/verdicts/0/cause"));
    same(
        "confidence",
        &expected.confidence,
        &text(report, "/verdicts/0/confidence"),
    );
    same("exit", &expected.exit, &status);
    let mut outcomes = BTreeMap::<&str, u64>::new();
    for attempt in list(report, "/attempts") {
        *outcomes.entry(text(attempt, "/outcome")).or_default() += number(attempt, "/count");
    }
    for outcome in ["ok", "failed", "dropped", "cancelled", "unknown"] {
        let wanted = expected.outcomes.get(outcome).copied().unwrap_or(0);
        same(
            outcome,
            &wanted,
            &outcomes.get(outcome).copied().unwrap_or(0),
        );
    }
    found
}

#[test]
fn each_case_leads_to_what_it_expects() {
    let wrong: Vec<String> = told()
        .iter()
        .filter_map(|t| {
            let found = differences(&t.case.expected, &t.report, t.status);
            (!found.is_empty()).then(|| format!("{}\n  {}", t.case.name, found.join("\n  ")))
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        told().len(),
        wrong.join("\n")
    );
}

/// Each cause has a case that has it and one that nearly has it; and a near miss is never named where it is one.
#[test]
fn each_cause_has_a_case_and_a_near_miss() {
    let mut missing = Vec::new();
    for cause in &knowledge().causes {
        let id = cause.id.as_str();
        // The stranger's tries are a remark beside what they did to others.
        let has = told().iter().any(|t| named(&t.report).contains_key(id));
        let near = told()
            .iter()
            .any(|t| t.case.expected.near.iter().any(|n| n == id));
        missing.extend((!has).then(|| format!("{id} has no case")));
        missing.extend((!near).then(|| format!("{id} has no near miss")));
    }
    for t in told() {
        for near in &t.case.expected.near {
            if knowledge().cause(near).is_none() {
                missing.push(format!("{}: {near} is no cause", t.case.name));
            } else if *near != t.case.expected.first && named(&t.report).contains_key(near.as_str())
            {
                missing.push(format!("{}: {near} is named", t.case.name));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

fn told_of(name: &str) -> &'static Told {
    told().iter().find(|t| t.case.name == name).unwrap()
}

/// Without the deciding log the answer is that log's name, and what it would decide.
#[test]
fn a_log_that_is_missing_is_asked_for() {
    for name in [
        "missing-system-log",
        "records-missing",
        "rolled-over-system",
        "client-only-private-key",
        "wire-only-private-key",
    ] {
        let report = &told_of(name).report;
        let deciding = list(report, "/verdicts/0/missing").iter().find(|m| {
            let what = text(m, "/what");
            what.contains("System") && (what.contains("SRV1") || what.contains("10.2.1.11"))
        });
        let deciding = deciding.unwrap_or_else(|| panic!("{name}: {:#}", report["verdicts"]));
        let would_decide = list(deciding, "/would_decide");
        assert!(
            would_decide
                .iter()
                .any(|c| c == "private-key-access-denied"),
            "{name}: {would_decide:?}"
        );
    }
}

/// No verdict of severity `failure` covers a connection that went well.
#[test]
fn no_healthy_connection_is_blamed() {
    for t in told() {
        for attempt in list(&t.report, "/attempts") {
            let outcome = text(attempt, "/outcome");
            if !matches!(outcome, "ok" | "cancelled") {
                continue;
            }
            let id = text(attempt, "/id");
            let blamed = list(&t.report, "/verdicts").iter().find(|v| {
                text(v, "/severity") == "failure" && list(v, "/attempts").iter().any(|a| a == id)
            });
            if let Some(verdict) = blamed {
                let cause = text(verdict, "/cause");
                panic!(
                    "{}: {cause} is said of {id}, which is {outcome}",
                    t.case.name
                );
            }
        }
    }
}
