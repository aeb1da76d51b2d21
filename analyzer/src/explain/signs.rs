//! Signs in words, with the place where each is recorded.

use serde::Serialize;

use super::place::Place;
use crate::knowledge::{Sign, Test};

/// A sign for people.
#[derive(Debug, Clone, Serialize)]
pub struct SignText {
    /// The sentence, `…` for what the evidence fills in.
    pub says: String,
    /// `fact` about the attempt, `event`, `any` of its members, `all` of them, `witnesses` of one fact, or `absent`.
    pub kind: &'static str,
    /// Facts that it looks for.
    pub events: Vec<&'static str>,
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
            says: without_values(&sign.says),
            kind,
            events: Vec::new(),
            places: Vec::new(),
            statement: sign.statement,
            members,
        };
        let list = |signs: &[Sign]| signs.iter().map(Self::of).collect();
        match &sign.test {
            Test::Fact(..) => text("fact", Vec::new()),
            Test::Event(e) => Self {
                events: e.kinds.iter().map(|k| k.name()).collect(),
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

/// The sentence of a data file with words in the place of its placeholders: `{server}` is "the server" where such a
/// thing takes part in every connection, and `…` where a record fills it in.
pub fn without_values(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, tail)) = after.split_once('}') else { break };
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

#[cfg(test)]
mod tests {
    use super::without_values;

    #[test]
    fn placeholders_become_words() {
        assert_eq!(
            without_values("{client} asked {server} {attempts} times. {user} waited."),
            "The client asked the server … times. The user waited."
        );
        assert_eq!(without_values("error {error"), "error {error");
    }
}
