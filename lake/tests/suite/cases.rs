//! What is made of a case's rows is what is made of its files.

use std::path::Path;

use arrow::array::AsArray as _;
use rayon::prelude::*;
use rdpwhy_analyzer::{Knowledge, Options, Report, Silent};
use rdpwhy_lake::schema::Table;
use rdpwhy_lake::{Case, Opener as _};

use crate::evidence::{Plain, cases, judge, repository, unit, write};

/// The report as `rdpwhy diagnose` makes it of the files.
fn of_files(folder: &Path) -> Report {
    let [opened] = Plain.open(&unit("case", folder)).try_into().ok().unwrap();
    let options = Options {
        hash: true,
        ..Options::default()
    };
    let knowledge = Knowledge::embedded().unwrap();
    rdpwhy_analyzer::analyze(
        opened.sources,
        &opened.secrets,
        &knowledge,
        &options,
        &Silent,
    )
    .unwrap()
}

fn of_rows(folder: &Path) -> (Case, Report) {
    let [opened] = Plain.open(&unit("case", folder)).try_into().ok().unwrap();
    let judge = judge();
    let read = judge.read(&opened, &Silent);
    let case = judge.tell(&opened, read).unwrap();
    let lines = case.table(Table::Event).column_by_name("event").unwrap();
    let mut lines: Vec<&str> = lines.as_string::<i32>().iter().flatten().collect();
    // Engines keep no order.
    lines.sort_by_key(|l| (l.len(), *l));
    let report = judge.report(lines).unwrap();
    (case, report)
}

fn same(folder: &Path, name: &str) -> Option<String> {
    let (case, rows) = of_rows(folder);
    let files = of_files(folder);
    assert_eq!(
        case.table(Table::Attempt).num_rows(),
        files.attempts.len(),
        "{name}"
    );
    assert_eq!(
        case.table(Table::Verdict).num_rows(),
        files.verdicts.len(),
        "{name}"
    );
    let (files, rows) = (json(&files), json(&rows));
    if files == rows {
        return None;
    }
    let differ = files.lines().zip(rows.lines()).find(|(a, b)| a != b);
    Some(format!("{name}: {differ:?}"))
}

fn json(report: &Report) -> String {
    serde_json::to_string_pretty(report).unwrap()
}

#[test]
fn reports_on_rows_are_those_on_files() {
    let names = cases();
    assert!(names.len() > 100, "{} cases", names.len());
    let mut wrong: Vec<String> = names
        .par_iter()
        .filter_map(|name| {
            let folder = tempfile::tempdir().unwrap();
            write(name, folder.path());
            same(folder.path(), name)
        })
        .collect();
    wrong.extend(same(&repository().join("fixtures/showcase"), "showcase"));
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn reports_on_rows_of_real_files_are_those_on_the_files() {
    let samples = repository().join("../shared/samples");
    if !samples.is_dir() {
        println!("skipped: ../shared/samples is not there");
        return;
    }
    let mut told = 0;
    let wrong: Vec<String> = crate::evidence::files(&samples)
        .into_iter()
        .filter(|f| f.metadata().is_ok_and(|m| m.len() < 2 << 20))
        .filter(|f| {
            f.extension()
                .is_some_and(|e| e == "evtx" || e == "pcap" || e == "pcapng")
        })
        .inspect(|_| told += 1)
        .collect::<Vec<_>>()
        .par_iter()
        .filter_map(|f| same(f, &f.display().to_string()))
        .collect();
    println!("{told} files");
    assert!(
        wrong.is_empty(),
        "{} of {told} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn rows_that_are_missing_are_told() {
    let folder = tempfile::tempdir().unwrap();
    write("nla-required", folder.path());
    let (case, _) = of_rows(folder.path());
    let lines = case.table(Table::Event).column_by_name("event").unwrap();
    let lines = lines.as_string::<i32>().iter().flatten();
    let no_logs = lines.filter(|l| !l.starts_with(r#"{"row":"log""#));
    let report = judge().report(no_logs).unwrap();
    let defects: Vec<&str> = report
        .sources
        .iter()
        .flat_map(|s| &s.defects)
        .map(|d| d.what.as_str())
        .collect();
    assert!(
        defects.iter().any(|d| d.contains("whose row is missing")),
        "{defects:?}"
    );
    assert!(judge().report(["no line"]).is_err());
}
