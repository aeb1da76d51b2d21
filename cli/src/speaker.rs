//! What a command says beside its result, and how it ends without one.

use std::fmt::Display;
use std::io::Write;
use std::path::Path;

use crate::input::Problem;
use crate::render::safe::{PARAGRAPH, safe};
use crate::{Surroundings, USAGE};

/// Why there is no result.
pub(crate) struct Stop {
    pub what: String,
    pub status: u8,
}

impl Stop {
    pub fn usage(what: impl Display) -> Self {
        Self {
            what: what.to_string(),
            status: USAGE,
        }
    }
}

pub(crate) fn cannot_write(path: &Path, error: &std::io::Error) -> Stop {
    Stop::usage(format!("{}: cannot be written: {error}", path.display()))
}

/// Standard error, which hears everything but the result.
pub(crate) struct Speaker<'a> {
    pub err: &'a mut dyn Write,
    pub surroundings: &'a Surroundings,
}

impl Speaker<'_> {
    /// The exit status of a command that ended so; says why there is no result.
    pub fn end(&mut self, ended: Result<u8, Stop>) -> u8 {
        ended.unwrap_or_else(|stop| {
            self.error(stop.what);
            stop.status
        })
    }

    pub fn error(&mut self, what: impl Display) {
        // A folder of cause files may have a mistake in each.
        for line in what.to_string().lines() {
            self.line(&format!("rdpwhy: {line}"));
        }
    }

    pub fn warning(&mut self, problem: &Problem) {
        self.line(&format!("rdpwhy: {}: {}", problem.path, problem.what));
        if let Some(advice) = &problem.advice {
            self.line(&format!("        {advice}"));
        }
    }

    /// Nobody is there to be told when standard error cannot be written.
    pub fn line(&mut self, text: &str) {
        let text = safe(text, PARAGRAPH, self.surroundings.charset);
        let _ = writeln!(self.err, "{text}");
    }
}
