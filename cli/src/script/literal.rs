//! Text as a PowerShell literal: whatever it holds, it stays one string.

use std::fmt::Write as _;

/// `'text'`, or, where it holds more than printable ASCII, `('a' + [char]0x00fc + 'b')`.
///
/// Windows PowerShell reads a file without a byte order mark in the code page of the machine, in which parts of a character
/// can be a quote; and it takes four other characters for an apostrophe. So a script is ASCII from end to end.
pub fn literal(text: &str) -> String {
    let plain = |c: char| c == ' ' || c.is_ascii_graphic();
    if text.chars().all(plain) {
        return quoted(text);
    }
    let mut parts = vec![String::from("''")];
    let mut run = String::new();
    for c in text.chars() {
        if plain(c) {
            run.push(c);
            continue;
        }
        if !run.is_empty() {
            parts.push(quoted(&std::mem::take(&mut run)));
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            parts.push(format!("[char]0x{unit:04x}"));
        }
    }
    if !run.is_empty() {
        parts.push(quoted(&run));
    }
    format!("({})", parts.join(" + "))
}

/// Between apostrophes nothing has a meaning but the apostrophe.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// For a comment: what is not printable ASCII is left out, so that no line ends early.
pub fn comment(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            ' ' => out.push(' '),
            c if c.is_ascii_graphic() => out.push(c),
            c => {
                let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_literal() {
        assert_eq!(literal("SRV1"), "'SRV1'");
        assert_eq!(literal("a'; calc; '"), "'a''; calc; '''");
        assert_eq!(literal("$(calc)`\""), "'$(calc)`\"'");
        assert_eq!(literal("a\u{2019}b"), "('' + 'a' + [char]0x2019 + 'b')");
        assert_eq!(literal("\r\n"), "('' + [char]0x000d + [char]0x000a)");
        assert_eq!(literal("\u{1f600}"), "('' + [char]0xd83d + [char]0xde00)");
        assert_eq!(literal(""), "''");
    }

    #[test]
    fn a_comment_is_one_line_of_ascii() {
        assert_eq!(comment("a\r\nb\u{85}#>"), "a\\u{d}\\u{a}b\\u{85}#>");
    }
}
