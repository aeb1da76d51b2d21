//! The tables' columns. They are called as the fields of `rdpwhy timeline --format jsonl` and of the report where they mean
//! the same. Types are those that every reader of Parquet knows: moments are microseconds in UTC, numbers are signed.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};

/// Rises when a column changes its name or meaning, or goes; not when one is added.
pub const VERSION: u32 = 1;
/// The column by whose values the files of a table are put into folders: a day in UTC. It stands in no file.
pub const DATE: &str = "date";

/// A table of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Events, and what sources told beside them.
    Event,
    /// Connections and tries.
    Attempt,
    /// Verdicts.
    Verdict,
}

impl Table {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Event, Self::Attempt, Self::Verdict];

    /// Its name, and that of its folder.
    pub fn name(self) -> &'static str {
        match self {
            Self::Event => "event",
            Self::Attempt => "attempt",
            Self::Verdict => "verdict",
        }
    }

    /// Its columns, as they stand in files.
    pub fn schema(self) -> SchemaRef {
        let mut fields = vec![
            text("unit", false),
            text("input", false),
            text("server", true),
            text("client", true),
            moment("time"),
        ];
        fields.extend(match self {
            Self::Event => event(),
            Self::Attempt => attempt(),
            Self::Verdict => verdict(),
        });
        Arc::new(Schema::new(fields))
    }
}

/// What sources have a date by which they have no event: none of their records has a time.
pub const UNDATED: &str = "1970-01-01";

fn text(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Utf8, nullable)
}

fn number(name: &str, nullable: bool) -> Field {
    Field::new(name, DataType::Int64, nullable)
}

fn moment(name: &str) -> Field {
    Field::new(name, moment_type(), true)
}

/// Microseconds in UTC.
pub fn moment_type() -> DataType {
    DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
}

/// A map, named inside as Parquet wants it.
fn map(name: &str, value: DataType) -> Field {
    let entry = DataType::Struct(
        vec![
            Field::new("key", DataType::Utf8, false),
            Field::new("value", value, true),
        ]
        .into(),
    );
    let entries = Arc::new(Field::new("key_value", entry, false));
    Field::new(name, DataType::Map(entries, false), false)
}

fn event() -> Vec<Field> {
    vec![
        // event, source, log, defect: see `Line`.
        text("row", false),
        moment("source_time"),
        text("host", true),
        text("channel", true),
        text("provider", true),
        number("event_id", true),
        text("kind", true),
        text("side", true),
        text("stage", true),
        text("says", true),
        map("values", DataType::Utf8),
        text("source", false),
        number("record", true),
        number("packet", true),
        text("attempt", true),
        Field::new("recovered", DataType::Boolean, false),
        text("event", false),
    ]
}

fn attempt() -> Vec<Field> {
    vec![
        text("id", false),
        text("part_of", true),
        number("count", false),
        text("client_ip", true),
        number("client_port", true),
        text("client_host", true),
        text("server_ip", true),
        number("server_port", true),
        text("server_host", true),
        text("user", true),
        moment("started"),
        moment("ended"),
        text("outcome", false),
        text("stage", false),
        text("closed_by", false),
        text("closed_how", false),
        map("codes", DataType::Int64),
        text("verdict", true),
        text("cause", true),
    ]
}

fn verdict() -> Vec<Field> {
    let mut fields = vec![
        text("id", false),
        text("severity", false),
        text("cause", true),
        text("title", false),
        text("confidence", true),
        text("host", true),
        moment("first"),
        moment("last"),
        number("attempts", false),
        number("tries", false),
        number("clients", false),
        text("summary", false),
        text("remedy", true),
        moment("last_good"),
    ];
    fields.push(changes());
    // The verdict as it stands in the report, whole.
    fields.push(text("json", false));
    fields
}

/// What happened on the host before a verdict, nearest first.
fn changes() -> Field {
    let item = DataType::Struct(change_fields().into());
    let list = DataType::List(Arc::new(Field::new("element", item, false)));
    Field::new("changes", list, false)
}

/// Of one change.
pub fn change_fields() -> Vec<Field> {
    vec![moment("time"), text("event", true), text("says", false)]
}
