//! The one gate between evidence and the terminal.
//!
//! Whoever can reach port 3389 writes texts into the evidence: user names, host names, cookies. Unfiltered they could
//! move the cursor, recolour or rename things, or hide in what looks empty. Behind this gate a text is a single line of
//! visible characters.

use std::fmt::Write as _;

use unicode_width::UnicodeWidthChar;

/// Characters of a text that holds one value or one sentence; what is longer is cut.
pub const SENTENCE: usize = 400;
/// Characters of a paragraph.
pub const PARAGRAPH: usize = 4000;
/// Marks on one letter. Written languages need up to three; stacks of them overwrite the lines around.
const MAX_MARKS: usize = 3;

/// Characters the terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// All of Unicode.
    Unicode,
    /// Code points up to 126.
    Ascii,
}

/// The text with everything invisible, moving or reordering written out as `\x1b` or `\u{202e}`, cut at `limit`.
pub fn safe(text: &str, limit: usize, charset: Charset) -> String {
    let mut out = String::with_capacity(text.len());
    let mut marks = 0;
    for (n, c) in text.chars().enumerate() {
        if n >= limit {
            let more = text.chars().count() - limit;
            let dots = if charset == Charset::Ascii {
                "..."
            } else {
                "…"
            };
            let _ = write!(out, "{dots} ({more} more characters)");
            break;
        }
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if is_hidden(c) || marks > MAX_MARKS {
            escape(c, &mut out);
        } else if c.is_ascii() || charset == Charset::Unicode {
            out.push(c);
        } else if let Some(plain) = plain(c) {
            out.push_str(plain);
        } else {
            escape(c, &mut out);
        }
    }
    out
}

fn escape(c: char, out: &mut String) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        _ => {
            let number = u32::from(c);
            let _ = if number < 0x80 {
                write!(out, "\\x{number:02x}")
            } else {
                write!(out, "\\u{{{number:x}}}")
            };
        }
    }
}

/// A mark that stands on the letter before it.
fn is_mark(c: char) -> bool {
    !is_hidden(c) && c.width() == Some(0)
}

/// Whether the character shows as nothing, or changes how others show.
pub(super) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' // soft hyphen
            | '\u{34f}' // combining grapheme joiner
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // bidi
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
            | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{feff}' // zero width
            | '\u{2028}' | '\u{2029}' // line and paragraph separators
            | '\u{2800}' // blank Braille
            | '\u{fe00}'..='\u{fe0f}' // variation selectors
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' // private use: whatever the font says
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}' // tags and more variation selectors
        )
        // Spaces that are none: a name must not be told apart by their width.
        || (c.is_whitespace() && c != ' ')
}

/// How this project's own texts look without Unicode.
fn plain(c: char) -> Option<&'static str> {
    Some(match c {
        '✓' => "+",
        '✗' | '×' => "x",
        '·' | '–' | '—' | '−' | '•' => "-",
        '→' => "->",
        '←' => "<-",
        '…' => "...",
        '‘' | '’' => "'",
        '“' | '”' => "\"",
        '≥' => ">=",
        '≤' => "<=",
        '±' => "+-",
        'ä' => "ae",
        'ö' => "oe",
        'ü' => "ue",
        'é' | 'è' => "e",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unicode(text: &str) -> String {
        safe(text, SENTENCE, Charset::Unicode)
    }

    #[test]
    fn what_moves_or_hides_is_written_out() {
        assert_eq!(unicode("a\x1b[2Jb"), "a\\x1b[2Jb");
        assert_eq!(unicode("ana\u{202e}nimda"), "ana\\u{202e}nimda");
        assert_eq!(unicode("ad\u{200b}min\r\n"), "ad\\u{200b}min\\r\\n");
        assert_eq!(unicode("\u{9b}31m\u{7f}"), "\\u{9b}31m\\x7f");
        assert_eq!(unicode("a\u{a0}b\u{e0041}"), "a\\u{a0}b\\u{e0041}");
    }

    #[test]
    fn languages_stay_readable_and_stacks_do_not() {
        assert_eq!(unicode("Zoë शर्मा 田中 Ünal"), "Zoë शर्मा 田中 Ünal");
        let stack = format!("a{}", "\u{301}".repeat(5));
        assert_eq!(
            unicode(&stack),
            format!("a{}\\u{{301}}\\u{{301}}", "\u{301}".repeat(3))
        );
    }

    #[test]
    fn without_unicode_everything_is_ascii() {
        let text = safe("10.0.0.1 → RDS · 田", SENTENCE, Charset::Ascii);
        assert_eq!(text, "10.0.0.1 -> RDS - \\u{7530}");
    }

    #[test]
    fn long_texts_are_cut() {
        let text = safe(&"x".repeat(1000), 10, Charset::Unicode);
        assert_eq!(text, "xxxxxxxxxx… (990 more characters)");
    }

    #[test]
    fn every_character_comes_out_visible() {
        for c in (0..=0x0010_ffff).filter_map(char::from_u32) {
            let out = safe(&c.to_string(), SENTENCE, Charset::Unicode);
            assert!(!out.chars().any(is_hidden), "{:x}", c as u32);
            assert!(safe(&c.to_string(), SENTENCE, Charset::Ascii).is_ascii());
        }
    }
}
