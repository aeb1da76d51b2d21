//! Moments as the whole project counts them: nanoseconds since 1970 in UTC.

use std::fmt;
use std::ops::Range;

/// Seconds between the Windows epoch (1601-01-01) and the Unix epoch.
const WINDOWS_EPOCH_SECONDS: i64 = 11_644_473_600;

/// A moment in nanoseconds since the Unix epoch, UTC. Covers 1677 to 2262, which is more than any log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From a FILETIME: 100 ns ticks since 1601. `None` when it lies outside what nanoseconds can count.
    pub fn from_filetime(ticks: u64) -> Option<Self> {
        let ticks = i64::try_from(ticks).ok()?;
        let unix_ticks = ticks.checked_sub(WINDOWS_EPOCH_SECONDS.checked_mul(10_000_000)?)?;
        unix_ticks.checked_mul(100).map(Self)
    }

    /// From whole seconds and nanoseconds since the Unix epoch, saturating.
    pub fn from_unix(seconds: i64, nanoseconds: u32) -> Self {
        Self(
            seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(i64::from(nanoseconds)),
        )
    }

    /// Reads `2026-11-19T08:12:33.4567891Z`, as records carry it; a fraction of any length, `Z` or `+hh:mm`, `T` or a space.
    /// Without a zone it is UTC: Windows writes records in UTC whatever it shows on screen. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let number = |range: Range<usize>| text.get(range)?.parse::<i64>().ok();
        let mark =
            |at: usize, marks: &[u8]| text.as_bytes().get(at).is_some_and(|b| marks.contains(b));
        if !(mark(4, b"-") && mark(7, b"-") && mark(10, b"T ") && mark(13, b":") && mark(16, b":"))
        {
            return None;
        }
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
        let plausible = (1..=12).contains(&month) && (1..=31).contains(&day) && year >= 1600;
        if !plausible
            || !(0..24).contains(&hour)
            || !(0..60).contains(&minute)
            || !(0..=60).contains(&second)
        {
            return None;
        }
        let rest = text.get(19..)?;
        let (fraction, zone) = match rest.strip_prefix('.') {
            Some(r) => r.split_at(r.find(|c: char| !c.is_ascii_digit()).unwrap_or(r.len())),
            None => ("", rest),
        };
        let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
        let nanoseconds = digits.fold(0, |n, d| n * 10 + i64::from(d - b'0'));
        let seconds =
            days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
        (seconds - seconds_east(zone)?)
            .checked_mul(1_000_000_000)?
            .checked_add(nanoseconds)
            .map(Self)
    }

    /// This moment moved by `nanoseconds`, saturating.
    #[must_use]
    pub fn plus(self, nanoseconds: i64) -> Self {
        Self(self.0.saturating_add(nanoseconds))
    }

    /// Nanoseconds from `earlier` to this moment, negative when it lies before.
    pub fn since(self, earlier: Self) -> i64 {
        // Damaged evidence has moments of any century; the other sign of the result must exist.
        self.0.saturating_sub(earlier.0).max(-i64::MAX)
    }
}

impl fmt::Display for Timestamp {
    /// ISO 8601 in UTC with nanoseconds: `2026-11-19T08:12:33.456789100Z`, which [`Timestamp::parse`] reads again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanoseconds) = (
            self.0.div_euclid(1_000_000_000),
            self.0.rem_euclid(1_000_000_000),
        );
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = date(days);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanoseconds:09}Z"
        )
    }
}

/// Year, month and day of a day counted from 1970, the inverse of [`days_since_1970`]: by eras of 400 years that begin in
/// March.
fn date(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let m = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * m + 2) / 5 + 1;
    let month = if m < 10 { m + 3 } else { m - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// In the proleptic Gregorian calendar; years are counted from March so that the leap day comes last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468
}

/// `Z` or nothing is 0, `+01:30` is 5400.
fn seconds_east(zone: &str) -> Option<i64> {
    let zone = zone.trim();
    if matches!(zone, "" | "Z" | "z") {
        return Some(0);
    }
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let (hours, minutes) = zone.strip_prefix(['+', '-'])?.split_once(':')?;
    let (hours, minutes) = (hours.parse::<u8>().ok()?, minutes.parse::<u8>().ok()?);
    Some(sign * (i64::from(hours) * 3600 + i64::from(minutes) * 60))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filetime_of_the_unix_epoch_is_zero() {
        assert_eq!(
            Timestamp::from_filetime(116_444_736_000_000_000),
            Some(Timestamp(0))
        );
    }

    #[test]
    fn the_distance_of_any_two_moments_has_both_signs() {
        let (first, last) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
        assert_eq!(last.since(first), i64::MAX);
        assert_eq!(first.since(last).abs(), i64::MAX);
    }

    #[test]
    fn written_times_are_read() {
        let leap = Timestamp(1_709_210_096_500_000_000);
        assert_eq!(Timestamp::parse("2024-02-29T12:34:56.5Z"), Some(leap));
        assert_eq!(Timestamp::parse("2024-02-29 12:34:56.5000000"), Some(leap));
        assert_eq!(Timestamp::parse("2024-02-29T14:04:56.5+01:30"), Some(leap));
        assert_eq!(
            Timestamp::parse("1970-01-01T00:00:00.000000001Z"),
            Some(Timestamp(1))
        );
        for bad in [
            "",
            "2024-02-29",
            "2024-13-01T00:00:00Z",
            "2024-02-29T12:34:56.5 o'clock",
            "2024\u{2013}02-29T1",
        ] {
            assert_eq!(Timestamp::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_shown_is_read_again() {
        let shown = Timestamp(1_709_210_096_500_000_001).to_string();
        assert_eq!(shown, "2024-02-29T12:34:56.500000001Z");
        for day in (-100_000..100_000).step_by(17) {
            let time = Timestamp(day * 86_400_000_000_000 + 1);
            assert_eq!(Timestamp::parse(&time.to_string()), Some(time));
        }
    }

    #[test]
    fn absurd_filetimes_are_refused() {
        assert_eq!(Timestamp::from_filetime(u64::MAX), None);
        assert_eq!(Timestamp::from_filetime(i64::MAX as u64), None);
    }
}
