//! Signs: what is looked at, what its values must be, where and when.

use rdpwhy_parsers::{Field, Kind, catalog};
use toml::Spanned;
use toml::de::DeValue;

use super::{Reader, names_in, texts};
use crate::facts;
use crate::knowledge::cause::{Absence, Around, EventSign, Joined, Sign, Test, Window};
use crate::knowledge::condition::Condition;
use crate::knowledge::document::{Section, Word, literals};
use crate::matcher::OWN_VALUES;
use crate::named::Name;
use crate::sentence;

const WITNESSES: [&str; 5] = [
    "on_wire",
    "in_server_log",
    "in_client_log",
    "in_gateway_log",
    "in_state",
];
/// What a sign can look at; exactly one of them.
const TESTS: [&str; 6] = ["fact", "event", "any", "all", "witnesses", "absent"];

impl<'d> Reader<'d> {
    pub(super) fn signs(&self, section: &Section<'d>, key: &'static str) -> Vec<Sign> {
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
