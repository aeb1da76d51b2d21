//! The JSON report keeps what it promises to its callers, over all cases: its shape is in `rules`, what holds between
//! its parts is here.

use std::collections::{BTreeMap, HashSet};

use serde_json::Value;

use crate::program::{knowledge, list, number, text, told};
use crate::rules::{REPORT, misfits};

/// What in a report breaks the contract.
pub fn violations(report: &Value, status: u8) -> Vec<String> {
    let mut found = Vec::new();
    misfits("", report, REPORT, &mut found);
    unique_ids(report, &mut found);
    attempts(report, &mut found);
    for verdict in list(report, "/verdicts") {
        verdict_rests_on_evidence(report, verdict, &mut found);
        verdict_names_what_exists(report, verdict, &mut found);
    }
    clocks(report, &mut found);
    summary(report, &mut found);
    let wanted = exit_status(report);
    if status != wanted {
        found.push(format!("exit status {status} instead of {wanted}"));
    }
    found
}

fn ids<'a>(report: &'a Value, of: &str) -> HashSet<&'a str> {
    list(report, of).iter().map(|x| text(x, "/id")).collect()
}

fn unique_ids(report: &Value, found: &mut Vec<String>) {
    for of in ["/attempts", "/verdicts"] {
        if ids(report, of).len() != list(report, of).len() {
            found.push(format!("two of {of} share an id"));
        }
    }
    for (i, source) in list(report, "/sources").iter().enumerate() {
        // Evidence points to sources by number; that it is also the position spares readers a search.
        if number(source, "/id") != i as u64 {
            found.push(format!("source {i} has the id {}", source["id"]));
        }
    }
}

fn attempts(report: &Value, found: &mut Vec<String>) {
    let verdicts = ids(report, "/verdicts");
    let by_id: BTreeMap<&str, &Value> = list(report, "/attempts")
        .iter()
        .map(|a| (text(a, "/id"), a))
        .collect();
    for (id, a) in &by_id {
        let verdict = text(a, "/verdict");
        if !verdict.is_empty() && !verdicts.contains(verdict) {
            found.push(format!("{id} points to no verdict: {verdict}"));
        }
        if number(a, "/count") == 0 {
            found.push(format!("{id} stands for no try"));
        }
        let (started, ended) = (text(a, "/started"), text(a, "/ended"));
        if !ended.is_empty() && ended < started {
            found.push(format!("{id} ends before it starts"));
        }
        let part_of = text(a, "/part_of");
        if part_of.is_empty() {
            continue;
        }
        let Some(decided) = by_id.get(part_of) else {
            found.push(format!("{id} is part of nothing: {part_of}"));
            continue;
        };
        if !text(decided, "/part_of").is_empty() {
            found.push(format!("{part_of} decides {id} and is a part itself"));
        }
        match (text(decided, "/outcome"), text(a, "/outcome")) {
            ("ok", "failed") => found.push(format!("{id} failed, yet its try succeeded")),
            ("failed", "failed") if text(decided, "/verdict") != verdict => {
                found.push(format!("{id} and {part_of} failed as one, by two verdicts"));
            }
            _ => {}
        }
    }
}

fn verdict_rests_on_evidence(report: &Value, verdict: &Value, found: &mut Vec<String>) {
    let id = text(verdict, "/id");
    let evidence = list(verdict, "/evidence");
    if evidence.is_empty() {
        found.push(format!("{id} rests on nothing"));
    }
    for e in evidence {
        let place = text(e, "/at");
        let (word, digits) = place.split_once(' ').unwrap_or_default();
        if !matches!(word, "record" | "packet" | "line") || digits.parse::<u64>().is_err() {
            found.push(format!("{id}: evidence at \"{place}\""));
        }
        let source = usize::try_from(number(e, "/source")).unwrap();
        match list(report, "/sources").get(source) {
            None => found.push(format!("{id}: evidence of no source, {source}")),
            Some(s) if (text(s, "/side") == "wire") != (word != "record") => {
                found.push(format!("{id}: {place} of {}", text(s, "/path")));
            }
            Some(_) => {}
        }
    }
}

fn verdict_names_what_exists(report: &Value, verdict: &Value, found: &mut Vec<String>) {
    let id = text(verdict, "/id");
    let (cause, confidence) = (text(verdict, "/cause"), text(verdict, "/confidence"));
    if cause.is_empty() != confidence.is_empty() {
        found.push(format!("{id}: cause \"{cause}\", \"{confidence}\""));
    }
    let (alternatives, missing) = (list(verdict, "/alternatives"), list(verdict, "/missing"));
    if cause.is_empty() && alternatives.is_empty() && missing.is_empty() {
        found.push(format!("{id} is inconclusive and says nothing more"));
    }
    let decided = missing.iter().flat_map(|m| list(m, "/would_decide"));
    let named = alternatives.iter().map(|a| text(a, "/cause"));
    let named = named
        .chain(decided.filter_map(Value::as_str))
        .chain([cause]);
    for name in named.filter(|n| !n.is_empty()) {
        if knowledge().cause(name).is_none() {
            found.push(format!("{id} names no known cause: {name}"));
        }
    }
    if alternatives.iter().any(|a| text(a, "/cause") == cause) {
        found.push(format!("{id}: {cause} is its own alternative"));
    }
    let all = ids(report, "/attempts");
    for attempt in list(verdict, "/attempts").iter().filter_map(Value::as_str) {
        if !all.contains(attempt) {
            found.push(format!("{id} covers no such attempt: {attempt}"));
        }
    }
    if text(verdict, "/last") < text(verdict, "/first") {
        found.push(format!("{id} ends before it starts"));
    }
}

/// Every dated source has a clock, and one of them is the reference.
fn clocks(report: &Value, found: &mut Vec<String>) {
    let clocks = list(report, "/clocks");
    for source in list(report, "/sources") {
        let id = number(source, "/id");
        let dated = !text(source, "/first").is_empty();
        let own = clocks.iter().filter(|c| number(c, "/source") == id).count();
        if dated && own != 1 {
            found.push(format!("source {id} has {own} clocks"));
        }
    }
    if !clocks.is_empty() && !clocks.iter().any(|c| c["offset_ms"] == 0) {
        found.push("no clock is the reference".to_owned());
    }
}

fn summary(report: &Value, found: &mut Vec<String>) {
    let attempts = list(report, "/attempts");
    let mut same = |what: &str, wanted: usize| {
        let got = number(report, &format!("/summary/{what}"));
        if got != wanted as u64 {
            found.push(format!("summary: {what} {got}, counted {wanted}"));
        }
    };
    same("attempts", attempts.len());
    for outcome in ["ok", "failed", "dropped", "cancelled"] {
        let so = attempts.iter().filter(|a| text(a, "/outcome") == outcome);
        same(outcome, so.count());
    }
    let tries: u64 = attempts.iter().map(|a| number(a, "/count")).sum();
    same("tries", usize::try_from(tries).unwrap());
}

/// 1 with a cause named for a failure; 4 with a failure that no remark covers; 0 otherwise.
fn exit_status(report: &Value) -> u8 {
    let verdicts = list(report, "/verdicts");
    let of_severity = |severity: &'static str| {
        verdicts
            .iter()
            .filter(move |v| text(v, "/severity") == severity)
    };
    if of_severity("failure").any(|v| !text(v, "/cause").is_empty()) {
        return 1;
    }
    let excused: HashSet<&str> = of_severity("remark")
        .flat_map(|v| list(v, "/attempts"))
        .filter_map(Value::as_str)
        .collect();
    let remarks = of_severity("remark").map(|v| text(v, "/id"));
    let remarks: HashSet<&str> = remarks.collect();
    let hurt = list(report, "/attempts").iter().any(|a| {
        matches!(text(a, "/outcome"), "failed" | "dropped")
            && !excused.contains(text(a, "/id"))
            && !remarks.contains(text(a, "/verdict"))
    });
    if hurt { 4 } else { 0 }
}

#[test]
fn every_report_keeps_the_contract() {
    let mut broken = Vec::new();
    for t in told() {
        let found = violations(&t.report, t.status);
        broken.extend(found.iter().map(|f| format!("{}: {f}", t.case.name)));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// What a person cannot do without: where to look for what is missing, and on whose machine.
#[test]
fn missing_evidence_is_named_by_channel_and_host() {
    for t in told() {
        let channels: HashSet<&str> = list(&t.report, "/coverage")
            .iter()
            .map(|c| text(c, "/channel"))
            .collect();
        for missing in list(&t.report, "/verdicts")
            .iter()
            .flat_map(|v| list(v, "/missing"))
        {
            let what = text(missing, "/what");
            let named = what.contains("capture")
                || what.contains("Microsoft-")
                || ["System", "Security", "Application"]
                    .iter()
                    .any(|c| what.contains(c))
                || channels.iter().any(|c| what.contains(c));
            assert!(named, "{}: {what}", t.case.name);
        }
    }
}
