//! Events in the columns of Hayabusa's standard profile.

use rdpwhy_analyzer::timeline::{Entry, Filter, Timeline, Try};

use super::cells::row;
use super::names::{provider_name, time};
use crate::export::hayabusa::{BETWEEN, COLUMNS, timestamp};

/// One row per event.
pub fn csv(timeline: &Timeline<'_>, filter: &Filter) -> String {
    let mut out = String::new();
    row(COLUMNS, &mut out);
    for entry in timeline.entries(filter) {
        let attempt = entry.attempt.and_then(|a| timeline.attempt(a));
        let cells = cells(&entry, attempt.as_ref());
        row(cells.iter().map(String::as_str), &mut out);
    }
    out
}

fn cells(entry: &Entry<'_>, attempt: Option<&Try<'_>>) -> [String; COLUMNS.len()] {
    let hurt = attempt.is_some_and(|a| matches!(a.outcome, "failed" | "dropped") && !a.remark);
    let values = entry.values.iter().map(|(name, v)| format!("{name}: {v}"));
    let more = [
        ("attempt", attempt.map(|a| a.id)),
        ("cause", attempt.and_then(|a| a.cause)),
        ("provider", entry.origin.map(|(p, _)| provider_name(p))),
    ];
    let more = more
        .iter()
        .filter_map(|(name, v)| Some(format!("{name}: {}", (*v)?)));
    [
        timestamp(&time(entry.time)),
        entry.host.unwrap_or("-").to_owned(),
        entry.channel.to_owned(),
        entry
            .origin
            .map_or_else(|| "-".to_owned(), |(_, id)| id.to_string()),
        if hurt { "low" } else { "info" }.to_owned(),
        entry.place.to_string(),
        entry.meaning.to_owned(),
        values.collect::<Vec<_>>().join(BETWEEN),
        more.collect::<Vec<_>>().join(BETWEEN),
    ]
}
