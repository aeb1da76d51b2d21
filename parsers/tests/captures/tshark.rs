//! tshark as a second opinion: runs it over a capture and gathers, per TCP connection, what it read.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::process::Command;

use tls_parser::TlsCipherSuite;

/// Address and port of one end.
pub type End = (String, i64);
/// Client and server.
pub type Ends = (End, End);

/// What both programs read of a connection; absent means that nothing was readable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reading {
    pub requested: Option<i64>,
    pub selected: Option<i64>,
    pub failure: Option<i64>,
    pub version: Option<String>,
    pub suite: Option<String>,
    /// First and last second of the server's certificate, `YYYY-MM-DD hh:mm:ss`.
    pub validity: Option<(String, String)>,
    /// Who raised which alert; close_notify left out.
    pub alerts: BTreeSet<(&'static str, i64)>,
    pub ja3: Option<String>,
}

/// Columns, in the order in which [`Row`] takes them apart.
const COLUMNS: [&str; 19] = [
    "tcp.stream",
    "ip.src",
    "ipv6.src",
    "tcp.srcport",
    "ip.dst",
    "ipv6.dst",
    "tcp.dstport",
    "rdp.neg_type",
    "rdp.negReq.requestedProtocols",
    "rdp.negReq.selectedProtocol",
    "rdp.negFailure.failureCode",
    "tls.handshake.type",
    "tls.handshake.version",
    "tls.handshake.extensions.supported_version",
    "tls.handshake.ciphersuite",
    "x509af.utcTime",
    "x509af.generalizedTime",
    "tls.alert_message.desc",
    "tls.handshake.ja3",
];

/// One frame; a column holds all its values, separated by commas.
struct Row<'a>(Vec<&'a str>);

impl Row<'_> {
    fn column(&self, name: &str) -> Vec<&str> {
        let at = COLUMNS.iter().position(|c| *c == name).unwrap();
        let text = self.0.get(at).copied().unwrap_or_default();
        text.split(',').filter(|v| !v.is_empty()).collect()
    }

    /// The innermost value where tunnels repeat it.
    fn last(&self, name: &str) -> Option<&str> {
        self.column(name).last().copied()
    }

    fn number(&self, name: &str) -> Option<i64> {
        self.last(name).and_then(number)
    }

    fn end(&self, v4: &str, v6: &str, port: &str) -> Option<End> {
        let ip: IpAddr = self.last(v4).or_else(|| self.last(v6))?.parse().ok()?;
        Some((ip.to_string(), self.number(port)?))
    }

    fn ends(&self) -> Option<Ends> {
        let from = self.end("ip.src", "ipv6.src", "tcp.srcport")?;
        Some((from, self.end("ip.dst", "ipv6.dst", "tcp.dstport")?))
    }
}

fn number(text: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `1.2` for `0x0303`, as the events write it.
fn version_name(number: i64) -> Option<String> {
    let names = ["ssl3", "1.0", "1.1", "1.2", "1.3"];
    let at = usize::try_from(number - 0x0300).ok()?;
    names.get(at).map(|n| (*n).to_owned())
}

fn suite_name(number: i64) -> String {
    let id = u16::try_from(number).unwrap_or(0);
    let known = TlsCipherSuite::from_id(id).map(|s| s.name.to_owned());
    known.unwrap_or_else(|| format!("0x{id:04x}"))
}

/// Runs tshark with a protocol for each of the ports; `None` when it is missing or does not know a field.
fn run(file: &Path, protocol: &str, ports: &BTreeSet<i64>, filter: &str) -> Option<String> {
    let mut command = Command::new("tshark");
    command.arg("-n").arg("-r").arg(file).args(["-Y", filter]);
    command.args(["-T", "fields", "-E", "occurrence=a"]);
    for port in ports {
        command.args(["-d", &format!("tcp.port=={port},{protocol}")]);
    }
    for column in COLUMNS {
        command.args(["-e", column]);
    }
    let output = command.output().ok()?;
    // A file torn at its end is read as far as it goes, and complained about.
    let usable = output.status.success() || !output.stdout.is_empty();
    usable.then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What tshark read of each connection to one of the ports: for each pair of ends the connections in their order. Two
/// passes, because it reads TLS behind X.224 only when told that the port speaks nothing else.
pub fn readings(
    file: &Path,
    ports: &BTreeSet<i64>,
    tls: bool,
) -> Option<BTreeMap<Ends, Vec<Reading>>> {
    let mut passes = vec![run(file, "tpkt", ports, "rdp.neg_type")?];
    if tls {
        passes.push(run(
            file,
            "tls",
            ports,
            "tls.handshake || tls.alert_message",
        )?);
    }
    let mut streams: BTreeMap<i64, (Ends, Reading)> = BTreeMap::new();
    for line in passes.iter().flat_map(|pass| pass.lines()) {
        let row = Row(line.split('\t').collect());
        let (Some(stream), Some((from, to))) = (row.number("tcp.stream"), row.ends()) else {
            continue;
        };
        let from_server = ports.contains(&from.1);
        if !from_server && !ports.contains(&to.1) {
            continue;
        }
        let ends = if from_server { (to, from) } else { (from, to) };
        let (_, reading) = streams
            .entry(stream)
            .or_insert_with(|| (ends, Reading::default()));
        let side = if from_server { "server" } else { "client" };
        take(&row, side, reading);
    }
    let mut found: BTreeMap<Ends, Vec<Reading>> = BTreeMap::new();
    for (ends, reading) in streams.into_values() {
        found.entry(ends).or_default().push(reading);
    }
    Some(found)
}

fn take(row: &Row<'_>, side: &'static str, reading: &mut Reading) {
    let keep = |known: &mut Option<i64>, name| *known = row.number(name).or(*known);
    keep(&mut reading.requested, "rdp.negReq.requestedProtocols");
    keep(&mut reading.selected, "rdp.negReq.selectedProtocol");
    keep(&mut reading.failure, "rdp.negFailure.failureCode");
    let messages: Vec<_> = row
        .column("tls.handshake.type")
        .into_iter()
        .filter_map(number)
        .collect();
    if side == "server" && messages.contains(&2) {
        let extension = row.number("tls.handshake.extensions.supported_version");
        let legacy = row
            .column("tls.handshake.version")
            .first()
            .copied()
            .and_then(number);
        reading.version = extension.or(legacy).and_then(version_name);
        reading.suite = row.number("tls.handshake.ciphersuite").map(suite_name);
    }
    if side == "server" && messages.contains(&11) && reading.validity.is_none() {
        // The server's own certificate comes first; each has two times.
        let mut times = row.column("x509af.utcTime");
        times.extend(row.column("x509af.generalizedTime"));
        if let [from, to, ..] = times.as_slice() {
            let second = |t: &str| t.get(..19).unwrap_or(t).to_owned();
            reading.validity = Some((second(from), second(to)));
        }
    }
    if let Some(ja3) = row
        .column("tls.handshake.ja3")
        .first()
        .filter(|_| side == "client")
    {
        reading.ja3.get_or_insert((*ja3).to_owned());
    }
    let alerts = row.column("tls.alert_message.desc");
    reading.alerts.extend(
        alerts
            .into_iter()
            .filter_map(number)
            .filter(|a| *a != 0)
            .map(|a| (side, a)),
    );
}
