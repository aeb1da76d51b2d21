//! Whose table it is, told from its header, and Event Viewer's from what stands below it.

use super::cutter::cells;
use super::local::WrittenTime;

/// Who wrote the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    EvtxECmd,
    Hayabusa,
    PowerShell,
    EventViewer,
}

/// A header.
#[derive(Debug)]
pub(super) struct Columns {
    pub tool: Tool,
    pub delimiter: char,
    /// Cells that every row has.
    pub least: usize,
    names: Vec<String>,
}

/// Columns that tell a tool.
const TOOLS: [(Tool, &[&str]); 3] = [
    (
        Tool::EvtxECmd,
        &["EventRecordId", "TimeCreated", "EventId", "Provider"],
    ),
    (
        Tool::Hayabusa,
        &["Timestamp", "Channel", "EventID", "RuleTitle"],
    ),
    (Tool::PowerShell, &["Id", "ProviderName", "TimeCreated"]),
];

/// What Event Viewer's columns are called here; its own names are translated. Behind them stands the message.
const EVENT_VIEWER: [&str; 5] = ["Level", "TimeCreated", "ProviderName", "Id", "Task"];

const DELIMITERS: [char; 3] = [',', ';', '\t'];

impl Columns {
    /// Reads a header row.
    pub fn of(header: &str) -> Option<Self> {
        for delimiter in DELIMITERS {
            let names: Vec<String> = cells(header, delimiter)
                .iter()
                .map(|n| n.trim().to_owned())
                .collect();
            let found = TOOLS
                .iter()
                .find(|(_, wanted)| wanted.iter().all(|w| names.iter().any(|n| n == w)));
            if let Some((tool, wanted)) = found {
                return Some(Self {
                    tool: *tool,
                    delimiter,
                    least: wanted.len().max(names.len().min(4)),
                    names,
                });
            }
        }
        DELIMITERS.into_iter().find_map(|delimiter| {
            (viewer_header(&cells(header, delimiter))).then(|| Self {
                tool: Tool::EventViewer,
                delimiter,
                least: 4,
                names: EVENT_VIEWER.iter().map(|n| (*n).to_owned()).collect(),
            })
        })
    }

    /// Where the column of this name is.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|n| n == name)
    }
}

/// Five or six words in whatever language; numbers would be a row.
fn viewer_header(names: &[String]) -> bool {
    let word = |n: &String| {
        n.chars().any(char::is_alphabetic) && !n.contains(|c: char| c.is_ascii_digit())
    };
    matches!(names.len(), 5 | 6) && names.iter().take(5).all(word)
}

/// Whether a table that begins so is one of these.
pub(in super::super) fn looks_like(head: &str) -> bool {
    let mut lines = head.lines().filter(|l| !l.starts_with("#TYPE "));
    let Some(columns) = lines.next().and_then(Columns::of) else {
        return false;
    };
    if columns.tool != Tool::EventViewer {
        return true;
    }
    // Its header is not known by its words, so the first row decides: level, local time, source, event id.
    let Some(row) = lines.next() else {
        return false;
    };
    let row = cells(row, columns.delimiter);
    let cell = |i: usize| row.get(i).map(|c| c.trim()).unwrap_or_default();
    WrittenTime::parse(cell(1)).is_some()
        && !cell(2).is_empty()
        && cell(3).parse::<u16>().is_ok()
        && row.len() >= 5
}
