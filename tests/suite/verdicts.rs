//! What of a report has to survive changes to the evidence.

use std::collections::BTreeMap;

use rdpwhy_analyzer::knowledge::Confidence;
use serde_json::Value;

use crate::program::{knowledge, list, text};

/// How sure a report is of each cause that it names; of several verdicts with one cause the surest.
pub fn named(report: &Value) -> BTreeMap<&str, Confidence> {
    let mut named = BTreeMap::new();
    for verdict in list(report, "/verdicts") {
        let confidence = match text(verdict, "/confidence") {
            "certain" => Confidence::Certain,
            "likely" => Confidence::Likely,
            "possible" => Confidence::Possible,
            _ => continue,
        };
        let surest = named.entry(text(verdict, "/cause")).or_insert(confidence);
        *surest = (*surest).max(confidence);
    }
    named
}

/// Whether `special` refines `general`, directly or by way of others.
pub fn refines(special: &str, general: &str) -> bool {
    knowledge().cause(special).is_some_and(|cause| {
        cause
            .refines
            .iter()
            .any(|next| next == general || refines(next, general))
    })
}

/// A verdict without what depends on clocks, numbering and wording: severity, cause, confidence, host, connections.
pub type Essence = (String, String, String, String, Vec<String>);

/// The verdicts of a report, in its order.
pub fn essence(report: &Value) -> Vec<Essence> {
    let connections = connections(report);
    list(report, "/verdicts")
        .iter()
        .map(|v| {
            let of = |field: &str| text(v, field).to_owned();
            let attempts = list(v, "/attempts").iter().filter_map(Value::as_str);
            let mut attempts: Vec<String> = attempts
                .map(|id| connections.get(id).cloned().unwrap_or_default())
                .collect();
            attempts.sort();
            (
                of("/severity"),
                of("/cause"),
                of("/confidence"),
                of("/host"),
                attempts,
            )
        })
        .collect()
}

/// Attempts by id, told by what no clock changes: both ends and what became of it.
pub fn connections(report: &Value) -> BTreeMap<&str, String> {
    let end = |a: &Value, side: &str| {
        let port = a[side]["port"].as_u64().unwrap_or(0);
        format!("{}:{port}", text(&a[side], "/ip"))
    };
    let told = |a: &Value| {
        let (client, server) = (end(a, "client"), end(a, "server"));
        format!(
            "{client} → {server} {} {} {} {}",
            text(a, "/outcome"),
            text(a, "/stage"),
            text(a, "/closed_by"),
            text(a, "/closed_how")
        )
    };
    list(report, "/attempts")
        .iter()
        .map(|a| (text(a, "/id"), told(a)))
        .collect()
}
