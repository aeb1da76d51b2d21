//! Writers of exports, made from what the crate `evtx` reads; they share no code with the readers.

use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// All records of a log in the shape of `evtx_dump`; none when something in it cannot be read.
pub fn records(path: &Path) -> Option<Vec<Value>> {
    let mut parser = evtx::EvtxParser::from_path(path).ok()?;
    parser
        .records_json_value()
        .map(|r| r.ok().map(|r| r.data))
        .collect()
}

#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// Event Viewer: `<Events>`, UTF-16 with a byte order mark.
    EventViewer,
    /// `wevtutil`: many roots, UTF-8.
    Wevtutil,
    JsonLines,
    Velociraptor,
    Winlogbeat,
    EvtxECmdJson,
    EvtxECmdCsv,
}

impl Form {
    pub const ALL: [Self; 7] = [
        Self::EventViewer,
        Self::Wevtutil,
        Self::JsonLines,
        Self::Velociraptor,
        Self::Winlogbeat,
        Self::EvtxECmdJson,
        Self::EvtxECmdCsv,
    ];

    pub fn format(self) -> &'static str {
        match self {
            Self::EventViewer | Self::Wevtutil => "evtx-xml",
            Self::EvtxECmdCsv => "csv",
            _ => "json",
        }
    }

    pub fn write(self, records: &[Value]) -> Vec<u8> {
        let lines = |record: fn(&Value) -> Value| {
            let lines: Vec<String> = records.iter().map(|r| record(r).to_string()).collect();
            lines.join("\n").into_bytes()
        };
        match self {
            Self::EventViewer => {
                let text: String = records.iter().map(|r| xml(r)).collect();
                let text = format!(
                    "\u{feff}<?xml version=\"1.0\" encoding=\"utf-16\"?><Events>{text}</Events>"
                );
                text.encode_utf16().flat_map(u16::to_le_bytes).collect()
            }
            Self::Wevtutil => {
                let text: Vec<String> = records.iter().map(|r| xml(r)).collect();
                text.join("\r\n").into_bytes()
            }
            Self::JsonLines => lines(Value::clone),
            Self::Velociraptor => lines(velociraptor),
            Self::Winlogbeat => lines(winlogbeat),
            Self::EvtxECmdJson => lines(evtxecmd),
            Self::EvtxECmdCsv => evtxecmd_csv(records).into_bytes(),
        }
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '\'' => out.push_str("&apos;"),
            '"' => out.push_str("&quot;"),
            c if c > '\u{7f}' => {
                let _ = write!(out, "&#{};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

fn text(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn attributes(value: &Value) -> String {
    let members = value.get("#attributes").and_then(Value::as_object);
    members
        .into_iter()
        .flatten()
        .map(|(n, v)| format!(" {n}='{}'", escaped(&text(v))))
        .collect()
}

fn xml(record: &Value) -> String {
    element("Event", &record["Event"])
}

fn element(name: &str, value: &Value) -> String {
    let attributes = attributes(value);
    let inside = match value {
        Value::Object(members) => {
            let own = members
                .get("#text")
                .map(|t| escaped(&text(t)))
                .unwrap_or_default();
            let children = members.iter().filter(|(n, _)| !n.starts_with('#'));
            let children: String = children
                .map(|(n, v)| match (name, n.as_str()) {
                    ("EventData", "Data") => unnamed(v),
                    ("EventData", "Binary") => element(n, v),
                    ("EventData", _) => {
                        format!("<Data Name='{}'>{}</Data>", escaped(n), escaped(&text(v)))
                    }
                    _ => element(n, v),
                })
                .collect();
            own + &children
        }
        other => escaped(&text(other)),
    };
    if inside.is_empty() {
        format!("<{name}{attributes}/>")
    } else {
        format!("<{name}{attributes}>{inside}</{name}>")
    }
}

fn unnamed(value: &Value) -> String {
    texts(value)
        .iter()
        .map(|t| format!("<Data>{}</Data>", escaped(&text(t))))
        .collect()
}

fn texts(value: &Value) -> Vec<Value> {
    match value.get("#text").unwrap_or(value) {
        Value::Array(texts) => texts.clone(),
        one => vec![one.clone()],
    }
}

/// `Provider/@Name` and the like.
fn attribute(record: &Value, element: &str, name: &str) -> Value {
    record["Event"]["System"][element]["#attributes"][name].clone()
}

fn system<'a>(record: &'a Value, name: &str) -> &'a Value {
    let value = &record["Event"]["System"][name];
    value.get("#text").unwrap_or(value)
}

/// Attributes as plain members, logon ids as numbers, times in seconds.
fn velociraptor(record: &Value) -> Value {
    fn plain(value: &Value) -> Value {
        match value {
            Value::Object(members) => {
                let mut out = Map::new();
                for (name, value) in members {
                    match value {
                        Value::Object(attributes) if name == "#attributes" => {
                            out.extend(attributes.clone())
                        }
                        Value::String(t) if name.ends_with("LogonId") && t.starts_with("0x") => {
                            out.insert(
                                name.clone(),
                                u64::from_str_radix(&t[2..], 16).unwrap().into(),
                            );
                        }
                        _ => {
                            out.insert(name.clone(), plain(value));
                        }
                    }
                }
                Value::Object(out)
            }
            other => other.clone(),
        }
    }
    let mut out = plain(&record["Event"]);
    out["System"]["EventID"] = json!({"Value": system(record, "EventID")});
    out
}

fn winlogbeat(record: &Value) -> Value {
    let mut winlog = json!({
        "provider_name": attribute(record, "Provider", "Name"),
        "event_id": text(system(record, "EventID")),
        "channel": system(record, "Channel"),
        "computer_name": system(record, "Computer"),
        "record_id": system(record, "EventRecordID"),
        "activity_id": attribute(record, "Correlation", "ActivityID"),
        "process": {"pid": attribute(record, "Execution", "ProcessID")},
        "time_created": attribute(record, "TimeCreated", "SystemTime"),
    });
    // Winlogbeat leaves the old name of a provider out: the name has to do.
    if let Some(data) = record["Event"]["EventData"].as_object() {
        let mut out = Map::new();
        for (name, value) in data.iter().filter(|(n, _)| !n.starts_with('#')) {
            if name == "Data" {
                for (i, t) in texts(value).iter().enumerate() {
                    out.insert(format!("param{}", i + 1), text(t).into());
                }
            } else {
                out.insert(name.clone(), text(value).into());
            }
        }
        winlog["event_data"] = Value::Object(out);
    }
    if let Some(data) = record["Event"]["UserData"].as_object() {
        for (name, inner) in data.iter().filter(|(n, _)| !n.starts_with('#')) {
            let mut out = inner.as_object().cloned().unwrap_or_default();
            out.remove("#attributes");
            out.insert("xml_name".to_owned(), name.clone().into());
            winlog["user_data"] = Value::Object(out);
        }
    }
    json!({"@timestamp": "2000-01-01T00:00:00.000Z", "winlog": winlog})
}

/// `{"EventData":{"Data":[{"@Name":…,"#text":…}]}}` as text.
fn payload(record: &Value) -> String {
    fn at_signs(value: &Value) -> Value {
        let Value::Object(members) = value else {
            return text(value).into();
        };
        let mut out = Map::new();
        for (name, value) in members {
            match value {
                Value::Object(attributes) if name == "#attributes" => {
                    out.extend(
                        attributes
                            .iter()
                            .map(|(n, v)| (format!("@{n}"), text(v).into())),
                    );
                }
                _ => {
                    out.insert(name.clone(), at_signs(value));
                }
            }
        }
        Value::Object(out)
    }
    let event = &record["Event"];
    if let Some(data) = event["EventData"].as_object() {
        let mut named = Vec::new();
        let mut out = Map::new();
        for (name, value) in data.iter().filter(|(n, _)| !n.starts_with('#')) {
            match name.as_str() {
                "Data" => named.extend(texts(value).iter().map(|t| Value::from(text(t)))),
                "Binary" => {
                    let hex = text(value);
                    let pairs: Vec<&str> =
                        (0..hex.len() / 2).map(|i| &hex[i * 2..i * 2 + 2]).collect();
                    out.insert("Binary".to_owned(), pairs.join("-").into());
                }
                _ => named.push(json!({"@Name": name, "#text": text(value)})),
            }
        }
        let data = if named.len() == 1 {
            named.remove(0)
        } else {
            Value::Array(named)
        };
        out.insert("Data".to_owned(), data);
        return json!({"EventData": out}).to_string();
    }
    json!({"UserData": at_signs(&event["UserData"])}).to_string()
}

fn evtxecmd(record: &Value) -> Value {
    json!({
        "PayloadData1": "x",
        "MapDescription": "x",
        "Computer": system(record, "Computer"),
        "Payload": payload(record),
        "Channel": system(record, "Channel"),
        "Provider": attribute(record, "Provider", "Name"),
        "EventId": system(record, "EventID"),
        "EventRecordId": text(system(record, "EventRecordID")),
        "ProcessId": attribute(record, "Execution", "ProcessID"),
        "ActivityId": attribute(record, "Correlation", "ActivityID"),
        "TimeCreated": attribute(record, "TimeCreated", "SystemTime"),
    })
}

fn evtxecmd_csv(records: &[Value]) -> String {
    let columns = [
        "EventRecordId",
        "TimeCreated",
        "EventId",
        "Provider",
        "Channel",
        "ProcessId",
        "Computer",
        "ActivityId",
        "Payload",
    ];
    let mut out = columns.join(",") + "\r\n";
    for record in records {
        let row = evtxecmd(record);
        let cells: Vec<String> = columns
            .iter()
            .map(|c| format!("\"{}\"", text(&row[*c]).replace('"', "\"\"")))
            .collect();
        out += &(cells.join(",") + "\r\n");
    }
    out
}
