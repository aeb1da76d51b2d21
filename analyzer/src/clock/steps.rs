//! When clocks were set, and which records were written before.

use rdpwhy_parsers::Timestamp;
use std::collections::BTreeMap;

use super::evening::{LogId, Step};
use super::{MILLISECOND, SECOND};
use crate::evidence::{At, Evidence};
use crate::hosts::HostId;
use crate::names::{field, kind};

/// Smaller corrections are the daily work of the time service, and below what clocks are compared to.
const SMALLEST_STEP_NS: i64 = SECOND;
/// The kernel's record and Security's of one setting carry the same times, but for the last digits.
const SAME_NS: i64 = 100 * MILLISECOND;
/// Settings of one host that are weighed; a clock that is set more often has no time at all.
const MOST_STEPS: usize = 8;

/// When each host's clock was set, by its records; a setting that two logs tell of is one.
pub(super) fn find(evidence: &Evidence) -> BTreeMap<HostId, Vec<Step>> {
    let mut found: BTreeMap<HostId, Vec<(At, Step)>> = BTreeMap::new();
    for at in evidence.all() {
        let Some(e) = evidence
            .event(at)
            .filter(|e| e.event.kind == kind::CLOCK_CHANGED)
        else {
            continue;
        };
        let (Some(host), Some(old), Some(new)) =
            (evidence.host(at), e.int(field::OLD), e.int(field::NEW))
        else {
            continue;
        };
        let (old, new) = (Timestamp(old), Timestamp(new));
        if new.since(old).abs() < SMALLEST_STEP_NS {
            continue;
        }
        // The record itself is the first one after.
        let log: LogId = (at.source, e.event.log);
        let before = BTreeMap::from([(log, e.event.place.saturating_sub(1))]);
        let steps = found.entry(host).or_default();
        let near = |a: Timestamp, b: Timestamp| a.since(b).abs() < SAME_NS;
        let known = steps
            .iter_mut()
            .find(|(_, s)| near(s.old, old) && near(s.new, new));
        match known {
            Some((_, known)) => known.last_before.extend(before),
            None => steps.push((
                at,
                Step {
                    old,
                    new,
                    last_before: before,
                },
            )),
        }
    }
    found
        .into_iter()
        .filter(|(_, steps)| steps.len() <= MOST_STEPS)
        .map(|(host, mut steps)| {
            steps.sort_by_key(|(at, s)| (s.new, *at));
            let mut steps: Vec<Step> = steps.into_iter().map(|(_, s)| s).collect();
            for step in steps.iter_mut().filter(|s| s.is_back()) {
                falls(evidence, host, step);
            }
            (host, steps)
        })
        .collect()
}

/// Number and time of a record.
type Written = (u64, Timestamp);

/// Where the clock was set back, in the logs that do not tell of it: their records go back in time there. A log that has no
/// record in the way shows no such fall; its records lie beside those of other logs, which know to which time they belong.
fn falls(evidence: &Evidence, host: HostId, step: &mut Step) {
    let logs = logs(evidence, host);
    for (log, records) in &logs {
        let fall = || deepest_fall(records, step);
        if !step.last_before.contains_key(log)
            && let Some(number) = fall()
        {
            step.last_before.insert(*log, number);
        }
    }
    let (mut before, mut after) = (Vec::new(), Vec::new());
    for (log, records) in &logs {
        let Some(last) = step.last_before.get(log) else {
            continue;
        };
        for (number, time) in records.iter().filter(|(_, t)| told_twice(step, *t)) {
            if number <= last {
                before.push(*time);
            } else {
                after.push(*time);
            }
        }
    }
    before.sort_unstable();
    after.sort_unstable();
    for (log, records) in &logs {
        if !step.last_before.contains_key(log)
            && let Some(number) = by_company(records, step, &before, &after)
        {
            step.last_before.insert(*log, number);
        }
    }
}

/// A host's logs, each with its records by number.
fn logs(evidence: &Evidence, host: HostId) -> BTreeMap<LogId, Vec<Written>> {
    let mut logs: BTreeMap<LogId, Vec<Written>> = BTreeMap::new();
    for (source, s) in (0u32..).zip(&evidence.sources) {
        for (index, e) in (0u32..).zip(&s.batch.events) {
            if evidence.log_host(source, e.log) == Some(host) {
                let time = evidence.raw_time(At { source, index });
                logs.entry((source, e.log))
                    .or_default()
                    .push((e.place, time));
            }
        }
    }
    for records in logs.values_mut() {
        records.sort_unstable();
    }
    logs
}

fn told_twice(step: &Step, time: Timestamp) -> bool {
    step.new <= time && time <= step.old
}

/// The last record before times go back the furthest, inside what the setting told twice.
fn deepest_fall(records: &[Written], step: &Step) -> Option<u64> {
    let falls = records.windows(2).filter_map(|pair| {
        let [(number, before), (_, after)] = pair else {
            return None;
        };
        let here = *before <= step.old && *after >= step.new;
        let fall = before.since(*after);
        (here && fall > SMALLEST_STEP_NS / 2).then_some((fall, *number))
    });
    falls.max().map(|(_, number)| number)
}

/// Records of several logs that belong to one occurrence lie this near to each other.
const COMPANY_NS: i64 = 2 * SECOND;

/// The cut under which most records stand near records of their own time.
fn by_company(
    records: &[Written],
    step: &Step,
    before: &[Timestamp],
    after: &[Timestamp],
) -> Option<u64> {
    let near = |list: &[Timestamp], time: Timestamp| {
        let from = list.partition_point(|t| *t < time.plus(-COMPANY_NS));
        list.get(from).is_some_and(|t| *t <= time.plus(COMPANY_NS))
    };
    let votes: Vec<(u64, i64)> = records
        .iter()
        .filter(|(_, t)| told_twice(step, *t))
        .map(|(number, t)| {
            (
                *number,
                i64::from(near(before, *t)) - i64::from(near(after, *t)),
            )
        })
        .collect();
    // Votes for "before" gained by each cut; all records after the setting is the cut before the first of them.
    let mut sum = 0;
    let cuts = votes.iter().map(|(number, vote)| {
        sum += vote;
        (sum, *number)
    });
    cuts.max()
        .filter(|(gained, _)| *gained > 0)
        .map(|(_, number)| number)
}
