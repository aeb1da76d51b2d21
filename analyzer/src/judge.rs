//! Holds every cause against one attempt and ranks what stands.

use std::collections::BTreeSet;

use crate::attempt::Attempt;
use crate::hosts::HostId;
use crate::knowledge::{Cause, Confidence, Knowledge, Sign, Test};
use crate::matcher::{Answer, Blind, Found, Matcher, Unrecorded, note};
use crate::sentence;
use crate::sighting::View;
use crate::tie::Tie;

/// What became of one cause at one attempt.
#[derive(Debug, Clone)]
pub enum Judgement {
    /// All required signs are there and nothing excludes it.
    Stands(Finding),
    /// Nothing is against it, but a required sign could not be seen.
    Open(Vec<Blind>),
    /// A required sign is missing or an excluding one is there; with what that sign says.
    RuledOut(Why),
}

/// Why a cause is ruled out. There are a hundred causes for each attempt, and nearly all of them are.
#[derive(Debug, Clone)]
pub enum Why {
    /// This one of its required signs is missing.
    Missing(usize),
    /// An excluding sign says this.
    Said(String),
}

impl Why {
    /// The same in words.
    pub fn text(&self, cause: &Cause) -> String {
        match self {
            Self::Missing(n) => cause.required.get(*n).map(missing).unwrap_or_default(),
            Self::Said(what) => what.clone(),
        }
    }
}

/// A cause that stands.
#[derive(Debug, Clone)]
pub struct Finding {
    /// Index into [`Knowledge::causes`].
    pub cause: usize,
    /// How sure, for this attempt alone.
    pub confidence: Confidence,
    /// A side states the reason, tied by its moment only: certain once it recurs.
    pub recurs_to_certain: bool,
    /// Records and packets that required signs rest on.
    pub decisive: Vec<Found>,
    /// Those that strengthen it.
    pub supporting: Vec<Found>,
    /// How many supporting signs are there.
    pub strength: usize,
    /// Where excluding signs could not be seen.
    pub unrecorded: BTreeSet<Unrecorded>,
}

/// What is to be said about one attempt.
#[derive(Debug, Clone, Default)]
pub struct Opinion {
    /// The causes that stand, best first; what they refine or explain is taken out.
    pub standing: Vec<Finding>,
    /// Causes that stand behind, with the reason.
    pub behind: Vec<(usize, Confidence, String)>,
    /// Causes that nothing is against, and where nobody recorded.
    pub open: Vec<(usize, Vec<Blind>)>,
    /// Causes that came near and were ruled out, with the reason.
    pub ruled_out: Vec<(usize, Why)>,
}

/// Holds one cause against one attempt.
pub fn judge(matcher: &Matcher<'_>, cause: &Cause, number: usize, a: &Attempt) -> Judgement {
    let mut unknown: Vec<Blind> = Vec::new();
    let (mut decisive, mut statements) = (Vec::new(), Vec::new());
    let mut open = false;
    for (n, sign) in cause.required.iter().enumerate() {
        match matcher.ask(sign, a) {
            Answer::Seen(found) => {
                statements.extend(found.iter().filter(|f| f.statement).map(|f| f.tie));
                decisive.extend(found);
            }
            Answer::Absent => return Judgement::RuledOut(Why::Missing(n)),
            Answer::Unknown(u) => {
                open = true;
                note(&mut unknown, u);
            }
        }
    }
    let mut unrecorded = Vec::new();
    for sign in &cause.excluding {
        match matcher.ask(sign, a) {
            Answer::Seen(found) => {
                let what = found
                    .first()
                    .map_or_else(|| sign.says.clone(), |f| f.says.clone());
                return Judgement::RuledOut(Why::Said(what));
            }
            // What only a capture shows, an attempt without capture is not held to: its stage tells as much.
            Answer::Unknown(u)
                if !(a.seen_by(View::Server) && u.iter().all(|b| b.is_capture())) =>
            {
                unrecorded.extend(u);
            }
            Answer::Unknown(_) | Answer::Absent => {}
        }
    }
    if open {
        return Judgement::Open(unknown);
    }
    let (mut supporting, mut strength) = (Vec::new(), 0);
    for sign in &cause.supporting {
        if let Answer::Seen(found) = matcher.ask(sign, a) {
            strength += 1;
            supporting.extend(found);
        }
    }
    let tied = statements.iter().max().copied();
    let confidence = match tied {
        // A statement, too, may be contradicted by what nobody recorded.
        _ if !unrecorded.is_empty() => Confidence::Possible,
        Some(Tie::Key) => Confidence::Certain,
        _ => Confidence::Likely,
    };
    Judgement::Stands(Finding {
        cause: number,
        confidence: confidence.min(cause.at_most),
        recurs_to_certain: tied.is_some()
            && unrecorded.is_empty()
            && cause.at_most == Confidence::Certain,
        decisive,
        supporting,
        strength,
        unrecorded: unrecorded.iter().map(|b| b.of(a)).collect(),
    })
}

/// What an absent required sign means, for a person.
fn missing(sign: &Sign) -> String {
    match &sign.test {
        Test::Fact(..) => format!("not so: {}", sentence::general(&sign.says)),
        Test::Absent(inner) => sentence::general(&inner.says),
        _ => format!(
            "not recorded, though it would have been: {}",
            sentence::general(&sign.says)
        ),
    }
}

/// Holds all causes against one attempt.
pub fn opinion(matcher: &Matcher<'_>, knowledge: &Knowledge, a: &Attempt) -> Opinion {
    let mut opinion = Opinion::default();
    for (number, cause) in knowledge.causes.iter().enumerate() {
        match judge(matcher, cause, number, a) {
            Judgement::Stands(f) => opinion.standing.push(f),
            Judgement::Open(u) => opinion.open.push((number, u)),
            Judgement::RuledOut(why) => opinion.ruled_out.push((number, why)),
        }
    }
    step_behind(knowledge, &mut opinion);
    cap_by_rivals(knowledge, a, &mut opinion);
    opinion.standing.sort_by(|x, y| {
        (y.confidence, y.recurs_to_certain, y.strength)
            .cmp(&(x.confidence, x.recurs_to_certain, x.strength))
            .then_with(|| x.cause.cmp(&y.cause))
    });
    opinion
}

/// Leaves away what no verdict will say: a flood has a hundred thousand attempts, each with a hundred causes that it is not.
pub fn forget(knowledge: &Knowledge, a: &Attempt, opinion: &mut Opinion) {
    let standing: Vec<usize> = opinion.standing.iter().map(|f| f.cause).collect();
    let like_one_that_stands = |n: usize| standing.iter().any(|c| knowledge.look_alike(*c, n));
    opinion.ruled_out.retain(|(n, _)| like_one_that_stands(*n));
    opinion.ruled_out.shrink_to_fit();
    opinion.standing.shrink_to_fit();
    if standing.len() == 1 || (standing.is_empty() && !a.outcome.is_bad()) {
        opinion.open.retain(|(n, _)| like_one_that_stands(*n));
        opinion.open.shrink_to_fit();
    }
}

/// A cause that another standing one refines or explains steps behind it.
fn step_behind(knowledge: &Knowledge, opinion: &mut Opinion) {
    let cause = |n: usize| knowledge.causes.get(n);
    let ids: Vec<(usize, Confidence)> = opinion
        .standing
        .iter()
        .map(|f| (f.cause, f.confidence))
        .collect();
    let mut behind = Vec::new();
    opinion.standing.retain(|f| {
        let Some(mine) = cause(f.cause) else {
            return false;
        };
        let over = ids
            .iter()
            .filter(|(n, _)| *n != f.cause)
            .filter_map(|(n, c)| cause(*n).map(|x| (x, *c)))
            .find(|(other, c)| {
                let refined = other.refines.contains(&mine.id);
                // An explanation less sure than what it explains does not replace it.
                let explained = other.explains.contains(&mine.id)
                    && *c >= f.confidence
                    && !mine.explains.contains(&other.id);
                refined || explained
            });
        match over {
            Some((other, _)) => {
                let how = if other.refines.contains(&mine.id) {
                    "says it more exactly"
                } else {
                    "explains it"
                };
                behind.push((f.cause, f.confidence, format!("{} {how}", other.title)));
                false
            }
            None => true,
        }
    });
    opinion.behind = behind;
}

/// While a rival's evidence would lie in a log that was not supplied, what no side stated stays possible.
fn cap_by_rivals(knowledge: &Knowledge, a: &Attempt, opinion: &mut Opinion) {
    let cause = |n: usize| knowledge.causes.get(n);
    for f in &mut opinion.standing {
        let Some(mine) = cause(f.cause).filter(|_| f.confidence == Confidence::Likely) else {
            continue;
        };
        if f.decisive.iter().any(|d| d.statement) || mine.severity == "remark" {
            continue;
        }
        let related = |other: &Cause| {
            mine.refines.contains(&other.id)
                || mine.explains.contains(&other.id)
                || other.refines.contains(&mine.id)
                || other.severity == "remark"
        };
        // A rival must live where this one does: one that would break the connection elsewhere is none.
        let rival = opinion
            .open
            .iter()
            .find(|(n, _)| cause(*n).is_some_and(|o| !related(o) && rivals(mine, o, a)));
        if let Some((_, u)) = rival {
            f.confidence = Confidence::Possible;
            f.unrecorded.extend(u.iter().map(|b| b.of(a)));
        }
    }
}

/// Two causes compete when their files say that they look alike, or when they break a connection at the same stage.
fn rivals(mine: &Cause, other: &Cause, _: &Attempt) -> bool {
    let named = |x: &Cause, y: &Cause| x.similar.iter().any(|s| s.cause == y.id);
    named(mine, other) || named(other, mine)
}

/// Causes that a host's records name though no connection of it is known.
pub fn alone(matcher: &Matcher<'_>, knowledge: &Knowledge, host: HostId) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (number, cause) in knowledge
        .causes
        .iter()
        .enumerate()
        .filter(|(_, c)| !c.alone.is_empty())
    {
        let found: Vec<Vec<Found>> = cause
            .alone
            .iter()
            .map(|s| matcher.ask_host(s, host))
            .collect();
        if found.iter().all(|f| !f.is_empty()) {
            let decisive: Vec<Found> = found.into_iter().flatten().collect();
            let stated = decisive.iter().filter(|f| f.statement).count();
            let confidence = if stated > 1 {
                Confidence::Certain
            } else {
                Confidence::Likely
            };
            findings.push(Finding {
                cause: number,
                confidence: confidence.min(cause.at_most),
                recurs_to_certain: false,
                decisive,
                supporting: Vec::new(),
                strength: 0,
                unrecorded: BTreeSet::new(),
            });
        }
    }
    let mut opinion = Opinion {
        standing: findings,
        ..Opinion::default()
    };
    step_behind(knowledge, &mut opinion);
    opinion.standing
}
