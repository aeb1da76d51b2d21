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
    // Git keeps no empty folder: where nothing was broken yet there is none.
    let known = if folder.is_dir() {
        evidence::files(&folder)
    } else {
        Vec::new()
    };
    for file in known {
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

/// `fuzz/run` with a cargo that only pretends: what is chosen, written down and left out.
#[cfg(unix)]
#[test]
fn the_script_goes_on_where_it_stopped() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    /// Burns some processor time, says what libFuzzer says, and finds something in one target.
    const CARGO: &str = r##"#!/bin/sh
    case "$*" in
        *"fuzz run"*) ;;
        *) exit 0 ;;
    esac
    i=0
    while [ "$i" -lt 30000 ]; do i=$((i + 1)); done
    echo "#12 DONE cov: 7 ft: 9 corp: 3/14b" >&2
    echo "stat::number_of_executed_units: 12" >&2
    case "$*" in
        *"run broken"*) : >"$RDPWHY_FUZZ/findings/broken/crash-1"; exit 77 ;;
    esac
    "##;
    let folder = tempfile::TempDir::new().unwrap();
    let at = |path: &str| folder.path().join(path);
    fs::create_dir_all(at("fuzz")).unwrap();
    fs::create_dir_all(at("bin")).unwrap();
    for script in ["run", "table"] {
        let from = evidence::repository().join("fuzz").join(script);
        fs::copy(from, at("fuzz").join(script)).unwrap();
    }
    fs::write(at("Cargo.lock"), "").unwrap();
    fs::write(
        at("fuzz/goals"),
        "# so long\nshort 0.0001\nlong 0.004\nbroken 0.002\n",
    )
    .unwrap();
    fs::write(at("bin/cargo"), CARGO).unwrap();
    fs::set_permissions(at("bin/cargo"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        at("bin").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let run = || {
        let output = Command::new("bash")
            .arg(at("fuzz/run"))
            .env("PATH", &path)
            .env("RDPWHY_FUZZ", at("home"))
            .output()
            .unwrap();
        let journal = fs::read_to_string(at("home/journal.tsv")).unwrap();
        let lines: Vec<Vec<String>> = journal
            .lines()
            .skip(1)
            .map(|l| l.split('\t').map(str::to_owned).collect())
            .collect();
        (output, lines)
    };
    let targets =
        |lines: &[Vec<String>]| -> Vec<String> { lines.iter().map(|l| l[2].clone()).collect() };
    let (output, lines) = run();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("findings/broken/crash-1"), "{told}");
    // Each once before any of them twice; then the one that is to have more, and never the broken one again.
    let order = targets(&lines);
    let mut first: Vec<&str> = order.iter().take(3).map(String::as_str).collect();
    first.sort_unstable();
    assert_eq!(first, ["broken", "long", "short"]);
    assert!(order.iter().skip(3).all(|t| t == "long"), "{order:?}");
    let spent: f64 = lines
        .iter()
        .filter(|l| l[2] == "long")
        .map(|l| l[3].parse::<f64>().unwrap())
        .sum();
    assert!(spent >= 0.24, "{lines:?}");
    assert!(
        lines.iter().all(|l| l[4..8] == ["12", "7", "9", "3"]),
        "{lines:?}"
    );
    // Mended: what was found is gone, and the next run takes up that target alone.
    fs::remove_file(at("home/findings/broken/crash-1")).unwrap();
    let before = lines.len();
    let (_, lines) = run();
    assert_eq!(targets(&lines[before..]), ["broken"]);
    // The table adds the journal up.
    assert!(told.contains("| `short` |"), "{told}");
}
