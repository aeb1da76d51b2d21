//! The short way through event logs against the general one: the same events, values, logs, counts, gaps and defects, on
//! real files and on thousands of damaged ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rdpwhy_parsers::evtx::{Plan, finish, plan, read_chunks, read_chunks_generally};
use rdpwhy_parsers::{EventBatch, EventRef, ReadAt};

/// All `.evtx` files below `../shared/samples`; empty where there are none.
fn samples() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "evtx") {
                files.push(path);
            }
        }
    }
    if files.is_empty() {
        println!("skipped: ../shared/samples is not there");
    }
    files.sort();
    files
}

type Read = fn(&dyn ReadAt, &Plan, Range<u32>) -> EventBatch;

fn read(bytes: &[u8], how: Read) -> EventBatch {
    let (plan, defects) = plan(&bytes);
    let mut whole = EventBatch::default();
    whole.defects.extend(defects);
    for start in (0..plan.len()).step_by(7) {
        whole.append(how(&bytes, &plan, start..start + 7));
    }
    finish(&mut whole);
    whole
}

fn told(event: EventRef<'_>) -> String {
    let log = event.log().map(|l| (l.host.as_str(), l.channel.as_str()));
    let fields: Vec<_> = event.fields().map(|(f, v)| format!("{f}={v:?}")).collect();
    let e = event.event;
    format!(
        "{} {:?} {} {:?} {log:?} {fields:?}",
        e.kind, e.time, e.place, e.activity
    )
}

fn assert_same(bytes: &[u8], name: &str) {
    let (short, general) = (read(bytes, read_chunks), read(bytes, read_chunks_generally));
    for (a, b) in short.iter().zip(general.iter()) {
        assert_eq!(told(a), told(b), "{name}");
    }
    assert_eq!(short.events.len(), general.events.len(), "{name}");
    assert_eq!(short.logs, general.logs, "{name}");
    assert_eq!(short.defects, general.defects, "{name}");
    assert_eq!(short.unknown, general.unknown, "{name}");
    assert_eq!(short.recovered, general.recovered, "{name}");
}

#[test]
fn real_files_read_the_same() {
    for path in samples() {
        assert_same(&fs::read(&path).unwrap(), &path.display().to_string());
    }
}
