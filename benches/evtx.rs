//! Event logs: how fast records that nobody asks for are passed, and records that become events are decoded.
//!
//! `scan`: a log of which the catalogue wants nothing; `decode`: one of which it wants all; `inline`: the same records as
//! forwarding writes them. `general` is the way that damaged chunks go, for comparison. Throughput is bytes of the file.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench stops when its input is wrong, and criterion's macros write no documentation"
)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rdpwhy_fixtures::evtx::{
    Encoding, Guid, LogFile, Payload, Provider, Record, Sid, System, Value,
};
use rdpwhy_fixtures::time::{Span, Time};
use rdpwhy_parsers::evtx::{plan, read_chunks, read_chunks_generally};

/// Records of a bench file: some thirty chunks.
const RECORDS: u64 = 4_000;

/// A log of logons with this event id, with values that change as they do in real logs.
fn log(event_id: u16, encoding: Encoding) -> Vec<u8> {
    let records = (1..=RECORDS)
        .map(|id| record(id, event_id, encoding))
        .collect();
    LogFile::new(records).to_bytes().unwrap()
}

fn record(id: u64, event_id: u16, encoding: Encoding) -> Record {
    let text = |t: String| Value::Text(t);
    let fields = [
        (
            "SubjectUserSid",
            Value::Sid(Sid::parse("S-1-5-18").unwrap()),
        ),
        ("SubjectUserName", text("SRV01$".into())),
        (
            "TargetUserSid",
            Value::Sid(Sid::parse("S-1-5-21-10-20-30-1104").unwrap()),
        ),
        ("TargetUserName", text(format!("user{}", id % 97))),
        ("TargetDomainName", text("CORP".into())),
        ("TargetLogonId", Value::Hex64(0x10_0000 + id)),
        ("LogonType", Value::U32(if id % 3 == 0 { 10 } else { 3 })),
        ("LogonProcessName", text("User32 ".into())),
        ("AuthenticationPackageName", text("Negotiate".into())),
        ("WorkstationName", text(format!("WS{}", id % 50))),
        ("ProcessId", Value::Hex64(0x4dc)),
        (
            "ProcessName",
            text("C:\\Windows\\System32\\svchost.exe".into()),
        ),
        ("IpAddress", text(format!("10.0.{}.{}", id % 200, id % 250))),
        ("IpPort", text((49_152 + id % 16_000).to_string())),
    ];
    let start = Time::parse("2026-11-20T08:00:00Z").unwrap();
    Record {
        id,
        system: System {
            provider: Provider::Manifest {
                name: "Microsoft-Windows-Security-Auditing".into(),
                guid: Guid::parse("{54849625-5478-4994-a5ba-3e3b0328c30d}").unwrap(),
            },
            event_id,
            qualifiers: None,
            version: 2,
            level: 0,
            task: 12_544,
            opcode: 0,
            keywords: 0x8020_0000_0000_0000,
            time: start + Span::millis(i64::try_from(id).unwrap() * 700),
            activity: Guid::parse("{f4201c3e-9d11-4a5b-8f1e-5d2c7b0a0000}"),
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
        encoding,
    }
}

fn evtx(c: &mut Criterion) {
    let mut group = c.benchmark_group("evtx");
    // 4673 is written often and says nothing about connections, 4624 is a logon.
    for (name, bytes) in [
        ("scan", log(4673, Encoding::Template)),
        ("scan-inline", log(4673, Encoding::Inline)),
        ("decode", log(4624, Encoding::Template)),
        ("decode-inline", log(4624, Encoding::Inline)),
    ] {
        let (plan, _) = plan(&bytes);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |b| {
            b.iter(|| read_chunks(black_box(&bytes), &plan, 0..plan.len()));
        });
        if name == "decode" {
            group.bench_function("general", |b| {
                b.iter(|| read_chunks_generally(black_box(&bytes), &plan, 0..plan.len()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, evtx);
criterion_main!(benches);
