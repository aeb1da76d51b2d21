//! Which records belong to a connection by their moment alone: `knowledge/moments.toml`.

use rdpwhy_parsers::{EventRef, Field, Kind};
use std::sync::OnceLock;

use crate::knowledge::{Condition, KnowledgeError, Nothing};
use crate::stage::Stage;

/// Records that are tied to a connection by their moment.
#[derive(Debug)]
pub struct Moment {
    /// Kinds.
    pub kinds: Vec<Kind>,
    /// Whether the client's host writes them, not the server's.
    pub at_client: bool,
    /// What stage they prove to have been entered.
    pub stage: Option<Stage>,
    /// How long after the connection's start they may come, nanoseconds.
    pub after: i64,
    /// Whether an address or a user must tie them as well.
    pub keyed: bool,
    /// What their values must be.
    pub values: Vec<(Field, Condition)>,
    /// Programs that speak for the connection; empty: any. A record without a program is old and counts.
    pub speakers: Vec<String>,
}

const TEXT: &str = include_str!("../knowledge/moments.toml");

/// Reads the embedded file.
///
/// # Errors
/// When it is wrong, which the tests exclude.
pub fn embedded() -> Result<&'static [Moment], KnowledgeError> {
    // Read once: live capture judges many times a second.
    static READ: OnceLock<Result<Vec<Moment>, KnowledgeError>> = OnceLock::new();
    let read = READ.get_or_init(|| crate::knowledge::moments("moments.toml", TEXT));
    read.as_deref().map_err(Clone::clone)
}

impl Moment {
    /// Whether this record is of that sort.
    pub fn fits(&self, event: EventRef<'_>, process: Field) -> bool {
        self.kinds.contains(&event.event.kind)
            && self
                .values
                .iter()
                .all(|(f, c)| c.holds(event.get(*f), &Nothing))
            && (self.speakers.is_empty()
                || event.text(process).is_none_or(|p| {
                    let program = p.rsplit(['\\', '/']).next().unwrap_or(p);
                    self.speakers
                        .iter()
                        .any(|s| program.eq_ignore_ascii_case(s))
                }))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_embedded_file_is_right() {
        assert!(
            !super::embedded()
                .expect("moments.toml is checked here")
                .is_empty()
        );
    }
}
