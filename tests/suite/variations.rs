//! Variations of the described cases, as many as a run of the suite has time for; all of them, and those of the samples:
//! `cargo run -p rdpwhy-tests --bin variations`.

use rdpwhy_tests::variation::truth::Answer;
use rdpwhy_tests::variation::{Subject, Variation};

use crate::program::{Told, in_parallel, told};
use crate::properties::none;

/// Each case in one way in which all is different at once, and in one of the others by turns.
fn chosen() -> Vec<(&'static Told, Vec<Variation>)> {
    let mut others = [&Variation::SAME[..], &Variation::LESS[..]]
        .concat()
        .into_iter()
        .cycle();
    let mut next = || {
        others
            .by_ref()
            .find(|v| *v != Variation::Elsewhere)
            .unwrap()
    };
    told()
        .iter()
        .map(|t| (t, vec![Variation::Elsewhere, next()]))
        .collect()
}

#[test]
fn an_answer_does_not_hang_on_names_numbers_and_days() {
    let chosen = chosen();
    let complaints: Vec<Vec<String>> = in_parallel(&chosen, |(t, variations)| {
        let subject = Subject::described(&t.case.name, t.case.evidence.0.clone());
        let mut found = Vec::new();
        for variation in variations {
            let Some(score) = subject.scored(*variation) else {
                continue;
            };
            let lost = !variation.leaves_less() && score.answer != Answer::Right;
            if lost
                || score.answer == Answer::Wrong
                || !score.certain_and_wrong.is_empty()
                || !score.blamed.is_empty()
            {
                found.push(format!("{}, {}: {score:?}", t.case.name, variation.name()));
            }
        }
        found
    });
    let complaints: Vec<Option<String>> = complaints.concat().into_iter().map(Some).collect();
    none(&complaints);
}

/// Patched logs and captures are logs and captures as good as before: as many records, no defect, no wrong checksum.
#[test]
fn a_variation_damages_nothing() {
    let broken = in_parallel(told(), |t| {
        let subject = Subject::described(&t.case.name, t.case.evidence.0.clone());
        let defects = |report: &serde_json::Value| -> Vec<(u64, usize)> {
            let sources = crate::program::list(report, "/sources");
            sources
                .iter()
                .map(|s| {
                    (
                        crate::program::number(s, "/records"),
                        crate::program::list(s, "/defects").len(),
                    )
                })
                .collect()
        };
        let varied = subject.varied(Variation::Elsewhere)?;
        let (report, _) = crate::program::analyze(&crate::case::Evidence(varied));
        let (one, two) = (defects(&t.report), defects(&report));
        (one != two).then(|| format!("{}: {one:?} becomes {two:?}", t.case.name))
    });
    none(&broken);
}
