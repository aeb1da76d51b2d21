//! What changed on a host between the last good connection and the first bad one.

use rdpwhy_parsers::{Kind, Timestamp};

use crate::attempt::Attempt;
use crate::evidence::{At, Evidence};
use crate::good::Good;
use crate::index::Index;
use crate::verdict::Verdict;

/// Without a good connection before, changes of the last days are worth a look.
const LOOK_BACK_NS: i64 = 7 * 86_400 * 1_000_000_000;
/// More than this many is a list, not an answer.
const MOST: usize = 8;

/// Changes, nearest first, and the start of the last good connection: of the same pair, else of the same server.
pub fn before(
    evidence: &Evidence,
    index: &Index,
    kinds: &[Kind],
    attempts: &[Attempt],
    good: &Good,
    v: &Verdict,
) -> (Vec<At>, Option<Timestamp>) {
    let Some(first) = v.attempts.first().and_then(|i| attempts.get(*i)) else {
        return (Vec::new(), None);
    };
    let last_good = good.last_before(first);
    let Some(host) = first.server.host else {
        return (Vec::new(), last_good);
    };
    let offset = evidence.host_offsets.get(&host).copied().unwrap_or(0);
    let from = last_good
        .unwrap_or(first.start.plus(-LOOK_BACK_NS))
        .plus(offset);
    let to = first.start.plus(offset);
    let mut found: Vec<At> = kinds
        .iter()
        .flat_map(|k| index.of_kind(host, *k, from, to))
        .map(|(_, at)| *at)
        .collect();
    found.sort_by_key(|at| (std::cmp::Reverse(evidence.time(*at)), *at));
    found.truncate(MOST);
    (found, last_good)
}
