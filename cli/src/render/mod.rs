//! The report for people and for programs.
//!
//! Every text goes through [`safe::safe`], on the [`page::Page`] or in the Markdown: evidence has no other way out but JSON's
//! escapes.

pub(crate) mod account;
mod attempts;
pub(crate) mod evidence;
pub mod explain;
pub(crate) mod head;
pub mod json;
pub mod knowledge;
pub(crate) mod ladder;
#[cfg(test)]
pub(crate) mod looks;
pub(crate) mod markdown;
pub(crate) mod names;
mod notes;
pub mod page;
mod reasoning;
mod remedy;
pub mod safe;
mod tail;
pub(crate) mod verdict;
pub(crate) mod when;

use jiff::tz::TimeZone;
use rdpwhy_analyzer::report::Report;

use names::Names;
use page::Page;
use safe::Charset;
use when::Clock;

/// How the text is laid out.
#[derive(Debug, Clone)]
pub struct Style {
    /// Columns.
    pub width: usize,
    /// Whether colours are written.
    pub colour: bool,
    /// Characters that can be shown.
    pub charset: Charset,
    /// Whether what is folded otherwise is shown.
    pub all: bool,
    /// Zone of the times; UTC by default.
    pub zone: Option<TimeZone>,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            width: 100,
            colour: false,
            charset: Charset::Unicode,
            all: false,
            zone: None,
        }
    }
}

/// Narrower than this, lines of a single word would follow each other.
pub(crate) const MIN_WIDTH: usize = 60;
/// Wider than this, lines are hard to read on.
pub(crate) const MAX_WIDTH: usize = 120;

/// What every part of the text needs.
pub(crate) struct Context<'a> {
    pub report: &'a Report,
    pub style: &'a Style,
    pub names: Names,
    pub clock: Clock,
}

impl<'a> Context<'a> {
    pub fn of(report: &'a Report, style: &'a Style) -> Self {
        let names = Names::of(&report.sources);
        let clock = Clock::new(style.zone.clone());
        Self {
            report,
            style,
            names,
            clock,
        }
    }

    /// How many of `n` things are shown when `few` are without `--all`.
    fn shown(&self, n: usize, few: usize) -> usize {
        if self.style.all { n } else { n.min(few) }
    }
}

/// The report as text.
pub fn text(report: &Report, style: &Style) -> String {
    let width = style.width.clamp(MIN_WIDTH, MAX_WIDTH);
    let mut page = Page::new(width, style.colour, style.charset);
    let context = Context::of(report, style);
    head::head(&mut page, &context);
    verdict::verdicts(&mut page, &context);
    reasoning::reasoning(&mut page, &context);
    tail::tail(&mut page, &context);
    if style.all {
        attempts::attempts(&mut page, &context);
    }
    notes::notes(&mut page, &context);
    page.finish()
}

/// The report as Markdown.
pub fn markdown(report: &Report, style: &Style) -> String {
    markdown::markdown(&Context::of(report, style))
}

/// Facts with ` · ` between them; lines break between facts only.
pub(crate) fn facts(facts: &[String]) -> Vec<page::Run> {
    let last = facts.len().saturating_sub(1);
    let dots = |n: usize| if n < last { " ·" } else { "" };
    let space = |n: usize| if n > 0 { " " } else { "" };
    facts
        .iter()
        .enumerate()
        .map(|(n, f)| page::faint(format!("{}{f}{}", space(n), dots(n))).whole())
        .collect()
}

/// `1 client`, `2 clients`, `1,904 clients`.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// `1,904`.
pub(crate) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `612 MiB`.
#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or_default();
    if unit == 0 || value >= 10.0 {
        format!("{value:.0} {name}")
    } else {
        format!("{value:.1} {name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(
            [0, 999, 1904, 1_234_567].map(number),
            ["0", "999", "1,904", "1,234,567"]
        );
        assert_eq!(
            [0, 999, 1024, 69_632, 641_728_512].map(size),
            ["0 bytes", "999 bytes", "1.0 KiB", "68 KiB", "612 MiB"]
        );
        assert_eq!(count(1, "try", "tries"), "1 try");
    }
}
