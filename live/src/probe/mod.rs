//! The active counterpart: questions to one server, and what its answers mean.
//!
//! Whoever calls has the sockets; here are the bytes to send, the packets that the talk must have been, and the facts that
//! the same reader finds in them that reads captures.

pub mod question;
pub mod record;

use rdpwhy_analyzer::assemble;
use rdpwhy_parsers::pcap::{Ports, Seen, Watch};
use rdpwhy_parsers::{EventBatch, Field, Kind, Timestamp, Value};
use serde::Serialize;

use record::Packet;

/// LINKTYPE_RAW: packets begin with the IP header.
pub const LINK: u32 = 101;

const CONFIRMED: Kind = Kind::of("x224.confirmed");
const FAILED: Kind = Kind::of("negotiation.failed");
const HELLO: Kind = Kind::of("tls.server-hello");
const CERTIFICATE: Kind = Kind::of("tls.certificate");
const ALERTED: Kind = Kind::of("tls.alerted");
const CLOSED: Kind = Kind::of("tcp.closed");

/// What one connection told.
#[derive(Debug, Clone, Default, Serialize, PartialEq, Eq)]
pub struct Answer {
    /// selectedProtocol of the server's confirm.
    pub selected: Option<i64>,
    /// Code of its negotiation failure.
    pub failure: Option<i64>,
    /// TLS version that it chose.
    pub tls: Option<String>,
    /// Cipher suite that it chose.
    pub suite: Option<String>,
    /// TLS alert that it sent.
    pub alert: Option<i64>,
    /// Its certificate: the fields that a capture shows of it, by name.
    pub certificate: Option<Vec<(String, String)>>,
    /// How the connection ended: by whom, and how.
    pub closed: Option<(String, String)>,
}

/// Reads packets of one connection.
pub fn answer(packets: &[Packet], port: u16) -> Answer {
    let mut answer = Answer::default();
    let batch = events(packets, port);
    for e in batch.iter() {
        let text = |name: &str| {
            let field = Field::named(name)?;
            e.text(field).map(str::to_owned)
        };
        let int = |name: &str| Field::named(name).and_then(|f| e.int(f));
        match e.event.kind {
            CONFIRMED => answer.selected = int("selected_protocol"),
            FAILED => answer.failure = int("code"),
            HELLO => {
                answer.tls = text("version");
                answer.suite = text("suite");
            }
            ALERTED if text("from").as_deref() == Some("server") => answer.alert = int("alert"),
            CERTIFICATE => {
                let fields = e.fields().filter(|(f, _)| f.name() != "flow");
                let told = |f: Field, v: Value<'_>| match v {
                    Value::Int(n) if f.name().starts_with("not_") => assemble::second(Timestamp(n)),
                    other => told(other),
                };
                answer.certificate = Some(
                    fields
                        .map(|(f, v)| (f.name().to_owned(), told(f, v)))
                        .collect(),
                );
            }
            CLOSED => answer.closed = text("by").zip(text("how")),
            _ => {}
        }
    }
    answer
}

fn told(value: Value<'_>) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::Flag(b) => b.to_string(),
        Value::Ip(ip) => ip.to_string(),
        Value::Text(t) => t.to_owned(),
    }
}

fn events(packets: &[Packet], port: u16) -> EventBatch {
    let ports = Ports {
        usual: vec![port],
        only: false,
    };
    let mut watch = Watch::new(ports, None);
    for (time, data) in packets {
        watch.frame(&Seen {
            time: *time,
            link: LINK,
            data,
            wire_length: data.len(),
        });
    }
    let (told, _) = watch.finish();
    let mut batch = EventBatch::default();
    for t in told {
        batch.append(t.batch);
    }
    batch
}
