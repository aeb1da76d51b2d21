//! Everything that is written for programs fits the schema that the program prints for it, and holds nothing that the schema
//! does not name. The validator is somebody else's.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;

use jsonschema::Validator;
use serde_json::Value;

use crate::case;
use crate::program::{in_parallel, rdpwhy, told};
use crate::properties::none;

/// The schema of this name as a validator that refuses members it does not name.
fn strict(name: &str) -> Validator {
    let run = rdpwhy(&["schema", name, "--strict"]);
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    let schema = run.report();
    assert!(jsonschema::meta::is_valid(&schema), "{name} is no schema");
    jsonschema::validator_for(&schema).unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// The first thing that does not fit, if anything does not.
fn misfit(validator: &Validator, value: &Value, what: &str) -> Option<String> {
    let e = validator.iter_errors(value).next()?;
    let shown: String = e.to_string().chars().take(300).collect();
    Some(format!("{what}: at {}: {shown}", e.instance_path()))
}

fn run(args: &[&str], folder: &Path) -> String {
    let mut args: Vec<OsString> = args.iter().map(Into::into).collect();
    args.push(folder.as_os_str().to_owned());
    let run = rdpwhy(&args);
    assert!([0, 1, 4].contains(&run.status), "{args:?}: {}", run.err);
    run.out
}

fn lines(validator: &Validator, text: &str, what: &str) -> Option<String> {
    assert!(!text.is_empty(), "{what}: nothing was written");
    text.lines().find_map(|line| {
        let value = serde_json::from_str(line).unwrap();
        misfit(validator, &value, what)
    })
}

#[test]
fn reports_of_all_cases_fit() {
    let report = strict("report");
    none(&in_parallel(told(), |t| {
        misfit(&report, &t.report, &t.case.name)
    }));
}

#[test]
fn lines_of_all_cases_fit() {
    let (event, host) = (strict("event"), strict("host"));
    none(&in_parallel(case::all(), |case| {
        let folder = case.evidence.laid_out();
        let name = &case.name;
        let timeline = run(
            &["timeline", "--format", "jsonl", "--all", "-j1"],
            folder.path(),
        );
        let parsed = run(&["parse", "--jsonl", "-j1"], folder.path());
        let fleet = run(&["fleet", "--format", "jsonl", "-j1"], folder.path());
        lines(&event, &timeline, &format!("{name}: timeline"))
            .or_else(|| lines(&event, &parsed, &format!("{name}: parse")))
            .or_else(|| lines(&host, &fleet, &format!("{name}: fleet")))
    }));
}

/// Captures of all cases, as if they happened now.
#[test]
fn lines_of_a_watch_fit() {
    let sniff = strict("sniff");
    none(&in_parallel(case::all(), |case| {
        let folder = case.evidence.laid_out();
        let captures = rdpwhy_tests::evidence::files(folder.path()).into_iter();
        let mut captures = captures.filter(|f| f.extension().is_some_and(|e| e == "pcapng"));
        captures.find_map(|capture| {
            let args = ["sniff", "--all", "--format", "jsonl", "--read"];
            lines(&sniff, &run(&args, &capture), &case.name)
        })
    }));
}

#[test]
fn what_is_asked_without_evidence_fits() {
    let explain = strict("explain");
    for asked in [
        "0x904/0x7",
        "0x8009030d",
        "Schannel/36870",
        "alert 40",
        "tls.alerted",
        "7",
    ] {
        let run = rdpwhy(&["explain", "--json", asked]);
        assert_eq!(run.status, 0, "{asked}: {}", run.err);
        assert_eq!(misfit(&explain, &run.report(), asked), None);
    }
    for cause in &crate::program::knowledge().causes {
        let run = rdpwhy(&["explain", "--json", &cause.id]);
        assert_eq!(misfit(&explain, &run.report(), &cause.id), None);
    }
    let causes = rdpwhy(&["knowledge", "list", "--json"]).report();
    assert_eq!(misfit(&strict("causes"), &causes, "causes"), None);
}

#[test]
fn what_is_told_of_many_hosts_or_two_runs_fits() {
    let folder = tempfile::tempdir().unwrap();
    let names = [
        "showcase",
        "wrong-credentials",
        "nla-required",
        "clock-skew",
    ];
    for (n, name) in names.iter().enumerate() {
        case::named(name)
            .evidence
            .put(&folder.path().join(format!("host{n}")));
    }
    std::fs::create_dir(folder.path().join("host9")).unwrap();
    std::fs::write(folder.path().join("host9/a.txt"), "nothing").unwrap();
    let summary = run(&["fleet", "--format", "json"], folder.path());
    assert_eq!(lines_of_one(&strict("fleet"), &summary), None);
    let (a, b) = (folder.path().join("host0"), folder.path().join("host1"));
    let more = [a.as_os_str().to_owned()];
    let typed = ["diff", "--format", "json"].map(OsString::from);
    let args: Vec<OsString> = typed.into_iter().chain(more).collect();
    let differ = rdpwhy(&[args.clone(), vec![b.into()]].concat());
    assert_eq!(differ.status, 1, "{}", differ.err);
    assert_eq!(misfit(&strict("diff"), &differ.report(), "diff"), None);
    let same = rdpwhy(&[args, vec![a.into()]].concat());
    assert_eq!(misfit(&strict("diff"), &same.report(), "diff"), None);
    let reasoned = run(
        &["diagnose", "--format", "json", "--why-not", "clock-skew"],
        &folder.path().join("host0"),
    );
    assert!(reasoned.contains("\"reasoning\""));
    assert_eq!(lines_of_one(&strict("report"), &reasoned), None);
}

fn lines_of_one(validator: &Validator, text: &str) -> Option<String> {
    misfit(validator, &serde_json::from_str(text).unwrap(), "it")
}

/// Redaction replaces values and takes members away; what is left has the same shape.
#[test]
fn redacted_output_fits() {
    let folder = case::named("showcase").evidence.laid_out();
    let report = run(&["diagnose", "--format", "json", "--redact"], folder.path());
    assert_eq!(lines_of_one(&strict("report"), &report), None);
    let event = strict("event");
    for args in [
        &["timeline", "--format", "jsonl", "--redact"][..],
        &["parse", "--redact"],
    ] {
        assert_eq!(lines(&event, &run(args, folder.path()), args[0]), None);
    }
}

/// The schema would prove nothing if it let anything through.
#[test]
fn a_member_that_a_schema_does_not_name_is_refused() {
    let report = strict("report");
    let first = &told()[0].report;
    for place in [
        "",
        "/summary",
        "/sources/0",
        "/attempts/0",
        "/attempts/0/client",
    ] {
        let mut more = first.clone();
        let object = more.pointer_mut(place).and_then(Value::as_object_mut);
        object.unwrap().insert("new".to_owned(), Value::Null);
        assert!(!report.is_valid(&more), "{place}");
        let mut less = first.clone();
        let object = less.pointer_mut(place).and_then(Value::as_object_mut);
        let members: BTreeSet<String> = object.unwrap().keys().cloned().collect();
        let one = members.iter().find(|m| *m != "new").unwrap();
        let object = less.pointer_mut(place).and_then(Value::as_object_mut);
        object.unwrap().remove(one);
        assert!(!report.is_valid(&less), "{place}: without {one}");
    }
}
