//! How much of real logs goes the short way.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Reader;
use super::bytes::Odd;
use crate::batch::EventBatch;
use crate::evtx::{CHUNK, plan};

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
    files.sort();
    files
}

#[test]
fn nearly_all_records_of_real_logs_go_the_short_way() {
    let (mut short, mut general, mut chunks) = (0, 0, BTreeMap::<&str, u32>::new());
    for path in samples() {
        let bytes = fs::read(&path).unwrap_or_default();
        let (plan, _) = plan(&bytes.as_slice());
        let mut reader = Reader::default();
        let mut batch = EventBatch::default();
        for chunk in &plan.chunks {
            let at = usize::try_from(chunk.offset).unwrap_or(usize::MAX);
            let Some(block) = bytes.get(at..at.saturating_add(CHUNK)) else {
                continue;
            };
            let how = match reader.take(block, &mut batch) {
                Ok(taken) => {
                    short += taken.understood;
                    general += reader.steps().len() as u64 - taken.understood;
                    match taken.rest {
                        None => "wholly",
                        Some(rest) if !rest.all_met => "up to damage",
                        Some(_) => "but for odd or old records",
                    }
                }
                Err(Odd(why)) => why,
            };
            *chunks.entry(how).or_default() += 1;
        }
    }
    println!("{short} records the short way, {general} the general one; chunks: {chunks:?}");
    if short + general == 0 {
        println!("skipped: ../shared/samples is not there");
        return;
    }
    assert!(general * 50 < short, "{chunks:?}");
}
