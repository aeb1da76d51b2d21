//! Runs of the program, and of the analyzer below it.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rdpwhy_analyzer::{Knowledge, Options, Silent};
use serde_json::Value;

use crate::case::{self, Case, Evidence};

/// What a run left.
pub struct Run {
    /// Exit status.
    pub status: u8,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Run {
    /// The JSON report on standard output.
    pub fn report(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}{}", self.out, self.err))
    }
}

/// `rdpwhy diagnose PATHS… MORE…`
pub fn diagnose<P: AsRef<Path>>(paths: &[P], more: &[&str]) -> Run {
    let mut args: Vec<OsString> = vec!["diagnose".into()];
    args.extend(paths.iter().map(|p| p.as_ref().as_os_str().to_owned()));
    args.extend(more.iter().map(Into::into));
    rdpwhy(&args)
}

/// `rdpwhy ARGS…`
pub fn rdpwhy<A: AsRef<OsStr>>(args: &[A]) -> Run {
    let args = args.iter().map(|a| a.as_ref().to_owned());
    let args = std::iter::once(OsString::from("rdpwhy")).chain(args);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = rdpwhy::run(args, &mut out, &mut err);
    Run {
        status,
        out: String::from_utf8(out).expect("standard output is UTF-8"),
        err: String::from_utf8(err).expect("standard error is UTF-8"),
    }
}

/// The report on evidence in memory, and its exit status.
pub fn analyze(evidence: &Evidence) -> (Value, u8) {
    let options = Options {
        threads: Some(1),
        ..Options::default()
    };
    let report =
        rdpwhy_analyzer::analyze(evidence.sources(), &[], knowledge(), &options, &Silent).unwrap();
    (serde_json::to_value(&report).unwrap(), report.exit_status())
}

/// The causes that come with the program.
pub fn knowledge() -> &'static Knowledge {
    static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| Knowledge::embedded().unwrap());
    &KNOWLEDGE
}

/// Does something with each item, on all processors; results in the order of the items.
///
/// Plain threads, not rayon: a worker that waits for the analyzer's own pool would steal the next item meanwhile, and
/// the next, until its stack is full.
pub fn in_parallel<'a, T: Sync, R: Send>(
    items: &'a [T],
    task: impl Fn(&'a T) -> R + Sync,
) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(nth) else {
                return done;
            };
            done.push((nth, task(item)));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut done: Vec<(usize, R)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let results = workers.into_iter().map(|worker| worker.join());
        results
            .flat_map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    done.sort_by_key(|(nth, _)| *nth);
    done.into_iter().map(|(_, result)| result).collect()
}

/// A case and what the program says of it.
pub struct Told {
    /// The case.
    pub case: &'static Case,
    /// The report.
    pub report: Value,
    /// Exit status.
    pub status: u8,
}

/// What the program says of each case, by name; computed once.
pub fn told() -> &'static [Told] {
    static TOLD: LazyLock<Vec<Told>> = LazyLock::new(|| {
        let cases = case::all();
        knowledge();
        let tell = |case: &'static Case| {
            let folder = case.evidence.laid_out();
            let run = diagnose(&[folder.path()], &["--format", "json", "-j1"]);
            assert_eq!(run.err, "", "{}: standard error", case.name);
            Told {
                case,
                report: run.report(),
                status: run.status,
            }
        };
        in_parallel(cases, tell)
    });
    &TOLD
}

/// The elements of an array at a JSON pointer; none when it is absent or null.
pub fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The text at a JSON pointer; empty when it is absent or null.
pub fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// The number at a JSON pointer; zero when it is absent or null.
pub fn number(value: &Value, pointer: &str) -> u64 {
    value
        .pointer(pointer)
        .and_then(Value::as_u64)
        .unwrap_or_default()
}
