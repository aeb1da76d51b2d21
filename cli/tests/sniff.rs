//! `rdpwhy sniff` as a process: pipes that stay open, signals, programs that it runs, files that it writes.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so best by stopping"
)]

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rdpwhy_fixtures::seed::Seed;
use rdpwhy_fixtures::time::{Span, Time};
use rdpwhy_fixtures::wire::{Capture, Conversation, Endpoint, Frame, Side, x224};
use serde_json::Value;
use tempfile::TempDir;

const START: Time = Time(1_790_000_000_000_000_000);

fn now() -> Time {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("after 1970");
    Time(i64::try_from(now.as_nanos()).expect("before 2262"))
}

/// A connection that the server refuses because it wants network level authentication.
fn refused(at: Time, client: u8, client_port: u16, server_port: u16) -> Vec<Frame> {
    let end = |last: u8, port| Endpoint {
        mac: [2, 0, 0, 0, 0, last],
        ip: [10, 0, 0, last].into(),
        port,
        ttl: 128,
        mss: 1460,
    };
    // Two with the same numbers would be one connection that was captured on both sides of a router.
    let mut seed = Seed::of(&format!("{client} {server_port}"));
    let (from, to) = (end(client, client_port), end(9, server_port));
    let mut tcp = Conversation::new(from, to, at, Span::millis(1), &mut seed);
    tcp.open();
    tcp.send(Side::Client, &x224::request(Some("ana"), Some(1), 0));
    tcp.send(Side::Server, &x224::failure(5));
    tcp.close(Side::Server);
    tcp.into_frames()
}

/// A client that closes without a word, as clients do who ask for a password.
fn probed(at: Time) -> Vec<Frame> {
    let end = |last: u8, port| Endpoint {
        mac: [2, 0, 0, 0, 0, last],
        ip: [10, 0, 0, last].into(),
        port,
        ttl: 128,
        mss: 1460,
    };
    let mut seed = Seed::of("probed");
    let mut tcp = Conversation::new(
        end(77, 50_000),
        end(9, 3389),
        at,
        Span::millis(1),
        &mut seed,
    );
    tcp.open();
    tcp.send(Side::Client, &x224::request(Some("eva"), Some(3), 0));
    tcp.send(Side::Server, &x224::confirm(1, 0x1f));
    tcp.close(Side::Client);
    tcp.into_frames()
}

fn pcap(frames: Vec<Frame>) -> Vec<u8> {
    let capture = Capture {
        frames,
        ..Capture::default()
    };
    capture.to_pcap()
}

/// So many refused connections of as many clients, a minute apart, and one without fault between them.
fn evening(folder: &Path, count: u8) -> PathBuf {
    let minute = |n: u8| Time(START.0 + i64::from(n) * 60_000_000_000);
    let mut frames = probed(Time(START.0 + 30_000_000_000));
    for n in 0..count {
        frames.extend(refused(minute(n), 100 + n, 50_000, 3389));
    }
    let path = folder.join("evening.pcap");
    fs::write(&path, pcap(frames)).expect("file");
    path
}

fn rdpwhy() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rdpwhy"));
    command
        .env("NO_COLOR", "1")
        .env_remove("CLICOLOR_FORCE")
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null());
    command
}

fn sniff(words: &[&str]) -> Output {
    let told = rdpwhy().arg("sniff").args(words).output();
    told.expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

/// The exit status, with nothing on standard output and one reason on standard error.
fn stopped(output: &Output, status: i32, reason: &str) {
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{err}");
    assert_eq!(text(&output.stdout), "");
    assert!(err.contains(reason), "{err}");
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("folder")
}

/// Outcome, stage and cause of each attempt that failed, in what `diagnose` says of a file or folder.
fn diagnosed(file: &Path) -> BTreeSet<(String, String, String)> {
    let told = rdpwhy()
        .args(["diagnose", path(file), "--format", "json"])
        .output();
    let told = told.expect("the program starts");
    let report: Value = serde_json::from_slice(&told.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", text(&told.stderr)));
    let list = |name: &str| report[name].as_array().cloned().unwrap_or_default();
    let verdicts = list("verdicts");
    let word = |v: &Value| v.as_str().unwrap_or_default().to_owned();
    list("attempts")
        .iter()
        .filter(|a| matches!(a["outcome"].as_str(), Some("failed" | "dropped")))
        .map(|a| {
            let verdict = verdicts.iter().find(|v| v["id"] == a["verdict"]);
            let cause = verdict.map_or(Value::Null, |v| v["cause"].clone());
            (word(&a["id"]), word(&a["stage"]), word(&cause))
        })
        .collect()
}

/// A run that reads a pipe which stays open.
struct Piped {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Piped {
    fn start(words: &[&str]) -> Self {
        let mut child = rdpwhy()
            .args(["sniff", "-"])
            .args(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let out = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, out }
    }

    fn push(&mut self, bytes: &[u8]) {
        let pipe = self.child.stdin.as_mut().expect("piped");
        pipe.write_all(bytes).expect("read");
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.out.read_line(&mut line).expect("UTF-8");
        line
    }

    /// What it still says, and its exit status.
    fn rest(mut self) -> (String, Option<i32>) {
        let lines: Vec<String> = self.out.lines().map_while(Result::ok).collect();
        (lines.join("\n"), self.child.wait().expect("ends").code())
    }
}

#[test]
fn a_pipe_that_stays_open_tells_at_once() {
    let mut run = Piped::start(&[]);
    let bytes = pcap(refused(now(), 5, 50_000, 3389));
    let begun = Instant::now();
    for piece in bytes.chunks(100) {
        run.push(piece);
    }
    let line = run.line();
    // The promise is one second after the end; this machine may be busy.
    assert!(begun.elapsed() < Duration::from_secs(10), "{line}");
    assert!(line.contains("10.0.0.5:50000 → 10.0.0.9:3389"), "{line}");
    assert!(run.line().contains("nla-required"));
    drop(run.child.stdin.take());
    let (rest, status) = run.rest();
    assert!(rest.contains("1 connection · 1 failed"), "{rest}");
    assert_eq!(status, Some(1));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_with_the_summary() {
    let mut run = Piped::start(&[]);
    run.push(&pcap(refused(now(), 5, 50_000, 3389)));
    assert!(run.line().contains("10.0.0.5"));
    let kill = Command::new("kill")
        .args(["-INT", &run.child.id().to_string()])
        .status();
    assert!(kill.expect("kill").success());
    let (rest, status) = run.rest();
    assert!(rest.contains("1 connection · 1 failed"), "{rest}");
    assert_eq!(status, Some(1));
}

#[test]
fn it_ends_when_its_time_is_over() {
    let begun = Instant::now();
    let mut run = Piped::start(&["--for", "2s"]);
    run.push(&pcap(refused(now(), 5, 50_000, 3389)));
    let (rest, status) = run.rest();
    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert!(rest.contains("1 connection · 1 failed"), "{rest}");
    assert_eq!(status, Some(1));
}

#[test]
fn what_cannot_be_read_is_said_in_the_words_of_diagnose() {
    let files = folder();
    let at = |name: &str| files.path().join(name);
    stopped(
        &sniff(&["-r", "no/such/trace.pcap"]),
        3,
        "rdpwhy: no/such/trace.pcap: no such file or folder",
    );
    stopped(&sniff(&["-r", path(files.path())]), 3, "is a folder");
    fs::write(at("notes.txt"), "called the helpdesk").expect("file");
    let notes = at("notes.txt");
    stopped(&sniff(&["-r", path(&notes)]), 3, "is text, and no capture");
    fs::write(at("System.evtx"), b"ElfFile\0 and so on").expect("file");
    let log = at("System.evtx");
    stopped(&sniff(&["-r", path(&log)]), 3, "--logs");
    stopped(&sniff(&["-"]), 3, "standard input: is empty");
    let capture = evening(files.path(), 1);
    stopped(
        &sniff(&["-r", path(&capture), "--logs", "no/such/folder"]),
        2,
        "--logs no/such/folder: no such file or folder",
    );
    stopped(
        &sniff(&["-r", path(&capture), "-w", "no/such/folder/x.pcapng"]),
        2,
        "no/such/folder/x.pcapng",
    );
    stopped(
        &sniff(&["-r", path(&capture), "--for", "soon"]),
        2,
        "--for soon",
    );
    stopped(
        &sniff(&["-r", path(&capture), "-w", "x", "--rotate", "often"]),
        2,
        "--rotate often",
    );
}

#[test]
fn only_the_ports_that_are_asked_for() {
    let files = folder();
    let mut frames = refused(START, 5, 50_000, 3389);
    frames.extend(refused(START, 6, 50_000, 3390));
    frames.extend(refused(START, 7, 50_000, 4000));
    let capture = files.path().join("ports.pcap");
    fs::write(&capture, pcap(frames)).expect("file");
    let told = |ports: &[&str]| {
        let mut words = vec!["-r", path(&capture)];
        words.extend(ports.iter().flat_map(|p| ["-p", *p]));
        let out = text(&sniff(&words).stdout);
        [3389, 3390, 4000].map(|port| out.contains(&format!("→ 10.0.0.9:{port}")))
    };
    assert_eq!(told(&["3389", "3390"]), [true, true, false]);
    assert_eq!(told(&["4000"]), [false, false, true]);
    assert_eq!(told(&["any"]), [true; 3]);
    assert_eq!(told(&[]), [true; 3], "in a file, RDP is known by its bytes");
}

#[test]
fn what_is_written_tells_the_same_again() {
    let files = folder();
    let capture = evening(files.path(), 5);
    let wanted = diagnosed(&capture);
    assert_eq!(wanted.len(), 5);
    for keep in ["failed", "all"] {
        let kept = files.path().join(format!("{keep}.pcapng"));
        let status = sniff(&["-r", path(&capture), "-w", path(&kept), "--keep", keep]).status;
        assert_eq!(status.code(), Some(1));
        assert_eq!(diagnosed(&kept), wanted, "{keep}");
        let told = rdpwhy()
            .args(["timeline", path(&kept)])
            .output()
            .expect("starts");
        let healthy = text(&told.stdout).contains("10.0.0.77");
        assert_eq!(healthy, keep == "all", "{keep}");
    }
}

#[test]
fn files_are_rotated_by_size_and_by_time() {
    let files = folder();
    let capture = evening(files.path(), 12);
    let written = |rotate: &str, most: &str| {
        let out = files.path().join(format!("{rotate}-{most}"));
        fs::create_dir(&out).expect("folder");
        let first = out.join("kept.pcapng");
        let words = [
            "-r",
            path(&capture),
            "-w",
            path(&first),
            "--rotate",
            rotate,
            "--files",
            most,
        ];
        assert_eq!(sniff(&words).status.code(), Some(1));
        out
    };
    let wanted = diagnosed(&capture);
    let count = |folder: &Path| fs::read_dir(folder).expect("listable").count();
    // A connection takes a KiB: each file holds two or three, and none is torn apart.
    let by_size = written("2K", "100");
    assert!((4..=8).contains(&count(&by_size)), "{}", count(&by_size));
    assert_eq!(diagnosed(&by_size), wanted);
    let by_time = written("4m", "100");
    assert_eq!(count(&by_time), 3);
    assert_eq!(diagnosed(&by_time), wanted);
    let few = written("4m", "2");
    assert_eq!(count(&few), 2);
    assert!(!few.join("kept.pcapng").exists(), "the oldest went first");
    assert_eq!(diagnosed(&few).len(), 8);
}

#[test]
fn a_program_gets_the_verdict_and_no_shell_comes_between() {
    let files = folder();
    let capture = evening(files.path(), 1);
    let told = rdpwhy()
        .current_dir(files.path())
        .args([
            "sniff",
            "-r",
            path(&capture),
            "--on-fail",
            "tee verdict.json $(id);x",
        ])
        .output()
        .expect("the program starts");
    assert_eq!(text(&told.stderr), "");
    let names: BTreeSet<String> = fs::read_dir(files.path())
        .expect("listable")
        .flatten()
        .map(|e| e.file_name().to_string_lossy().into_owned())
        .collect();
    assert!(names.contains("$(id);x"), "{names:?}");
    let json = fs::read(files.path().join("verdict.json")).expect("written");
    let said: Value = serde_json::from_slice(&json).expect("one object");
    assert_eq!(said["state"], "failed");
    assert_eq!(said["verdict"]["cause"], "nla-required");
    assert_eq!(said["attempt"]["client"]["ip"], "10.0.0.100");
}

#[test]
fn a_program_that_cannot_be_run_is_complained_of() {
    let files = folder();
    let capture = evening(files.path(), 1);
    let told = sniff(&["-r", path(&capture), "--on-fail", "/no/such/program"]);
    assert_eq!(told.status.code(), Some(1));
    assert!(text(&told.stderr).contains("--on-fail /no/such/program: cannot be run"));
}

/// What the wire leaves open, a log of the same minutes decides.
#[test]
fn logs_decide_what_the_wire_cannot() {
    let case =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cases/private-key-access-denied");
    let out = folder();
    rdpwhy_fixtures::case::write_case(&case, out.path()).expect("a described case");
    let mut files = Vec::new();
    all_files(out.path(), &mut files);
    let is_capture =
        |p: &&PathBuf| rdpwhy_parsers::pcap::looks_like(&fs::read(p).expect("readable"));
    let capture = files.iter().find(is_capture).expect("a capture");
    let logs = out.path().join("logs");
    fs::create_dir(&logs).expect("folder");
    for (n, file) in files.iter().filter(|p| !is_capture(p)).enumerate() {
        fs::copy(file, logs.join(format!("{n}.evtx"))).expect("copied");
    }
    let summary = |more: &[&str]| {
        let mut words = vec!["-r", path(capture), "--format", "jsonl"];
        words.extend(more);
        let told = text(&sniff(&words).stdout);
        let last = told.lines().last().expect("a summary");
        let last: Value = serde_json::from_str(last).expect("JSON");
        let causes = last["by_cause"].as_object().cloned().unwrap_or_default();
        causes
            .into_iter()
            .map(|(cause, _)| cause)
            .collect::<Vec<_>>()
    };
    assert_ne!(summary(&[]), ["private-key-access-denied"]);
    let joined = summary(&["--logs", path(&logs)]);
    assert_eq!(joined, ["private-key-access-denied"]);
}

fn all_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("listable").flatten() {
        if entry.path().is_dir() {
            all_files(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

/// libpcap is hidden in a mount namespace of its own, which takes root.
#[cfg(target_os = "linux")]
#[test]
fn without_libpcap_it_says_what_to_install_and_the_rest_works() {
    let listed = Command::new("sh")
        .args([
            "-c",
            "ls /usr/lib/*/libpcap.so* /usr/lib/libpcap.so* /lib/*/libpcap.so* 2>/dev/null",
        ])
        .output()
        .expect("sh");
    let hide: String = text(&listed.stdout)
        .lines()
        .filter_map(|file| fs::canonicalize(file).ok())
        .collect::<BTreeSet<_>>()
        .iter()
        .map(|file| format!("mount --bind /dev/null {} && ", file.display()))
        .collect();
    let hidden = |words: &str| {
        let program = env!("CARGO_BIN_EXE_rdpwhy");
        let script = format!("{hide} exec {program} {words}");
        Command::new("unshare")
            .args(["-m", "sh", "-c", &script])
            .output()
    };
    let version = hidden("--version");
    if !version.is_ok_and(|told| told.status.success()) {
        let _ = writeln!(
            std::io::stderr(),
            "skipped: libpcap can be hidden by root only"
        );
        return;
    }
    let told = hidden("sniff -i lo").expect("unshare");
    stopped(&told, 3, "libpcap could not be loaded");
    let err = text(&told.stderr);
    assert!(err.contains("apt install libpcap0.8"), "{err}");
    assert!(err.contains("| rdpwhy sniff -"), "{err}");
    let files = folder();
    let capture = evening(files.path(), 1);
    let told = hidden(&format!("sniff -r {}", capture.display())).expect("unshare");
    assert_eq!(told.status.code(), Some(1), "{}", text(&told.stderr));
}
