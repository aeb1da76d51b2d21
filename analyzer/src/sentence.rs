//! Sentences about events, for people.

use rdpwhy_parsers::{EventRef, Field, Value, catalog};

/// Numbers above this are statuses: people know them in hex.
const STATUS_FROM: i64 = 0x8000_0000;

/// Fills `{field}` placeholders with the event's values.
pub fn fill(template: &str, event: EventRef<'_>) -> String {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((name, tail)) = after.split_once('}') else {
            text.push('{');
            rest = after;
            continue;
        };
        match Field::named(name).and_then(|f| event.get(f)) {
            Some(v) => text.push_str(&show(v)),
            None => text.push_str("not given"),
        }
        rest = tail;
    }
    text.push_str(rest);
    text
}

/// What a record or packet means, with the values that matter.
pub fn describe(event: EventRef<'_>) -> String {
    let meaning = catalog::info(event.event.kind).map_or("", |i| i.meaning).trim_end_matches('.');
    let values: Vec<String> = event
        .fields()
        .filter(|(f, _)| !matches!(f.name(), "flow" | "random" | "ja3" | "ja4" | "ja3s" | "suites" | "groups" | "sha256"))
        .take(5)
        .map(|(f, v)| format!("{} {}", f.name().replace('_', " "), show(v)))
        .collect();
    if values.is_empty() { meaning.to_owned() } else { format!("{meaning} ({})", values.join(", ")) }
}

/// A value as people write it.
pub fn show(value: Value<'_>) -> String {
    match value {
        Value::Int(n) if (STATUS_FROM..=i64::from(u32::MAX)).contains(&n) => format!("0x{n:08X}"),
        Value::Int(n) => n.to_string(),
        Value::Flag(true) => "yes".to_owned(),
        Value::Flag(false) => "no".to_owned(),
        Value::Ip(ip) => ip.to_string(),
        Value::Text(t) => t.to_owned(),
    }
}
