//! The log of the reasoning for one cause: which of its signs were found, which were not though somebody would have
//! recorded them, and which nobody could have seen.
//!
//! Nothing is decided here: [`Matcher`] answers for each sign what it answers when verdicts are made, and this module
//! writes the answers down with their places.

mod coverage;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use crate::assemble::{self, Parts};
use crate::attempt::{Attempt, Fact};
use crate::judge::{self, Judgement, Opinion};
use crate::knowledge::{Cause, Sign, Test};
use crate::matcher::{Answer, Matcher, peer_name};
use crate::report::Evidence as EvidenceReport;
use crate::sentence;
pub use coverage::Stretch;

/// Pieces of evidence that are kept for one sign.
const MOST_EVIDENCE: usize = 5;

/// Why one cause is, or is not, the answer for the attempts that failed.
#[derive(Debug, Clone, Serialize)]
pub struct Reasoning {
    /// The cause that was asked about.
    pub cause: String,
    /// Its title.
    pub title: String,
    /// Failed attempts; those with the same answers in one entry.
    pub attempts: Vec<Reasoned>,
}

/// Attempts for which the same was found.
#[derive(Debug, Clone, Serialize)]
pub struct Reasoned {
    /// Ids of the attempts.
    pub attempts: Vec<String>,
    /// Clients, by name or address, sorted.
    pub clients: Vec<String>,
    /// The server.
    pub server: String,
    /// First attempt's start.
    pub first: String,
    /// Last attempt's start.
    pub last: String,
    /// `answer` (it is the verdict), `behind` (its signs are there, and so are another cause's), `open` (nothing is
    /// against it, but a required sign could not be seen), `ruled-out`.
    pub conclusion: &'static str,
    /// How sure it is, where its signs are there.
    pub confidence: Option<&'static str>,
    /// The conclusion in words.
    pub why: String,
    /// Signs that must all be there.
    pub required: Vec<ReasonedSign>,
    /// Signs that strengthen it.
    pub supporting: Vec<ReasonedSign>,
    /// Signs that make it impossible.
    pub excluding: Vec<ReasonedSign>,
}

/// What became of one sign.
#[derive(Debug, Clone, Serialize)]
pub struct ReasonedSign {
    /// What it says, `…` for what evidence would fill in.
    pub says: String,
    /// `seen`, `absent`, `unknown`, or `not-asked` where the witness that it needs was not there.
    pub answer: &'static str,
    /// How its members count: `any`, `all`, `witnesses`, `absent`; none for a single sign.
    pub group: Option<&'static str>,
    /// What the attempt has instead, or why it was not asked.
    pub note: Option<String>,
    /// What shows it, the first of the attempts.
    pub found: Vec<EvidenceReport>,
    /// Logs and captures that cover the moment without it.
    pub covered: Vec<Stretch>,
    /// Logs and captures that would show it and are not there.
    pub missing: Vec<Stretch>,
    /// Members of a group.
    pub members: Vec<ReasonedSign>,
}

/// The reasoning about one cause for all failed attempts that `kept` keeps.
pub fn reasoning(
    parts: &Parts<'_>,
    matcher: &Matcher<'_>,
    kept: &[bool],
    id: &str,
) -> Option<Reasoning> {
    let number = parts.knowledge.causes.iter().position(|c| c.id == id)?;
    let cause = parts.knowledge.causes.get(number)?;
    let ids = assemble::attempt_ids(parts);
    let mut groups: BTreeMap<String, (usize, Reasoned)> = BTreeMap::new();
    let asked =
        parts.attempts.iter().enumerate().filter(|(i, a)| {
            kept.get(*i) == Some(&true) && a.part_of.is_none() && a.outcome.is_bad()
        });
    for (i, a) in asked {
        let one = Desk {
            parts,
            matcher,
            attempt: a,
        }
        .reasoned(cause, number, ids.get(i));
        match groups.entry(one.likeness()) {
            std::collections::btree_map::Entry::Vacant(e) => {
                e.insert((i, one));
            }
            std::collections::btree_map::Entry::Occupied(mut e) => e.get_mut().1.add(one),
        }
    }
    let mut attempts: Vec<(usize, Reasoned)> = groups.into_values().collect();
    attempts.sort_by_key(|(first, _)| *first);
    Some(Reasoning {
        cause: cause.id.clone(),
        title: cause.title.clone(),
        attempts: attempts.into_iter().map(|(_, r)| r).collect(),
    })
}

/// One attempt on the desk.
struct Desk<'a> {
    parts: &'a Parts<'a>,
    matcher: &'a Matcher<'a>,
    attempt: &'a Attempt,
}

impl Desk<'_> {
    fn reasoned(&self, cause: &Cause, number: usize, id: Option<&String>) -> Reasoned {
        let a = self.attempt;
        let (conclusion, confidence, why) = self.conclusion(cause, number);
        let signs = |list: &[Sign]| list.iter().map(|s| self.sign(s)).collect();
        let start = assemble::time(a.start);
        Reasoned {
            attempts: id.into_iter().cloned().collect(),
            clients: vec![peer_name(&a.client)],
            server: peer_name(&a.server),
            first: start.clone(),
            last: start,
            conclusion,
            confidence,
            why,
            required: signs(&cause.required),
            supporting: signs(&cause.supporting),
            excluding: signs(&cause.excluding),
        }
    }

    fn conclusion(
        &self,
        cause: &Cause,
        number: usize,
    ) -> (&'static str, Option<&'static str>, String) {
        let opinion = judge::opinion(self.matcher, self.parts.knowledge, self.attempt);
        match judge::judge(self.matcher, cause, number, self.attempt) {
            Judgement::Stands(_) => self.standing(&opinion, number),
            Judgement::Open(unrecorded) => {
                let named: BTreeSet<_> = unrecorded.iter().map(|b| b.of(self.attempt)).collect();
                let places: Vec<String> = named
                    .iter()
                    .map(|u| format!("{} of {}", u.channel, u.host))
                    .collect();
                let why = format!(
                    "nothing is against it, but a required sign could only be seen in {}",
                    places.join(", ")
                );
                ("open", None, why)
            }
            Judgement::RuledOut(why) => ("ruled-out", None, why.text(cause)),
        }
    }

    fn standing(
        &self,
        opinion: &Opinion,
        number: usize,
    ) -> (&'static str, Option<&'static str>, String) {
        let title = |n: usize| {
            self.parts
                .knowledge
                .causes
                .get(n)
                .map_or("", |c| c.title.as_str())
        };
        if let Some((_, confidence, why)) = opinion.behind.iter().find(|(n, ..)| *n == number) {
            let why = format!("its signs are there, but it steps behind: {why}");
            return ("behind", Some(confidence.name()), why);
        }
        let mine = opinion.standing.iter().find(|f| f.cause == number);
        let confidence = mine.map(|f| f.confidence.name());
        let others: Vec<&str> = opinion
            .standing
            .iter()
            .map(|f| f.cause)
            .filter(|n| *n != number)
            .map(title)
            .collect();
        match opinion.standing.first() {
            Some(best) if best.cause == number && others.is_empty() => (
                "answer",
                confidence,
                "its signs are there, and no other cause's are".to_owned(),
            ),
            Some(best) if best.cause == number => {
                let why = format!(
                    "its signs are there; so are those of: {}",
                    others.join("; ")
                );
                ("answer", confidence, why)
            }
            Some(best) => {
                let why = format!(
                    "its signs are there, but fewer or less direct than those of: {}",
                    title(best.cause)
                );
                ("behind", confidence, why)
            }
            None => ("open", confidence, String::new()),
        }
    }

    fn sign(&self, sign: &Sign) -> ReasonedSign {
        let mut told = ReasonedSign {
            says: sentence::general(&sign.says),
            answer: "not-asked",
            group: group(&sign.test),
            note: None,
            found: Vec::new(),
            covered: Vec::new(),
            missing: Vec::new(),
            members: Vec::new(),
        };
        if !crate::matcher::was_there(sign, self.attempt) {
            told.note = sign
                .given
                .map(|witness| without(witness.as_str()).to_owned());
            return told;
        }
        told.answer = match self.matcher.ask(sign, self.attempt) {
            Answer::Seen(found) => {
                if matches!(sign.test, Test::Event(_)) {
                    let few = found.iter().take(MOST_EVIDENCE);
                    let entry = |f: &crate::matcher::Found| {
                        assemble::entry(self.parts.evidence, f.at, f.says.clone(), "found")
                    };
                    told.found = few.map(entry).collect();
                }
                "seen"
            }
            Answer::Absent => "absent",
            Answer::Unknown(_) => "unknown",
        };
        match &sign.test {
            Test::Fact(name, _) => {
                told.note = self
                    .attempt
                    .facts
                    .of(*name)
                    .map(|f| value(name.as_str(), f));
                if told.answer == "unknown" {
                    told.missing = coverage::of_fact(self.matcher, sign, self.attempt);
                }
            }
            Test::Event(e) => {
                let (covered, missing) = coverage::of_event(self.matcher, e, self.attempt);
                match told.answer {
                    "absent" => told.covered = covered,
                    "unknown" => told.missing = missing,
                    _ => {}
                }
            }
            Test::Any(list) | Test::All(list) | Test::Witnesses(list) => {
                told.members = list.iter().map(|s| self.sign(s)).collect();
            }
            Test::Absent(inner) => told.members = vec![self.sign(inner)],
        }
        told
    }
}

fn group(test: &Test) -> Option<&'static str> {
    match test {
        Test::Fact(..) | Test::Event(_) => None,
        Test::Any(_) => Some("any"),
        Test::All(_) => Some("all"),
        Test::Witnesses(_) => Some("witnesses"),
        Test::Absent(_) => Some("absent"),
    }
}

/// What it means that a witness was not there.
fn without(witness: &str) -> &'static str {
    match witness {
        "on_wire" => "no capture holds the connection",
        "in_server_log" => "no log of the server shows the connection",
        "in_client_log" => "no log of the client shows the connection",
        "in_state" => "the state of the server was not collected",
        _ => "no log of a gateway shows the connection",
    }
}

/// `outcome is failed`.
fn value(name: &str, fact: &Fact) -> String {
    let value = match fact {
        Fact::Word(w) => (*w).to_owned(),
        Fact::Number(n) => n.to_string(),
        Fact::Flag(true) => "yes".to_owned(),
        Fact::Flag(false) => "no".to_owned(),
    };
    format!("{} is {value}", name.replace('_', " "))
}

impl Reasoned {
    /// The same for attempts with the same answers, whatever their times.
    fn likeness(&self) -> String {
        let mut text = format!(
            "{} {} {:?} {}",
            self.server, self.conclusion, self.confidence, self.why
        );
        for list in [&self.required, &self.supporting, &self.excluding] {
            for sign in list {
                sign.likeness(&mut text);
            }
        }
        text
    }

    fn add(&mut self, other: Self) {
        self.attempts.extend(other.attempts);
        self.clients.extend(other.clients);
        self.clients.sort();
        self.clients.dedup();
        self.first = std::mem::take(&mut self.first).min(other.first);
        self.last = std::mem::take(&mut self.last).max(other.last);
        let mine = [
            &mut self.required,
            &mut self.supporting,
            &mut self.excluding,
        ];
        for (list, others) in
            mine.into_iter()
                .zip([other.required, other.supporting, other.excluding])
        {
            list.iter_mut()
                .zip(others)
                .for_each(|(sign, o)| sign.add(o));
        }
    }
}

impl ReasonedSign {
    fn likeness(&self, text: &mut String) {
        let places = |list: &[Stretch]| -> Vec<String> {
            list.iter()
                .map(|s| format!("{} {} {}", s.channel, s.host, s.why))
                .collect()
        };
        let own = (self.answer, places(&self.covered), places(&self.missing));
        // Writing into a text cannot fail.
        let _ = write!(text, "|{own:?}");
        self.members.iter().for_each(|m| m.likeness(text));
    }

    fn add(&mut self, other: Self) {
        for (mine, theirs) in [
            (&mut self.covered, other.covered),
            (&mut self.missing, other.missing),
        ] {
            mine.iter_mut().zip(theirs).for_each(|(s, o)| s.widen(o));
        }
        if self.note != other.note {
            self.note = None;
        }
        self.members
            .iter_mut()
            .zip(other.members)
            .for_each(|(m, o)| m.add(o));
    }
}
