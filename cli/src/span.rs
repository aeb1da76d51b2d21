//! Times as people type them.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

use crate::args;

/// A span of time; an open end is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Span {
    /// First moment.
    pub since: Option<Timestamp>,
    /// Last moment.
    pub until: Option<Timestamp>,
    /// The zone that was asked for; UTC otherwise.
    pub zone: Option<TimeZone>,
}

/// What is wrong with a time that was typed.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// `--tz`
    #[error("{0:?} is no time zone: expected a name such as Europe/Berlin or UTC")]
    Zone(String),
    /// No offset and no `--tz`
    #[error("{0:?} says no zone: add one (…Z, …+01:00) or name it with --tz")]
    NoZone(String),
    /// Anything else
    #[error("{0:?} is no time: expected 2026-11-21T08:14:03Z, or 2026-11-21 08:14 with --tz")]
    Time(String),
    /// `--window`
    #[error("{0:?} is no duration: expected 90s, 5m or 2h")]
    Window(String),
    /// Ends before it begins
    #[error("the span ends ({until}) before it begins ({since})")]
    Backwards {
        /// First moment.
        since: Timestamp,
        /// Last moment.
        until: Timestamp,
    },
}

/// The zone of this name.
///
/// # Errors
/// When there is none.
pub fn zone(name: &str) -> Result<TimeZone, Error> {
    TimeZone::get(name).map_err(|_| Error::Zone(name.to_owned()))
}

impl Span {
    /// Reads the arguments.
    ///
    /// # Errors
    /// The argument that does not read.
    pub fn of(typed: &args::Span) -> Result<Self, Error> {
        let zone = typed.tz.as_deref().map(zone).transpose()?;
        let moment = |text: &Option<String>| {
            text.as_deref()
                .map(|t| moment(t, zone.as_ref()))
                .transpose()
        };
        let (since, until) = if let Some(middle) = moment(&typed.around)? {
            let window: SignedDuration = typed
                .window
                .trim()
                .parse()
                .map_err(|_| Error::Window(typed.window.clone()))?;
            if window.is_negative() {
                return Err(Error::Window(typed.window.clone()));
            }
            // A window that leaves what times can count has no end there.
            (
                middle.checked_sub(window).ok(),
                middle.checked_add(window).ok(),
            )
        } else {
            (moment(&typed.since)?, moment(&typed.until)?)
        };
        match (since, until) {
            (Some(since), Some(until)) if until < since => Err(Error::Backwards { since, until }),
            _ => Ok(Self { since, until, zone }),
        }
    }
}

/// One time.
///
/// # Errors
/// When it does not read, or says no zone and none is given.
pub fn moment(text: &str, zone: Option<&TimeZone>) -> Result<Timestamp, Error> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let local: DateTime = text
        .parse::<DateTime>()
        .or_else(|_| text.parse::<Date>().map(|d| d.at(0, 0, 0, 0)))
        .map_err(|_| Error::Time(text.to_owned()))?;
    let zone = zone.ok_or_else(|| Error::NoZone(text.to_owned()))?;
    // The hour that a change of clocks repeats is taken as the first of the two, the one it skips as after the change.
    zone.to_ambiguous_timestamp(local)
        .compatible()
        .map_err(|_| Error::Time(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(
        since: Option<&str>,
        around: Option<&str>,
        window: &str,
        tz: Option<&str>,
    ) -> Result<Span, Error> {
        Span::of(&args::Span {
            since: since.map(str::to_owned),
            until: None,
            around: around.map(str::to_owned),
            window: window.to_owned(),
            tz: tz.map(str::to_owned),
        })
    }

    fn since(text: &str, tz: Option<&str>) -> Result<String, Error> {
        span(Some(text), None, "5m", tz).map(|s| s.since.map(|t| t.to_string()).unwrap_or_default())
    }

    #[test]
    fn local_times_need_a_zone() {
        assert_eq!(
            since("2026-11-21T08:14:03.5Z", None).as_deref(),
            Ok("2026-11-21T08:14:03.5Z")
        );
        assert_eq!(
            since("2026-11-21T08:14:03+01:00", Some("UTC")).as_deref(),
            Ok("2026-11-21T07:14:03Z")
        );
        assert_eq!(
            since("2026-11-21 08:14", Some("Europe/Berlin")).as_deref(),
            Ok("2026-11-21T07:14:00Z")
        );
        assert_eq!(
            since("2026-07-21", Some("Europe/Berlin")).as_deref(),
            Ok("2026-07-20T22:00:00Z")
        );
        assert_eq!(
            since("2026-11-21 08:14", None),
            Err(Error::NoZone("2026-11-21 08:14".to_owned()))
        );
        assert_eq!(
            since("yesterday", None),
            Err(Error::Time("yesterday".to_owned()))
        );
        assert_eq!(
            since("2026-11-21", Some("Mars/Olympus")),
            Err(Error::Zone("Mars/Olympus".to_owned()))
        );
    }

    #[test]
    fn around_is_as_wide_as_its_window() {
        let span = span(None, Some("2026-11-21T08:00:00Z"), "90s", None).expect("reads");
        assert_eq!(
            span.since.map(|t| t.to_string()).as_deref(),
            Some("2026-11-21T07:58:30Z")
        );
        assert_eq!(
            span.until.map(|t| t.to_string()).as_deref(),
            Some("2026-11-21T08:01:30Z")
        );
    }
}
