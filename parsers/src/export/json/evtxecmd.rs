//! EvtxECmd: `System` in columns, the payload as JSON text made from XML, with `@` before attributes.

use serde_json::{Map, Value};

use super::Shape;
use super::values::{System, hex};

/// One object of its JSON.
pub(super) fn shape(object: &Map<String, Value>) -> Shape {
    let record = System {
        provider: object.get("Provider"),
        id: object.get("EventId"),
        channel: object.get("Channel"),
        computer: object.get("Computer"),
        record: object.get("EventRecordId"),
        activity: object.get("ActivityId"),
        process_id: object.get("ProcessId"),
        time: object.get("TimeCreated"),
    };
    match object.get("Payload").and_then(Value::as_str) {
        None => Shape::Record(record.with(Map::new())),
        Some(text) => match payload(text) {
            Some(data) => Shape::Record(record.with(data)),
            None => Shape::Partly(
                record.with(Map::new()),
                "a payload is no JSON: only who, when and what is used".to_owned(),
            ),
        },
    }
}

/// The text in `Payload`: `{"EventData": {"Data": [{"@Name": "IpAddress", "#text": "…"}]}}` or `{"UserData": …}`.
pub(in super::super) fn payload(text: &str) -> Option<Map<String, Value>> {
    if text.trim().is_empty() {
        return Some(Map::new());
    }
    match without_at_signs(serde_json::from_str(text).ok()?) {
        Value::Object(data) => Some(data),
        _ => None,
    }
}

/// From the convention that marks attributes with `@` to the one of `evtx_dump`.
pub(super) fn without_at_signs(value: Value) -> Value {
    let Value::Object(members) = value else {
        return match value {
            Value::Array(items) => Value::Array(items.into_iter().map(without_at_signs).collect()),
            other => other,
        };
    };
    let mut attributes = Map::new();
    let mut out = Map::new();
    for (name, value) in members {
        match name.strip_prefix('@') {
            Some(attribute) => {
                attributes.insert(attribute.to_owned(), value);
            }
            None if name == "EventData" => {
                out.insert(name, event_data(value));
            }
            None => {
                out.insert(name, without_at_signs(value));
            }
        }
    }
    if !attributes.is_empty() {
        out.insert("#attributes".to_owned(), Value::Object(attributes));
    }
    Value::Object(out)
}

fn event_data(value: Value) -> Value {
    let Value::Object(members) = value else {
        return value;
    };
    let mut out = Map::new();
    for (name, value) in members {
        match name.as_str() {
            "Data" => data(value, &mut out),
            "Binary" => {
                let bytes = value.as_str().and_then(hex).unwrap_or_default();
                out.insert(name, Value::String(bytes));
            }
            _ if name.starts_with('@') => {}
            _ => {
                out.insert(name, without_at_signs(value));
            }
        }
    }
    Value::Object(out)
}

/// One `Data` or a list of them, with names or without.
fn data(value: Value, out: &mut Map<String, Value>) {
    let items = match value {
        Value::Array(items) => items,
        one => vec![one],
    };
    let mut unnamed = Vec::new();
    for item in items {
        match item {
            Value::Object(mut item) => {
                let text = item
                    .remove("#text")
                    .unwrap_or_else(|| Value::String(String::new()));
                match item.remove("@Name") {
                    Some(Value::String(name)) => {
                        out.entry(name).or_insert(text);
                    }
                    _ => unnamed.push(text),
                }
            }
            text => unnamed.push(text),
        }
    }
    if !unnamed.is_empty() {
        out.insert("Data".to_owned(), Value::Array(unnamed));
    }
}
