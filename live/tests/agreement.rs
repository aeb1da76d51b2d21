//! What is said at the end of a live run is what `diagnose` says about the same packets.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so best by stopping"
)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rdpwhy_analyzer::report::Report;
use rdpwhy_analyzer::{Knowledge, Options, Silent, Source, analyze};
use rdpwhy_live::{Engine, Line, Setup};
use serde_json::{Value, json};

fn knowledge() -> Knowledge {
    Knowledge::embedded().expect("embedded causes are checked")
}

fn diagnosed(label: &str, bytes: &[u8]) -> Report {
    let sources = vec![Source {
        label: label.to_owned(),
        bytes: Box::new(bytes.to_vec()),
    }];
    let options = Options {
        threads: Some(1),
        ..Options::default()
    };
    analyze(sources, &[], &knowledge(), &options, &Silent).expect("embedded data is checked")
}

/// Lines and report of a live run over these bytes, pushed in pieces of this size.
fn watched(label: &str, bytes: &[u8], piece: usize) -> (Vec<Line>, Report) {
    let setup = Setup {
        label: label.to_owned(),
        format: if bytes.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
            "pcapng"
        } else {
            "pcap"
        },
        ..Setup::default()
    };
    let mut engine = Engine::new(setup, knowledge());
    let mut lines = Vec::new();
    for piece in bytes.chunks(piece) {
        engine
            .push(piece, &mut |_| {})
            .expect("embedded data is checked");
        lines.extend(engine.lines());
    }
    let ending = engine.finish(Vec::new()).expect("embedded data is checked");
    lines.extend(ending.lines);
    (lines, *ending.summary.report)
}

fn told(report: &Report) -> Value {
    json!({
        "attempts": report.attempts,
        "verdicts": report.verdicts,
        "summary": report.summary,
    })
}

fn check(label: &str, bytes: &[u8]) {
    let (lines, live) = watched(label, bytes, 64 << 10);
    let wanted = diagnosed(label, bytes);
    let (live, wanted) = (told(&live), told(&wanted));
    assert!(live == wanted, "{label}:\n{live:#}\n!=\n{wanted:#}");
    // What was said last of each attempt is what the report says of it.
    for attempt in wanted["attempts"].as_array().expect("a list") {
        let id = attempt["id"].as_str().expect("a text");
        let last = lines.iter().rev().find_map(|line| match line {
            Line::Attempt(said) if said.attempt.id == id => Some(said),
            _ => None,
        });
        let Some(last) = last else { continue };
        assert_eq!(attempt["outcome"], last.attempt.outcome, "{label}: {id}");
        assert_eq!(attempt["stage"], last.attempt.stage, "{label}: {id}");
    }
}

fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            captures(&path, found);
        } else if let Ok(bytes) = fs::read(&path)
            && rdpwhy_parsers::pcap::looks_like(&bytes)
        {
            found.push(path);
        }
    }
}

#[test]
fn on_every_capture_of_the_samples() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples");
    let mut found = Vec::new();
    captures(&samples, &mut found);
    found.sort();
    if found.is_empty() {
        let _ = writeln!(std::io::stderr(), "skipped: ../shared/samples is not there");
    }
    for path in &found {
        check(
            &path.display().to_string(),
            &fs::read(path).expect("readable"),
        );
    }
    let _ = writeln!(std::io::stderr(), "{} captures compared", found.len());
}

/// Captures of the described cases.
fn described() -> Vec<(String, Vec<u8>)> {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cases");
    let out = tempfile::tempdir().expect("folder");
    let mut found = Vec::new();
    for entry in fs::read_dir(cases)
        .expect("cases")
        .flatten()
        .filter(|e| e.path().is_dir())
    {
        let name = entry.file_name().to_string_lossy().into_owned();
        let folder = out.path().join(&name);
        rdpwhy_fixtures::case::write_case(&entry.path(), &folder).expect("a described case");
        let mut files = Vec::new();
        captures(&folder, &mut files);
        for file in files {
            found.push((
                format!("{name}/{}", file.display()),
                fs::read(&file).expect("readable"),
            ));
        }
    }
    found.sort();
    found
}

#[test]
fn on_every_capture_of_the_described_cases() {
    let found = described();
    assert!(found.len() > 30, "{} captures", found.len());
    for (label, bytes) in &found {
        check(label, bytes);
    }
}

#[test]
fn however_the_bytes_are_split() {
    for (label, bytes) in described().iter().take(20) {
        let lines = |piece| {
            let (lines, _) = watched(label, bytes, piece);
            let lines = lines
                .iter()
                .map(|l| serde_json::to_string(l).expect("JSON"));
            lines.collect::<Vec<_>>()
        };
        for (a, b) in lines(64 << 10).iter().zip(&lines(977)) {
            assert_eq!(a, b, "{label}");
        }
    }
}
