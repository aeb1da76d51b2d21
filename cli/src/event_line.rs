//! An event as a line of JSON, the same whether a timeline or a single source tells it: schema `rdpwhy.event/1`.

use rdpwhy_analyzer::assemble::time;
use rdpwhy_analyzer::timeline::Entry;
use serde::Serialize;

use crate::render::json;
use crate::timeline::names::place_word;

/// An event. Members stand in this order, whatever the build.
#[derive(Debug, Serialize)]
pub struct EventLine<'a> {
    /// On the clock that all sources share, as far as one is known.
    time: String,
    /// By the source's own clock; RFC 3339 in UTC.
    source_time: String,
    /// Computer that wrote the record; none for a packet.
    host: Option<&'a str>,
    /// Windows channel; `capture` for a packet, the monitor's name for a line of its log.
    channel: &'a str,
    provider: Option<&'a str>,
    event_id: Option<u32>,
    /// What happened, as a fact: `tls.client-hello`.
    kind: &'a str,
    /// server, client, gateway, domain-controller, any, wire.
    side: &'a str,
    /// Stage of a connection that it proves.
    stage: Option<&'a str>,
    /// The fact and the values that matter in words.
    says: &'a str,
    /// All values, as texts, in the order of the event.
    #[serde(serialize_with = "in_order")]
    values: &'a [(&'static str, String)],
    /// File, or member of an archive.
    source: &'a str,
    /// Attempt that it belongs to, by its id in the report.
    attempt: Option<&'a str>,
    /// Whether the record lay outside the live part of its log.
    recovered: bool,
    /// EventRecordID.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
    /// 1-based frame number in a capture.
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<u64>,
    /// 1-based line in a network monitor's log.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u64>,
}

fn in_order<S: serde::Serializer>(values: &[(&str, String)], to: S) -> Result<S::Ok, S::Error> {
    to.collect_map(values.iter().map(|(name, value)| (name, value)))
}

impl<'a> EventLine<'a> {
    /// The line of an entry that belongs to this attempt.
    pub fn new(entry: &'a Entry<'_>, attempt: Option<&'a str>) -> Self {
        let word = place_word(entry);
        let place = |of: &str| (word == of).then_some(entry.place);
        Self {
            time: time(entry.time),
            source_time: time(entry.raw),
            host: entry.host,
            channel: entry.channel,
            provider: entry.origin.map(|(provider, _)| provider),
            event_id: entry.origin.map(|(_, id)| id),
            kind: entry.kind,
            side: entry.side,
            stage: entry.stage,
            says: &entry.says,
            values: &entry.values,
            source: entry.path,
            attempt,
            recovered: entry.recovered,
            record: place("record"),
            packet: place("packet"),
            line: place("line"),
        }
    }

    /// The object with a line break behind it, every character of it visible.
    pub fn text(&self) -> String {
        // Texts and numbers serialise.
        json::line(self).unwrap_or_default()
    }
}
