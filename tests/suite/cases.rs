//! Each case leads to what its `expected.toml` says.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::case::Expected;
use crate::program::{Told, list, number, text, told};

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

fn told_of(name: &str) -> &'static Told {
    told().iter().find(|t| t.case.name == name).unwrap()
}

/// Without the deciding log the answer is that log's name, and what it would decide.
#[test]
fn a_log_that_is_missing_is_asked_for() {
    for name in ["missing-system-log", "records-missing"] {
        let report = &told_of(name).report;
        let deciding = list(report, "/verdicts/0/missing").iter().find(|m| {
            let what = text(m, "/what");
            what.contains("System") && what.contains("SRV1")
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
