//! Splunk's HTTP Event Collector: an envelope around each event, which `curl --data-binary @FILE` sends. The address and the
//! token are whoever's who sends it.

use rdpwhy_analyzer::report::{AttemptReport, Report, VerdictReport};
use serde_json::{Map, Value, json};

use super::{account, began, called, connection_name, filled, nanoseconds, sentence, verdict_of};

/// Verdicts, then connections.
pub fn events(report: &Report) -> Vec<Value> {
    let verdicts = report.verdicts.iter().filter_map(verdict);
    let attempts = report.attempts.iter().map(|a| attempt(report, a));
    verdicts.chain(attempts).collect()
}

/// Seconds since 1970 with milliseconds, as a text of digits: a number would lose its last ones.
pub(crate) fn seconds(time: &str) -> Option<String> {
    let ms = nanoseconds(time)?.div_euclid(1_000_000);
    Some(format!(
        "{}.{:03}",
        ms.div_euclid(1000),
        ms.rem_euclid(1000)
    ))
}

/// The envelope; `fields` are indexed beside the event and hold texts only.
pub(crate) fn envelope(
    time: &str,
    host: &str,
    sourcetype: &str,
    event: Value,
    fields: &[(&str, Option<&str>)],
) -> Value {
    let fields: Map<String, Value> = fields
        .iter()
        .filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.into())))
        .collect();
    filled(json!({
        "time": seconds(time),
        "host": host,
        "source": "rdpwhy",
        "sourcetype": sourcetype,
        "event": filled(event),
        "fields": fields,
    }))
}

fn verdict(v: &VerdictReport) -> Option<Value> {
    let event = json!({
        "id": v.id,
        "signature": v.title,
        "signature_id": v.cause,
        "severity": match (v.severity, v.confidence) {
            ("failure", Some("certain")) => "high",
            ("failure", _) => "medium",
            _ => "informational",
        },
        "type": "alert",
        "app": "rdp",
        "dest": v.host,
        "confidence": v.confidence,
        "description": v.summary,
        "first": v.first,
        "last": v.last,
        "clients": v.clients,
        "tries": v.tries,
        "evidence": v.evidence.iter().map(|e| json!({
            "time": e.time, "origin": e.origin, "event": e.event, "at": e.at, "says": e.says, "role": e.role,
        })).collect::<Vec<_>>(),
        "remedy": v.remedy.as_ref().map(|r| json!({
            "summary": r.summary, "run_on": r.run_on, "commands": r.commands, "risk": r.risk,
        })),
    });
    let fields = [("cause", v.cause.as_deref()), ("confidence", v.confidence)];
    let host = v.host.as_deref().unwrap_or("unknown");
    Some(envelope(began(v)?, host, "rdpwhy:verdict", event, &fields))
}

/// Members are named as the Common Information Model names them for sessions and authentication.
fn attempt(report: &Report, a: &AttemptReport) -> Value {
    let cause = verdict_of(report, a).and_then(|v| v.cause.as_deref());
    let user = a.user.as_deref().map(account);
    let event = json!({
        "id": a.id,
        "action": match a.outcome {
            "ok" => "success",
            "failed" | "dropped" => "failure",
            other => other,
        },
        "app": "rdp",
        "src": called(&a.client),
        "src_ip": a.client.ip,
        "src_port": a.client.port,
        "dest": called(&a.server),
        "dest_ip": a.server.ip,
        "dest_port": a.server.port,
        "user": user.map(|(name, _)| name),
        "user_domain": user.and_then(|(_, domain)| domain),
        "transport": "tcp",
        "community_id": connection_name(a),
        "outcome": a.outcome,
        "stage": a.stage,
        "closed_by": a.closed_by,
        "closed_how": a.closed_how,
        "codes": a.codes,
        "ended": a.ended,
        "tries": a.count,
        "part_of": a.part_of,
        "verdict": a.verdict,
        "reason": sentence(a),
    });
    let fields = [
        ("cause", cause),
        ("outcome", Some(a.outcome)),
        ("stage", Some(a.stage)),
    ];
    envelope(
        &a.started,
        called(&a.server),
        "rdpwhy:attempt",
        event,
        &fields,
    )
}
