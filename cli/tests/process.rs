//! What needs the real process: exit status, pipes, environment. Everything else is tested in-process.

#![allow(
    clippy::expect_used,
    reason = "a test that cannot go on says so best by stopping"
)]

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A capture without packets: it reads well and tells nothing.
const EMPTY_PCAP: &[u8] = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0";

fn rdpwhy() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rdpwhy"));
    for name in [
        "NO_COLOR",
        "CLICOLOR",
        "CLICOLOR_FORCE",
        "LC_ALL",
        "LC_CTYPE",
        "LANG",
        "COLUMNS",
    ] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

fn run<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Output {
    rdpwhy().args(args).output().expect("the program starts")
}

fn diagnose(path: &Path, more: &[&str]) -> Output {
    let mut args = vec![OsStr::new("diagnose"), path.as_os_str()];
    args.extend(more.iter().map(OsStr::new));
    run(args)
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("inside")).expect("folder");
        fs::write(path, bytes).expect("file");
    }
    folder
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// The exit status, with nothing on standard output and one reason on standard error.
fn refused(output: &Output, status: i32, reason: &str) {
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{err}");
    assert_eq!(text(&output.stdout), "");
    assert!(err.contains(reason), "{err}");
}

#[test]
fn wrong_usage_is_2() {
    refused(&run(["diagnose"]), 2, "PATH");
    refused(&run(["diagnose", "x", "--format", "yaml"]), 2, "yaml");
    refused(
        &run(["diagnose", "x", "--no-such-thing"]),
        2,
        "--no-such-thing",
    );
    refused(&run(["diagnose", "x", "-j", "0"]), 2, "1 or more");
    refused(
        &run(["diagnose", "x", "--since", "2026-11-21 08:00"]),
        2,
        "--tz",
    );
    refused(&run(["diagnose", "x", "--since", "tomorrow"]), 2, "no time");
    refused(
        &run([
            "diagnose",
            "x",
            "--around",
            "2026-11-21T08:00:00Z",
            "--window",
            "wide",
        ]),
        2,
        "no duration",
    );
    refused(&run(["diagnose", "x", "--window", "5m"]), 2, "--around");
    refused(
        &run([
            "diagnose",
            "x",
            "--tz",
            "Mars/Olympus",
            "--since",
            "2026-11-21",
        ]),
        2,
        "Mars/Olympus",
    );
    refused(&run(["diagnose", "x", "--keylog", "no/such"]), 2, "no/such");
    refused(
        &run(["diagnose", "x", "--knowledge", "no/such"]),
        2,
        "no/such",
    );
    refused(
        &run(["diagnose", "x", "--why-not", "clock-screw"]),
        2,
        "clock-skew",
    );
    refused(
        &run(["diagnose", "x", "-o", "no/such/folder/report"]),
        2,
        "no/such/folder/report",
    );
    let args: [&str; 0] = [];
    refused(&run(args), 2, "diagnose");
}

#[test]
fn help_and_version_are_0() {
    let help = run(["diagnose", "--help"]);
    assert_eq!(help.status.code(), Some(0));
    assert!(text(&help.stdout).contains("Exit status") && help.stderr.is_empty());
    let version = run(["--version"]);
    assert_eq!(
        text(&version.stdout),
        format!("rdpwhy {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_missing_path_is_3() {
    refused(
        &run(["diagnose", "no/such/path"]),
        3,
        "no/such/path: no such file or folder",
    );
}

#[test]
fn a_folder_without_evidence_is_3_and_says_what_is_there() {
    let none = folder(&[]);
    refused(&diagnose(none.path(), &[]), 3, "holds no file");
    let notes = folder(&[
        ("notes.txt", b"called the helpdesk"),
        ("a/b.exe", b"MZ\x90\0"),
    ]);
    let output = diagnose(notes.path(), &[]);
    refused(&output, 3, "1 × a Windows program, 1 × text");
}

#[test]
fn a_file_that_is_no_evidence_is_3_and_named_for_what_it_is() {
    let mut etl = vec![0; 4096];
    etl.splice(0..4, 0x1_0000_u32.to_le_bytes());
    etl.splice(72..76, [2, 0, 2, 0xc0]);
    let files = folder(&[
        ("trace.etl", &etl),
        ("empty.evtx", b""),
        ("notes.txt", b"text"),
    ]);
    refused(
        &diagnose(&files.path().join("trace.etl"), &[]),
        3,
        "etl2pcap",
    );
    refused(
        &diagnose(&files.path().join("empty.evtx"), &[]),
        3,
        "is empty (0 bytes)",
    );
    refused(
        &diagnose(&files.path().join("notes.txt"), &[]),
        3,
        "supported are event logs",
    );
}

#[test]
fn a_file_that_only_looks_like_a_log_is_3() {
    let mut bytes = b"ElfFile\0".to_vec();
    bytes.extend((0..200_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()));
    let files = folder(&[("System.evtx", &bytes)]);
    let output = diagnose(files.path(), &[]);
    assert_eq!(output.status.code(), Some(3), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("System.evtx"));
}

#[test]
fn evidence_without_connections_is_0() {
    let files = folder(&[("trace.pcap", EMPTY_PCAP)]);
    let output = diagnose(files.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("No RDP connection"));
}

#[test]
fn what_is_missing_among_good_files_is_said_and_does_not_change_the_status() {
    let files = folder(&[("trace.pcap", EMPTY_PCAP)]);
    let output = diagnose(files.path(), &["no/such", "--format", "json"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("no/such: no such file or folder"));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let defect = report
        .pointer("/sources/1/defects/0/what")
        .and_then(|w| w.as_str());
    assert_eq!(defect, Some("no such file or folder"));
}

#[test]
fn standard_input_is_a_path() {
    let mut child = rdpwhy()
        .args(["diagnose", "-", "--format", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(EMPTY_PCAP)
        .expect("read");
    let output = child.wait_with_output().expect("ends");
    assert_eq!(output.status.code(), Some(0));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        report.pointer("/sources/0/path").and_then(|p| p.as_str()),
        Some("standard input")
    );
}

/// As Spark's `pipe` does it: each path is answered before the next one is written.
#[test]
fn paths_are_read_from_standard_input_and_answered_one_by_one() {
    let files = folder(&[("a b.pcap", EMPTY_PCAP), ("c.pcap", EMPTY_PCAP)]);
    let mut child = rdpwhy()
        .args(["parse", "-", "--jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut paths = child.stdin.take().expect("piped");
    let mut answers = BufReader::new(child.stdout.take().expect("piped"));
    let mut ask = |path: &str| -> serde_json::Value {
        writeln!(paths, "{path}").expect("taken");
        let mut line = String::new();
        answers.read_line(&mut line).expect("answered");
        serde_json::from_str(&line).expect("JSON")
    };
    let full = |name: &str| files.path().join(name).display().to_string();
    let said = |answer: &serde_json::Value, place: &str| {
        let text = answer.pointer(place).and_then(|w| w.as_str());
        text.unwrap_or_default().to_owned()
    };
    assert_eq!(said(&ask(&full("a b.pcap")), "/end/format"), "pcap");
    assert_eq!(
        said(&ask("no/such"), "/error/what"),
        "no such file or folder"
    );
    // The list stands on standard input, so this is a file's name.
    assert_eq!(said(&ask("-"), "/error/what"), "no such file or folder");
    assert_eq!(
        said(&ask(&format!("{}\r", full("c.pcap"))), "/end/format"),
        "pcap"
    );
    drop(paths);
    assert_eq!(child.wait().expect("ends").code(), Some(0));
}

#[test]
fn the_result_goes_to_a_file_and_only_there() {
    let files = folder(&[("in/trace.pcap", EMPTY_PCAP)]);
    let report = files.path().join("report.json");
    let output = diagnose(
        &files.path().join("in"),
        &["--format", "json", "-o", report.to_str().expect("UTF-8")],
    );
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout.is_empty());
    assert!(
        fs::read_to_string(&report)
            .expect("written")
            .ends_with("}\n")
    );
    assert_eq!(
        fs::read_dir(files.path()).expect("listable").count(),
        2,
        "nothing is left beside it"
    );
}

#[test]
fn a_reader_that_closes_its_end_is_no_error() {
    let files = folder(&[("trace.pcap", EMPTY_PCAP)]);
    let mut child = rdpwhy()
        .args([OsStr::new("diagnose"), files.path().as_os_str()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    drop(child.stdout.take());
    let mut err = String::new();
    child
        .stderr
        .take()
        .expect("piped")
        .read_to_string(&mut err)
        .expect("readable");
    assert_eq!(
        (child.wait().expect("ends").code(), err.as_str()),
        (Some(0), "")
    );
}

#[test]
fn colours_are_for_terminals_unless_asked_for() {
    let files = folder(&[("trace.pcap", EMPTY_PCAP)]);
    let coloured = |output: &Output| output.stdout.contains(&0x1b);
    assert!(!coloured(&diagnose(files.path(), &[])));
    assert!(!coloured(&diagnose(files.path(), &["--color", "never"])));
    assert!(coloured(&diagnose(files.path(), &["--color", "always"])));
    let force = |name: &str| {
        let mut command = rdpwhy();
        command
            .env("CLICOLOR_FORCE", "1")
            .env(name, "1")
            .arg("diagnose")
            .arg(files.path());
        command.output().expect("the program starts")
    };
    assert!(coloured(&force("CLICOLOR_FORCE")));
    assert!(!coloured(&force("NO_COLOR")), "NO_COLOR wins");
}

#[test]
fn a_locale_without_unicode_gets_ascii() {
    let files = folder(&[("trace.pcap", EMPTY_PCAP)]);
    let output = rdpwhy()
        .env("LC_ALL", "C")
        .arg("diagnose")
        .arg(files.path())
        .output()
        .expect("starts");
    assert!(output.stdout.is_ascii());
}

#[test]
fn the_order_of_the_paths_does_not_show() {
    let files = folder(&[("a.pcap", EMPTY_PCAP), ("b/c.pcap", EMPTY_PCAP)]);
    let (a, b) = (files.path().join("a.pcap"), files.path().join("b"));
    let one = run([
        OsStr::new("diagnose"),
        a.as_os_str(),
        b.as_os_str(),
        OsStr::new("--format=json"),
    ]);
    let two = run([
        OsStr::new("diagnose"),
        b.as_os_str(),
        a.as_os_str(),
        OsStr::new("--format=json"),
    ]);
    assert_eq!(one.status.code(), Some(0));
    assert_eq!(text(&one.stdout), text(&two.stdout));
}
