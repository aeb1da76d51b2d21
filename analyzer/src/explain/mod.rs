//! What a code, an event or a cause means, from the tables alone: no evidence, no network.
//!
//! A bare number is read in every registry that knows it, the most usual in RDP cases first: 5 is a negotiation failure,
//! a disconnect reason and an access-denied error, and nobody but the reader knows where it stood.

mod asked;
mod dialog;
mod lead;
mod place;
mod registry;
mod signs;

use rdpwhy_parsers::catalog::{self, EventSpec};
use rdpwhy_parsers::{Code, Kind};
use serde::Serialize;
use thiserror::Error;

pub use dialog::{Ask, DialogReading, Neighbour};
pub use lead::Lead;
pub use place::Place;
pub use signs::SignText;

use crate::knowledge::{Cause, Knowledge, KnowledgeError};
use crate::nearest;
use crate::remedy;
use crate::report::Remedy;
use asked::Asked;
use registry::{Registries, Registry};

/// Name and version of the JSON form.
pub const SCHEMA: &str = "rdpwhy.explain/1";
/// Suggestions for a word that nothing is called by.
const SUGGESTIONS: usize = 5;

/// Everything that the words may mean.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The words as they were asked.
    pub asked: String,
    /// Most likely first; at least one.
    pub readings: Vec<Reading>,
}

/// One thing that the words may mean.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "reading", rename_all = "kebab-case")]
pub enum Reading {
    /// Both numbers of mstsc's error dialog.
    Dialog(DialogReading),
    /// A number of a registry.
    Code(CodeReading),
    /// A Windows record or a fact of a capture.
    Event(EventReading),
    /// A root cause.
    Cause(Box<CauseReading>),
}

/// A number of a registry.
#[derive(Debug, Clone, Serialize)]
pub struct CodeReading {
    /// `disconnect-reason`, `tls-alert` …
    pub registry: &'static str,
    /// The number.
    pub value: u32,
    /// Its name there.
    pub name: &'static str,
    /// Half a sentence.
    pub meaning: &'static str,
    /// Where such numbers are seen, half a sentence.
    pub seen: String,
    /// Where the meaning comes from.
    pub source: &'static str,
    /// Causes that show it.
    pub leads: Vec<Lead>,
}

/// A record or a fact of a capture.
#[derive(Debug, Clone, Serialize)]
pub struct EventReading {
    /// The fact as causes name it.
    pub event: &'static str,
    /// Where it is recorded; none for facts of a capture.
    pub place: Option<Place>,
    /// server, client, gateway, domain-controller, any; none for facts of a capture.
    pub side: Option<&'static str>,
    /// The stage that it proves to have been entered.
    pub stage: Option<&'static str>,
    /// One sentence.
    pub meaning: &'static str,
    /// Further facts that the record may be, by its values.
    pub variants: Vec<Variant>,
    /// Values that are kept of it.
    pub fields: Vec<&'static str>,
    /// Whether Windows records it only when switched on.
    pub off_by_default: bool,
    /// Causes that look for it.
    pub leads: Vec<Lead>,
}

/// What a record is when a field holds certain values.
#[derive(Debug, Clone, Serialize)]
pub struct Variant {
    /// The fact.
    pub event: &'static str,
    /// The field that decides.
    pub field: &'static str,
    /// Its values; a trailing `*` stands for any ending.
    pub values: Vec<&'static str>,
}

/// A root cause as its data file says it.
#[derive(Debug, Clone, Serialize)]
pub struct CauseReading {
    /// Its id.
    pub cause: String,
    /// The first line of the answer.
    pub title: String,
    /// Where a connection breaks.
    pub stage: String,
    /// Who has to act.
    pub side: String,
    /// failure or remark.
    pub severity: &'static str,
    /// One paragraph.
    pub summary: String,
    /// What mstsc shows.
    pub mstsc: Option<String>,
    /// Whether that is 0x904/0x7: yes, no, depends.
    pub yields: String,
    /// Signs that must all be there.
    pub required: Vec<SignText>,
    /// Signs that strengthen it.
    pub supporting: Vec<SignText>,
    /// Signs that make it impossible.
    pub excluding: Vec<SignText>,
    /// Signs that name it for a host of which no connection is known.
    pub alone: Vec<SignText>,
    /// What to do.
    pub remedy: Option<Remedy>,
    /// More general causes that it replaces.
    pub refines: Vec<String>,
    /// Causes that are only its consequence.
    pub explains: Vec<String>,
    /// What looks alike.
    pub similar: Vec<Alike>,
    /// Where the facts come from.
    pub references: Vec<String>,
}

/// A cause that looks alike.
#[derive(Debug, Clone, Serialize)]
pub struct Alike {
    /// Its id.
    pub cause: String,
    /// What tells the two apart.
    pub tell: String,
}

/// Why there is no explanation.
#[derive(Debug, Error)]
pub enum ExplainError {
    /// No table knows it.
    #[error("nothing is known of {asked}")]
    Unknown {
        /// The words as they were asked.
        asked: String,
        /// What is written alike.
        suggestions: Vec<String>,
    },
    /// No table has the number.
    #[error("no table of codes has {asked}, and no known event has that id")]
    Number {
        /// The number as it was asked.
        asked: String,
    },
    /// An embedded data file is wrong, which the tests exclude.
    #[error(transparent)]
    Knowledge(#[from] KnowledgeError),
}

/// Explains what the words ask for.
///
/// # Errors
/// When no table knows it; with what is written alike.
pub fn explain(words: &[String], knowledge: &Knowledge) -> Result<Explanation, ExplainError> {
    let text = words.join(" ").trim().to_owned();
    let registries = registry::embedded()?;
    let asked = asked::read(&text);
    let is_number = match &asked {
        Asked::Pair(..) => true,
        Asked::Number { words, .. } => words.is_empty(),
        Asked::Words => false,
    };
    let readings = match asked {
        Asked::Pair(first, second) => dialog::readings(&first, &second, &registries, knowledge)?,
        Asked::Number { values, words } => numbers(&values, &words, &registries, knowledge)?,
        Asked::Words => named(&text, &registries, knowledge)?,
    };
    if readings.is_empty() && is_number {
        return Err(ExplainError::Number { asked: text });
    }
    if readings.is_empty() {
        let suggestions = suggestions(&text, knowledge);
        return Err(ExplainError::Unknown {
            asked: text,
            suggestions,
        });
    }
    Ok(Explanation {
        schema: SCHEMA,
        asked: text,
        readings,
    })
}

/// Causes, codes and facts of this name.
fn named(
    text: &str,
    registries: &Registries,
    knowledge: &Knowledge,
) -> Result<Vec<Reading>, KnowledgeError> {
    let id = text.to_ascii_lowercase().replace([' ', '_'], "-");
    if let Some(cause) = knowledge.cause(&id) {
        return Ok(vec![Reading::Cause(Box::new(about(cause)))]);
    }
    let wanted = asked::letters(text);
    let mut readings: Vec<Reading> = registries
        .iter()
        .flat_map(|r| r.codes().iter().map(move |c| (r, c)))
        .filter(|(_, c)| asked::letters(c.name) == wanted)
        .map(|(r, c)| Reading::Code(code(r, c, registries, knowledge)))
        .collect();
    if let Some(kind) = Kind::named(text) {
        readings.extend(facts_of(kind, knowledge)?);
    }
    Ok(readings)
}

/// All readings of a number. `values` are its spellings, likeliest first: a second one counts only when nobody knows the
/// first. Every one of `words` must name the registry, or the provider or channel of the record.
fn numbers(
    values: &[asked::Spelling],
    words: &[String],
    registries: &Registries,
    knowledge: &Knowledge,
) -> Result<Vec<Reading>, KnowledgeError> {
    for spelling in values {
        let mut first = Vec::new();
        let mut others = Vec::new();
        for r in registries.iter().filter(|r| r.is_called(words)) {
            let Some(c) = r.code(spelling.value) else {
                continue;
            };
            let list = if r.is_dialog_first() {
                &mut first
            } else {
                &mut others
            };
            list.push(Reading::Code(code(r, c, registries, knowledge)));
        }
        if spelling.decimal {
            first.extend(records(spelling.value, words, knowledge)?);
        }
        first.extend(others);
        if !first.is_empty() {
            return Ok(first);
        }
    }
    Ok(Vec::new())
}

fn code(
    registry: &Registry,
    code: &'static Code,
    registries: &Registries,
    knowledge: &Knowledge,
) -> CodeReading {
    CodeReading {
        registry: registry.id(),
        value: code.value,
        name: code.name,
        meaning: code.meaning,
        seen: registry.seen.clone(),
        source: code.source,
        leads: lead::to_code(registry, code.value, registries, knowledge),
    }
}

/// Records with this id, those that most causes look for first.
fn records(
    id: u32,
    words: &[String],
    knowledge: &Knowledge,
) -> Result<Vec<Reading>, KnowledgeError> {
    let mut list = Vec::new();
    for spec in catalog::all()
        .iter()
        .filter(|e| e.id == id && place::is_called(e, words))
    {
        // Some providers have two names; the record is one.
        let again = |other: &EventReading| {
            other.event == spec.kind.name()
                && other
                    .place
                    .as_ref()
                    .is_some_and(|p| p.channel == spec.channel)
        };
        if !list.iter().any(again) {
            list.push(record(spec, knowledge)?);
        }
    }
    list.sort_by_key(|r| (std::cmp::Reverse(r.leads.len()), r.event));
    Ok(list.into_iter().map(Reading::Event).collect())
}

fn record(spec: &'static EventSpec, knowledge: &Knowledge) -> Result<EventReading, KnowledgeError> {
    let mut fields: Vec<&str> = spec
        .fields
        .iter()
        .flat_map(|f| std::iter::once(f.field).chain(f.second))
        .chain(spec.set.iter().map(|(f, _)| *f))
        .map(rdpwhy_parsers::Field::name)
        .collect();
    fields.sort_unstable();
    fields.dedup();
    let kinds: Vec<Kind> = std::iter::once(spec.kind)
        .chain(spec.variants.iter().map(|v| v.kind))
        .collect();
    let variant = |v: &'static catalog::Variant| Variant {
        event: v.kind.name(),
        field: v.field.name(),
        values: v.is.to_vec(),
    };
    Ok(EventReading {
        event: spec.kind.name(),
        place: Some(Place::of(spec)),
        side: Some(spec.side),
        stage: spec.stage,
        meaning: spec.meaning,
        variants: spec.variants.iter().map(variant).collect(),
        fields,
        off_by_default: place::off_by_default(spec.kind)?,
        leads: lead::to_event(&kinds, knowledge),
    })
}

/// The records that tell a fact; for a fact of the wire, the fact itself.
fn facts_of(kind: Kind, knowledge: &Knowledge) -> Result<Vec<Reading>, KnowledgeError> {
    let mut list = Vec::new();
    let tells = |e: &&EventSpec| e.kind == kind || e.variants.iter().any(|v| v.kind == kind);
    for spec in catalog::all().iter().filter(tells) {
        list.push(Reading::Event(record(spec, knowledge)?));
    }
    if let Some(info) = catalog::info(kind).filter(|_| list.is_empty()) {
        list.push(Reading::Event(EventReading {
            event: kind.name(),
            place: None,
            side: None,
            stage: info.stage,
            meaning: info.meaning,
            variants: Vec::new(),
            fields: Vec::new(),
            off_by_default: false,
            leads: lead::to_event(&[kind], knowledge),
        }));
    }
    Ok(list)
}

fn about(cause: &Cause) -> CauseReading {
    let signs = |list: &[crate::knowledge::Sign]| list.iter().map(SignText::of).collect();
    CauseReading {
        cause: cause.id.clone(),
        title: cause.title.clone(),
        stage: cause.stage.clone(),
        side: cause.side.clone(),
        severity: cause.severity,
        summary: signs::without_values(&signs::without_counts(&cause.summary)),
        mstsc: cause.mstsc.clone(),
        yields: cause.yields.clone(),
        required: signs(&cause.required),
        supporting: signs(&cause.supporting),
        excluding: signs(&cause.excluding),
        alone: signs(&cause.alone),
        remedy: remedy::general(cause),
        refines: cause.refines.clone(),
        explains: cause.explains.clone(),
        similar: cause
            .similar
            .iter()
            .map(|s| Alike {
                cause: s.cause.clone(),
                tell: s.tell.clone(),
            })
            .collect(),
        references: cause.references.clone(),
    }
}

/// Names that are written like the words: causes first, they are what most people look for.
fn suggestions(text: &str, knowledge: &Knowledge) -> Vec<String> {
    let causes = knowledge.causes.iter().map(|c| c.id.as_str());
    let mut found = nearest::nearest(text, causes, SUGGESTIONS);
    let codes = rdpwhy_parsers::code::registries()
        .flat_map(|r| rdpwhy_parsers::code::table(r).unwrap_or_default())
        .map(|c| c.name);
    let names = codes.chain(Kind::all().map(Kind::name));
    found.extend(nearest::nearest(text, names, SUGGESTIONS - found.len()));
    found
}
