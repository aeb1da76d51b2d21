//! Rows for people.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthStr as _;

use crate::render::safe::{Charset, safe};

/// Characters of a cell that are shown.
const WIDEST: usize = 60;

/// One value on one line, visible and short.
pub fn cell(text: &str) -> String {
    let text = safe(text, usize::MAX, Charset::Unicode);
    if text.chars().count() <= WIDEST {
        return text;
    }
    text.chars().take(WIDEST - 1).chain(['…']).collect()
}

/// A table with a heading; numbers stand to the right.
pub fn text(columns: &[&str], numbers: &[bool], rows: &[Vec<Option<String>>]) -> String {
    let mut lines: Vec<Vec<String>> = vec![columns.iter().map(|c| cell(c)).collect()];
    let shown = |c: &Option<String>| c.as_deref().map(cell).unwrap_or_default();
    lines.extend(rows.iter().map(|row| row.iter().map(shown).collect()));
    let widths: Vec<usize> = (0..columns.len())
        .map(|n| {
            let cells = lines.iter().filter_map(|l| l.get(n));
            cells.map(|c| c.width()).max().unwrap_or(0)
        })
        .collect();
    let rule = widths.iter().map(|w| "─".repeat(*w)).collect();
    lines.insert(1, rule);
    let mut text = String::new();
    for line in &lines {
        let mut row = String::new();
        for ((cell, width), right) in line.iter().zip(&widths).zip(numbers) {
            if !row.is_empty() {
                row.push_str("  ");
            }
            let space = " ".repeat(width.saturating_sub(cell.width()));
            if *right {
                row.push_str(&space);
                row.push_str(cell);
            } else {
                row.push_str(cell);
                row.push_str(&space);
            }
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
    let plural = if rows.len() == 1 { "row" } else { "rows" };
    let _ = writeln!(text, "{} {plural}", rows.len());
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_cells_stay_in_their_place() {
        let rows = [
            vec![Some("\x1b[2Jgone\nnew".to_owned()), Some("7".to_owned())],
            vec![None, Some("1234".to_owned())],
        ];
        assert_eq!(
            text(&["name", "n"], &[false, true], &rows),
            "name                 n\n\
             ────────────────  ────\n\
             \\x1b[2Jgone\\nnew     7\n\
             \x20                 1234\n\
             2 rows\n"
        );
    }

    #[test]
    fn long_cells_are_cut() {
        assert_eq!(cell(&"x".repeat(1000)).chars().count(), WIDEST);
    }
}
