//! Every output that a command writes about evidence, for what must hold of all of them.

use std::ffi::OsString;
use std::path::Path;

use crate::program::{Run, list, rdpwhy, text};

/// Every command and format, run over one case's folder: what was typed, and what came.
pub fn all(folder: &Path, more: &[&str]) -> Vec<(String, Run)> {
    let mut runs = Vec::new();
    let mut run = |typed: &[&str], paths: &[&Path]| {
        let mut args: Vec<OsString> = typed.iter().chain(more).map(Into::into).collect();
        args.extend(paths.iter().map(|p| p.as_os_str().to_owned()));
        let run = rdpwhy(&args);
        assert!(
            [0, 1, 3, 4].contains(&run.status),
            "{typed:?} {more:?}: status {}: {}",
            run.status,
            run.err
        );
        runs.push((typed.join(" "), run));
    };
    for format in [
        "text",
        "json",
        "markdown",
        "timesketch-jsonl",
        "ecs",
        "ecs-bulk",
        "ocsf",
        "splunk-hec",
        "hayabusa-csv",
    ] {
        run(&["diagnose", "--all", "--format", format], &[folder]);
    }
    run(&["diagnose", "--by-host"], &[folder]);
    for format in [
        "text",
        "csv",
        "jsonl",
        "timesketch-csv",
        "timesketch-jsonl",
        "ecs",
        "splunk-hec",
        "hayabusa-csv",
    ] {
        run(&["timeline", "--all", "--format", format], &[folder]);
    }
    run(&["timeline"], &[folder]);
    run(&["parse", "--jsonl"], &[folder]);
    for format in ["html", "markdown"] {
        run(&["report", "--format", format], &[folder]);
        run(&["report", "--checklist", "--format", format], &[folder]);
    }
    for format in ["text", "json", "csv", "jsonl"] {
        run(&["fleet", "--format", format], &[folder]);
    }
    run(&["script", "--diagnose"], &[folder]);
    for capture in captures(folder) {
        for format in ["text", "jsonl"] {
            let read = capture.to_str().unwrap();
            run(&["sniff", "--all", "--format", format, "--read", read], &[]);
        }
    }
    for id in remedied(folder) {
        run(&["script", "--fix", &id], &[folder]);
    }
    runs
}

fn captures(folder: &Path) -> Vec<std::path::PathBuf> {
    let all = rdpwhy_tests::evidence::files(folder).into_iter();
    all.filter(|f| f.extension().is_some_and(|e| e == "pcapng" || e == "pcap"))
        .collect()
}

/// Ids of the verdicts that there is something to do about.
fn remedied(folder: &Path) -> Vec<String> {
    let report = crate::program::diagnose(&[folder], &["--format", "json"]).report();
    list(&report, "/verdicts")
        .iter()
        .filter(|v| v["remedy"].is_object() && v["cause"].is_string())
        .map(|v| text(v, "/id").to_owned())
        .collect()
}
