//! `damage [--times N] [--samples FOLDER] [--keep FOLDER]`: for each kind of damage, how many records of damaged event logs
//! this project's reader keeps, and how many `evtx_dump` and `evtxexport` do, where they are installed. Writes a table in
//! Markdown, and to standard error each file of which another reader kept more intact records; `--keep` writes those files.
//!
//! Of the others' records those are intact that they told of the undamaged log in the same words: what a reader makes of a
//! record that is half zero is no record kept.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a tool of this repository that says why it stops by stopping"
)]

use std::collections::BTreeSet;
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
    let (mut times, mut samples, mut keep) = (2_u64, evidence::samples(), None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().expect("a value");
        match word.as_str() {
            "--times" => times = value.parse().expect("a number"),
            "--samples" => samples = Some(PathBuf::from(value)),
            "--keep" => keep = Some(PathBuf::from(value)),
            _ => panic!("unknown argument {word}"),
        }
    }
    let logs: Vec<Log> = logs(samples.as_deref()).into_iter().map(Log::new).collect();
    println!(
        "{} logs, each damaged {times} times at other places per kind.\n",
        logs.len()
    );
    println!(
        "| damage | records before | ours | ours, recovered | evtx_dump, intact | evtx_dump, others | evtxexport, intact | evtxexport, others | logs of which another kept more |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    for kind in Damage::ALL {
        let mut sum = Sum::default();
        for log in &logs {
            for n in 0..times {
                let mut seed = Seed::of(&format!("{} {kind:?} {n}", log.name));
                let mut damaged = log.bytes.clone();
                kind.apply(&mut damaged, &mut seed);
                let name = format!("{}, {kind:?} {n}", log.name);
                if !sum.add(&name, log, &damaged)
                    && let Some(folder) = &keep
                {
                    let name = name.replace(['/', ' ', ','], "_");
                    fs::create_dir_all(folder).unwrap();
                    fs::write(folder.join(&name), &damaged).unwrap();
                    fs::write(folder.join(name + ".before"), &log.bytes).unwrap();
                }
            }
        }
        println!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            kind.name(),
            sum.before,
            sum.ours,
            sum.recovered,
            told(sum.dump),
            told(sum.export),
            sum.fewer
        );
    }
}

fn told(kept: Option<Kept>) -> String {
    kept.map_or("– | –".to_owned(), |k| {
        format!("{} | {}", k.intact, k.others)
    })
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

/// A log, and what each reader tells of it before it is damaged.
struct Log {
    name: String,
    bytes: Vec<u8>,
    ours: (u64, u64),
    dump: Option<BTreeSet<String>>,
    export: Option<BTreeSet<String>>,
}

impl Log {
    fn new((name, bytes): (String, Vec<u8>)) -> Self {
        let set = |records: Option<Vec<String>>| records.map(|r| r.into_iter().collect());
        Self {
            name,
            ours: ours(&bytes),
            dump: set(evtx_dump(&bytes)),
            export: set(evtxexport(&bytes)),
            bytes,
        }
    }
}

/// Records that another reader told.
#[derive(Default, Clone, Copy)]
struct Kept {
    intact: u64,
    others: u64,
}

impl Kept {
    fn of(told: Option<Vec<String>>, before: Option<&BTreeSet<String>>) -> Option<Self> {
        let (told, before) = (told?, before?);
        let intact = told.iter().filter(|r| before.contains(*r)).count() as u64;
        Some(Self {
            intact,
            others: told.len() as u64 - intact,
        })
    }

    fn add(total: &mut Option<Self>, more: Option<Self>) {
        let Some(more) = more else { return };
        let total = total.get_or_insert_default();
        total.intact += more.intact;
        total.others += more.others;
    }
}

#[derive(Default)]
struct Sum {
    before: u64,
    ours: u64,
    recovered: u64,
    dump: Option<Kept>,
    export: Option<Kept>,
    fewer: u64,
}

impl Sum {
    /// Counts a damaged log; whether nobody kept more of it.
    fn add(&mut self, name: &str, log: &Log, damaged: &[u8]) -> bool {
        let (ours, recovered) = ours(damaged);
        let dump = Kept::of(evtx_dump(damaged), log.dump.as_ref());
        let export = Kept::of(evtxexport(damaged), log.export.as_ref());
        self.before += log.ours.0;
        self.ours += ours;
        self.recovered += recovered;
        Kept::add(&mut self.dump, dump);
        Kept::add(&mut self.export, export);
        // What lies outside the live part now and did not before is recovered, and counts as kept.
        let kept = ours + recovered.saturating_sub(log.ours.1);
        let best = dump.map(|k| k.intact).max(export.map(|k| k.intact));
        let fewer = best.is_some_and(|best| best > kept);
        if fewer {
            self.fewer += 1;
            eprintln!(
                "{name}: ours {ours} (and {recovered}), evtx_dump {}, evtxexport {}",
                told(dump),
                told(export)
            );
        }
        !fewer
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

fn evtx_dump(bytes: &[u8]) -> Option<Vec<String>> {
    records(
        "evtx_dump",
        &["-t", "1", "-o", "jsonl"],
        bytes,
        "{\"Event\"",
    )
}

fn evtxexport(bytes: &[u8]) -> Option<Vec<String>> {
    records("evtxexport", &["-f", "xml"], bytes, "<Event xmlns")
}

/// Each record that a reader writes, from its first words on; `None` where the reader is not installed.
fn records(program: &str, args: &[&str], bytes: &[u8], begin: &str) -> Option<Vec<String>> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("log.evtx");
    fs::write(&path, bytes).unwrap();
    let mut command = Command::new(program);
    let output = command
        .args(args)
        .arg(path)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let records = text.split(begin).skip(1);
    let alone = |r: &str| {
        r.split("</Event>")
            .next()
            .unwrap_or(r)
            .trim_end()
            .to_owned()
    };
    Some(records.map(alone).collect())
}
