//! Short lists of kinds: what counts as a change, what is recorded only when switched on.

use rdpwhy_parsers::Kind;
use serde::Deserialize;

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
pub fn changes() -> Result<Vec<Kind>, KnowledgeError> {
    let file: Kinds = toml::from_str(CHANGES).map_err(|e| wrong("changes.toml", e.message()))?;
    kinds("changes.toml", file)
}

/// Groups of kinds that Windows records only when they are switched on.
///
/// # Errors
/// When the embedded file is wrong, which the tests exclude.
pub fn off_by_default() -> Result<Vec<Vec<Kind>>, KnowledgeError> {
    let file: Channels =
        toml::from_str(CHANNELS).map_err(|e| wrong("channels.toml", e.message()))?;
    file.off_by_default
        .into_iter()
        .map(|k| kinds("channels.toml", k))
        .collect()
}

fn kinds(path: &str, file: Kinds) -> Result<Vec<Kind>, KnowledgeError> {
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
