//! The timeline as JSON lines: one object per event, then, with `--all`, one per provider and id of each log.

use rdpwhy_analyzer::timeline::{Filter, Timeline};
use serde_json::{Value, json};

use crate::event_line::EventLine;
use crate::render;

/// All events that the filter lets through; with `counts` also how often each provider and id was met.
pub fn lines(timeline: &Timeline<'_>, filter: &Filter, counts: bool) -> String {
    let mut out = String::new();
    for entry in timeline.entries(filter) {
        let attempt = entry.attempt.and_then(|a| timeline.attempt(a));
        out.push_str(&EventLine::new(&entry, attempt.as_ref().map(|a| a.id)).text());
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
