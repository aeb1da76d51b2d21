//! Where the numbers of each registry are met: `knowledge/registries.toml`.

use rdpwhy_parsers::{Code, Field, Kind, code};
use serde::Deserialize;

use crate::knowledge::KnowledgeError;

const FILE: &str = include_str!("../../knowledge/registries.toml");

/// All registries, the most usual in RDP cases first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registries {
    registry: Vec<Registry>,
}

/// One registry of numbers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Registry {
    name: String,
    /// Half a sentence, to stand behind "seen as".
    pub seen: String,
    #[serde(default)]
    words: Vec<String>,
    #[serde(default)]
    facts: Vec<String>,
    #[serde(default)]
    carried: Vec<Carried>,
    dialog: Option<Dialog>,
}

/// Events and their field that hold such numbers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Carried {
    events: Option<Vec<String>>,
    field: String,
}

/// Which number of mstsc's error dialog it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialog {
    /// The error code.
    First,
    /// The extended error code.
    Second,
}

/// Reads the embedded file.
///
/// # Errors
/// When it is wrong, which the tests exclude.
pub fn embedded() -> Result<Registries, KnowledgeError> {
    toml::from_str(FILE).map_err(|e| KnowledgeError {
        path: "registries.toml".to_owned(),
        line: 1,
        what: e.message().to_owned(),
    })
}

impl Registries {
    /// Most usual first.
    pub fn iter(&self) -> impl Iterator<Item = &Registry> {
        self.registry.iter()
    }

    /// The registry whose numbers stand at this place in an error dialog.
    pub fn of_dialog(&self, place: Dialog) -> Option<&Registry> {
        self.iter().find(|r| r.dialog == Some(place))
    }

    /// Whether a field of these events is expressly some registry's.
    fn claimed(&self, kinds: &[Kind], field: Field) -> bool {
        let carried = self.iter().flat_map(|r| &r.carried);
        carried
            .filter(|c| c.field == field.name())
            .any(|c| c.has(kinds))
    }

    /// Whether these events hold numbers of `registry` in this field.
    pub fn carries(&self, registry: &Registry, kinds: &[Kind], field: Field) -> bool {
        registry
            .carried
            .iter()
            .filter(|c| c.field == field.name())
            .any(|c| match c.events {
                Some(_) => c.has(kinds),
                None => !self.claimed(kinds, field),
            })
    }
}

impl Carried {
    fn has(&self, kinds: &[Kind]) -> bool {
        self.events
            .iter()
            .flatten()
            .any(|e| kinds.iter().any(|k| k.name() == e))
    }
}

impl Registry {
    /// Its name as the catalogue has it.
    pub fn id(&self) -> &'static str {
        code::registries()
            .find(|r| *r == self.name)
            .unwrap_or_default()
    }

    /// All its numbers.
    pub fn codes(&self) -> &'static [Code] {
        code::table(&self.name).unwrap_or_default()
    }

    /// What it says about a number. Statuses that wrap another registry's number are unwrapped:
    /// 0x80070005 is the Win32 error 5, 0xD00000B5 the NTSTATUS 0xC00000B5.
    pub fn code(&self, value: u32) -> Option<&'static Code> {
        code::code(&self.name, value).or_else(|| {
            let inner = code::status(value).filter(|c| c.value != value)?;
            self.codes().iter().find(|c| std::ptr::eq(*c, inner))
        })
    }

    /// Whether its numbers are the first in an error dialog.
    pub fn is_dialog_first(&self) -> bool {
        self.dialog == Some(Dialog::First)
    }

    /// Whether each of these words is part of its name or one of its own words.
    pub fn is_called(&self, words: &[String]) -> bool {
        words.iter().all(|w| {
            let parts: Vec<&str> = w.split(['-', '_']).filter(|p| !p.is_empty()).collect();
            let named = parts.iter().all(|p| self.name.split('-').any(|n| n == *p));
            (named && !parts.is_empty()) || self.words.contains(w)
        })
    }

    /// Whether a named fact about an attempt holds its numbers.
    pub fn is_fact(&self, name: &str) -> bool {
        self.facts.iter().any(|f| f == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts;

    #[test]
    fn the_embedded_file_knows_every_registry_and_names_only_what_exists() {
        let registries = embedded().expect("registries.toml is checked here");
        for name in code::registries() {
            assert!(
                registries.iter().any(|r| r.name == name),
                "{name} is missing"
            );
        }
        for r in registries.iter() {
            assert_eq!(r.id(), r.name);
            for fact in &r.facts {
                assert!(
                    facts::NAMES.contains(&fact.as_str()),
                    "{}: no fact {fact}",
                    r.name
                );
            }
            for c in &r.carried {
                assert!(
                    Field::named(&c.field).is_some(),
                    "{}: no field {}",
                    r.name,
                    c.field
                );
                for e in c.events.iter().flatten() {
                    assert!(Kind::named(e).is_some(), "{}: no event {e}", r.name);
                }
            }
        }
    }

    #[test]
    fn registries_are_found_by_their_words() {
        let registries = embedded().expect("registries.toml is checked here");
        let called = |words: &[&str]| -> Vec<&str> {
            let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
            registries
                .iter()
                .filter(|r| r.is_called(&words))
                .map(Registry::id)
                .collect()
        };
        assert_eq!(called(&["alert"]), ["tls-alert"]);
        assert_eq!(called(&["negotiation", "failure"]), ["negotiation-failure"]);
        assert_eq!(called(&["errinfo"]), ["error-info"]);
        assert_eq!(called(&["error-info"]), ["error-info"]);
        assert!(called(&["bogus"]).is_empty());
    }
}
