//! Prints the connections of captures, one line each: `cargo run --example flows -- FILE… [--keylog FILE] [-v]`.
//!
//! With `-v` each event follows with its values.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use rdpwhy_parsers::catalog;
use rdpwhy_parsers::pcap::{looks_like, read};
use rdpwhy_parsers::tls::keylog::KeyLog;
use rdpwhy_parsers::{EventRef, Field, Value};

const STAGES: [&str; 10] = [
    "name",
    "tcp",
    "x224",
    "tls",
    "credssp",
    "authorization",
    "mcs",
    "licensing",
    "activation",
    "session",
];

fn main() -> ExitCode {
    let mut files = Vec::new();
    let mut keys = KeyLog::default();
    let mut verbose = false;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-v" => verbose = true,
            "--keylog" => match arguments.next().map(fs::read) {
                Some(Ok(text)) => keys.add(&text),
                _ => return ExitCode::FAILURE,
            },
            _ => files.push(argument),
        }
    }
    let mut out = io::stdout().lock();
    for file in files {
        let Ok(bytes) = fs::read(&file) else {
            return ExitCode::FAILURE;
        };
        if !looks_like(&bytes) {
            continue;
        }
        if print(&mut out, &file, &bytes, &keys, verbose).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn print(
    out: &mut impl Write,
    file: &str,
    bytes: &Vec<u8>,
    keys: &KeyLog,
    verbose: bool,
) -> io::Result<()> {
    let batch = read(bytes, Some(keys));
    let packets: u64 = batch.logs.iter().map(|l| l.records).sum();
    writeln!(
        out,
        "== {file}: {packets} packets, {} events, {} defects",
        batch.events.len(),
        batch.defects.len()
    )?;
    for defect in &batch.defects {
        writeln!(
            out,
            "   ! {}: {} ({} lost)",
            defect.at, defect.what, defect.lost
        )?;
    }
    let mut flows: BTreeMap<i64, Vec<EventRef<'_>>> = BTreeMap::new();
    for event in batch.iter() {
        let number = Field::named("flow").and_then(|f| event.int(f)).unwrap_or(0);
        flows.entry(number).or_default().push(event);
    }
    for (number, events) in flows {
        let mut line = format!("{number}");
        let mut stage = 0;
        for event in &events {
            let of = catalog::info(event.event.kind)
                .and_then(|i| i.stage)
                .unwrap_or("name");
            stage = stage.max(STAGES.iter().position(|s| *s == of).unwrap_or(0));
            let show = |names: &[&str]| {
                names
                    .iter()
                    .map(|n| value(*event, n))
                    .collect::<Vec<_>>()
                    .join(" ")
            };
            match event.event.kind.name() {
                "tcp.opened" | "udp.opened" => {
                    let _ = write!(
                        line,
                        " {}",
                        show(&[
                            "client_ip",
                            "client_port",
                            "server_ip",
                            "server_port",
                            "midstream",
                            "one_way"
                        ])
                    );
                }
                "tcp.closed" => {
                    let text = show(&[
                        "by",
                        "how",
                        "forged",
                        "forged_why",
                        "idle_ms",
                        "announced",
                        "after",
                    ]);
                    let _ = write!(
                        line,
                        " | stage {} | closed {text}",
                        STAGES.get(stage).unwrap_or(&"?")
                    );
                }
                "flow.measured" => {}
                kind => {
                    let _ = write!(line, " · {kind}");
                }
            }
        }
        writeln!(out, "{line}")?;
        if verbose {
            for event in events {
                let fields: Vec<_> = event
                    .fields()
                    .map(|(f, _)| format!("{f}={}", value(event, f.name())))
                    .collect();
                writeln!(
                    out,
                    "      {:>6} {} {}",
                    event.event.place,
                    event.event.kind,
                    fields.join(" ")
                )?;
            }
        }
    }
    Ok(())
}

fn value(event: EventRef<'_>, name: &str) -> String {
    match Field::named(name).and_then(|f| event.get(f)) {
        None => "-".to_owned(),
        Some(Value::Int(n)) => n.to_string(),
        Some(Value::Flag(b)) => b.to_string(),
        Some(Value::Ip(ip)) => ip.to_string(),
        Some(Value::Text(t)) => format!("{t:?}"),
    }
}
