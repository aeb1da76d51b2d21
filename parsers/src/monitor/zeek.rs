//! Zeek: which connection a row is about, and what it says of it.
//!
//! `conn.log` (docs.zeek.org, "conn.log"): `conn_state` says how far TCP came, `history` in which order the first SYN, data, FIN
//! and RST of each side were seen, capitals for the client. `rdp.log` mixes in `result` the names of negotiation failures
//! with results of the conference (scripts/base/protocols/rdp/consts.zeek). A cookie is cut at nine characters by mstsc itself.

use std::net::SocketAddr;

use super::words as w;
use super::{RDP, Reading, Row, certificates};
use crate::batch::Filling;
use crate::code;
use crate::event::Guid;
use crate::kind::Kind;
use crate::time::Timestamp;

const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000_000_000;
/// What no handshake, not even one with a certificate chain and a licence, sends to a client, bytes: the picture of a desktop
/// does.
const PICTURE: i64 = 100_000;
/// And it takes longer than a handshake does.
const SESSION: i64 = 10 * SECOND;

/// Takes a row; `false` when it is none of Zeek's.
pub(super) fn take(to: &mut Reading, row: &Row) -> bool {
    let Some(time) = row.time("ts") else {
        return false;
    };
    to.batch.saw(to.log, time, to.line);
    if certificates::is_one(row) {
        certificates::describe(to, row, time);
        return true;
    }
    let ends = row
        .end("id.orig_h", "id.orig_p")
        .zip(row.end("id.resp_h", "id.resp_p"));
    let Some((client, server)) = ends else {
        // Names of hosts and the like are rows, too.
        return row.has("uid") || row.has("_path");
    };
    let mut told = Told {
        to,
        row,
        client,
        server,
        time,
    };
    let is_rdp = server.port() == RDP || row.get("service").is_some_and(|s| s.contains("rdp"));
    let path = row.get("_path").unwrap_or_default();
    if path == "rdp" || row.has("security_protocol") || row.has("cookie") {
        told.rdp();
    } else if path == "conn" || row.has("conn_state") {
        if is_rdp && row.get("proto").is_none_or(|p| p == "tcp") {
            told.conn();
        }
    } else if (path == "ssl"
        || ["cipher", "ssl_history", "established"]
            .iter()
            .any(|c| row.has(c)))
        && is_rdp
    {
        told.ssl();
    }
    true
}

struct Told<'a> {
    to: &'a mut Reading,
    row: &'a Row,
    client: SocketAddr,
    server: SocketAddr,
    time: Timestamp,
}

impl Told<'_> {
    fn step(&mut self, kind: Kind, time: Timestamp) -> Filling<'_> {
        let Reading {
            batch, log, line, ..
        } = &mut *self.to;
        let mut step = batch.push(kind, *log, time, *line, Guid::default());
        // Each row is a connection of its own here: rows about the same one are joined by its ends.
        step.int(w::FLOW, i64::try_from(*line).unwrap_or(i64::MAX));
        step
    }

    fn opened(&mut self, midstream: bool, one_way: &str, syns: Option<i64>) {
        let (client, server) = (self.client, self.server);
        let uid = self.row.get("uid").unwrap_or_default().to_owned();
        let witness = self.to.form.witness();
        let time = self.time;
        let mut step = self.step(w::TCP_OPENED, time);
        step.ip(w::CLIENT_IP, client.ip())
            .int(w::CLIENT_PORT, i64::from(client.port()))
            .ip(w::SERVER_IP, server.ip())
            .int(w::SERVER_PORT, i64::from(server.port()))
            .flag(w::MIDSTREAM, midstream)
            .text(w::ONE_WAY, one_way)
            .text(w::TOLD_BY, witness)
            .text(w::UID, &uid);
        if let Some(n) = syns {
            step.int(w::SYN_COUNT, n);
        }
    }

    fn closed(&mut self, by: &str, how: &str, time: Timestamp) {
        let witness = self.to.form.witness();
        let mut step = self.step(w::TCP_CLOSED, time);
        step.text(w::BY, by)
            .text(w::HOW, how)
            .text(w::TOLD_BY, witness);
        if matches!(by, "client" | "server") {
            step.text(w::NAMED, by);
        }
    }

    fn conn(&mut self) {
        let state = self.row.get("conn_state").unwrap_or("OTH").to_owned();
        let history = self.row.get("history").unwrap_or_default().to_owned();
        let span = self.row.span("duration").unwrap_or(0).max(0);
        let end = self.time.plus(span);
        let time = self.time;
        let by_first = |letters: [char; 2]| match history.find(letters) {
            Some(at) if history[at..].starts_with(letters[0]) => "client",
            Some(_) => "server",
            None => "unknown",
        };
        // A monitor on one direction of the path sees a client that goes on talking after its SYN, and nobody else.
        let client_went_on = history.contains(['A', 'D', 'F']);
        let one_way = match state.as_str() {
            "S0" | "SH" | "RSTOS0" if client_went_on => "client",
            "SHR" | "RSTRH" => "server",
            _ => "",
        };
        let begins = history.contains(['S', 's']) || !history.contains(char::is_alphabetic);
        let syns = self.row.count("orig_pkts").filter(|_| state == "S0");
        self.opened(
            state == "OTH" || !begins,
            one_way,
            syns.or(begins.then_some(1)),
        );
        let established = matches!(state.as_str(), "S1" | "S2" | "S3" | "SF" | "RSTO" | "RSTR");
        if established {
            self.step(w::TCP_ESTABLISHED, time);
        }
        let picture = self.row.count("resp_bytes").is_some_and(|n| n >= PICTURE);
        if established && picture && span >= SESSION {
            self.step(w::SESSION, time.plus(SESSION))
                .flag(w::INFERRED, true);
        }
        match state.as_str() {
            "S0" if one_way.is_empty() => {
                let mut step = self.step(w::TCP_UNANSWERED, time);
                step.int(w::SPAN_MS, span / MILLISECOND);
                if let Some(n) = syns {
                    step.int(w::SYN_COUNT, n);
                }
                self.closed("nobody", "silence", end);
            }
            "REJ" => {
                let from = self.server.ip();
                self.step(w::TCP_REFUSED, end)
                    .text(w::HOW, "rst")
                    .ip(w::FROM_IP, from);
                self.closed("server", "refused", end);
            }
            "SF" => self.closed(by_first(['F', 'f']), "fin", end),
            "S2" | "SH" => self.closed("client", "fin", end),
            "S3" | "SHR" => self.closed("server", "fin", end),
            "RSTO" | "RSTOS0" => self.closed("client", "rst", end),
            "RSTR" | "RSTRH" => self.closed("server", "rst", end),
            _ => self.closed("nobody", "still-open", end),
        }
    }

    fn rdp(&mut self) {
        let time = self.time;
        let text = |name: &str| self.row.get(name).map(str::to_owned);
        let (cookie, result) = (text("cookie"), text("result"));
        let (protocol, name) = (text("security_protocol"), text("client_name"));
        // The row's moment is that of the first message, not of the SYN.
        self.opened(true, "", None);
        self.step(w::X224_REQUESTED, time)
            .text(w::COOKIE, cookie.as_deref().unwrap_or_default());
        let number = |registry: &str, name: &str| {
            let codes = code::table(registry).unwrap_or_default();
            let known = codes.iter().find(|c| c.name == name);
            let unknown = || name.rsplit_once('-')?.1.parse().ok();
            known.map(|c| i64::from(c.value)).or_else(unknown)
        };
        let failure = result
            .as_deref()
            .and_then(|r| number("negotiation-failure", r));
        if let Some(failure) =
            failure.filter(|_| !result.as_deref().is_some_and(|r| r.starts_with("result-")))
        {
            self.step(w::NEGOTIATION_FAILED, time).int(w::CODE, failure);
            return;
        }
        let protocol = protocol.and_then(|p| match p.as_str() {
            "RDP" => Some(0),
            "SSL" => Some(1),
            "HYBRID" => Some(2),
            "HYBRID_EX" => Some(8),
            other => other.strip_prefix("security_protocol-")?.parse().ok(),
        });
        if let Some(protocol) = protocol {
            self.step(w::X224_CONFIRMED, time)
                .int(w::SELECTED_PROTOCOL, protocol);
        }
        if let Some(name) = name {
            self.step(w::CONNECT_INITIAL, time)
                .text(w::CLIENT_HOST, &name);
        }
        if result.as_deref() == Some("Success") {
            self.step(w::CONNECT_RESPONSE, time).int(w::RESULT, 0);
        }
    }

    fn ssl(&mut self) {
        let time = self.time;
        let text = |name: &str| self.row.get(name).map(str::to_owned).unwrap_or_default();
        let (version, suite, sni) = (text("version"), text("cipher"), text("server_name"));
        let (subject, issuer, alert) = (text("subject"), text("issuer"), text("last_alert"));
        let history = text("ssl_history");
        self.opened(true, "", None);
        self.step(w::CLIENT_HELLO, time).text(w::SNI, &sni);
        if !version.is_empty() {
            self.step(w::SERVER_HELLO, time)
                .text(w::VERSION, version_name(&version))
                .text(w::SUITE, &suite);
        }
        let name = certificates::name_of(self.row).to_owned();
        if !subject.is_empty() || !issuer.is_empty() || !name.is_empty() {
            self.step(w::CERTIFICATE, time)
                .text(w::SUBJECT, &subject)
                .text(w::ISSUER, &issuer)
                .text(w::NAMED_AS, &name);
        }
        let codes = code::table("tls-alert").unwrap_or_default();
        let number = codes.iter().find(|c| c.name == alert).map(|c| c.value);
        if self.row.flag("established") == Some(true) {
            self.step(w::TLS_COMPLETED, time);
        }
        if !alert.is_empty() {
            let mut step = self.step(w::ALERTED, time);
            // Capitals are the client's: L for its alert, l for the server's.
            match history
                .rfind(['L', 'l'])
                .and_then(|at| history[at..].chars().next())
            {
                Some('L') => step.text(w::FROM, "client"),
                Some(_) => step.text(w::FROM, "server"),
                None => &mut step,
            };
            if let Some(n) = number {
                step.int(w::ALERT, i64::from(n));
            }
        }
    }
}

/// `1.2` for `TLSv12`.
fn version_name(version: &str) -> &str {
    match version {
        "SSLv3" => "ssl3",
        "TLSv10" => "1.0",
        "TLSv11" => "1.1",
        "TLSv12" => "1.2",
        "TLSv13" => "1.3",
        _ => "unknown",
    }
}
