//! Every cause against every attempt, before verdicts are made of it: the log of the reasoning, and what a change to the
//! knowledge is reviewed by.

use crate::attempt::Attempt;
use crate::case::Case;
use crate::judge::{self, Opinion};
use crate::{Knowledge, KnowledgeError, Options, Progress, Source};

/// What each attempt's evidence says for and against each cause, by the attempt's start. Steps of another attempt's try are
/// left out: they are not judged.
///
/// # Errors
/// When an embedded data file is wrong, which the tests exclude.
pub fn opinions(
    sources: Vec<Source>,
    secrets: &[Vec<u8>],
    knowledge: &Knowledge,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Vec<(Attempt, Opinion)>, KnowledgeError> {
    let (case, attempts) = Case::new(
        crate::read(sources, secrets, options, progress),
        options.told.as_ref(),
    )?;
    let matcher = case.matcher();
    let judged = attempts
        .into_iter()
        .filter(|a| a.part_of.is_none() && options.keep(a));
    let opinion = |a: Attempt| {
        let opinion = judge::opinion(&matcher, knowledge, &a);
        (a, opinion)
    };
    Ok(judged.map(opinion).collect())
}
