//! Winlogbeat and Elastic Agent: the record in `winlog`, beside fields of the Elastic Common Schema.

use serde_json::{Map, Value};

use super::Shape;
use super::values::{System, respell};

/// One document; members may be nested, or named with dots as search engines give them back.
pub(super) fn shape(object: &Map<String, Value>) -> Shape {
    let get = |path: &str| lookup(object, path);
    let event = |path: &str| get(path).filter(|v| !v.is_null());
    let record = System {
        provider: event("winlog.provider_name").or_else(|| event("event.provider")),
        id: event("winlog.event_id").or_else(|| event("event.code")),
        channel: event("winlog.channel"),
        computer: event("winlog.computer_name").or_else(|| event("host.name")),
        record: event("winlog.record_id"),
        activity: event("winlog.activity_id"),
        process_id: event("winlog.process.pid"),
        // `@timestamp` has milliseconds only, where the other is there at all.
        time: event("winlog.time_created").or_else(|| event("@timestamp")),
    };
    let mut data = Map::new();
    let mut values = below(object, "winlog.event_data");
    number_parameters(&mut values);
    if let (Some(provider), Some(id)) = (
        record.provider.and_then(Value::as_str),
        record.id.and_then(super::values::number),
    ) {
        respell(provider, id, &mut values);
    }
    if !values.is_empty() {
        data.insert("EventData".to_owned(), Value::Object(values));
    }
    let mut user = below(object, "winlog.user_data");
    if !user.is_empty() {
        let name = match user.remove("xml_name") {
            Some(Value::String(name)) => name,
            _ => "EventXML".to_owned(),
        };
        data.insert(
            "UserData".to_owned(),
            Value::Object(Map::from_iter([(name, Value::Object(user))])),
        );
    }
    Shape::Record(record.with(data))
}

/// A member by its path, whichever of its dots are nesting and which are part of a name.
fn lookup<'a>(object: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(value) = object.get(path) {
        return Some(value);
    }
    path.match_indices('.').find_map(|(dot, _)| {
        let inner = object.get(path.get(..dot)?)?.as_object()?;
        lookup(inner, path.get(dot + 1..)?)
    })
}

/// All members below a path.
fn below(object: &Map<String, Value>, path: &str) -> Map<String, Value> {
    let mut found = match lookup(object, path) {
        Some(Value::Object(inner)) => inner.clone(),
        _ => Map::new(),
    };
    for (name, value) in object {
        let inner = name
            .strip_prefix(path)
            .and_then(|rest| rest.strip_prefix('.'));
        if let Some(inner) = inner {
            found.insert(inner.to_owned(), value.clone());
        }
    }
    found
}

/// Values without a name are `param1`, `param2` … here. Some providers call theirs so themselves, so both names stay.
fn number_parameters(values: &mut Map<String, Value>) {
    let mut unnamed = Vec::new();
    while let Some(value) = values.get(&format!("param{}", unnamed.len() + 1)) {
        unnamed.push(value.clone());
    }
    if !unnamed.is_empty() && !values.contains_key("Data") {
        values.insert("Data".to_owned(), Value::Array(unnamed));
    }
}
