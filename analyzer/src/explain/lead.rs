//! Which causes a code or an event leads to: those whose signs look for it.

use rdpwhy_parsers::Kind;
use serde::Serialize;

use super::registry::{Registries, Registry};
use super::signs::SignText;
use crate::knowledge::{Cause, Condition, Knowledge, Literal, Sign, Test, parse_number};

/// A cause, and the sign by which the code or event belongs to it.
#[derive(Debug, Clone, Serialize)]
pub struct Lead {
    /// The cause's id.
    pub cause: String,
    /// Its title.
    pub title: String,
    /// Where a connection breaks.
    pub stage: String,
    /// `required`, `supporting`, `excluding` (speaks against it), `shown` (mstsc shows the code) or
    /// `mentioned` (its file speaks of the code).
    pub role: &'static str,
    /// Whether a side states the reason itself by that sign.
    pub statement: bool,
    /// What the sign says; none where mstsc alone shows the code.
    pub says: Option<String>,
    /// What to do about the cause, and on which side.
    pub fix: Option<String>,
    /// What shows that it worked.
    pub verify: Option<String>,
}

impl Lead {
    fn new(cause: &Cause, role: &'static str, sign: Option<&Sign>) -> Self {
        let remedy = cause.remedy.as_ref();
        Self {
            cause: cause.id.clone(),
            title: cause.title.clone(),
            stage: cause.stage.clone(),
            role,
            statement: sign.is_some_and(|s| s.statement),
            says: sign.map(|s| SignText::of(s).says),
            fix: remedy.map(|r| format!("on the {}: {}", r.run_on, r.summary)),
            verify: remedy.map(|r| r.verify.clone()),
        }
    }

    /// Those of which mstsc shows the code.
    pub fn shown(cause: &Cause) -> Self {
        Self::new(cause, "shown", None)
    }

    fn order(&self) -> (usize, bool, &str) {
        let roles = ["required", "shown", "mentioned", "supporting", "excluding"];
        let role = roles
            .iter()
            .position(|r| *r == self.role)
            .unwrap_or(roles.len());
        (role, !self.statement, &self.cause)
    }
}

/// Causes that look for one of these facts.
pub fn to_event(kinds: &[Kind], knowledge: &Knowledge) -> Vec<Lead> {
    let looks = |sign: &Sign| match &sign.test {
        Test::Event(e) => e.kinds.iter().any(|k| kinds.contains(k)),
        _ => false,
    };
    leads(knowledge, &looks)
}

/// Causes that look for this number of a registry, or of which mstsc shows it.
pub fn to_code(
    registry: &Registry,
    value: u32,
    registries: &Registries,
    knowledge: &Knowledge,
) -> Vec<Lead> {
    let spellings = spellings(registry.id(), value);
    let looks = |sign: &Sign| match &sign.test {
        Test::Fact(name, c) => registry.is_fact(name.as_str()) && wants(c, &spellings),
        Test::Event(e) => e
            .values
            .iter()
            .any(|(f, c)| wants(c, &spellings) && registries.carries(registry, &e.kinds, *f)),
        _ => false,
    };
    let mut found = leads(knowledge, &looks);
    if registry.is_dialog_first() {
        for cause in &knowledge.causes {
            let shown = shown_codes(cause).iter().any(|(first, _)| *first == value);
            if shown && !found.iter().any(|l| l.cause == cause.id) {
                found.push(Lead::shown(cause));
            }
        }
    }
    for cause in knowledge.causes.iter().filter(|c| mentions(c, value)) {
        if !found.iter().any(|l| l.cause == cause.id) {
            found.push(Lead::new(cause, "mentioned", None));
        }
    }
    found.sort_by(|x, y| x.order().cmp(&y.order()));
    found
}

/// Whether the file of the cause speaks of a status. Smaller numbers mean too many things.
fn mentions(cause: &Cause, value: u32) -> bool {
    const STATUS_FROM: u32 = 0x8000_0000;
    let number = format!("0x{value:08x}");
    let signs = cause
        .required
        .iter()
        .chain(&cause.supporting)
        .map(|s| &s.says);
    let mut texts = signs.chain(&cause.references).chain([&cause.summary]);
    value >= STATUS_FROM && texts.any(|t| t.to_ascii_lowercase().contains(&number))
}

fn leads(knowledge: &Knowledge, looks: &dyn Fn(&Sign) -> bool) -> Vec<Lead> {
    let mut found = Vec::new();
    for cause in &knowledge.causes {
        let roles = [
            ("required", &cause.required),
            ("required", &cause.alone),
            ("supporting", &cause.supporting),
            ("excluding", &cause.excluding),
        ];
        let sign = roles
            .into_iter()
            .find_map(|(role, signs)| signs.iter().find_map(|s| find(s, looks)).map(|s| (role, s)));
        found.extend(sign.map(|(role, sign)| Lead::new(cause, role, Some(sign))));
    }
    found.sort_by(|x, y| x.order().cmp(&y.order()));
    found
}

/// The first sign in the group that looks for it. What must be absent does not count.
fn find<'a>(sign: &'a Sign, looks: &dyn Fn(&Sign) -> bool) -> Option<&'a Sign> {
    match &sign.test {
        Test::Any(list) | Test::All(list) | Test::Witnesses(list) => {
            list.iter().find_map(|s| find(s, looks))
        }
        Test::Absent(_) => None,
        Test::Fact(..) | Test::Event(_) => looks(sign).then_some(sign),
    }
}

/// The number as other registries wrap it.
fn spellings(registry: &str, value: u32) -> Vec<i64> {
    let wrapped = match registry {
        "win32" if value <= 0xFFFF => Some(0x8007_0000 | value),
        "ntstatus" => Some(value | 0x1000_0000),
        _ => None,
    };
    std::iter::once(value)
        .chain(wrapped)
        .map(i64::from)
        .collect()
}

fn wants(condition: &Condition, numbers: &[i64]) -> bool {
    let listed = condition.is.iter().flatten().any(|l| match l {
        Literal::Number(n) => numbers.contains(n),
        Literal::Word(w) => parse_number(w).is_some_and(|n| numbers.contains(&n)),
        Literal::Flag(_) => false,
    });
    let between = condition
        .min
        .zip(condition.max)
        .is_some_and(|(min, max)| numbers.iter().any(|n| (min..=max).contains(n)));
    listed || between
}

/// The codes that a cause's `mstsc` names: `0x904 / 0x0 or 0x7, 0x204` is 0x904 with 0 and with 7, and 0x204 alone.
pub fn shown_codes(cause: &Cause) -> Vec<(u32, Option<u32>)> {
    /// Second numbers in a row are small; a larger one begins anew.
    const LARGEST_IN_A_ROW: u32 = 0xFF;
    let mut codes: Vec<(u32, Option<u32>)> = Vec::new();
    let mut before = "";
    for word in cause
        .mstsc
        .as_deref()
        .unwrap_or_default()
        .split_whitespace()
    {
        let text = word.trim_matches(|c: char| !c.is_ascii_alphanumeric() && c != '/');
        let number = text
            .strip_prefix("0x")
            .and_then(|hex| u32::from_str_radix(hex, 16).ok());
        let last = codes.last().copied();
        match (number, last) {
            (Some(n), Some((first, None))) if before == "/" => {
                codes.pop();
                codes.push((first, Some(n)));
            }
            (Some(n), Some((first, Some(_)))) if before == "or" && n <= LARGEST_IN_A_ROW => {
                codes.push((first, Some(n)));
            }
            (Some(_), _) if before == "extended" => {}
            (Some(n), _) => codes.push((n, None)),
            (None, _) => {}
        }
        before = text;
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_that_a_cause_shows_are_read_from_its_words() {
        let mut cause = Knowledge::embedded().expect("embedded").causes.remove(0);
        let mut codes = |mstsc: &str| {
            cause.mstsc = Some(mstsc.to_owned());
            shown_codes(&cause)
        };
        assert_eq!(
            codes("0x904 / 0x7 or 0x204"),
            [(0x904, Some(7)), (0x204, None)]
        );
        assert_eq!(
            codes("0x904 / 0x0 or 0x7, or a wait"),
            [(0x904, Some(0)), (0x904, Some(7))]
        );
        assert_eq!(
            codes("a certificate warning, 0x1B07 or 0x907"),
            [(0x1B07, None), (0x907, None)]
        );
        assert_eq!(codes("extended 0x400 and up"), []);
    }
}
