//! Where a record is written: channel, provider and id.

use rdpwhy_parsers::Kind;
use rdpwhy_parsers::catalog::{self, EventSpec};
use serde::Serialize;

use crate::knowledge::{KnowledgeError, lists};

/// Where a record is written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// Channel of the event log.
    pub channel: &'static str,
    /// The provider; of several names, the usual one.
    pub provider: &'static str,
    /// The event's id.
    pub id: u32,
}

impl Place {
    /// That of a record.
    pub fn of(spec: &'static EventSpec) -> Self {
        Self {
            channel: spec.channel,
            provider: spec.provider_name,
            id: spec.id,
        }
    }

    /// All records that tell one of these facts; none for facts of a capture.
    pub fn of_kinds(kinds: &[Kind]) -> Vec<Self> {
        let tells = |e: &&EventSpec| {
            kinds.contains(&e.kind) || e.variants.iter().any(|v| kinds.contains(&v.kind))
        };
        let mut places: Vec<Self> = catalog::all().iter().filter(tells).map(Self::of).collect();
        places.sort();
        places.dedup();
        places
    }
}

/// Whether Windows records such events only when they are switched on.
///
/// # Errors
/// When the embedded list is wrong, which the tests exclude.
pub fn off_by_default(kind: Kind) -> Result<bool, KnowledgeError> {
    Ok(lists::off_by_default()?
        .iter()
        .any(|group| group.contains(&kind)))
}

/// Whether each of these words names the record's provider or channel: a part of its name, or its initials (`LSM`).
pub fn is_called(spec: &EventSpec, words: &[String]) -> bool {
    let names = [spec.provider_name, spec.provider, spec.channel];
    words.iter().all(|w| {
        let part = |name: &str| squeezed(name).contains(&squeezed(w));
        names.iter().any(|n| part(n)) || names.iter().any(|n| initials(n) == *w)
    })
}

fn squeezed(name: &str) -> String {
    name.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// `lsm` for `…-LocalSessionManager/Operational`, `scm` for `service control manager`.
fn initials(name: &str) -> String {
    let name = name.split('/').next().unwrap_or_default();
    let last = name.rsplit('-').next().unwrap_or_default();
    let spaced = last.split(' ').count() > 1;
    let starts = last.char_indices().filter(|(at, c)| {
        let after_space = *at == 0 || last.get(..*at).is_some_and(|before| before.ends_with(' '));
        if spaced {
            after_space
        } else {
            c.is_ascii_uppercase()
        }
    });
    starts.map(|(_, c)| c.to_ascii_lowercase()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_say_initials() {
        let lsm = "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational";
        assert_eq!(initials(lsm), "lsm");
        assert_eq!(initials("Service Control Manager"), "scm");
    }

    #[test]
    fn a_record_is_found_by_its_provider() {
        let called = |id, word: &str| {
            let words = [word.to_owned()];
            catalog::all()
                .iter()
                .filter(|e| e.id == id && is_called(e, &words))
                .count()
        };
        assert_eq!(called(36870, "schannel"), 1);
        assert_eq!(called(131, "rdpcorets"), 1);
        assert_eq!(called(40, "lsm"), 1);
        assert!(called(7036, "scm") > 0);
        assert_eq!(called(36870, "bogus"), 0);
    }
}
