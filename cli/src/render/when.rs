//! Moments for people: in one zone, with the date where it is not clear.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The zone that times are shown in.
#[derive(Debug, Clone)]
pub struct Clock {
    zone: TimeZone,
}

impl Clock {
    /// A clock of this zone, UTC by default.
    pub fn new(zone: Option<TimeZone>) -> Self {
        Self {
            zone: zone.unwrap_or(TimeZone::UTC),
        }
    }

    /// `2026-11-21 08:14:03 UTC`.
    pub fn moment(&self, text: &str) -> String {
        self.parts(text).map_or_else(
            || text.to_owned(),
            |p| format!("{} {} {}", p.date, seconds(&p.time), p.zone),
        )
    }

    /// `2026-11-21 00:00:12 – 08:14:03 UTC`; the second date only when it is another.
    pub fn span(&self, from: &str, to: &str) -> String {
        let (Some(a), Some(b)) = (self.parts(from), self.parts(to)) else {
            return format!("{from} – {to}");
        };
        let (from, to) = (seconds(&a.time), seconds(&b.time));
        match (a.date == b.date, from == to) {
            (true, true) => format!("{} {from} {}", a.date, a.zone),
            (true, false) => format!("{} {from} – {to} {}", a.date, b.zone),
            // Summer and winter time in one span: each end says its own.
            (false, _) if a.zone != b.zone => {
                format!("{} {from} {} – {} {to} {}", a.date, a.zone, b.date, b.zone)
            }
            (false, _) => format!("{} {from} – {} {to} {}", a.date, b.date, b.zone),
        }
    }

    /// `08:14:03.118`, with the date before it unless it is `day`.
    pub fn time(&self, text: &str, day: Option<Date>) -> String {
        match self.parts(text) {
            Some(p) if Some(p.date) == day => p.time,
            Some(p) => format!("{} {}", p.date, p.time),
            None => text.to_owned(),
        }
    }

    /// As [`Clock::time`], to the second.
    pub fn second(&self, text: &str, day: Option<Date>) -> String {
        seconds(&self.time(text, day)).to_owned()
    }

    /// The day of a moment.
    pub fn day(&self, text: &str) -> Option<Date> {
        self.parts(text).map(|p| p.date)
    }

    fn parts(&self, text: &str) -> Option<Parts> {
        let local = text.parse::<Timestamp>().ok()?.to_zoned(self.zone.clone());
        let zone = local.strftime("%Z").to_string();
        Some(Parts {
            date: local.date(),
            time: local.strftime("%H:%M:%S%.3f").to_string(),
            zone,
        })
    }
}

struct Parts {
    date: Date,
    time: String,
    zone: String,
}

/// Without the fraction.
fn seconds(time: &str) -> &str {
    time.split('.').next().unwrap_or(time)
}

/// `0.4 ms`, `31 ms`, `2.31 s`, `3 min 20 s`, `5 h 2 min`.
pub fn duration(ms: f64) -> String {
    if ms < 0.0 {
        return format!("-{}", duration(-ms));
    }
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else if ms < 10_000.0 {
        format!("{:.2} s", ms / 1000.0)
    } else if ms < 120_000.0 {
        format!("{:.0} s", ms / 1000.0)
    } else {
        let minutes = (ms / 60_000.0).floor();
        if minutes < 60.0 {
            format!(
                "{minutes:.0} min {:.0} s",
                ((ms - minutes * 60_000.0) / 1000.0).floor()
            )
        } else if minutes < 2880.0 {
            format!(
                "{:.0} h {:.0} min",
                (minutes / 60.0).floor(),
                minutes % 60.0
            )
        } else {
            format!("{:.0} days", (minutes / 1440.0).floor())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_said_once() {
        let utc = Clock::new(None);
        assert_eq!(
            utc.span("2026-11-21T00:00:12.5Z", "2026-11-21T08:14:03Z"),
            "2026-11-21 00:00:12 – 08:14:03 UTC"
        );
        assert_eq!(
            utc.span("2026-11-20T22:58:00Z", "2026-11-21T08:14:03Z"),
            "2026-11-20 22:58:00 – 2026-11-21 08:14:03 UTC"
        );
        let day = utc.day("2026-11-21T00:00:00Z");
        assert_eq!(utc.time("2026-11-21T08:14:03.118Z", day), "08:14:03.118");
        assert_eq!(
            utc.time("2026-11-20T08:14:03.118Z", day),
            "2026-11-20 08:14:03.118"
        );
    }

    #[test]
    fn zones_are_kept_apart() {
        let berlin = Clock::new(TimeZone::get("Europe/Berlin").ok());
        assert_eq!(
            berlin.moment("2026-11-21T08:14:03Z"),
            "2026-11-21 09:14:03 CET"
        );
        assert_eq!(
            berlin.span("2026-10-24T08:00:00Z", "2026-10-26T08:00:00Z"),
            "2026-10-24 10:00:00 CEST – 2026-10-26 09:00:00 CET"
        );
    }

    #[test]
    fn durations_have_the_unit_that_fits() {
        let said: Vec<String> = [
            0.04,
            9.81,
            31.2,
            2310.0,
            45_000.0,
            200_000.0,
            18_120_000.0,
            3.0e8,
        ]
        .iter()
        .map(|ms| duration(*ms))
        .collect();
        assert_eq!(
            said,
            [
                "0.0 ms",
                "9.8 ms",
                "31 ms",
                "2.31 s",
                "45 s",
                "3 min 20 s",
                "5 h 2 min",
                "3 days"
            ]
        );
    }
}
