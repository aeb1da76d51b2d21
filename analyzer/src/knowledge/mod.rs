//! What is known of root causes: one data file each, checked strictly when it is read.

pub mod cause;
mod check;
mod condition;
mod file;
pub mod lists;

pub use cause::{Absence, Around, Cause, Confidence, EventSign, Joined, Remedy, Sign, Similar, Test, Window};
pub use condition::{Condition, Literal, Nothing, Others};
pub use check::KnowledgeError;
pub(crate) use file::moments;

use std::collections::BTreeMap;

include!(concat!(env!("OUT_DIR"), "/causes.rs"));

/// All causes, by id.
#[derive(Debug, Clone)]
pub struct Knowledge {
    /// Sorted by id.
    pub causes: Vec<Cause>,
}

impl Knowledge {
    /// The causes that come with the program.
    ///
    /// # Errors
    /// When one of the embedded files is wrong, which the tests exclude.
    pub fn embedded() -> Result<Self, KnowledgeError> {
        Self::read(CAUSE_FILES.iter().copied())
    }

    /// The embedded causes with others added; one of the same id replaces the embedded one. Each item is (path, text).
    ///
    /// # Errors
    /// The first mistake found, with file and line.
    pub fn with<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, KnowledgeError> {
        let mut all: BTreeMap<String, Cause> =
            Self::embedded()?.causes.into_iter().map(|c| (c.id.clone(), c)).collect();
        let added = Self::parse(files)?;
        all.extend(added.into_iter().map(|c| (c.id.clone(), c)));
        Self::checked(all)
    }

    /// Causes from files alone.
    ///
    /// # Errors
    /// The first mistake found, with file and line.
    pub fn read<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, KnowledgeError> {
        let causes = Self::parse(files)?;
        Self::checked(causes.into_iter().map(|c| (c.id.clone(), c)).collect())
    }

    /// The cause of this id.
    pub fn cause(&self, id: &str) -> Option<&Cause> {
        let at = self.causes.binary_search_by(|c| c.id.as_str().cmp(id)).ok()?;
        self.causes.get(at)
    }

    fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Vec<Cause>, KnowledgeError> {
        files.into_iter().map(|(path, text)| file::parse(path, text)).collect()
    }

    fn checked(causes: BTreeMap<String, Cause>) -> Result<Self, KnowledgeError> {
        let knowledge = Self { causes: causes.into_values().collect() };
        check::references(&knowledge)?;
        Ok(knowledge)
    }
}
