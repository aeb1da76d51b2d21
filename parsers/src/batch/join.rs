//! Putting the pieces of a source together.

use super::EventBatch;
use super::values::Known;
use crate::event::Event;

impl EventBatch {
    /// Takes over everything of `other`, behind what is here.
    pub fn append(&mut self, mut other: Self) {
        let (logs, origins) = self.append_counts(&mut other);
        let mut known = Known::default();
        for e in other.events {
            let values = self.values.take(&other.values, e.values, &mut known);
            self.events.push(Event {
                log: logs.get(e.log as usize).copied().unwrap_or(u32::MAX),
                origin: origins
                    .get(usize::from(e.origin))
                    .copied()
                    .unwrap_or(u16::MAX),
                values,
                ..e
            });
        }
    }

    /// As [`EventBatch::append`], with those events only that have a place: the nth behind what is here.
    pub(crate) fn append_some(&mut self, other: &mut Self, places: &[Option<usize>]) {
        for trail in &mut other.trails {
            trail.move_events(places);
        }
        let (logs, origins) = self.append_counts(other);
        let mut known = Known::default();
        let kept = other.events.iter().zip(places).filter(|(_, p)| p.is_some());
        for (e, _) in kept {
            let values = self.values.take(&other.values, e.values, &mut known);
            self.events.push(Event {
                log: logs.get(e.log as usize).copied().unwrap_or(u32::MAX),
                origin: origins
                    .get(usize::from(e.origin))
                    .copied()
                    .unwrap_or(u16::MAX),
                values,
                ..*e
            });
        }
    }

    /// Takes over all of `other` but its events; the numbers that its logs and origins have here.
    fn append_counts(&mut self, other: &mut Self) -> (Vec<u32>, Vec<u16>) {
        let events_before = self.events.len();
        let logs: Vec<u32> = other
            .logs
            .iter()
            .map(|l| self.log(&l.host, &l.channel))
            .collect();
        for (theirs, ours) in std::mem::take(&mut other.logs).into_iter().zip(&logs) {
            if let Some(l) = self.logs.get_mut(*ours as usize) {
                l.first = l.first.min(theirs.first);
                l.last = l.last.max(theirs.last);
                l.first_record = l.first_record.min(theirs.first_record);
                l.last_record = l.last_record.max(theirs.last_record);
                l.records += theirs.records;
                l.gaps.extend(theirs.gaps);
            }
        }
        for (theirs, ours) in std::mem::take(&mut other.trails).into_iter().zip(&logs) {
            if let Some(trail) = self.trails.get_mut(*ours as usize) {
                trail.append(theirs, events_before);
            }
        }
        let origins: Vec<u16> = other
            .origins
            .iter()
            .map(|o| self.origin(&o.provider, o.id, o.spec))
            .collect();
        self.defects.append(&mut other.defects);
        for (k, n) in std::mem::take(&mut other.unknown) {
            *self.unknown.entry(k).or_default() += n;
        }
        for (k, n) in std::mem::take(&mut other.unknown_recovered) {
            *self.unknown_recovered.entry(k).or_default() += n;
        }
        self.recovered += other.recovered;
        (logs, origins)
    }
}
