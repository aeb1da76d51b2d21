//! Rows of EvtxECmd, Hayabusa, PowerShell's `Export-Csv` and Event Viewer.
//!
//! The first two name their columns in English everywhere and keep record numbers and UTC. The last two write local times
//! without a zone, and Event Viewer translates its header and leaves out host, record number and values: its columns are
//! told by what stands in them, and nothing is read from its translated texts.

mod columns;
mod cutter;
mod local;

use super::text::Text;
use super::{LocalTime, Piece, Reading, cut, hayabusa, json};
use crate::event::Guid;
use crate::raw::RawRecord;
use crate::time::Timestamp;
use columns::{Columns, Tool};
use cutter::{RowCutter, cells};
use local::LocalRows;

pub(super) use columns::looks_like;

pub(super) fn read(text: &mut Text<'_>, zone: Option<LocalTime<'_>>, reading: &mut Reading<'_>) {
    let mut table = Table {
        columns: None,
        hits: hayabusa::Hits::default(),
        local: LocalRows::new(zone),
        refused: false,
    };
    cut(text, &mut RowCutter::default(), &mut |piece| match piece {
        Piece::Problem { line, what, lost } => reading.tally.problem(line, what, lost),
        Piece::Record { line, text } => table.row(line, text, reading),
    });
    table.hits.report(reading);
    table.local.finish(reading);
}

struct Table<'a> {
    columns: Option<Columns>,
    hits: hayabusa::Hits,
    local: LocalRows<'a>,
    /// The header told nothing that can be used.
    refused: bool,
}

impl Table<'_> {
    fn row(&mut self, line: u64, text: &str, reading: &mut Reading<'_>) {
        // Windows PowerShell says the type of the objects first.
        if self.refused || text.trim().is_empty() || text.starts_with("#TYPE ") {
            return;
        }
        let Some(columns) = &self.columns else {
            self.columns = Columns::of(text);
            if self.columns.is_none() {
                self.refused = true;
                reading
                    .tally
                    .problem(line, "the columns are not those of a tool that is known", 0);
            }
            return;
        };
        let row = Row {
            columns,
            cells: cells(text, columns.delimiter),
        };
        if row.cells.len() < columns.least {
            let what = "a row has fewer cells than the header names";
            return reading.tally.problem(line, what, 1);
        }
        match columns.tool {
            Tool::EvtxECmd => row.evtxecmd(line, reading),
            Tool::Hayabusa => match row.hit() {
                Some(hit) => self.hits.take(&hit, line, reading),
                None => reading.tally.problem(line, "a row has no event id", 1),
            },
            Tool::PowerShell | Tool::EventViewer => match row.local() {
                Some(record) => self.local.take(line, record, reading),
                None => reading
                    .tally
                    .problem(line, "a row has no event id or no time", 1),
            },
        }
    }
}

/// A row under its header.
struct Row<'a> {
    columns: &'a Columns,
    cells: Vec<String>,
}

impl Row<'_> {
    fn get(&self, name: &str) -> &str {
        let at = self.columns.position(name);
        at.and_then(|i| self.cells.get(i))
            .map(|c| c.trim())
            .unwrap_or_default()
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name).parse().ok()
    }

    fn evtxecmd(&self, line: u64, reading: &mut Reading<'_>) {
        let (Some(id), Some(time)) = (
            self.number::<u32>("EventId"),
            Timestamp::parse(self.get("TimeCreated")),
        ) else {
            return reading
                .tally
                .problem(line, "a row has no event id or no time", 1);
        };
        let payload = json::payload(self.get("Payload"));
        if payload.is_none() {
            let what = "a payload is no JSON: only who, when and what is used";
            reading.tally.problem(line, what, 0);
        }
        let record = serde_json::json!({"Event": payload.unwrap_or_default()});
        let mut raw = RawRecord {
            provider: self.get("Provider").into(),
            id,
            channel: self.get("Channel").into(),
            computer: self.get("Computer").into(),
            record: self.number("EventRecordId").unwrap_or_default(),
            activity: Guid::parse(self.get("ActivityId")).unwrap_or_default(),
            process_id: self.number("ProcessId").unwrap_or_default(),
            time,
            ..RawRecord::default()
        };
        raw.payload(&record);
        reading.raw(&raw);
    }

    fn hit(&self) -> Option<hayabusa::Hit> {
        let parts = ["AllFieldInfo", "Details", "ExtraFieldInfo"];
        Some(hayabusa::Hit {
            time: self.get("Timestamp").to_owned(),
            computer: self.get("Computer").to_owned(),
            channel: self.get("Channel").to_owned(),
            provider: self.get("Provider").to_owned(),
            id: self.number("EventID")?,
            record: self.number("RecordID").unwrap_or_default(),
            values: parts
                .iter()
                .flat_map(|part| hayabusa::values(self.get(part)))
                .collect(),
        })
    }

    fn local(&self) -> Option<local::Record> {
        Some(local::Record {
            time: local::WrittenTime::parse(self.get("TimeCreated"))?,
            provider: self.get("ProviderName").to_owned(),
            id: self.number("Id")?,
            channel: self.get("LogName").to_owned(),
            computer: self.get("MachineName").to_owned(),
            number: self.number("RecordId"),
            activity: Guid::parse(self.get("ActivityId")).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests;
