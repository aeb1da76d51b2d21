//! Timesketch: `message`, `datetime` and `timestamp_desc` are wanted, a JSON object a line, in a file called `*.jsonl`.

use rdpwhy_analyzer::report::{AttemptReport, Report, VerdictReport};
use serde_json::{Value, json};

use super::{account, began, called, connection_name, filled, nanoseconds, sentence, verdict_of};

/// Verdicts, then connections.
pub fn objects(report: &Report) -> Vec<Value> {
    let verdicts = report.verdicts.iter().filter_map(verdict);
    let attempts = report.attempts.iter();
    verdicts
        .chain(attempts.map(|a| attempt(report, a)))
        .collect()
}

/// The three members about time: an offset, not Z, is what the importer asks for.
fn when(time: &str) -> (String, Option<i64>) {
    let microseconds = nanoseconds(time).and_then(|n| i64::try_from(n.div_euclid(1000)).ok());
    (time.replace('Z', "+00:00"), microseconds)
}

fn verdict(v: &VerdictReport) -> Option<Value> {
    let (datetime, timestamp) = when(began(v)?);
    let cause = v.cause.as_ref().map(|c| format!("cause/{c}"));
    let mut tag = vec!["rdpwhy".to_owned(), v.severity.to_owned()];
    tag.extend(cause);
    Some(filled(json!({
        "message": format!("{}: {}", v.title, v.summary),
        "datetime": datetime,
        "timestamp": timestamp,
        "timestamp_desc": "RDP: verdict",
        "computer_name": v.host,
        "rdpwhy_verdict": v.id,
        "rdpwhy_cause": v.cause,
        "rdpwhy_confidence": v.confidence,
        "rdpwhy_severity": v.severity,
        "rdpwhy_last": v.last,
        "rdpwhy_tries": v.tries,
        "rdpwhy_remedy": v.remedy.as_ref().map(|r| &r.summary),
        "tag": tag,
    })))
}

fn attempt(report: &Report, a: &AttemptReport) -> Value {
    let (datetime, timestamp) = when(&a.started);
    let cause = verdict_of(report, a).and_then(|v| v.cause.as_ref());
    let mut tag = vec!["rdpwhy".to_owned(), format!("rdp/{}", a.stage)];
    tag.extend(cause.map(|c| format!("cause/{c}")));
    filled(json!({
        "message": sentence(a),
        "datetime": datetime,
        "timestamp": timestamp,
        "timestamp_desc": "RDP: connection",
        "computer_name": called(&a.server),
        "src_ip": a.client.ip,
        "src_port": a.client.port,
        "dest_ip": a.server.ip,
        "dest_port": a.server.port,
        "user": a.user.as_deref().map(|u| account(u).0),
        "community_id": connection_name(a),
        "rdpwhy_attempt": a.id,
        "rdpwhy_outcome": a.outcome,
        "rdpwhy_stage": a.stage,
        "rdpwhy_verdict": a.verdict,
        "rdpwhy_cause": cause,
        "tag": tag,
    }))
}
