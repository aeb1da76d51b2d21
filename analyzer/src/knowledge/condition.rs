//! What a value must be. No arithmetic, no loops: what this cannot say becomes a named fact.

use rdpwhy_parsers::{Field, Value};
use std::borrow::Cow;

/// A value in a data file. Numbers may be written in hex as text: `"0x8009030d"`.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A number.
    Number(i64),
    /// A word; compared without regard to ASCII case.
    Word(String),
    /// Yes or no.
    Flag(bool),
}

/// What a value must be; all parts given must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Condition {
    /// One of these.
    pub is: Option<Vec<Literal>>,
    /// None of these.
    pub not: Option<Vec<Literal>>,
    /// At least.
    pub min: Option<i64>,
    /// At most.
    pub max: Option<i64>,
    /// Begins with one of these, without regard to ASCII case.
    pub prefix: Option<Vec<String>>,
    /// Contains one of these, without regard to ASCII case.
    pub contains: Option<Vec<String>>,
    /// Whether there is a value at all.
    pub present: Option<bool>,
    /// Equals this value of the attempt: user, client_ip, client_host, server_name …
    pub same: Option<String>,
    /// Differs from this value of the attempt.
    pub differs: Option<String>,
    /// Greater than this other field of the same event.
    pub above: Option<Field>,
    /// A missing value passes, whatever else is asked.
    pub or_missing: bool,
}

/// What a condition may compare a value with.
pub trait Others {
    /// A value of the attempt, by name; none while it is unknown.
    fn own(&self, name: &str) -> Option<String>;
    /// Another field of the same event.
    fn field(&self, field: Field) -> Option<Value<'_>>;
}

/// Nothing to compare with.
pub struct Nothing;

impl Others for Nothing {
    fn own(&self, _: &str) -> Option<String> {
        None
    }

    fn field(&self, _: Field) -> Option<Value<'_>> {
        None
    }
}

impl Condition {
    /// Whether a value meets it. A value of the attempt that is not known contradicts nothing.
    pub fn holds(&self, value: Option<Value<'_>>, others: &impl Others) -> bool {
        if let Some(wanted) = self.present {
            if value.is_some() != wanted {
                return false;
            }
            if !wanted {
                return true;
            }
        }
        let Some(value) = value else {
            // A record without the value cannot have one of the forbidden ones.
            return self.or_missing || self.is_only_negative();
        };
        let equal = |name: &str| {
            others.own(name).map(|wanted| {
                crate::sighting::same_account(&wanted, &shown(value))
                    || wanted.eq_ignore_ascii_case(&shown(value))
            })
        };
        let starts = |list: &Vec<String>| {
            let text = spelt(value);
            list.iter().any(|p| {
                let begin = text.as_bytes().get(..p.len());
                begin.is_some_and(|b| b.eq_ignore_ascii_case(p.as_bytes()))
            })
        };
        let holds = |list: &Vec<String>| {
            let text = spelt(value).to_ascii_lowercase();
            list.iter().any(|p| text.contains(&p.to_ascii_lowercase()))
        };
        self.is
            .as_ref()
            .is_none_or(|list| list.iter().any(|l| equals(value, l)))
            && self
                .not
                .as_ref()
                .is_none_or(|list| !list.iter().any(|l| equals(value, l)))
            && self
                .min
                .is_none_or(|min| number(value).is_some_and(|n| n >= min))
            && self
                .max
                .is_none_or(|max| number(value).is_some_and(|n| n <= max))
            && self.prefix.as_ref().is_none_or(starts)
            && self.contains.as_ref().is_none_or(holds)
            && self
                .same
                .as_ref()
                .is_none_or(|name| equal(name).unwrap_or(true))
            && self
                .differs
                .as_ref()
                .is_none_or(|name| equal(name) == Some(false))
            && self.above.is_none_or(|f| {
                others
                    .field(f)
                    .and_then(number)
                    .zip(number(value))
                    .is_some_and(|(other, mine)| mine > other)
            })
    }

    fn is_only_negative(&self) -> bool {
        self.is.is_none()
            && self.min.is_none()
            && self.max.is_none()
            && self.prefix.is_none()
            && self.contains.is_none()
            && self.above.is_none()
            && (self.not.is_some() || self.same.is_some())
    }
}

fn equals(value: Value<'_>, literal: &Literal) -> bool {
    match (value, literal) {
        (Value::Flag(a), Literal::Flag(b)) => a == *b,
        (value, Literal::Number(b)) => number(value) == Some(*b),
        (value, Literal::Word(b)) => match parse_number(b).zip(number(value)) {
            Some((wanted, n)) => wanted == n,
            None => spelt(value).eq_ignore_ascii_case(b),
        },
        (Value::Int(n), Literal::Flag(b)) => (n != 0) == *b,
        _ => false,
    }
}

fn number(value: Value<'_>) -> Option<i64> {
    match value {
        Value::Int(n) => Some(n),
        Value::Text(t) => parse_number(t),
        _ => None,
    }
}

/// Decimal or `0x…`.
pub fn parse_number(text: &str) -> Option<i64> {
    // Most words are none, and each is asked for thousands of times.
    if text.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let text = text.trim();
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-')) {
        return None;
    }
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// [`shown`], without a copy where it stands as text.
fn spelt(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Text(t) => t.into(),
        Value::Flag(true) => "true".into(),
        Value::Flag(false) => "false".into(),
        other => shown(other).into(),
    }
}

/// A value as text: statuses stay decimal here, the report shows them in hex.
pub fn shown(value: Value<'_>) -> String {
    match value {
        Value::Int(n) => n.to_string(),
        Value::Flag(b) => b.to_string(),
        Value::Ip(ip) => ip.to_string(),
        Value::Text(t) => t.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(condition: &Condition, value: Option<Value<'_>>) -> bool {
        condition.holds(value, &Nothing)
    }

    #[test]
    fn hex_words_equal_numbers() {
        let c = Condition {
            is: Some(vec![Literal::Word("0x8009030D".into())]),
            ..Condition::default()
        };
        assert!(holds(&c, Some(Value::Int(0x8009_030d))));
        assert!(holds(&c, Some(Value::Text("0x8009030d"))));
        assert!(!holds(&c, Some(Value::Int(1))));
        assert!(!holds(&c, None));
    }

    #[test]
    fn words_are_compared_without_regard_to_case_and_numbers_as_numbers() {
        let is = |word: &str| Condition {
            is: Some(vec![Literal::Word(word.into())]),
            ..Condition::default()
        };
        assert!(holds(&is("Alert"), Some(Value::Text("aLERT"))));
        assert!(holds(&is("TRUE"), Some(Value::Flag(true))));
        assert!(holds(&is(" 0x10 "), Some(Value::Text("16"))));
        assert!(holds(&is("-5"), Some(Value::Int(-5))));
        assert!(holds(
            &is("fe80::1"),
            Some(Value::Ip("fe80::1".parse().unwrap()))
        ));
        assert!(!holds(&is("face"), Some(Value::Int(0xface))));
        let begins = Condition {
            prefix: Some(vec!["Corp\\".into()]),
            ..Condition::default()
        };
        assert!(holds(&begins, Some(Value::Text("CORP\\ana"))));
        assert!(!holds(&begins, Some(Value::Text("cor"))));
        let within = Condition {
            contains: Some(vec!["TWO".into()]),
            ..Condition::default()
        };
        assert!(holds(&within, Some(Value::Text("one two three"))));
    }

    #[test]
    fn a_missing_value_meets_only_what_forbids() {
        let not = Condition {
            not: Some(vec![Literal::Number(1)]),
            ..Condition::default()
        };
        assert!(holds(&not, None));
        let absent = Condition {
            present: Some(false),
            ..Condition::default()
        };
        assert!(holds(&absent, None));
        assert!(!holds(&absent, Some(Value::Int(0))));
    }
}
