//! What the process stands in: terminal, locale, environment. Asked once, so that everything else is a function of its
//! arguments.

use std::io::IsTerminal as _;

use anstream::{AutoStream, ColorChoice};

use crate::args::Color;
use crate::render::Style;
use crate::render::safe::Charset;

/// Columns when the output is no terminal.
const WIDTH: usize = 100;

/// Terminal and locale.
#[derive(Debug, Clone)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about the process"
)]
pub struct Surroundings {
    /// Columns of standard output.
    pub width: usize,
    /// Its rows, where it is a terminal.
    pub rows: Option<usize>,
    /// Whether `--color auto` means colours.
    pub colour: bool,
    /// Characters that the locale can show.
    pub charset: Charset,
    /// Whether standard error is a terminal that can show progress.
    pub progress: bool,
    /// Whether standard output is a terminal.
    pub terminal: bool,
    /// Whether this is the whole process, so that Ctrl-C is ours to hear.
    pub process: bool,
}

impl Default for Surroundings {
    /// A pipe in a UTF-8 locale.
    fn default() -> Self {
        Self {
            width: WIDTH,
            rows: None,
            colour: false,
            charset: Charset::Unicode,
            progress: false,
            terminal: false,
            process: false,
        }
    }
}

impl Surroundings {
    /// Those of this process.
    pub fn of_this_process() -> Self {
        let stdout = std::io::stdout();
        let width = if stdout.is_terminal() {
            terminal_size::terminal_size_of(&stdout)
        } else {
            None
        };
        Self {
            width: width.map_or(WIDTH, |(columns, _)| usize::from(columns.0)),
            rows: width.map(|(_, rows)| usize::from(rows.0)),
            // Knows NO_COLOR, CLICOLOR, CLICOLOR_FORCE and dumb terminals.
            colour: !matches!(AutoStream::choice(&stdout), ColorChoice::Never),
            charset: charset(|name| std::env::var(name).ok()),
            progress: std::io::stderr().is_terminal(),
            terminal: stdout.is_terminal(),
            process: true,
        }
    }

    /// How a text is laid out here; a file gets neither the terminal's width nor its colours unless they are asked for.
    pub(crate) fn style(&self, color: Color, to_file: bool) -> Style {
        let usual = Style::default();
        Style {
            width: if to_file { usual.width } else { self.width },
            colour: match color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => self.colour && !to_file,
            },
            charset: self.charset,
            ..usual
        }
    }
}

/// The first of these that is set decides, as in the C library. With none set, which is usual in containers and on
/// Windows, terminals nevertheless understand UTF-8.
fn charset(variable: impl Fn(&str) -> Option<String>) -> Charset {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .find_map(|n| variable(n).filter(|v| !v.is_empty()));
    match locale.map(|l| l.to_ascii_lowercase()) {
        Some(l) if !l.contains("utf-8") && !l.contains("utf8") => Charset::Ascii,
        _ => Charset::Unicode,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locale_decides_the_characters() {
        let with = |lc_all: &'static str, lang: &'static str| {
            charset(move |name| match name {
                "LC_ALL" => Some(lc_all.to_owned()),
                "LANG" => Some(lang.to_owned()),
                _ => None,
            })
        };
        assert_eq!(with("", "en_US.UTF-8"), Charset::Unicode);
        assert_eq!(with("C", "en_US.UTF-8"), Charset::Ascii);
        assert_eq!(with("", "C.utf8"), Charset::Unicode);
        assert_eq!(with("", "de_DE@euro"), Charset::Ascii);
        assert_eq!(with("", ""), Charset::Unicode);
    }
}
