//! Which verdicts appeared, went or changed.
//!
//! A verdict's id is a hash of its cause, host and first attempt, so the same finding has the same id in both runs. One whose
//! cause became another, or whose beginning moved because there is more evidence, is found by its attempts, then by host
//! and cause.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde::Serialize;

use super::told::{Figures, Told, Verdict};

/// What is different: schema `rdpwhy.diff/1`.
#[derive(Debug, Serialize)]
pub struct Difference {
    /// Always `rdpwhy.diff/1`.
    pub schema: &'static str,
    /// The earlier run.
    pub before: Side,
    /// The later one.
    pub after: Side,
    /// Verdicts that only the later one has, in its order.
    pub appeared: Vec<Alone>,
    /// Verdicts that only the earlier one has.
    pub went: Vec<Alone>,
    /// Verdicts that say something else in the later one.
    pub changed: Vec<Changed>,
    /// Verdicts that say the same in both.
    pub same: u64,
}

/// One of the two runs.
#[derive(Debug, Serialize)]
pub struct Side {
    /// File, or `standard input`.
    pub path: String,
    /// Version of the program that wrote it.
    pub version: Option<String>,
    /// How its connections went.
    pub summary: Figures,
}

/// A verdict that one of the runs has.
#[derive(Debug, Serialize)]
pub struct Alone {
    /// The verdict.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Why the other run could not have it: `not-in-other` when it has no such host, `unreadable` when nothing of the
    /// host could be read there.
    pub other: Option<&'static str>,
}

/// A verdict that changed.
#[derive(Debug, Serialize)]
pub struct Changed {
    /// As it was.
    pub before: Verdict,
    /// As it is.
    pub after: Verdict,
    /// What of it, in the order of the report.
    pub fields: Vec<&'static str>,
}

impl Difference {
    /// Compares two runs.
    pub fn between(before: &Told, after: &Told) -> Self {
        let (old, new) = (&before.verdicts, &after.verdicts);
        let partner = partners(old, new);
        let mut left: Vec<bool> = vec![true; old.len()];
        let (mut appeared, mut changed, mut same) = (Vec::new(), Vec::new(), 0);
        for (n, partner) in new.iter().zip(&partner) {
            let Some((at, o)) = partner.and_then(|at| Some((at, old.get(at)?))) else {
                appeared.push(alone(n, before));
                continue;
            };
            if let Some(left) = left.get_mut(at) {
                *left = false;
            }
            let fields = fields(o, n);
            if fields.is_empty() {
                same += 1;
            } else {
                changed.push(Changed {
                    before: o.clone(),
                    after: n.clone(),
                    fields,
                });
            }
        }
        let left = old.iter().zip(left).filter(|(_, left)| *left);
        Self {
            schema: "rdpwhy.diff/1",
            before: side(before),
            after: side(after),
            appeared,
            went: left.map(|(v, _)| alone(v, after)).collect(),
            changed,
            same,
        }
    }

    /// Whether the verdicts are the same.
    pub fn is_empty(&self) -> bool {
        self.appeared.is_empty() && self.went.is_empty() && self.changed.is_empty()
    }
}

fn side(told: &Told) -> Side {
    Side {
        path: told.label.clone(),
        version: told.version.clone(),
        summary: told.figures.clone(),
    }
}

fn alone(verdict: &Verdict, other: &Told) -> Alone {
    let unit = verdict.unit.as_ref().filter(|_| !other.units.is_empty());
    let why = match unit.map(|unit| other.units.get(unit)) {
        Some(None) => Some("not-in-other"),
        Some(Some(false)) => Some("unreadable"),
        Some(Some(true)) | None => None,
    };
    Alone {
        verdict: verdict.clone(),
        other: why,
    }
}

/// An id of a report that was redacted is a number, which means nothing in another report.
fn is_number(id: &str) -> bool {
    id.get(2..).is_some_and(|hex| hex.starts_with("0000000"))
}

/// For each later verdict, the place of the earlier one that is about the same thing.
fn partners(old: &[Verdict], new: &[Verdict]) -> Vec<Option<usize>> {
    let mut of_id: HashMap<&str, usize> = HashMap::new();
    let mut of_attempt: HashMap<&str, usize> = HashMap::new();
    for (at, v) in old.iter().enumerate() {
        if !is_number(&v.id) {
            of_id.entry(&v.id).or_insert(at);
        }
        for a in v.attempts.iter().filter(|a| !is_number(a)) {
            of_attempt.entry(a).or_insert(at);
        }
    }
    let mut taken = vec![false; old.len()];
    let mut take = |at: usize| {
        taken
            .get_mut(at)
            .is_some_and(|t| !std::mem::replace(t, true))
    };
    let mut found: Vec<Option<usize>> = vec![None; new.len()];
    for (slot, n) in found.iter_mut().zip(new) {
        *slot = of_id.get(n.id.as_str()).copied().filter(|at| take(*at));
    }
    for (slot, n) in found.iter_mut().zip(new).filter(|(slot, _)| slot.is_none()) {
        let same = n.attempts.iter().filter_map(|a| of_attempt.get(a.as_str()));
        *slot = same.copied().find(|at| take(*at));
    }
    let about = |v: &Verdict| Some((v.unit.clone(), v.host.clone(), v.cause.clone()?));
    let mut free: BTreeMap<_, VecDeque<usize>> = BTreeMap::new();
    for (at, v) in old.iter().enumerate() {
        if let Some(about) = about(v).filter(|_| take(at)) {
            free.entry(about).or_default().push_back(at);
        }
    }
    for (slot, n) in found.iter_mut().zip(new).filter(|(slot, _)| slot.is_none()) {
        *slot = about(n).and_then(|about| free.get_mut(&about)?.pop_front());
    }
    found
}

fn fields(old: &Verdict, new: &Verdict) -> Vec<&'static str> {
    let differs = [
        ("cause", old.cause != new.cause),
        ("severity", old.severity != new.severity),
        ("confidence", old.confidence != new.confidence),
        ("host", old.host != new.host),
        ("first", old.first != new.first),
        ("last", old.last != new.last),
        ("tries", old.tries != new.tries),
    ];
    let changed = differs.into_iter().filter(|(_, differs)| *differs);
    changed.map(|(field, _)| field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(id: &str, cause: &str, attempts: &[&str]) -> Verdict {
        Verdict {
            id: id.to_owned(),
            host: Some("A".to_owned()),
            cause: Some(cause.to_owned()).filter(|c| !c.is_empty()),
            attempts: attempts.iter().map(|a| (*a).to_owned()).collect(),
            tries: attempts.len() as u64,
            ..Verdict::default()
        }
    }

    fn between(old: &[Verdict], new: &[Verdict]) -> (Vec<String>, Vec<String>, Vec<String>, u64) {
        let told = |verdicts: &[Verdict]| Told {
            verdicts: verdicts.to_vec(),
            ..Told::default()
        };
        let d = Difference::between(&told(old), &told(new));
        let alone = |list: &[Alone]| list.iter().map(|a| a.verdict.id.clone()).collect();
        let changed =
            |c: &Changed| format!("{} {} {}", c.before.id, c.after.id, c.fields.join(" "));
        let changed = d.changed.iter().map(changed).collect();
        (alone(&d.appeared), alone(&d.went), changed, d.same)
    }

    #[test]
    fn a_verdict_is_found_by_id_then_by_attempt_then_by_cause() {
        let old = [
            verdict("v-aaaa", "clock-skew", &["a-1111"]),
            verdict("v-bbbb", "", &["a-2222", "a-3333"]),
            verdict("v-cccc", "nla-required", &[]),
            verdict("v-dddd", "fips-mismatch", &["a-4444"]),
        ];
        let new = [
            verdict("v-eeee", "wrong-credentials", &["a-3333"]),
            verdict("v-ffff", "nla-required", &["a-5555"]),
            verdict("v-aaaa", "clock-skew", &["a-1111"]),
            verdict("v-abcd", "nla-required", &["a-6666"]),
        ];
        let (appeared, went, changed, same) = between(&old, &new);
        assert_eq!(appeared, ["v-abcd"]);
        assert_eq!(went, ["v-dddd"]);
        assert_eq!(
            changed,
            ["v-bbbb v-eeee cause tries", "v-cccc v-ffff tries"]
        );
        assert_eq!(same, 1);
        assert_eq!(between(&old, &old), (vec![], vec![], vec![], 4));
    }

    #[test]
    fn numbers_of_redacted_reports_mean_nothing() {
        let old = [verdict("v-000000000001", "clock-skew", &["a-000000000001"])];
        let new = [verdict(
            "v-000000000001",
            "nla-required",
            &["a-000000000001"],
        )];
        let (appeared, went, changed, _) = between(&old, &new);
        assert_eq!((appeared.len(), went.len(), changed.len()), (1, 1, 0));
    }

    #[test]
    fn a_host_that_could_not_be_read_has_not_been_mended() {
        let of = |unit: &str, id: &str| Verdict {
            unit: Some(unit.to_owned()),
            ..verdict(id, "clock-skew", &[])
        };
        let before = Told {
            verdicts: vec![of("A", "v-a"), of("B", "v-b"), of("C", "v-c")],
            ..Told::default()
        };
        let after = Told {
            units: [("A".to_owned(), false), ("C".to_owned(), true)].into(),
            ..Told::default()
        };
        let went = Difference::between(&before, &after).went;
        let why: Vec<_> = went.iter().map(|a| a.other).collect();
        assert_eq!(why, [Some("unreadable"), Some("not-in-other"), None]);
    }
}
