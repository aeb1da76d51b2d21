//! `variations [--samples FOLDER] [--only TEXT] [--keep FOLDER] [-v]`: makes variations of the described cases and, where they are, of the
//! samples, asks for each what the analysis says, and compares the answers with those to the originals. Writes a table in
//! Markdown; with `-v`, what went wrong to standard error; with `--keep`, the evidence of that into the folder. Exit status 1 if an answer is certain and wrong, if a healthy
//! connection is blamed, if the share of right answers falls by more than three points where nothing is missing, or if more than
//! three in a hundred are wrong where something is. There an answer is right, too, that names no cause and has the right one
//! among those that more evidence would decide.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a tool of this repository that says why it stops by stopping"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use rdpwhy_tests::evidence;
use rdpwhy_tests::variation::truth::{Answer, Truth};
use rdpwhy_tests::variation::{self, Files, Subject, Variation};

/// Points by which the share of right answers may fall.
const TOLERATED: f64 = 3.0;

fn main() -> ExitCode {
    let mut samples = evidence::samples();
    let (mut only, mut verbose, mut keep) = (String::new(), false, None);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--samples" => samples = words.next().map(PathBuf::from),
            "--only" => only = words.next().expect("a text"),
            "--keep" => keep = words.next().map(PathBuf::from),
            "-v" => verbose = true,
            _ => panic!("unknown argument {word}"),
        }
    }
    let mut sets: Vec<(&str, Vec<Subject>)> = vec![("described cases", variation::described())];
    if let Some(folder) = samples {
        let (lab, logs) = (folder.join("lab"), folder.join("log-cases"));
        let single = |file: &str| -> Files {
            vec![(file.to_owned(), std::fs::read(lab.join(file)).unwrap())]
        };
        let labelled = Truth::lab(&lab).into_iter();
        sets.push((
            "captures of the lab",
            labelled.map(|(t, f)| Subject::new(t, single(&f))).collect(),
        ));
        let labelled = Truth::logs(&logs).into_iter();
        sets.push((
            "incidents in logs",
            labelled
                .map(|(t, f)| Subject::new(t, variation::read(&logs.join(f))))
                .collect(),
        ));
    }
    let mut good = true;
    for (name, subjects) in sets {
        let subjects: Vec<Subject> = subjects
            .into_iter()
            .filter(|s| s.truth.name.contains(&only))
            .collect();
        good &= table(name, &subjects, verbose, keep.as_deref());
    }
    if good {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[derive(Default)]
struct Sum {
    right: u32,
    deprived: u32,
    abstains: u32,
    wrong: u32,
    /// Right for the originals of the same ones.
    before: u32,
    certain_and_wrong: u32,
    blamed: u32,
}

impl Sum {
    const fn all(&self) -> u32 {
        self.right + self.deprived + self.abstains + self.wrong
    }

    fn share(&self, n: u32) -> f64 {
        100.0 * f64::from(n) / f64::from(self.all().max(1))
    }
}

fn write(subject: &Subject, variation: Variation, folder: &Path) {
    let folder = folder.join(format!("{}-{variation:?}", subject.truth.name));
    for (label, bytes) in subject.varied(variation).into_iter().flatten() {
        let path = folder.join(label);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

fn table(name: &str, subjects: &[Subject], verbose: bool, keep: Option<&Path>) -> bool {
    let mut sums: BTreeMap<Variation, Sum> = BTreeMap::new();
    for subject in subjects {
        let original = subject.original();
        if verbose && original.answer != Answer::Right {
            eprintln!(
                "{name}, {}: {:?}, {}",
                subject.truth.name, original.answer, original.named
            );
        }
        for variation in subject.variations() {
            let Some(score) = subject.scored(variation) else {
                continue;
            };
            let kind = if matches!(variation, Variation::Without(_)) {
                Variation::Without(0)
            } else {
                variation
            };
            let sum = sums.entry(kind).or_default();
            match score.answer {
                Answer::Right => sum.right += 1,
                Answer::Deprived => sum.deprived += 1,
                Answer::Abstains => sum.abstains += 1,
                Answer::Wrong => sum.wrong += 1,
            }
            sum.before += u32::from(original.answer == Answer::Right);
            sum.certain_and_wrong += u32::from(!score.certain_and_wrong.is_empty());
            sum.blamed += u32::from(!score.blamed.is_empty());
            let worse = score.answer > original.answer;
            if let Some(folder) = keep.filter(|_| worse) {
                write(subject, variation, folder);
            }
            if verbose && (worse || !score.certain_and_wrong.is_empty() || !score.blamed.is_empty())
            {
                eprintln!(
                    "{name}, {} ({variation:?}): {:?} instead of {:?}; {} instead of {}; certain and wrong {:?}; blamed {:?}",
                    subject.truth.name,
                    score.answer,
                    original.answer,
                    score.named,
                    original.named,
                    score.certain_and_wrong,
                    score.blamed
                );
            }
        }
    }
    println!("\n{name}: {}\n", subjects.len());
    println!(
        "| variation | n | originals right | right | no answer, its grounds gone | no answer | wrong | certain and wrong | healthy blamed |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|");
    let mut good = true;
    for (variation, s) in sums {
        println!(
            "| {} | {} | {:.1} % | {:.1} % | {} | {} | {} | {} | {} |",
            variation.name(),
            s.all(),
            s.share(s.before),
            s.share(s.right),
            s.deprived,
            s.abstains,
            s.wrong,
            s.certain_and_wrong,
            s.blamed
        );
        let lost = s.share(s.before) - s.share(s.right + s.deprived);
        good &= s.certain_and_wrong == 0 && s.blamed == 0 && (lost <= TOLERATED);
    }
    good
}
