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
pub(crate) mod text;
mod xml;

use crate::batch::EventBatch;
use crate::event::Sink;
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
    run(source, form, zone, None)
}

/// Reads a whole export as [`read`] does and tells its events while they come. What is left are the logs, the defects and the
/// counts; gaps are not complete, since they are told by events, too.
pub fn stream(
    source: &dyn ReadAt,
    form: Form,
    zone: Option<LocalTime<'_>>,
    tell: Sink<'_>,
) -> EventBatch {
    run(source, form, zone, Some(tell))
}

fn run(
    source: &dyn ReadAt,
    form: Form,
    zone: Option<LocalTime<'_>>,
    tell: Option<Sink<'_>>,
) -> EventBatch {
    let mut reading = Reading {
        batch: EventBatch::default(),
        tally: Tally::default(),
        tell,
    };
    let mut text = Text::new(source);
    match form {
        Form::Xml => xml::read(&mut text, &mut reading),
        Form::Json => json::read(&mut text, &mut reading),
        Form::Csv => csv::read(&mut text, zone, &mut reading),
    }
    reading.hand_over();
    text.report(&mut reading.batch);
    reading.tally.report(&mut reading.batch);
    crate::continuity::finish(&mut reading.batch);
    reading.batch
}

/// Events that are kept before they are told.
const AT_ONCE: usize = 1024;

/// What reading has given so far.
struct Reading<'a> {
    batch: EventBatch,
    tally: Tally,
    /// Who hears the events; they stay in the batch where nobody does.
    tell: Option<Sink<'a>>,
}

impl Reading<'_> {
    fn hand_over(&mut self) {
        if let Some(tell) = &mut self.tell {
            self.batch.iter().for_each(tell);
            self.batch.forget_events();
        }
    }

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
        if self.batch.events.len() >= AT_ONCE {
            self.hand_over();
        }
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
