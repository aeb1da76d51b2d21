//! Where an object begins and ends, told from brackets and quotes alone.

use super::super::{CUT_OFF, Cutter, LONGEST_RECORD, Piece, TOO_LONG};

/// Cuts out every outermost `{…}`; arrays around them, commas and `evtx_dump`'s lines between them do not matter.
///
/// A line break inside a string is none of JSON, and `{` at the beginning of a line never stands inside an object: indented
/// output indents it. Both mean that a record was cut off, and that the next line is worth reading.
pub(super) struct ObjectCutter {
    depth: u32,
    string: InString,
    record: String,
    too_long: bool,
    line: u64,
    record_line: u64,
    at_line_start: bool,
    /// What stands in this line outside of objects.
    between: String,
}

/// Where in a string a character stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InString {
    No,
    Yes,
    /// Behind a backslash.
    Escaped,
}

/// As much of a line between objects as is needed to tell what it is.
const BETWEEN: usize = 32;

impl Default for ObjectCutter {
    fn default() -> Self {
        Self {
            depth: 0,
            string: InString::No,
            record: String::new(),
            too_long: false,
            line: 1,
            record_line: 1,
            at_line_start: true,
            between: String::new(),
        }
    }
}

impl Cutter for ObjectCutter {
    fn push(&mut self, block: &str, sink: &mut dyn FnMut(Piece<'_>)) {
        let mut start = 0;
        for (at, byte) in block.bytes().enumerate() {
            let at_line_start = std::mem::replace(&mut self.at_line_start, byte == b'\n');
            if self.depth == 0 {
                match byte {
                    b'{' => {
                        self.begin();
                        start = at;
                    }
                    _ => self.outside(byte, sink),
                }
            } else if self.string != InString::No {
                match byte {
                    b'\n' => {
                        self.torn(sink);
                        self.line += 1;
                    }
                    _ if self.string == InString::Escaped => self.string = InString::Yes,
                    b'\\' => self.string = InString::Escaped,
                    b'"' => self.string = InString::No,
                    _ => {}
                }
            } else {
                match byte {
                    b'"' => self.string = InString::Yes,
                    b'{' if at_line_start => {
                        self.torn(sink);
                        self.begin();
                        start = at;
                    }
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => {
                        self.depth -= 1;
                        if self.depth == 0 {
                            self.keep(block.get(start..=at));
                            self.done(sink);
                        }
                    }
                    b'\n' => self.line += 1,
                    _ => {}
                }
            }
        }
        if self.depth > 0 {
            self.keep(block.get(start..));
        }
    }

    fn end(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        if self.depth > 0 {
            self.torn(sink);
        }
        self.line_between(sink);
    }
}

impl ObjectCutter {
    fn begin(&mut self) {
        self.depth = 1;
        self.record_line = self.line;
        self.between.clear();
    }

    fn outside(&mut self, byte: u8, sink: &mut dyn FnMut(Piece<'_>)) {
        match byte {
            b'\n' => {
                self.line_between(sink);
                self.line += 1;
            }
            b' ' | b'\t' | b'\r' | b',' | b'[' | b']' if self.between.is_empty() => {}
            b',' | b']' => {}
            _ if self.between.len() < BETWEEN => self.between.push(char::from(byte)),
            _ => {}
        }
    }

    /// `Record 17` is how `evtx_dump` announces the next one.
    fn line_between(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        if !self.between.trim().is_empty() && !self.between.starts_with("Record ") {
            sink(Piece::Problem {
                line: self.line,
                what: "a line is no JSON object",
                lost: 1,
            });
        }
        self.between.clear();
    }

    fn keep(&mut self, text: Option<&str>) {
        let text = text.unwrap_or_default();
        if self.too_long || self.record.len() + text.len() > LONGEST_RECORD {
            self.record = String::new();
            self.too_long = true;
        } else {
            self.record.push_str(text);
        }
    }

    fn done(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        let line = self.record_line;
        sink(if self.too_long {
            Piece::Problem {
                line,
                what: TOO_LONG,
                lost: 1,
            }
        } else {
            Piece::Record {
                line,
                text: &self.record,
            }
        });
        self.forget();
    }

    fn torn(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        sink(Piece::Problem {
            line: self.record_line,
            what: if self.too_long { TOO_LONG } else { CUT_OFF },
            lost: 1,
        });
        self.forget();
    }

    fn forget(&mut self) {
        self.depth = 0;
        self.string = InString::No;
        self.record.clear();
        self.too_long = false;
    }
}
