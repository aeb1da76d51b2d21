//! The fuzz targets' bodies in the plain suite: over their seeds, over what once broke them, and over some seeded
//! mutations. Long runs are the fuzzers' own, see `docs/robustness.md`.

use std::fs;

use rdpwhy_tests::bodies::TARGETS;
use rdpwhy_tests::evidence;

use crate::program::in_parallel;

/// Mutations of each target.
const MUTATIONS: u64 = 250;

#[test]
fn seeds_and_their_mutations_are_survived() {
    let broken = in_parallel(TARGETS, |target| {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{}", target.name);
        for seed in &seeds {
            (target.body)(seed);
        }
        let breaks = |n: &u64| {
            let bytes = target.mutation(&seeds, *n);
            std::panic::catch_unwind(|| (target.body)(&bytes)).is_err()
        };
        (0..MUTATIONS)
            .filter(breaks)
            .map(|n| format!("{}: mutation {n}", target.name))
            .collect::<Vec<_>>()
    });
    assert!(broken.iter().all(Vec::is_empty), "{broken:?}");
}

/// `tests/regressions/TARGET/NAME`: an input that once broke something, under a name that says what.
#[test]
fn what_once_broke_something_does_not_any_more() {
    let folder = evidence::repository().join("tests/regressions");
    for file in evidence::files(&folder) {
        let name = file
            .parent()
            .and_then(|p| p.file_name())
            .unwrap()
            .to_string_lossy();
        let Some(target) = TARGETS.iter().find(|t| t.name == name) else {
            continue;
        };
        println!("{}", file.display());
        (target.body)(&fs::read(&file).unwrap());
    }
}

/// A fuzz target is a file of three lines that nobody compiles daily: this holds them to the table.
#[test]
fn every_body_has_a_fuzz_target() {
    let folder = evidence::repository().join("fuzz/fuzz_targets");
    let manifest = fs::read_to_string(evidence::repository().join("fuzz/Cargo.toml")).unwrap();
    for target in TARGETS {
        let text = fs::read_to_string(folder.join(format!("{}.rs", target.name))).unwrap();
        assert!(text.contains(&format!("\"{}\"", target.name)), "{text}");
        assert!(
            manifest.contains(&format!("name = \"{}\"", target.name)),
            "{}",
            target.name
        );
    }
}
