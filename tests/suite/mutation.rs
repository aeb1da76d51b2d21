//! A few hundred seeded truncations and bit flips of good evidence: no panic, and a report that keeps the contract.

use rdpwhy_fixtures::seed::Seed;

use crate::case::{self, Evidence};
use crate::contract::violations;
use crate::program::{analyze, in_parallel};

/// Mutants per case.
const MUTANTS: u64 = 150;
/// A case with every channel and a capture, and one whose records carry no templates.
const CASES: [&str; 2] = ["showcase", "forwarded"];

/// The evidence with one file cut short, or with some bits the other way round.
fn mutant(good: &Evidence, seed: &mut Seed) -> (String, Evidence) {
    let mut evidence = good.clone();
    let file = pick(seed, evidence.0.len());
    let (label, bytes) = &mut evidence.0[file];
    let what = match seed.between(0, 4) {
        0 => {
            let length = pick(seed, bytes.len());
            bytes.truncate(length);
            format!("{label} cut to {length}")
        }
        1 => {
            let (from, length) = (pick(seed, bytes.len()), pick(seed, 5000));
            let to = (from + length).min(bytes.len());
            bytes.drain(from..to);
            format!("{label} without {from}..{to}")
        }
        _ => {
            let flips: Vec<_> = (0..=pick(seed, 20))
                .map(|_| (pick(seed, bytes.len()), pick(seed, 8)))
                .collect();
            for (at, bit) in &flips {
                bytes[*at] ^= 1 << bit;
            }
            format!("{label} with bits flipped: {flips:?}")
        }
    };
    (what, evidence)
}

/// A number below `end`.
fn pick(seed: &mut Seed, end: usize) -> usize {
    usize::try_from(seed.next_u64() % end as u64).unwrap()
}

#[test]
fn mutants_of_good_evidence_are_read_without_panic() {
    let mutants: Vec<_> = CASES
        .iter()
        .flat_map(|case| (0..MUTANTS).map(|nth| (case::named(case), nth)))
        .collect();
    let broken = in_parallel(&mutants, |(case, nth)| {
        let mut seed = Seed::of(&format!("mutant {nth} of {}", case.name));
        let (what, evidence) = mutant(&case.evidence, &mut seed);
        let run = std::panic::catch_unwind(|| analyze(&evidence));
        let found = match run {
            Ok((report, status)) => violations(&report, status),
            Err(_) => vec!["panic".to_owned()],
        };
        let told = |f| format!("{}, {what}: {f}", case.name);
        found.into_iter().map(told).collect::<Vec<_>>()
    });
    let broken = broken.concat();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}
