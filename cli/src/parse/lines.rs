//! The lines beside the events: each is an object with one member, whose name says what it is.

use rdpwhy_analyzer::evidence::SourceEvents;
use rdpwhy_parsers::Defect;
use serde_json::{Value, json};

use crate::render;

fn line(object: &Value) -> String {
    // Values of JSON serialise.
    render::json::line(object).unwrap_or_default()
}

/// A file or path that cannot be read.
pub fn error(source: &str, what: &str, advice: Option<&str>) -> String {
    line(&json!({"error": {"source": source, "what": what, "advice": advice}}))
}

/// A part of a source that could not be read; the rest was.
pub fn defect(source: &str, defect: &Defect, what: &str) -> String {
    line(&json!({
        "defect": {"source": source, "at": defect.at, "what": what, "lost": defect.lost},
    }))
}

/// The end of a source: what it was, and how much of it became events.
pub fn end(source: &str, read: &SourceEvents, events: u64) -> String {
    let records: u64 = read.batch.logs.iter().map(|l| l.records).sum();
    line(&json!({
        "end": {
            "source": source,
            "format": read.format,
            "bytes": read.bytes,
            "records": records,
            "events": events,
        },
    }))
}
