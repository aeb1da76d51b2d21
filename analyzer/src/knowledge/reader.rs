//! A cause file becomes a [`Cause`]. The template beside the causes says what each key means.

mod sign;

use super::cause::{Ask, Cause, Confidence, Remedy, Sign, Similar, Test};
use super::check::KnowledgeError;
use super::document::{Document, Section, Word};
use crate::assemble::PLACEHOLDERS;

const SIDES: [&str; 5] = ["client", "server", "network", "gateway", "directory"];

/// A cause, and where its file names others.
pub struct Parsed {
    /// The cause.
    pub cause: Cause,
    /// Its file.
    pub path: String,
    /// Ids of other causes that it names, each with its line.
    pub named: Vec<(String, usize)>,
}

/// Reads one cause file. `path` ends in `<stage>/<id>.toml`.
///
/// # Errors
/// All mistakes in it, by line. A file that is not TOML is read no further.
pub fn parse(path: &str, text: &str) -> Result<Parsed, Vec<KnowledgeError>> {
    let doc = Document::new(path, text);
    let table = doc.parse();
    let parsed = table
        .as_ref()
        .and_then(|t| Reader { doc: &doc }.cause(Section::top(&doc, t)));
    drop(table);
    doc.finish(parsed)
}

/// Reads signs and their parts.
pub struct Reader<'d> {
    /// The file.
    pub doc: &'d Document<'d>,
}

impl<'d> Reader<'d> {
    fn cause(&self, top: Section<'d>) -> Option<Parsed> {
        let mut path = self.doc.path().rsplit(['/', '\\']);
        let stem = path.next().unwrap_or_default();
        let stem = stem.strip_suffix(".toml").unwrap_or(stem);
        let stage = path.next().unwrap_or_default();
        let id = top.needed("id");
        if let Some(id) = &id {
            self.id(id, stem);
        }
        let word = |key: &'static str, allowed: &[&'static str]| {
            top.needed(key).and_then(|w| self.doc.one_of(&w, allowed))
        };
        let severity = word("severity", &["failure", "remark"]);
        let side = word("side", &SIDES);
        let host = word("host", &["client", "server", "gateway"]);
        let yields = word("yields", &["yes", "no", "depends"]);
        let at_most = top.text("at_most").map_or(Some(Confidence::Certain), |w| {
            let all = [
                Confidence::Certain,
                Confidence::Likely,
                Confidence::Possible,
            ];
            let name = self.doc.one_of(&w, &all.map(Confidence::name))?;
            all.into_iter().find(|c| c.name() == name)
        });
        let title = top.needed("title");
        let summary = top.needed("summary");
        if let Some(summary) = &summary {
            self.placeholders(summary, PLACEHOLDERS);
        }
        let (refines, explains) = (top.texts("refines"), top.texts("explains"));
        let similar = Self::similar(&top);
        let named = refines
            .iter()
            .chain(&explains)
            .chain(similar.iter().map(|(w, _)| w));
        let named = named
            .map(|w| (w.text.clone(), self.doc.line(w.at)))
            .collect();
        if !top.has("required") {
            self.doc
                .mistake(top.at(), "a cause needs at least one [[required]] sign");
        }
        let required = self.signs(&top, "required");
        let supporting = self.signs(&top, "supporting");
        let excluding = self.signs(&top, "excluding");
        let alone = self.signs(&top, "alone");
        self.alone(&top, &alone);
        let remedy = top.section("remedy").map(|s| self.remedy(s));
        let mstsc = top.text("mstsc").map(|w| w.text);
        let references = texts(top.texts("references"));
        top.finish();
        Some(Parsed {
            cause: Cause {
                id: id?.text,
                title: title?.text,
                stage: stage.to_owned(),
                side: side?.to_owned(),
                host: host?.to_owned(),
                severity: severity?,
                summary: summary?.text,
                refines: texts(refines),
                explains: texts(explains),
                at_most: at_most?,
                yields: yields?.to_owned(),
                mstsc,
                references,
                required,
                supporting,
                excluding,
                alone,
                remedy: remedy.flatten(),
                similar: similar
                    .into_iter()
                    .map(|(w, tell)| Similar {
                        cause: w.text,
                        tell,
                    })
                    .collect(),
            },
            path: self.doc.path().to_owned(),
            named,
        })
    }

    fn id(&self, id: &Word, stem: &str) {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !id.text.bytes().all(allowed) {
            self.doc.mistake(
                id.at,
                "an id is made of lower-case letters, digits and hyphens",
            );
        } else if stem != id.text {
            let what = format!("the id is {} but the file's name is {stem}", id.text);
            self.doc.mistake(id.at, what);
        }
    }

    fn similar(top: &Section<'d>) -> Vec<(Word, String)> {
        let read = |s: Section<'d>| {
            let pair = s.needed("cause").zip(s.needed("tell"));
            s.finish();
            pair.map(|(cause, tell)| (cause, tell.text))
        };
        top.sections("similar")
            .into_iter()
            .filter_map(read)
            .collect()
    }

    fn remedy(&self, s: Section<'d>) -> Option<Remedy> {
        let run_on = s.needed("run_on").and_then(|w| self.doc.one_of(&w, &SIDES));
        let (summary, verify) = (s.needed("summary"), s.needed("verify"));
        let commands = texts(s.texts("commands"));
        let risk = s.text("risk").map(|w| w.text).unwrap_or_default();
        let undo = s.text("undo").map(|w| w.text).filter(|u| !u.is_empty());
        let ask = self.ask(&s, &commands);
        s.finish();
        Some(Remedy {
            run_on: run_on?.to_owned(),
            summary: summary?.text,
            commands,
            risk,
            undo,
            verify: verify?.text,
            ask,
        })
    }

    fn ask(&self, remedy: &Section<'d>, commands: &[String]) -> Vec<Ask> {
        let read = |s: Section<'d>| {
            let (name, example) = (s.needed("name"), s.needed("example"));
            let says = s.needed("says");
            let at = s.at();
            s.finish();
            let (name, example) = (name?.text, example?.text);
            if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphabetic()) {
                self.doc.mistake(at, "a name to ask for is letters only");
            }
            if !commands.iter().any(|c| c.contains(&example)) {
                let what = format!("no command holds the example {example:?}");
                self.doc.mistake(at, what);
            }
            Some(Ask {
                name,
                example,
                says: says?.text,
            })
        };
        remedy
            .sections("ask")
            .into_iter()
            .filter_map(read)
            .collect()
    }

    /// Without a connection there are no facts about one.
    fn alone(&self, top: &Section<'d>, signs: &[Sign]) {
        fn has_fact(sign: &Sign) -> bool {
            match &sign.test {
                Test::Event(_) => false,
                Test::Any(list) | Test::Witnesses(list) => list.iter().any(has_fact),
                Test::Fact(..) | Test::All(_) | Test::Absent(_) => true,
            }
        }
        for (section, _) in top
            .sections("alone")
            .iter()
            .zip(signs)
            .filter(|(_, s)| has_fact(s))
        {
            let what = "an [[alone]] sign is an event, or any of several: there is no connection";
            self.doc.mistake(section.at(), what);
        }
    }

    fn placeholders(&self, text: &Word, known: &[&str]) {
        for name in names_in(&text.text).filter(|n| !known.contains(n)) {
            let what = match known {
                [] => format!("{{{name}}}: only the sentence of an event has values"),
                _ => format!("{{{name}}} is none of {}", known.join(", ")),
            };
            self.doc.mistake(text.at, what);
        }
    }
}

fn texts(words: Vec<Word>) -> Vec<String> {
    words.into_iter().map(|w| w.text).collect()
}

/// The names in braces.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    text.split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'))
        .map(|(name, _)| name)
}
