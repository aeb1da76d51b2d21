//! What was said of each attempt, so that only what changes it is said again.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rdpwhy_analyzer::report::{AttemptReport, VerdictReport};
use rdpwhy_parsers::Timestamp;

use crate::line::{Said, State};

/// Attempts remembered; the oldest are only counted from then on.
const MOST: usize = 65_536;
/// Strangers whose tries are counted instead of told.
const MOST_STRANGERS: usize = 16_384;

/// What matters of what was said.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Essence {
    state: State,
    stage: &'static str,
    cause: Option<String>,
    confidence: Option<&'static str>,
    severity: Option<&'static str>,
    part_of: Option<String>,
}

/// What a line is about. A connection stays the same one when a log gives its ends other names, and the attempt's id is a
/// hash of those.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// A connection of the capture, by its number.
    Flow(u64),
    /// An attempt that only logs saw, by its id.
    Attempt(String),
}

struct Entry {
    essence: Essence,
    /// When it was noted first.
    since: Timestamp,
    /// Of the line that was shown last.
    id: String,
    lines: u32,
    /// Whether the last line was shown, or only counted.
    shown: bool,
}

/// Client, server and cause of refused tries.
type Stranger = (Option<String>, Option<String>, Option<String>);

/// The books.
#[derive(Default)]
pub struct Ledger {
    entries: HashMap<Subject, Entry>,
    by_age: BTreeSet<(Timestamp, Subject)>,
    strangers: HashMap<Stranger, u64>,
    /// Counts of attempts that are no longer remembered.
    gone: BTreeMap<(State, Option<String>), u64>,
}

impl Ledger {
    /// Takes note of how an attempt stands; the line to say, if it is worth one. `now`: clock of the capture.
    pub fn note(
        &mut self,
        subject: Subject,
        attempt: &AttemptReport,
        verdict: Option<&VerdictReport>,
        state: State,
        (now, at): (Timestamp, &str),
    ) -> Option<Said> {
        let essence = Essence {
            state,
            stage: attempt.stage,
            cause: verdict.and_then(|v| v.cause.clone()),
            confidence: verdict.and_then(|v| v.confidence),
            severity: verdict.map(|v| v.severity),
            part_of: attempt.part_of.clone(),
        };
        let before = self.entries.get(&subject);
        if before.is_some_and(|e| e.essence == essence) {
            return None;
        }
        let because = before.map(|e| because(&e.essence, &essence));
        let known = before.is_some();
        let lines = before.map_or(0, |e| e.lines);
        let since = before.map_or(now, |e| e.since);
        let revises = before.filter(|e| e.shown).map(|e| e.id.clone());
        let last = before.map(|e| e.id.clone());
        let id = format!("{}/{}", attempt.id, lines + 1);
        // Strangers' tries come in thousands: the first is told, then the tenth, the hundredth …
        let (mut tries, mut shown) = (1, true);
        if essence.severity == Some("remark") && state.is_bad() && revises.is_none() {
            tries = self.stranger(attempt, essence.cause.clone());
            shown = is_power_of_ten(tries);
        }
        if !known {
            self.by_age.insert((now, subject.clone()));
        }
        self.entries.insert(
            subject,
            Entry {
                essence,
                since,
                id: if shown {
                    id.clone()
                } else {
                    last.unwrap_or_default()
                },
                lines: lines + u32::from(shown),
                shown,
            },
        );
        self.make_room();
        shown.then(|| Said {
            id,
            revises,
            at: at.to_owned(),
            state,
            because,
            tries,
            attempt: attempt.clone(),
            verdict: verdict.cloned(),
        })
    }

    fn stranger(&mut self, attempt: &AttemptReport, cause: Option<String>) -> u64 {
        let key = (attempt.client.ip.clone(), attempt.server.ip.clone(), cause);
        if self.strangers.len() >= MOST_STRANGERS && !self.strangers.contains_key(&key) {
            // More strangers than can be told apart: one of them all.
            let rest = self.strangers.entry((None, key.1, key.2)).or_default();
            *rest += 1;
            return *rest;
        }
        let n = self.strangers.entry(key).or_default();
        *n += 1;
        *n
    }

    /// Only counts an attempt from here on: nothing more will be said of it. One that nothing was ever said of counts as
    /// unknown.
    pub fn forget(&mut self, subject: Subject) {
        let known = self.entries.remove(&subject);
        let key = match known {
            Some(e) => {
                self.by_age.remove(&(e.since, subject));
                (e.essence.state, e.essence.cause)
            }
            None => (State::Unknown, None),
        };
        *self.gone.entry(key).or_default() += 1;
    }

    fn make_room(&mut self) {
        while self.entries.len() > MOST {
            let Some((_, subject)) = self.by_age.first().cloned() else {
                return;
            };
            self.forget(subject);
        }
    }

    /// Attempts by state, and those that failed or were lost by cause.
    pub fn counts(&self) -> (BTreeMap<State, u64>, BTreeMap<String, u64>) {
        let mut states = BTreeMap::new();
        let mut causes = BTreeMap::new();
        let remembered = self
            .entries
            .values()
            .map(|e| (e.essence.state, e.essence.cause.as_ref(), 1));
        let gone = self.gone.iter().map(|((s, c), n)| (*s, c.as_ref(), *n));
        for (state, cause, n) in remembered.chain(gone) {
            *states.entry(state).or_default() += n;
            if state.is_bad() {
                *causes
                    .entry(cause.cloned().unwrap_or_default())
                    .or_default() += n;
            }
        }
        (states, causes)
    }
}

/// A session went on to its end.
pub const ENDED: &str = "the session ended";

/// What changed, in words.
fn because(before: &Essence, now: &Essence) -> &'static str {
    match (before.state, now.state) {
        (State::Waiting, State::Cancelled) => "no retry came",
        (_, State::Step) => "a retry came",
        (State::Open, _) => ENDED,
        (b, n) if b.is_bad() && !n.is_bad() => "a later connection shows that it hurt nobody",
        (b, n) if !b.is_bad() && n.is_bad() => "what came after shows that it failed",
        _ if before.cause != now.cause => "there is more evidence now",
        _ if before.confidence != now.confidence => "it is surer or less sure now",
        _ => "it went on",
    }
}

fn is_power_of_ten(n: u64) -> bool {
    n.checked_ilog10()
        .is_some_and(|digits| 10u64.pow(digits) == n)
}
