//! Both numbers of mstsc's error dialog: `knowledge/dialogs.toml`.

use serde::{Deserialize, Serialize};

use super::asked::Spelling;
use super::lead::{self, Lead, shown_codes};
use super::registry::{Dialog, Registries, Registry};
use super::{CodeReading, Reading};
use crate::knowledge::{Cause, Knowledge, KnowledgeError};

const FILE: &str = include_str!("../../knowledge/dialogs.toml");
/// The pair of which each cause says in `yields` whether it shows it.
const YIELDED: (u32, u32) = (0x904, 7);

/// What a pair means, beyond its two numbers.
#[derive(Debug, Clone, Serialize)]
pub struct DialogReading {
    /// The error code.
    pub reason: u32,
    /// The extended error code.
    pub extended: u32,
    /// The name of the first.
    pub reason_name: &'static str,
    /// The name of the second.
    pub extended_name: &'static str,
    /// What the pair says, and what it does not.
    pub meaning: String,
    /// The first question to ask.
    pub first_question: Option<String>,
    /// Its answers.
    pub asks: Vec<Ask>,
    /// What mstsc would have shown instead.
    pub neighbours: Vec<Neighbour>,
    /// Causes that show this pair.
    pub leads: Vec<Lead>,
    /// Causes that show it under circumstances.
    pub sometimes: Vec<Lead>,
}

/// Who closed, after what, and what that means.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ask {
    /// Who closed the connection.
    pub closed_by: String,
    /// After which step.
    pub after: String,
    /// What that means.
    pub means: String,
}

/// What another cause would have shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbour {
    /// The other code.
    pub shows: String,
    /// What it would have meant.
    pub would_mean: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DialogsFile {
    dialog: Vec<DialogFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DialogFile {
    reason: u32,
    extended: u32,
    meaning: String,
    first: String,
    #[serde(default)]
    ask: Vec<Ask>,
    #[serde(default)]
    neighbour: Vec<Neighbour>,
}

fn embedded() -> Result<Vec<DialogFile>, KnowledgeError> {
    let file: DialogsFile = toml::from_str(FILE).map_err(|e| KnowledgeError {
        path: "dialogs.toml".to_owned(),
        line: 1,
        what: e.message().to_owned(),
    })?;
    Ok(file.dialog)
}

/// The pair, then each of its numbers. Empty when the tables do not know the first.
pub fn readings(
    first: &[Spelling],
    second: &[Spelling],
    registries: &Registries,
    knowledge: &Knowledge,
) -> Result<Vec<Reading>, KnowledgeError> {
    let place = |spellings: &[Spelling], registry: Option<&Registry>| {
        let registry = registry?;
        spellings.iter().find_map(|s| registry.code(s.value))
    };
    let reason = registries.of_dialog(Dialog::First);
    let Some(reason_code) = place(first, reason) else {
        return Ok(Vec::new());
    };
    let extended = registries.of_dialog(Dialog::Second);
    // mstsc hands on what the server said in Set Error Info: numbers that it has no name for of its own are there.
    let errors = registries.iter().find(|r| r.id() == "error-info");
    let second_code = place(second, extended)
        .map(|c| (extended, c))
        .or_else(|| place(second, errors).map(|c| (errors, c)));
    let Some((extended, extended_code)) = second_code else {
        return Ok(Vec::new());
    };
    let pair = (reason_code.value, extended_code.value);
    let known = embedded()?
        .into_iter()
        .find(|d| (d.reason, d.extended) == pair);
    let told = |code: &'static rdpwhy_parsers::Code| format!("{} ({})", code.meaning, code.name);
    let (meaning, first_question, asks, neighbours) = match known {
        Some(d) => (d.meaning, Some(d.first), d.ask, d.neighbour),
        None => (
            format!(
                "The client says: {}. In addition: {}.",
                told(reason_code),
                told(extended_code)
            ),
            None,
            Vec::new(),
            Vec::new(),
        ),
    };
    let causes = |wanted: &dyn Fn(&Cause) -> bool| -> Vec<Lead> {
        knowledge
            .causes
            .iter()
            .filter(|c| wanted(c))
            .map(Lead::shown)
            .collect()
    };
    let names = |c: &Cause| shown_codes(c).contains(&(pair.0, Some(pair.1)));
    let (leads, sometimes) = if pair == YIELDED {
        (
            causes(&|c| c.yields == "yes"),
            causes(&|c| c.yields == "depends"),
        )
    } else {
        let mut shown = causes(&names);
        let code = extended.map(|r| lead::to_code(r, pair.1, registries, knowledge));
        let further = code
            .unwrap_or_default()
            .into_iter()
            .filter(|l| l.role == "required");
        shown.extend(further.filter(|l| !causes(&names).iter().any(|s| s.cause == l.cause)));
        (shown, Vec::new())
    };
    let mut readings = vec![Reading::Dialog(DialogReading {
        reason: pair.0,
        extended: pair.1,
        reason_name: reason_code.name,
        extended_name: extended_code.name,
        meaning,
        first_question,
        asks,
        neighbours,
        leads,
        sometimes,
    })];
    for (registry, code) in [(reason, reason_code), (extended, extended_code)] {
        readings.extend(registry.map(|r| {
            // The causes stand with the pair.
            Reading::Code(CodeReading {
                registry: r.id(),
                value: code.value,
                name: code.name,
                meaning: code.meaning,
                seen: r.seen.clone(),
                source: code.source,
                leads: Vec::new(),
            })
        }));
    }
    Ok(readings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdpwhy_parsers::code::code;

    #[test]
    fn the_embedded_pairs_are_known_to_the_tables() {
        for d in embedded().expect("dialogs.toml is checked here") {
            assert!(
                code("disconnect-reason", d.reason).is_some(),
                "{:#x}",
                d.reason
            );
            assert!(
                code("extended-reason", d.extended).is_some(),
                "{:#x}",
                d.extended
            );
            let shown = d.neighbour.iter().flat_map(|n| n.shows.split([' ', '/']));
            for number in shown.filter_map(|w| w.strip_prefix("0x")) {
                let value = u32::from_str_radix(number, 16).expect("hexadecimal");
                let known = code("disconnect-reason", value).or(code("extended-reason", value));
                assert!(known.is_some(), "0x{number} is in no table");
            }
        }
    }
}
