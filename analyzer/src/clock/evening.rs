//! What is taken out of one host's clock so that it runs evenly: the moments when it was set, and its drift.
//!
//! A record from before a clock was set stands in the old time. It is read as if the clock had always shown what it shows
//! since, so that one offset holds for the whole host. Where a clock was set back, an hour is told twice: there the
//! record's place in its log says to which of the two it belongs.

use rdpwhy_parsers::Timestamp;
use std::collections::BTreeMap;

/// Parts of a second in which drift is counted: a microsecond in a second is 1,000.
const PER_BILLION: i128 = 1_000_000_000;

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Its file.
    pub source: u32,
    /// The log in there.
    pub log: u32,
    /// Its number in that log.
    pub number: u64,
}

/// One log of the host: file and log.
pub type LogId = (u32, u32);

/// A clock was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What it showed before.
    pub old: Timestamp,
    /// What it showed after.
    pub new: Timestamp,
    /// Of each log where it can be told: number of the last record that was written before.
    pub last_before: BTreeMap<LogId, u64>,
}

impl Step {
    /// Nanoseconds; negative when it was set back.
    pub fn by(&self) -> i64 {
        self.new.since(self.old)
    }

    /// Whether the clock went back: then an interval of time was told twice.
    pub fn is_back(&self) -> bool {
        self.new < self.old
    }

    fn was_before(&self, place: Option<Place>, raw: Timestamp) -> bool {
        if !self.is_back() {
            // No record can lie between.
            return raw <= self.old.plus(self.by() / 2);
        }
        if raw < self.new || raw > self.old {
            return raw < self.new;
        }
        let last = place.and_then(|p| {
            let last = self.last_before.get(&(p.source, p.log))?;
            Some(p.number <= *last)
        });
        last.unwrap_or(false)
    }
}

/// A clock that runs too fast or too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drift {
    /// The moment from which it is counted.
    pub from: Timestamp,
    /// Nanoseconds gained in each second.
    pub per_billion: i64,
}

/// All that is taken out of one clock.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evening {
    /// When it was set, in order.
    pub steps: Vec<Step>,
    /// How it drifts otherwise.
    pub drift: Option<Drift>,
}

impl Evening {
    /// Nanoseconds to add to a record's own time.
    pub fn shift(&self, place: Place, raw: Timestamp) -> i64 {
        self.shift_at(Some(place), raw)
    }

    /// The same for a moment that is no record's.
    pub fn shift_of(&self, raw: Timestamp) -> i64 {
        self.shift_at(None, raw)
    }

    fn shift_at(&self, place: Option<Place>, raw: Timestamp) -> i64 {
        let before = self.steps.iter().filter(|s| s.was_before(place, raw));
        let set: i64 = before.fold(0, |sum, s| sum.saturating_add(s.by()));
        let gained = self.drift.map_or(0, |d| {
            let passed = i128::from(raw.plus(set).since(d.from));
            i64::try_from(passed * i128::from(d.per_billion) / PER_BILLION).unwrap_or(0)
        });
        set.saturating_sub(gained)
    }

    /// For a person: `set back by 3 h at 10:00:00`, in the words of the report.
    pub fn told(&self) -> String {
        let mut told = Vec::new();
        for s in &self.steps {
            let word = if s.is_back() { "back" } else { "forward" };
            let at = crate::assemble::time(s.old);
            told.push(format!("set {word} by {} at {at}", span(s.by())));
        }
        if let Some(d) = self.drift {
            let word = if d.per_billion > 0 { "gains" } else { "loses" };
            let a_day = d.per_billion.saturating_mul(86_400);
            told.push(format!("{word} {} a day", span(a_day)));
        }
        told.join(", ")
    }
}

/// A length of time in the two largest units that matter.
fn span(ns: i64) -> String {
    let ms = (ns.unsigned_abs() + 500_000) / 1_000_000;
    let (s, m, h) = (ms / 1000, ms / 60_000, ms / 3_600_000);
    match (h, m, s) {
        (0, 0, 0..10) => format!("{}.{:03} s", s, ms % 1000),
        (0, 0, _) => format!("{s} s"),
        (0, _, _) => format!("{m} min {} s", s % 60),
        _ => format!("{h} h {} min", m % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000_000;

    fn at(hours: i64) -> Timestamp {
        Timestamp(hours * HOUR)
    }

    fn step(old: i64, new: i64, last_before: u64) -> Step {
        Step {
            old: at(old),
            new: at(new),
            last_before: BTreeMap::from([((0, 0), last_before)]),
        }
    }

    fn place(number: u64) -> Place {
        Place {
            source: 0,
            log: 0,
            number,
        }
    }

    #[test]
    fn an_hour_told_twice_is_told_apart_by_the_order_of_records() {
        let evening = Evening {
            steps: vec![step(13, 10, 50)],
            drift: None,
        };
        // Shown 9, 11 and 12 before, 11 again after.
        assert_eq!(evening.shift(place(1), at(9)), -3 * HOUR);
        assert_eq!(evening.shift(place(40), at(11)), -3 * HOUR);
        assert_eq!(evening.shift(place(60), at(11)), 0);
        assert_eq!(evening.shift(place(70), at(14)), 0);
    }

    #[test]
    fn steps_add_up() {
        let evening = Evening {
            steps: vec![step(1, 4, 5), step(6, 8, 9)],
            drift: None,
        };
        assert_eq!(evening.shift_of(at(0)), 5 * HOUR);
        assert_eq!(evening.shift_of(at(5)), 2 * HOUR);
        assert_eq!(evening.shift_of(at(9)), 0);
    }

    #[test]
    fn drift_is_counted_from_its_beginning() {
        let evening = Evening {
            steps: Vec::new(),
            drift: Some(Drift {
                from: at(0),
                per_billion: 1_000_000,
            }),
        };
        assert_eq!(evening.shift_of(at(1)), -HOUR / 1000);
        assert_eq!(evening.told(), "gains 1 min 26 s a day");
    }
}
