//! What cannot be read is named with its place, and everything else is still analysed.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::case;
use crate::contract::violations;
use crate::program::{Run, diagnose, list, number, text};
use crate::verdicts::named;

const JSON: [&str; 2] = ["--format", "json"];

/// Nothing could be read: status 3, nothing on standard output, and these words on standard error.
fn refused(run: &Run, words: &[&str]) {
    assert_eq!(run.status, 3, "{}{}", run.out, run.err);
    for word in words {
        assert!(run.err.contains(word), "no \"{word}\" in: {}", run.err);
    }
}

fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    folder
}

/// Bytes without any order.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn a_path_that_does_not_exist() {
    let run = diagnose(&["no/such/evidence"], &JSON);
    refused(&run, &["no/such/evidence", "no such file"]);
    assert_eq!(run.out, "");
}

#[test]
fn a_folder_without_evidence() {
    let empty = folder(&[]);
    refused(&diagnose(&[empty.path()], &JSON), &["no file"]);
    let others = folder(&[("notes.txt", b"nothing to see"), ("tool.exe", b"MZ\x90\0")]);
    let run = diagnose(&[others.path()], &JSON);
    refused(&run, &["looked at 2 other files", "a Windows program"]);
}

#[test]
fn an_empty_file_and_random_bytes() {
    let files = folder(&[("System.evtx", b""), ("wire.pcapng", &noise(5000))]);
    let of = |name: &str| diagnose(&[files.path().join(name)], &JSON);
    refused(&of("System.evtx"), &["System.evtx", "empty"]);
    refused(&of("wire.pcapng"), &["wire.pcapng"]);
}

/// The magic number is there, and nothing behind it makes sense.
#[test]
fn files_that_only_look_like_evidence() {
    let magics: [(&str, &[u8]); 5] = [
        ("System.evtx", b"ElfFile\0"),
        ("chunk.evtx", b"ElfChnk\0"),
        ("trace.pcap", b"\xd4\xc3\xb2\xa1\x02\0\x04\0"),
        (
            "trace.pcapng",
            b"\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a",
        ),
        ("evidence.zip", b"PK\x03\x04"),
    ];
    for (name, magic) in magics {
        for length in [0, 1, 100, 5000, 70_000] {
            let bytes = [magic, &noise(length)].concat();
            let files = folder(&[(name, &bytes)]);
            let run = diagnose(&[files.path().join(name)], &JSON);
            refused(&run, &[name]);
        }
    }
}

/// What the showcase's readers said when one of its files was replaced.
fn with_replaced(label: &str, bytes: &[u8]) -> (Value, Run) {
    let mut evidence = case::named("showcase").evidence.clone();
    for file in evidence.0.iter_mut().filter(|(l, _)| l == label) {
        file.1 = bytes.to_vec();
    }
    let folder = evidence.laid_out();
    let run = diagnose(&[folder.path()], &JSON);
    assert!([0, 1, 4].contains(&run.status), "{label}: {}", run.err);
    let report = run.report();
    let broken = violations(&report, run.status);
    assert!(broken.is_empty(), "{label}: {broken:?}");
    (report, run)
}

fn source<'a>(report: &'a Value, label: &str) -> &'a Value {
    let sources = list(report, "/sources");
    let found = sources.iter().find(|s| text(s, "/path").ends_with(label));
    found.unwrap_or_else(|| panic!("{label} is no source of {sources:#?}"))
}

fn showcase_file(label: &str) -> &'static [u8] {
    let files = &case::named("showcase").evidence.0;
    &files.iter().find(|(l, _)| l == label).unwrap().1
}

/// Labels of the showcase that end so.
fn labels(suffix: &str) -> Vec<&'static str> {
    let files = case::named("showcase").evidence.0.iter();
    let labels = files.map(|(label, _)| label.as_str());
    let labels: Vec<_> = labels.filter(|label| label.ends_with(suffix)).collect();
    assert!(!labels.is_empty());
    labels
}

/// Nothing of the rest is lost, and the answer stands where what it rests on can still be read.
#[test]
fn a_damaged_file_among_good_ones() {
    for label in labels(".evtx") {
        let (report, run) = with_replaced(label, &noise(5000));
        // Without the log that says why, the failures stand unexplained.
        let deciding = label == "server/System.evtx";
        assert_eq!(run.status, if deciding { 4 } else { 1 }, "{label}");
        let replaced = list(&report, "/sources").iter();
        let read = replaced.filter(|s| number(s, "/records") > 0).count();
        let files = case::named("showcase").evidence.0.len();
        assert_eq!(read, files - 1, "{label}");
    }
}

#[test]
fn an_empty_file_among_good_ones() {
    let (report, run) = with_replaced("server/System.evtx", b"");
    assert_eq!(run.status, 4);
    let missing = list(&report, "/verdicts/0/missing").iter();
    let missing: Vec<_> = missing.map(|m| text(m, "/what")).collect();
    assert!(missing.iter().any(|m| m.contains("System")), "{missing:?}");
}

#[test]
fn a_torn_last_chunk() {
    let label = "server/System.evtx";
    let bytes = showcase_file(label);
    let torn = &bytes[..bytes.len() - 30_000];
    let (report, _) = with_replaced(label, torn);
    let source = source(&report, label);
    let whole = case::named("showcase").evidence.laid_out();
    let whole = diagnose(&[whole.path()], &JSON).report();
    let all = number(self::source(&whole, label), "/records");
    let defects = list(source, "/defects");
    let place = defects.iter().find(|d| text(d, "/at").contains("chunk"));
    assert!(place.is_some(), "{defects:?}");
    assert!(number(source, "/records") <= all);
}

/// A capture that stops in the middle of a packet, as a full disk leaves it.
#[test]
fn a_truncated_capture() {
    let label = labels("wire.pcapng")[0];
    let bytes = showcase_file(label);
    let whole = case::named("showcase").evidence.laid_out();
    let whole = diagnose(&[whole.path()], &JSON).report();
    let all = number(source(&whole, label), "/records");
    let (report, run) = with_replaced(label, &bytes[..bytes.len() - 7]);
    let torn = source(&report, label);
    assert_eq!(number(torn, "/records"), all - 1);
    let defects = list(torn, "/defects");
    assert_eq!(defects.len(), 1, "{defects:?}");
    let at = text(&defects[0], "/at");
    assert!(at.starts_with("byte") || at.starts_with("packet"), "{at}");
    assert_eq!(run.status, 1);
    assert_eq!(named(&report), named(&whole));
}

/// A path with a mistake in it beside a good one is said and costs nothing.
#[test]
fn a_missing_path_beside_a_good_one() {
    let good = case::named("showcase").evidence.laid_out();
    let run = diagnose(&[good.path(), Path::new("no/such")], &JSON);
    assert_eq!(run.status, 1);
    assert!(run.err.contains("no/such: no such file"), "{}", run.err);
    let report = run.report();
    let defects = list(source(&report, "no/such"), "/defects");
    assert_eq!(text(&defects[0], "/what"), "no such file or folder");
    assert_eq!(violations(&report, run.status), Vec::<String>::new());
}

/// An archive that ends in the middle of a member: what is there of the member is read.
#[test]
fn a_torn_archive() {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    archive.start_file("System.evtx", options).unwrap();
    std::io::Write::write_all(&mut archive, showcase_file("server/System.evtx")).unwrap();
    let bytes = archive.finish().unwrap().into_inner();
    let files = folder(&[("evidence.zip", &bytes[..bytes.len() / 2])]);
    let run = diagnose(&[files.path().join("evidence.zip")], &JSON);
    assert!(run.err.contains("evidence.zip"), "{}", run.err);
    let report = run.report();
    let member = source(&report, "evidence.zip!System.evtx");
    assert!(number(member, "/records") > 0);
    assert!(!list(member, "/defects").is_empty());
    assert!(!list(source(&report, "evidence.zip"), "/defects").is_empty());
}

/// A log's chunks among other bytes, as they lie about on a disk after the log was cleared.
fn in_pieces(log: &[u8]) -> Vec<u8> {
    let mut image = noise(70_001);
    for chunk in log[4096..].chunks(65_536) {
        image.extend(chunk);
        image.extend(noise(777));
    }
    image
}

/// Unallocated space: pieces of a log among other bytes, where no file begins.
#[test]
fn pieces_of_a_log_are_carved_when_that_is_asked_for() {
    let log = showcase_file("server/System.evtx");
    let files = folder(&[("disk.img", &in_pieces(log))]);
    let path = files.path().join("disk.img");
    refused(&diagnose(&[&path], &JSON), &["disk.img"]);
    let run = diagnose(&[&path], &["--format", "json", "--carve"]);
    let report = run.report();
    assert_eq!(violations(&report, run.status), Vec::<String>::new());
    let alone = folder(&[("System.evtx", log)]);
    let whole = diagnose(&[alone.path()], &JSON).report();
    let (carved, whole) = (source(&report, "disk.img"), source(&whole, "System.evtx"));
    assert_eq!(number(carved, "/records"), number(whole, "/records"));
    let told = list(carved, "/defects").iter();
    let told: Vec<_> = told.map(|d| text(d, "/what")).collect();
    assert!(told.iter().any(|d| d.contains("carved")), "{told:?}");
    // Nobody knows how long that has lain there: it is said so, and it makes nothing certain.
    let verdicts = list(&report, "/verdicts");
    assert!(!verdicts.is_empty());
    for verdict in verdicts {
        assert_ne!(text(verdict, "/confidence"), "certain");
        for entry in list(verdict, "/evidence") {
            assert!(text(entry, "/says").contains("recovered"), "{entry}");
        }
    }
}

#[test]
fn many_hosts_are_carved_as_one_is() {
    let image = in_pieces(showcase_file("server/System.evtx"));
    let hosts = folder(&[("h1/disk.img", &image), ("h2/disk.img", &image)]);
    let by_host = ["--by-host", "--format", "json"];
    let left = diagnose(&[hosts.path()], &by_host);
    assert_eq!(left.status, 3, "{}{}", left.out, left.err);
    let carved = diagnose(&[hosts.path()], &[&by_host[..], &["--carve"]].concat());
    let lines: Vec<Value> = carved
        .out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    let hosts: Vec<_> = lines
        .iter()
        .filter(|l| text(l, "/type") == "host")
        .collect();
    assert_eq!(hosts.len(), 2, "{}", carved.out);
    for host in hosts {
        assert!(number(host, "/records") > 0, "{host}");
    }
}
