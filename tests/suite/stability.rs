//! Damage and verdicts: what spares the deciding evidence leaves the verdict, what takes it makes the verdict weaker. No
//! damage makes another cause likely, save the more general one that the true cause refines.

use std::collections::BTreeSet;

use rdpwhy_fixtures::seed::Seed;
use rdpwhy_tests::damage::{Damage, below, records};
use serde_json::Value;

use crate::case::Evidence;
use crate::program::{Told, analyze, in_parallel, list, number, text, told};
use crate::properties::{none, overstated};

/// Random damage per case.
const TIMES: u64 = 4;
/// What loses evidence. A bit that flips inside a value is left out: it makes another record of a record, which then says
/// something else, and only the chunk's checksum tells that something is wrong.
const LOSSES: [Damage; 9] = [
    Damage::Truncated,
    Damage::ZeroedSectors,
    Damage::Swapped,
    Damage::Duplicated,
    Damage::Removed,
    Damage::Inserted,
    Damage::WrongRecordSize,
    Damage::NoChunkSignature,
    Damage::StaleFreeSpace,
];
/// What loses nothing.
const HARMLESS: [Damage; 3] = [
    Damage::GarbageAppended,
    Damage::WrongChecksums,
    Damage::NoFileHeader,
];

/// Numbers of the records that a report cites, by the path of their file.
fn cited(report: &Value, path: &str) -> BTreeSet<u64> {
    let source = list(report, "/sources")
        .iter()
        .find(|s| text(s, "/path").ends_with(path));
    let Some(id) = source.map(|s| number(s, "/id")) else {
        return BTreeSet::new();
    };
    let steps = list(report, "/attempts")
        .iter()
        .flat_map(|a| list(a, "/steps"));
    let signs = steps.flat_map(|s| list(s, "/signs"));
    let evidence = list(report, "/verdicts")
        .iter()
        .flat_map(|v| list(v, "/evidence"));
    signs
        .chain(evidence)
        .filter(|e| number(e, "/source") == id)
        .filter_map(|e| text(e, "/at").strip_prefix("record ")?.parse().ok())
        .collect()
}

/// The evidence with the records of these numbers made unreadable in one of its logs.
fn without_records(good: &Evidence, path: &str, numbers: &BTreeSet<u64>) -> Evidence {
    let mut evidence = good.clone();
    for (_, bytes) in evidence.0.iter_mut().filter(|(label, _)| label == path) {
        for at in records(bytes, 0..bytes.len()) {
            let number = bytes
                .get(at + 8..at + 16)
                .and_then(|b| b.try_into().ok())
                .map(u64::from_le_bytes);
            let size = bytes
                .get(at + 4..at + 8)
                .and_then(|b| b.try_into().ok())
                .map(u32::from_le_bytes);
            let (Some(number), Some(size)) = (number, size) else {
                continue;
            };
            if numbers.contains(&number)
                && let Some(body) = bytes.get_mut(at + 24..at + size as usize - 4)
            {
                body.fill(0);
            }
        }
    }
    evidence
}

/// Whether later records may need this one: a template is defined where it is used first (`0c 01`, its id, where its
/// definition begins in the chunk), and the others point to it.
fn defines(bytes: &[u8], at: usize) -> bool {
    const FILE_HEADER: usize = 0x1000;
    const CHUNK: usize = 0x1_0000;
    let size = bytes
        .get(at + 4..at + 8)
        .and_then(|b| b.try_into().ok())
        .map_or(0, |b| u32::from_le_bytes(b) as usize);
    let (from, to) = (at + 24, (at + size).min(bytes.len()));
    (from..to.saturating_sub(10)).any(|place| {
        let here = (place + 10 - FILE_HEADER) % CHUNK;
        let definition = bytes
            .get(place + 6..place + 10)
            .and_then(|b| b.try_into().ok())
            .map_or(0, |b| u32::from_le_bytes(b) as usize);
        bytes.get(place..place + 2) == Some(&[0x0c, 0x01]) && definition == here
    })
}

/// Behind a capture, garbage may be a packet.
fn is_log(label: &str) -> bool {
    label.ends_with(".evtx")
}

fn first(report: &Value) -> String {
    text(report, "/verdicts/0/cause").to_owned()
}

fn verdicts(report: &Value) -> Vec<String> {
    let verdicts = list(report, "/verdicts").iter();
    verdicts
        .map(|v| format!("{} {}", text(v, "/cause"), text(v, "/confidence")))
        .collect()
}

#[test]
fn what_loses_nothing_changes_nothing() {
    none(&in_parallel(told(), |t| {
        let mut seed = Seed::of(&format!("harmless {}", t.case.name));
        let mut evidence = t.case.evidence.clone();
        for (_, bytes) in evidence.0.iter_mut().filter(|(label, _)| is_log(label)) {
            HARMLESS[below(&mut seed, HARMLESS.len())].apply(bytes, &mut seed);
        }
        let (report, status) = analyze(&evidence);
        let (before, after) = (verdicts(&t.report), verdicts(&report));
        (before != after || status != t.status)
            .then(|| format!("{}: {before:?} became {after:?}", t.case.name))
    }));
}

/// A record that nobody cites decides nothing.
#[test]
fn losing_a_record_that_nobody_cites_leaves_the_cause() {
    none(&in_parallel(told(), |t| {
        let mut seed = Seed::of(&format!("uncited {}", t.case.name));
        let logs: Vec<_> = t
            .case
            .evidence
            .0
            .iter()
            .filter(|(label, _)| is_log(label))
            .collect();
        let (path, bytes) = seed.pick(&logs)?;
        let cited = cited(&t.report, path);
        let spare: Vec<u64> = records(bytes, 0..bytes.len())
            .into_iter()
            .filter(|at| !defines(bytes, *at))
            .filter_map(|at| {
                Some(u64::from_le_bytes(
                    bytes.get(at + 8..at + 16)?.try_into().ok()?,
                ))
            })
            .filter(|n| !cited.contains(n))
            .collect();
        let lost = BTreeSet::from([*seed.pick(&spare)?]);
        let (report, _) = analyze(&without_records(&t.case.evidence, path, &lost));
        let mut found = overstated(&t.report, &report);
        if first(&report) != first(&t.report) {
            found.push(format!("{} became {}", first(&t.report), first(&report)));
        }
        (!found.is_empty())
            .then(|| format!("{} without {lost:?} of {path}: {found:?}", t.case.name))
    }));
}

/// All that decides, gone, file by file.
#[test]
fn losing_what_decides_never_makes_another_cause_likely() {
    let runs: Vec<(&Told, &str)> = told()
        .iter()
        .flat_map(|t| {
            t.case
                .evidence
                .0
                .iter()
                .map(move |(label, _)| (t, label.as_str()))
        })
        .filter(|(_, label)| is_log(label))
        .collect();
    none(&in_parallel(&runs, |(t, path)| {
        let cited = cited(&t.report, path);
        if cited.is_empty() {
            return None;
        }
        let (report, _) = analyze(&without_records(&t.case.evidence, path, &cited));
        let found = overstated(&t.report, &report);
        (!found.is_empty()).then(|| format!("{} without what {path} says: {found:?}", t.case.name))
    }));
}

#[test]
fn no_loss_makes_another_cause_likely() {
    let runs: Vec<(&Told, u64)> = told()
        .iter()
        .flat_map(|t| (0..TIMES).map(move |n| (t, n)))
        .collect();
    none(&in_parallel(&runs, |(t, n)| {
        let mut seed = Seed::of(&format!("loss {n} of {}", t.case.name));
        let mut evidence = t.case.evidence.clone();
        let file = below(&mut seed, evidence.0.len());
        let kind = LOSSES[below(&mut seed, LOSSES.len())];
        kind.apply(&mut evidence.0[file].1, &mut seed);
        let (report, _) = analyze(&evidence);
        let found = overstated(&t.report, &report);
        let what = format!(
            "{}, {} of {} ({n})",
            t.case.name,
            kind.name(),
            evidence.0[file].0
        );
        (!found.is_empty()).then(|| format!("{what}: {found:?}"))
    }));
}
