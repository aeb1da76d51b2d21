//! Every cause against every attempt, before verdicts are made of it: the log of the reasoning, and what a change to the
//! knowledge is reviewed by.

use rdpwhy_parsers::Kind;

use crate::attempt::Attempt;
use crate::case::Case;
use crate::judge::{self, Opinion};
use crate::matcher::Matcher;
use crate::{Knowledge, KnowledgeError, Options, Progress, Source};

/// Evidence cut into attempts, ready to be held against one knowledge or another.
pub struct Prepared {
    case: Case,
    judged: Vec<Attempt>,
}

impl Prepared {
    /// Reads the evidence; nothing is judged yet.
    ///
    /// # Errors
    /// When an embedded data file is wrong, which the tests exclude.
    pub fn new(
        sources: Vec<Source>,
        secrets: &[Vec<u8>],
        options: &Options,
        progress: &dyn Progress,
    ) -> Result<Self, KnowledgeError> {
        let (case, attempts) = Case::new(
            crate::read(sources, secrets, options, progress),
            options.told.as_ref(),
            &Kind::all().collect(),
        )?;
        let judged = attempts
            .into_iter()
            .filter(|a| a.part_of.is_none() && options.keep(a))
            .collect();
        Ok(Self { case, judged })
    }

    /// What signs are held against.
    pub fn matcher(&self) -> Matcher<'_> {
        self.case.matcher()
    }

    /// The attempts, by start. Steps of another attempt's try are left out: they are not judged.
    pub fn judged(&self) -> &[Attempt] {
        &self.judged
    }
}

/// What each attempt's evidence says for and against each cause, by the attempt's start.
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
    let Prepared { case, judged } = Prepared::new(sources, secrets, options, progress)?;
    let matcher = case.matcher();
    let opinion = |a: Attempt| {
        let opinion = judge::opinion(&matcher, knowledge, &a);
        (a, opinion)
    };
    Ok(judged.into_iter().map(opinion).collect())
}
