//! All that one source, or one piece of it, gave.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv6Addr};
use std::ops::Range;

use crate::catalog::EventSpec;
use crate::continuity::{Became, Trail};
use crate::event::{Event, EventRef, Guid, Stored, Value};
use crate::kind::{Field, Kind};
use crate::time::Timestamp;

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
    pub(crate) values: Vec<Stored>,
    pub(crate) text: String,
    pub(crate) long_addresses: Vec<Ipv6Addr>,
    /// Where texts were put lately, by a hash of theirs: the same few names stand in thousands of records.
    lately: Vec<(u32, u32)>,
    /// Numbers of the logs behind the first few: a file can name another host in each record, and a search through all of
    /// them for each would never end.
    more_logs: HashMap<(String, String), usize>,
}

/// How many texts are remembered.
const REMEMBERED: usize = 1024;
/// Bytes of text up to which none are remembered.
const SMALL: usize = 4096;

/// The place among the remembered texts where this one is looked for.
fn slot(text: &str) -> usize {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mix = |h: u64, n: u64| (h ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    let hash = words
        .iter()
        .fold(text.len() as u64, |h, w| mix(h, u64::from_le_bytes(*w)));
    let tail = rest.iter().fold(0, |n, b| n << 8 | u64::from(*b));
    usize::try_from(mix(hash, tail) % REMEMBERED as u64).unwrap_or_default()
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
        let at = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.events.push(Event {
            kind,
            origin: u16::MAX,
            log,
            time,
            place,
            activity,
            fields: at..at,
        });
        Filling { batch: self }
    }

    /// Adds values to the event pushed last.
    pub(crate) fn more(&mut self) -> Filling<'_> {
        Filling { batch: self }
    }

    /// How far events and their values have come.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            events: self.events.len(),
            values: self.values.len(),
            text: self.text.len(),
            long_addresses: self.long_addresses.len(),
        }
    }

    /// Takes back the events pushed since a mark.
    pub(crate) fn rewind(&mut self, mark: &Mark) {
        self.events.truncate(mark.events);
        self.values.truncate(mark.values);
        self.text.truncate(mark.text);
        self.long_addresses.truncate(mark.long_addresses);
    }

    /// Takes back the events from this one on, and their values.
    pub(crate) fn forget_events_from(&mut self, first: usize) {
        if let Some(event) = self.events.get(first) {
            self.values.truncate(event.fields.start as usize);
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
            + self.values.capacity() * size_of::<Stored>()
            + self.text.capacity()
            + self.long_addresses.capacity() * size_of::<Ipv6Addr>()
            + self.logs.capacity() * (size_of::<Log>() + size_of::<Trail>())
    }

    /// Whether both tell the same events with the same values.
    pub fn tells_the_same(&self, other: &Self) -> bool {
        self.events == other.events
            && self.values == other.values
            && self.text == other.text
            && self.long_addresses == other.long_addresses
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

    /// Takes over everything of `other`, behind what is here.
    pub fn append(&mut self, mut other: Self) {
        let (logs, origins) = self.append_counts(&mut other);
        let value_base = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        let shift = |r: Range<u32>, by: u32| r.start.saturating_add(by)..r.end.saturating_add(by);
        let long_base = u32::try_from(self.long_addresses.len()).unwrap_or(u32::MAX);
        self.long_addresses.extend(other.long_addresses);
        let small = other.text.len() <= SMALL;
        let text_base = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        if !small {
            self.text.push_str(&other.text);
        }
        for stored in other.values {
            let stored = match stored {
                Stored::Text(field, from, to) if small => {
                    let text = other.text.get(from as usize..to as usize);
                    let (from, to) = text.and_then(|t| self.keep(t)).unwrap_or_default();
                    Stored::Text(field, from, to)
                }
                Stored::Text(field, from, to) => {
                    let Range { start, end } = shift(from..to, text_base);
                    Stored::Text(field, start, end)
                }
                Stored::Ip6(field, at) => Stored::Ip6(field, at.saturating_add(long_base)),
                other => other,
            };
            self.values.push(stored);
        }
        self.events.extend(other.events.into_iter().map(|e| {
            Event {
                log: logs.get(e.log as usize).copied().unwrap_or(u32::MAX),
                origin: origins
                    .get(usize::from(e.origin))
                    .copied()
                    .unwrap_or(u16::MAX),
                fields: shift(e.fields, value_base),
                ..e
            }
        }));
    }

    /// As [`EventBatch::append`], with those events only that have a place: the nth behind what is here.
    pub(crate) fn append_some(&mut self, other: &mut Self, places: &[Option<usize>]) {
        for trail in &mut other.trails {
            trail.move_events(places);
        }
        let (logs, origins) = self.append_counts(other);
        let kept = other.iter().zip(places).filter(|(_, p)| p.is_some());
        for (theirs, _) in kept {
            let e = theirs.event;
            let log = logs.get(e.log as usize).copied().unwrap_or(u32::MAX);
            let mut filling = self.push(e.kind, log, e.time, e.place, e.activity);
            for (field, value) in theirs.fields() {
                match value {
                    Value::Int(n) => filling.int(field, n),
                    Value::Flag(b) => filling.flag(field, b),
                    Value::Ip(ip) => filling.ip(field, ip),
                    Value::Text(text) => filling.text(field, text),
                };
            }
            let origin = origins.get(usize::from(e.origin)).copied();
            self.originates(origin.unwrap_or(u16::MAX));
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

    pub(crate) fn value(&self, stored: Stored) -> Value<'_> {
        match stored {
            Stored::Int(_, n) => Value::Int(n),
            Stored::Flag(_, b) => Value::Flag(b),
            Stored::Ip4(_, ip) => Value::Ip(IpAddr::V4(ip)),
            Stored::Ip6(_, at) => {
                let ip = self.long_addresses.get(at as usize).copied();
                Value::Ip(IpAddr::V6(ip.unwrap_or(Ipv6Addr::UNSPECIFIED)))
            }
            Stored::Text(_, from, to) => Value::Text(
                self.text
                    .get(from as usize..to as usize)
                    .unwrap_or_default(),
            ),
        }
    }

    /// Puts a text into the arena, unless it was put there lately. `None` when the arena is full.
    fn keep(&mut self, text: &str) -> Option<(u32, u32)> {
        if self.lately.is_empty() {
            // Small batches are as many as there are connections under way: what they repeat is found when they are
            // appended.
            if self.text.len() < SMALL {
                return self.add_text(text);
            }
            self.lately = vec![(0, 0); REMEMBERED];
        }
        let slot = slot(text);
        if let Some((from, to)) = self.lately.get(slot).copied()
            && self.text.get(from as usize..to as usize) == Some(text)
        {
            return Some((from, to));
        }
        let (from, to) = self.add_text(text)?;
        if let Some(place) = self.lately.get_mut(slot) {
            *place = (from, to);
        }
        Some((from, to))
    }

    fn add_text(&mut self, text: &str) -> Option<(u32, u32)> {
        let from = u32::try_from(self.text.len()).ok()?;
        // 4 GiB of values in one piece of a source: pieces are split long before.
        let to = u32::try_from(self.text.len() + text.len()).ok()?;
        self.text.push_str(text);
        Some((from, to))
    }

    /// Gives back memory that was taken in advance, once all is there.
    pub fn shrink(&mut self) {
        self.events.shrink_to_fit();
        self.values.shrink_to_fit();
        self.text.shrink_to_fit();
        self.lately = Vec::new();
    }
}

/// A state of a batch to which it can be taken back.
pub(crate) struct Mark {
    events: usize,
    values: usize,
    text: usize,
    long_addresses: usize,
}

/// Adds values to the event pushed last.
pub struct Filling<'a> {
    batch: &'a mut EventBatch,
}

impl Filling<'_> {
    /// A number.
    pub fn int(&mut self, field: Field, n: i64) -> &mut Self {
        self.add(Stored::Int(field, n))
    }

    /// A yes or no.
    pub fn flag(&mut self, field: Field, b: bool) -> &mut Self {
        self.add(Stored::Flag(field, b))
    }

    /// An address; IPv4-mapped IPv6 becomes IPv4.
    pub fn ip(&mut self, field: Field, ip: IpAddr) -> &mut Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => self.add(Stored::Ip4(field, ip)),
            IpAddr::V6(ip) => {
                let at = u32::try_from(self.batch.long_addresses.len()).unwrap_or(u32::MAX);
                self.batch.long_addresses.push(ip);
                self.add(Stored::Ip6(field, at))
            }
        }
    }

    /// A text; empty texts are not kept.
    pub fn text(&mut self, field: Field, text: &str) -> &mut Self {
        if text.is_empty() {
            return self;
        }
        match self.batch.keep(text) {
            Some((from, to)) => self.add(Stored::Text(field, from, to)),
            None => self,
        }
    }

    /// A field keeps its first value: the catalogue names the better source of a value first.
    fn add(&mut self, value: Stored) -> &mut Self {
        if let Some(event) = self.batch.events.last_mut() {
            let so_far = self
                .batch
                .values
                .get(event.fields.start as usize..)
                .unwrap_or_default();
            if so_far.iter().any(|v| v.field() == value.field()) {
                return self;
            }
            self.batch.values.push(value);
            event.fields.end = u32::try_from(self.batch.values.len()).unwrap_or(u32::MAX);
        }
        self
    }
}
