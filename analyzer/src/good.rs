//! When connections went well, by pair and by server: asked for each verdict, so looked up and not searched for.

use rdpwhy_parsers::Timestamp;
use std::collections::HashMap;

use crate::attempt::{Attempt, Outcome};
use crate::tries::{ClientKey, ServerKey, client_key, server_key};

/// Starts of the attempts that went well, each list by time.
#[derive(Debug, Default)]
pub struct Good {
    by_pair: HashMap<(ClientKey, ServerKey), Vec<Timestamp>>,
    by_server: HashMap<ServerKey, Vec<Timestamp>>,
}

impl Good {
    /// Of these attempts.
    pub fn new(attempts: &[Attempt]) -> Self {
        let mut good = Self::default();
        for a in attempts.iter().filter(|a| a.outcome == Outcome::Ok) {
            let server = server_key(a);
            let pair = (client_key(a), server.clone());
            good.by_pair.entry(pair).or_default().push(a.start);
            good.by_server.entry(server).or_default().push(a.start);
        }
        let lists = good.by_pair.values_mut().chain(good.by_server.values_mut());
        for list in lists {
            list.sort_unstable();
        }
        good
    }

    /// Whether a pair connected well after `from` and before `to`.
    pub fn between(&self, pair: &(ClientKey, ServerKey), from: Timestamp, to: Timestamp) -> bool {
        self.by_pair.get(pair).is_some_and(|list| {
            let next = list.partition_point(|t| *t <= from);
            list.get(next).is_some_and(|t| *t < to)
        })
    }

    /// The last one before this attempt: of the same pair, else to the same server.
    pub fn last_before(&self, a: &Attempt) -> Option<Timestamp> {
        let server = server_key(a);
        let last = |list: &Vec<Timestamp>| {
            let next = list.partition_point(|t| *t < a.start);
            next.checked_sub(1).and_then(|i| list.get(i)).copied()
        };
        let pair = (client_key(a), server.clone());
        let of_pair = self.by_pair.get(&pair).and_then(last);
        of_pair.or_else(|| self.by_server.get(&server).and_then(last))
    }
}
