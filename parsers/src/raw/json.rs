//! Records in the JSON shape of `evtx_dump`: elements are members, attributes stand in `#attributes`, text in `#text`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::RawRecord;
use crate::event::Guid;
use crate::time::Timestamp;

impl<'a> RawRecord<'a> {
    /// Reads `{"Event": {"System": …, "EventData": …}}`. `None` when there is no `System` with a provider and an id.
    pub fn from_json(record: &'a Value) -> Option<Self> {
        let event = record.get("Event").unwrap_or(record);
        let system = event.get("System")?;
        let provider = system.get("Provider")?;
        let mut raw = RawRecord {
            provider: attribute(provider, "Name")?,
            source_name: attribute(provider, "EventSourceName").unwrap_or_default(),
            // Classic records keep qualifiers above the 16 bits of the id.
            id: u32::try_from(number(system.get("EventID")?)? & 0xFFFF).ok()?,
            channel: text(system.get("Channel")).unwrap_or_default(),
            computer: text(system.get("Computer")).unwrap_or_default(),
            record: system
                .get("EventRecordID")
                .and_then(number)
                .unwrap_or_default(),
            activity: attribute(
                system.get("Correlation").unwrap_or(&Value::Null),
                "ActivityID",
            )
            .and_then(|g| Guid::parse(&g))
            .unwrap_or_default(),
            process_id: attribute(system.get("Execution").unwrap_or(&Value::Null), "ProcessID")
                .and_then(|p| p.parse().ok())
                .unwrap_or_default(),
            time: system
                .get("TimeCreated")
                .and_then(|t| attribute(t, "SystemTime"))
                .and_then(|t| Timestamp::parse(&t))
                .unwrap_or_default(),
            ..RawRecord::default()
        };
        raw.payload(record);
        Some(raw)
    }

    /// Adds what stands in `EventData` or `UserData` of `{"Event": …}`.
    pub(crate) fn payload(&mut self, record: &'a Value) {
        let event = record.get("Event").unwrap_or(record);
        if let Some(Value::Object(data)) = event.get("EventData") {
            self.event_data(data);
        }
        if let Some(Value::Object(data)) = event.get("UserData") {
            for (name, wrapper) in data.iter().filter(|(name, _)| !name.starts_with('#')) {
                match wrapper {
                    Value::Object(members) => self.elements("", members),
                    Value::Null => {}
                    // A writer that puts its text straight into `UserData`.
                    other => self.values(name, other),
                }
            }
        }
    }

    fn event_data(&mut self, data: &'a Map<String, Value>) {
        for (name, value) in data {
            match name.as_str() {
                "#attributes" => self.attributes("", value),
                "Data" => {
                    let texts = value.get("#text").unwrap_or(value);
                    let several = texts
                        .as_array()
                        .map_or(std::slice::from_ref(texts), Vec::as_slice);
                    for (i, one) in several.iter().enumerate() {
                        self.data.push((
                            Cow::Owned(format!("Data[{i}]")),
                            scalar(one).unwrap_or_default(),
                        ));
                    }
                }
                _ => self.values(name, value),
            }
        }
    }

    /// Elements below `path`, depth first, in the order of the record. Of siblings with one name, the first comes first.
    fn elements(&mut self, path: &str, members: &'a Map<String, Value>) {
        for (name, value) in members {
            match name.as_str() {
                "#attributes" => self.attributes(path, value),
                "#text" => self.values(path, value),
                _ if path.is_empty() => self.values(name, value),
                _ => self.values(&format!("{path}/{name}"), value),
            }
        }
    }

    fn attributes(&mut self, path: &str, attributes: &'a Value) {
        for (name, value) in attributes.as_object().into_iter().flatten() {
            if let Some(text) = scalar(value) {
                self.data.push((Cow::Owned(format!("{path}@{name}")), text));
            }
        }
    }

    fn values(&mut self, path: &str, value: &'a Value) {
        match value {
            Value::Object(members) => self.elements(path, members),
            Value::Array(items) => {
                let joined = items
                    .iter()
                    .filter_map(scalar)
                    .collect::<Vec<_>>()
                    .join(", ");
                self.data
                    .push((Cow::Owned(path.to_owned()), Cow::Owned(joined)));
            }
            one => self
                .data
                .push((Cow::Owned(path.to_owned()), scalar(one).unwrap_or_default())),
        }
    }
}

fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(s) => Some(Cow::Borrowed(s)),
        Value::Number(n) => Some(Cow::Owned(n.to_string())),
        Value::Bool(b) => Some(Cow::Borrowed(if *b { "true" } else { "false" })),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn text(value: Option<&Value>) -> Option<Cow<'_, str>> {
    let value = value?;
    scalar(value.get("#text").unwrap_or(value))
}

fn number(value: &Value) -> Option<u64> {
    text(Some(value))?.trim().parse().ok()
}

/// An attribute of an element, where `evtx_dump` puts it, or as a plain member as some converters write it.
fn attribute<'a>(element: &'a Value, name: &str) -> Option<Cow<'a, str>> {
    let attributes = element.get("#attributes").unwrap_or(element);
    scalar(attributes.get(name)?)
}
