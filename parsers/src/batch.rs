//! All that one source, or one piece of it, gave.

mod complete;
mod filling;
mod join;
mod values;

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::catalog::EventSpec;
use crate::continuity::{Became, Trail};
use crate::event::{Event, EventRef, Guid, Value};
use crate::kind::{Field, Kind};
use crate::time::Timestamp;
pub use filling::Filling;
pub(crate) use values::Place;
use values::Values;

/// Logs that are searched one by one. Files hold one; forwarded events come from a handful of channels and some hosts.
const FEW: usize = 8;
/// Origins that are told apart. The catalogue describes some hundred records; only a file that spells providers in every
/// possible way has more.
const MOST_ORIGINS: usize = 4096;

/// What could not be read, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Defect {
    /// Place in the file: `chunk 3`, `packet 812`, `byte 4096`.
    pub at: String,
    /// What was expected and what was found, lower case.
    pub what: String,
    /// Records or packets that are lost by it, as far as they can be counted.
    pub lost: u64,
}

/// A stretch of time that a log does not tell about. `from` == `to`: all before this moment is gone and nothing tells how
/// far it reached back (the log wrapped around, or was cleared).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// Last moment told before it.
    pub from: Timestamp,
    /// First moment told after it.
    pub to: Timestamp,
    /// `log-cleared`, `rolled-over` or `records-missing`.
    pub why: &'static str,
}

/// One host's channel inside a source, or the capture itself. A log with `records` 0 stands for its gaps only: another
/// log tells that this one was cleared; its times and record numbers are then the identities of `min` and `max`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// `Computer` of the records; empty for a capture.
    pub host: String,
    /// Channel name of the records; `capture` for a capture.
    pub channel: String,
    /// Time of the earliest record or packet.
    pub first: Timestamp,
    /// Time of the latest record or packet.
    pub last: Timestamp,
    /// Smallest EventRecordID (packet number).
    pub first_record: u64,
    /// Largest EventRecordID (packet number).
    pub last_record: u64,
    /// Records (packets) read, understood or not.
    pub records: u64,
    /// Stretches without records that should be there.
    pub gaps: Vec<Gap>,
}

/// Who wrote a record, and which of his events it is.
#[derive(Debug, Clone)]
pub struct Origin {
    /// `Provider/@Name`, as the record spells it.
    pub provider: String,
    /// Event id.
    pub id: u32,
    /// Its file in the catalogue.
    pub spec: &'static EventSpec,
}

/// Records that the catalogue does not describe, by provider and id.
pub type Counts = BTreeMap<(String, u32), u64>;

/// Events with their values, and what else a source told.
#[derive(Clone, Debug, Default)]
pub struct EventBatch {
    /// Hosts and channels met, in the order met.
    pub logs: Vec<Log>,
    /// The facts, in the order read.
    pub events: Vec<Event>,
    /// What could not be read.
    pub defects: Vec<Defect>,
    /// Records that no data file describes.
    pub unknown: Counts,
    /// Those among the recovered ones, which are not among `unknown`.
    pub unknown_recovered: Counts,
    /// Providers and ids of the events.
    pub origins: Vec<Origin>,
    /// Records that were found but lie outside the live part of the file (slack, behind the free-space offset).
    pub recovered: u64,
    /// Record numbers of each of `logs`, for its gaps.
    pub(crate) trails: Vec<Trail>,
    /// Events that were recovered, by log, number and time: nothing else in the live part has all three.
    pub(crate) recovered_events: HashSet<(u32, u64, Timestamp)>,
    values: Values,
    /// Numbers of the logs behind the first few: a file can name another host in each record, and a search through all of
    /// them for each would never end.
    more_logs: HashMap<(String, String), usize>,
}

impl EventBatch {
    /// All events with access to their values.
    pub fn iter(&self) -> impl Iterator<Item = EventRef<'_>> {
        self.events
            .iter()
            .map(|event| EventRef { batch: self, event })
    }

    /// The event at an index of [`EventBatch::events`].
    pub fn event(&self, index: usize) -> Option<EventRef<'_>> {
        self.events
            .get(index)
            .map(|event| EventRef { batch: self, event })
    }

    /// The number of the log for this host and channel, made when new.
    pub fn log(&mut self, host: &str, channel: &str) -> u32 {
        let key = || (host.to_owned(), channel.to_owned());
        let mut first = self.logs.iter().take(FEW);
        let found = first
            .position(|l| l.host == host && l.channel == channel)
            .or_else(|| {
                let more = (self.logs.len() > FEW).then_some(&self.more_logs)?;
                more.get(&key()).copied()
            });
        let index = found.unwrap_or_else(|| {
            if self.logs.len() >= FEW {
                self.more_logs.insert(key(), self.logs.len());
            }
            self.logs.push(Log {
                host: host.to_owned(),
                channel: channel.to_owned(),
                first: Timestamp(i64::MAX),
                last: Timestamp(i64::MIN),
                first_record: u64::MAX,
                last_record: 0,
                records: 0,
                gaps: Vec::new(),
            });
            self.trails.push(Trail::default());
            self.logs.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }

    /// Counts a record (packet) of a log, whether or not it becomes an event.
    pub fn saw(&mut self, log: u32, time: Timestamp, place: u64) {
        if let Some(l) = self.logs.get_mut(log as usize) {
            l.first = l.first.min(time);
            l.last = l.last.max(time);
            l.first_record = l.first_record.min(place);
            l.last_record = l.last_record.max(place);
            l.records += 1;
        }
    }

    /// Remembers a record's number for [`evtx::finish`](crate::evtx::finish).
    pub(crate) fn trace(&mut self, log: u32, time: Timestamp, place: u64, became: Became) {
        self.recovered += u64::from(became.recovered());
        if let Some(trail) = self.trails.get_mut(log as usize) {
            trail.add(time, place, became);
        }
    }

    /// Adds an event; its values follow through the builder.
    pub fn push(
        &mut self,
        kind: Kind,
        log: u32,
        time: Timestamp,
        place: u64,
        activity: Guid,
    ) -> Filling<'_> {
        self.events.push(Event {
            kind,
            origin: u16::MAX,
            log,
            time,
            place,
            activity,
            values: self.values.next(),
        });
        Filling { batch: self }
    }

    /// The values of an event.
    pub(crate) fn values(&self, event: &Event) -> impl Iterator<Item = (Field, Value<'_>)> {
        self.values.of(event.values)
    }

    /// The value of a field of an event.
    pub(crate) fn value(&self, event: &Event, field: Field) -> Option<Value<'_>> {
        self.values.get(event.values, field)
    }

    /// Adds values to the event pushed last.
    pub(crate) fn more(&mut self) -> Filling<'_> {
        Filling { batch: self }
    }

    /// How far events and their values have come.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            events: self.events.len(),
            values: self.values.mark(),
        }
    }

    /// Takes back the events pushed since a mark.
    pub(crate) fn rewind(&mut self, mark: &Mark) {
        self.events.truncate(mark.events);
        self.values.rewind(&mark.values);
    }

    /// Takes back the events from this one on, and their values.
    pub(crate) fn forget_events_from(&mut self, first: usize) {
        if let Some(event) = self.events.get(first) {
            self.values.forget_from(event.values);
        }
        self.events.truncate(first);
    }

    /// Moves the events from `from` on in front of those places that `before` names, in ascending order, one for each.
    pub(crate) fn sort_in(&mut self, from: usize, before: &[usize]) {
        let Some(first) = before.first().copied() else {
            return;
        };
        if first >= from {
            return;
        }
        let late = self.events.split_off(from.min(self.events.len()));
        let own = self.events.split_off(first);
        let mut late = late.into_iter().zip(before).peekable();
        for (place, event) in (first..).zip(own) {
            while let Some((event, _)) = late.next_if(|(_, before)| **before <= place) {
                self.events.push(event);
            }
            self.events.push(event);
        }
        self.events.extend(late.map(|(event, _)| event));
    }

    /// Says which origin the event pushed last has.
    pub(crate) fn originates(&mut self, origin: u16) {
        if let Some(event) = self.events.last_mut() {
            event.origin = origin;
        }
    }

    /// The number of this origin, made when new; past [`MOST_ORIGINS`] of them the rest has none.
    pub(crate) fn origin(&mut self, provider: &str, id: u32, spec: &'static EventSpec) -> u16 {
        let same = |o: &Origin| std::ptr::eq(o.spec, spec) && o.provider == provider && o.id == id;
        let found = self.origins.iter().position(same);
        if found.is_none() && self.origins.len() >= MOST_ORIGINS {
            return u16::MAX;
        }
        let index = found.unwrap_or_else(|| {
            self.origins.push(Origin {
                provider: provider.to_owned(),
                id,
                spec,
            });
            self.origins.len() - 1
        });
        u16::try_from(index).unwrap_or(u16::MAX)
    }

    /// Whether an event's record lay outside the live part of its file.
    pub(crate) fn is_recovered(&self, event: &Event) -> bool {
        self.recovered_events
            .contains(&(event.log, event.place, event.time))
    }

    /// Leaves away all events and their values; what else was told stays.
    pub fn forget_events(&mut self) {
        self.events.clear();
        self.values = Values::default();
    }

    /// What these bytes hold lies outside any file: all of it counts as recovered.
    pub fn all_recovered(&mut self) {
        self.recovered = self.logs.iter().map(|l| l.records).sum();
        for (what, n) in std::mem::take(&mut self.unknown) {
            *self.unknown_recovered.entry(what).or_default() += n;
        }
        self.recovered_events
            .extend(self.events.iter().map(|e| (e.log, e.place, e.time)));
    }

    /// Leaves away what happened before a moment. The logs keep the span that they cover.
    pub fn forget_before(&mut self, moment: Timestamp) {
        self.events.retain(|e| e.time >= moment);
    }

    /// Leaves away what happened after a moment.
    pub fn forget_after(&mut self, moment: Timestamp) {
        self.events.retain(|e| e.time <= moment);
    }

    /// Bytes of memory that the events and their values take, about.
    pub fn footprint(&self) -> usize {
        size_of::<Self>()
            + self.events.capacity() * size_of::<Event>()
            + self.values.footprint()
            + self.logs.capacity() * (size_of::<Log>() + size_of::<Trail>())
    }

    /// Whether both tell the same events with the same values.
    pub fn tells_the_same(&self, other: &Self) -> bool {
        let same = |(one, other): (EventRef<'_>, EventRef<'_>)| {
            one.event.same(other.event) && one.fields().eq(other.fields())
        };
        self.events.len() == other.events.len() && self.iter().zip(other.iter()).all(same)
    }

    /// Moves the moment of each event by what `by` says for its index, in nanoseconds: a host's clock was set, and the
    /// records from before are to be read on the clock from after.
    pub fn move_times(&mut self, by: impl Fn(usize) -> i64) {
        for (index, event) in self.events.iter_mut().enumerate() {
            let moved = event.time.plus(by(index));
            let old = (event.log, event.place, event.time);
            if self.recovered_events.remove(&old) {
                self.recovered_events
                    .insert((event.log, event.place, moved));
            }
            event.time = moved;
        }
    }

    /// Adds a defect.
    pub fn defect(&mut self, at: impl Into<String>, what: impl Into<String>, lost: u64) {
        self.defects.push(Defect {
            at: at.into(),
            what: what.into(),
            lost,
        });
    }

    /// Gives back memory that was taken in advance, once all is there.
    pub fn shrink(&mut self) {
        self.events.shrink_to_fit();
        self.values.shrink();
    }
}

/// A state of a batch to which it can be taken back.
pub(crate) struct Mark {
    events: usize,
    values: values::Mark,
}
