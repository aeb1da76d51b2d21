//! Records that a file holds more than once.
//!
//! A record is written once, and its number and time are its own. Yet tools that merge logs, carve disks or repair files put
//! the same chunk into a file again: a copy is no second connection, and a gigabyte of copies is no gigabyte of events.

use std::collections::{BTreeMap, HashMap, HashSet};

use foldhash::quality::RandomState;

use crate::batch::EventBatch;
use crate::continuity::Trail;
use crate::event::EventRef;
use crate::kind::Kind;
use crate::time::Timestamp;

/// What two copies share, the log by its number in the batch, and whether they lie outside the live part of the file: what
/// was recovered gives way to a live record, never the other way round.
type Key = (u32, Kind, Timestamp, u64, bool);

/// Puts the pieces of one event log together without the copies among their events.
#[derive(Default)]
pub struct Copies {
    /// What was met of each of the batch's logs.
    numbers: Vec<Numbers>,
    /// The first event of each key, by its place in the batch; of logs in which a number stands twice.
    first: HashMap<Key, u32, RandomState>,
}

/// The record numbers met of one log. As long as none stands twice, nothing in it is a copy, and nothing needs to be
/// remembered of its events.
#[derive(Default)]
struct Numbers {
    /// First and last number of rows that share none.
    rows: BTreeMap<u64, u64>,
    /// Numbers of records that were recovered.
    recovered: HashSet<u64, RandomState>,
    /// Whether a number stands twice.
    twice: bool,
}

impl Numbers {
    /// Takes over the numbers of a piece.
    fn add(&mut self, trail: &Trail) {
        for (first, last) in trail.rows() {
            self.twice |= self.meets(first, last);
        }
        for number in trail.recovered_numbers() {
            self.twice |= !self.recovered.insert(number);
        }
    }

    /// Adds a row; says whether one of its numbers was there.
    fn meets(&mut self, first: u64, last: u64) -> bool {
        let before = self.rows.range(..=last).next_back();
        if before.is_some_and(|(_, end)| *end >= first) {
            return true;
        }
        // The next row of a log begins where the last one ended.
        let joined = before
            .filter(|(_, end)| end.checked_add(1) == Some(first))
            .map(|(start, _)| *start);
        self.rows.insert(joined.unwrap_or(first), last);
        false
    }
}

impl Copies {
    /// As [`EventBatch::append`], but an event that is in `batch` already, value for value, stays out. What was counted stays
    /// counted: the records were there.
    pub fn append(&mut self, batch: &mut EventBatch, mut piece: EventBatch) {
        let logs: Vec<u32> = piece
            .logs
            .iter()
            .map(|l| batch.log(&l.host, &l.channel))
            .collect();
        self.numbers.resize_with(batch.logs.len(), Numbers::default);
        let mut twice = false;
        for (trail, log) in piece.trails.iter().zip(&logs) {
            let Some(numbers) = self.numbers.get_mut(*log as usize) else {
                continue;
            };
            let known = numbers.twice;
            numbers.add(trail);
            twice |= numbers.twice;
            if numbers.twice && !known {
                self.remember(batch, *log);
            }
        }
        if !twice {
            return batch.append(piece);
        }
        let keys = keys(&piece, |log| {
            logs.get(log as usize).copied().unwrap_or(u32::MAX)
        });
        let before = batch.events.len();
        let mut new = 0;
        let places: Vec<Option<usize>> = keys
            .iter()
            .zip(piece.iter())
            .enumerate()
            .map(|(at, (key, event))| {
                let place = new;
                let is_new = self.is_new(batch, &piece, before, *key, at, event);
                new += usize::from(is_new);
                is_new.then_some(place)
            })
            .collect();
        if new == piece.events.len() {
            return batch.append(piece);
        }
        // Behind the first copy events stand further in front than was noted.
        for (key, place) in keys.iter().zip(&places) {
            if let (Some(noted), Some(place)) = (self.first.get_mut(key), place)
                && let Ok(place) = u32::try_from(before + place)
                && *noted as usize >= before
            {
                *noted = (*noted).min(place);
            }
        }
        batch.append_some(&mut piece, &places);
    }

    /// Notes the events of a log that are in the batch.
    fn remember(&mut self, batch: &EventBatch, log: u32) {
        for (key, at) in keys(batch, |log| log).into_iter().zip(0..) {
            if key.0 == log {
                self.first.entry(key).or_insert(at);
            }
        }
    }

    /// Whether an event of the piece is no copy.
    fn is_new(
        &mut self,
        batch: &EventBatch,
        piece: &EventBatch,
        before: usize,
        key: Key,
        at: usize,
        event: EventRef<'_>,
    ) -> bool {
        let Ok(at) = u32::try_from(before + at) else {
            return true;
        };
        if !self.numbers.get(key.0 as usize).is_some_and(|n| n.twice) {
            return true;
        }
        let first = *self.first.entry(key).or_insert(at);
        if first == at {
            return true;
        }
        let other = match (first as usize).checked_sub(before) {
            None => batch.event(first as usize),
            Some(beside) => piece.event(beside),
        };
        !other.is_some_and(|o| {
            o.event.activity == event.event.activity && o.fields().eq(event.fields())
        })
    }
}

/// What tells each event of a batch from others; `log` says which log of the whole batch one of this is.
fn keys(batch: &EventBatch, log: impl Fn(u32) -> u32) -> Vec<Key> {
    let recovered = batch.trails.iter().flat_map(Trail::recovered_events);
    let recovered: HashSet<usize, RandomState> = recovered.collect();
    let events = batch.events.iter().enumerate();
    events
        .map(|(at, e)| (log(e.log), e.kind, e.time, e.place, recovered.contains(&at)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::continuity::Became;
    use crate::event::Guid;
    use crate::kind::Field;

    const KIND: Kind = Kind::of("logon.failed");
    const USER: Field = Field::of("user");

    /// Events by number and user.
    fn piece(host: &str, events: &[(u64, &str)]) -> EventBatch {
        let mut batch = EventBatch::default();
        let log = batch.log(host, "Security");
        for (number, user) in events {
            batch.saw(log, Timestamp(7), *number);
            batch.trace(log, Timestamp(7), *number, Became::Live);
            batch
                .push(KIND, log, Timestamp(7), *number, Guid::default())
                .text(USER, user);
        }
        batch
    }

    fn told(batch: &EventBatch) -> Vec<(u64, String)> {
        batch
            .iter()
            .map(|e| (e.event.place, e.text(USER).unwrap_or_default().to_owned()))
            .collect()
    }

    fn together(pieces: Vec<EventBatch>) -> EventBatch {
        let (mut batch, mut copies) = (EventBatch::default(), Copies::default());
        for piece in pieces {
            copies.append(&mut batch, piece);
        }
        batch
    }

    #[test]
    fn a_copy_stays_out_and_is_counted() {
        let batch = together(vec![
            piece("A", &[(1, "ana"), (1, "ana"), (2, "bob")]),
            piece("A", &[(2, "bob"), (3, "cleo"), (1, "ana")]),
            piece("A", &[(3, "cleo"), (4, "dan"), (2, "bob")]),
        ]);
        let names = [(1, "ana"), (2, "bob"), (3, "cleo"), (4, "dan")];
        assert_eq!(told(&batch), names.map(|(n, u)| (n, u.to_owned())));
        assert_eq!(batch.logs[0].records, 9);
    }

    #[test]
    fn a_copy_is_seen_wherever_its_number_stands() {
        let batch = together(vec![
            piece("A", &[(5, "ana"), (6, "bob")]),
            piece("A", &[(7, "cleo"), (8, "dan")]),
            piece("A", &[(3, "eve"), (4, "fay")]),
            piece("A", &[(20, "gil")]),
            // The first number that stands twice: what was met before it counts as well.
            piece("A", &[(19, "hal"), (6, "bob"), (7, "cleo"), (9, "ida")]),
            piece("A", &[(20, "gil"), (3, "eve")]),
        ]);
        let numbers: Vec<u64> = told(&batch).into_iter().map(|(n, _)| n).collect();
        assert_eq!(numbers, [5, 6, 7, 8, 3, 4, 20, 19, 9]);
    }

    #[test]
    fn rows_join_and_meet() {
        let mut numbers = Numbers::default();
        assert!(!numbers.meets(10, 20));
        assert!(!numbers.meets(21, 30));
        assert!(!numbers.meets(1, 8));
        assert_eq!(numbers.rows.len(), 2);
        for (first, last) in [(30, 31), (9, 10), (15, 16), (1, 1), (0, 50), (8, 9)] {
            assert!(numbers.meets(first, last), "{first}..={last}");
        }
        assert!(!numbers.meets(9, 9));
        assert!(!numbers.meets(u64::MAX, u64::MAX));
        assert!(numbers.meets(u64::MAX, u64::MAX));
    }

    #[test]
    fn what_differs_is_no_copy() {
        let batch = together(vec![
            piece("A", &[(1, "ana")]),
            piece("A", &[(1, "eve"), (2, "bob")]),
            piece("B", &[(1, "ana")]),
        ]);
        let all = [(1, "ana"), (1, "eve"), (2, "bob"), (1, "ana")];
        assert_eq!(told(&batch), all.map(|(n, u)| (n, u.to_owned())));
    }
}
