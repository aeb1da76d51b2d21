//! Short lists of kinds: what counts as a change, what is recorded only when switched on.

use rdpwhy_parsers::Kind;
use serde::Deserialize;
use std::sync::OnceLock;

use super::check::KnowledgeError;

const CHANGES: &str = include_str!("../../knowledge/changes.toml");
const CHANNELS: &str = include_str!("../../knowledge/channels.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Kinds {
    kinds: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Channels {
    off_by_default: Vec<Kinds>,
}

/// Kinds that are changes of a host.
///
/// # Errors
/// When the embedded file is wrong, which the tests exclude.
pub fn changes() -> Result<&'static [Kind], KnowledgeError> {
    static READ: OnceLock<Result<Vec<Kind>, KnowledgeError>> = OnceLock::new();
    let read = READ.get_or_init(|| {
        let file: Kinds =
            toml::from_str(CHANGES).map_err(|e| wrong("changes.toml", e.message()))?;
        kinds("changes.toml", &file)
    });
    read.as_deref().map_err(Clone::clone)
}

/// Groups of kinds that Windows records only when they are switched on.
///
/// # Errors
/// When the embedded file is wrong, which the tests exclude.
pub fn off_by_default() -> Result<&'static [Vec<Kind>], KnowledgeError> {
    static READ: OnceLock<Result<Vec<Vec<Kind>>, KnowledgeError>> = OnceLock::new();
    let read = READ.get_or_init(|| {
        let file: Channels =
            toml::from_str(CHANNELS).map_err(|e| wrong("channels.toml", e.message()))?;
        let groups = file.off_by_default.iter();
        groups.map(|k| kinds("channels.toml", k)).collect()
    });
    read.as_deref().map_err(Clone::clone)
}

fn kinds(path: &str, file: &Kinds) -> Result<Vec<Kind>, KnowledgeError> {
    let named = |n: &String| {
        Kind::named(n).ok_or_else(|| wrong(path, &format!("the catalogue has no event kind {n}")))
    };
    file.kinds.iter().map(named).collect()
}

fn wrong(path: &str, what: &str) -> KnowledgeError {
    KnowledgeError {
        path: path.to_owned(),
        line: 1,
        what: what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_embedded_lists_are_right() {
        assert!(
            !super::changes()
                .expect("changes.toml is checked here")
                .is_empty()
        );
        assert!(
            !super::off_by_default()
                .expect("channels.toml is checked here")
                .is_empty()
        );
    }
}
