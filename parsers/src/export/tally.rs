//! Problems of one file, each kind once: a million broken lines are one defect, not a million.

use std::collections::BTreeMap;

use crate::batch::EventBatch;

/// Kinds of problems that are told apart; what a hostile file can make differ without end is folded beyond.
const MOST_KINDS: usize = 64;

#[derive(Default)]
pub(super) struct Tally {
    problems: BTreeMap<String, Seen>,
}

struct Seen {
    first: u64,
    last: u64,
    times: u64,
    lost: u64,
}

impl Tally {
    /// Notes a problem in a line (1-based) that cost so many records.
    pub fn problem(&mut self, line: u64, what: impl Into<String>, lost: u64) {
        let mut what = what.into();
        if self.problems.len() >= MOST_KINDS && !self.problems.contains_key(&what) {
            "other records cannot be read".clone_into(&mut what);
        }
        let seen = self.problems.entry(what).or_insert(Seen {
            first: line,
            last: line,
            times: 0,
            lost: 0,
        });
        seen.last = line;
        seen.times += 1;
        seen.lost += lost;
    }

    /// Turns them into defects, in the order of the file.
    pub fn report(self, batch: &mut EventBatch) {
        let mut problems: Vec<_> = self.problems.into_iter().collect();
        problems.sort_by_key(|(_, seen)| seen.first);
        for (what, seen) in problems {
            let more = match seen.times {
                0 | 1 => String::new(),
                n => format!("; {n} times, the last in line {}", seen.last),
            };
            batch.defect(
                format!("line {}", seen.first),
                format!("{what}{more}"),
                seen.lost,
            );
        }
    }
}
