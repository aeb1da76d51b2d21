//! Real clients against real servers, faults made on purpose, and the program listening on the router between them.
//!
//! Runs as root, in network namespaces of its own: nothing of it reaches the machine's network. Where it cannot run, it says
//! what is missing and succeeds. `cargo test -p rdpwhy-tests --test lab -- reset` runs the scenarios with that word in their
//! name; `RDPWHY=path` listens with that program instead of this build.

#![allow(
    clippy::print_stdout,
    reason = "a test harness of its own: its output is the result"
)]

mod net;
mod peers;
mod play;
mod probes;
mod scenarios;
mod shell;
mod sniffer;

use std::collections::BTreeMap;
use std::process::{Command, ExitCode};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use net::Net;
use peers::Bench;
use probes::Probed;
use scenarios::{Scenario, Wanted};
use serde_json::Value;
use sniffer::{Heard, Sniffer};

/// Programs that it needs, and the Debian package that each comes from.
const NEEDED: &[(&str, &str)] = &[
    ("ip", "iproute2"),
    ("ss", "iproute2"),
    ("nft", "nftables"),
    ("sysctl", "procps"),
    ("openssl", "openssl"),
    ("Xvfb", "xvfb"),
    ("xrdp", "xrdp"),
    ("xfreerdp", "freerdp2-x11"),
    ("freerdp-shadow-cli", "freerdp2-shadow-x11"),
    ("winpr-hash", "winpr-utils"),
    ("rdesktop", "rdesktop"),
];
/// Stories whose peers may fail to come up, out of all.
const MOST_UNPLAYED: usize = 3;
/// Scenarios at a time. They mostly wait.
const AT_ONCE: usize = 4;
/// A verdict has to be there so long after the end, seconds; after a timeout twice that.
const ON_TIME: f64 = 1.0;

fn main() -> ExitCode {
    let words: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    if words.first().is_some_and(|w| w == "rdpwhy") {
        let surroundings = rdpwhy::Surroundings::of_this_process();
        let (mut out, mut err) = (std::io::stdout(), std::io::stderr());
        return ExitCode::from(rdpwhy::run_in(words, &mut out, &mut err, &surroundings));
    }
    if let Some(why) = impossible() {
        println!("skipped: the lab of real peers {why}");
        return ExitCode::SUCCESS;
    }
    // Options of the usual harness mean nothing here; a word chooses.
    let asked: Vec<String> = words
        .iter()
        .map(|w| w.to_string_lossy().into_owned())
        .filter(|w| !w.starts_with('-'))
        .collect();
    match lab(&asked) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(wrong) => {
            println!("{wrong} scenarios are wrong");
            ExitCode::FAILURE
        }
        Err(e) => {
            println!("the lab could not be set up: {e}");
            ExitCode::FAILURE
        }
    }
}

/// Why it cannot run here.
fn impossible() -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("needs Linux".to_owned());
    }
    let missing: Vec<&str> = NEEDED
        .iter()
        .filter(|(program, _)| !shell::there(program))
        .map(|(_, package)| *package)
        .collect();
    if !missing.is_empty() {
        return Some(format!("needs {}", missing.join(" ")));
    }
    if shell::run("id -u").ok()?.trim() != "0" {
        return Some("needs root".to_owned());
    }
    Net::new(0)
        .err()
        .map(|e| format!("needs network namespaces: {e}"))
}

/// What is played.
enum Story {
    Live(&'static Scenario),
    Probe(&'static Probed),
}

impl Story {
    fn name(&self) -> &'static str {
        match self {
            Self::Live(s) => s.name,
            Self::Probe(p) => p.name,
        }
    }

    fn play(&self, bench: &Bench, number: usize) -> Result<(bool, String), String> {
        let net = Net::new(number)?;
        match self {
            Self::Live(scenario) => watched(scenario, &net, bench, number),
            Self::Probe(probed) => probes::play(probed, &net, bench, number),
        }
    }
}

fn lab(asked: &[String]) -> Result<usize, String> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let bench = Bench::new(folder.path())?;
    let live = scenarios::ALL.iter().map(Story::Live);
    let chosen: Vec<(usize, Story)> = live
        .chain(probes::ALL.iter().map(Story::Probe))
        .enumerate()
        .filter(|(_, s)| asked.is_empty() || asked.iter().any(|word| s.name().contains(word)))
        .collect();
    let next = AtomicUsize::new(0);
    let (wrong, unplayed) = (Mutex::new(0), Mutex::new(0));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((n, story)) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    // A peer that does not come up on a loaded machine may do so the next time.
                    let played = story
                        .play(&bench, *n + 1)
                        .or_else(|_| story.play(&bench, *n + 1));
                    let (word, sum, text) = match played {
                        Ok((true, text)) => ("ok   ", None, text),
                        Ok((false, text)) => ("WRONG", Some(&wrong), text),
                        Err(e) => ("not played", Some(&unplayed), e),
                    };
                    println!("{word} {}: {text}", story.name());
                    if let Some(Ok(mut sum)) = sum.map(Mutex::lock) {
                        *sum += 1;
                    }
                }
            });
        }
    });
    let count = |sum: &Mutex<usize>| sum.lock().map_or(usize::MAX, |n| *n);
    let (mut wrong, unplayed) = (count(&wrong), count(&unplayed));
    // Nothing is said against the program where its peers did not come up; but then nothing was tested either.
    if unplayed > MOST_UNPLAYED {
        wrong += unplayed;
    }
    if wrong > 0 && std::env::var_os("RDPWHY_LAB_KEEP").is_some() {
        println!("logs are kept in {}", folder.keep().display());
    }
    Ok(wrong)
}

/// Runs this program, or the one that `RDPWHY` names, on a computer of the lab or beside it; the JSON that it printed.
fn program(place: Option<(&Net, &str)>, words: &[&str]) -> Result<Value, String> {
    let (program, own) = under_test()?;
    let mut command = match place {
        Some((net, who)) => net.on(who, &program),
        None => Command::new(&program),
    };
    let told = command.args(own).args(words).output();
    let told = told.map_err(|e| format!("{program}: {e}"))?;
    serde_json::from_slice(&told.stdout)
        .map_err(|e| format!("{words:?}: {e}: {}", String::from_utf8_lossy(&told.stderr)))
}

/// The program under test, and what stands before its arguments.
fn under_test() -> Result<(String, &'static [&'static str]), String> {
    if let Ok(path) = std::env::var("RDPWHY") {
        return Ok((path, &[]));
    }
    let me = std::env::current_exe().map_err(|e| e.to_string())?;
    Ok((me.display().to_string(), &["rdpwhy"]))
}

fn watched(
    scenario: &Scenario,
    net: &Net,
    bench: &Bench,
    number: usize,
) -> Result<(bool, String), String> {
    let failed = bench.open.join(format!("{number}-failed.pcapng"));
    let sniffer = Sniffer::start(net, &failed)?;
    thread::sleep(Duration::from_millis(200));
    let played = play::play(scenario, net, bench, number);
    let heard = sniffer.stop();
    if std::env::var_os("RDPWHY_LAB_KEEP").is_some() {
        let lines: String = heard
            .iter()
            .map(|h| format!("{} {}\n", h.at, h.line))
            .collect();
        let _ = std::fs::write(bench.folder.join(format!("{number}-lines.jsonl")), lines);
    }
    played?;
    let (ok, text) = judged(scenario, &heard);
    let live = heard.last().map(|h| &h.line["report"]);
    let live = live.map(probes::failures).unwrap_or_default();
    let file = failed.display().to_string();
    let again = program(None, &["diagnose", &file, "--format", "json"])?;
    let again = probes::failures(&again);
    if again == live {
        return Ok((ok, text));
    }
    let text =
        format!("{text}; of the packets that were kept diagnose says {again:?}, not {live:?}");
    Ok((false, text))
}

/// Whether what was heard is right and on time, and a few words about it.
fn judged(scenario: &Scenario, heard: &[Heard]) -> (bool, String) {
    let mut last: BTreeMap<String, &Value> = BTreeMap::new();
    let (mut slowest, mut blamed) = (0.0f64, false);
    let mut summary = false;
    for Heard { line, at } in heard {
        summary |= line["type"] == "summary";
        if line["type"] != "attempt" {
            continue;
        }
        let id = line["attempt"]["id"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let bad = matches!(line["state"].as_str(), Some("failed" | "dropped"));
        blamed |= bad;
        if bad && !last.get(&id).is_some_and(|l| l["state"] == line["state"]) {
            slowest = slowest.max(at - moment(&line["attempt"]["ended"]));
        }
        last.insert(id, line);
    }
    if !summary {
        return (false, "there is no summary".to_owned());
    }
    let told: Vec<String> = last.values().map(|l| told(l)).collect();
    let text = told.join("; ");
    match scenario.wanted {
        Wanted::Healthy => {
            let good = last
                .values()
                .any(|l| matches!(l["state"].as_str(), Some("ok" | "open")));
            (good && !blamed, text)
        }
        Wanted::Waiting => {
            let waits = last.values().any(|l| l["state"] == "waiting");
            (waits && !blamed, text)
        }
        Wanted::Failure(causes) => {
            let bad = |l: &&&Value| matches!(l["state"].as_str(), Some("failed" | "dropped"));
            let right = |l: &&Value| match l["verdict"]["cause"].as_str() {
                Some(cause) => causes.contains(&cause),
                None => l["verdict"]["missing"]
                    .as_array()
                    .is_some_and(|m| !m.is_empty()),
            };
            let all: Vec<&&Value> = last.values().filter(bad).collect();
            let late = if scenario.patience > 0.0 {
                2.0 * ON_TIME
            } else {
                ON_TIME
            };
            let on_time = slowest <= scenario.patience + late;
            let ok = !all.is_empty() && all.iter().all(|l| right(l)) && on_time;
            (ok, format!("{text}; said {slowest:.2} s after the end"))
        }
    }
}

fn told(line: &Value) -> String {
    let word = |v: &Value| v.as_str().unwrap_or("no cause").to_owned();
    let state = word(&line["state"]);
    if matches!(state.as_str(), "failed" | "dropped") {
        let confidence = line["verdict"]["confidence"]
            .as_str()
            .unwrap_or("inconclusive");
        let stage = word(&line["attempt"]["stage"]);
        return format!(
            "{state} at {stage}: {} ({confidence})",
            word(&line["verdict"]["cause"])
        );
    }
    state
}

/// Seconds since 1970.
fn moment(time: &Value) -> f64 {
    let parsed = time
        .as_str()
        .and_then(|t| t.parse::<jiff::Timestamp>().ok());
    parsed.map_or(0.0, |t| {
        t.duration_since(jiff::Timestamp::UNIX_EPOCH).as_secs_f64()
    })
}
