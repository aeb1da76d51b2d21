//! The reader agrees with tshark on every recorded capture, where both are there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rdpwhy_parsers::pcap::read;
use rdpwhy_parsers::{EventBatch, EventRef, Field};

use super::samples;
use super::tshark::{Ends, Reading, readings};

/// Where the two differ for a good reason: capture, connection's client port, what, why.
const DIFFERENCES: &[(&str, i64, &str, &str)] = &[
    (
        "s26a-snap96-negfail.pcap",
        51946,
        "requested",
        "the snapshot length cut the last byte of the field, which is always zero; tshark gives up",
    ),
    ("s26a-snap96-negfail.pcap", 62334, "requested", "the same"),
    (
        "s26a-snap96-negfail.pcap",
        51946,
        "version",
        "the ServerHello is cut behind its legacy version; tshark wants the whole record",
    ),
];

/// A connection as our events tell it.
struct Told {
    ends: Ends,
    tls: bool,
    reading: Reading,
}

fn int(e: EventRef<'_>, name: &str) -> Option<i64> {
    e.int(Field::named(name)?)
}

fn text<'a>(e: EventRef<'a>, name: &str) -> Option<&'a str> {
    e.text(Field::named(name)?).filter(|t| !t.is_empty())
}

fn flag(e: EventRef<'_>, name: &str) -> bool {
    Field::named(name).is_some_and(|f| e.flag(f))
}

/// `YYYY-MM-DD hh:mm:ss` of nanoseconds since 1970 (Howard Hinnant's days-to-civil).
fn second(nanoseconds: i64) -> String {
    let seconds = nanoseconds.div_euclid(1_000_000_000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    let year = year + era * 400 + carry;
    let (h, m, s) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02} {h:02}:{m:02}:{s:02}")
}

fn told(batch: &EventBatch) -> Vec<Told> {
    let mut flows: BTreeMap<i64, Told> = BTreeMap::new();
    for e in batch.iter() {
        let Some(number) = int(e, "flow") else {
            continue;
        };
        let kind = e.event.kind.name();
        if kind == "tcp.opened" {
            let ip = |name| e.ip(Field::named(name).unwrap()).unwrap().to_string();
            let port = |name| int(e, name).unwrap();
            let client = (ip("client_ip"), port("client_port"));
            let server = (ip("server_ip"), port("server_port"));
            flows.insert(
                number,
                Told {
                    ends: (client, server),
                    tls: false,
                    reading: Reading::default(),
                },
            );
        }
        let Some(flow) = flows.get_mut(&number) else {
            continue;
        };
        flow.tls |= kind.starts_with("tls.");
        let reading = &mut flow.reading;
        match kind {
            "x224.requested" => reading.requested = int(e, "requested_protocols"),
            "x224.confirmed" if !flag(e, "legacy") => {
                reading.selected = int(e, "selected_protocol");
            }
            "negotiation.failed" => reading.failure = int(e, "code"),
            "tls.client-hello" => reading.ja3 = text(e, "ja3").map(str::to_owned),
            "tls.server-hello" => {
                reading.version = text(e, "version").map(str::to_owned);
                reading.suite = text(e, "suite").map(str::to_owned);
            }
            "tls.certificate" => {
                let (from, to) = (int(e, "not_before"), int(e, "not_after"));
                reading.validity = from.zip(to).map(|(from, to)| (second(from), second(to)));
            }
            "tls.alerted" => {
                let from = if text(e, "from") == Some("client") {
                    "client"
                } else {
                    "server"
                };
                reading
                    .alerts
                    .extend(int(e, "alert").filter(|a| *a != 0).map(|a| (from, a)));
            }
            _ => {}
        }
    }
    flows.into_values().collect()
}

const RDP_PORT: i64 = 3389;

/// The names of what differs, with both readings.
fn differences(ours: &Reading, theirs: &Reading) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut compare = |what, ours: String, theirs: String| {
        if ours != theirs {
            found.push((what, format!("{ours} here, {theirs} by tshark")));
        }
    };
    let shown = |v: &dyn std::fmt::Debug| format!("{v:?}");
    compare(
        "requested",
        shown(&ours.requested),
        shown(&theirs.requested),
    );
    compare("selected", shown(&ours.selected), shown(&theirs.selected));
    compare("failure", shown(&ours.failure), shown(&theirs.failure));
    compare("version", shown(&ours.version), shown(&theirs.version));
    compare("suite", shown(&ours.suite), shown(&theirs.suite));
    compare("validity", shown(&ours.validity), shown(&theirs.validity));
    compare("alerts", shown(&ours.alerts), shown(&theirs.alerts));
    compare("ja3", shown(&ours.ja3), shown(&theirs.ja3));
    found
}

/// What of a capture is not agreed upon, a line each; how many connections were compared.
fn compare(file: &Path) -> (Vec<String>, usize) {
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let told = told(&read(&fs::read(file).unwrap(), None));
    let ports: BTreeSet<i64> = told.iter().map(|t| t.ends.1.1).collect();
    if ports.is_empty() {
        return (Vec::new(), 0);
    }
    let Some(mut theirs) = readings(file, &ports, told.iter().any(|t| t.tls)) else {
        return (vec![format!("{name}: tshark failed")], 0);
    };
    let mut lines = Vec::new();
    // Of connections between the same ends the first is compared with the first.
    for t in &told {
        let list = theirs.get_mut(&t.ends).filter(|l| !l.is_empty());
        let other = list.map(|l| l.remove(0)).unwrap_or_default();
        let port = t.ends.0.1;
        for (what, how) in differences(&t.reading, &other) {
            let known = DIFFERENCES
                .iter()
                .any(|d| (d.0, d.1, d.2) == (name.as_str(), port, what));
            if !known {
                lines.push(format!("{name}, port {port}: {what} is {how}"));
            }
        }
    }
    for (ends, left) in theirs {
        // What else goes to a gateway's port is no RDP.
        let rdp = |r: &Reading| ends.1.1 == RDP_PORT || r.requested.is_some();
        for reading in left.into_iter().filter(rdp) {
            lines.push(format!(
                "{name}, port {}: only tshark reads {reading:?}",
                ends.0.1
            ));
        }
    }
    (lines, told.len())
}

#[test]
fn tshark_reads_the_same() {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: tshark is not installed");
        return;
    }
    let Some(files) = samples::files(&["pcap", "lab"]) else {
        return;
    };
    let next = AtomicUsize::new(0);
    let found = Mutex::new((Vec::new(), 0));
    let workers = thread::available_parallelism()
        .map_or(2, usize::from)
        .min(8);
    thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (lines, compared) = compare(file);
                    let mut found = found.lock().unwrap();
                    found.0.extend(lines);
                    found.1 += compared;
                }
            });
        }
    });
    let (mut lines, compared) = found.into_inner().unwrap();
    lines.sort();
    println!("{compared} connections compared");
    assert!(lines.is_empty(), "{}", lines.join("\n"));
    assert!(compared > 0);
}

#[test]
fn seconds_are_written_as_dates() {
    assert_eq!(second(0), "1970-01-01 00:00:00");
    assert_eq!(second(951_782_399_000_000_000), "2000-02-28 23:59:59");
    assert_eq!(second(-1), "1969-12-31 23:59:59");
    assert_eq!(second(1_790_000_000_000_000_000), "2026-09-21 14:13:20");
}
