//! Names and what stands for them.

use std::collections::{BTreeMap, BTreeSet};

use rdpwhy_analyzer::Knowledge;
use rdpwhy_analyzer::identities::Identities;

/// Pseudonyms, by name in lower case.
pub struct Names {
    new: BTreeMap<String, String>,
    /// How many of a sort there are.
    numbers: BTreeMap<&'static str, usize>,
    /// Computers by what stands before the first dot of their names.
    computers: BTreeMap<String, usize>,
    /// Names that are also words of our own texts.
    words: BTreeSet<String>,
}

impl Names {
    /// Nobody yet.
    pub fn new(knowledge: &Knowledge) -> Self {
        Self {
            new: BTreeMap::new(),
            numbers: BTreeMap::new(),
            computers: BTreeMap::new(),
            words: words(knowledge),
        }
    }

    /// Numbers everything that these name and that has no number yet.
    pub fn learn(&mut self, known: &Identities) {
        // `SRV1` and `SRV1.corp.example` are one computer, so they are numbered by what stands before the first dot. What is
        // a computer in one place and something else in another is the computer.
        for name in known.hosts.iter().map(|n| n.to_lowercase()) {
            let short = name.split('.').next().unwrap_or(&name).to_owned();
            let n = self.computers.len() + 1;
            let n = *self.computers.entry(short).or_insert(n);
            self.new.entry(name).or_insert_with(|| format!("host-{n}"));
        }
        for (word, names) in [
            ("domain", &known.domains),
            ("network", &known.networks),
            ("user", &known.users),
        ] {
            let n = self.numbers.entry(word).or_default();
            for name in names.iter().map(|n| n.to_lowercase()) {
                self.new.entry(name).or_insert_with(|| {
                    *n += 1;
                    format!("{word}-{n}")
                });
            }
        }
    }

    /// What stands for a name in a field of its own, `DOMAIN\user` part by part.
    pub fn name(&self, name: &str) -> String {
        match self.new.get(&name.to_lowercase()) {
            Some(new) => new.clone(),
            None => self.replaced(name, |_| true),
        }
    }

    /// The text with every name in it replaced, unless it is one of our own words.
    pub fn sentence(&self, text: &str) -> String {
        self.replaced(text, |name| !self.words.contains(name))
    }

    /// The longest name that begins at each beginning of a word and ends at an end of one is replaced.
    fn replaced(&self, text: &str, wanted: impl Fn(&str) -> bool) -> String {
        let mut out = String::with_capacity(text.len());
        let mut at = 0;
        while let Some(rest) = text.get(at..).filter(|r| !r.is_empty()) {
            let begins = !text
                .get(..at)
                .is_some_and(|before| before.ends_with(is_inside));
            let found = begins.then(|| self.longest(rest, &wanted)).flatten();
            if let Some((length, new)) = found {
                out.push_str(new);
                at += length;
                continue;
            }
            let width = rest.chars().next().map_or(1, char::len_utf8);
            out.push_str(rest.get(..width).unwrap_or_default());
            at += width;
        }
        out
    }

    /// Length and pseudonym of the longest name at the beginning of the text.
    fn longest(&self, text: &str, wanted: impl Fn(&str) -> bool) -> Option<(usize, &str)> {
        // Names that hold blanks are found as well as words: every end of a word is tried, the furthest first.
        let ends = text
            .char_indices()
            .map(|(at, c)| at + c.len_utf8())
            .take(LONGEST);
        let ends: Vec<usize> = ends
            .filter(|end| {
                let (inside, behind) = text.split_at(*end);
                !(inside.ends_with(is_inside) && behind.starts_with(is_inside))
            })
            .collect();
        ends.into_iter().rev().find_map(|end| {
            let name = text.get(..end)?.to_lowercase();
            let new = self.new.get(&name).filter(|_| wanted(&name))?;
            Some((end, new.as_str()))
        })
    }
}

/// Longest name looked for, in characters.
const LONGEST: usize = 256;

/// Whether a character goes on with a word.
fn is_inside(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The words of the causes' and the catalogue's texts.
fn words(knowledge: &Knowledge) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    let mut add = |text: &str| {
        let list = text
            .split(|c: char| !is_inside(c))
            .filter(|w| !w.is_empty());
        words.extend(list.map(str::to_lowercase));
    };
    for cause in &knowledge.causes {
        add(&cause.title);
        add(&cause.summary);
        add(cause.mstsc.as_deref().unwrap_or_default());
        if let Some(remedy) = &cause.remedy {
            for text in [&remedy.summary, &remedy.risk, &remedy.verify] {
                add(text);
            }
            remedy.commands.iter().for_each(|c| add(c));
        }
    }
    for kind in rdpwhy_parsers::Kind::all() {
        add(rdpwhy_parsers::catalog::info(kind).map_or("", |i| i.meaning));
    }
    for field in rdpwhy_parsers::Field::all() {
        add(&field.name().replace('_', " "));
    }
    words
}
