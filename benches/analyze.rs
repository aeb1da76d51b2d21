//! Attempts in numbers: a server that is guessed at from the internet, read and judged as a whole. The time per attempt
//! must not grow with their number.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a bench stops when its input is wrong, and criterion's macros write no documentation"
)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use rdpwhy_analyzer::{Knowledge, Options, Silent, Source, analyze};
use rdpwhy_fixtures::evtx::{Encoding, Guid, LogFile, Payload, Provider, Record, System, Value};
use rdpwhy_fixtures::time::{Span, Time};

/// Every tenth stranger comes back; each is refused before a logon.
fn flood(attempts: u64) -> Vec<u8> {
    let mut records = Vec::new();
    for n in 0..attempts {
        let address = format!(
            "203.{}.{}.{}",
            n / 64_000 % 250,
            n / 250 % 250,
            n * 10 % 250
        );
        let port = 1_024 + n % 60_000;
        let activity = Guid::parse(&format!("{{f4200000-0000-4000-8000-{n:012x}}}"));
        let text = |t: String| Value::Text(t);
        let at = |ms: u64| i64::try_from(n * 1_500 + ms).unwrap();
        let client = text(format!("{address}:{port}"));
        for (ms, id, fields) in [
            (
                0,
                131,
                vec![("ConnType", text("TCP".into())), ("ClientIP", client)],
            ),
            (
                3,
                65,
                vec![("ConnectionName", text(format!("RDP-Tcp#{n}")))],
            ),
            (900, 140, vec![("IPString", text(address))]),
            (910, 102, vec![]),
        ] {
            let number = records.len() as u64 + 1;
            records.push(record(number, id, at(ms), activity, fields));
        }
    }
    LogFile::new(records).to_bytes().unwrap()
}

fn record(
    id: u64,
    event_id: u16,
    ms: i64,
    activity: Option<Guid>,
    fields: Vec<(&str, Value)>,
) -> Record {
    let name = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS";
    Record {
        id,
        system: System {
            provider: Provider::Manifest {
                name: name.into(),
                guid: Guid::parse("{1139c61b-b549-4251-8ed3-27250a1edec8}").unwrap(),
            },
            event_id,
            qualifiers: None,
            version: 0,
            level: 4,
            task: 4,
            opcode: 15,
            keywords: 0x4000_0000_0000_0000,
            time: Time::parse("2026-11-20T08:00:00Z").unwrap() + Span::millis(ms),
            activity,
            process: 1184,
            thread: 5120,
            channel: format!("{name}/Operational"),
            computer: "RDS07.corp.example".into(),
            user: None,
        },
        payload: Payload::Named {
            fields: fields.into_iter().map(|(n, v)| (n.to_owned(), v)).collect(),
            binary: None,
        },
        encoding: Encoding::Template,
    }
}

fn flooded(c: &mut Criterion) {
    let knowledge = Knowledge::embedded().unwrap();
    let mut group = c.benchmark_group("flood");
    group.sample_size(10);
    for attempts in [1_000, 10_000, 100_000] {
        let bytes = flood(attempts);
        group.throughput(Throughput::Elements(attempts));
        group.bench_function(BenchmarkId::from_parameter(attempts), |b| {
            b.iter(|| {
                let source = Source {
                    label: "flood.evtx".into(),
                    bytes: Box::new(bytes.clone()),
                };
                analyze(vec![source], &[], &knowledge, &Options::default(), &Silent).unwrap()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, flooded);
criterion_main!(benches);
