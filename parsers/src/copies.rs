//! Records that a file holds more than once.
//!
//! A record is written once, and its number and time are its own. Yet tools that merge logs, carve disks or repair files put
//! the same chunk into a file again: a copy is no second connection, and a gigabyte of copies is no gigabyte of events.

use std::collections::{HashMap, HashSet};

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
    /// The first event of each key, by its place in the batch.
    first: HashMap<Key, u32>,
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
        let recovered = piece.trails.iter().flat_map(Trail::recovered_events);
        let recovered: HashSet<usize> = recovered.collect();
        let keys: Vec<Key> = piece
            .events
            .iter()
            .enumerate()
            .map(|(at, e)| {
                let log = logs.get(e.log as usize).copied().unwrap_or(u32::MAX);
                (log, e.kind, e.time, e.place, recovered.contains(&at))
            })
            .collect();
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

#[cfg(test)]
mod tests {
    use super::*;
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
