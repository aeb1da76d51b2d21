//! One line of JSON for each event, and for each thing that a source told beside its events: the exact form in which both
//! travel through tables. Its own fields, not those of reports: numbers stay numbers, moments stay nanoseconds.

use std::borrow::Cow;
use std::net::IpAddr;

use rdpwhy_analyzer::evidence::SourceEvents;
use rdpwhy_parsers::{EventRef, Log, Timestamp, Value};
use serde::{Deserialize, Serialize};

/// Which source a line is of: two sources of one name have different contents.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Of<'a> {
    /// Path as given.
    #[serde(borrow)]
    pub source: Cow<'a, str>,
    /// The first 16 hex digits of its SHA-256.
    #[serde(borrow, default)]
    pub hash: Cow<'a, str>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "row", rename_all = "lowercase")]
pub enum Line<'a> {
    /// A source: that it was read at all.
    Source {
        /// Which.
        #[serde(borrow, flatten)]
        of: Of<'a>,
        /// `evtx`, `pcap` …
        format: String,
        /// Its size.
        bytes: u64,
        /// SHA-256 in hex digits.
        sha256: Option<String>,
        /// Records from outside the live part.
        recovered: u64,
        /// Records that no data file describes: provider, id, how many.
        unknown: Vec<(String, u32, u64)>,
        /// Those among the recovered ones.
        unknown_recovered: Vec<(String, u32, u64)>,
    },
    /// What one log of a source covers.
    Log {
        /// Of which source.
        #[serde(borrow, flatten)]
        of: Of<'a>,
        /// Its number in the source.
        log: u32,
        /// Computer; empty for a capture.
        host: String,
        /// Channel; `capture` for a capture.
        channel: String,
        /// Nanoseconds since 1970, as all moments here.
        first: i64,
        /// Latest.
        last: i64,
        /// Smallest record number.
        first_record: u64,
        /// Largest.
        last_record: u64,
        /// How many.
        records: u64,
        /// From, to, why.
        gaps: Vec<(i64, i64, String)>,
    },
    /// Something that could not be read.
    Defect {
        /// Of which source.
        #[serde(borrow, flatten)]
        of: Of<'a>,
        /// Its number in the source.
        n: u64,
        /// Where.
        at: String,
        /// What.
        what: String,
        /// Records lost by it.
        lost: u64,
    },
    /// An event.
    Event {
        /// Of which source.
        #[serde(borrow, flatten)]
        of: Of<'a>,
        /// Its number in the source.
        n: u64,
        /// Number of its log.
        log: u32,
        /// When, in the source's own clock.
        time: i64,
        /// Number of the record or packet.
        place: u64,
        /// What happened.
        #[serde(borrow)]
        kind: Cow<'a, str>,
        /// Correlation id as 32 hex digits.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        activity: Option<String>,
        /// Provider and event id.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        origin: Option<(String, u32)>,
        /// Whether it lay outside the live part.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        recovered: bool,
        /// Names and values, in their order.
        values: Vec<(String, Exact)>,
    },
}

/// A value with its type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Exact {
    /// Yes or no.
    Flag(bool),
    /// A number.
    Int(i64),
    /// An address.
    Ip {
        /// It.
        ip: IpAddr,
    },
    /// A text.
    Text(String),
}

impl From<Value<'_>> for Exact {
    fn from(value: Value<'_>) -> Self {
        match value {
            Value::Int(n) => Self::Int(n),
            Value::Flag(b) => Self::Flag(b),
            Value::Ip(ip) => Self::Ip { ip },
            Value::Text(text) => Self::Text(text.to_owned()),
        }
    }
}

impl<'a> Line<'a> {
    /// Reads a line.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &'a str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|e| format!("is no line of an event table: {e}"))
    }

    /// As text, without a line break.
    pub fn text(&self) -> String {
        // Nothing in it can fail to serialise: keys are texts and numbers finite.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// What a source is, but for its logs, defects and events.
    pub fn source(of: Of<'a>, source: &SourceEvents) -> Self {
        let counts = |counts: &rdpwhy_parsers::batch::Counts| {
            let count = |((provider, id), n): (&(String, u32), &u64)| (provider.clone(), *id, *n);
            counts.iter().map(count).collect()
        };
        Self::Source {
            of,
            format: source.format.to_owned(),
            bytes: source.bytes,
            sha256: source.sha256.clone(),
            recovered: source.batch.recovered,
            unknown: counts(&source.batch.unknown),
            unknown_recovered: counts(&source.batch.unknown_recovered),
        }
    }

    /// What a log covers.
    pub fn log(of: Of<'a>, number: u32, log: &Log) -> Self {
        Self::Log {
            of,
            log: number,
            host: log.host.clone(),
            channel: log.channel.clone(),
            first: log.first.0,
            last: log.last.0,
            first_record: log.first_record,
            last_record: log.last_record,
            records: log.records,
            gaps: log
                .gaps
                .iter()
                .map(|g| (g.from.0, g.to.0, g.why.to_owned()))
                .collect(),
        }
    }

    /// An event; `raw` is its time in the source's own clock.
    pub fn event(of: Of<'a>, n: u64, event: EventRef<'_>, raw: Timestamp) -> Self {
        let e = event.event;
        Self::Event {
            of,
            n,
            log: e.log,
            time: raw.0,
            place: e.place,
            kind: Cow::Borrowed(e.kind.name()),
            activity: (!e.activity.is_none()).then(|| format!("{:032x}", e.activity.0)),
            origin: event.origin().map(|o| (o.provider.clone(), o.id)),
            recovered: event.is_recovered(),
            values: event
                .fields()
                .map(|(field, value)| (field.name().to_owned(), Exact::from(value)))
                .collect(),
        }
    }
}

/// What a source is called in lines.
pub fn of(source: &SourceEvents) -> Of<'_> {
    let hash = source.sha256.as_deref().unwrap_or_default();
    Of {
        source: Cow::Borrowed(&source.label),
        hash: Cow::Borrowed(hash.get(..16).unwrap_or(hash)),
    }
}
