//! Captures, and a whole case: frames to events, then everything from files to verdicts on one thread and on more.
//!
//! `scan`: the showcase's capture, in which most packets belong to connections that are followed; `other`: as many packets
//! that are none of Remote Desktop's. `case`: the showcase, end to end. Throughput is bytes of the files.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench stops when its input is wrong, and criterion's macros write no documentation"
)]

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rdpwhy_analyzer::{Knowledge, Options, Silent, Source, analyze};
use rdpwhy_parsers::pcap;

fn showcase() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/showcase")
}

fn files(folder: &Path, to: &mut Vec<(String, Vec<u8>)>) {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    for path in entries {
        if path.is_dir() {
            files(&path, to);
        } else {
            to.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

/// A classic capture of UDP datagrams between two hosts that have nothing to do with Remote Desktop.
fn other(packets: u32) -> Vec<u8> {
    let mut bytes = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0".to_vec();
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, 2, 28];
    frame.extend([0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0, 0, 5, 10, 0, 0, 9]);
    frame.extend([0xC3, 0x50, 0x13, 0x88, 2, 8, 0, 0]);
    frame.resize(14 + 540, 0x5A);
    let length = u32::try_from(frame.len()).unwrap();
    for n in 0..packets {
        for word in [1_763_700_000 + n / 1000, n % 1000 * 1000, length, length] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(&frame);
    }
    bytes
}

fn scan(c: &mut Criterion) {
    let capture = fs::read(showcase().join("wire.pcapng")).unwrap();
    let mut group = c.benchmark_group("capture");
    for (name, bytes) in [("scan", capture), ("other", other(10_000))] {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |b| b.iter(|| pcap::read(black_box(&bytes), None)));
    }
    group.finish();
}

fn case(c: &mut Criterion) {
    let mut evidence = Vec::new();
    files(&showcase(), &mut evidence);
    let knowledge = Knowledge::embedded().unwrap();
    let most = std::thread::available_parallelism().map_or(1, usize::from);
    let mut group = c.benchmark_group("case");
    group.sample_size(20);
    let size = evidence.iter().map(|(_, b)| b.len() as u64).sum();
    group.throughput(Throughput::Bytes(size));
    for threads in 1..=most {
        group.bench_function(BenchmarkId::from_parameter(threads), |b| {
            b.iter(|| {
                let source = |(label, bytes): &(String, Vec<u8>)| Source {
                    label: label.clone(),
                    bytes: Box::new(bytes.clone()),
                };
                let options = Options {
                    threads: Some(threads),
                    ..Options::default()
                };
                let sources = evidence.iter().map(source).collect();
                analyze(sources, &[], &knowledge, &options, &Silent).unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, scan, case);
criterion_main!(benches);
