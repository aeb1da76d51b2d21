//! `rdpwhy parse`: the events of each source, a line each, whatever lies among them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::case;
use crate::program::{in_parallel, rdpwhy, text};
use crate::properties::none;

fn lines(args: &[&str], paths: &[&Path]) -> Vec<Value> {
    let mut args: Vec<OsString> = args.iter().map(Into::into).collect();
    args.extend(paths.iter().map(|p| p.as_os_str().to_owned()));
    let run = rdpwhy(&args);
    assert_eq!(run.status, 0, "{args:?}: {}", run.err);
    let parsed = run.out.lines().map(|l| serde_json::from_str(l).unwrap());
    parsed.collect()
}

/// How often each event is told, without what only a whole case tells of it: its attempt, and its time on the common clock.
fn events(lines: &[Value]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for line in lines.iter().filter(|l| l["kind"].is_string()) {
        let mut line = line.clone();
        let event = line.as_object_mut().unwrap();
        event.remove("attempt");
        event.remove("time");
        *counts.entry(line.to_string()).or_default() += 1;
    }
    counts
}

fn members<'a>(lines: &'a [Value], name: &str) -> Vec<&'a Value> {
    let named = lines.iter().filter_map(|l| l.get(name));
    named.filter(|v| v.is_object()).collect()
}

/// What is told source by source, without keeping anything, is what the timeline tells of the whole.
#[test]
fn each_event_of_a_timeline_is_told_by_its_source() {
    none(&in_parallel(case::all(), |case| {
        let folder = case.evidence.laid_out();
        let one = events(&lines(&["parse", "--jsonl", "-j1"], &[folder.path()]));
        let all = events(&lines(
            &["timeline", "--format", "jsonl", "-j1"],
            &[folder.path()],
        ));
        // What stands in a certificate is put where it was presented once all of Zeek's logs are read.
        let of_two_files = |line: &str| {
            let certificate = ["certificate.described", "tls.certificate"];
            line.contains("\"channel\":\"Zeek\"") && certificate.iter().any(|k| line.contains(k))
        };
        let [one, all] = [one, all].map(|mut events| {
            events.retain(|line, _| !of_two_files(line));
            events
        });
        let only = |a: &BTreeMap<String, u64>, b: &BTreeMap<String, u64>| {
            let more = a.iter().find(|(line, n)| b.get(*line) != Some(n));
            more.map(|(line, n)| format!("{n} × {line}"))
        };
        let differ = only(&one, &all).or_else(|| only(&all, &one));
        differ.map(|d| format!("{}: {d}", case.name))
    }));
}

#[test]
fn what_cannot_be_read_is_a_line_and_stops_nothing() {
    let folder = case::named("showcase").evidence.laid_out();
    let base = folder.path();
    fs::create_dir(base.join("other")).unwrap();
    fs::write(base.join("other/notes.txt"), "text").unwrap();
    fs::write(base.join("empty.evtx"), "").unwrap();
    let (_, mut torn) = showcase_log();
    torn.truncate(torn.len() - 30_000);
    fs::write(base.join("torn.evtx"), torn).unwrap();
    let paths = ["no/such", "other", "empty.evtx", "torn.evtx"].map(|p| base.join(p));
    let paths: Vec<&Path> = paths.iter().map(std::path::PathBuf::as_path).collect();
    let lines = lines(&["parse"], &paths);
    let errors = members(&lines, "error");
    let of = |part: &str| {
        let found = errors.iter().find(|e| text(e, "/source").ends_with(part));
        text(found.unwrap(), "/what").to_owned()
    };
    assert_eq!(of("no/such"), "no such file or folder");
    assert_eq!(of("other"), "there is no event log and no capture in it");
    assert!(of("empty.evtx").contains("empty"), "{}", of("empty.evtx"));
    assert_eq!(errors.len(), 3);
    let ends = members(&lines, "end");
    assert_eq!(ends.len(), 1);
    let told = lines.iter().filter(|l| l["kind"].is_string()).count();
    assert_eq!(ends[0]["events"], told, "{}", ends[0]);
    assert!(told > 20, "{told}");
    assert!(!members(&lines, "defect").is_empty());
}

/// An archive and a copy of a log beside it: each is a source of its own, and a copy inside one source is told once.
#[test]
fn a_log_that_holds_its_chunks_twice_tells_each_event_once() {
    let (_, log) = showcase_log();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("twice.evtx");
    fs::write(&path, &log).unwrap();
    let once = events(&lines(&["parse"], &[&path]));
    let twice = [&log[..], &log[4096..]].concat();
    fs::write(&path, twice).unwrap();
    assert_eq!(once, events(&lines(&["parse"], &[&path])));
    assert!(once.len() > 20);
}

fn showcase_log() -> (&'static str, Vec<u8>) {
    let files = &case::named("showcase").evidence.0;
    let largest = files.iter().filter(|(name, _)| name.ends_with(".evtx"));
    let (name, bytes) = largest.max_by_key(|(_, b)| b.len()).unwrap();
    (name, bytes.clone())
}
