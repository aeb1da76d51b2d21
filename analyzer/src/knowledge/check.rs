//! Mistakes in data files, with file and line.

use thiserror::Error;

use super::Knowledge;

/// What is wrong in a data file.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("{path}:{line}: {what}")]
pub struct KnowledgeError {
    /// The file.
    pub path: String,
    /// Line, from 1 on.
    pub line: usize,
    /// What was expected and found.
    pub what: String,
}

/// Causes may only name causes that exist.
pub(super) fn references(knowledge: &Knowledge) -> Result<(), KnowledgeError> {
    for cause in &knowledge.causes {
        let named = cause.refines.iter().chain(&cause.explains).chain(cause.similar.iter().map(|s| &s.cause));
        for other in named {
            if knowledge.cause(other).is_none() || *other == cause.id {
                return Err(KnowledgeError {
                    path: format!("{}/{}.toml", cause.stage, cause.id),
                    line: 1,
                    what: format!("it names the cause {other}, which does not exist or is itself"),
                });
            }
        }
    }
    Ok(())
}
