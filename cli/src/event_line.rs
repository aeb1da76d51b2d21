//! An event as a line of JSON, the same whether a timeline or a single source tells it: schema `rdpwhy.event/1`.

use std::collections::BTreeMap;

use rdpwhy_analyzer::assemble::time;
use rdpwhy_analyzer::timeline::Entry;
use serde::Serialize;

use crate::render::json;

/// An event. Members stand in the order of their names.
#[derive(Debug, Serialize)]
pub struct EventLine<'a> {
    /// Attempt that it belongs to, by its id in the report.
    attempt: Option<&'a str>,
    /// Windows channel; `capture` for a packet.
    channel: &'a str,
    event_id: Option<u32>,
    /// Computer that wrote the record; none for a packet.
    host: Option<&'a str>,
    /// What happened, as a fact: `tls.client-hello`.
    kind: &'a str,
    /// 1-based frame number of what is no record.
    #[serde(skip_serializing_if = "Option::is_none")]
    packet: Option<u64>,
    provider: Option<&'a str>,
    /// EventRecordID.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
    /// Whether the record lay outside the live part of its log.
    recovered: bool,
    /// The fact and the values that matter in words.
    says: &'a str,
    /// server, client, gateway, domain-controller, any, wire.
    side: &'a str,
    /// File, or member of an archive.
    source: &'a str,
    /// By the source's own clock; RFC 3339 in UTC.
    source_time: String,
    /// Stage of a connection that it proves.
    stage: Option<&'a str>,
    /// On the clock that all sources share, as far as one is known.
    time: String,
    /// All values, as texts.
    values: BTreeMap<&'a str, &'a str>,
}

impl<'a> EventLine<'a> {
    /// The line of an entry that belongs to this attempt.
    pub fn new(entry: &'a Entry<'_>, attempt: Option<&'a str>) -> Self {
        let is_record = entry.origin.is_some();
        let values = entry.values.iter();
        Self {
            attempt,
            channel: entry.channel,
            event_id: entry.origin.map(|(_, id)| id),
            host: entry.host,
            kind: entry.kind,
            packet: (!is_record).then_some(entry.place),
            provider: entry.origin.map(|(provider, _)| provider),
            record: is_record.then_some(entry.place),
            recovered: entry.recovered,
            says: &entry.says,
            side: entry.side,
            source: entry.path,
            source_time: time(entry.raw),
            stage: entry.stage,
            time: time(entry.time),
            values: values.map(|(name, v)| (*name, v.as_str())).collect(),
        }
    }

    /// The object with a line break behind it, every character of it visible.
    pub fn text(&self) -> String {
        // Texts and numbers serialise.
        json::line(self).unwrap_or_default()
    }
}
