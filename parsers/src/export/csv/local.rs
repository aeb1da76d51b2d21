//! Times as Windows shows them: in local time, in the order of day and month that a country has, without a zone.

use super::super::{LocalTime, Reading};
use crate::catalog;
use crate::event::Guid;
use crate::raw::RawRecord;
use crate::time::Timestamp;

/// Rows held back until the order of day and month is clear; most tables show it within a day's worth.
const HELD_BACK: usize = 20_000;

/// A time as it was written: three numbers of a date, and the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrittenTime {
    first: u16,
    second: u16,
    third: u16,
    /// Of the day.
    seconds: u32,
    separator: char,
    twelve_hours: bool,
}

/// Which number of a date is which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    DayMonth,
    MonthDay,
}

impl WrittenTime {
    /// Reads `27.10.2021 12:28:26`, `10/27/2021 6:38:24 PM`, `2021-10-27 12:28:26`.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        // Between date and clock, and before AM, newer versions put a narrow no-break space.
        let mut words = text
            .split(|c: char| c.is_whitespace() || c == '\u{202f}' || c == 'T')
            .filter(|w| !w.is_empty());
        let (date, clock) = (words.next()?.trim_end_matches(','), words.next()?);
        // Spanish writes `p. m.`
        let rest: String = words.collect();
        let half = match rest.as_str() {
            "" => None,
            word => Some(afternoon(word)?),
        };
        let separator = date.chars().find(|c| matches!(c, '.' | '/' | '-'))?;
        let mut numbers = date
            .trim_end_matches(separator)
            .split(separator)
            .map(|n| n.parse::<u16>().ok());
        let (first, second, third) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let mut parts = clock
            .split([':', '.'])
            .map(|n| n.parse::<u32>().ok().filter(|n| *n < 60));
        let (hour, minute) = (parts.next()??, parts.next()??);
        let second_of_minute = parts.next().unwrap_or(Some(0))?;
        let hour = match half {
            None => hour,
            Some(afternoon) if (1..=12).contains(&hour) => {
                hour % 12 + if afternoon { 12 } else { 0 }
            }
            Some(_) => return None,
        };
        (hour < 24 && numbers.next().is_none()).then_some(Self {
            first,
            second,
            third,
            seconds: hour * 3600 + minute * 60 + second_of_minute,
            separator,
            twelve_hours: half.is_some(),
        })
    }

    /// The moment as if the zone were UTC.
    fn moment(self, order: Order) -> Option<Timestamp> {
        let (year, month, day) = match order {
            _ if self.first > 31 => (self.first, self.second, self.third),
            Order::DayMonth => (self.third, self.second, self.first),
            Order::MonthDay => (self.third, self.first, self.second),
        };
        let year = if year < 100 { year + 2000 } else { year };
        let (hour, minute, second) = (
            self.seconds / 3600,
            self.seconds / 60 % 60,
            self.seconds % 60,
        );
        Timestamp::parse(&format!(
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        ))
    }

    /// What this time alone tells about the order; dots are written where the day comes first.
    fn tells(self) -> Option<Order> {
        match self.separator {
            '.' => Some(Order::DayMonth),
            _ if self.first > 31 => Some(Order::DayMonth),
            _ if self.first > 12 => Some(Order::DayMonth),
            _ if self.second > 12 => Some(Order::MonthDay),
            _ => None,
        }
    }
}

/// `PM`, `p.m.`, `pm`.
fn afternoon(word: &str) -> Option<bool> {
    let word: String = word
        .chars()
        .filter(char::is_ascii_alphabetic)
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match word.as_str() {
        "am" => Some(false),
        "pm" => Some(true),
        _ => None,
    }
}

/// What a row tells.
pub(super) struct Record {
    pub time: WrittenTime,
    pub provider: String,
    pub id: u32,
    pub channel: String,
    pub computer: String,
    pub number: Option<u64>,
    pub activity: Guid,
}

/// Rows with local times.
pub(super) struct LocalRows<'a> {
    zone: Option<LocalTime<'a>>,
    order: Option<Order>,
    held: Vec<(u64, Record)>,
    first_line: u64,
    /// Rows taken so far; their number stands for the record number where there is none.
    rows: u64,
    numbered: bool,
}

impl<'a> LocalRows<'a> {
    pub fn new(zone: Option<LocalTime<'a>>) -> Self {
        Self {
            zone,
            order: None,
            held: Vec::new(),
            first_line: 0,
            rows: 0,
            numbered: true,
        }
    }

    pub fn take(&mut self, line: u64, record: Record, reading: &mut Reading<'_>) {
        if self.first_line == 0 {
            self.first_line = line;
        }
        self.order = self.order.or_else(|| record.time.tells());
        self.held.push((line, record));
        if self.order.is_some() || self.held.len() > HELD_BACK {
            self.release(reading);
        }
    }

    /// Takes over what is held, and says what had to be assumed.
    pub fn finish(&mut self, reading: &mut Reading<'_>) {
        self.release(reading);
        if self.rows == 0 {
            return;
        }
        let line = self.first_line;
        if self.zone.is_none() {
            let what = "times carry no zone and are taken as UTC: name the zone of the computer that exported them with \
                        --tz";
            reading.tally.problem(line, what, 0);
        }
        let what = if self.numbered {
            "rows carry no values: only who, when and what is used"
        } else {
            "rows carry neither host, record number nor values: only when and what is used, rows are counted instead"
        };
        reading.tally.problem(line, what, 0);
    }

    fn release(&mut self, reading: &mut Reading<'_>) {
        if self.held.is_empty() {
            return;
        }
        let order = match self.order {
            Some(order) => order,
            None => self.decide(reading),
        };
        self.order = Some(order);
        for (line, record) in std::mem::take(&mut self.held) {
            let local = record.time.moment(order);
            let time = match self.zone {
                Some(zone) => local.and_then(zone),
                None => local,
            };
            match time {
                Some(time) => self.add(&record, time, reading),
                None => reading
                    .tally
                    .problem(line, "a time is none of the calendar", 1),
            }
        }
    }

    /// A log is in the order of time, forwards or backwards: the reading of the dates that keeps it so is the right one.
    fn decide(&self, reading: &mut Reading<'_>) -> Order {
        let disorder = |order: Order| {
            let times: Vec<_> = self
                .held
                .iter()
                .filter_map(|(_, r)| r.time.moment(order))
                .collect();
            let forwards = times.windows(2).filter(|w| matches!(w, [a, b] if a > b));
            let backwards = times.windows(2).filter(|w| matches!(w, [a, b] if a < b));
            forwards.count().min(backwards.count())
        };
        match disorder(Order::DayMonth).cmp(&disorder(Order::MonthDay)) {
            std::cmp::Ordering::Less => return Order::DayMonth,
            std::cmp::Ordering::Greater => return Order::MonthDay,
            std::cmp::Ordering::Equal => {}
        }
        // Twelve hours and slashes are written together in the United States.
        let us = self
            .held
            .iter()
            .any(|(_, r)| r.time.twelve_hours && r.time.separator == '/');
        let (order, named) = if us {
            (Order::MonthDay, "month before day")
        } else {
            (Order::DayMonth, "day before month")
        };
        let what = format!("dates do not show the order of day and month: taken as {named}");
        reading.tally.problem(self.first_line, what, 0);
        order
    }

    fn add(&mut self, record: &Record, time: Timestamp, reading: &mut Reading<'_>) {
        self.rows += 1;
        self.numbered &= record.number.is_some();
        let (provider, channel) = full_names(record);
        reading.raw(&RawRecord {
            provider: provider.into(),
            id: record.id,
            channel: channel.into(),
            computer: record.computer.as_str().into(),
            record: record.number.unwrap_or(self.rows),
            activity: record.activity,
            time,
            ..RawRecord::default()
        });
    }
}

/// Event Viewer shows `Schannel`, `TerminalServices-LocalSessionManager` or the name that a provider gave itself, and no
/// channel: the catalogue knows where such a record is written.
fn full_names(record: &Record) -> (String, String) {
    let shown = record.provider.as_str();
    let candidates = [
        shown.to_owned(),
        format!("Microsoft-Windows-{shown}"),
        format!(
            "Microsoft-Windows-{}",
            shown
                .trim_end_matches('.')
                .trim_start_matches("Microsoft Windows ")
                .replace(' ', "-")
        ),
    ];
    let known = candidates
        .iter()
        .find_map(|name| Some((name, catalog::lookup(name, record.id)?)));
    let channel = match known {
        Some((_, spec)) if record.channel.is_empty() => spec.channel,
        _ => &record.channel,
    };
    (
        known.map_or(shown, |(name, _)| name).to_owned(),
        channel.to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str, order: Order) -> Option<String> {
        WrittenTime::parse(text)?
            .moment(order)
            .map(|t| t.to_string()[..19].to_owned())
    }

    #[test]
    fn clocks_of_all_countries_are_read() {
        let (day, month) = (Order::DayMonth, Order::MonthDay);
        for (text, order) in [
            ("27.10.2021 18:38:24", day),
            ("27/10/2021 18:38:24", day),
            ("10/27/2021 06:38:24 PM", month),
            ("10/27/2021 6:38:24\u{202f}PM", month),
            ("27/10/2021 6:38:24 p. m.", day),
            ("2021-10-27 18:38:24", day),
            ("2021/10/27 18:38:24", month),
        ] {
            assert_eq!(
                moment(text, order).as_deref(),
                Some("2021-10-27T18:38:24"),
                "{text}"
            );
        }
        assert_eq!(
            moment("1/2/2021 12:00:01 AM", month).as_deref(),
            Some("2021-01-02T00:00:01")
        );
        for bad in [
            "",
            "Information",
            "27.10.2021",
            "27.10.2021 25:00:00",
            "1/2/2021 13:00 PM",
        ] {
            assert_eq!(WrittenTime::parse(bad), None, "{bad}");
        }
    }
}
