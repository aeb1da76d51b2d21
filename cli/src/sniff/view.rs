//! The live view on a terminal: what runs, what failed lately, and how much was seen.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

use rdpwhy_live::Engine;
use rdpwhy_live::line::{Drops, Said, State};
use rdpwhy_parsers::Timestamp;
use rdpwhy_parsers::pcap::UnderWay;
use unicode_width::UnicodeWidthChar as _;

use super::line::Look;

/// How often it is drawn.
const EACH: Duration = Duration::from_millis(250);
/// Failures that are kept to be shown.
const FAILURES: usize = 200;
/// Another screen, without cursor; and back.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";

/// The screen.
pub struct View {
    failures: VecDeque<Said>,
    drawn: Option<Instant>,
    sources: String,
}

impl View {
    /// Begins; the first text switches the terminal to another screen.
    pub fn new(sources: &[String]) -> Self {
        Self {
            failures: VecDeque::new(),
            drawn: None,
            sources: sources.join(", "),
        }
    }

    /// Takes note of a line.
    pub fn said(&mut self, said: &Said) {
        self.failures.retain(|f| f.attempt.id != said.attempt.id);
        if said.state.is_bad() || said.state == State::Waiting {
            self.failures.push_front(said.clone());
            self.failures.truncate(FAILURES);
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
            text.push_str(&cut(&line, columns));
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
        let (states, _) = engine.counts();
        let count = |state| states.get(&state).copied().unwrap_or(0);
        let mut head = format!(
            "rdpwhy  {}  {} packets  {} failed  {} lost  {} fine",
            self.sources,
            engine.packets(),
            count(State::Failed),
            count(State::Dropped),
            count(State::Ok) + count(State::Open),
        );
        let dropped: u64 = drops
            .iter()
            .map(|d| d.dropped + d.dropped_by_interface)
            .sum();
        if dropped > 0 {
            let _ = write!(head, "  {dropped} PACKETS DROPPED");
        }
        let mut lines = vec![head, String::new()];
        let now = engine.now().unwrap_or(Timestamp(0));
        let running = engine.under_way();
        lines.push(format!("Under way: {}", running.len()));
        // Half the screen for each part; the newest first.
        let room = (most.saturating_sub(4) / 2).max(3);
        for u in running.iter().rev().take(room) {
            lines.push(under_way(u, now));
        }
        if running.len() > room {
            lines.push(format!("  and {} more", running.len() - room));
        }
        lines.push(String::new());
        let mut day = None;
        for said in &self.failures {
            if lines.len() + 2 > most {
                break;
            }
            lines.extend(look.said(said, &mut day).lines().map(str::to_owned));
        }
        lines.truncate(most);
        lines
    }
}

fn under_way(u: &UnderWay, now: Timestamp) -> String {
    let age = now.since(u.opened).max(0) / 1_000_000_000;
    let quiet = now.since(u.last).max(0) / 1_000_000_000;
    let quiet = if quiet >= 5 {
        format!("  quiet for {quiet} s")
    } else {
        String::new()
    };
    format!(
        "  {:<45} {:<13} {:>6} s{quiet}",
        format!("{} -> {}", u.client, u.server),
        u.stage,
        age
    )
}

/// As much of a line as fits; escapes take no room.
fn cut(line: &str, columns: usize) -> String {
    let (mut shown, mut escape, mut out) = (0, false, String::with_capacity(line.len()));
    for c in line.chars() {
        if c == '\x1b' {
            escape = true;
        }
        if escape {
            escape = c != 'm';
            out.push(c);
            continue;
        }
        shown += c.width().unwrap_or(0);
        if shown > columns {
            out.push_str("\x1b[0m");
            break;
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_at_the_screens_edge() {
        assert_eq!(cut("abcdef", 3), "abc\x1b[0m");
        assert_eq!(cut("\x1b[31mab\x1b[0m", 2), "\x1b[31mab\x1b[0m");
    }
}
