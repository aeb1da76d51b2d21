//! Signs in words, with the place where each is recorded.

use rdpwhy_parsers::Field;
use serde::Serialize;

use super::place::Place;
use crate::knowledge::{Condition, Literal, Sign, Test};
use crate::sentence;

/// A sign for people.
#[derive(Debug, Clone, Serialize)]
pub struct SignText {
    /// The sentence, `…` for what the evidence fills in.
    pub says: String,
    /// `fact` about the attempt, `event`, `any` of its members, `all` of them, `witnesses` of one fact, or `absent`.
    pub kind: &'static str,
    /// Facts that it looks for.
    pub events: Vec<&'static str>,
    /// What their values must be, a condition each.
    pub wants: Vec<String>,
    /// Where they are recorded; empty where a capture shows them.
    pub places: Vec<Place>,
    /// Whether a side states the reason itself by it.
    pub statement: bool,
    /// Its members.
    pub members: Vec<SignText>,
}

impl SignText {
    /// Of a sign and its members.
    pub fn of(sign: &Sign) -> Self {
        let text = |kind, members: Vec<Self>| Self {
            says: sentence::general(&sign.says),
            kind,
            events: Vec::new(),
            wants: Vec::new(),
            places: Vec::new(),
            statement: sign.statement,
            members,
        };
        let list = |signs: &[Sign]| signs.iter().map(Self::of).collect();
        match &sign.test {
            Test::Fact(..) => text("fact", Vec::new()),
            Test::Event(e) => Self {
                events: e.kinds.iter().map(|k| k.name()).collect(),
                wants: e.values.iter().map(|(f, c)| wanted(*f, c)).collect(),
                places: Place::of_kinds(&e.kinds),
                ..text("event", Vec::new())
            },
            Test::Any(signs) => text("any", list(signs)),
            Test::All(signs) => text("all", list(signs)),
            Test::Witnesses(signs) => text("witnesses", list(signs)),
            Test::Absent(inner) => text("absent", vec![Self::of(inner)]),
        }
    }

    /// Whether only a capture shows it.
    pub fn is_wire(&self) -> bool {
        self.kind == "event" && self.places.is_empty()
    }
}

/// `sub status is 0xC000006A or 0xC0000064`.
fn wanted(field: Field, c: &Condition) -> String {
    let mut parts = Vec::new();
    let literals = |list: &[Literal]| list.iter().map(literal).collect::<Vec<_>>().join(" or ");
    let texts = |list: &[String]| list.join(" or ");
    parts.extend(c.is.as_deref().map(|l| format!("is {}", literals(l))));
    parts.extend(c.not.as_deref().map(|l| format!("is not {}", literals(l))));
    parts.extend(c.min.map(|n| format!("is at least {n}")));
    parts.extend(c.max.map(|n| format!("is at most {n}")));
    parts.extend(
        c.prefix
            .as_deref()
            .map(|l| format!("begins with {}", texts(l))),
    );
    parts.extend(
        c.contains
            .as_deref()
            .map(|l| format!("contains {}", texts(l))),
    );
    parts.extend(
        c.same
            .as_deref()
            .map(|own| format!("is that of the attempt ({own})")),
    );
    parts.extend(
        c.differs
            .as_deref()
            .map(|own| format!("is not that of the attempt ({own})")),
    );
    parts.extend(c.above.map(|f| format!("is above {}", words(f))));
    parts.extend(
        c.present
            .map(|there| if there { "is there" } else { "is not there" }.to_owned()),
    );
    let or_missing = if c.or_missing { ", if it is there" } else { "" };
    format!("{} {}{or_missing}", words(field), parts.join(" and "))
}

fn words(field: Field) -> String {
    field.name().replace('_', " ")
}

/// Statuses as people know them: in hexadecimal.
fn literal(literal: &Literal) -> String {
    match literal {
        Literal::Number(n) => n.to_string(),
        Literal::Flag(true) => "yes".to_owned(),
        Literal::Flag(false) => "no".to_owned(),
        Literal::Word(w) => match w.strip_prefix("0x") {
            Some(digits) => format!("0x{}", digits.to_ascii_uppercase()),
            None => w.clone(),
        },
    }
}

/// The sentence of a data file with words in the place of its placeholders: `{server}` is "the server" where such a
/// thing takes part in every connection, and `…` where a record fills it in.
pub fn without_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, tail)) = after.split_once('}') else {
            break;
        };
        out.push_str(before);
        let word = match name {
            "server" => "the server",
            "client" => "the client",
            "user" => "the user",
            "host" => "the host",
            _ => "…",
        };
        if out.is_empty() || out.ends_with(". ") {
            let mut letters = word.chars();
            out.extend(letters.next().map(|c| c.to_ascii_uppercase()));
            out.push_str(letters.as_str());
        } else {
            out.push_str(word);
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// The paragraph without the parentheses that count clients and attempts: without evidence there are none.
pub fn without_counts(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(" (") {
        out.push_str(before);
        let Some((inside, tail)) = after.split_once(')') else {
            out.push_str(" (");
            rest = after;
            continue;
        };
        if !inside.contains("{attempts}") && !inside.contains("{clients}") {
            out.push_str(" (");
            out.push_str(inside);
            out.push(')');
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::{without_counts, without_values};

    #[test]
    fn counts_go() {
        assert_eq!(
            without_counts("Nobody gets in ({clients} clients, {attempts} attempts); so (it) is."),
            "Nobody gets in; so (it) is."
        );
    }

    #[test]
    fn placeholders_become_words() {
        assert_eq!(
            without_values("{client} asked {server} {attempts} times. {user} waited."),
            "The client asked the server … times. The user waited."
        );
        assert_eq!(without_values("error {error"), "error {error");
    }
}
