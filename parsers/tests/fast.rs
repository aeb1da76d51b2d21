//! The short way through event logs against the general one: the same events, values, logs, counts, gaps and defects, on
//! real files and on thousands of damaged ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rdpwhy_fixtures::evtx::{
    Encoding, Guid, LogFile, Payload, Provider, Record, Sid, System, Value,
};
use rdpwhy_fixtures::time::{Span, Time};
use rdpwhy_parsers::evtx::{Plan, finish, plan, read_chunks, read_chunks_generally};
use rdpwhy_parsers::{EventBatch, EventRef, ReadAt};

/// All `.evtx` files below `../shared/samples`; empty where there are none.
fn samples() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "evtx") {
                files.push(path);
            }
        }
    }
    if files.is_empty() {
        println!("skipped: ../shared/samples is not there");
    }
    files.sort();
    files
}

type Read = fn(&dyn ReadAt, &Plan, Range<u32>) -> EventBatch;

fn read(bytes: &[u8], how: Read) -> EventBatch {
    let (plan, defects) = plan(&bytes);
    let mut whole = EventBatch::default();
    whole.defects.extend(defects);
    for start in (0..plan.len()).step_by(7) {
        whole.append(how(&bytes, &plan, start..start + 7));
    }
    finish(&mut whole);
    whole
}

fn told(event: EventRef<'_>) -> String {
    let log = event.log().map(|l| (l.host.as_str(), l.channel.as_str()));
    let fields: Vec<_> = event.fields().map(|(f, v)| format!("{f}={v:?}")).collect();
    let e = event.event;
    format!(
        "{} {:?} {} {:?} {log:?} {fields:?}",
        e.kind, e.time, e.place, e.activity
    )
}

fn assert_same(bytes: &[u8], name: &str) {
    let (short, general) = (read(bytes, read_chunks), read(bytes, read_chunks_generally));
    for (a, b) in short.iter().zip(general.iter()) {
        assert_eq!(told(a), told(b), "{name}");
    }
    assert_eq!(short.events.len(), general.events.len(), "{name}");
    assert_eq!(short.logs, general.logs, "{name}");
    assert_eq!(short.defects, general.defects, "{name}");
    assert_eq!(short.unknown, general.unknown, "{name}");
    assert_eq!(short.recovered, general.recovered, "{name}");
}

#[test]
fn real_files_read_the_same() {
    for path in samples() {
        assert_same(&fs::read(&path).unwrap(), &path.display().to_string());
    }
}

/// One record of each shape that Windows writes, ids from 1.
fn shapes(encoding: Encoding) -> Vec<Record> {
    let text = |t: &str| Value::Text(t.into());
    let named = |fields: Vec<(&str, Value)>, binary| Payload::Named {
        fields: fields.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
        binary,
    };
    let unnamed = |data: &[&str], binary| Payload::Unnamed {
        data: data.iter().map(|d| (*d).to_owned()).collect(),
        binary,
    };
    let manifest = |name: &str| Provider::Manifest {
        name: name.into(),
        guid: Guid::parse("{1139c61b-b549-4251-8ed3-27250a1edec8}").unwrap(),
    };
    let core = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS";
    let security = "Microsoft-Windows-Security-Auditing";
    let manager = "Microsoft-Windows-TerminalServices-RemoteConnectionManager";
    let sessions = "Microsoft-Windows-TerminalServices-LocalSessionManager";
    let source = |name: &str, source: &str| Provider::Source {
        name: name.into(),
        guid: Guid::parse("{c76baa63-ae81-421c-b425-340b4b24157f}").unwrap(),
        source: source.into(),
    };
    let classic = |name: &str| Provider::Classic { name: name.into() };
    let time = Time::parse("2026-11-20T22:58:00.25Z").unwrap();
    let user = |fields: Vec<(&str, Value)>| Payload::User {
        element: "EventXML".into(),
        namespace: "Event_NS".into(),
        fields: fields.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
    };
    let logon = vec![
        ("TargetUserName", text("ana & <Zoë> \u{1F512}")),
        ("TargetDomainName", text("CORP")),
        (
            "TargetUserSid",
            Value::Sid(Sid::parse("S-1-5-21-10-20-30-1104").unwrap()),
        ),
        ("TargetLogonId", Value::Hex64(0x1aeb2b)),
        ("LogonType", Value::U32(10)),
        ("WorkstationName", text(" ")),
        ("IpAddress", text("198.51.100.23")),
        ("IpPort", text("50123")),
        ("ProcessId", Value::Hex64(0x4dc)),
        ("ProcessName", text("C:\\Windows\\System32\\svchost.exe")),
        ("RestrictedAdminMode", text("%%1843")),
    ];
    let odd = vec![
        ("TargetUserName", Value::I32(-5)),
        ("TargetDomainName", Value::Bool(true)),
        ("TargetLogonId", Value::U64(1 << 63)),
        ("LogonType", Value::U8(3)),
        (
            "WorkstationName",
            Value::Guid(Guid::parse("{00112233-4455-6677-8899-aabbccddeeff}").unwrap()),
        ),
        ("IpAddress", Value::Binary(vec![0xde, 0xad])),
        ("IpPort", Value::U16(3389)),
        ("ProcessName", Value::Time(time)),
    ];
    let all = [
        (
            manifest(core),
            131,
            named(
                vec![
                    ("ConnType", text("TCP")),
                    ("ClientIP", text("10.2.8.41:50122")),
                ],
                None,
            ),
        ),
        (manifest(core), 102, named(vec![], None)),
        (manifest(core), 9, named(odd.clone(), None)),
        (manifest(security), 4624, named(logon, None)),
        (manifest(security), 4624, named(odd, None)),
        (
            source(manager, "TermService"),
            1056,
            unnamed(&["RDS07"], Some(vec![0xab; 20])),
        ),
        (
            source(manager, "TermService"),
            1058,
            unnamed(&["denied", "", "x"], Some(vec![5, 0, 7, 0x80])),
        ),
        (source("Nobody", "TermService"), 1057, unnamed(&[], None)),
        (
            classic("TermDD"),
            56,
            unnamed(&["\\Device\\Termdd", "203.0.113.9"], Some(vec![1, 2, 3])),
        ),
        (
            manifest("Service Control Manager"),
            7036,
            named(
                vec![
                    ("param1", text("Remote Desktop Services")),
                    ("param2", text("running")),
                ],
                Some(b"T\0e\0r\0m\0S\0e\0r\0v\0i\0c\0e\0/\x004\0\0\0".to_vec()),
            ),
        ),
        (
            manifest(sessions),
            21,
            user(vec![
                ("User", text("CORP\\ana")),
                ("SessionID", Value::U32(3)),
                ("Address", text("LOCAL")),
            ]),
        ),
        (
            manifest("Microsoft-Windows-Kernel-General"),
            1,
            named(
                vec![
                    ("NewTime", Value::Time(time)),
                    ("OldTime", Value::Time(time)),
                ],
                None,
            ),
        ),
    ];
    (1..)
        .zip(all)
        .map(|(id, (provider, event_id, payload))| Record {
            id,
            system: System {
                provider,
                event_id,
                qualifiers: (event_id < 100).then_some(0xC00A),
                version: 0,
                level: 4,
                task: 4,
                opcode: 15,
                keywords: 0x4000_0000_0000_0000,
                time: time + Span::millis(i64::try_from(id).unwrap()),
                activity: Guid::parse("{f4201c3e-9d11-4a5b-8f1e-5d2c7b0a0000}"),
                process: 1184,
                thread: 5120,
                channel: format!("Channel/{}", id % 3),
                computer: "RDS07.corp.example".into(),
                user: Sid::parse("S-1-5-20"),
            },
            payload,
            encoding,
        })
        .collect()
}

fn numbered(records: impl IntoIterator<Item = Record>) -> Vec<Record> {
    let mut records: Vec<Record> = records.into_iter().collect();
    for (id, record) in (1..).zip(&mut records) {
        record.id = id;
    }
    records
}

/// Small logs: values, literals, both, several chunks.
fn synthetic() -> Vec<(String, Vec<u8>)> {
    let (values, literals) = (shapes(Encoding::Template), shapes(Encoding::Inline));
    let both = numbered(
        values
            .iter()
            .zip(&literals)
            .flat_map(|(a, b)| [a.clone(), b.clone()]),
    );
    let repeated = numbered((0..4).flat_map(|_| values.clone()));
    let mut chunks = LogFile::new(repeated.clone());
    chunks.records_per_chunk = Some(10);
    [
        ("values", LogFile::new(repeated)),
        ("literals", LogFile::new(literals)),
        ("both", LogFile::new(both)),
        ("chunks", chunks),
    ]
    .into_iter()
    .map(|(name, file)| (name.to_owned(), file.to_bytes().unwrap()))
    .collect()
}

#[test]
fn synthetic_files_read_the_same() {
    for (name, bytes) in synthetic() {
        assert!(!read(&bytes, read_chunks).events.is_empty(), "{name}");
        assert_same(&bytes, &name);
    }
}

/// xorshift: the same damage in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % n as u64).unwrap()
    }

    /// Cuts, flips bits, or loses sectors.
    fn damage(&mut self, bytes: &mut Vec<u8>) {
        let len = bytes.len();
        match self.below(5) {
            0 => bytes.truncate(self.below(len)),
            1 => {
                let at = self.below(len / 512) * 512;
                bytes[at..at + 512].fill(0);
            }
            2 => {
                let at = self.below(len);
                let end = (at + self.below(600)).min(len);
                bytes[at..end].fill(0xFF);
            }
            _ => {
                for _ in 0..=self.below(30) {
                    let at = self.below(len);
                    bytes[at] ^= 1 << self.below(8);
                }
            }
        }
    }
}

/// What damage is tried on: logs of a few chunks, without the unused space behind their records.
fn victims() -> Vec<(String, Vec<u8>)> {
    let mut victims = synthetic();
    for path in samples() {
        if fs::metadata(&path).is_ok_and(|m| m.len() <= 140_000) && victims.len() < 24 {
            victims.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    victims
}

#[test]
fn damaged_files_read_the_same() {
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    for (name, whole) in victims() {
        for round in 0..60 {
            let mut bytes = whole.clone();
            dice.damage(&mut bytes);
            assert_same(&bytes, &format!("{name}, round {round}"));
        }
    }
}

#[test]
fn files_without_checksums_read_the_same() {
    let mut dice = Dice(0xD1B5_4A32_D192_ED03);
    for (name, whole) in victims() {
        for round in 0..20 {
            let mut bytes = whole.clone();
            for chunk in bytes[4096..].chunks_exact_mut(65536) {
                chunk[120] |= 4;
            }
            if round > 0 {
                dice.damage(&mut bytes);
            }
            assert_same(&bytes, &format!("{name}, round {round}"));
        }
    }
}

#[test]
fn damage_costs_what_it_hits() {
    let mut file = LogFile::new(numbered((0..4).flat_map(|_| shapes(Encoding::Template))));
    file.records_per_chunk = Some(50);
    let whole = file.to_bytes().unwrap();
    let signature = |bytes: &[u8], nth: usize| {
        let found = bytes.windows(4).enumerate();
        let mut places = found.filter(|(_, w)| *w == b"**\0\0").map(|(at, _)| at);
        places.nth(nth).unwrap()
    };
    let all = read(&whole, read_chunks);
    let mut bytes = whole.clone();
    let at = signature(&bytes, 7);
    bytes[at] = 0;
    let torn = read(&bytes, read_chunks);
    let records = |batch: &EventBatch| batch.logs.iter().map(|l| l.records).sum::<u64>();
    assert_eq!(records(&torn) + 1, records(&all));
    assert_same(&bytes, "a record without its signature");
}

/// Writes the checksums that a chunk's bytes ask for, as somebody who forges a log would.
fn forge(bytes: &mut [u8]) {
    for chunk in bytes[4096..].chunks_exact_mut(65536) {
        let free = u32::from_le_bytes(chunk[48..52].try_into().unwrap()) as usize;
        if let Some(records) = chunk.get(512..free) {
            let sum = ::evtx::checksum_ieee(records);
            chunk[52..56].copy_from_slice(&sum.to_le_bytes());
        }
        let header = [&chunk[..120], &chunk[128..512]].concat();
        let sum = ::evtx::checksum_ieee(&header);
        chunk[124..128].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Where the live records of the first chunk begin, and where the last one ends.
fn places(bytes: &[u8]) -> Vec<usize> {
    let mut places = vec![4096 + 512];
    while let Some(at) = places.last().copied()
        && bytes[at..].starts_with(b"**\0\0")
    {
        let size = u32::from_le_bytes(bytes[at + 4..at + 8].try_into().unwrap());
        places.push(at + size as usize);
    }
    places
}

/// Bytes are missing from a live record, whose values then lie where others belong; the record stands whole in the slack.
/// Checksums were computed over that, with and without damage right behind it.
#[test]
fn a_whole_copy_in_slack_counts_where_the_live_record_is_broken() {
    let file = LogFile::new(numbered((0..2).flat_map(|_| shapes(Encoding::Template))));
    let whole = file.to_bytes().unwrap();
    let places = places(&whole);
    let count = places.len() - 1;
    assert_eq!(count, shapes(Encoding::Template).len() * 2);
    // Templates are defined in the first records.
    let second = count / 2..count - 1;
    let mut recovered = 0;
    for (from, lost) in second.flat_map(|nth| [(nth, 6), (nth, 48), (nth, 120)]) {
        let (at, end, free) = (places[from], places[from + 1], places[count]);
        for start in (at + 24 + 10..end - lost).step_by(29) {
            for hidden in [false, true] {
                let mut bytes = whole.clone();
                bytes.copy_within(at..end, free);
                bytes.copy_within(start + lost..end, start);
                if hidden {
                    bytes[end] = 0;
                }
                forge(&mut bytes);
                let name = format!("record {from}, {lost} bytes from {start} on, {hidden}");
                assert_same(&bytes, &name);
                recovered += read(&bytes, read_chunks).recovered;
            }
        }
    }
    assert!(recovered > 100, "{recovered}");
}

/// What stands before an odd record is hidden from the general reader while it looks at that record, even if the first
/// record of the chunk is none.
#[test]
fn odd_records_are_found_behind_a_broken_first_one() {
    let file = LogFile::new(numbered((0..2).flat_map(|_| shapes(Encoding::Template))));
    let whole = file.to_bytes().unwrap();
    let places = places(&whole);
    let second = places.len() / 2;
    for first in [0, 23] {
        for nth in second..places.len() - 1 {
            let mut bytes = whole.clone();
            // Without a signature, or with a time beyond the year 9999.
            bytes[places[0] + first] ^= 0x7F;
            // The number of values.
            let count = places[nth] + 24 + 14;
            bytes[count..count + 4].fill(0xFF);
            assert_same(&bytes, &format!("first {first}, record {nth}"));
            let defects = read(&bytes, read_chunks).defects;
            let lost = defects.iter().map(|d| d.lost).max();
            assert_eq!(lost, Some(2), "{defects:?}");
        }
    }
}

#[test]
fn forged_files_read_the_same_where_the_general_way_reads_all() {
    let mut dice = Dice(0x2545_F491_4F6C_DD1D);
    let (mut same, mut other) = (0, 0);
    for (name, whole) in victims() {
        for round in 0..60 {
            let mut bytes = whole.clone();
            let at = 4096 + 512 + dice.below(4000);
            for _ in 0..=dice.below(6) {
                let at = at + dice.below(400);
                bytes[at] ^= 1 << dice.below(8);
            }
            forge(&mut bytes);
            let name = format!("{name}, round {round}");
            let general = read(&bytes, read_chunks_generally);
            if general
                .defects
                .iter()
                .any(|d| d.what.contains("cannot be read"))
            {
                let short = read(&bytes, read_chunks);
                // A fault inside what nobody asks for stays unseen, and the record counts.
                let records = |b: &EventBatch| b.logs.iter().map(|l| l.records).sum::<u64>();
                assert!(records(&short) >= records(&general), "{name}");
                assert_eq!(
                    short.events.len(),
                    general.events.len(),
                    "{name} {:?} {:?}",
                    general.defects,
                    short.defects
                );
                other += 1;
            } else {
                assert_same(&bytes, &name);
                same += 1;
            }
        }
    }
    println!("{same} the same, {other} with faults");
}
