//! What lies in `contrib/` is right by the tools that it is for, as far as those can be had; what could not be checked is said.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::case;
use crate::program::rdpwhy;

fn contrib() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib")
}

fn python() -> String {
    std::env::var("RDPWHY_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// Runs it; `None`, and a word about it, when it is not there.
fn run(command: &mut Command) -> Option<Output> {
    match command.output() {
        Ok(output) => Some(output),
        Err(e) => {
            println!("skipped: {}: {e}", command.get_program().display());
            None
        }
    }
}

fn shown(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// Whether Python has a module.
fn has(module: &str) -> bool {
    let found = Command::new(python())
        .args(["-c", &format!("import {module}")])
        .output();
    let there = found.is_ok_and(|o| o.status.success());
    if !there {
        println!("skipped: {} has no {module}", python());
    }
    there
}

#[test]
fn the_unit_is_one() {
    let unit = std::fs::read_to_string(contrib().join("systemd/rdpwhy-sniff@.service")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rdpwhy-sniff@eth0.service");
    // The program need not be installed where this runs.
    std::fs::write(&path, unit.replace("/usr/local/bin/rdpwhy", "/bin/true")).unwrap();
    let mut verify = Command::new("systemd-analyze");
    let Some(output) = run(verify.arg("verify").arg(&path)) else {
        return;
    };
    assert!(output.status.success(), "{}", shown(&output));
    // What the unit runs is what the program takes.
    let line = unit.lines().find(|l| l.starts_with("ExecStart=")).unwrap();
    let typed: Vec<&str> = line.split_whitespace().skip(1).collect();
    let mut args = typed.clone();
    args.push("--help");
    assert_eq!(rdpwhy(&args).status, 0, "{typed:?}");
}

#[test]
fn the_job_is_one() {
    if !has("kubernetes_validate") {
        return;
    }
    let script = "import sys, yaml, kubernetes_validate as k\n\
        [k.validate(d, k.latest_version(), strict=True) for d in yaml.safe_load_all(open(sys.argv[1]))]";
    let job = contrib().join("kubernetes/parse-job.yaml");
    let mut check = Command::new(python());
    let output = run(check.args(["-c", script]).arg(job)).unwrap();
    assert!(output.status.success(), "{}", shown(&output));
}

/// Names of all members below `rdpwhy` that a mapping names.
fn mapped(place: &str, mapping: &Value, to: &mut BTreeSet<String>) {
    let properties = mapping["properties"].as_object().into_iter().flatten();
    for (name, inner) in properties {
        let place = format!("{place}.{name}");
        mapped(&place, inner, to);
        to.insert(place);
    }
}

fn members(place: &str, value: &Value, to: &mut BTreeSet<String>) {
    // The values of events are whatever the records hold: a dynamic template maps them.
    let object = value.as_object().filter(|_| place != "rdpwhy.event.values");
    for (name, inner) in object.into_iter().flatten() {
        let place = format!("{place}.{name}");
        members(&place, inner, to);
        to.insert(place);
    }
}

#[test]
fn each_field_of_ours_that_elastic_gets_has_a_mapping() {
    let text = std::fs::read_to_string(contrib().join("elastic/rdpwhy-template.json")).unwrap();
    let template: Value = serde_json::from_str(&text).unwrap();
    let mut known = BTreeSet::new();
    let own = &template["template"]["mappings"]["properties"]["rdpwhy"];
    mapped("rdpwhy", own, &mut known);
    let mut written = BTreeSet::new();
    for name in [
        "showcase",
        "nla-required",
        "wrong-credentials",
        "packet-loss",
    ] {
        let folder = case::named(name).evidence.laid_out();
        for command in ["diagnose", "timeline"] {
            let path = folder.path().to_str().unwrap();
            let run = rdpwhy(&[command, "--format", "ecs", path]);
            for line in run.out.lines() {
                let document: Value = serde_json::from_str(line).unwrap();
                members("rdpwhy", &document["rdpwhy"], &mut written);
            }
        }
    }
    let missing: Vec<&String> = written.difference(&known).collect();
    assert!(missing.is_empty(), "{missing:?}");
    // A mapping that nothing is written for is a mistake as well.
    let idle: Vec<&String> = known.difference(&written).collect();
    let rare = ["rdpwhy.verdict.remedy.undo", "rdpwhy.attempt.part_of"];
    assert!(idle.iter().all(|i| rare.contains(&i.as_str())), "{idle:?}");
}

#[test]
fn the_artifact_runs_what_the_program_takes() {
    if !has("yaml") {
        return;
    }
    let script = "import json, sys, yaml\nprint(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let path = contrib().join("velociraptor/Custom.Windows.RDP.Why.yaml");
    let mut read = Command::new(python());
    let output = run(read.args(["-c", script]).arg(path)).unwrap();
    let artifact: Value = serde_json::from_slice(&output.stdout).expect("YAML");
    assert_eq!(artifact["type"], "CLIENT");
    let name = artifact["name"].as_str().unwrap();
    assert!(name.starts_with("Custom."), "{name}");
    assert_eq!(artifact["tools"][0]["name"], "rdpwhy");
    assert_eq!(artifact["sources"].as_array().unwrap().len(), 3);
    // Columns are taken out of members that the report has.
    let schema = rdpwhy(&["schema", "report"]).report();
    let queries = [("Verdict", 0), ("Attempt", 1)];
    for (part, n) in queries {
        let query = artifact["sources"][n]["query"].as_str().unwrap();
        let columns = query
            .split(" AS ")
            .filter_map(|c| c.split([' ', ',', '\n']).next_back());
        let members = &schema["$defs"][part]["properties"];
        for column in columns.filter(|c| c.chars().all(|c| c.is_lowercase() || c == '_')) {
            assert!(
                column.is_empty() || members[column].is_object(),
                "{part}: {column}"
            );
        }
    }
    for args in [
        &[
            "diagnose",
            "x",
            "--format",
            "json",
            "--progress",
            "none",
            "--since",
            "2026-11-21T00:00:00Z",
            "--redact",
        ][..],
        &["parse", "x", "--jsonl", "--redact"],
    ] {
        assert_ne!(rdpwhy(args).status, 2, "{args:?}");
    }
}

/// Three processes of Spark, each with a program at its pipe; what comes together is what one run of the program tells.
#[test]
fn spark_gets_each_event_once() {
    // The program itself, which a test of another package builds: this one does not wait for a build.
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/debug/rdpwhy");
    let program = std::env::var_os("RDPWHY").map_or(program, PathBuf::from);
    if !has("pyspark") {
        return;
    }
    if !program.is_file() {
        return println!("skipped: there is no {}", program.display());
    }
    let folder = case::named("showcase").evidence.laid_out();
    let files = rdpwhy_tests::evidence::files(folder.path());
    let mut list: String = files.iter().map(|f| format!("{}\n", f.display())).collect();
    list.push_str("/no/such/file.evtx\n");
    let path = folder.path().join("list.txt");
    std::fs::write(&path, list).unwrap();
    let mut spark = Command::new(python());
    spark
        .arg(contrib().join("spark/parse.py"))
        .args(["--master", "local-cluster[2,1,1024]", "--partitions", "3"])
        .arg("--rdpwhy")
        .arg(&program)
        .arg("--list")
        .arg(&path)
        .env("SPARK_LOCAL_IP", "127.0.0.1")
        .env("PYSPARK_PYTHON", python());
    let Some(output) = run(&mut spark) else {
        return;
    };
    assert!(output.status.success(), "{}", shown(&output));
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", shown(&output)));
    let mut args = vec!["parse".into()];
    args.extend(files.iter().map(|f| f.clone().into_os_string()));
    let one = rdpwhy(&args);
    let lines = one.out.lines().filter(|l| l.starts_with("{\"time\":"));
    assert_eq!(told["events"], lines.count());
    assert_eq!(told["errors"], 1);
}
