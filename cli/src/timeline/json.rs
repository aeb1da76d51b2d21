//! The timeline as JSON lines: one object per event, then, with `--all`, one per provider and id of each log.

use rdpwhy_analyzer::timeline::{Entry, Filter, Timeline};
use serde_json::{Map, Value, json};

use super::names::time;
use crate::render;

/// All events that the filter lets through; with `counts` also how often each provider and id was met.
pub fn lines(timeline: &Timeline<'_>, filter: &Filter, counts: bool) -> String {
    let mut out = String::new();
    for entry in timeline.entries(filter) {
        line(&event(timeline, &entry), &mut out);
    }
    if counts {
        for count in timeline.counts() {
            let object = json!({
                "count": {
                    "source": count.path,
                    "provider": count.provider,
                    "event_id": count.id,
                    "records": count.live,
                    "recovered": count.recovered,
                    "known": count.known,
                },
            });
            line(&object, &mut out);
        }
    }
    out
}

/// Appends an object and a line break, every character of it visible.
pub fn line(object: &Value, to: &mut String) {
    // Values of JSON serialise.
    to.push_str(&render::json::line(object).unwrap_or_default());
}

fn event(timeline: &Timeline<'_>, entry: &Entry<'_>) -> Value {
    let attempt = entry.attempt.and_then(|a| timeline.attempt(a));
    let values: Map<String, Value> = entry
        .values
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())))
        .collect();
    let place = if entry.origin.is_some() {
        "record"
    } else {
        "packet"
    };
    let mut object = json!({
        "time": time(entry.time),
        "source_time": time(entry.raw),
        "host": entry.host,
        "channel": entry.channel,
        "provider": entry.origin.map(|(p, _)| p),
        "event_id": entry.origin.map(|(_, id)| id),
        "kind": entry.kind,
        "side": entry.side,
        "stage": entry.stage,
        "says": entry.says,
        "values": values,
        "source": entry.path,
        "attempt": attempt.as_ref().map(|a| a.id),
        "recovered": entry.recovered,
    });
    object[place] = entry.place.into();
    object
}
