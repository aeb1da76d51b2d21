//! What a log's record numbers tell about records that are not there.
//!
//! Event records of one log are numbered without holes, and clearing a log does not restart the numbers (the record that
//! tells of the clearing carries the next one). So a hole is a loss, and a first number above 1 is a past that is gone.

use std::collections::BTreeMap;

use crate::batch::{EventBatch, Gap, Log};
use crate::event::Value;
use crate::kind::{Field, Kind};
use crate::time::Timestamp;

const LOG_CLEARED: Kind = Kind::of("log.cleared");
const CHANNEL: Field = Field::of("channel");
/// The record that tells of a clearing is written within moments of it, into the emptied log itself or into System.
const CLEARING_NANOSECONDS: i64 = 5_000_000_000;
/// Records written by several processors are numbered a little out of the order of their times, and clocks are set.
const DISORDER_NANOSECONDS: i64 = 3_600_000_000_000;

/// The record numbers of one log as runs without holes: a few dozen bytes for a log of any size.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trail {
    runs: Vec<Run>,
    /// Records from outside the live part, which may be old copies of live ones.
    recovered: Vec<(u64, Timestamp, Became)>,
}

/// What a record became in its batch.
#[derive(Debug, Clone)]
pub(crate) enum Became {
    /// It is live: an event or a count.
    Live,
    /// It lay outside the live part and is the event of this index.
    RecoveredEvent(usize),
    /// It lay outside the live part and was counted under this provider and id.
    RecoveredUnknown(String, u32),
}

impl Became {
    pub(crate) fn recovered(&self) -> bool {
        !matches!(self, Self::Live)
    }

    /// With the events standing so much further behind.
    fn shifted(self, by: usize) -> Self {
        match self {
            Self::RecoveredEvent(index) => Self::RecoveredEvent(index + by),
            other => other,
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Run {
    first: (u64, Timestamp),
    last: (u64, Timestamp),
}

impl Trail {
    pub(crate) fn add(&mut self, time: Timestamp, record: u64, became: Became) {
        if became.recovered() {
            self.recovered.push((record, time, became));
        } else {
            self.join(Run {
                first: (record, time),
                last: (record, time),
            });
        }
    }

    /// Takes over what `later` pieces of the source told, whose events now stand `shift` further behind.
    pub(crate) fn append(&mut self, later: Self, shift: usize) {
        for run in later.runs {
            self.join(run);
        }
        self.recovered.extend(
            later
                .recovered
                .into_iter()
                .map(|(n, t, b)| (n, t, b.shifted(shift))),
        );
    }

    /// First and last numbers of rows of live records, in the order met.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.runs.iter().map(|r| (r.first.0, r.last.0))
    }

    /// Numbers of the records that were recovered.
    pub(crate) fn recovered_numbers(&self) -> impl Iterator<Item = u64> + '_ {
        self.recovered.iter().map(|(n, ..)| *n)
    }

    /// Places of the events that were recovered.
    pub(crate) fn recovered_events(&self) -> impl Iterator<Item = usize> + '_ {
        self.recovered.iter().filter_map(|(_, _, b)| match b {
            Became::RecoveredEvent(at) => Some(*at),
            _ => None,
        })
    }

    /// Events have moved; those that went nowhere are forgotten.
    pub(crate) fn move_events(&mut self, to: &[Option<usize>]) {
        self.recovered.retain_mut(|(_, _, became)| {
            let Became::RecoveredEvent(at) = became else {
                return true;
            };
            let new = to.get(*at).copied().flatten();
            *at = new.unwrap_or(*at);
            new.is_some()
        });
    }

    /// A record of another age between two pages of a torn chunk can carry the next number: time must not run back.
    fn join(&mut self, run: Run) {
        let next = |last: &Run| {
            last.last.0.checked_add(1) == Some(run.first.0)
                && run.first.1 >= last.last.1.plus(-DISORDER_NANOSECONDS)
        };
        match self.runs.last_mut() {
            Some(last) if next(last) => last.last = run.last,
            _ => self.runs.push(run),
        }
    }

    /// Whether a live record with this number was written at about this time: the recovered one is its old copy.
    fn has(&self, record: u64, time: Timestamp) -> bool {
        self.runs.iter().any(|r| {
            let number = r.first.0 <= record && record <= r.last.0;
            let moment = r.first.1.plus(-DISORDER_NANOSECONDS) <= time
                && time <= r.last.1.plus(DISORDER_NANOSECONDS);
            number && moment
        })
    }

    /// Runs in the order in which the log was written. Chunks wrap around in a file, so file order is not that order; the
    /// numbers are, unless they restart (files merged by tools): then the times separate the generations.
    fn in_order(mut self) -> Vec<Run> {
        self.runs.extend(self.recovered.iter().map(|(n, t, _)| Run {
            first: (*n, *t),
            last: (*n, *t),
        }));
        self.runs.sort_by_key(|r| (r.first.1, r.first.0));
        let mut generations: Vec<Vec<Run>> = Vec::new();
        let mut newest = Timestamp(i64::MIN);
        // The highest number of the last generation.
        let mut highest = None;
        for run in self.runs {
            let restarts =
                highest.is_none_or(|highest| run.first.0 <= highest && run.first.1 > newest);
            newest = newest.max(run.first.1).max(run.last.1);
            match generations.last_mut() {
                Some(generation) if !restarts => {
                    highest = highest.max(Some(run.last.0));
                    generation.push(run);
                }
                _ => {
                    highest = Some(run.last.0);
                    generations.push(vec![run]);
                }
            }
        }
        for generation in &mut generations {
            generation.sort_by_key(|r| r.first.0);
        }
        generations.into_iter().flatten().collect()
    }
}

/// Computes the gaps of every log, once all pieces of a file are appended, and removes recovered copies of live records.
pub(crate) fn finish(batch: &mut EventBatch) {
    drop_copies(batch);
    let cleared = clearings(batch);
    let trails = std::mem::take(&mut batch.trails);
    let runs: Vec<Vec<Run>> = trails.into_iter().map(Trail::in_order).collect();
    let elsewhere = Elsewhere::of(&batch.logs, &runs);
    for (log, runs) in batch.logs.iter_mut().zip(&runs) {
        let clearing = cleared
            .iter()
            .find(|c| c.host == log.host && c.channel.eq_ignore_ascii_case(&log.channel));
        let just_cleared = clearing.is_some_and(|c| c.at.since(log.first) <= CLEARING_NANOSECONDS);
        let past = log.records > 0
            && log.first_record > 1
            && !elsewhere.ends_before(&log.channel, log.first_record);
        if past && !just_cleared {
            log.gaps.push(Gap {
                from: log.first,
                to: log.first,
                why: "rolled-over",
            });
        }
        let filled = |hole: &Hole| elsewhere.fills(&log.channel, hole.after, hole.before);
        log.gaps
            .extend(gaps(holes(runs).into_iter().filter(|hole| !filled(hole))));
    }
    for Clearing { host, channel, at } in cleared {
        let log = batch.log(&host, &channel);
        if let Some(log) = batch.logs.get_mut(log as usize) {
            log.gaps.push(Gap {
                from: at,
                to: at,
                why: "log-cleared",
            });
        }
    }
    batch.trails = batch.logs.iter().map(|_| Trail::default()).collect();
    for log in &mut batch.logs {
        log.gaps.sort();
        log.gaps.dedup();
    }
}

/// The runs of all hosts by channel and first number. A machine that is renamed goes on with the same file and the same
/// numbers under another name, so what is missing under one name may stand under the other. A collector numbers the
/// records of all machines and channels in one row.
struct Elsewhere {
    /// Last number of the run, by the place of its channel in `channels` and its first number.
    runs: BTreeMap<(usize, u64), u64>,
    /// Channels by name; one without a name where one row of numbers serves all.
    channels: BTreeMap<String, usize>,
    one_row: bool,
}

impl Elsewhere {
    fn of(logs: &[Log], runs: &[Vec<Run>]) -> Self {
        let told = || logs.iter().filter(|l| l.records > 0);
        let one_row = told().any(|l| told().any(|m| m.host != l.host));
        let mut channels = BTreeMap::new();
        let mut by_first = BTreeMap::new();
        for (log, runs) in logs.iter().zip(runs) {
            let new = channels.len();
            let name = if one_row { "" } else { &log.channel };
            let channel = *channels.entry(name.to_owned()).or_insert(new);
            by_first.extend(runs.iter().map(|r| ((channel, r.first.0), r.last.0)));
        }
        Self {
            runs: by_first,
            channels,
            one_row,
        }
    }

    fn channel(&self, name: &str) -> usize {
        let name = if self.one_row { "" } else { name };
        self.channels.get(name).copied().unwrap_or(usize::MAX)
    }

    /// Whether runs that fit exactly lead from `after` to `before`.
    fn fills(&self, channel: &str, after: u64, before: u64) -> bool {
        let channel = self.channel(channel);
        let mut next = after.saturating_add(1);
        while next < before {
            match self.runs.get(&(channel, next)) {
                Some(last) => next = last.saturating_add(1),
                None => return false,
            }
        }
        next == before
    }

    /// Whether a run ends right before this number.
    fn ends_before(&self, channel: &str, first: u64) -> bool {
        let channel = self.channel(channel);
        let before = self.runs.range((channel, 0)..(channel, first)).next_back();
        before.is_some_and(|(_, last)| last.saturating_add(1) == first)
    }
}

/// A log was emptied at this moment.
struct Clearing {
    host: String,
    channel: String,
    at: Timestamp,
}

fn clearings(batch: &EventBatch) -> Vec<Clearing> {
    let told = batch.iter().filter(|e| e.event.kind == LOG_CLEARED);
    told.filter_map(|e| {
        let Some(Value::Text(channel)) = e.get(CHANNEL) else {
            return None;
        };
        Some(Clearing {
            host: e.log()?.host.clone(),
            channel: channel.to_owned(),
            at: e.event.time,
        })
    })
    .collect()
}

/// Numbers that no record of the log carries.
struct Hole {
    /// Number of the last record before it.
    after: u64,
    /// Number of the first record after it.
    before: u64,
    from: Timestamp,
    to: Timestamp,
}

fn holes(runs: &[Run]) -> Vec<Hole> {
    let mut holes = Vec::new();
    let mut highest: Option<(u64, Timestamp)> = None;
    for run in runs {
        if let Some((after, time)) = highest {
            if run.first.0 > after.saturating_add(1) {
                let (from, to) = (time.min(run.first.1), time.max(run.first.1));
                holes.push(Hole {
                    after,
                    before: run.first.0,
                    from,
                    to,
                });
            }
            // A restart begins a new count; an overlap continues the old one.
            if run.last.0 <= after && run.first.1 <= time {
                continue;
            }
        }
        highest = Some(run.last);
    }
    holes
}

/// Holes with nothing but one moment between them are one gap: a filtered export is a string of single records.
fn gaps(holes: impl Iterator<Item = Hole>) -> Vec<Gap> {
    let mut gaps: Vec<Gap> = Vec::new();
    for hole in holes {
        match gaps.last_mut() {
            Some(gap) if gap.to == hole.from => gap.to = hole.to,
            _ => gaps.push(Gap {
                from: hole.from,
                to: hole.to,
                why: "records-missing",
            }),
        }
    }
    gaps
}

/// Slack holds what was overwritten elsewhere, and sometimes copies of what was not.
fn drop_copies(batch: &mut EventBatch) {
    let mut copies = Vec::new();
    for (log_number, trail) in batch.trails.iter_mut().enumerate() {
        let recovered = std::mem::take(&mut trail.recovered);
        let (old, only_here): (Vec<_>, Vec<_>) =
            recovered.into_iter().partition(|r| trail.has(r.0, r.1));
        trail.recovered = only_here;
        let count = old.len() as u64;
        batch.recovered = batch.recovered.saturating_sub(count);
        if let Some(log) = batch.logs.get_mut(log_number) {
            log.records = log.records.saturating_sub(count);
        }
        for (_, _, became) in old {
            match became {
                Became::RecoveredEvent(index) => copies.push(index),
                Became::RecoveredUnknown(provider, id) => {
                    let left = batch.unknown_recovered.entry((provider, id)).or_default();
                    *left = left.saturating_sub(1);
                }
                Became::Live => {}
            }
        }
        for (number, time, became) in &trail.recovered {
            if matches!(became, Became::RecoveredEvent(_)) {
                batch.recovered_events.insert((
                    u32::try_from(log_number).unwrap_or(u32::MAX),
                    *number,
                    *time,
                ));
            }
        }
    }
    batch.unknown_recovered.retain(|_, n| *n > 0);
    if copies.is_empty() {
        return;
    }
    copies.sort_unstable();
    let mut index = 0;
    batch.events.retain(|_| {
        index += 1;
        copies.binary_search(&(index - 1)).is_err()
    });
}

#[cfg(test)]
mod tests;
