//! One `<Event>` element in the shape that `evtx_dump` gives it in JSON, so that all forms share one reader.

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use serde_json::{Map, Value};

/// Records nest a handful of elements.
const DEEPEST: usize = 64;

/// An element that is not closed yet.
#[derive(Default)]
struct Element {
    name: String,
    attributes: Map<String, Value>,
    children: Map<String, Value>,
    /// Texts of `Data` elements without a name.
    unnamed: Vec<Value>,
    text: String,
}

/// Reads one record. What Event Viewer renders beside it (`RenderingInfo`: the message in its reader's language) is left
/// out.
///
/// # Errors
/// What is wrong with it as XML.
pub(super) fn record(xml: &str) -> Result<Value, String> {
    let mut reader = Reader::from_str(xml);
    let mut open: Vec<Element> = vec![Element::default()];
    loop {
        match reader.read_event().map_err(|e| e.to_string())? {
            Event::Start(tag) => {
                if open.len() > DEEPEST {
                    return Err(format!("elements nest deeper than {DEEPEST}"));
                }
                open.push(element(&tag));
            }
            Event::Empty(tag) => close(&mut open, element(&tag)),
            Event::End(_) => {
                if let Some(done) = open.pop() {
                    close(&mut open, done);
                }
            }
            Event::Text(text) => say(&mut open, &text.xml10_content()),
            Event::CData(text) => say(&mut open, &text.xml10_content()),
            Event::GeneralRef(reference) => say(&mut open, &resolved(&reference)),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
    let root = open.into_iter().next().map(|e| e.children);
    Ok(Value::Object(root.unwrap_or_default()))
}

fn element(tag: &BytesStart<'_>) -> Element {
    let mut attributes = tag.attributes();
    // A name that stands twice is no reason to lose a record.
    let attributes = attributes.with_checks(false).flatten().map(|a| {
        let name: &str = a.key.local_name().into_inner();
        let value = a
            .normalized_value(XmlVersion::Implicit1_0)
            .map_or_else(|_| a.value.to_string(), |v| v.to_string());
        (name.to_owned(), Value::String(value))
    });
    Element {
        name: tag.local_name().into_inner().to_owned(),
        attributes: attributes.collect(),
        ..Element::default()
    }
}

/// Characters that XML cannot hold, which Windows writes as references all the same, are dropped.
fn resolved(reference: &BytesRef<'_>) -> String {
    if reference.is_char_ref() {
        let c = reference.resolve_char_ref().ok().flatten();
        return c.map(String::from).unwrap_or_default();
    }
    resolve_predefined_entity(reference)
        .map_or_else(|| format!("&{};", &**reference), str::to_owned)
}

fn say(open: &mut [Element], text: &str) {
    if let Some(inner) = open.last_mut() {
        inner.text.push_str(text);
    }
}

/// Adds a closed element to the one around it.
fn close(open: &mut [Element], done: Element) {
    let Some(parent) = open.last_mut() else {
        return;
    };
    match (parent.name.as_str(), done.name.as_str()) {
        ("Event", "RenderingInfo") => {}
        ("EventData", "Data") => match done.attributes.get("Name") {
            Some(Value::String(name)) => add(&mut parent.children, name, Value::String(done.text)),
            _ => parent.unnamed.push(Value::String(done.text)),
        },
        _ => {
            let name = done.name.clone();
            add(&mut parent.children, &name, value(done));
        }
    }
}

fn value(mut element: Element) -> Value {
    if !element.unnamed.is_empty() {
        let texts = std::mem::take(&mut element.unnamed);
        let data = Map::from_iter([("#text".to_owned(), Value::Array(texts))]);
        element
            .children
            .insert("Data".to_owned(), Value::Object(data));
    }
    if element.children.is_empty() && element.attributes.is_empty() {
        return match element.text.as_str() {
            "" => Value::Null,
            _ => Value::String(element.text),
        };
    }
    let mut members = Map::new();
    if !element.attributes.is_empty() {
        members.insert("#attributes".to_owned(), Value::Object(element.attributes));
    }
    // Between child elements stands indentation only.
    if element.children.is_empty() && !element.text.is_empty() {
        members.insert("#text".to_owned(), Value::String(element.text));
    }
    members.extend(element.children);
    Value::Object(members)
}

/// Of siblings with one name each keeps its own, as `evtx_dump` numbers them.
fn add(members: &mut Map<String, Value>, name: &str, value: Value) {
    let mut key = name.to_owned();
    let mut n = 1;
    while members.contains_key(&key) {
        key = format!("{name}_{n}");
        n += 1;
    }
    members.insert(key, value);
}
