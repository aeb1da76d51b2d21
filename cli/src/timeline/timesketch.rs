//! Timesketch's import forms. It wants `message`, `datetime` and `timestamp_desc`; JSON as lines, not as an array; file names
//! that end in `.csv` or `.jsonl`.

use rdpwhy_analyzer::timeline::{Entry, Filter, Timeline, Try};
use serde_json::{Value, json};

use super::cells::row;
use super::json::line;
use super::names::{event, place};

const COLUMNS: [&str; 16] = [
    "message",
    "datetime",
    "timestamp",
    "timestamp_desc",
    "computer_name",
    "event_identifier",
    "source_name",
    "channel",
    "record_number",
    "kind",
    "stage",
    "user",
    "rdpwhy_attempt",
    "rdpwhy_cause",
    "source_file",
    "tag",
];

/// One row per event.
pub fn csv(timeline: &Timeline<'_>, filter: &Filter) -> String {
    let mut out = String::new();
    row(COLUMNS, &mut out);
    for entry in timeline.entries(filter) {
        let object = object(timeline, &entry);
        let cells = COLUMNS.map(|column| match &object[column] {
            Value::String(text) => text.clone(),
            Value::Array(tags) => tags
                .iter()
                .filter_map(Value::as_str)
                .collect::<Vec<_>>()
                .join(","),
            Value::Null => String::new(),
            other => other.to_string(),
        });
        row(cells.iter().map(String::as_str), &mut out);
    }
    out
}

/// One object per event, with its values beside.
pub fn lines(timeline: &Timeline<'_>, filter: &Filter) -> String {
    let mut out = String::new();
    for entry in timeline.entries(filter) {
        let mut object = object(timeline, &entry);
        for (name, value) in &entry.values {
            let name = format!("rdp_{name}");
            object[name] = value.as_str().into();
        }
        if let Some(members) = object.as_object_mut() {
            members.retain(|_, value| !value.is_null());
        }
        line(&object, &mut out);
    }
    out
}

fn object(timeline: &Timeline<'_>, entry: &Entry<'_>) -> Value {
    let attempt = entry.attempt.and_then(|a| timeline.attempt(a));
    let user = entry
        .values
        .iter()
        .find(|(n, _)| *n == "user")
        .map(|(_, v)| v.as_str());
    json!({
        "message": message(entry, attempt.as_ref()),
        // An offset, not Z: the importer asks for one.
        "datetime": super::names::time(entry.time).replace('Z', "+00:00"),
        "timestamp": entry.time.0 / 1000,
        "timestamp_desc": if entry.origin.is_some() { "RDP: event logged" } else { "RDP: packet" },
        "computer_name": entry.host,
        "event_identifier": entry.origin.map(|(_, id)| id),
        "source_name": entry.origin.map(|(p, _)| p),
        "channel": entry.channel,
        "record_number": entry.place,
        "kind": entry.kind,
        "stage": entry.stage,
        "user": user.or_else(|| attempt.as_ref().and_then(|a| a.user)),
        "rdpwhy_attempt": attempt.as_ref().map(|a| a.id),
        "rdpwhy_cause": attempt.as_ref().and_then(|a| a.cause),
        "source_file": entry.path,
        "tag": tags(entry, attempt.as_ref()),
    })
}

fn message(entry: &Entry<'_>, attempt: Option<&Try<'_>>) -> String {
    let origin = event(entry).unwrap_or_else(|| place(entry));
    let connection = attempt
        .map(|a| format!(" [{} → {}]", a.client, a.server))
        .unwrap_or_default();
    format!("{}{connection} ({origin})", entry.says)
}

fn tags(entry: &Entry<'_>, attempt: Option<&Try<'_>>) -> Vec<String> {
    let mut tags = vec!["rdpwhy".to_owned()];
    tags.extend(entry.stage.map(|s| format!("rdp/{s}")));
    tags.extend(attempt.and_then(|a| a.cause).map(|c| format!("cause/{c}")));
    if entry.recovered {
        tags.push("recovered".to_owned());
    }
    tags
}
