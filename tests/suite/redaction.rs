//! `--redact`: what tells who and where does not survive in any output.

use std::collections::BTreeSet;
use std::ffi::OsString;

use crate::case;
use crate::contract::violations;
use crate::outputs;
use crate::program::{diagnose, in_parallel, list, rdpwhy, text, told};
use crate::properties::none;

/// Users, hosts and addresses that a report tells in fields of their own.
fn names(report: &serde_json::Value) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut add = |name: &str| {
        for part in name.split(['\\', '@']).chain([name]) {
            let kept = matches!(part, "" | "127.0.0.1" | "::1");
            if !kept {
                names.insert(part.to_owned());
            }
        }
    };
    for source in list(report, "/sources") {
        add(text(source, "/host"));
    }
    for attempt in list(report, "/attempts") {
        for field in [
            "/client/ip",
            "/client/host",
            "/server/ip",
            "/server/host",
            "/user",
        ] {
            add(text(attempt, field));
        }
    }
    names
}

/// Words of a text as a person would find them: a name inside a longer word is another word.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':')))
        .flat_map(|w| {
            [
                w,
                w.trim_end_matches(['.', ':']),
                w.rsplit_once(':').map_or(w, |p| p.0),
            ]
        })
        .collect()
}

/// Every command that writes about evidence, in every format.
#[test]
fn nobody_is_named_in_any_output() {
    let cases = [
        "showcase",
        "wrong-credentials",
        "gateway-denied",
        "account-restricted",
        "forwarded",
    ];
    none(&in_parallel(&cases, |name| {
        let told = told().iter().find(|t| t.case.name == *name).unwrap();
        let mut names = names(&told.report);
        assert!(names.len() > 3, "{name}: {names:?}");
        let folder = case::named(name).evidence.laid_out();
        // The folder's own name is the case's, or a customer's.
        let own = folder.path().file_name().unwrap().to_str().unwrap();
        names.insert(own.to_owned());
        let mut found = Vec::new();
        for (typed, run) in outputs::all(folder.path(), &["--redact"]) {
            let words = words(&run.out);
            found.extend(
                names
                    .iter()
                    .filter(|n| words.contains(n.as_str()))
                    .map(|n| format!("{name}: {n} in {typed}")),
            );
            if typed == "diagnose --all --format json" {
                assert_eq!(run.status, told.status, "{name}: {}", run.err);
                let broken = violations(&run.report(), run.status);
                assert!(broken.is_empty(), "{name}: {broken:?}");
            }
        }
        (!found.is_empty()).then(|| found.join("\n"))
    }));
}

/// The same one is the same one in all outputs, and every event that was told is told still.
#[test]
fn outputs_agree_on_who_is_who() {
    let folder = case::named("showcase").evidence.laid_out();
    let path = folder.path();
    let report = diagnose(&[path], &["--format", "json", "--redact"]).report();
    let lines = |more: &[&str]| -> Vec<serde_json::Value> {
        let args = [&["timeline", "--format", "jsonl"], more].concat();
        let mut args: Vec<OsString> = args.iter().map(Into::into).collect();
        args.push(path.as_os_str().to_owned());
        let run = rdpwhy(&args);
        let parsed = run.out.lines().map(|l| serde_json::from_str(l).unwrap());
        parsed.collect()
    };
    let (open, veiled) = (lines(&[]), lines(&["--redact"]));
    assert_eq!(open.len(), veiled.len());
    let kinds = |lines: &[serde_json::Value]| -> Vec<String> {
        lines.iter().map(|l| text(l, "/kind").to_owned()).collect()
    };
    assert_eq!(kinds(&open), kinds(&veiled));
    // Attempts of the timeline are those of the report, by id, and so are hosts and sources.
    let of_report = |pointer: &str, field: &str| -> BTreeSet<String> {
        list(&report, pointer)
            .iter()
            .map(|v| text(v, field).to_owned())
            .collect()
    };
    let ids = of_report("/attempts", "/id");
    let (hosts, paths) = (
        of_report("/sources", "/host"),
        of_report("/sources", "/path"),
    );
    let mut seen = 0;
    for line in &veiled {
        let id = text(line, "/attempt");
        assert!(id.is_empty() || ids.contains(id), "{id} of {ids:?}");
        seen += usize::from(!id.is_empty());
        assert!(hosts.contains(text(line, "/host")), "{line}");
        assert!(paths.contains(text(line, "/source")), "{line}");
    }
    assert!(seen > 20, "{seen}");
    // Who asks for an attempt may have read its id in either report.
    let first = text(&report, "/attempts/0/id").to_owned();
    let one = lines(&["--redact", "--attempt", &first]);
    assert!(!one.is_empty() && one.len() < veiled.len());
}

/// What is found out is the same, and the same one is replaced by the same.
#[test]
fn a_redacted_report_says_the_same() {
    let folder = case::named("showcase").evidence.laid_out();
    let open = diagnose(&[folder.path()], &["--format", "json"]).report();
    let redacted = diagnose(&[folder.path()], &["--format", "json", "--redact"]).report();
    let causes = |report: &serde_json::Value| -> Vec<String> {
        let verdicts = list(report, "/verdicts").iter();
        verdicts
            .map(|v| format!("{} {}", text(v, "/cause"), text(v, "/confidence")))
            .collect()
    };
    assert_eq!(causes(&open), causes(&redacted));
    let pairs: BTreeSet<(&str, &str)> = list(&open, "/attempts")
        .iter()
        .zip(list(&redacted, "/attempts"))
        .map(|(a, b)| (text(a, "/client/ip"), text(b, "/client/ip")))
        .collect();
    let before: BTreeSet<&str> = pairs.iter().map(|p| p.0).collect();
    let after: BTreeSet<&str> = pairs.iter().map(|p| p.1).collect();
    assert_eq!(
        (pairs.len(), pairs.len()),
        (before.len(), after.len()),
        "{pairs:?}"
    );
}

/// The evidence may hold the very addresses that stand for others: each is replaced once.
#[test]
fn addresses_that_stand_for_others_are_replaced_once() {
    let story = case::named("wire-only-black-hole-left").description();
    let story = story.replace("10.2.1.11", "192.0.2.1");
    let story = story.replace("10.2.8.7", "192.0.2.2");
    let folder = case::Evidence::described(&story).laid_out();
    let open = diagnose(&[folder.path()], &["--format", "json"]).report();
    let veiled = diagnose(&[folder.path()], &["--format", "json", "--redact"]).report();
    let new = |old: &str| -> String {
        let ends = ["/client/ip", "/server/ip"];
        let attempts = list(&open, "/attempts").iter();
        let mut pairs = attempts
            .zip(list(&veiled, "/attempts"))
            .flat_map(|(a, b)| ends.map(|end| (text(a, end), text(b, end))));
        let found = pairs.find(|(before, _)| *before == old);
        found.map_or(old, |(_, after)| after).to_owned()
    };
    let verdicts = list(&open, "/verdicts").iter();
    let mut compared = 0;
    for (a, b) in verdicts.zip(list(&veiled, "/verdicts")) {
        for field in ["/host", "/remedy/host"] {
            assert_eq!(new(text(a, field)), text(b, field), "{field}");
            compared += usize::from(text(a, field).parse::<std::net::IpAddr>().is_ok());
        }
    }
    assert!(compared > 1);
}
