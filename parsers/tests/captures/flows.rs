//! A batch seen as connections.

use std::collections::BTreeMap;

use rdpwhy_parsers::{EventBatch, EventRef, Field, Value, catalog};

const STAGES: [&str; 9] = [
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

/// One connection as the events tell it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Flow {
    pub client: (String, i64),
    pub server: (String, i64),
    pub stage: &'static str,
    /// Kinds in their order.
    pub kinds: Vec<&'static str>,
    pub by: String,
    pub how: String,
    /// All values, by kind and field; the last one counts.
    pub values: BTreeMap<(&'static str, &'static str), String>,
}

impl Flow {
    pub fn get(&self, kind: &'static str, field: &'static str) -> &str {
        self.values.get(&(kind, field)).map_or("", String::as_str)
    }

    pub fn has(&self, kind: &str) -> bool {
        self.kinds.contains(&kind)
    }

    pub fn int(&self, kind: &'static str, field: &'static str) -> i64 {
        self.get(kind, field).parse().unwrap_or(-1)
    }
}

fn text(value: Value<'_>) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::Flag(b) => b.to_string(),
        Value::Ip(ip) => ip.to_string(),
        Value::Text(t) => t.to_owned(),
    }
}

fn field(event: EventRef<'_>, name: &str) -> String {
    event
        .get(Field::named(name).unwrap())
        .map(text)
        .unwrap_or_default()
}

/// The TCP connections of a batch, in the order of their numbers. Checks what holds for each of them.
pub fn flows(batch: &EventBatch) -> Vec<Flow> {
    let mut by_number: BTreeMap<i64, Flow> = BTreeMap::new();
    for event in batch.iter().filter(|e| {
        !e.event.kind.name().starts_with("udp.") && !e.event.kind.name().starts_with("arp.")
    }) {
        let kind = event.event.kind.name();
        let flow = by_number
            .entry(field(event, "flow").parse().unwrap())
            .or_default();
        if flow.kinds.is_empty() {
            assert_eq!(kind, "tcp.opened", "the first event of a connection");
            let port = |name| field(event, name).parse().unwrap();
            flow.client = (field(event, "client_ip"), port("client_port"));
            flow.server = (field(event, "server_ip"), port("server_port"));
        }
        flow.kinds.push(kind);
        let stage = catalog::info(event.event.kind)
            .and_then(|i| i.stage)
            .unwrap_or("tcp");
        let rank = |s: &str| STAGES.iter().position(|x| *x == s).unwrap_or(0);
        flow.stage = STAGES[rank(stage).max(rank(flow.stage))];
        for (f, v) in event.fields() {
            flow.values.insert((kind, f.name()), text(v));
        }
        let log = event.log().unwrap();
        assert!(
            event.event.place >= 1 && event.event.place <= log.last_record,
            "{kind} stands at a packet of the file"
        );
    }
    let mut all: Vec<_> = by_number.into_values().collect();
    for flow in &mut all {
        for once in ["tcp.opened", "tcp.closed", "flow.measured"] {
            assert_eq!(
                flow.kinds.iter().filter(|k| **k == once).count(),
                1,
                "{once} in {:?}",
                flow.kinds
            );
        }
        flow.by = flow.get("tcp.closed", "by").to_owned();
        flow.how = flow.get("tcp.closed", "how").to_owned();
    }
    all
}
