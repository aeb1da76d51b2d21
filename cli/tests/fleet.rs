//! Fleets as a process: order, bad hosts, interruption, a disk that fills up.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so best by stopping"
)]

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// A capture of one refused connection attempt, `n` making it another client's.
fn capture(n: u8) -> Vec<u8> {
    let mut bytes = b"\xd4\xc3\xb2\xa1\x02\0\x04\0\0\0\0\0\0\0\0\0\0\0\x04\0\x01\0\0\0".to_vec();
    let segment = |from: ([u8; 4], u16), to: ([u8; 4], u16), seq: u32, ack: u32, flags: u8| {
        let mut ip = vec![0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0];
        ip.extend(from.0.iter().chain(&to.0));
        ip.extend(from.1.to_be_bytes());
        ip.extend(to.1.to_be_bytes());
        ip.extend(seq.to_be_bytes());
        ip.extend(ack.to_be_bytes());
        ip.extend([0x50, flags, 0xff, 0xff, 0, 0, 0, 0]);
        let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        frame.extend(ip);
        frame
    };
    let (client, server) = (([10, 0, 0, n], 50_000), ([10, 0, 1, 9], 3389));
    for (ms, frame) in [
        (0, segment(client, server, 100, 0, 0x02)),
        (5, segment(server, client, 0, 101, 0x14)),
    ] {
        let length = u32::try_from(frame.len()).expect("short");
        for word in [1_763_700_000, ms * 1000, length, length] {
            bytes.extend(u32::to_le_bytes(word));
        }
        bytes.extend(frame);
    }
    bytes
}

/// Hosts `h00`, `h01` … with a capture each.
fn hosts(count: u8) -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for n in 0..count {
        write(
            &folder.path().join(format!("in/h{n:02}/trace.pcap")),
            &capture(n),
        );
    }
    folder
}

fn write(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("inside")).expect("folder");
    fs::write(path, bytes).expect("file");
}

fn rdpwhy() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rdpwhy"));
    command.stdin(Stdio::null());
    command
}

fn fleet(folder: &Path, more: &[&str]) -> Output {
    let mut command = rdpwhy();
    command.current_dir(folder).args(["fleet", "in"]).args(more);
    command.output().expect("the program starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// The results of a run, the summary as JSON.
fn whole(folder: &Path, more: &[&str]) -> (Vec<u8>, serde_json::Value) {
    let mut args = vec!["--results", "out.jsonl", "--format", "json"];
    args.extend(more);
    let output = fleet(folder, &args);
    let summary = serde_json::from_slice(&output.stdout);
    (
        fs::read(folder.join("out.jsonl")).expect("results"),
        summary.unwrap_or_else(|_| panic!("{}", text(&output.stderr))),
    )
}

#[test]
fn the_number_of_threads_does_not_show() {
    let folder = hosts(24);
    let one = whole(folder.path(), &["-j1"]);
    let units: Vec<String> = text(&one.0)
        .lines()
        .map(|l| serde_json::from_str::<serde_json::Value>(l).expect("JSON"))
        .filter(|l| l["type"] == "host")
        .map(|l| l["unit"].as_str().expect("text").to_owned())
        .collect();
    let names: Vec<String> = (0..24).map(|n| format!("in/h{n:02}")).collect();
    assert_eq!(units, names, "in the order of the hosts");
    assert_eq!(one.1["attempts"], 24);
    for j in ["-j2", "-j7"] {
        assert_eq!(whole(folder.path(), &[j]), one);
        assert_eq!(whole(folder.path(), &[j, "--max-memory", "1M"]), one);
    }
}

#[test]
fn a_bad_host_is_named_and_stops_nobody() {
    let folder = hosts(3);
    let base = folder.path().join("in");
    fs::create_dir_all(base.join("bad-empty")).expect("folder");
    write(&base.join("bad-notes/readme.txt"), b"nothing here");
    write(&base.join("bad.zip"), b"PK\x03\x04 and no more");
    let mut torn = b"ElfFile\0".to_vec();
    torn.extend(vec![0xA5; 100_000]);
    write(&base.join("bad-log/System.evtx"), &torn);
    let (_, summary) = whole(folder.path(), &[]);
    assert_eq!(summary["hosts"], 7);
    let unreadable: Vec<String> = summary["unreadable"]
        .as_array()
        .expect("list")
        .iter()
        .map(|u| {
            format!(
                "{}: {}",
                u["unit"].as_str().expect("text"),
                u["why"].as_str().expect("text")
            )
        })
        .collect();
    assert_eq!(unreadable.len(), 4, "{unreadable:?}");
    for (n, (unit, why)) in [
        ("in/bad-empty", "no file"),
        ("in/bad-log", "System.evtx"),
        ("in/bad-notes", "1 × text"),
        ("in/bad.zip", "bad.zip"),
    ]
    .into_iter()
    .enumerate()
    {
        assert!(
            unreadable[n].starts_with(unit) && unreadable[n].contains(why),
            "{unreadable:?}"
        );
    }
    assert_eq!(summary["attempts"], 3, "the others are whole");
}

#[test]
fn only_what_changed_is_done_again() {
    let folder = hosts(6);
    let before = whole(folder.path(), &[]);
    let again = whole(folder.path(), &["--resume"]);
    assert_eq!(again, before, "nothing changed");
    // One host changes, one goes, one comes in between.
    let base = folder.path().join("in");
    write(&base.join("h02/trace.pcap"), &capture(200));
    fs::remove_dir_all(base.join("h04")).expect("removed");
    write(&base.join("h03b/trace.pcap"), &capture(201));
    let resumed = whole(folder.path(), &["--resume"]);
    let anew = whole(folder.path(), &[]);
    assert_eq!(resumed, anew);
    assert_ne!(anew.0, before.0);
}

#[test]
fn the_journal_is_what_was_really_reused() {
    let folder = hosts(2);
    whole(folder.path(), &[]);
    // A mark in the results shows whose lines were taken over.
    let path = folder.path().join("out.jsonl");
    let marked = text(&fs::read(&path).expect("results")).replacen("\"ok\":0", "\"ok\":7", 2);
    fs::write(&path, &marked).expect("marked");
    assert_eq!(text(&whole(folder.path(), &["--resume"]).0), marked);
    // The same bytes with another time: only a hash can tell, and there was none.
    let capture = folder.path().join("in/h01/trace.pcap");
    let file = fs::File::options()
        .append(true)
        .open(&capture)
        .expect("there");
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000))
        .expect("touched");
    let resumed = text(&whole(folder.path(), &["--resume"]).0);
    assert_eq!(resumed.matches("\"ok\":7").count(), 1, "{resumed}");
    let output = fleet(
        folder.path(),
        &[
            "--results",
            "out.jsonl",
            "--resume",
            "--since",
            "2026-01-01T00:00:00Z",
        ],
    );
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("other settings"));
}

#[test]
fn a_hash_tells_that_a_touched_file_is_the_same() {
    let folder = hosts(2);
    let more = ["--hash", "sha256", "--manifest", "list.txt"];
    whole(folder.path(), &more);
    let list = fs::read_to_string(folder.path().join("list.txt")).expect("manifest");
    assert_eq!(list.lines().count(), 2);
    assert!(
        list.lines().all(|l| l.len() > 66 && l.contains("  in/h0")),
        "{list}"
    );
    let path = folder.path().join("out.jsonl");
    let marked = text(&fs::read(&path).expect("results")).replacen("\"ok\":0", "\"ok\":7", 1);
    fs::write(&path, &marked).expect("marked");
    let capture = folder.path().join("in/h00/trace.pcap");
    let file = fs::File::options()
        .append(true)
        .open(&capture)
        .expect("there");
    file.set_modified(std::time::UNIX_EPOCH + Duration::from_secs(1_000_000_000))
        .expect("touched");
    let mut again = vec!["--resume"];
    again.extend(more);
    assert_eq!(text(&whole(folder.path(), &again).0), marked);
    assert_eq!(
        fs::read_to_string(folder.path().join("list.txt")).expect("manifest"),
        list
    );
}

#[test]
fn logs_side_by_side_and_archives_are_hosts_too() {
    let folder = hosts(1);
    let base = folder.path().join("in");
    let zip = fs::File::create(base.join("h07.zip")).expect("zip");
    let mut zip = zip::ZipWriter::new(zip);
    zip.start_file("C/trace.pcap", zip::write::SimpleFileOptions::default())
        .expect("member");
    std::io::Write::write_all(&mut zip, &capture(7)).expect("written");
    zip.finish().expect("closed");
    write(&base.join("site/h08/trace.pcap"), &capture(8));
    let (_, one) = whole(folder.path(), &[]);
    assert_eq!(
        (one["hosts"].as_u64(), one["attempts"].as_u64()),
        (Some(3), Some(3))
    );
    let output = rdpwhy()
        .current_dir(folder.path())
        .args(["diagnose", "in", "--by-host", "--format", "json"])
        .output()
        .expect("starts");
    let lines = text(&output.stdout);
    assert_eq!(
        lines
            .lines()
            .filter(|l| l.starts_with("{\"type\":\"host\""))
            .count(),
        3
    );
    assert!(
        lines
            .lines()
            .last()
            .expect("lines")
            .contains("rdpwhy.fleet/1")
    );
    assert_eq!(
        output.status.code(),
        fleet(folder.path(), &[]).status.code()
    );
}

#[test]
fn standard_error_tells_how_far_it_is() {
    let folder = hosts(3);
    let output = fleet(folder.path(), &["--progress", "json"]);
    let told = text(&output.stderr);
    let last = told.lines().last().expect("a line");
    let last: serde_json::Value = serde_json::from_str(last).expect("JSON");
    let progress = &last["progress"];
    assert_eq!(
        (&progress["hosts"], &progress["hosts_total"]),
        (&3.into(), &3.into())
    );
    assert_eq!(
        (&progress["bytes"], &progress["files"]),
        (&progress["bytes_total"], &3.into())
    );
    let plain = fleet(folder.path(), &["--progress", "plain"]);
    assert!(text(&plain.stderr).contains("3 of 3 hosts"));
    assert_eq!(fleet(folder.path(), &["--progress", "none"]).stderr, b"");
}

/// The shell's command around the program, which limits what it may write or signals it.
#[cfg(unix)]
fn shell(folder: &Path, script: &str) -> Output {
    Command::new("bash")
        .current_dir(folder)
        .env("RDPWHY", env!("CARGO_BIN_EXE_rdpwhy"))
        .args([OsStr::new("-c"), OsStr::new(script)])
        .output()
        .expect("bash starts")
}

/// A file size limit stands for a full disk: writes fail in the middle, in the same way.
#[cfg(unix)]
#[test]
fn a_full_disk_loses_nothing_and_writes_nothing_twice() {
    let folder = hosts(40);
    let clean = whole(folder.path(), &[]);
    for name in ["out.jsonl", "out.jsonl.journal"] {
        fs::remove_file(folder.path().join(name)).expect("there");
    }
    let command = "$RDPWHY fleet in -j2 --results out.jsonl --format json";
    // Ignored, the signal becomes an error of the write; else it ends the process in the middle of one.
    let ignored = shell(
        folder.path(),
        &format!("trap '' XFSZ; ulimit -f 8; {command}"),
    );
    assert_eq!(ignored.status.code(), Some(2), "{}", text(&ignored.stderr));
    assert!(text(&ignored.stderr).contains("out.jsonl: cannot be written"));
    let cut = fs::read(folder.path().join("out.jsonl")).expect("a part");
    assert!(!cut.is_empty() && clean.0.starts_with(&cut) && cut.ends_with(b"\n"));
    let killed = shell(
        folder.path(),
        &format!("ulimit -f 12; exec {command} --resume"),
    );
    assert_eq!(killed.status.code(), None, "killed by the signal");
    assert_eq!(whole(folder.path(), &["--resume"]), clean);
}

#[cfg(unix)]
#[test]
fn ctrl_c_writes_what_is_done() {
    let folder = hosts(60);
    let clean = whole(folder.path(), &[]);
    for name in ["out.jsonl", "out.jsonl.journal"] {
        fs::remove_file(folder.path().join(name)).expect("there");
    }
    // The first host does not come to an end: a pipe that nobody closes. The others are done and wait for it.
    let script = "mkfifo a-pipe; sleep 1000 > a-pipe & S=$!; \
         $RDPWHY fleet in a-pipe -j2 --results out.jsonl --format json & P=$!; \
         sleep 2; kill -INT $P; sleep 0.3; kill $S; wait $P";
    let output = shell(folder.path(), script);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{err}");
    assert!(
        err.contains("broken off") && err.contains("--resume"),
        "{err}"
    );
    let summary: serde_json::Value = serde_json::from_slice(&output.stdout).expect("a summary");
    assert_eq!(summary["interrupted"], true);
    let cut = fs::read(folder.path().join("out.jsonl")).expect("a part");
    assert!(!cut.is_empty() && clean.0.starts_with(&cut));
    assert_eq!(whole(folder.path(), &["--resume"]), clean);
}

#[cfg(unix)]
#[test]
fn a_folder_without_permission_is_a_host_that_cannot_be_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = hosts(3);
    let closed = folder.path().join("in/h01");
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o0)).expect("closed");
    if fs::read_dir(&closed).is_ok() {
        eprintln!("skipped: this user may read everything");
        return;
    }
    let (_, summary) = whole(folder.path(), &[]);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).expect("opened");
    assert_eq!(summary["unreadable"][0]["unit"], "in/h01");
    assert!(
        summary["unreadable"][0]["why"]
            .as_str()
            .expect("why")
            .contains("no permission")
    );
    assert_eq!(summary["attempts"], 2);
}

/// A log of failed logons by network, `count` of them, whose chunks are all whole.
fn failed_logons(count: u64) -> Vec<u8> {
    use rdpwhy_fixtures::evtx::{
        Encoding, Guid, LogFile, Payload, Provider, Record, System, Value,
    };
    use rdpwhy_fixtures::time::{Span, Time};
    let text = |t: &str| Value::Text(t.to_owned());
    let start = Time::parse("2026-11-20T08:00:00Z").expect("a time");
    let record = |n: u64| {
        let address = format!("203.0.113.{}", n % 200);
        let fields = [
            ("TargetUserName", text(&format!("user{}", n % 97))),
            ("TargetDomainName", text("CORP")),
            ("Status", Value::Hex32(0xC000_006D)),
            ("SubStatus", Value::Hex32(0xC000_006A)),
            ("LogonType", Value::U32(3)),
            ("AuthenticationPackageName", text("NTLM")),
            ("WorkstationName", text("kali")),
            ("IpAddress", text(&address)),
            ("IpPort", text("0")),
        ];
        Record {
            id: n + 1,
            system: System {
                provider: Provider::Manifest {
                    name: "Microsoft-Windows-Security-Auditing".into(),
                    guid: Guid::parse("{54849625-5478-4994-a5ba-3e3b0328c30d}").expect("a GUID"),
                },
                event_id: 4625,
                qualifiers: None,
                version: 0,
                level: 0,
                task: 12_544,
                opcode: 0,
                keywords: 0x8010_0000_0000_0000,
                time: start + Span::millis(i64::try_from(n * 40).expect("small")),
                activity: None,
                process: 632,
                thread: 5120,
                channel: "Security".into(),
                computer: "SRV01.corp.example".into(),
                user: None,
            },
            payload: Payload::Named {
                fields: fields.map(|(n, v)| (n.to_owned(), v)).to_vec(),
                binary: None,
            },
            encoding: Encoding::Template,
        }
    };
    let records = (0..count).map(record).collect();
    LogFile::new(records).to_bytes().expect("a log")
}

/// Run with `RDPWHY_LOGONS=2000000` for the real thing; a debug build takes long over it.
#[test]
fn a_host_with_a_flood_of_failed_logons_holds_up_nobody() {
    let count = std::env::var("RDPWHY_LOGONS").ok();
    let count: u64 = count.and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let folder = hosts(5);
    let log = failed_logons(count);
    write(&folder.path().join("in/a-flooded/Security.evtx"), &log);
    let (lines, summary) = whole(folder.path(), &["-j2"]);
    assert_eq!(summary["records"], count + 10);
    assert_eq!(summary["hosts"], 6);
    assert!(summary["attempts"].as_u64().expect("a number") >= 5);
    assert!(
        lines.len() < 200_000,
        "{} bytes: the names are cut",
        lines.len()
    );
}

/// A log that is rotated away while it is read: what was there is told, the rest is a defect, and the others are whole.
#[cfg(unix)]
#[test]
fn a_file_that_shrinks_or_vanishes_is_told_and_the_rest_is_whole() {
    let folder = hosts(2);
    let log = failed_logons(60_000);
    for name in ["a1", "a2", "a3", "a4"] {
        write(
            &folder.path().join(format!("in/{name}/Security.evtx")),
            &log,
        );
    }
    // Cut and removed while the first ones are in hand.
    let script = "$RDPWHY fleet in -j1 --results out.jsonl --format json & P=$!; \
         : > in/a3/Security.evtx; truncate -s 300000 in/a2/Security.evtx; rm in/a4/Security.evtx; wait $P";
    let output = shell(folder.path(), script);
    let summary: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("a summary whatever happens");
    assert_eq!(summary["hosts"], 6, "{summary}");
    let lines = text(&fs::read(folder.path().join("out.jsonl")).expect("results"));
    let host = |name: &str| {
        let start = format!("{{\"type\":\"host\",\"unit\":\"in/{name}\"");
        let found = lines.lines().find(|l| l.starts_with(&start));
        found.unwrap_or_else(|| panic!("no {name}")).to_owned()
    };
    assert!(host("a1").contains("\"records\":60000"));
    assert!(
        host("a3").contains("unreadable") && host("a4").contains("unreadable"),
        "{lines}"
    );
    assert!(!host("a2").contains("\"problems\":[]"), "{}", host("a2"));
    assert!(host("h00").contains("\"attempts\":1") && host("h01").contains("\"attempts\":1"));
}
