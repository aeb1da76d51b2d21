//! A cluster as processes: one scheduler, executors, and whoever asks them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so best by stopping"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const RDPWHY: &str = env!("CARGO_BIN_EXE_rdpwhy");

/// Longest that anything may take here.
const PATIENCE: Duration = Duration::from_secs(1200);

/// Hosts where the number matters; `RDPWHY_TEST_HOSTS` says another.
fn many() -> usize {
    let asked = std::env::var("RDPWHY_TEST_HOSTS").ok();
    asked.and_then(|n| n.parse().ok()).unwrap_or(160)
}

/// A process that does not outlive its test.
struct Node {
    child: Child,
    /// What it said first.
    said: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Node {
    fn start(args: &[&str]) -> Self {
        let mut child = Command::new(RDPWHY)
            .arg("cluster")
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        let mut said = String::new();
        let out = child.stdout.take().expect("piped");
        BufReader::new(out).read_line(&mut said).expect("speaks");
        assert!(!said.is_empty(), "{args:?} ended at once");
        Self { child, said }
    }

    fn scheduler(bind: &str) -> Self {
        Self::start(&["scheduler", "--bind", bind])
    }

    /// Where a scheduler listens.
    fn address(&self) -> &str {
        self.said
            .trim_end()
            .strip_prefix("scheduler at ")
            .expect("an address")
    }

    fn executor(scheduler: &str, work_dir: &Path) -> Self {
        let work_dir = work_dir.to_str().expect("text");
        Self::start(&[
            "executor",
            "--scheduler",
            scheduler,
            "--work-dir",
            work_dir,
            "-j",
            "1",
        ])
    }

    fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("waited for");
    }

    /// Asks it to end, and waits: its exit status.
    #[cfg(unix)]
    fn end(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status();
        assert!(asked.expect("asked").success());
        wait(&mut self.child).code()
    }
}

fn wait(child: &mut Child) -> std::process::ExitStatus {
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("waited for") {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A scheduler and two executors, with their work folders.
struct Trio {
    scheduler: Node,
    executors: Vec<Node>,
    folder: TempDir,
}

impl Trio {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let scheduler = Node::scheduler("127.0.0.1:0");
        let executors =
            (0..2).map(|n| Node::executor(scheduler.address(), &folder.path().join(n.to_string())));
        Self {
            executors: executors.collect(),
            scheduler,
            folder,
        }
    }

    fn address(&self) -> &str {
        self.scheduler.address()
    }

    /// Whether an executor has written an answer.
    fn has_worked(&self, n: usize) -> bool {
        let mut todo = vec![self.folder.path().join(n.to_string())];
        while let Some(path) = todo.pop() {
            let Ok(entries) = fs::read_dir(&path) else {
                continue;
            };
            for entry in entries.flatten().map(|e| e.path()) {
                if entry.extension().is_some_and(|e| e == "arrow") {
                    return true;
                }
                todo.push(entry);
            }
        }
        false
    }
}

/// A folder `in` with hosts that have the logs of the described cases, a damaged one, an empty one and one in an archive.
fn hosts(count: usize) -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cases");
    let mut names: Vec<PathBuf> = fs::read_dir(cases)
        .expect("cases")
        .map(|e| e.expect("an entry").path())
        .filter(|p| p.is_dir())
        .collect();
    names.sort();
    let written: Vec<PathBuf> = names
        .iter()
        .take(count)
        .map(|case| {
            let to = folder
                .path()
                .join("cases")
                .join(case.file_name().expect("a name"));
            rdpwhy_fixtures::case::write_case(case, &to).expect("a case");
            to
        })
        .collect();
    for n in 0..count {
        let from = written.get(n % written.len()).expect("one");
        copy(from, &folder.path().join("in").join(format!("h{n:04}")));
    }
    let damaged = folder.path().join("in/h0003-damaged");
    fs::create_dir_all(&damaged).expect("folder");
    let mut bytes = b"ElfFile\0".to_vec();
    bytes.resize(70_000, 0xA5);
    fs::write(damaged.join("System.evtx"), bytes).expect("written");
    fs::create_dir_all(folder.path().join("in/h0004-empty")).expect("folder");
    let archive = fs::File::create(folder.path().join("in/h0005.tar.gz")).expect("made");
    let packed = flate2::write::GzEncoder::new(archive, flate2::Compression::fast());
    let mut tar = tar::Builder::new(packed);
    tar.append_dir_all("logs", written.last().expect("one"))
        .expect("packed");
    tar.into_inner().expect("packed").finish().expect("packed");
    folder
}

/// With hard links: the files are the same.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("folder");
    for entry in fs::read_dir(from).expect("listed").flatten() {
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::hard_link(&from, &to).expect("linked");
        }
    }
}

fn run(folder: &TempDir, args: &[&str]) -> Output {
    Command::new(RDPWHY)
        .args(args)
        .current_dir(folder.path())
        .output()
        .expect("runs")
}

/// Standard output and exit status; nothing may be complained of.
fn told(folder: &TempDir, args: &[&str]) -> (String, Option<i32>) {
    let output = run(folder, args);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.is_empty(), "{args:?}: {err}");
    (
        String::from_utf8(output.stdout).expect("text"),
        output.status.code(),
    )
}

fn complaint(folder: &TempDir, status: i32, args: &[&str]) -> String {
    let output = run(folder, args);
    let err = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(status), "{args:?}: {err}");
    err
}

fn file(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).expect(name)
}

#[test]
fn a_cluster_says_what_one_machine_says() {
    let count = many();
    let folder = hosts(count);
    let trio = Trio::start();
    let cluster = ["--cluster", trio.address()];
    let both = |args: &[&str]| {
        let alone = told(&folder, args);
        let together = told(&folder, &[args, &cluster].concat());
        assert!(alone == together, "{args:?}:\n{}\n{}", alone.0, together.0);
        alone
    };
    let (lines, status) = both(&["fleet", "in", "--format", "jsonl"]);
    assert_eq!(status, Some(1));
    let hosts = lines.lines().filter(|l| l.starts_with(r#"{"type":"host""#));
    assert_eq!(hosts.count(), count + 3);
    assert!(lines.contains(r#""unit":"in/h0003-damaged","status":"unreadable""#));
    let span = ["--since", "2026-11-01T00:00:00Z", "--tz", "UTC"];
    both(&[&["fleet", "in", "--redact"], &span[..]].concat());
    let (by_host, _) = told(
        &folder,
        &["diagnose", "in", "--by-host", "--format", "json"],
    );
    assert_eq!(by_host, lines);
    // The whole path, and what is kept beside the result.
    let whole = folder.path().join("in");
    let whole = whole.to_str().expect("text");
    let kept = |results: &'static str, manifest: &'static str| {
        let mut args = vec!["fleet", whole, "--results", results, "--hash", "sha256"];
        args.extend(["--manifest", manifest]);
        args
    };
    told(&folder, &kept("1.jsonl", "1.txt"));
    told(&folder, &[&kept("2.jsonl", "2.txt")[..], &cluster].concat());
    for (one, other) in [("1.jsonl", "2.jsonl"), ("1.txt", "2.txt")] {
        assert_eq!(file(&folder, one), file(&folder, other));
    }
    assert_eq!(
        file(&folder, "1.jsonl.journal"),
        file(&folder, "2.jsonl.journal")
    );
    // Nothing is left to be done, so that even a cluster that is gone is not asked.
    let mut again = kept("2.jsonl", "2.txt");
    again.extend(["--resume", "--cluster", "df://127.0.0.1:9"]);
    run(&folder, &again);
    assert_eq!(file(&folder, "1.jsonl"), file(&folder, "2.jsonl"));
}

#[test]
fn evidence_behind_an_address_is_read_by_the_executors() {
    let folder = hosts(20);
    let trio = Trio::start();
    let whole = folder.path().join("in");
    let whole = whole.to_str().expect("text");
    let address = format!("file://{whole}");
    let args = |path: &str| -> Vec<String> {
        ["fleet", path, "--format", "jsonl", "--hash", "sha256"]
            .map(str::to_owned)
            .to_vec()
    };
    let alone = args(whole);
    let alone: Vec<&str> = alone.iter().map(String::as_str).collect();
    let (alone, _) = told(&folder, &alone);
    let together = args(&address);
    let mut together: Vec<&str> = together.iter().map(String::as_str).collect();
    together.extend(["--cluster", trio.address()]);
    let (together, _) = told(&folder, &together);
    // An object store knows no empty folders.
    let (mut hosts, _summary) = alone
        .rsplit_once("{\"type\":\"summary\"")
        .expect("a summary");
    let mut expected = String::new();
    while let Some((line, rest)) = hosts.split_once('\n') {
        if !line.contains("h0004-empty") {
            expected += line;
            expected += "\n";
        }
        hosts = rest;
    }
    let together = together.replace(&address, whole);
    let (together, _) = together
        .rsplit_once("{\"type\":\"summary\"")
        .expect("a summary");
    assert_eq!(together, expected);
}

#[test]
fn a_killed_executor_changes_nothing() {
    let folder = hosts(many());
    let mut trio = Trio::start();
    let args = ["fleet", "in", "--format", "jsonl"];
    let (alone, _) = told(&folder, &args);
    let mut client = Command::new(RDPWHY)
        .args(args)
        .args(["--cluster", trio.address(), "-o", "out.jsonl"])
        .current_dir(folder.path())
        .spawn()
        .expect("runs");
    let begun = Instant::now();
    while !trio.has_worked(0) {
        assert!(begun.elapsed() < PATIENCE, "nothing is worked on");
        assert_eq!(client.try_wait().expect("waited for"), None, "too fast");
        std::thread::sleep(Duration::from_millis(5));
    }
    trio.executors.first_mut().expect("one").kill();
    assert_eq!(client.try_wait().expect("waited for"), None, "too fast");
    assert_eq!(wait(&mut client).code(), Some(1));
    assert!(file(&folder, "out.jsonl") == alone, "another answer");
}

#[test]
fn a_scheduler_that_comes_back_is_asked_again() {
    let folder = hosts(many());
    let mut trio = Trio::start();
    let args = ["fleet", "in", "--format", "jsonl"];
    let (alone, _) = told(&folder, &args);
    let mut client = Command::new(RDPWHY)
        .args(args)
        .args(["--cluster", trio.address(), "-o", "out.jsonl"])
        .current_dir(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let begun = Instant::now();
    while !trio.has_worked(0) && !trio.has_worked(1) {
        assert!(begun.elapsed() < PATIENCE, "nothing is worked on");
        std::thread::sleep(Duration::from_millis(5));
    }
    let bind = trio.address().trim_start_matches("df://").to_owned();
    trio.scheduler.kill();
    assert_eq!(client.try_wait().expect("waited for"), None, "too fast");
    trio.scheduler = Node::scheduler(&bind);
    assert_eq!(wait(&mut client).code(), Some(1));
    let mut err = String::new();
    client
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut err)
        .expect("text");
    assert!(err.contains("sent again"), "{err}");
    assert!(file(&folder, "out.jsonl") == alone, "another answer");
}

#[test]
fn every_query_has_one_answer() {
    let folder = hosts(40);
    let added = run(&folder, &["store", "add", "s", "in", "--by-host"]);
    assert!(added.status.success());
    let trio = Trio::start();
    let both = |args: &[&str]| {
        let args = [args, &["--format", "jsonl"]].concat();
        let (alone, _) = told(&folder, &args);
        let (together, _) = told(
            &folder,
            &[&args[..], &["--cluster", trio.address()]].concat(),
        );
        assert_eq!(alone, together, "{args:?}");
        alone
    };
    let (list, _) = told(&folder, &["sql", "--list"]);
    let names = list.lines().filter_map(|l| l.split_whitespace().next());
    let mut count = 0;
    for name in names {
        let answer = both(&["sql", "--query", name, "--store", "s"]);
        assert!(!answer.is_empty(), "{name}");
        count += 1;
    }
    assert!(count >= 6, "{list}");
    let judged = both(&[
        "sql",
        "WITH judged AS (
            SELECT unit, unnest(rdp_diagnose(array_agg(event))) AS v FROM event GROUP BY unit
        ), told AS (SELECT unit, get_field(v, 'cause') AS cause, get_field(v, 'id') AS id FROM judged)
        SELECT cause, count(DISTINCT unit) AS hosts, min(id) AS id FROM told GROUP BY cause ORDER BY cause",
        "--store",
        "s",
    ]);
    assert!(judged.lines().count() > 10, "{judged}");
    both(&[
        "sql",
        "SELECT unit, rdp_report(array_agg(event)) AS report FROM event GROUP BY unit ORDER BY unit",
        "--store",
        "s",
    ]);
    both(&[
        "sql",
        "SELECT kind, count(*) AS n FROM parse_log('in/h0001') GROUP BY kind ORDER BY kind",
    ]);
    both(&[
        "sql",
        "SELECT count(*) AS n FROM verdict WHERE cause = 'no-such'",
        "--store",
        "s",
    ]);
}

#[test]
fn what_cannot_be_reached_is_named() {
    let folder = hosts(1);
    let gone = "df://127.0.0.1:9";
    let fleet = complaint(&folder, 2, &["sql", "SELECT 1", "--cluster", gone]);
    assert!(
        fleet.contains(gone) && fleet.contains("rdpwhy cluster scheduler"),
        "{fleet}"
    );
    let scheduler = Node::scheduler("127.0.0.1:0");
    let sql = ["sql", "SELECT 1", "--cluster", scheduler.address()];
    let none = complaint(&folder, 2, &sql);
    assert!(
        none.contains("no executor") && none.contains("rdpwhy cluster executor"),
        "{none}"
    );
    let bind = scheduler.address().trim_start_matches("df://");
    let taken = complaint(&folder, 2, &["cluster", "scheduler", "--bind", bind]);
    assert!(taken.contains(bind) && taken.contains("--bind"), "{taken}");
    let wrong = complaint(
        &folder,
        2,
        &["fleet", "in", "--cluster", "http://127.0.0.1:9"],
    );
    assert!(wrong.contains("df://"), "{wrong}");
    let work = folder.path().join("work");
    let _executor = Node::executor(scheduler.address(), &work);
    let begun = Instant::now();
    while !run(&folder, &sql).status.success() {
        assert!(begun.elapsed() < PATIENCE, "the executor is not seen");
    }
    // What the executors cannot read is named, with what it is.
    assert!(
        run(&folder, &["store", "add", "s", "in", "--by-host"])
            .status
            .success()
    );
    let verdicts = fs::read_dir(folder.path().join("s/verdict")).expect("listed");
    for day in verdicts.flatten() {
        fs::remove_dir_all(day.path()).expect("removed");
    }
    let lost = complaint(
        &folder,
        2,
        &[
            "sql",
            "SELECT count(*) FROM verdict",
            "--store",
            "s",
            "--cluster",
            scheduler.address(),
        ],
    );
    assert!(lost.contains("verdict/date="), "{lost}");
}

#[cfg(unix)]
#[test]
fn nodes_end_when_they_are_told_to() {
    let mut trio = Trio::start();
    for executor in &mut trio.executors {
        assert_eq!(executor.end(), Some(0));
    }
    for n in ["0", "1"] {
        let left = fs::read_dir(trio.folder.path().join(n))
            .expect("listed")
            .count();
        assert_eq!(left, 0, "its folder is gone");
    }
    assert_eq!(trio.scheduler.end(), Some(0));
}
