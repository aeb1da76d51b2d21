//! How large the type of a sheet may be, so that it is one page and leaves room for notes.
//!
//! Nothing here can print, so lines are counted: the smaller side of both papers, the widest of the fonts that the style
//! names. What this says is held against a browser by the suite, for every cause.

use rdpwhy_analyzer::report::VerdictReport;

use super::Step;

/// Class and size in points, as in `checklist.css`. The last one is taken when none fits.
const SIZES: [(&str, f64); 6] = [
    ("sheet", 11.0),
    ("sheet t10", 10.0),
    ("sheet t9", 9.2),
    ("sheet t8", 8.4),
    ("sheet t7", 7.6),
    ("sheet t6", 6.9),
];
/// Points in a millimetre.
const POINT: f64 = 72.0 / 25.4;
/// Between the margins: A4 is 210 mm wide, Letter 279 mm high.
const WIDTH: f64 = 186.0 * POINT;
const HEIGHT: f64 = 250.0 * POINT;
/// Room that stays for notes.
const NOTES: f64 = 22.0 * POINT;
/// Of the type's size: how wide a character is on average, in prose and in commands; how high a line.
const PROSE: f64 = 0.56;
const CODE: f64 = 0.61;
const LINE: f64 = 1.35;
/// Cells are written somewhat smaller.
const CELL: f64 = 0.88;
/// Shares of the width: step, who. What is left is shared by what is expected and what to do if not.
const STEP: f64 = 0.42;
const WHO: f64 = 0.15;

/// The class of a verdict's sheet.
pub fn class(v: &VerdictReport, steps: &[Step]) -> &'static str {
    let fits = |size: f64| height(v, steps, size) <= HEIGHT - NOTES;
    SIZES
        .iter()
        .find(|(_, size)| fits(*size))
        .or(SIZES.last())
        .map_or("sheet", |(class, _)| class)
}

fn height(v: &VerdictReport, steps: &[Step], size: f64) -> f64 {
    let cell = size * CELL;
    let tick = 4.2 * cell;
    let padding = cell;
    let rest = (WIDTH * (1.0 - STEP - WHO) - tick) / 2.0;
    let prose = |text: &str, width: f64| lines(text, (width - padding) / (cell * PROSE));
    let mut who = "";
    let table: f64 = steps
        .iter()
        .map(|s| {
            let command = s.command.as_deref().unwrap_or_default();
            let code = (WIDTH * STEP - padding) / (cell * 0.92 * CODE);
            let step = prose(&s.what, WIDTH * STEP)
                + command.lines().map(|l| lines(l, code)).sum::<f64>()
                + if s.what.is_empty() { 0.0 } else { 0.25 };
            let by = if s.who == who { "″" } else { s.who.as_str() };
            who = &s.who;
            let others = [
                prose(&s.expect, rest),
                prose(&s.otherwise, rest),
                prose(by, WIDTH * WHO),
            ];
            others.into_iter().fold(step, f64::max) * cell * LINE + 0.7 * cell
        })
        .sum();
    // Heading, what it is about (two lines), the table's head, the footer.
    let title = lines(&v.title, WIDTH / (size * 1.45 * 0.62)) * size * 1.45 * 1.25;
    title + size * (2.0 * LINE + 1.0 + 2.0 + 1.5) + table
}

/// Lines that a text takes where so many characters fit in one; words that go to the next line leave room behind.
#[allow(clippy::cast_precision_loss, reason = "a few hundred characters")]
fn lines(text: &str, columns: f64) -> f64 {
    let n = text.chars().count() as f64;
    if n <= columns {
        return if text.is_empty() { 0.0 } else { 1.0 };
    }
    (n / (columns - 2.5).max(1.0)).ceil()
}
