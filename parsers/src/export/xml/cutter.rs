//! Where a record begins and ends in XML, told from tags alone.

use super::super::{CUT_OFF, Cutter, LONGEST_RECORD, Piece, TOO_LONG};

/// Namespace of records. An element `Event` inside a record's own data is of another one.
const NAMESPACE: &str = "schemas.microsoft.com/win/2004/08/events/event";
/// A tag beyond this is none.
const LONGEST_TAG: usize = 1 << 20;

/// Cuts out `<Event …>…</Event>`. A record that is cut off ends where the next one begins.
pub(super) struct EventCutter {
    /// Of `Event` elements.
    depth: u32,
    record: String,
    /// A tag that is not closed yet, from its `<` on.
    tag: Option<String>,
    quote: Option<char>,
    line: u64,
    record_line: u64,
    tag_line: u64,
    too_long: bool,
}

impl Default for EventCutter {
    fn default() -> Self {
        Self {
            depth: 0,
            record: String::new(),
            tag: None,
            quote: None,
            line: 1,
            record_line: 1,
            tag_line: 1,
            too_long: false,
        }
    }
}

impl Cutter for EventCutter {
    fn push(&mut self, block: &str, sink: &mut dyn FnMut(Piece<'_>)) {
        let mut rest = block;
        while !rest.is_empty() {
            rest = match self.tag.take() {
                Some(tag) => self.inside_tag(tag, rest, sink),
                None => self.between_tags(rest),
            };
        }
    }

    fn end(&mut self, sink: &mut dyn FnMut(Piece<'_>)) {
        if self.depth > 0 {
            self.torn(sink);
        }
    }
}

impl EventCutter {
    fn between_tags<'t>(&mut self, text: &'t str) -> &'t str {
        let at = text.find('<').unwrap_or(text.len());
        let (content, rest) = text.split_at(at);
        self.keep(content);
        self.count_lines(content);
        match rest.strip_prefix('<') {
            Some(after) => {
                self.tag = Some("<".to_owned());
                self.quote = None;
                self.tag_line = self.line;
                after
            }
            None => rest,
        }
    }

    /// Goes on with a tag to its `>`, which may stand inside quotes. A `<` never may, so it begins the next tag.
    fn inside_tag<'t>(
        &mut self,
        mut tag: String,
        text: &'t str,
        sink: &mut dyn FnMut(Piece<'_>),
    ) -> &'t str {
        for (at, c) in text.char_indices() {
            let rest = || text.get(at..).unwrap_or_default();
            match (c, self.quote) {
                ('<', _) => {
                    self.add_to_tag(&mut tag, text.get(..at));
                    self.keep(&tag);
                    return rest();
                }
                ('"' | '\'', None) => self.quote = Some(c),
                (_, Some(quote)) if c == quote => self.quote = None,
                ('>', None) => {
                    let (inside, after) = text.split_at(at + 1);
                    self.add_to_tag(&mut tag, Some(inside));
                    self.close_tag(&tag, sink);
                    return after;
                }
                _ => {}
            }
        }
        self.add_to_tag(&mut tag, Some(text));
        if tag.len() > LONGEST_TAG {
            self.keep(&tag);
            tag.truncate(1);
        }
        self.tag = Some(tag);
        ""
    }

    fn add_to_tag(&mut self, tag: &mut String, text: Option<&str>) {
        let text = text.unwrap_or_default();
        tag.push_str(text);
        self.count_lines(text);
    }

    fn close_tag(&mut self, tag: &str, sink: &mut dyn FnMut(Piece<'_>)) {
        let name = tag
            .trim_start_matches('<')
            .split(|c: char| c.is_whitespace() || c == '>')
            .next();
        match name {
            Some("Event") => {
                if self.depth > 0 && tag.contains(NAMESPACE) {
                    self.torn(sink);
                }
                if self.depth == 0 {
                    self.record_line = self.tag_line;
                }
                self.depth += 1;
                self.keep(tag);
            }
            Some("/Event") if self.depth > 0 => {
                self.keep(tag);
                self.depth -= 1;
                if self.depth == 0 {
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
            }
            _ => self.keep(tag),
        }
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
        self.record.clear();
        self.too_long = false;
    }

    /// Keeps a text that belongs to a record.
    fn keep(&mut self, text: &str) {
        if self.depth == 0 || self.too_long {
            return;
        }
        if self.record.len() + text.len() > LONGEST_RECORD {
            self.record = String::new();
            self.too_long = true;
        } else {
            self.record.push_str(text);
        }
    }

    fn count_lines(&mut self, text: &str) {
        self.line += text.bytes().filter(|b| *b == b'\n').count() as u64;
    }
}
