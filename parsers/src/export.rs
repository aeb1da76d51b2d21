//! Event logs as people export them: XML, JSON and CSV of the tools around.
//!
//! Every form ends in the same [`RawRecord`] as a record of an `.evtx` file. What a form leaves out
//! is missing and said, never guessed:
//!
//! ```text
//! bytes → text (UTF-8, UTF-16) → one record's text → the shape of evtx_dump's JSON → RawRecord → event
//! ```
//!
//! Files are read in blocks and cut into records without looking at more than one of them, so their size does not matter;
//! a "record" beyond [`LONGEST_RECORD`] is none.

mod csv;
mod hayabusa;
mod json;
mod layout;
mod recognise;
mod tally;
mod text;
mod xml;

use crate::batch::EventBatch;
use crate::raw::{RawRecord, to_event};
use crate::read_at::ReadAt;
use crate::time::Timestamp;

pub use recognise::{HEAD, looks_like};
use tally::Tally;
use text::Text;

/// A record takes 64 KiB in an event log. Escaped, indented and with the rendered message beside it, it stays far below
/// this; what is longer is a file without the ends of its records, and must not end up in memory.
pub const LONGEST_RECORD: usize = 16 << 20;

/// What the records are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `wevtutil qe`, Event Viewer's "Save as XML", `evtx_dump`.
    Xml,
    /// PowerShell, `evtx_dump`, Velociraptor, Winlogbeat, EvtxECmd, Hayabusa.
    Json,
    /// EvtxECmd, Hayabusa, Event Viewer, PowerShell.
    Csv,
}

impl Form {
    /// The name in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Xml => "evtx-xml",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}

/// The moment of a local time, which is given as if it were UTC. `None` when the zone does not have it.
pub type LocalTime<'a> = &'a (dyn Fn(Timestamp) -> Option<Timestamp> + Sync);

/// Reads a whole export. `zone`: of times without one, which Event Viewer's CSV has; without it they are taken as UTC, and
/// a defect says so.
pub fn read(source: &dyn ReadAt, form: Form, zone: Option<LocalTime<'_>>) -> EventBatch {
    let mut reading = Reading {
        batch: EventBatch::default(),
        tally: Tally::default(),
    };
    let mut text = Text::new(source);
    match form {
        Form::Xml => xml::read(&mut text, &mut reading),
        Form::Json => json::read(&mut text, &mut reading),
        Form::Csv => csv::read(&mut text, zone, &mut reading),
    }
    text.report(&mut reading.batch);
    reading.tally.report(&mut reading.batch);
    crate::continuity::finish(&mut reading.batch);
    reading.batch
}

/// What reading has given so far.
struct Reading {
    batch: EventBatch,
    tally: Tally,
}

impl Reading {
    /// Takes over a record in the shape of `evtx_dump`'s JSON; `false` when it does not say what it is.
    fn record(&mut self, record: &serde_json::Value) -> bool {
        let Some(raw) = RawRecord::from_json(record) else {
            return false;
        };
        self.raw(&raw);
        true
    }

    fn raw(&mut self, raw: &RawRecord<'_>) {
        to_event(raw, &mut self.batch);
    }
}

/// One record's text, or what stands in its place.
enum Piece<'a> {
    /// A record that began in this line.
    Record {
        /// 1-based.
        line: u64,
        /// From its first to its last character.
        text: &'a str,
    },
    /// Something that is no record.
    Problem {
        /// 1-based.
        line: u64,
        /// What, lower case.
        what: &'static str,
        /// Records that are lost by it.
        lost: u64,
    },
}

/// Cuts a text that comes in blocks into records.
trait Cutter {
    /// Takes the next block of the text.
    fn push(&mut self, block: &str, sink: &mut dyn FnMut(Piece<'_>));
    /// Hears that there are no more.
    fn end(&mut self, sink: &mut dyn FnMut(Piece<'_>));
}

/// Runs a text through a cutter.
fn cut(text: &mut Text<'_>, cutter: &mut dyn Cutter, sink: &mut dyn FnMut(Piece<'_>)) {
    let mut block = String::new();
    while text.next(&mut block) {
        cutter.push(&block, sink);
        block.clear();
    }
    cutter.end(sink);
}

const CUT_OFF: &str = "a record is cut off";
const TOO_LONG: &str = "a record of more than 16 MiB is left out";
