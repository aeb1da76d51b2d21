//! Lines of a given width out of inked texts.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::safe::{Charset, PARAGRAPH, SENTENCE, safe};

/// What a text is, which decides its colour. Never the only sign of it: words or marks say the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// Running text.
    Plain,
    /// Headings, labels.
    Strong,
    /// Places and numbers to look up later.
    Faint,
    /// Works.
    Good,
    /// Broken.
    Bad,
    /// Cannot be told.
    Unsure,
}

impl Ink {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Strong => Style::new().bold(),
            Self::Faint => Style::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Unsure => AnsiColor::Yellow.on_default().bold(),
        }
    }
}

/// A piece of text in one ink.
#[derive(Debug, Clone)]
pub struct Run {
    text: String,
    ink: Ink,
    limit: usize,
    whole: bool,
}

impl Run {
    /// A value or a sentence.
    pub fn new(ink: Ink, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ink,
            limit: SENTENCE,
            whole: false,
        }
    }

    /// The text as it came.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A paragraph; line breaks in it are those of the file it was written in.
    pub fn paragraph(text: &str) -> Self {
        let text = text
            .split(['\n', '\r'])
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ");
        Self {
            text: text.trim().to_owned(),
            ink: Ink::Plain,
            limit: PARAGRAPH,
            whole: false,
        }
    }

    /// The same, long as a paragraph may be: a command that is cut cannot be pasted.
    #[must_use]
    pub fn of_any_length(self) -> Self {
        Self {
            limit: PARAGRAPH,
            ..self
        }
    }

    /// The same, not broken at its spaces as long as it fits on a line. A space at its front still breaks.
    #[must_use]
    pub fn whole(self) -> Self {
        Self {
            whole: true,
            ..self
        }
    }
}

impl Run {
    /// The same with spaces behind it up to `columns`. For labels of this program, which are ASCII.
    #[must_use]
    pub fn padded(&self, columns: usize) -> Self {
        Self {
            text: format!("{:<columns$}", self.text),
            ..self.clone()
        }
    }
}

/// Plain text.
pub fn plain(text: impl Into<String>) -> Run {
    Run::new(Ink::Plain, text)
}

/// Text to look up later.
pub fn faint(text: impl Into<String>) -> Run {
    Run::new(Ink::Faint, text)
}

/// Text that catches the eye.
pub fn strong(text: impl Into<String>) -> Run {
    Run::new(Ink::Strong, text)
}

/// Text under construction: every character on it has passed [`safe`].
pub struct Page {
    width: usize,
    colour: bool,
    charset: Charset,
    out: String,
}

impl Page {
    /// An empty page of `width` columns.
    pub fn new(width: usize, colour: bool, charset: Charset) -> Self {
        Self {
            width,
            colour,
            charset,
            out: String::new(),
        }
    }

    /// Columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// All that was written.
    pub fn finish(self) -> String {
        self.out
    }

    /// An empty line, unless there is one already or nothing stands above.
    pub fn gap(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Writes `lead` padded to column `hang`, then `body`, broken at spaces so that it fits; what goes on stands below
    /// itself at column `hang`. A word that fits nowhere (a path, say) sticks out rather than being torn.
    pub fn flow(&mut self, hang: usize, lead: &[Run], body: &[Run]) {
        let mut line = Line::default();
        for run in lead {
            line.add(run.ink, &self.safe(run));
        }
        line.pad_to(hang);
        for (n, word) in self.words(body).iter().enumerate() {
            if n > 0 && line.columns + word.gap.len() + word.columns > self.width {
                self.end(&mut line);
                line.pad_to(hang);
            } else if n > 0 {
                line.add(word.gap_ink, &word.gap);
            }
            for (ink, piece) in &word.pieces {
                line.add(*ink, piece);
            }
        }
        self.end(&mut line);
    }

    /// Writes `left`, and `right` at the line's end. When both do not fit, only `left`; says whether both did.
    pub fn ends(&mut self, hang: usize, left: &[Run], right: &Run) -> bool {
        let width = |run: &Run| self.safe(run).width();
        let need = left.iter().map(width).sum::<usize>() + 2 + width(right);
        if need > self.width {
            self.flow(
                hang,
                left.get(..1).unwrap_or_default(),
                left.get(1..).unwrap_or_default(),
            );
            return false;
        }
        let mut line = Line::default();
        for run in left {
            line.add(run.ink, &self.safe(run));
        }
        line.pad_to(self.width - width(right));
        line.add(right.ink, &self.safe(right));
        self.end(&mut line);
        true
    }

    /// Writes a line as it is, however long: what is to be pasted must not be broken.
    pub fn verbatim(&mut self, indent: usize, lead: &Run, text: &Run) {
        let mut line = Line::default();
        line.pad_to(indent);
        line.add(lead.ink, &self.safe(lead));
        line.add(text.ink, &self.safe(text));
        self.end(&mut line);
    }

    /// Splits at spaces. A word may go on in the next run: `0x904` in one ink and the comma behind it in another.
    fn words(&self, body: &[Run]) -> Vec<Word> {
        let mut words = vec![Word::default()];
        for run in body {
            let text = self.safe(run);
            let fits = run.whole && text.width() <= self.width * 2 / 3;
            let spaces = if fits {
                text.len() - text.trim_start_matches(' ').len()
            } else {
                text.len()
            };
            for (n, piece) in text.splitn(spaces.saturating_add(1), ' ').enumerate() {
                let open = words.last_mut().filter(|w| w.pieces.is_empty() || n == 0);
                match open {
                    // One more space in a row, or the first text after it.
                    Some(word) if n > 0 => {
                        word.gap.push(' ');
                        word.gap_ink = run.ink;
                        word.add(run.ink, piece);
                    }
                    Some(word) => word.add(run.ink, piece),
                    None => {
                        let mut word = Word {
                            gap: " ".to_owned(),
                            gap_ink: run.ink,
                            ..Word::default()
                        };
                        word.add(run.ink, piece);
                        words.push(word);
                    }
                }
            }
        }
        words.retain(|w| !w.pieces.is_empty());
        words
    }

    fn safe(&self, run: &Run) -> String {
        safe(&run.text, run.limit, self.charset)
    }

    fn end(&mut self, line: &mut Line) {
        let line = std::mem::take(line);
        let mut text = String::new();
        for (ink, piece) in &line.pieces {
            let style = ink.style();
            if self.colour && *ink != Ink::Plain && !piece.trim().is_empty() {
                let _ = write!(text, "{style}{piece}{style:#}");
            } else {
                text.push_str(piece);
            }
        }
        self.out.push_str(text.trim_end());
        self.out.push('\n');
    }
}

/// What is not broken, and the space before it.
struct Word {
    gap: String,
    gap_ink: Ink,
    pieces: Vec<(Ink, String)>,
    columns: usize,
}

impl Default for Word {
    fn default() -> Self {
        Self {
            gap: String::new(),
            gap_ink: Ink::Plain,
            pieces: Vec::new(),
            columns: 0,
        }
    }
}

impl Word {
    fn add(&mut self, ink: Ink, text: &str) {
        if !text.is_empty() {
            self.columns += text.width();
            self.pieces.push((ink, text.to_owned()));
        }
    }
}

/// One line under construction.
#[derive(Default)]
struct Line {
    pieces: Vec<(Ink, String)>,
    columns: usize,
}

impl Line {
    fn add(&mut self, ink: Ink, text: &str) {
        self.columns += text.width();
        match self.pieces.last_mut() {
            Some((last, piece)) if *last == ink => piece.push_str(text),
            _ => self.pieces.push((ink, text.to_owned())),
        }
    }

    fn pad_to(&mut self, column: usize) {
        if self.columns < column {
            self.add(Ink::Plain, &" ".repeat(column - self.columns));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_spaces_and_hang() {
        let mut page = Page::new(20, false, Charset::Unicode);
        page.flow(
            6,
            &[strong("Why")],
            &[plain("one two three, "), faint("four five")],
        );
        assert_eq!(page.finish(), "Why   one two three,\n      four five\n");
    }

    #[test]
    fn runs_without_a_space_between_stay_together() {
        let mut page = Page::new(12, false, Charset::Unicode);
        page.flow(
            0,
            &[],
            &[
                plain("aaaa bbbb"),
                faint("cccc"),
                plain(", d "),
                plain(" e"),
            ],
        );
        assert_eq!(page.finish(), "aaaa\nbbbbcccc, d\ne\n");
    }

    #[test]
    fn colour_ends_where_it_began() {
        let mut page = Page::new(40, true, Charset::Unicode);
        page.flow(0, &[Run::new(Ink::Bad, "x")], &[plain(" y")]);
        assert_eq!(page.finish(), "\u{1b}[1m\u{1b}[31mx\u{1b}[0my\n");
    }

    #[test]
    fn the_right_end_is_left_out_when_there_is_no_room() {
        let mut page = Page::new(20, false, Charset::Unicode);
        page.ends(2, &[plain("x "), plain("short")], &plain("certain"));
        page.ends(
            2,
            &[plain("x "), plain("a title that is longer")],
            &plain("certain"),
        );
        assert_eq!(
            page.finish(),
            "x short      certain\nx a title that is\n  longer\n"
        );
    }

    #[test]
    fn a_word_that_fits_nowhere_sticks_out() {
        let mut page = Page::new(10, false, Charset::Unicode);
        page.flow(2, &[], &[plain("a case-114/SRV01/System.evtx b")]);
        assert_eq!(page.finish(), "  a\n  case-114/SRV01/System.evtx\n  b\n");
    }
}
