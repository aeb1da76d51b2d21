//! A data file being read: every value with its place, every mistake kept, so that one reading finds them all.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::check::KnowledgeError;
use super::condition::Literal;
use crate::nearest::nearest;

/// One data file, and the mistakes found in it so far.
pub struct Document<'a> {
    path: &'a str,
    text: &'a str,
    mistakes: RefCell<Vec<KnowledgeError>>,
}

/// A text of the file with its place, an offset in bytes.
#[derive(Debug, Clone)]
pub struct Word {
    /// The text.
    pub text: String,
    /// Where it stands.
    pub at: usize,
}

impl<'a> Document<'a> {
    /// A file of this path and text.
    pub fn new(path: &'a str, text: &'a str) -> Self {
        Self {
            path,
            text,
            mistakes: RefCell::default(),
        }
    }

    /// Its path.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// Reads the TOML; none when it is not TOML.
    pub fn parse(&self) -> Option<Spanned<DeTable<'a>>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for e in &errors {
            let what = e.message().trim().replace('\n', ", ");
            self.mistake(e.span().map_or(0, |s| s.start), what);
        }
        errors.is_empty().then_some(table)
    }

    /// Keeps a mistake at an offset.
    pub fn mistake(&self, at: usize, what: impl Into<String>) {
        let mistake = KnowledgeError {
            path: self.path.to_owned(),
            line: self.line(at),
            what: what.into(),
        };
        let mut mistakes = self.mistakes.borrow_mut();
        if !mistakes.contains(&mistake) {
            mistakes.push(mistake);
        }
    }

    /// The line of an offset, from 1 on.
    pub fn line(&self, at: usize) -> usize {
        self.text
            .get(..at)
            .unwrap_or_default()
            .matches('\n')
            .count()
            + 1
    }

    /// The word if it is one of these.
    pub fn one_of<'w>(&self, word: &Word, allowed: &[&'w str]) -> Option<&'w str> {
        let found = allowed.iter().copied().find(|a| *a == word.text);
        if found.is_none() {
            self.mistake(
                word.at,
                format!("{} is none of {}", word.text, allowed.join(", ")),
            );
        }
        found
    }

    /// What was read, or all mistakes in the order of their lines.
    ///
    /// # Errors
    /// When there are mistakes.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<KnowledgeError>> {
        let mut mistakes = self.mistakes.into_inner();
        mistakes.sort_by_key(|m| m.line);
        match value {
            Some(value) if mistakes.is_empty() => Ok(value),
            _ => Err(mistakes),
        }
    }
}

/// A table of the file. Keys that nobody asks for are mistakes.
pub struct Section<'d> {
    doc: &'d Document<'d>,
    table: &'d DeTable<'d>,
    at: usize,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'d> Section<'d> {
    /// The table that is the whole file.
    pub fn top(doc: &'d Document<'d>, table: &'d Spanned<DeTable<'d>>) -> Self {
        Self::new(doc, table.get_ref(), 0)
    }

    fn new(doc: &'d Document<'d>, table: &'d DeTable<'d>, at: usize) -> Self {
        Self {
            doc,
            table,
            at,
            asked: RefCell::default(),
        }
    }

    /// Where it begins.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Whether it has this key.
    pub fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    fn get(&self, key: &'static str) -> Option<&'d Spanned<DeValue<'d>>> {
        self.asked.borrow_mut().insert(key);
        self.table.get(key)
    }

    fn expected(&self, key: &str, span: &Range<usize>, what: &str, found: &DeValue<'_>) {
        self.doc
            .mistake(span.start, format!("{key} is {what}, not {}", name(found)));
    }

    /// A text; none where the key is absent.
    pub fn text(&self, key: &'static str) -> Option<Word> {
        let value = self.get(key)?;
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.expected(key, &value.span(), "a text", value.get_ref());
        }
        text.map(|t| Word {
            text: t.to_owned(),
            at: value.span().start,
        })
    }

    /// A text that must be there and must say something.
    pub fn needed(&self, key: &'static str) -> Option<Word> {
        if !self.has(key) {
            self.asked.borrow_mut().insert(key);
            self.doc.mistake(self.at, format!("{key} is missing"));
            return None;
        }
        let word = self.text(key)?;
        if word.text.trim().is_empty() {
            self.doc.mistake(word.at, format!("{key} is empty"));
        }
        Some(word)
    }

    /// Yes or no; no where the key is absent.
    pub fn flag(&self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        let flag = value.get_ref().as_bool();
        if flag.is_none() {
            self.expected(key, &value.span(), "true or false", value.get_ref());
        }
        flag
    }

    /// A number; none where the key is absent.
    pub fn number(&self, key: &'static str) -> Option<i64> {
        let value = self.get(key)?;
        let number = integer(value.get_ref());
        if number.is_none() {
            self.expected(key, &value.span(), "a number", value.get_ref());
        }
        number
    }

    /// A text or a list of texts; empty where the key is absent.
    pub fn texts(&self, key: &'static str) -> Vec<Word> {
        let read = |v: &'d Spanned<DeValue<'d>>| {
            let text = v.get_ref().as_str();
            if text.is_none() {
                self.expected(key, &v.span(), "a text or a list of texts", v.get_ref());
            }
            text.map(|t| Word {
                text: t.to_owned(),
                at: v.span().start,
            })
        };
        self.get(key)
            .map(|v| items(v).filter_map(read).collect())
            .unwrap_or_default()
    }

    /// A value or a list of values; none where the key is absent.
    pub fn literals(&self, key: &'static str) -> Option<Vec<Literal>> {
        self.get(key).map(|v| literals(self.doc, key, v))
    }

    /// A table.
    pub fn section(&self, key: &'static str) -> Option<Self> {
        let value = self.get(key)?;
        let table = value.get_ref().as_table();
        if table.is_none() {
            self.expected(key, &value.span(), "a table", value.get_ref());
        }
        table.map(|t| Self::new(self.doc, t, value.span().start))
    }

    /// A list of tables; empty where the key is absent.
    pub fn sections(&self, key: &'static str) -> Vec<Self> {
        let Some(value) = self.get(key) else {
            return Vec::new();
        };
        let Some(list) = value.get_ref().as_array() else {
            self.expected(key, &value.span(), "a list of tables", value.get_ref());
            return Vec::new();
        };
        let read = |v: &'d Spanned<DeValue<'d>>| {
            let table = v.get_ref().as_table();
            if table.is_none() {
                self.expected(key, &v.span(), "a list of tables", v.get_ref());
            }
            table.map(|t| Self::new(self.doc, t, v.span().start))
        };
        list.iter().filter_map(read).collect()
    }

    /// All its keys with their values, for tables whose keys are not ours.
    pub fn entries(&self) -> impl Iterator<Item = (Word, &'d Spanned<DeValue<'d>>)> {
        self.table.iter().map(|(key, value)| {
            (
                Word {
                    text: key.get_ref().to_string(),
                    at: key.span().start,
                },
                value,
            )
        })
    }

    /// A value of [`Section::entries`] that is a table.
    pub fn of_entry(&self, value: &'d Spanned<DeValue<'d>>) -> Option<Self> {
        value
            .get_ref()
            .as_table()
            .map(|t| Self::new(self.doc, t, value.span().start))
    }

    /// Every key must have been asked for by now.
    pub fn finish(self) {
        let asked = self.asked.into_inner();
        for key in self
            .table
            .keys()
            .filter(|k| !asked.contains(k.get_ref().as_ref()))
        {
            let word = key.get_ref().as_ref();
            let like = nearest(word, asked.iter().copied(), 1);
            let hint = like.first().map_or_else(
                || {
                    format!(
                        "known are {}",
                        asked.iter().copied().collect::<Vec<_>>().join(", ")
                    )
                },
                |l| format!("did you mean {l}?"),
            );
            self.doc.mistake(
                key.span().start,
                format!("there is no key {word} here; {hint}"),
            );
        }
    }
}

/// A value or a list of values.
pub fn literals<'d>(
    doc: &Document<'_>,
    key: &str,
    value: &'d Spanned<DeValue<'d>>,
) -> Vec<Literal> {
    let read = |v: &Spanned<DeValue<'_>>| {
        let literal = match v.get_ref() {
            DeValue::Boolean(b) => Some(Literal::Flag(*b)),
            DeValue::String(s) => Some(Literal::Word(s.to_string())),
            other => integer(other).map(Literal::Number),
        };
        if literal.is_none() {
            let found = name(v.get_ref());
            let what =
                format!("{key} is a text, a number, true, false or a list of them, not {found}");
            doc.mistake(v.span().start, what);
        }
        literal
    };
    items(value).filter_map(read).collect()
}

/// The items of a list, or the value itself.
fn items<'d>(value: &'d Spanned<DeValue<'d>>) -> impl Iterator<Item = &'d Spanned<DeValue<'d>>> {
    let list = value.get_ref().as_array().map(|list| list.iter());
    let alone = list.is_none().then_some(value);
    list.into_iter().flatten().chain(alone)
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let n = value.as_integer()?;
    i64::from_str_radix(n.as_str(), n.radix()).ok()
}

fn name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
