//! The process that runs the program, over and over, and tells after each run how it went.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use tempfile::TempDir;

use super::Arguments;
use super::subject::{all, mutation};

const FORMATS: [&str; 3] = ["json", "text", "markdown"];
/// What `/proc` counts processor time in.
const TICK_MS: u64 = 10;

/// What one run was like.
struct Run {
    status: u8,
    out: Vec<u8>,
    cpu_ms: u64,
    peak_kib: u64,
}

/// Tells `start NUMBER NAME`, then `done NUMBER STATUS CPU_MS INTACT_CPU_MS PEAK_KIB COMPLAINT` for each mutation.
pub fn work(arguments: &Arguments) {
    let subjects = all(arguments.samples.as_deref());
    let mut intact = BTreeMap::new();
    for number in arguments.from..arguments.from + arguments.count {
        let mutation = mutation(&subjects, number);
        tell(&format!("start {number} {}", mutation.name()));
        let format = FORMATS[usize::try_from(number % 3).unwrap()];
        let base = *intact.entry(mutation.index).or_insert_with(|| {
            let folder = TempDir::new().unwrap();
            mutation.subject.put(folder.path());
            run(folder.path(), format).map_or(0, |r| r.cpu_ms)
        });
        let folder = TempDir::new().unwrap();
        mutation.put(folder.path());
        match run(folder.path(), format) {
            Ok(run) => {
                let complaint = complaint(&run, format).unwrap_or_default();
                tell(&format!(
                    "done {number} {} {} {base} {} {complaint}",
                    run.status, run.cpu_ms, run.peak_kib
                ));
            }
            Err(()) => tell(&format!("done {number} 255 0 {base} 0 panicked")),
        }
    }
}

fn tell(line: &str) {
    println!("{line}");
    std::io::stdout().flush().unwrap();
}

/// `Err`: it panicked, and said so on standard error.
fn run(folder: &Path, format: &str) -> Result<Run, ()> {
    let words = [
        "rdpwhy".into(),
        "diagnose".into(),
        folder.as_os_str().to_owned(),
    ];
    let more = ["--format", format, "-j1"].map(OsString::from);
    let args: Vec<OsString> = words.into_iter().chain(more).collect();
    // Resets the peak (proc(5)).
    let _ = fs::write("/proc/self/clear_refs", "5");
    let before = cpu_ms();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let run = AssertUnwindSafe(|| rdpwhy::run(args, &mut out, &mut err));
    let status = catch_unwind(run).map_err(|_| ())?;
    Ok(Run {
        status,
        out,
        cpu_ms: cpu_ms() - before,
        peak_kib: peak_kib(),
    })
}

/// Processor time of all threads so far, in user and system mode: fields 14 and 15 of `/proc/self/stat`.
fn cpu_ms() -> u64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The second field is the program's name, which may hold anything, in parentheses.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let times = rest.split_ascii_whitespace().skip(11).take(2);
    times.filter_map(|t| t.parse::<u64>().ok()).sum::<u64>() * TICK_MS
}

fn peak_kib() -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    line.and_then(|l| l.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

/// What in a run breaks the contract.
fn complaint(run: &Run, format: &str) -> Option<String> {
    if !matches!(run.status, 0 | 1 | 3 | 4) {
        return Some(format!("exit status {}", run.status));
    }
    let Ok(text) = std::str::from_utf8(&run.out) else {
        return Some("the report is no UTF-8".to_owned());
    };
    if run.status != 3 && text.is_empty() {
        return Some("no report".to_owned());
    }
    if format != "json" {
        let hidden = |c: &char| c.is_control() && *c != '\n';
        return text
            .chars()
            .find(hidden)
            .map(|c| format!("{c:?} in the report"));
    }
    if text.is_empty() {
        return None;
    }
    match serde_json::from_str::<serde_json::Value>(text) {
        Err(e) => Some(format!("the report is no JSON: {e}")),
        Ok(report) if report["schema"] != "rdpwhy.report/1" => {
            Some("the schema is not told".to_owned())
        }
        Ok(_) => None,
    }
}
