//! The data file's own shape, and how it becomes a [`Cause`].

use rdpwhy_parsers::{Field, Kind};
use serde::Deserialize;
use std::collections::BTreeMap;

use super::cause::{Absence, Around, Cause, Confidence, EventSign, Joined, Remedy, Sign, Similar, Test, Window};
use super::check::KnowledgeError;
use super::condition::{Condition, Literal};
use crate::facts;
use crate::matcher::OWN_VALUES;
use crate::moment::Moment;
use crate::stage::Stage;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CauseFile {
    id: String,
    title: String,
    side: String,
    host: String,
    severity: String,
    summary: String,
    #[serde(default)]
    refines: Vec<String>,
    #[serde(default)]
    explains: Vec<String>,
    at_most: Option<String>,
    yields: String,
    mstsc: Option<String>,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    required: Vec<SignFile>,
    #[serde(default)]
    supporting: Vec<SignFile>,
    #[serde(default)]
    excluding: Vec<SignFile>,
    #[serde(default)]
    alone: Vec<SignFile>,
    remedy: Option<RemedyFile>,
    #[serde(default)]
    similar: Vec<SimilarFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignFile {
    #[serde(default)]
    says: String,
    fact: Option<String>,
    #[serde(default)]
    is: Option<OneOrMany<LiteralFile>>,
    not: Option<OneOrMany<LiteralFile>>,
    min: Option<i64>,
    max: Option<i64>,
    event: Option<OneOrMany<String>>,
    #[serde(default, rename = "where")]
    values: BTreeMap<String, ConditionFile>,
    joined: Option<String>,
    window: Option<WindowFile>,
    count: Option<CountFile>,
    #[serde(default)]
    among: Vec<String>,
    #[serde(default)]
    among_same: Vec<String>,
    any: Option<Vec<SignFile>>,
    all: Option<Vec<SignFile>>,
    witnesses: Option<Vec<SignFile>>,
    absent: Option<Box<SignFile>>,
    #[serde(default)]
    statement: bool,
    given: Option<String>,
    #[serde(default)]
    absence_proves_nothing: bool,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(x) => vec![x],
            Self::Many(list) => list,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum LiteralFile {
    Flag(bool),
    Number(i64),
    Word(String),
}

impl From<LiteralFile> for Literal {
    fn from(l: LiteralFile) -> Self {
        match l {
            LiteralFile::Flag(b) => Self::Flag(b),
            LiteralFile::Number(n) => Self::Number(n),
            LiteralFile::Word(w) => Self::Word(w),
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ConditionFile {
    One(LiteralFile),
    Many(Vec<LiteralFile>),
    Table(ConditionTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConditionTable {
    is: Option<OneOrMany<LiteralFile>>,
    not: Option<OneOrMany<LiteralFile>>,
    min: Option<i64>,
    max: Option<i64>,
    prefix: Option<OneOrMany<String>>,
    contains: Option<OneOrMany<String>>,
    present: Option<bool>,
    same: Option<String>,
    differs: Option<String>,
    above: Option<String>,
    #[serde(default)]
    or_missing: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WindowFile {
    from: String,
    to: String,
    at: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CountFile {
    min: Option<u64>,
    max: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RemedyFile {
    run_on: String,
    summary: String,
    #[serde(default)]
    commands: Vec<String>,
    #[serde(default)]
    risk: String,
    undo: Option<String>,
    verify: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SimilarFile {
    cause: String,
    tell: String,
}

/// Reads one data file. `path` ends in `<stage>/<id>.toml`.
pub(super) fn parse(path: &str, text: &str) -> Result<Cause, KnowledgeError> {
    let reader = Reader { path, text };
    let file: CauseFile = toml::from_str(text).map_err(|e| reader.syntax(&e))?;
    reader.cause(file)
}

struct Reader<'a> {
    path: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn syntax(&self, e: &toml::de::Error) -> KnowledgeError {
        let before = e.span().and_then(|s| self.text.get(..s.start)).unwrap_or_default();
        KnowledgeError {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            what: e.message().trim().replace('\n', ", "),
        }
    }

    /// A mistake at the first line that holds `word`.
    fn wrong(&self, word: &str, what: impl Into<String>) -> KnowledgeError {
        let line = self.text.lines().position(|l| !l.trim_start().starts_with('#') && l.contains(word)).map_or(1, |n| n + 1);
        KnowledgeError { path: self.path.to_owned(), line, what: what.into() }
    }

    fn one_of<'w>(&self, word: &str, allowed: &[&'w str]) -> Result<&'w str, KnowledgeError> {
        let found = allowed.iter().copied().find(|a| *a == word);
        found.ok_or_else(|| self.wrong(word, format!("{word} is none of {}", allowed.join(", "))))
    }

    fn cause(&self, f: CauseFile) -> Result<Cause, KnowledgeError> {
        let mut parts = self.path.rsplit('/');
        let stem = parts.next().unwrap_or_default().trim_end_matches(".toml");
        if stem != f.id {
            return Err(self.wrong(&f.id, format!("the id is {} but the file's name is {stem}", f.id)));
        }
        if !f.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
            return Err(self.wrong(&f.id, "an id is made of lower-case letters, digits and hyphens"));
        }
        if f.required.is_empty() {
            return Err(self.wrong("id", "a cause needs at least one required sign"));
        }
        const SIDES: [&str; 5] = ["client", "server", "network", "gateway", "directory"];
        self.one_of(&f.side, &SIDES)?;
        self.one_of(&f.host, &["client", "server", "gateway"])?;
        self.one_of(&f.yields, &["yes", "no", "depends"])?;
        if let Some(r) = &f.remedy {
            self.one_of(&r.run_on, &SIDES)?;
        }
        let at_most = match f.at_most.as_deref() {
            None | Some("certain") => Confidence::Certain,
            Some("likely") => Confidence::Likely,
            Some("possible") => Confidence::Possible,
            Some(other) => return Err(self.wrong(other, format!("{other} is none of certain, likely, possible"))),
        };
        Ok(Cause {
            severity: self.one_of(&f.severity, &["failure", "remark"])?,
            stage: parts.next().unwrap_or_default().to_owned(),
            required: self.signs(f.required)?,
            supporting: self.signs(f.supporting)?,
            excluding: self.signs(f.excluding)?,
            alone: self.signs(f.alone)?,
            at_most,
            id: f.id,
            title: f.title,
            side: f.side,
            host: f.host,
            summary: f.summary,
            refines: f.refines,
            explains: f.explains,
            yields: f.yields,
            mstsc: f.mstsc,
            references: f.references,
            remedy: f.remedy.map(|r| Remedy {
                run_on: r.run_on,
                summary: r.summary,
                commands: r.commands,
                risk: r.risk,
                undo: r.undo.filter(|u| !u.is_empty()),
                verify: r.verify,
            }),
            similar: f.similar.into_iter().map(|s| Similar { cause: s.cause, tell: s.tell }).collect(),
        })
    }

    fn signs(&self, list: Vec<SignFile>) -> Result<Vec<Sign>, KnowledgeError> {
        list.into_iter().map(|s| self.sign(s)).collect()
    }

    fn sign(&self, f: SignFile) -> Result<Sign, KnowledgeError> {
        let given = [
            f.fact.is_some(),
            f.event.is_some(),
            f.any.is_some(),
            f.all.is_some(),
            f.witnesses.is_some(),
            f.absent.is_some(),
        ];
        let word = if f.says.is_empty() { "says" } else { f.says.as_str() };
        if given.iter().filter(|g| **g).count() != 1 {
            return Err(self.wrong(word, "a sign has exactly one of fact, event, any, all, witnesses, absent"));
        }
        let says = f.says.clone();
        let statement = f.statement;
        let given = f.given.clone();
        if let Some(name) = &given {
            self.one_of(name, &["on_wire", "in_server_log", "in_client_log", "in_gateway_log"])?;
        }
        let test = if let Some(name) = &f.fact {
            if !facts::NAMES.contains(&name.as_str()) {
                return Err(self.wrong(name, format!("there is no fact {name}; there are {}", facts::NAMES.join(", "))));
            }
            let list = |x: Option<OneOrMany<LiteralFile>>| x.map(|l| l.into_vec().into_iter().map(Literal::from).collect());
            let condition = Condition { is: list(f.is), not: list(f.not), min: f.min, max: f.max, ..Condition::default() };
            if condition == Condition::default() {
                return Err(self.wrong(name, format!("fact {name} needs is, not, min or max")));
            }
            Test::Fact(name.clone(), condition)
        } else if let Some(list) = f.any {
            Test::Any(self.signs(list)?)
        } else if let Some(list) = f.all {
            Test::All(self.signs(list)?)
        } else if let Some(list) = f.witnesses {
            Test::Witnesses(self.signs(list)?)
        } else if let Some(inner) = f.absent {
            Test::Absent(Box::new(self.sign(*inner)?))
        } else {
            Test::Event(Box::new(self.event(f)?))
        };
        Ok(Sign { says, test, statement, given })
    }

    fn event(&self, f: SignFile) -> Result<EventSign, KnowledgeError> {
        let kinds = f.event.map(OneOrMany::into_vec).unwrap_or_default();
        let values: Result<Vec<_>, _> = f.values.into_iter().map(|(name, c)| self.value(&name, c)).collect();
        let joined = match f.joined.as_deref() {
            None | Some("attempt") => Joined::Attempt,
            Some("server") => Joined::Server,
            Some("client") => Joined::Client,
            Some("gateway") => Joined::Gateway,
            Some("directory") => Joined::Directory,
            Some(other) => {
                return Err(self.wrong(other, format!("{other} is none of attempt, server, client, gateway, directory")));
            }
        };
        let window = f.window.map(|w| self.window(&w)).transpose()?;
        Ok(EventSign {
            kinds: self.kinds(&kinds)?,
            values: values?,
            joined,
            window,
            count: f.count.map_or((1, None), |c| (c.min.unwrap_or(1), c.max)),
            among: self.kinds(&f.among)?,
            among_same: f.among_same.iter().map(|n| self.field(n)).collect::<Result<_, _>>()?,
            absence: if f.absence_proves_nothing { Absence::ProvesNothing } else { Absence::Proves },
        })
    }

    fn kinds(&self, names: &[String]) -> Result<Vec<Kind>, KnowledgeError> {
        names
            .iter()
            .map(|n| Kind::named(n).ok_or_else(|| self.wrong(n, format!("the catalogue has no event kind {n}"))))
            .collect()
    }

    fn field(&self, name: &str) -> Result<Field, KnowledgeError> {
        Field::named(name).ok_or_else(|| self.wrong(name, format!("the catalogue has no field {name}")))
    }

    fn own_value(&self, name: String) -> Result<String, KnowledgeError> {
        if OWN_VALUES.contains(&name.as_str()) {
            return Ok(name);
        }
        Err(self.wrong(&name, format!("an attempt has no value {name}; it has {}", OWN_VALUES.join(", "))))
    }

    fn value(&self, name: &str, c: ConditionFile) -> Result<(Field, Condition), KnowledgeError> {
        let field = self.field(name)?;
        let list = |l: OneOrMany<LiteralFile>| l.into_vec().into_iter().map(Literal::from).collect();
        let condition = match c {
            ConditionFile::One(l) => Condition { is: Some(vec![l.into()]), ..Condition::default() },
            ConditionFile::Many(l) => {
                Condition { is: Some(l.into_iter().map(Literal::from).collect()), ..Condition::default() }
            }
            ConditionFile::Table(t) => Condition {
                is: t.is.map(list),
                not: t.not.map(list),
                min: t.min,
                max: t.max,
                prefix: t.prefix.map(OneOrMany::into_vec),
                contains: t.contains.map(OneOrMany::into_vec),
                present: t.present,
                same: t.same.map(|n| self.own_value(n)).transpose()?,
                differs: t.differs.map(|n| self.own_value(n)).transpose()?,
                above: t.above.map(|n| self.field(&n)).transpose()?,
                or_missing: t.or_missing,
            },
        };
        Ok((field, condition))
    }

    fn window(&self, w: &WindowFile) -> Result<Window, KnowledgeError> {
        let read = |text: &str| {
            span(text).ok_or_else(|| self.wrong(text, format!("{text} is no span of time like -24h, 5s, 500ms, 30d")))
        };
        let around = match w.at.as_deref() {
            None => Around::Both,
            Some("start") => Around::Start,
            Some("end") => Around::End,
            Some(other) => return Err(self.wrong(other, format!("a window counts from start or end, not {other}"))),
        };
        Ok(Window { from: read(&w.from)?, to: read(&w.to)?, around })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MomentsFile {
    moment: Vec<MomentFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MomentFile {
    kinds: Vec<String>,
    side: String,
    stage: Option<String>,
    after: String,
    #[serde(default)]
    keyed: bool,
    #[serde(default, rename = "where")]
    values: BTreeMap<String, ConditionFile>,
    #[serde(default)]
    speakers: Vec<String>,
}

/// Reads the file of records that are tied by their moment.
pub(crate) fn moments(path: &str, text: &str) -> Result<Vec<Moment>, KnowledgeError> {
    let reader = Reader { path, text };
    let file: MomentsFile = toml::from_str(text).map_err(|e| reader.syntax(&e))?;
    let moment = |f: MomentFile| {
        let values: Result<Vec<_>, _> = f.values.into_iter().map(|(n, c)| reader.value(&n, c)).collect();
        Ok(Moment {
            kinds: reader.kinds(&f.kinds)?,
            at_client: reader.one_of(&f.side, &["server", "client"])? == "client",
            stage: f.stage.as_deref().and_then(Stage::named),
            after: span(&f.after).ok_or_else(|| reader.wrong(&f.after, "no span of time"))?,
            keyed: f.keyed,
            values: values?,
            speakers: f.speakers,
        })
    };
    file.moment.into_iter().map(moment).collect()
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
