//! `rdpwhy diff`: what became of the verdicts between two runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::case::{self, Evidence};
use crate::program::{Run, diagnose, list, rdpwhy, text};

fn diff(before: &Path, after: &Path, more: &[&str]) -> Run {
    let mut args: Vec<OsString> = vec!["diff".into(), before.into(), after.into()];
    args.extend(more.iter().map(Into::into));
    rdpwhy(&args)
}

/// A report on the evidence, as a file.
fn report(evidence: &Evidence, to: &TempDir, name: &str) -> PathBuf {
    let folder = evidence.laid_out();
    let path = to.path().join(name);
    let run = diagnose(&[folder.path()], &["--format", "json"]);
    std::fs::write(&path, run.out).unwrap();
    path
}

fn causes(difference: &Value, which: &str) -> Vec<String> {
    let list = list(difference, which).iter();
    list.map(|v| text(v, "/cause").to_owned()).collect()
}

#[test]
fn a_report_equals_itself_and_its_evidence() {
    let folder = TempDir::new().unwrap();
    let evidence = &case::named("showcase").evidence;
    let path = report(evidence, &folder, "a.json");
    let same = diff(&path, &path, &[]);
    assert_eq!(same.status, 0, "{}", same.err);
    assert!(same.out.contains("No difference: the same"), "{}", same.out);
    let laid_out = evidence.laid_out();
    let same = diff(&path, laid_out.path(), &[]);
    assert_eq!((same.status, same.err.as_str()), (0, ""), "{}", same.out);
}

#[test]
fn what_appeared_went_and_changed_is_told() {
    let folder = TempDir::new().unwrap();
    let showcase = &case::named("showcase").evidence;
    let before = report(
        &case::named("wrong-credentials").evidence,
        &folder,
        "a.json",
    );
    let after = report(showcase, &folder, "b.json");
    let run = diff(&before, &after, &["--format", "json"]);
    assert_eq!((run.status, run.err.as_str()), (1, ""));
    let difference = run.report();
    assert_eq!(text(&difference, "/schema"), "rdpwhy.diff/1");
    assert!(causes(&difference, "/appeared").contains(&"private-key-access-denied".to_owned()));
    assert_eq!(causes(&difference, "/went"), ["wrong-credentials"]);
    // With less evidence the same verdict rests on less.
    let less = report(&showcase.without("System.evtx"), &folder, "c.json");
    let names: Vec<&str> = showcase.0.iter().map(|(n, _)| n.as_str()).collect();
    let system = names.iter().find(|n| n.ends_with("System.evtx")).unwrap();
    let less_still = report(&showcase.without(system), &folder, "d.json");
    assert!(less.is_file());
    let run = diff(&after, &less_still, &[]);
    assert_eq!(run.status, 1);
    assert!(run.out.contains("~ "), "{}", run.out);
    assert!(run.out.contains("changed"), "{}", run.out);
}

#[test]
fn fleets_are_compared_host_by_host() {
    let folder = TempDir::new().unwrap();
    let base = folder.path();
    let results = |hosts: &[(&str, &str)], name: &str| -> PathBuf {
        let fleet = base.join(format!("in-{name}"));
        std::fs::create_dir(&fleet).unwrap();
        for (host, case) in hosts {
            if case.is_empty() {
                std::fs::create_dir(fleet.join(host)).unwrap();
                std::fs::write(fleet.join(host).join("a.txt"), "nothing").unwrap();
            } else {
                case::named(case).evidence.put(&fleet.join(host));
            }
        }
        // Units are named by their paths, which are the same from day to day.
        let out = base.join(name);
        let args: Vec<OsString> = ["fleet", "--format", "jsonl"]
            .iter()
            .map(Into::into)
            .chain([fleet.clone().into_os_string()])
            .collect();
        let text = rdpwhy(&args).out.replace(fleet.to_str().unwrap(), "hosts");
        std::fs::write(&out, text).unwrap();
        out
    };
    let before = results(
        &[
            ("A", "wrong-credentials"),
            ("B", "nla-required"),
            ("C", "clock-skew"),
        ],
        "monday.jsonl",
    );
    let after = results(&[("A", "wrong-credentials"), ("B", "")], "tuesday.jsonl");
    let run = diff(&before, &after, &["--format", "json"]);
    assert_eq!((run.status, run.err.as_str()), (1, ""));
    let difference = run.report();
    let why: Vec<(&str, &str)> = list(&difference, "/went")
        .iter()
        .map(|v| (text(v, "/unit"), text(v, "/other")))
        .collect();
    assert!(why.contains(&("hosts/B", "unreadable")), "{why:?}");
    assert!(why.contains(&("hosts/C", "not-in-other")), "{why:?}");
    assert!(list(&difference, "/appeared").is_empty());
    let told = diff(&before, &after, &[]).out;
    assert!(
        told.contains("? ") && told.contains("no such host"),
        "{told}"
    );
    assert_eq!(diff(&before, &before, &[]).status, 0);
}

#[test]
fn what_is_no_run_is_refused() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let sniff = path("s.jsonl", "{\"schema\": \"rdpwhy.sniff/1\"}");
    let notes = path("notes.txt", "text");
    let missing = folder.path().join("none");
    for (before, after, status, why) in [
        (&sniff, &sniff, 3, "rdpwhy.sniff/1"),
        (&notes, &notes, 3, "no event log and no capture"),
        (&missing, &notes, 3, "no such file"),
        (
            &PathBuf::from("-"),
            &PathBuf::from("-"),
            2,
            "only one of the two",
        ),
    ] {
        let run = diff(before, after, &[]);
        assert_eq!((run.status, run.out.as_str()), (status, ""), "{}", run.err);
        assert!(run.err.contains(why), "{}", run.err);
    }
}
