//! `damage [--times N] [--samples FOLDER]`: for each kind of damage, how many records of damaged event logs this project's
//! reader keeps, and how many `evtx_dump` and `evtxexport` do, where they are installed. Writes a table in Markdown, and to
//! standard error each file of which another reader kept more.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a tool of this repository that says why it stops by stopping"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rdpwhy_fixtures::seed::Seed;
use rdpwhy_parsers::evtx;
use rdpwhy_tests::damage::Damage;
use rdpwhy_tests::evidence;
use tempfile::TempDir;

/// Larger logs take longer and show nothing more.
const LARGEST: u64 = 3 << 20;

fn main() {
    let (mut times, mut samples) = (2_u64, evidence::samples());
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().expect("a value");
        match word.as_str() {
            "--times" => times = value.parse().expect("a number"),
            "--samples" => samples = Some(PathBuf::from(value)),
            _ => panic!("unknown argument {word}"),
        }
    }
    let logs = logs(samples.as_deref());
    println!(
        "{} logs, each damaged {times} times at other places per kind.\n",
        logs.len()
    );
    println!(
        "| damage | records before | ours | ours, recovered | evtx_dump | evtxexport | logs of which another kept more |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|");
    for kind in Damage::ALL {
        let mut sum = Sum::default();
        for (name, bytes) in &logs {
            for n in 0..times {
                let mut seed = Seed::of(&format!("{name} {kind:?} {n}"));
                let mut damaged = bytes.clone();
                kind.apply(&mut damaged, &mut seed);
                sum.add(&format!("{name}, {kind:?} {n}"), bytes, &damaged);
            }
        }
        println!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            kind.name(),
            sum.before,
            sum.ours,
            sum.recovered,
            sum.dump.map_or("–".to_owned(), |n| n.to_string()),
            sum.export.map_or("–".to_owned(), |n| n.to_string()),
            sum.fewer
        );
    }
}

/// Logs of the described cases with damage of their own, and real ones.
fn logs(samples: Option<&Path>) -> Vec<(String, Vec<u8>)> {
    let mut logs = Vec::new();
    for case in ["showcase", "forwarded", "live-copy"] {
        let files = evidence::case(case).into_iter();
        let files =
            files.filter(|(label, _)| Path::new(label).extension().is_some_and(|e| e == "evtx"));
        logs.extend(files.map(|(label, bytes)| (format!("{case}/{label}"), bytes)));
    }
    for path in samples.map(evidence::files).unwrap_or_default() {
        let is_log = path.extension().is_some_and(|e| e == "evtx");
        let collected = path.components().any(|c| c.as_os_str() == "log-cases");
        if is_log && !collected && fs::metadata(&path).unwrap().len() <= LARGEST {
            logs.push((
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read(&path).unwrap(),
            ));
        }
    }
    logs
}

#[derive(Default)]
struct Sum {
    before: u64,
    ours: u64,
    recovered: u64,
    dump: Option<u64>,
    export: Option<u64>,
    fewer: u64,
}

impl Sum {
    fn add(&mut self, name: &str, before: &[u8], damaged: &[u8]) {
        let (ours, recovered) = ours(damaged);
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("log.evtx");
        fs::write(&path, damaged).unwrap();
        let dump = count(
            "evtx_dump",
            &["-t", "1", "-o", "jsonl"],
            &path,
            "{\"Event\"",
        );
        let export = count("evtxexport", &["-f", "xml"], &path, "<Event xmlns");
        self.before += self::ours(before).0;
        self.ours += ours;
        self.recovered += recovered;
        for (total, n) in [(&mut self.dump, dump), (&mut self.export, export)] {
            if let Some(n) = n {
                *total = Some(total.unwrap_or(0) + n);
            }
        }
        if dump.max(export).is_some_and(|best| best > ours) {
            self.fewer += 1;
            eprintln!(
                "{name}: ours {ours} (and {recovered}), evtx_dump {dump:?}, evtxexport {export:?}"
            );
        }
    }
}

/// Live records read, and records from outside the live part.
fn ours(bytes: &[u8]) -> (u64, u64) {
    let (plan, _) = evtx::plan(&bytes);
    let mut batch = evtx::read_chunks(&bytes, &plan, 0..plan.len());
    evtx::finish(&mut batch);
    let all: u64 = batch.logs.iter().map(|l| l.records).sum();
    (all.saturating_sub(batch.recovered), batch.recovered)
}

/// How often a reader writes a record's first words; `None` where the reader is not installed.
fn count(program: &str, args: &[&str], path: &Path, word: &str) -> Option<u64> {
    let mut command = Command::new(program);
    let output = command
        .args(args)
        .arg(path)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(text.matches(word).count() as u64)
}
