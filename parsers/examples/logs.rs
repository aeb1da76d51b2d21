//! How fast event logs are read, and what of them goes the slow way: `cargo run --release --example logs -- FILE…`.
//!
//! One line a file: chunks, records, events, nanoseconds a record and gigabytes a second, on one thread and out of memory.
//! Time is that of the processor where the system tells it (Linux), else that of the wall.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Instant;

use rdpwhy_parsers::evtx::{plan, read_chunks};

/// Each file is read so often; the quickest counts.
const TIMES: u32 = 5;

/// Nanoseconds that this thread has worked, or that have gone by since `start`.
fn worked(start: Instant) -> f64 {
    let told = fs::read_to_string("/proc/thread-self/schedstat").ok();
    let first = |text: String| text.split(' ').next()?.parse().ok();
    told.and_then(first)
        .unwrap_or_else(|| start.elapsed().as_secs_f64() * 1e9)
}

fn main() -> ExitCode {
    let begin = Instant::now();
    let mut out = io::stdout().lock();
    let mut sum = (0, 0.0, 0);
    for file in std::env::args().skip(1) {
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(e) => {
                eprintln!("{file}: {e}");
                return ExitCode::FAILURE;
            }
        };
        let (plan, _) = plan(&bytes);
        let mut best = f64::MAX;
        let (mut records, mut events) = (0, 0);
        for _ in 0..TIMES {
            let start = worked(begin);
            (records, events) = (0, 0);
            for from in (0..plan.len()).step_by(16) {
                let batch = read_chunks(&bytes, &plan, from..from.saturating_add(16));
                records += batch.logs.iter().map(|l| l.records).sum::<u64>();
                events += batch.events.len();
            }
            best = best.min((worked(begin) - start) / 1e9);
        }
        sum = (sum.0 + records, sum.1 + best, sum.2 + bytes.len());
        #[allow(clippy::cast_precision_loss, reason = "figures for people")]
        let (each, rate) = (
            best * 1e9 / records.max(1) as f64,
            bytes.len() as f64 / best / 1e9,
        );
        let line = format!(
            "{:7} chunks {records:9} records {events:9} events {each:7.0} ns/record {rate:6.2} GB/s  {file}",
            plan.len()
        );
        if writeln!(out, "{line}").is_err() {
            break;
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "figures for people")]
    let (each, rate) = (
        sum.1 * 1e9 / sum.0.max(1) as f64,
        sum.2 as f64 / sum.1 / 1e9,
    );
    let _ = writeln!(
        out,
        "all: {:.3} s, {each:.0} ns/record, {rate:.2} GB/s",
        sum.1
    );
    ExitCode::SUCCESS
}
