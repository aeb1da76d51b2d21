//! Rows of CSV that a spreadsheet shows and does not run.

use crate::render::safe::{Charset, PARAGRAPH, safe};

/// Appends a row.
pub fn row<'c>(cells: impl IntoIterator<Item = &'c str>, to: &mut String) {
    for (n, text) in cells.into_iter().enumerate() {
        if n > 0 {
            to.push(',');
        }
        cell(text, to);
    }
    to.push_str("\r\n");
}

/// Whoever can reach port 3389 chooses user and host names, and a spreadsheet takes a cell that begins with one of these
/// for a formula. The apostrophe tells it that the cell is text.
fn cell(text: &str, to: &mut String) {
    let mut text = safe(text, PARAGRAPH, Charset::Unicode);
    let formula =
        text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    if formula {
        text.insert(0, '\'');
    }
    if text.contains([',', '"', '\n', '\r', ';', '\t']) {
        to.push('"');
        to.push_str(&text.replace('"', "\"\""));
        to.push('"');
    } else {
        to.push_str(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(cells: &[&str]) -> String {
        let mut out = String::new();
        row(cells.iter().copied(), &mut out);
        out
    }

    #[test]
    fn formulas_become_text() {
        assert_eq!(
            written(&["=cmd|' /C calc'!A0", "+1", "-5", "-x", "@SUM(A1)", "\t=1"]),
            "'=cmd|' /C calc'!A0,+1,-5,'-x,'@SUM(A1),\\t=1\r\n"
        );
    }

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        assert_eq!(
            written(&["a,b", "say \"x\"", "", "\x1b[2J"]),
            "\"a,b\",\"say \"\"x\"\"\",,\\x1b[2J\r\n"
        );
    }
}
