//! The same evidence gives the same bytes: whatever the threads, the order of the paths, and the packing.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rdpwhy::render::{self, Style};
use rdpwhy_analyzer::report::Report;
use rdpwhy_analyzer::{Ladders, Options, Silent};
use serde_json::Value;
use tempfile::TempDir;

use crate::case::{self, Case, Evidence};
use crate::program::{diagnose, in_parallel, knowledge, list, text};

/// What `diagnose --format json` prints about these paths.
fn printed<P: AsRef<Path>>(paths: &[P], more: &[&str]) -> String {
    let run = diagnose(paths, &[&["--format", "json"], more].concat());
    assert!([0, 1, 4].contains(&run.status), "{}", run.err);
    run.out
}

/// The files of a case below a folder, in an order that is neither theirs nor its reverse.
fn shuffled(case: &Case, folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = case.evidence.0.iter().map(|(label, _)| label).collect();
    files.sort_by_key(|label| label.bytes().rev().collect::<Vec<u8>>());
    files.iter().map(|label| folder.join(label)).collect()
}

#[test]
fn threads_and_the_order_of_paths_do_not_show() {
    in_parallel(case::all(), |case| {
        let folder = case.evidence.laid_out();
        let one = printed(&[folder.path()], &["-j1"]);
        let four = printed(&[folder.path()], &["-j4"]);
        assert!(one == four, "{}: -j4 prints something else", case.name);
        let files = shuffled(case, folder.path());
        let listed = printed(&files, &["-j2"]);
        assert!(one == listed, "{}: files listed one by one", case.name);
        let backwards: Vec<_> = files.into_iter().rev().collect();
        let listed = printed(&backwards, &["-j3"]);
        assert!(one == listed, "{}: listed the other way round", case.name);
    });
}

/// The text report is as steady as the JSON.
#[test]
fn the_text_is_the_same_as_well() {
    in_parallel(case::all(), |case| {
        let folder = case.evidence.laid_out();
        let one = diagnose(&[folder.path()], &["-j1", "--all"]);
        let other = diagnose(&shuffled(case, folder.path()), &["-j4", "--all"]);
        assert_eq!(one.status, other.status, "{}", case.name);
        assert!(one.out == other.out, "{}", case.name);
        assert!(!one.out.trim().is_empty(), "{}", case.name);
    });
}

/// Steps that a text does not show are not made for it.
#[test]
fn a_text_needs_the_steps_of_the_examples_alone() {
    let left_out = in_parallel(case::all(), |case| {
        let report = |ladders| {
            let options = Options {
                threads: Some(1),
                ladders,
                ..Options::default()
            };
            let sources = case.evidence.sources();
            rdpwhy_analyzer::analyze(sources, &[], knowledge(), &options, &Silent).unwrap()
        };
        let (all, few) = (report(Ladders::All), report(Ladders::Examples));
        let style = Style {
            all: true,
            ..Style::default()
        };
        let same = render::text(&all, &style) == render::text(&few, &style);
        assert!(same, "{}: text", case.name);
        let same = render::markdown(&all, &style) == render::markdown(&few, &style);
        assert!(same, "{}: Markdown", case.name);
        let steps = |r: &Report| r.attempts.iter().map(|a| a.steps.len()).sum::<usize>();
        steps(&all) - steps(&few)
    });
    assert!(left_out.iter().sum::<usize>() > 0);
}

fn zip(evidence: &Evidence, path: &Path) {
    let mut archive = zip::ZipWriter::new(File::create(path).unwrap());
    for (label, bytes) in &evidence.0 {
        let options = zip::write::SimpleFileOptions::default();
        archive.start_file(label.as_str(), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap();
}

fn tar_gz(evidence: &Evidence, path: &Path) {
    let fast = flate2::Compression::fast();
    let encoder = flate2::write::GzEncoder::new(File::create(path).unwrap(), fast);
    let mut archive = tar::Builder::new(encoder);
    for (label, bytes) in &evidence.0 {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, label, bytes.as_slice())
            .unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
}

/// The report, and the paths of its sources taken out of it, each cut after `mark`.
fn without_paths(printed: &str, mark: &str) -> (Value, Vec<String>) {
    let mut report: Value = serde_json::from_str(printed).unwrap();
    let below = |s: &Value| text(s, "/path").split_once(mark).unwrap().1.to_owned();
    let paths = list(&report, "/sources").iter().map(below).collect();
    let sources = report["sources"].as_array_mut().unwrap();
    for source in sources {
        source["path"] = Value::Null;
    }
    (report, paths)
}

/// A collector's archive is the folder that it was made from.
#[test]
fn an_archive_differs_from_its_folder_in_paths_only() {
    in_parallel(case::all(), |case| {
        let base = TempDir::new().unwrap();
        case.evidence.put(&base.path().join("case"));
        zip(&case.evidence, &base.path().join("case.zip"));
        tar_gz(&case.evidence, &base.path().join("case.tgz"));
        let say = |name: &str, mark: &str| {
            without_paths(&printed(&[base.path().join(name)], &["-j1"]), mark)
        };
        let folder = say("case", "/case/");
        assert!(folder == say("case.zip", ".zip!"), "{}: zip", case.name);
        assert!(folder == say("case.tgz", ".tgz!"), "{}: tar.gz", case.name);
    });
}

/// Collectors nest: a zip per host inside one of all hosts.
#[test]
fn archives_inside_archives_are_looked_into() {
    let case = case::named("showcase");
    let base = TempDir::new().unwrap();
    let inner = base.path().join("inner.tgz");
    tar_gz(&case.evidence, &inner);
    let nested = Evidence(vec![(
        "collected/inner.tgz".into(),
        std::fs::read(&inner).unwrap(),
    )]);
    zip(&nested, &base.path().join("outer.zip"));
    case.evidence.put(&base.path().join("case"));
    let one = printed(&[base.path().join("case")], &[]);
    let other = printed(&[base.path().join("outer.zip")], &[]);
    let (one, other) = (
        without_paths(&one, "/case/"),
        without_paths(&other, "inner.tgz!"),
    );
    assert!(one == other);
}
