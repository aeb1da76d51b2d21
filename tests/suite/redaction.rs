//! `--redact`: what tells who and where does not survive in any output.

use std::collections::BTreeSet;

use crate::case;
use crate::contract::violations;
use crate::program::{diagnose, list, text, told};

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

#[test]
fn nobody_is_named_in_any_output() {
    for name in [
        "showcase",
        "wrong-password",
        "gateway-denied",
        "account-restricted",
    ] {
        let Some(told) = told().iter().find(|t| t.case.name == name) else {
            continue;
        };
        let names = names(&told.report);
        assert!(names.len() > 3, "{name}: {names:?}");
        let folder = case::named(name).evidence.laid_out();
        for format in ["json", "text", "markdown"] {
            let run = diagnose(&[folder.path()], &["--redact", "--all", "--format", format]);
            assert_eq!(run.status, told.status, "{name}: {}", run.err);
            // A name inside a longer word is another word.
            let words: BTreeSet<&str> = run
                .out
                .split(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':')))
                .flat_map(|w| {
                    [
                        w,
                        w.trim_end_matches(['.', ':']),
                        w.rsplit_once(':').map_or(w, |p| p.0),
                    ]
                })
                .collect();
            for forgotten in &names {
                assert!(
                    !words.contains(forgotten.as_str()),
                    "{name}: {forgotten} in {format}:\n{}",
                    run.out
                );
            }
            if format == "json" {
                let broken = violations(&run.report(), run.status);
                assert!(broken.is_empty(), "{name}: {broken:?}");
            }
        }
    }
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
