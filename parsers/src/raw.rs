//! One Windows record as every reader gives it, and how it becomes an event.
//!
//! The reader of `.evtx` files and the readers of exports (XML, JSON, CSV) end here: they fill a [`RawRecord`] and hand
//! it to [`to_event`]. What the catalogue does not describe is counted and otherwise left alone.

use std::borrow::Cow;

use crate::batch::EventBatch;
use crate::catalog::{self, EventSpec, Variant};
use crate::continuity::Became;
use crate::event::{Guid, Value};
use crate::time::Timestamp;

pub(crate) mod decode;
mod json;

/// A record's `System` part and its payload by name.
#[derive(Debug, Clone, Default)]
pub struct RawRecord<'a> {
    /// `Provider/@Name`.
    pub provider: Cow<'a, str>,
    /// `Provider/@EventSourceName`, the name that old writers use: `TermService` stands here.
    pub source_name: Cow<'a, str>,
    /// `EventID` without its qualifiers.
    pub id: u32,
    /// `Channel`. Forwarded records keep the channel of the machine that wrote them.
    pub channel: Cow<'a, str>,
    /// `Computer`.
    pub computer: Cow<'a, str>,
    /// `EventRecordID`. The number in the record's own header may differ in re-exported files and is not it.
    pub record: u64,
    /// `TimeCreated/@SystemTime`.
    pub time: Timestamp,
    /// `Correlation/@ActivityID`.
    pub activity: Guid,
    /// `Execution/@ProcessID`, 0 when absent.
    pub process_id: u32,
    /// Whether the record lay outside the live part of its file.
    pub recovered: bool,
    /// The payload, in the order of the record: see [`RawRecord::get`] for the names.
    pub data: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl RawRecord<'_> {
    /// The value of a name, empty values included. Names are
    /// * `Data/@Name` below `EventData`, spaces and all: `Error Code`;
    /// * `Data[0]`, `Data[1]` … for `Data` without a name, and `Binary`;
    /// * the path below the one element inside `UserData`: `Param1`, `SubjectNames/SubjectName`, `Certificate@subjectName`.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.data
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_ref())
    }
}

/// Counts the record in its log and adds the event that the catalogue makes of it.
pub fn to_event(raw: &RawRecord<'_>, batch: &mut EventBatch) {
    let log = batch.log(&raw.computer, &raw.channel);
    batch.saw(log, raw.time, raw.record);
    let by_source =
        || catalog::lookup(&raw.source_name, raw.id).filter(|_| !raw.source_name.is_empty());
    let spec = catalog::lookup(&raw.provider, raw.id).or_else(by_source);
    match spec {
        None => {
            let counts = if raw.recovered {
                &mut batch.unknown_recovered
            } else {
                &mut batch.unknown
            };
            *counts
                .entry((raw.provider.to_string(), raw.id))
                .or_default() += 1;
        }
        Some(spec) => {
            fill(spec, raw, log, batch);
            let origin = batch.origin(&raw.provider, raw.id, spec);
            batch.originates(origin);
        }
    }
    let became = match spec {
        _ if !raw.recovered => Became::Live,
        Some(_) => Became::RecoveredEvent(batch.events.len().saturating_sub(1)),
        None => Became::RecoveredUnknown(raw.provider.to_string(), raw.id),
    };
    batch.trace(log, raw.time, raw.record, became);
}

/// Adds the event with its values.
fn fill(spec: &'static EventSpec, raw: &RawRecord<'_>, log: u32, batch: &mut EventBatch) {
    let mut filling = batch.push(spec.kind, log, raw.time, raw.record, raw.activity);
    for field in spec.fields {
        for name in field.from.split('|') {
            let found = raw
                .get(name)
                .is_some_and(|text| decode::add(field, text.trim(), &mut filling));
            if found {
                break;
            }
        }
    }
    complete(spec, batch);
}

/// Adds the constants to the event pushed last, whose values are there, and lets a value choose among the kinds.
pub(crate) fn complete(spec: &EventSpec, batch: &mut EventBatch) {
    let Some(last) = batch.events.len().checked_sub(1) else {
        return;
    };
    let mut filling = batch.more();
    for (field, text) in spec.set {
        filling.text(*field, text);
    }
    let chosen = batch.event(last).and_then(|event| {
        let fits = |v: &&Variant| {
            event
                .get(v.field)
                .is_some_and(|value| v.is.iter().any(|is| matches(value, is)))
        };
        spec.variants.iter().find(fits)
    });
    if let (Some(variant), Some(event)) = (chosen, batch.events.last_mut()) {
        event.kind = variant.kind;
    }
}

/// Whether a value is what a variant asks for: `Prefix*`, a text in whatever case, or a number in decimal.
fn matches(value: Value<'_>, is: &str) -> bool {
    match value {
        Value::Text(text) => is.strip_suffix('*').map_or_else(
            || text.eq_ignore_ascii_case(is),
            |prefix| text.starts_with(prefix),
        ),
        Value::Int(n) => is.parse() == Ok(n),
        Value::Flag(b) => is.parse() == Ok(b),
        Value::Ip(ip) => is.parse() == Ok(ip) || is == "*",
    }
}
