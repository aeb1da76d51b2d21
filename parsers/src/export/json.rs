//! Records as JSON objects: one per line, in an array, concatenated, indented or not.

mod cutter;
mod dump;
mod evtxecmd;
mod powershell;
mod values;
mod winlogbeat;

use serde_json::{Map, Value};

use super::hayabusa::{self, Hits};
use super::text::Text;
use super::{Piece, Reading, cut};
use cutter::ObjectCutter;

pub(super) use evtxecmd::payload;

/// What an object is.
enum Shape {
    /// A record in the shape of `evtx_dump`.
    Record(Value),
    /// The same with something that could not be told from it.
    Partly(Value, String),
    /// Objects around records: answers of search engines, PowerShell's arrays.
    Wrapper(Vec<Value>),
    /// Anything else.
    Unknown,
}

/// Members under which tools put a list of records.
const LISTS: [&str; 6] = ["value", "hits", "Events", "events", "Records", "records"];
/// Lists inside lists, as Elasticsearch answers (`hits.hits`).
const DEEPEST_LIST: u32 = 3;

pub(super) fn read(text: &mut Text<'_>, reading: &mut Reading<'_>) {
    let mut hits = Hits::default();
    cut(
        text,
        &mut ObjectCutter::default(),
        &mut |piece| match piece {
            Piece::Problem { line, what, lost } => reading.tally.problem(line, what, lost),
            Piece::Record { line, text } => match serde_json::from_str(text) {
                Ok(object) => take(object, line, reading, &mut hits, DEEPEST_LIST),
                Err(e) => {
                    // The place inside the record says nothing once records are cut out.
                    let what = e.to_string();
                    let what = what.split(" at line ").next().unwrap_or_default();
                    reading
                        .tally
                        .problem(line, format!("a record cannot be read: {what}"), 1);
                }
            },
        },
    );
    hits.report(reading);
}

fn take(object: Value, line: u64, reading: &mut Reading<'_>, hits: &mut Hits, lists_left: u32) {
    let Value::Object(members) = object else {
        return;
    };
    if let Some(hit) = hayabusa::hit(&members) {
        return hits.take(&hit, line, reading);
    }
    match shape(members) {
        Shape::Record(record) => known(&record, line, reading),
        Shape::Partly(record, what) => {
            known(&record, line, reading);
            reading.tally.problem(line, what, 0);
        }
        Shape::Wrapper(objects) if lists_left > 0 => {
            for object in objects {
                take(object, line, reading, hits, lists_left - 1);
            }
        }
        Shape::Wrapper(_) | Shape::Unknown => {
            reading
                .tally
                .problem(line, "an object is no event record", 1);
        }
    }
}

fn known(record: &Value, line: u64, reading: &mut Reading<'_>) {
    if !reading.record(record) {
        reading
            .tally
            .problem(line, "a record has no provider or no event id", 1);
    }
}

fn shape(mut object: Map<String, Value>) -> Shape {
    if let Some(Value::Object(source)) = object.get_mut("_source") {
        object = std::mem::take(source);
    }
    if object.contains_key("System")
        || object
            .get("Event")
            .is_some_and(|e| e.get("System").is_some())
    {
        return dump::shape(object);
    }
    if object.contains_key("winlog") || object.keys().any(|k| k.starts_with("winlog.")) {
        return winlogbeat::shape(&object);
    }
    if object.contains_key("ProviderName") && object.contains_key("Id") {
        return powershell::shape(&object);
    }
    if object.contains_key("Provider") && object.contains_key("EventId") {
        return evtxecmd::shape(&object);
    }
    if object.contains_key("Provider") && object.contains_key("EventID") {
        return dump::flat(&object);
    }
    for name in LISTS {
        match object.get_mut(name) {
            Some(Value::Array(list)) => return Shape::Wrapper(std::mem::take(list)),
            Some(inner @ Value::Object(_)) => return Shape::Wrapper(vec![std::mem::take(inner)]),
            _ => {}
        }
    }
    Shape::Unknown
}

#[cfg(test)]
mod tests;
