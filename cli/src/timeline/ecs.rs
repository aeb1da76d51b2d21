//! Events as documents of the Elastic Common Schema; what Windows calls them stands where Winlogbeat puts it.

use std::collections::BTreeMap;

use rdpwhy_analyzer::timeline::{Entry, Filter, Timeline, Try};
use serde_json::{Value, json};

use super::json::line;
use super::names::time;
use crate::export::{account, ecs, filled};

/// Beginnings of kinds, and the category of the schema that they belong to.
const CATEGORIES: [(&str, &str); 7] = [
    ("logon.", "authentication"),
    ("kerberos.", "authentication"),
    ("ntlm.", "authentication"),
    ("credssp.", "authentication"),
    ("session.", "session"),
    ("service.", "process"),
    ("policy.", "configuration"),
];

/// One document per event.
pub fn lines(timeline: &Timeline<'_>, filter: &Filter) -> String {
    let mut out = String::new();
    for entry in timeline.entries(filter) {
        let attempt = entry.attempt.and_then(|a| timeline.attempt(a));
        line(&document(&entry, attempt.as_ref()), &mut out);
    }
    out
}

fn document(entry: &Entry<'_>, attempt: Option<&Try<'_>>) -> Value {
    let value = |name: &str| {
        let found = entry.values.iter().find(|(n, _)| *n == name);
        found.map(|(_, v)| v.as_str())
    };
    let (provider, id) = entry.origin.unzip();
    let category = CATEGORIES
        .iter()
        .find(|(begin, _)| entry.kind.starts_with(begin));
    let default = if entry.stage.is_some() || id.is_none() {
        "network"
    } else {
        "host"
    };
    let user = value("user").or_else(|| attempt.and_then(|a| a.user));
    let (user, domain) = user.map_or((None, None), |u| {
        let (name, domain) = account(u);
        (Some(name), value("domain").or(domain))
    });
    let address = |name: &str| value(name).filter(|v| v.parse::<std::net::IpAddr>().is_ok());
    let port = |name: &str| value(name).and_then(|v| v.parse::<u16>().ok());
    let values: BTreeMap<&str, &str> = entry.values.iter().map(|(n, v)| (*n, v.as_str())).collect();
    filled(json!({
        "@timestamp": time(entry.time),
        "ecs": {"version": ecs::VERSION},
        "message": entry.says,
        "event": {
            "kind": "event",
            "category": [category.map_or(default, |(_, c)| *c)],
            "type": ["info"],
            "action": entry.kind,
            "code": id.map(|id| id.to_string()),
            "provider": provider,
            "module": "rdpwhy",
            "dataset": "rdpwhy.event",
            "created": time(entry.raw),
            "sequence": entry.place,
        },
        "host": {"name": entry.host},
        "log": {"file": {"path": entry.path}},
        "source": {"ip": address("client_ip"), "port": port("client_port")},
        "destination": {"ip": address("server_ip"), "port": port("server_port")},
        "user": {"name": user, "domain": domain},
        "winlog": id.map(|id| json!({
            "channel": entry.channel,
            "computer_name": entry.host,
            "event_id": id.to_string(),
            "provider_name": provider,
            "record_id": entry.place,
        })),
        "rdpwhy": {"event": {
            "kind": entry.kind,
            "stage": entry.stage,
            "side": entry.side,
            "attempt": attempt.map(|a| a.id),
            "cause": attempt.and_then(|a| a.cause),
            "recovered": entry.recovered,
            "values": values,
        }},
    }))
}
