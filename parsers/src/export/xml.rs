//! `<Event>` elements, with or without a root around them: `wevtutil qe /f:xml` writes none, Event Viewer writes
//! `<Events>`, and `evtx_dump` puts a line and an XML declaration before each.

mod cutter;
mod tree;

use super::text::Text;
use super::{Piece, Reading, cut};
use cutter::EventCutter;

pub(super) fn read(text: &mut Text<'_>, reading: &mut Reading<'_>) {
    cut(
        text,
        &mut EventCutter::default(),
        &mut |piece| match piece {
            Piece::Problem { line, what, lost } => reading.tally.problem(line, what, lost),
            Piece::Record { line, text } => match tree::record(text) {
                Ok(record) => {
                    if !reading.record(&record) {
                        reading
                            .tally
                            .problem(line, "a record has no provider or no event id", 1);
                    }
                }
                Err(what) => {
                    reading
                        .tally
                        .problem(line, format!("a record cannot be read: {what}"), 1);
                }
            },
        },
    );
}

#[cfg(test)]
mod tests;
