//! What a user saw, as it is typed: `--code 0x904/0x7 --at 2026-11-21T08:14Z`.

use rdpwhy_analyzer::Told;
use rdpwhy_parsers::code;
use thiserror::Error;

use crate::args::{Only, Seen};
use crate::asked::moment;
use crate::span::{self, Span};

/// What is wrong with it.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// `--code`
    #[error("--code {0:?} is no code: expected 0x904/0x7, 0x904 or 2308")]
    Code(String),
    /// `--at`
    #[error("--at: {0}")]
    At(#[from] span::Error),
}

/// The user's words, if there are any.
///
/// # Errors
/// The argument that does not read.
pub fn told(seen: &Seen, only: &Only, span: &Span) -> Result<Option<Told>, Error> {
    let (Some(typed), Some(at)) = (&seen.code, &seen.at) else {
        return Ok(None);
    };
    let wrong = || Error::Code(typed.clone());
    let (reason, extended) = match typed.split_once('/') {
        Some((reason, extended)) => (reason, Some(extended)),
        None => (typed.as_str(), None),
    };
    let extended = extended.map(|e| number("extended-reason", e).ok_or_else(wrong));
    Ok(Some(Told {
        reason: number("disconnect-reason", reason).ok_or_else(wrong)?,
        extended: extended.transpose()?,
        at: moment(span::moment(at, span.zone.as_ref())?),
        client: only.client.clone(),
        server: only.server.clone(),
        user: only.user.clone(),
    }))
}

/// The dialog shows hexadecimal numbers, logs decimal ones, and people leave the `0x` out: digits alone are read as the
/// spelling that names a known code.
fn number(registry: &str, text: &str) -> Option<u32> {
    let text = text.trim();
    let hex = |digits: &str| u32::from_str_radix(digits, 16).ok();
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return hex(digits);
    }
    let known = |value: &u32| code(registry, *value).is_some();
    let decimal: Option<u32> = text.parse().ok();
    decimal
        .filter(known)
        .or_else(|| hex(text).filter(known))
        .or(decimal)
}

#[cfg(test)]
mod tests {
    use super::number;

    #[test]
    fn codes_as_people_type_them() {
        for typed in ["0x904", "904", "2308", " 0X904 "] {
            assert_eq!(number("disconnect-reason", typed), Some(0x904), "{typed}");
        }
        assert_eq!(number("disconnect-reason", "0xZZ"), None);
        assert_eq!(number("disconnect-reason", "nine"), None);
    }
}
