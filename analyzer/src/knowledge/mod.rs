//! What is known of root causes: one data file each, checked strictly when it is read.

pub mod cause;
mod check;
mod condition;
mod document;
pub mod lists;
mod moments;
mod reader;

pub use cause::{
    Absence, Around, Cause, Confidence, EventSign, Joined, Remedy, Sign, Similar, Test, Window,
};
pub use check::{Checked, KnowledgeError, check};
pub use condition::{Condition, Literal, Nothing, Others, parse_number};
pub(crate) use moments::moments;

use crate::kinds::Kinds;

include!(concat!(env!("OUT_DIR"), "/causes.rs"));

/// A cause file with comments that say what each key means, to copy and change.
pub const TEMPLATE: &str = include_str!("../../knowledge/TEMPLATE.toml");

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
        Self::with([])
    }

    /// The embedded causes with others added; one of the same id replaces the embedded one. Each item is (path, text).
    ///
    /// # Errors
    /// The first mistake found, with file and line; [`check`] tells all.
    pub fn with<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, KnowledgeError> {
        let checked = check(files).map_err(|mistakes| moments::first("knowledge", mistakes))?;
        Ok(checked.knowledge)
    }

    /// The cause of this id.
    pub fn cause(&self, id: &str) -> Option<&Cause> {
        let at = self
            .causes
            .binary_search_by(|c| c.id.as_str().cmp(id))
            .ok()?;
        self.causes.get(at)
    }

    /// Kinds of facts that signs look for at a client or server beside the attempt itself.
    pub fn looked_for_beside(&self) -> Kinds {
        fn look(signs: &[Sign], kinds: &mut Kinds) {
            for sign in signs {
                match &sign.test {
                    Test::Event(e) if matches!(e.joined, Joined::Server | Joined::Client) => {
                        e.kinds.iter().for_each(|k| kinds.add(*k));
                    }
                    Test::Fact(..) | Test::Event(_) => {}
                    Test::Any(signs) | Test::All(signs) | Test::Witnesses(signs) => {
                        look(signs, kinds);
                    }
                    Test::Absent(inner) => look(std::slice::from_ref(inner), kinds),
                }
            }
        }
        let mut kinds = Kinds::default();
        for cause in &self.causes {
            for signs in [&cause.required, &cause.supporting, &cause.excluding] {
                look(signs, &mut kinds);
            }
        }
        kinds
    }

    /// Whether the file of one of two causes names the other as similar.
    pub fn look_alike(&self, a: usize, b: usize) -> bool {
        let (Some(x), Some(y)) = (self.causes.get(a), self.causes.get(b)) else {
            return false;
        };
        x.similar.iter().any(|s| s.cause == y.id) || y.similar.iter().any(|s| s.cause == x.id)
    }
}
