//! The same logs, given as `.evtx` and as each export of them, lead to the same verdicts with the same record numbers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

mod convert;

use rdpwhy_analyzer::report::DefectReport;
use rdpwhy_analyzer::{Knowledge, Options, Report, Silent, Source, analyze};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

use convert::Form;

fn samples() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples/log-cases/cases");
    if !folder.is_dir() {
        println!("skipped: {} is not there", folder.display());
        return None;
    }
    Some(folder)
}

fn logs(folder: &Path) -> Vec<PathBuf> {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

fn diagnosed(sources: Vec<(String, Vec<u8>)>) -> Report {
    let sources = sources
        .into_iter()
        .map(|(label, bytes)| Source {
            label,
            bytes: Box::new(bytes),
        })
        .collect::<Vec<_>>();
    analyze(
        sources,
        &[],
        &Knowledge::embedded().unwrap(),
        &Options::default(),
        &Silent,
    )
    .unwrap()
}

/// What must not depend on the form: who failed and why, and the records that show it.
fn answer(report: &Report) -> Vec<String> {
    let verdicts = report.verdicts.iter().map(|v| {
        let evidence: Vec<String> = v
            .evidence
            .iter()
            .map(|e| format!("{}:{}", e.source, e.at))
            .collect();
        format!(
            "{:?} {:?} {:?} {} {evidence:?}",
            v.cause,
            v.confidence,
            v.host,
            v.attempts.len()
        )
    });
    let attempts = report.attempts.iter().map(|a| {
        format!(
            "{} {} {} {:?} {}",
            a.started, a.outcome, a.stage, a.user, a.count
        )
    });
    verdicts.chain(attempts).collect()
}

#[test]
fn every_form_leads_to_the_same_verdict() {
    let Some(folder) = samples() else { return };
    let mut cases: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    cases.sort();
    let mut compared = 0;
    for case in &cases {
        let files = logs(case);
        let records: Vec<Option<Vec<Value>>> = files.iter().map(|f| convert::records(f)).collect();
        // Packed and damaged logs are other tests' matter: an export holds what its tool could read.
        let Some(records) = records.into_iter().collect::<Option<Vec<_>>>() else {
            continue;
        };
        let label = |i: usize| format!("log {i:02}");
        let evtx = diagnosed(
            files
                .iter()
                .enumerate()
                .map(|(i, f)| (label(i), fs::read(f).unwrap()))
                .collect(),
        );
        let damaged = |d: &DefectReport| d.lost > 0 || !d.at.starts_with("file header");
        if evtx.sources.iter().flat_map(|s| &s.defects).any(damaged) {
            continue;
        }
        for form in Form::ALL {
            let exported = records
                .iter()
                .enumerate()
                .map(|(i, r)| (label(i), form.write(r)))
                .collect();
            let report = diagnosed(exported);
            for source in &report.sources {
                assert_eq!(source.format, form.format(), "{}", case.display());
                assert!(
                    source.defects.is_empty(),
                    "{} as {form:?}: {:?}",
                    case.display(),
                    source.defects
                );
            }
            assert_eq!(
                answer(&report),
                answer(&evtx),
                "{} as {form:?}",
                case.display()
            );
            compared += 1;
        }
    }
    assert!(compared >= 100, "only {compared} comparisons");
}
