//! The process that watches the worker: gives it its limits, counts, and starts another one where one broke.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::Arguments;

/// Address space of the worker, KiB: what a wild allocation runs into.
const SPACE_KIB: u64 = 4 << 20;
/// Resident memory that a run may have at its peak, KiB. The evidence itself is below 20 MiB.
const PEAK_KIB: u64 = 512 << 10;
/// Processor time that any run may take, milliseconds.
const FLOOR_MS: u64 = 1000;
/// How many times the intact evidence's processor time.
const FACTOR: u64 = 10;
/// After this a run hangs, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(300);

#[derive(Default)]
struct Tally {
    done: u64,
    statuses: BTreeMap<u8, u64>,
    findings: Vec<String>,
    longest_ms: u64,
    largest_kib: u64,
}

/// Runs all mutations.
pub fn watch(arguments: &Arguments) -> ExitCode {
    let begun = Instant::now();
    let end = arguments.from + arguments.count;
    let mut tally = Tally::default();
    let mut next = arguments.from;
    while next < end {
        next = one_worker(arguments, next, end, &mut tally);
    }
    for finding in &tally.findings {
        println!("finding: {finding}");
    }
    let statuses: Vec<_> = tally
        .statuses
        .iter()
        .map(|(s, n)| format!("{n} × {s}"))
        .collect();
    println!(
        "{} mutations in {} s: {} findings; exit status {}; longest run {} ms of processor time, peak memory {} MiB",
        tally.done,
        begun.elapsed().as_secs(),
        tally.findings.len(),
        statuses.join(", "),
        tally.longest_ms,
        tally.largest_kib >> 10
    );
    if tally.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Lets a worker go on until it is through or breaks; returns the number to go on with.
fn one_worker(arguments: &Arguments, from: u64, end: u64, tally: &mut Tally) -> u64 {
    let mut worker = start(arguments, from, end);
    let lines = lines(&mut worker);
    let (mut number, mut name) = (from, String::new());
    loop {
        let Ok(line) = lines.recv_timeout(PATIENCE) else {
            let hung = worker.try_wait().is_ok_and(|status| status.is_none());
            let _ = worker.kill();
            let status = worker.wait().unwrap();
            if number >= end {
                return end;
            }
            let what = if hung {
                "hangs".to_owned()
            } else {
                format!("ends the process: {status}")
            };
            tally.findings.push(format!("{name}: {what}"));
            tally.done += 1;
            return number + 1;
        };
        let mut words = line.splitn(3, ' ');
        match (
            words.next(),
            words.next().and_then(|n| n.parse::<u64>().ok()),
        ) {
            (Some("start"), Some(n)) => {
                number = n;
                words.next().unwrap_or_default().clone_into(&mut name);
            }
            (Some("done"), Some(n)) => {
                tally.take(words.next().unwrap_or_default(), &name);
                number = n + 1;
                if tally.done.is_multiple_of(500) {
                    eprintln!("{} done, {} findings", tally.done, tally.findings.len());
                }
            }
            _ => {}
        }
    }
}

impl Tally {
    /// `STATUS CPU_MS INTACT_CPU_MS PEAK_KIB COMPLAINT`
    fn take(&mut self, told: &str, name: &str) {
        let words: Vec<&str> = told.splitn(5, ' ').collect();
        let number = |n: usize| {
            words
                .get(n)
                .and_then(|w| w.parse::<u64>().ok())
                .unwrap_or(0)
        };
        let (cpu, intact, peak) = (number(1), number(2), number(3));
        self.done += 1;
        *self
            .statuses
            .entry(u8::try_from(number(0)).unwrap_or(255))
            .or_default() += 1;
        self.longest_ms = self.longest_ms.max(cpu);
        self.largest_kib = self.largest_kib.max(peak);
        let complaint = words.get(4).filter(|c| !c.is_empty());
        self.findings
            .extend(complaint.map(|c| format!("{name}: {c}")));
        if cpu > FLOOR_MS.max(FACTOR * intact) {
            self.findings
                .push(format!("{name}: {cpu} ms, intact {intact} ms"));
        }
        if peak > PEAK_KIB {
            self.findings
                .push(format!("{name}: {} MiB at its peak", peak >> 10));
        }
    }
}

fn start(arguments: &Arguments, from: u64, end: u64) -> Child {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit -v {SPACE_KIB}; exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--worker",
            "--from",
            &from.to_string(),
            "--count",
            &(end - from).to_string(),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    if let Some(samples) = &arguments.samples {
        command.arg("--samples").arg(samples);
    }
    command.spawn().expect("sh")
}

fn lines(worker: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    let out = BufReader::new(worker.stdout.take().expect("piped"));
    std::thread::spawn(move || {
        for line in out.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
