//! The live view on a terminal: what runs, what failed lately, and how much was seen.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use rdpwhy_analyzer::assemble;
use rdpwhy_live::Engine;
use rdpwhy_live::line::{Drops, Said, State};
use rdpwhy_parsers::Timestamp;
use rdpwhy_parsers::pcap::UnderWay;
use unicode_width::UnicodeWidthChar as _;

use super::line::{Look, Tone};
use crate::render::safe::{SENTENCE, safe};
use crate::render::when::duration;

/// How often it is drawn.
const EACH: Duration = Duration::from_millis(250);
/// Connections that ended and are kept to be shown: more than a screen has room for.
const ENDED: usize = 200;
const SECOND: i64 = 1_000_000_000;
/// A connection that says nothing for so many seconds is worth a word.
const QUIET: i64 = 5;
/// Another screen, without cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// The screen.
pub struct View {
    /// Newest first.
    ended: VecDeque<Said>,
    drawn: Option<Instant>,
    sources: String,
}

impl View {
    /// Begins; the first text switches the terminal to another screen.
    pub fn new(sources: &[String]) -> Self {
        Self {
            ended: VecDeque::new(),
            drawn: None,
            sources: match sources {
                [one] if one == "-" => "standard input".to_owned(),
                all => all.join(", "),
            },
        }
    }

    /// Takes note of a line.
    pub fn said(&mut self, said: &Said) {
        self.ended.retain(|f| f.attempt.id != said.attempt.id);
        if said.state.is_bad() || said.state == State::Waiting {
            // Newest first; what is revised keeps its place.
            let newer = |s: &Said| s.attempt.ended > said.attempt.ended;
            let at = self.ended.iter().take_while(|s| newer(s)).count();
            self.ended.insert(at, said.clone());
            self.ended.truncate(ENDED);
        }
    }

    /// The screen's new text, if it is time for one. `size`: columns and lines of the terminal.
    pub fn draw(
        &mut self,
        engine: &Engine,
        drops: &[Drops],
        look: &Look,
        size: (usize, usize),
    ) -> Option<String> {
        let first = self.drawn.is_none();
        if self.drawn.is_some_and(|at| at.elapsed() < EACH) {
            return None;
        }
        self.drawn = Some(Instant::now());
        let (columns, lines) = size;
        let mut text = String::new();
        if first {
            text.push_str(ENTER);
        }
        text.push_str("\x1b[H");
        for line in self.lines(engine, drops, look, lines.saturating_sub(1)) {
            text.push_str(&cut(&line, columns, look.or("…", ">")));
            text.push_str("\x1b[K\r\n");
        }
        text.push_str("\x1b[J");
        Some(text)
    }

    /// What brings the terminal back.
    pub fn leave(&self) -> &'static str {
        if self.drawn.is_some() { LEAVE } else { "" }
    }

    fn lines(&self, engine: &Engine, drops: &[Drops], look: &Look, most: usize) -> Vec<String> {
        let mut lines = self.head(engine, drops, look);
        let now = engine.now().unwrap_or(Timestamp(0));
        let running = engine.under_way();
        lines.push(String::new());
        lines.push(look.tone(Tone::Strong, &format!("Under way  {}", running.len())));
        // What failed has the better half of the screen.
        let room = (most.saturating_sub(lines.len() + 3) * 2 / 5).max(3);
        let shown = if running.len() > room {
            room - 1
        } else {
            running.len()
        };
        let newest: Vec<&UnderWay> = running.iter().rev().take(shown).collect();
        lines.extend(under_way(&newest, now, look));
        if running.len() > shown {
            let more = format!("  and {} older", running.len() - shown);
            lines.push(look.tone(Tone::Faint, &more));
        }
        lines.push(String::new());
        lines.push(look.tone(Tone::Strong, "Failed, or closed before logon"));
        if self.ended.is_empty() {
            lines.push(look.tone(Tone::Faint, "  nothing yet"));
        }
        let mut day = engine
            .now()
            .and_then(|now| look.clock.day(&assemble::second(now)));
        for said in &self.ended {
            let card = look.card(said, &mut day);
            if lines.len() + card.len() + 2 > most {
                break;
            }
            lines.extend(card.iter().map(|l| format!("  {l}")));
        }
        lines.truncate(most.saturating_sub(1));
        while lines.len() + 1 < most {
            lines.push(String::new());
        }
        lines.push(look.tone(Tone::Faint, "Ctrl-C ends it and sums up"));
        lines
    }

    /// Where from, when, and how many.
    fn head(&self, engine: &Engine, drops: &[Drops], look: &Look) -> Vec<String> {
        let dot = look.or(" · ", ", ");
        let mut head = look.tone(Tone::Strong, "rdpwhy sniff");
        let _ = write!(head, "  {}", safe(&self.sources, SENTENCE, look.charset));
        if let Some(now) = engine.now() {
            let _ = write!(head, "{dot}{}", look.clock.moment(&assemble::second(now)));
        }
        let _ = write!(head, "{dot}{} packets", engine.packets());
        let dropped: u64 = drops
            .iter()
            .map(|d| d.dropped + d.dropped_by_interface)
            .sum();
        if dropped > 0 {
            let lost = format!("{dropped} not seen: --buffer gives more room");
            let _ = write!(head, "{dot}{}", look.tone(Tone::Bad, &lost));
        }
        let (states, _) = engine.counts();
        let count = |state| states.get(&state).copied().unwrap_or(0);
        let counts = [
            (count(State::Failed), "failed", Tone::Bad),
            (count(State::Dropped), "lost", Tone::Bad),
            (count(State::Ok) + count(State::Open), "fine", Tone::Fine),
            (count(State::Waiting), "waiting for a retry", Tone::Plain),
            (count(State::Cancelled), "given up on purpose", Tone::Plain),
        ];
        let counts = counts.map(|(n, word, tone)| {
            let tone = if n > 0 { tone } else { Tone::Faint };
            look.tone(tone, &format!("{n} {word}"))
        });
        vec![head, counts.join(dot)]
    }
}

/// A line each; the columns are as wide as they have to be.
fn under_way(all: &[&UnderWay], now: Timestamp, look: &Look) -> Vec<String> {
    let arrow = look.or("→", "->");
    let ends: Vec<String> = all
        .iter()
        .map(|u| format!("{} {arrow} {}", u.client, u.server))
        .collect();
    let widest = |texts: &mut dyn Iterator<Item = usize>| texts.max().unwrap_or(0);
    let width = widest(&mut ends.iter().map(|e| e.chars().count()));
    let stage = widest(&mut all.iter().map(|u| u.stage.len()));
    let line = |(u, ends): (&&UnderWay, &String)| {
        let quiet = now.since(u.last).max(0) / SECOND;
        let quiet = if quiet >= QUIET {
            look.tone(Tone::Faint, &format!("  quiet for {}", span(quiet)))
        } else {
            String::new()
        };
        let age = span(now.since(u.opened).max(0) / SECOND);
        format!("  {ends:<width$}  {:<stage$}  {age:>6}{quiet}", u.stage)
    };
    all.iter().zip(&ends).map(line).collect()
}

/// `7 s`, `3 min 7 s`, `2 h 3 min`.
fn span(seconds: i64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "no run lasts 2^50 seconds")]
    let ms = seconds as f64 * 1000.0;
    if seconds < 10 {
        return format!("{seconds} s");
    }
    duration(ms)
}

/// As much of a line as fits, with a sign where something was left away; escapes take no room.
fn cut(line: &str, columns: usize, sign: &str) -> String {
    let width = |c: char| c.width().unwrap_or(0);
    let (mut shown, mut escape) = (0, false);
    let mut out = String::with_capacity(line.len());
    // Where the line would end if the sign has to follow.
    let mut fits = 0;
    for c in line.chars() {
        escape |= c == '\x1b';
        if escape {
            escape = c != 'm';
            out.push(c);
            continue;
        }
        shown += width(c);
        if shown > columns {
            out.truncate(fits);
            out.push_str(sign);
            out.push_str("\x1b[0m");
            break;
        }
        out.push(c);
        if shown < columns {
            fits = out.len();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short_and_plain() {
        assert_eq!([7, 45, 187].map(span), ["7 s", "45 s", "3 min 7 s"]);
    }

    #[test]
    fn lines_are_cut_at_the_screens_edge() {
        assert_eq!(cut("abcdef", 3, "…"), "ab…\x1b[0m");
        assert_eq!(cut("\x1b[31mab\x1b[0m", 2, "…"), "\x1b[31mab\x1b[0m");
        assert_eq!(cut("\x1b[31mabc\x1b[0m", 2, ">"), "\x1b[31ma>\x1b[0m");
        assert_eq!(cut("a日本", 4, "…"), "a日…\x1b[0m");
    }
}
