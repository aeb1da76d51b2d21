//! Records that keep the elements of the XML: `evtx_dump`, Velociraptor's `parse_evtx`, and converters from XML that put `@`
//! before attributes.

use serde_json::{Map, Value, json};

use super::Shape;
use super::evtxecmd::without_at_signs;
use super::values::{System, hex, identity, respell, time};

/// `{"Event": {"System": …}}` or `{"System": …}`.
pub(super) fn shape(mut object: Map<String, Value>) -> Shape {
    let mut event = match object.remove("Event") {
        Some(Value::Object(event)) => event,
        _ => object,
    };
    if has_at_signs(&event) {
        event = match without_at_signs(Value::Object(event)) {
            Value::Object(event) => event,
            _ => return Shape::Unknown,
        };
    }
    if let Some(system) = event.get_mut("System") {
        plain_system(system);
    }
    let identity = event
        .get("System")
        .and_then(identity)
        .map(|(provider, id)| (provider.to_owned(), id));
    if let Some((provider, id)) = identity {
        for part in ["EventData", "UserData"] {
            let Some(Value::Object(data)) = event.get_mut(part) else {
                continue;
            };
            respell(&provider, id, data);
            for inner in data.values_mut().filter_map(Value::as_object_mut) {
                respell(&provider, id, inner);
            }
            if let Some(Value::String(binary)) = data.get_mut("Binary")
                && let Some(plain) = hex(binary)
            {
                *binary = plain;
            }
        }
    }
    Shape::Record(json!({"Event": event}))
}

/// Velociraptor says `"EventID": {"Value": 24}` and gives times in seconds.
fn plain_system(system: &mut Value) {
    if let Some(id) = system.get_mut("EventID")
        && let Some(value) = id.get_mut("Value")
    {
        *id = value.take();
    }
    let created = system.get_mut("TimeCreated");
    if let Some(Value::Object(created)) = created
        && let Some(number @ Value::Number(_)) = created.get_mut("SystemTime")
    {
        *number = time(number).map_or(Value::Null, |t| Value::String(t.to_string()));
    }
}

fn has_at_signs(event: &Map<String, Value>) -> bool {
    let provider = event.get("System").and_then(|s| s.get("Provider"));
    provider.is_some_and(|p| p.get("@Name").is_some())
}

/// Velociraptor's artifacts put the parts of `System` beside the data.
pub(super) fn flat(object: &Map<String, Value>) -> Shape {
    let first = |names: &[&str]| names.iter().find_map(|n| object.get(*n));
    let mut data = Map::new();
    for part in ["EventData", "UserData"] {
        if let Some(Value::Object(values)) = object.get(part) {
            data.insert(part.to_owned(), Value::Object(values.clone()));
        }
    }
    if data.is_empty() {
        return Shape::Unknown;
    }
    let record = System {
        provider: object.get("Provider"),
        id: object.get("EventID"),
        channel: object.get("Channel"),
        computer: object.get("Computer"),
        record: first(&["EventRecordID", "RecordID"]),
        activity: first(&["ActivityID", "CorrelationActivityID"]),
        process_id: first(&["ProcessID", "ExecutionProcessID"]),
        time: first(&["EventTime", "TimeCreated", "Timestamp"]),
    };
    match record.with(data) {
        Value::Object(record) => shape(record),
        _ => Shape::Unknown,
    }
}
