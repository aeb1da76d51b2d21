//! Event log files as they really are: every record that the `evtx` crate reads is there, whatever the split, and no
//! damage makes the reader fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rdpwhy_parsers::evtx::{finish, looks_like, plan, read_chunks};
use rdpwhy_parsers::{EventBatch, EventRef};

/// All `.evtx` files below `../shared/samples`, unpacked ones only; empty where there are none.
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

/// Reads a file in pieces of so many chunks, as a scheduler would.
fn read(bytes: &[u8], chunks_per_piece: u32) -> EventBatch {
    let (plan, defects) = plan(&bytes);
    let mut whole = EventBatch::default();
    whole.defects.extend(defects);
    let mut start = 0;
    while start < plan.len() {
        whole.append(read_chunks(
            &bytes,
            &plan,
            start..start.saturating_add(chunks_per_piece),
        ));
        start = start.saturating_add(chunks_per_piece);
    }
    finish(&mut whole);
    whole
}

/// Records by provider and id as the crate alone reads them, and how many it could not read.
fn oracle(bytes: &[u8]) -> (BTreeMap<(String, u64), u64>, u64) {
    let mut counts = BTreeMap::new();
    let mut failed = 0;
    let Ok(mut parser) = ::evtx::EvtxParser::from_buffer(bytes.to_vec()) else {
        return (counts, 1);
    };
    for record in parser.records_json_value() {
        let Ok(record) = record else {
            failed += 1;
            continue;
        };
        let system = &record.data["Event"]["System"];
        let id = system["EventID"].get("#text").unwrap_or(&system["EventID"]);
        let id = id.as_u64().or_else(|| id.as_str()?.parse().ok()).unwrap();
        let provider = system["Provider"]["#attributes"]["Name"]
            .as_str()
            .unwrap()
            .to_owned();
        *counts.entry((provider, id)).or_default() += 1;
    }
    (counts, failed)
}

fn told(event: EventRef<'_>) -> String {
    let log = event.log().map(|l| (l.host.as_str(), l.channel.as_str()));
    let fields: Vec<_> = event.fields().map(|(f, v)| format!("{f}={v:?}")).collect();
    format!(
        "{} {:?} {} {:?} {fields:?}",
        event.event.kind, event.event.time, event.event.place, log
    )
}

#[test]
fn every_record_that_the_crate_reads_is_read() {
    for path in samples() {
        let bytes = fs::read(&path).unwrap();
        assert!(looks_like(&bytes), "{}", path.display());
        let (expected, failed) = oracle(&bytes);
        let batch = read(&bytes, 3);
        let live = batch.logs.iter().map(|l| l.records).sum::<u64>() - batch.recovered;
        let wanted = expected.values().sum::<u64>();
        if failed == 0 {
            assert_eq!(live, wanted, "{}", path.display());
        } else {
            assert!(live >= wanted, "{}: {live} of {wanted}", path.display());
            let lost = batch.defects.iter().map(|d| d.lost).sum::<u64>();
            assert!(
                lost >= failed,
                "{}: {lost} of {failed} told: {:?}",
                path.display(),
                batch.defects
            );
        }
        // What no data file describes is counted by provider and id, the rest are events.
        for ((provider, id), n) in &batch.unknown {
            let wanted = expected
                .get(&(provider.clone(), u64::from(*id)))
                .copied()
                .unwrap_or(0);
            assert!(
                *n <= wanted + batch.recovered,
                "{}: {provider} {id}",
                path.display()
            );
        }
        let unknown = batch.unknown.values().sum::<u64>();
        assert!(
            batch.events.len() as u64 + unknown >= live,
            "{}",
            path.display()
        );
    }
}

#[test]
fn the_split_does_not_matter() {
    for path in samples() {
        let bytes = fs::read(&path).unwrap();
        let one = read(&bytes, u32::MAX);
        let many = read(&bytes, 1);
        assert_eq!(one.logs, many.logs, "{}", path.display());
        assert_eq!(one.defects, many.defects, "{}", path.display());
        assert_eq!(
            (one.recovered, &one.unknown),
            (many.recovered, &many.unknown),
            "{}",
            path.display()
        );
        assert!(
            one.iter().map(told).eq(many.iter().map(told)),
            "{}",
            path.display()
        );
    }
}

/// xorshift: the same damage in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).unwrap()
    }
}

#[test]
fn damage_loses_records_and_nothing_else() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for path in samples()
        .into_iter()
        .filter(|p| fs::metadata(p).is_ok_and(|m| m.len() < 80_000))
        .take(12)
    {
        let whole = fs::read(&path).unwrap();
        for round in 0..24 {
            let mut bytes = whole.clone();
            match round % 3 {
                0 => bytes.truncate(dice.below(whole.len())),
                1 => {
                    let at = dice.below(whole.len());
                    let end = (at + dice.below(600)).min(whole.len());
                    bytes[at..end].fill(if round % 2 == 0 { 0 } else { 0xFF });
                }
                _ => {
                    for _ in 0..40 {
                        let at = dice.below(whole.len());
                        bytes[at] = u8::try_from(dice.below(256)).unwrap();
                    }
                }
            }
            let batch = read(&bytes, 2);
            if bytes.len() < whole.len() {
                assert!(
                    !batch.defects.is_empty(),
                    "{}: cut to {} without a word",
                    path.display(),
                    bytes.len()
                );
            }
            for event in batch.iter() {
                let _ = told(event);
            }
        }
    }
}

#[test]
fn files_without_records_are_read_as_such() {
    for bytes in [
        &b""[..],
        b"ElfFile\0",
        &[0; 4096],
        &vec![0; 70_000],
        b"ElfChnk\0",
        &[0xFF; 5000],
    ] {
        let batch = read(bytes, 1);
        assert!(batch.events.is_empty() && batch.logs.is_empty());
    }
    let mut empty = vec![0; 4096 + 65536];
    empty[..8].copy_from_slice(b"ElfFile\0");
    assert!(looks_like(&empty));
    assert!(!looks_like(b"PK\x03\x04"));
}

#[test]
fn a_carved_chunk_and_a_file_without_its_first_bytes_are_read() {
    let Some(path) = samples()
        .into_iter()
        .find(|p| p.ends_with("evtx/single/DE_RDP_Tunnel_5156.evtx"))
    else {
        return;
    };
    let whole = fs::read(path).unwrap();
    let count = |batch: &EventBatch| batch.logs.iter().map(|l| l.records).sum::<u64>();
    let intact = count(&read(&whole, 1));
    assert!(intact > 0);

    let carved = &whole[4096..];
    assert!(looks_like(carved));
    assert_eq!(count(&read(carved, 1)), intact);

    let mut damaged = whole.clone();
    damaged[..4096].fill(0);
    let batch = read(&damaged, 1);
    assert!(looks_like(&damaged));
    assert_eq!(count(&batch), intact);
    assert!(
        batch.defects.iter().any(|d| d.at == "file header"),
        "{:?}",
        batch.defects
    );

    let mut shifted = whole[..4096].to_vec();
    shifted.extend([0x55; 700]);
    shifted.extend(carved);
    assert_eq!(count(&read(&shifted, 1)), intact);

    let mut unsigned = whole;
    unsigned[4096..4104].fill(0);
    assert_eq!(count(&read(&unsigned, 1)), intact);
}

/// A file that somebody cuts behind the reader's back.
struct Shrinking<'a> {
    whole: &'a [u8],
    left: usize,
}

impl rdpwhy_parsers::ReadAt for Shrinking<'_> {
    fn size(&self) -> u64 {
        self.whole.len() as u64
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        (&self.whole[..self.left]).read_at(offset, buffer)
    }
}

#[test]
fn a_file_that_shrinks_tells_it_once() {
    let mut whole = vec![0; 4096];
    whole[..8].copy_from_slice(b"ElfFile\0");
    for _ in 0..40 {
        let mut chunk = vec![0; 65536];
        chunk[..8].copy_from_slice(b"ElfChnk\0");
        whole.extend(chunk);
    }
    let (plan, _) = plan(&whole);
    let shrunk = Shrinking {
        whole: &whole,
        left: 4096 + 65536 * 10,
    };
    let mut batch = EventBatch::default();
    for start in (0..plan.len()).step_by(16) {
        batch.append(read_chunks(&shrunk, &plan, start..start + 16));
    }
    finish(&mut batch);
    let gone: Vec<_> = batch
        .defects
        .iter()
        .filter(|d| d.what.contains("shorter"))
        .collect();
    assert_eq!(gone.len(), 1, "{:?}", batch.defects);
    assert_eq!(gone[0].at, "chunk 10");
    assert!(
        gone[0].what.starts_with("with the 29 behind it not there"),
        "{}",
        gone[0].what
    );
}
