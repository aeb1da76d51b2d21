//! Documents of the Elastic Common Schema. It has no fields for RDP, and none are invented but those below `rdpwhy`, where
//! the schema wants what is a program's own.

use std::collections::BTreeSet;

use rdpwhy_analyzer::report::{AttemptReport, Endpoint, Report, VerdictReport};
use serde_json::{Value, json};

use super::{
    account, began, called, codes, connection_name, filled, nanoseconds, sentence, verdict_of,
};

/// The version of the schema.
pub(crate) const VERSION: &str = "9.4.0";

/// Verdicts as alerts, then connections as events.
pub fn documents(report: &Report) -> Vec<Value> {
    let verdicts = report.verdicts.iter().filter_map(|v| verdict(report, v));
    let attempts = report.attempts.iter().map(|a| attempt(report, a));
    verdicts.chain(attempts).collect()
}

/// The same for the bulk interface: an action before each, by which what is sent twice is there once.
pub fn bulk(report: &Report) -> Vec<Value> {
    let action = |document: Value| {
        let id = document["event"]["id"].clone();
        [json!({"create": {"_id": id}}), document]
    };
    documents(report).into_iter().flat_map(action).collect()
}

fn verdict(report: &Report, v: &VerdictReport) -> Option<Value> {
    let time = began(v)?;
    let ids: BTreeSet<&str> = v.attempts.iter().map(String::as_str).collect();
    let own = || {
        report
            .attempts
            .iter()
            .filter(|a| ids.contains(a.id.as_str()))
    };
    Some(filled(json!({
        "@timestamp": time,
        "ecs": {"version": VERSION},
        "message": v.summary,
        "event": {
            "id": v.id,
            "kind": if v.severity == "failure" { "alert" } else { "event" },
            "category": ["network"],
            "type": ["connection", "info"],
            "outcome": "failure",
            "module": "rdpwhy",
            "provider": "rdpwhy",
            "dataset": "rdpwhy.verdict",
            "reason": v.title,
            "start": v.first,
            "end": v.last,
            "severity": match (v.severity, v.confidence) {
                ("failure", Some("certain")) => 73,
                ("failure", _) => 47,
                _ => 21,
            },
        },
        "rule": {"id": v.cause, "name": v.cause.as_ref().map(|_| &v.title), "ruleset": "rdpwhy"},
        "network": {"protocol": "rdp", "transport": "tcp"},
        "host": {"name": v.host},
        "related": related(own(), v.host.as_deref()),
        "rdpwhy": {"verdict": {
            "id": v.id,
            "cause": v.cause,
            "confidence": v.confidence,
            "severity": v.severity,
            "attempts": v.attempts,
            "clients": v.clients,
            "tries": v.tries,
            "mstsc": v.mstsc,
            "remedy": v.remedy.as_ref().map(|r| json!({
                "summary": r.summary, "run_on": r.run_on, "commands": r.commands, "risk": r.risk, "undo": r.undo,
                "verify": r.verify,
            })),
            "evidence": v.evidence.iter().map(|e| format!("{} {}: {}", e.origin, e.at, e.says)).collect::<Vec<_>>(),
        }},
    })))
}

fn attempt(report: &Report, a: &AttemptReport) -> Value {
    let verdict = verdict_of(report, a);
    let refused = matches!(a.closed_how, "refused" | "negotiation-failure");
    let mut types = vec!["connection"];
    if a.closed_how != "still-open" {
        types.push("end");
    }
    if refused {
        types.push("denied");
    }
    let (name, domain) = a.user.as_deref().map_or((None, None), |u| {
        let (name, domain) = account(u);
        (Some(name), domain)
    });
    let span = a.ended.as_deref().and_then(nanoseconds);
    let span = span.and_then(|end| i64::try_from(end - nanoseconds(&a.started)?).ok());
    let ip_version = a.server.ip.as_ref().or(a.client.ip.as_ref());
    filled(json!({
        "@timestamp": a.started,
        "ecs": {"version": VERSION},
        "message": sentence(a),
        "event": {
            "id": a.id,
            "kind": "event",
            "category": ["network"],
            "type": types,
            "outcome": match a.outcome {
                "ok" => "success",
                "failed" | "dropped" => "failure",
                _ => "unknown",
            },
            "module": "rdpwhy",
            "provider": "rdpwhy",
            "dataset": "rdpwhy.attempt",
            "reason": verdict.map(|v| &v.title),
            "start": a.started,
            "end": a.ended,
            "duration": span,
        },
        "source": end(&a.client),
        "destination": end(&a.server),
        "network": {
            "protocol": "rdp",
            "transport": "tcp",
            "type": ip_version.map(|ip| if ip.contains(':') { "ipv6" } else { "ipv4" }),
            "community_id": connection_name(a),
        },
        "user": {"name": name, "domain": domain},
        "error": {"code": codes(a).first()},
        "related": related(std::iter::once(a), None),
        "rdpwhy": {"attempt": {
            "id": a.id,
            "part_of": a.part_of,
            "count": a.count,
            "outcome": a.outcome,
            "stage": a.stage,
            "closed_by": a.closed_by,
            "closed_how": a.closed_how,
            "codes": codes(a),
            "verdict": a.verdict,
            "cause": verdict.and_then(|v| v.cause.as_ref()),
        }},
    }))
}

fn end(end: &Endpoint) -> Value {
    json!({
        "address": end.ip.as_ref().or(end.host.as_ref()),
        "ip": end.ip,
        "port": end.port,
        "domain": end.host,
    })
}

fn related<'a>(attempts: impl Iterator<Item = &'a AttemptReport>, host: Option<&str>) -> Value {
    let (mut ip, mut hosts, mut users) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    hosts.extend(host.map(str::to_owned));
    for a in attempts {
        for end in [&a.client, &a.server] {
            ip.extend(end.ip.clone());
            hosts.extend(end.host.as_ref().map(|_| called(end).to_owned()));
        }
        users.extend(a.user.as_deref().map(|u| account(u).0.to_owned()));
    }
    json!({"ip": ip, "hosts": hosts, "user": users})
}
