//! Suricata's EVE: events of type `rdp` (rust/src/rdp/log.rs), `tls` and `flow`, many of them about one connection, which its
//! `flow_id` names.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::certificates::validity;
use super::words as w;
use super::{RDP, Reading, Row};
use crate::batch::Filling;
use crate::event::Guid;
use crate::kind::Kind;
use crate::time::Timestamp;

/// Connections whose numbers are remembered; a log that has more begins anew.
const MOST_FLOWS: usize = 1 << 20;
const MILLISECOND: i64 = 1_000_000;

/// Numbers of the connections, by `flow_id`.
#[derive(Default)]
pub(super) struct Flows {
    numbers: HashMap<String, i64>,
    made: i64,
}

/// Takes a row; `false` when it is no event.
pub(super) fn take(to: &mut Reading, row: &Row) -> bool {
    let (Some(time), Some(kind)) = (row.time("timestamp"), row.get("event_type")) else {
        return false;
    };
    to.batch.saw(to.log, time, to.line);
    let ends = row
        .end("src_ip", "src_port")
        .zip(row.end("dest_ip", "dest_port"));
    let Some((source, destination)) = ends else {
        return true;
    };
    // A packet of the server's may be what an event was written for.
    let (client, server) = if source.port() == RDP && destination.port() != RDP {
        (destination, source)
    } else {
        (source, destination)
    };
    let is_rdp = server.port() == RDP || row.get("app_proto") == Some("rdp") || kind == "rdp";
    if !is_rdp || row.get("proto").is_some_and(|p| p != "TCP") {
        return true;
    }
    let begun = row.time("flow.start").unwrap_or(time);
    match kind {
        "rdp" => rdp(&mut told(to, row, client, server, begun), time, row),
        "tls" => tls(&mut told(to, row, client, server, begun), time, row),
        "flow" => flow(
            &mut told(to, row, client, server, begun),
            begun,
            row,
            server,
        ),
        _ => {}
    }
    true
}

/// One connection's events.
struct Told<'a> {
    to: &'a mut Reading,
    number: i64,
}

/// The connection of a row; `tcp.opened` is told with the first of them.
fn told<'a>(
    to: &'a mut Reading,
    row: &Row,
    client: SocketAddr,
    server: SocketAddr,
    begun: Timestamp,
) -> Told<'a> {
    let id = row.get("flow_id").unwrap_or_default().to_owned();
    let known = to
        .flows
        .numbers
        .get(&id)
        .copied()
        .filter(|_| !id.is_empty());
    if let Some(number) = known {
        return Told { to, number };
    }
    if to.flows.numbers.len() >= MOST_FLOWS {
        to.flows.numbers.clear();
    }
    to.flows.made += 1;
    let number = to.flows.made;
    to.flows.numbers.insert(id.clone(), number);
    let witness = to.form.witness();
    let mut told = Told { to, number };
    told.step(w::TCP_OPENED, begun)
        .ip(w::CLIENT_IP, client.ip())
        .int(w::CLIENT_PORT, i64::from(client.port()))
        .ip(w::SERVER_IP, server.ip())
        .int(w::SERVER_PORT, i64::from(server.port()))
        .flag(w::MIDSTREAM, false)
        .text(w::TOLD_BY, witness)
        .text(w::UID, &id);
    told
}

impl Told<'_> {
    fn step(&mut self, kind: Kind, time: Timestamp) -> Filling<'_> {
        let Reading {
            batch, log, line, ..
        } = &mut *self.to;
        let mut step = batch.push(kind, *log, time, *line, Guid::default());
        step.int(w::FLOW, self.number);
        step
    }
}

fn rdp(told: &mut Told<'_>, time: Timestamp, row: &Row) {
    match row.get("rdp.event_type").unwrap_or_default() {
        "initial_request" => {
            let cookie = row.get("rdp.cookie").unwrap_or_default();
            told.step(w::X224_REQUESTED, time).text(w::COOKIE, cookie);
        }
        "initial_response" => {
            if let Some(code) = row.count("rdp.error_code") {
                told.step(w::NEGOTIATION_FAILED, time).int(w::CODE, code);
                return;
            }
            let mut step = told.step(w::X224_CONFIRMED, time);
            let protocol = match row.get("rdp.protocol").unwrap_or_default() {
                "rdp" => Some(0),
                "ssl" => Some(1),
                "hybrid" => Some(2),
                "rds_tls" => Some(4),
                "hybrid_ex" => Some(8),
                _ => None,
            };
            if let Some(protocol) = protocol {
                step.int(w::SELECTED_PROTOCOL, protocol);
            }
        }
        "connect_request" => {
            let name = row.get("rdp.client.client_name").unwrap_or_default();
            told.step(w::CONNECT_INITIAL, time)
                .text(w::CLIENT_HOST, name);
        }
        "connect_response" => {
            told.step(w::CONNECT_RESPONSE, time);
        }
        _ => {}
    }
}

fn tls(told: &mut Told<'_>, time: Timestamp, row: &Row) {
    let text = |name: &str| row.get(name).unwrap_or_default();
    told.step(w::CLIENT_HELLO, time)
        .text(w::SNI, text("tls.sni"));
    let version = text("tls.version");
    let version = version.strip_prefix("TLS ").unwrap_or(version);
    if !version.is_empty() && version != "UNDETERMINED" {
        told.step(w::SERVER_HELLO, time).text(w::VERSION, version);
    }
    if row.has("tls.subject") || row.has("tls.issuerdn") {
        let mut step = told.step(w::CERTIFICATE, time);
        step.text(w::SUBJECT, text("tls.subject"))
            .text(w::ISSUER, text("tls.issuerdn"));
        // Colons between the digits.
        let digits = |name| text(name).replace(':', "").to_ascii_lowercase();
        step.text(w::THUMBPRINT, &digits("tls.fingerprint"))
            .text(w::SERIAL, &digits("tls.serial"));
        let moment = |name| {
            let date = format!("{}Z", row.get(name)?.trim_end_matches('Z'));
            Timestamp::parse(&date)
        };
        let (from, to) = (moment("tls.notbefore"), moment("tls.notafter"));
        for (field, moment) in [(w::NOT_BEFORE, from), (w::NOT_AFTER, to)] {
            if let Some(moment) = moment {
                step.int(field, moment.0);
            }
        }
        for (field, value) in validity(time, from, to) {
            step.add(field, value);
        }
    }
}

/// How the flow ended. It says which flags were seen, not in which order, so it never says who was first.
fn flow(told: &mut Told<'_>, begun: Timestamp, row: &Row, server: SocketAddr) {
    let count = |name: &str| row.count(name).unwrap_or(0);
    let end = row.time("flow.end").unwrap_or(begun).max(begun);
    let (to_server, to_client) = (count("flow.pkts_toserver"), count("flow.pkts_toclient"));
    let reset = row.flag("tcp.rst") == Some(true);
    let witness = told.to.form.witness();
    let mut closed = |by: &str, how: &str| {
        told.step(w::TCP_CLOSED, end)
            .text(w::BY, by)
            .text(w::HOW, how)
            .text(w::TOLD_BY, witness);
    };
    if to_client == 0 && row.flag("tcp.ack") != Some(true) {
        closed("nobody", "silence");
        told.step(w::TCP_UNANSWERED, begun)
            .int(w::SYN_COUNT, to_server)
            .int(w::SPAN_MS, end.since(begun) / MILLISECOND);
    } else if reset
        && row.get("flow.state") == Some("closed")
        && to_client <= to_server
        && to_client == count_of_refusals(row)
    {
        closed("server", "refused");
        told.step(w::TCP_REFUSED, end)
            .text(w::HOW, "rst")
            .ip(w::FROM_IP, server.ip());
    } else if reset {
        closed("unknown", "rst");
    } else if row.flag("tcp.fin") == Some(true) {
        closed("unknown", "fin");
    } else {
        closed("nobody", "still-open");
    }
}

/// Packets of a server that does nothing but refuse: the flags that it set are RST and ACK alone.
fn count_of_refusals(row: &Row) -> i64 {
    let flags = row.get("tcp.tcp_flags_tc").unwrap_or_default();
    let refused = matches!(flags, "14" | "04");
    if refused {
        row.count("flow.pkts_toclient").unwrap_or(0)
    } else {
        -1
    }
}
