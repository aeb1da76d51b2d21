//! Thousands of refused tries of one stranger are one entry with a count; a user's own attempt never disappears in one.

use std::collections::BTreeMap;

use crate::attempt::{Attempt, Fact, Outcome};
use crate::facts::GUESSING;
use crate::judge::Opinion;
use crate::stage::Stage;
use crate::tries::{ClientKey, ServerKey, client_key, server_key};

/// What tries must have in common to be one entry.
type Likeness = (
    ClientKey,
    ServerKey,
    Outcome,
    Stage,
    &'static str,
    &'static str,
    Option<usize>,
);

/// Attempts and what is thought of each, after folding.
pub struct Folded {
    /// The entries.
    pub attempts: Vec<Attempt>,
    /// One per entry.
    pub opinions: Vec<Option<Opinion>>,
    /// For each attempt before: the entry that it is now, or is counted in.
    pub entry_of: Vec<usize>,
}

/// Folds guessers' refused tries, and sockets of which nothing but their arrival is known. `part_of` keeps its meaning.
pub fn fold(attempts: Vec<Attempt>, opinions: Vec<Option<Opinion>>) -> Folded {
    let mut decides = vec![false; attempts.len()];
    for to in attempts.iter().filter_map(|a| a.part_of) {
        if let Some(d) = decides.get_mut(to) {
            *d = true;
        }
    }
    let mut first_of: BTreeMap<Likeness, usize> = BTreeMap::new();
    let mut place = Vec::with_capacity(attempts.len());
    let (mut kept, mut kept_opinions): (Vec<Attempt>, Vec<Option<Opinion>>) =
        (Vec::new(), Vec::new());
    for (i, (a, opinion)) in attempts.into_iter().zip(opinions).enumerate() {
        let alone = a.part_of.is_none() && !decides.get(i).copied().unwrap_or(true);
        if alone && may_fold(&a) {
            let cause = opinion
                .as_ref()
                .and_then(|o| o.standing.first())
                .map(|f| f.cause);
            let like = (
                client_key(&a),
                server_key(&a),
                a.outcome,
                a.stage,
                a.closed_by,
                a.closed_how,
                cause,
            );
            if let Some(first) = first_of.get(&like).copied() {
                place.push(first);
                if let Some(entry) = kept.get_mut(first) {
                    entry.count = entry.count.saturating_add(a.count);
                    entry.end = entry.end.max(a.end);
                }
                continue;
            }
            first_of.insert(like, kept.len());
        }
        place.push(kept.len());
        kept.push(a);
        kept_opinions.push(opinion);
    }
    for a in &mut kept {
        a.part_of = a.part_of.and_then(|p| place.get(p).copied());
    }
    Folded {
        attempts: kept,
        opinions: kept_opinions,
        entry_of: place,
    }
}

/// Leaves each attempt for itself.
pub fn unfolded(attempts: Vec<Attempt>, opinions: Vec<Option<Opinion>>) -> Folded {
    Folded {
        entry_of: (0..attempts.len()).collect(),
        attempts,
        opinions,
    }
}

fn may_fold(a: &Attempt) -> bool {
    let stranger = a.facts.get(GUESSING) == Some(&Fact::Flag(true)) && a.outcome.is_bad();
    let nobody = client_key(a) == ClientKey::Unknown && a.outcome == Outcome::Unknown;
    stranger || nobody
}
