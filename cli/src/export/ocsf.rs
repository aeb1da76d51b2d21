//! Events of the Open Cybersecurity Schema Framework 1.6: a verdict is a Detection Finding (2004) with its remediation, a step of
//! a connection is RDP Activity (4005), a logon is Authentication (3002).

use rdpwhy_analyzer::report::{AttemptReport, Endpoint, Evidence, Report, Step, VerdictReport};
use serde_json::{Value, json};

use super::logon::Logon;
use super::{Told, account, began, codes, connection_name, filled, milliseconds, sentence};

/// The version of the framework.
const VERSION: &str = "1.6.0";
const FINDING: u32 = 2004;
const RDP: u32 = 4005;
const AUTHENTICATION: u32 = 3002;
/// What the framework has no number for.
const OTHER: u32 = 99;

/// Findings, then the steps of each connection, then logons.
pub fn events(told: &Told<'_>) -> Vec<Value> {
    let report = told.report;
    let findings = report.verdicts.iter().filter_map(|v| finding(report, v));
    let steps = report.attempts.iter().flat_map(|a| activity(report, a));
    let logons = told.logons.iter().filter_map(|l| logon(report, l));
    findings.chain(steps).chain(logons).collect()
}

/// What every event of a class has.
fn base(report: &Report, class: u32, activity: u32, time: i64, uid: &str) -> Value {
    json!({
        "class_uid": class,
        "category_uid": class / 1000,
        "activity_id": activity,
        "type_uid": class * 100 + activity,
        "time": time,
        "metadata": {
            "version": VERSION,
            "uid": uid,
            "product": {
                "name": report.tool.name,
                "vendor_name": report.tool.name,
                "version": report.tool.version,
            },
        },
    })
}

/// Both objects in one.
fn with(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), filled(more)) {
        base.extend(more);
    }
    base
}

fn finding(report: &Report, v: &VerdictReport) -> Option<Value> {
    let time = milliseconds(began(v)?)?;
    let at = |t: &Option<String>| t.as_deref().and_then(milliseconds);
    let (confidence, score) = match v.confidence {
        Some("certain") => (3, Some(99)),
        Some("likely") => (2, Some(90)),
        Some(_) => (1, None),
        None => (0, None),
    };
    let remedy = v.remedy.as_ref().map(|r| {
        let mut text = vec![format!("{} (on {})", r.summary, r.run_on)];
        text.extend(r.commands.iter().cloned());
        text.push(format!("Risk: {}", r.risk));
        text.extend(r.undo.as_ref().map(|u| format!("Undo: {u}")));
        text.push(format!("Check: {}", r.verify));
        json!({"desc": text.join("\n")})
    });
    let more = json!({
        "severity_id": match (v.severity, v.confidence) {
            ("failure", Some("certain")) => 4,
            ("failure", _) => 3,
            _ => 1,
        },
        "status_id": 1,
        "is_alert": v.severity == "failure",
        "message": v.title,
        "count": v.tries.max(1),
        "start_time": at(&v.first),
        "end_time": at(&v.last),
        "confidence_id": confidence,
        "confidence_score": score,
        "finding_info": {
            "uid": v.id,
            "title": v.title,
            "desc": v.summary,
            "first_seen_time": at(&v.first),
            "last_seen_time": at(&v.last),
            "types": ["Remote Desktop connection failure"],
            "analytic": v.cause.as_ref().map(|c| json!({
                "type_id": 1, "uid": c, "name": v.title, "version": report.tool.version,
            })),
        },
        "evidences": v.evidence.iter().map(evidence).collect::<Vec<_>>(),
        "remediation": remedy,
        "resources": v.host.as_ref().map(|h| json!([{"name": h, "hostname": h, "type": "Host"}])),
        "unmapped": {
            "attempts": v.attempts,
            "clients": v.clients,
            "mstsc": v.mstsc,
            "alternatives": v.alternatives.iter().map(|a| json!({"cause": a.cause, "why_not": a.why_not}))
                .collect::<Vec<_>>(),
            "missing": v.missing.iter().map(|m| &m.what).collect::<Vec<_>>(),
        },
    });
    Some(with(base(report, FINDING, 1, time, &v.id), more))
}

fn evidence(e: &Evidence) -> Value {
    json!({
        "name": e.says,
        "data": {"origin": e.origin, "at": e.at, "event": e.event, "time": e.time, "role": e.role, "times": e.times},
    })
}

/// The number of a step's activity. What no number stands for is 99, and its name says what it is.
fn number(stage: &str, passed: bool) -> u32 {
    match (stage, passed) {
        ("x224", false) => 1,
        ("x224", true) => 2,
        ("mcs", false) => 3,
        ("mcs", true) => 4,
        ("tls", _) => 5,
        ("session", _) => 6,
        _ => OTHER,
    }
}

fn activity(report: &Report, a: &AttemptReport) -> Vec<Value> {
    let (client, server) = (endpoint(&a.client), endpoint(&a.server));
    let Some(start) = milliseconds(&a.started) else {
        return Vec::new();
    };
    // A class of the network without either end tells nobody anything.
    if client.is_none() && server.is_none() {
        return Vec::new();
    }
    let event = |activity: u32, time: i64, uid: &str, more: Value| {
        let both = json!({
            "severity_id": 1,
            "src_endpoint": client,
            "dst_endpoint": server,
            "connection_info": {
                "direction_id": 0,
                "protocol_num": 6,
                "protocol_name": "tcp",
                "uid": a.id,
                "community_uid": connection_name(a),
            },
            "app_name": "rdp",
        });
        with(with(base(report, RDP, activity, time, uid), both), more)
    };
    let steps = a.steps.iter().filter(|s| s.state != "not-reached");
    let mut told: Vec<Value> = steps
        .map(|s| {
            let passed = s.state == "passed";
            let activity = number(s.stage, passed);
            let more = json!({
                "activity_name": (activity == OTHER).then_some(s.stage),
                "status_id": if passed { 1 } else { 2 },
                "message": said(s),
                "unmapped": {"stage": s.stage, "brief": s.brief},
            });
            event(
                activity,
                start.saturating_add(after(s)),
                &format!("{}/{}", a.id, s.stage),
                more,
            )
        })
        .collect();
    if let Some(end) = a.ended.as_deref().and_then(milliseconds)
        && a.closed_how != "still-open"
    {
        let user = a.user.as_deref().map(account);
        let more = json!({
            "status_id": match a.outcome {
                "ok" => 1,
                "failed" | "dropped" => 2,
                _ => 0,
            },
            "status_code": codes(a).first(),
            "message": sentence(a),
            "start_time": start,
            "end_time": end,
            "duration": (end - start).max(0),
            "count": a.count.max(1),
            "unmapped": {
                "outcome": a.outcome,
                "stage": a.stage,
                "closed_by": a.closed_by,
                "closed_how": a.closed_how,
                "codes": codes(a),
                "user": user.map(|(name, domain)| json!({"name": name, "domain": domain})),
                "verdict": a.verdict,
                "part_of": a.part_of,
            },
        });
        told.push(event(7, end, &format!("{}/end", a.id), more));
    }
    told
}

/// Milliseconds after the attempt's start.
#[allow(
    clippy::cast_possible_truncation,
    reason = "an attempt does not last for a thousand years, and a cast saturates"
)]
fn after(step: &Step) -> i64 {
    step.after_ms.unwrap_or_default() as i64
}

fn said(step: &Step) -> String {
    let signs: Vec<&str> = step.signs.iter().map(|s| s.says.as_str()).collect();
    if signs.is_empty() {
        format!("{} {}", step.stage, step.state)
    } else {
        signs.join("; ")
    }
}

fn endpoint(end: &Endpoint) -> Option<Value> {
    (end.ip.is_some() || end.host.is_some())
        .then(|| filled(json!({"ip": end.ip, "port": end.port, "hostname": end.host})))
}

/// Numbers of the framework for what Windows calls a package.
fn protocol(package: &str) -> u32 {
    match package.to_ascii_lowercase() {
        p if p.starts_with("ntlm") => 1,
        p if p.starts_with("kerberos") => 2,
        _ => OTHER,
    }
}

fn logon(report: &Report, l: &Logon) -> Option<Value> {
    let time = milliseconds(&l.time)?;
    let uid = format!("{}/{}", l.host.as_deref().unwrap_or("host"), l.record);
    // The schema's numbers of logon types are those of Windows.
    let kind = l.kind.filter(|k| matches!(k, 2..=5 | 7..=13)).unwrap_or(0);
    let more = json!({
        "severity_id": 1,
        "status_id": if l.ok { 1 } else { 2 },
        "status_code": l.status,
        "message": l.says,
        "user": {"name": l.user, "domain": l.domain},
        "logon_type_id": kind,
        "is_remote": true,
        "auth_protocol_id": l.package.as_deref().map_or(0, protocol),
        "auth_protocol": l.package,
        "service": {"name": "TermService"},
        "src_endpoint": endpoint(&Endpoint {
            ip: l.client_ip.clone(),
            port: l.client_port,
            host: l.client_host.clone(),
        }),
        "dst_endpoint": endpoint(&Endpoint {
            host: l.host.clone(),
            ..Endpoint::default()
        }),
        "unmapped": {"attempt": l.attempt},
    });
    Some(with(base(report, AUTHENTICATION, 1, time, &uid), more))
}
