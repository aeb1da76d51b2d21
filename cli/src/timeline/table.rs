//! The timeline as CSV: one row per event.

use rdpwhy_analyzer::timeline::{Entry, Filter, Timeline, Try};

use super::cells::row;
use super::names::{place_word, time};

const COLUMNS: [&str; 19] = [
    "time",
    "source_time",
    "host",
    "channel",
    "provider",
    "event_id",
    "record",
    "packet",
    "kind",
    "side",
    "stage",
    "attempt",
    "outcome",
    "client",
    "server",
    "user",
    "says",
    "recovered",
    "source",
];

/// All events that the filter lets through.
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
    let place = entry.place.to_string();
    let (record, packet) = if place_word(entry) == "packet" {
        (String::new(), place)
    } else {
        (place, String::new())
    };
    let value = |name: &str| {
        let found = entry.values.iter().find(|(n, _)| *n == name);
        found.map(|(_, v)| v.clone())
    };
    let (provider, id) = entry
        .origin
        .map_or(("", String::new()), |(p, id)| (p, id.to_string()));
    [
        time(entry.time),
        time(entry.raw),
        entry.host.unwrap_or_default().to_owned(),
        entry.channel.to_owned(),
        provider.to_owned(),
        id,
        record,
        packet,
        entry.kind.to_owned(),
        entry.side.to_owned(),
        entry.stage.unwrap_or_default().to_owned(),
        attempt.map(|a| a.id.to_owned()).unwrap_or_default(),
        attempt.map(|a| a.outcome.to_owned()).unwrap_or_default(),
        attempt.map(|a| a.client.clone()).unwrap_or_default(),
        attempt.map(|a| a.server.clone()).unwrap_or_default(),
        value("user")
            .or_else(|| attempt.and_then(|a| a.user.map(str::to_owned)))
            .unwrap_or_default(),
        entry.says.clone(),
        if entry.recovered { "yes" } else { "" }.to_owned(),
        entry.path.to_owned(),
    ]
}
