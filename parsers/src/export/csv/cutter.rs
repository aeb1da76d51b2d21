//! Rows and cells (RFC 4180): cells with line breaks, delimiters or quotes stand in quotes, quotes inside are doubled.

use super::super::{CUT_OFF, Cutter, Piece};

/// A cell holds a message or a payload of at most 64 KiB; a row that does not end is a quote that was not closed.
const LONGEST_ROW: usize = 1 << 20;

/// Cuts at line breaks outside of quotes.
pub(super) struct RowCutter {
    row: String,
    quoted: bool,
    /// Skipping to the end of the line after a row without end.
    lost: bool,
    line: u64,
    row_line: u64,
}

impl Default for RowCutter {
    fn default() -> Self {
        Self {
            row: String::new(),
            quoted: false,
            lost: false,
            line: 1,
            row_line: 1,
        }
    }
}

impl Cutter for RowCutter {
    fn push(&mut self, block: &str, sink: &mut dyn FnMut(Piece<'_>)) {
        let mut start = 0;
        for (at, byte) in block.bytes().enumerate() {
            match byte {
                b'"' => self.quoted = !self.quoted,
                b'\n' => {
                    self.line += 1;
                    if !self.quoted || self.lost {
                        self.keep(block.get(start..at), sink);
                        self.done(sink);
                        start = at + 1;
                    }
                }
                _ => {}
            }
        }
        self.keep(block.get(start..), sink);
    }

    fn end(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        if self.quoted && !self.lost {
            let line = self.row_line;
            sink(Piece::Problem {
                line,
                what: CUT_OFF,
                lost: 1,
            });
        } else if !self.row.is_empty() {
            self.done(sink);
        }
    }
}

impl RowCutter {
    fn keep(&mut self, text: Option<&str>, sink: &mut dyn FnMut(Piece<'_>)) {
        let text = text.unwrap_or_default();
        if self.lost {
            return;
        }
        if self.row.len() + text.len() <= LONGEST_ROW {
            self.row.push_str(text);
            return;
        }
        self.lost = true;
        self.row = String::new();
        sink(Piece::Problem {
            line: self.row_line,
            what: "a row of more than 1 MiB is left out: a quote is not closed",
            lost: 1,
        });
    }

    fn done(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        if !self.lost {
            let text = self.row.strip_suffix('\r').unwrap_or(&self.row);
            sink(Piece::Record {
                line: self.row_line,
                text,
            });
        }
        self.row.clear();
        self.quoted = false;
        self.lost = false;
        self.row_line = self.line;
    }
}

/// The cells of a row, without their quotes.
pub(super) fn cells(row: &str, delimiter: char) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = row.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                push(&mut cells, '"');
            }
            '"' => quoted = !quoted,
            c if c == delimiter && !quoted => cells.push(String::new()),
            c => push(&mut cells, c),
        }
    }
    cells
}

fn push(cells: &mut [String], c: char) {
    if let Some(cell) = cells.last_mut() {
        cell.push(c);
    }
}
