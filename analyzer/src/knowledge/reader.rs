//! A cause file becomes a [`Cause`]. The template beside the causes says what each key means.

use rdpwhy_parsers::{Field, Kind, catalog};
use toml::Spanned;
use toml::de::DeValue;

use super::cause::{
    Absence, Around, Ask, Cause, Confidence, EventSign, Joined, Remedy, Sign, Similar, Test, Window,
};
use super::check::KnowledgeError;
use super::condition::Condition;
use super::document::{Document, Section, Word, literals};
use crate::assemble::PLACEHOLDERS;
use crate::facts;
use crate::matcher::OWN_VALUES;
use crate::named::Name;
use crate::sentence;

const SIDES: [&str; 5] = ["client", "server", "network", "gateway", "directory"];
const WITNESSES: [&str; 5] = [
    "on_wire",
    "in_server_log",
    "in_client_log",
    "in_gateway_log",
    "in_state",
];
/// What a sign can look at; exactly one of them.
const TESTS: [&str; 6] = ["fact", "event", "any", "all", "witnesses", "absent"];

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

    fn signs(&self, section: &Section<'d>, key: &'static str) -> Vec<Sign> {
        section
            .sections(key)
            .into_iter()
            .filter_map(|s| self.sign(s))
            .collect()
    }

    fn sign(&self, s: Section<'d>) -> Option<Sign> {
        let says = s.needed("says");
        let given = s
            .text("given")
            .and_then(|w| self.doc.one_of(&w, &WITNESSES));
        let statement = s.flag("statement").unwrap_or_default();
        let tests: Vec<&str> = TESTS.into_iter().filter(|k| s.has(k)).collect();
        let test = match tests.as_slice() {
            ["fact"] => self.fact(&s),
            ["event"] => self.event(&s, says.as_ref()),
            ["any"] => Some(Test::Any(self.signs(&s, "any"))),
            ["all"] => Some(Test::All(self.signs(&s, "all"))),
            ["witnesses"] => Some(Test::Witnesses(self.signs(&s, "witnesses"))),
            ["absent"] => {
                let inner = s.section("absent").and_then(|inner| self.sign(inner));
                inner.map(|i| Test::Absent(Box::new(i)))
            }
            _ => {
                let what = format!("a sign has exactly one of {}", TESTS.join(", "));
                self.doc.mistake(s.at(), what);
                return None; // which keys belong here nobody can say
            }
        };
        if !matches!(tests.as_slice(), ["event"])
            && let Some(says) = &says
        {
            self.placeholders(says, &[]);
        }
        s.finish();
        Some(Sign {
            says: says?.text,
            test: test?,
            statement,
            given: given.and_then(Name::named),
        })
    }

    fn fact(&self, s: &Section<'d>) -> Option<Test> {
        let name = s.text("fact")?;
        let condition = Condition {
            is: s.literals("is"),
            not: s.literals("not"),
            min: s.number("min"),
            max: s.number("max"),
            ..Condition::default()
        };
        if condition == Condition::default() {
            self.doc.mistake(
                name.at,
                format!("fact {} needs is, not, min or max", name.text),
            );
        }
        if let Some(name) = Name::named(&name.text) {
            return Some(Test::Fact(name, condition));
        }
        let known = facts::NAMES.join(", ");
        self.doc.mistake(
            name.at,
            format!("there is no fact {}; there are {known}", name.text),
        );
        None
    }

    fn event(&self, s: &Section<'d>, says: Option<&Word>) -> Option<Test> {
        let kinds = self.kinds(s.texts("event"));
        let values = self.values(s, &kinds);
        if let Some(says) = says {
            for name in names_in(&says.text).filter(|n| *n != sentence::MEANING) {
                self.field(
                    &Word {
                        text: name.to_owned(),
                        at: says.at,
                    },
                    &kinds,
                );
            }
        }
        let joined = s.text("joined").map_or(Some("attempt"), |w| {
            self.doc
                .one_of(&w, &["attempt", "server", "client", "gateway", "directory"])
        });
        let window = s.section("window").and_then(|w| self.window(w));
        let count = s.section("count").map(|c| {
            let range = (c.number("min"), c.number("max"));
            c.finish();
            range
        });
        let at_least = |n: Option<i64>| n.and_then(|n| u64::try_from(n).ok());
        let among = self.kinds(s.texts("among"));
        let compared: Vec<Kind> = kinds.iter().chain(&among).copied().collect();
        let among_same = s.texts("among_same");
        let among_same = among_same
            .iter()
            .filter_map(|w| self.field(w, &compared))
            .collect();
        let absence = match s.flag("absence_proves_nothing") {
            Some(true) => Absence::ProvesNothing,
            _ => Absence::Proves,
        };
        Some(Test::Event(Box::new(EventSign {
            values,
            joined: match joined? {
                "server" => Joined::Server,
                "client" => Joined::Client,
                "gateway" => Joined::Gateway,
                "directory" => Joined::Directory,
                _ => Joined::Attempt,
            },
            window,
            count: count.map_or((1, None), |(min, max)| {
                (at_least(min).unwrap_or(1), at_least(max))
            }),
            among,
            among_same,
            absence,
            kinds,
        })))
    }

    /// The facts of these names.
    pub fn kinds(&self, words: Vec<Word>) -> Vec<Kind> {
        let named = |w: Word| {
            let kind = Kind::named(&w.text);
            if kind.is_none() {
                let like = crate::nearest::nearest(&w.text, Kind::all().map(Kind::name), 1);
                let hint = like
                    .first()
                    .map(|l| format!("; did you mean {l}?"))
                    .unwrap_or_default();
                self.doc
                    .mistake(w.at, format!("the catalogue has no event {}{hint}", w.text));
            }
            kind
        };
        words.into_iter().filter_map(named).collect()
    }

    /// The field of this name, which one of the kinds must carry.
    fn field(&self, name: &Word, kinds: &[Kind]) -> Option<Field> {
        let Some(field) = Field::named(&name.text) else {
            self.doc
                .mistake(name.at, format!("the catalogue has no field {}", name.text));
            return None;
        };
        if !kinds.is_empty() && !kinds.iter().any(|k| may_carry(*k, field)) {
            let kinds: Vec<&str> = kinds.iter().map(|k| k.name()).collect();
            let what = format!(
                "no record of {} has the field {}",
                kinds.join(" or "),
                name.text
            );
            self.doc.mistake(name.at, what);
        }
        Some(field)
    }

    /// The conditions in `where`.
    pub fn values(&self, s: &Section<'d>, kinds: &[Kind]) -> Vec<(Field, Condition)> {
        let Some(table) = s.section("where") else {
            return Vec::new();
        };
        let read = |(name, value): (Word, &'d Spanned<DeValue<'d>>)| {
            let field = self.field(&name, kinds);
            let condition = match table.of_entry(value) {
                Some(conditions) => self.condition(conditions, kinds),
                None => Condition {
                    is: Some(literals(self.doc, &name.text, value)),
                    ..Condition::default()
                },
            };
            field.map(|f| (f, condition))
        };
        table.entries().filter_map(read).collect()
    }

    fn condition(&self, s: Section<'d>, kinds: &[Kind]) -> Condition {
        let texts = |key| Some(texts(s.texts(key))).filter(|list| !list.is_empty());
        let own = |key| {
            let word = s.text(key)?;
            self.doc.one_of(&word, OWN_VALUES).map(str::to_owned)
        };
        let condition = Condition {
            is: s.literals("is"),
            not: s.literals("not"),
            min: s.number("min"),
            max: s.number("max"),
            prefix: texts("prefix"),
            contains: texts("contains"),
            present: s.flag("present"),
            same: own("same"),
            differs: own("differs"),
            above: s.text("above").and_then(|w| self.field(&w, kinds)),
            or_missing: s.flag("or_missing").unwrap_or_default(),
        };
        s.finish();
        condition
    }

    fn window(&self, s: Section<'d>) -> Option<Window> {
        let edge = |key| self.span(&s.needed(key)?);
        let (from, to) = (edge("from"), edge("to"));
        let around = match s.text("at").map(|w| self.doc.one_of(&w, &["start", "end"])) {
            None => Around::Both,
            Some(Some("start")) => Around::Start,
            Some(_) => Around::End,
        };
        s.finish();
        Some(Window {
            from: from?,
            to: to?,
            around,
        })
    }

    /// Nanoseconds of a span of time.
    pub fn span(&self, word: &Word) -> Option<i64> {
        let found = span(&word.text);
        if found.is_none() {
            let what = format!(
                "{} is no span of time such as -24h, 5s, 500ms, 30d",
                word.text
            );
            self.doc.mistake(word.at, what);
        }
        found
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

/// Whether an event of this kind can have the field. What a capture shows is not listed by field.
fn may_carry(kind: Kind, field: Field) -> bool {
    let mut specs = catalog::all()
        .iter()
        .filter(|e| e.kind == kind || e.variants.iter().any(|v| v.kind == kind))
        .peekable();
    specs.peek().is_none()
        || specs.any(|e| {
            let values = e
                .fields
                .iter()
                .flat_map(|f| std::iter::once(f.field).chain(f.second));
            values
                .chain(e.set.iter().map(|(f, _)| *f))
                .any(|f| f == field)
        })
}

/// Nanoseconds of `-24h`, `5s`, `500ms`, `2m`, `30d`.
fn span(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let unit = match unit {
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        "d" => 86_400_000_000_000_i64,
        _ => return None,
    };
    number.trim().parse::<i64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn spans() {
        assert_eq!(span("-24h"), Some(-86_400_000_000_000));
        assert_eq!(span("500ms"), Some(500_000_000));
        assert_eq!(span("5"), None);
        assert_eq!(span("5 weeks"), None);
    }
}
