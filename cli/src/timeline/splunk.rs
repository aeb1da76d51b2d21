//! Events in the envelope of Splunk's HTTP Event Collector.

use rdpwhy_analyzer::timeline::{Filter, Timeline};
use serde_json::Value;

use super::json::line;
use super::names::time;
use crate::event_line::EventLine;
use crate::export::splunk::envelope;

/// One event a line; inside the envelope it is that of JSON lines.
pub fn lines(timeline: &Timeline<'_>, filter: &Filter) -> String {
    let mut out = String::new();
    for entry in timeline.entries(filter) {
        let attempt = entry.attempt.and_then(|a| timeline.attempt(a));
        let id = attempt.as_ref().map(|a| a.id);
        // Texts and numbers serialise.
        let event = serde_json::to_value(EventLine::new(&entry, id)).unwrap_or(Value::Null);
        let fields = [("kind", Some(entry.kind)), ("stage", entry.stage)];
        let host = entry.host.unwrap_or("capture");
        let object = envelope(&time(entry.time), host, "rdpwhy:event", event, &fields);
        line(&object, &mut out);
    }
    out
}
