//! The timeline holds every record: those that the catalogue knows as events, the others as counts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

use rdpwhy_analyzer::timeline::{Count, Filter};
use rdpwhy_analyzer::{Knowledge, Options, Silent, Source, timeline};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

type Counts = BTreeMap<(String, u32), u64>;

fn samples() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples/evtx");
    if !root.is_dir() {
        println!("skipped: {} is not there", root.display());
        return Vec::new();
    }
    let mut folders = vec![root];
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

/// Live records per provider and id as the crate reads them, and how many it cannot read.
fn oracle(path: &Path) -> (Counts, u64) {
    let mut counts = Counts::new();
    let mut failed = 0;
    let mut parser = evtx::EvtxParser::from_path(path).unwrap();
    for record in parser.records_json_value() {
        let Ok(record) = record else {
            failed += 1;
            continue;
        };
        let system = &record.data["Event"]["System"];
        let provider = system["Provider"]["#attributes"]["Name"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        // A number, or a text in records that were forwarded.
        let id = system["EventID"].get("#text").unwrap_or(&system["EventID"]);
        let id = id
            .as_u64()
            .unwrap_or_else(|| id.as_str().unwrap().parse().unwrap());
        *counts
            .entry((provider, u32::try_from(id).unwrap()))
            .or_default() += 1;
    }
    (counts, failed)
}

/// The counts, and the events of the timeline by the same key.
fn ours(path: &Path) -> (Vec<Count>, Counts, Counts) {
    let source = Source {
        label: "log".to_owned(),
        bytes: Box::new(fs::read(path).unwrap()),
    };
    let knowledge = Knowledge::embedded().unwrap();
    timeline(
        vec![source],
        &[],
        &knowledge,
        &Options::default(),
        &Silent,
        |told| {
            let (mut live, mut recovered) = (Counts::new(), Counts::new());
            for entry in told.entries(&Filter::default()) {
                let (provider, id) = entry.origin.expect("a record");
                let counts = if entry.recovered {
                    &mut recovered
                } else {
                    &mut live
                };
                *counts.entry((provider.to_owned(), id)).or_default() += 1;
            }
            (told.counts(), live, recovered)
        },
    )
    .unwrap()
}

#[test]
fn every_live_record_is_an_event_or_a_count() {
    for path in samples() {
        let (wanted, failed) = oracle(&path);
        let (counts, events, recovered) = ours(&path);
        let mut found = Counts::new();
        for count in counts.iter().filter(|c| c.live > 0) {
            *found.entry((count.provider.clone(), count.id)).or_default() += count.live;
        }
        if failed == 0 {
            assert_eq!(found, wanted, "{}", path.display());
        } else {
            // Where the crate's walk gives up on a chunk, ours goes on: never less, and at most what it failed on.
            for (key, n) in &wanted {
                let ours = found.get(key).copied().unwrap_or(0);
                assert!(
                    ours >= *n && ours <= n + failed,
                    "{}: {key:?} {ours}, not {n}",
                    path.display()
                );
            }
        }
        for (counted, told) in [(|c: &Count| c.live) as fn(&Count) -> u64, |c| c.recovered]
            .iter()
            .zip([events, recovered])
        {
            let known = counts.iter().filter(|c| c.known && counted(c) > 0);
            let known: Counts = known
                .map(|c| ((c.provider.clone(), c.id), counted(c)))
                .collect();
            assert_eq!(told, known, "{}", path.display());
        }
    }
}
