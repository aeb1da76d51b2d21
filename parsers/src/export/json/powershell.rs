//! `Get-WinEvent | ConvertTo-Json` of PowerShell 5.1 and 7: the values come without their names, by position.

use serde_json::{Map, Value};

use super::Shape;
use super::values::{System, number, respell};
use crate::catalog;
use crate::export::layout;

/// What `ConvertTo-Json` writes for a value below its depth.
const NOT_CONVERTED: &str = "System.Diagnostics.Eventing.Reader.EventProperty";

pub(super) fn shape(object: &Map<String, Value>) -> Shape {
    let record = System {
        provider: object.get("ProviderName"),
        id: object.get("Id"),
        channel: object.get("LogName"),
        computer: object.get("MachineName"),
        record: object.get("RecordId"),
        activity: object.get("ActivityId"),
        process_id: object.get("ProcessId"),
        time: object.get("TimeCreated"),
    };
    let Some(Value::Array(properties)) = object.get("Properties") else {
        return Shape::Partly(
            record.with(Map::new()),
            "records without their values (Properties): only who, when and what is used".to_owned(),
        );
    };
    if properties.iter().any(|p| p.as_str() == Some(NOT_CONVERTED)) {
        return Shape::Partly(
            record.with(Map::new()),
            "the values were not converted, only who, when and what is used: export again with ConvertTo-Json -Depth 4"
                .to_owned(),
        );
    }
    let provider = object
        .get("ProviderName")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let id = object.get("Id").and_then(number).unwrap_or_default();
    let version = object.get("Version").and_then(number);
    let values: Vec<Property> = properties.iter().map(Property::of).collect();
    if values.is_empty() {
        return Shape::Record(record.with(Map::new()));
    }
    match named(provider, id, version, values) {
        Some(mut data) => {
            respell(provider, id, &mut data);
            let data = Map::from_iter([("EventData".to_owned(), Value::Object(data))]);
            Shape::Record(record.with(data))
        }
        // A record that the catalogue does not describe loses nothing by it.
        None if catalog::lookup(provider, id).is_none() => Shape::Record(record.with(Map::new())),
        None => Shape::Partly(
            record.with(Map::new()),
            format!(
                "values of {provider} {id} come without names and their order is not known: only who, when and what is \
                 used"
            ),
        ),
    }
}

/// The values under their names, where the order is known for certain.
fn named(
    provider: &str,
    id: u32,
    version: Option<u32>,
    mut values: Vec<Property>,
) -> Option<Map<String, Value>> {
    if let Some(names) = layout::names(provider, id, version, values.len()) {
        let values = values.into_iter().map(Property::into_value);
        return Some(names.map(str::to_owned).zip(values).collect());
    }
    let positional = |name: &str| name.starts_with("Data[") || name == "Binary";
    let fields = catalog::lookup(provider, id)?.fields;
    if !fields.iter().all(|f| f.from.split('|').any(positional)) {
        return None;
    }
    let mut data = Map::new();
    // Classic records carry their bytes behind their texts.
    if let Some(bytes) = values.pop_if(|v| matches!(v, Property::Bytes(_))) {
        data.insert("Binary".to_owned(), bytes.into_value());
    }
    let texts = values.into_iter().map(Property::into_value).collect();
    data.insert("Data".to_owned(), Value::Array(texts));
    Some(data)
}

/// A value as .NET has it.
enum Property {
    Plain(Value),
    /// In hex, as records write it.
    Bytes(String),
}

impl Property {
    /// From `{"Value": …}`; a SID is an object, bytes are an array of numbers.
    fn of(property: &Value) -> Self {
        match property.get("Value").unwrap_or(property) {
            Value::Object(sid) => Self::Plain(sid.get("Value").cloned().unwrap_or_default()),
            Value::Array(items) => {
                let byte = |i: &Value| i.as_u64().filter(|b| *b < 256).map(|b| format!("{b:02X}"));
                let bytes: Option<String> = items.iter().map(byte).collect();
                bytes.map_or(Self::Plain(Value::Null), Self::Bytes)
            }
            other => Self::Plain(other.clone()),
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::Plain(value) => value,
            Self::Bytes(hex) => Value::String(hex),
        }
    }
}
