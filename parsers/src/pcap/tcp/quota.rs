//! Which connections are told one by one when a capture holds too many of them.

use std::collections::HashMap;
use std::net::IpAddr;

/// Connections told one by one; each takes about 2 KiB of events. A server under attack sees so many in days, and more of
/// the same tell nothing new.
const MOST_TOLD: u64 = 1 << 18;
/// From here on nobody gets more than [`FAIR_SHARE`]: a guesser must not be able to push users out of the answer.
const SCARCE_FROM: u64 = MOST_TOLD / 4;
/// Connections of one client that are told when room is scarce. Who reconnects each minute needs most of a day for them.
const FAIR_SHARE: u32 = 1024;
/// Clients that are counted; those behind them share what is left of [`MOST_TOLD`].
const MOST_CLIENTS: usize = 65_536;

/// Counts what was told, in all and by client.
#[derive(Default)]
pub(super) struct Quota {
    told: u64,
    by_client: HashMap<IpAddr, u32>,
    /// Connections that were refused.
    pub left_out: u64,
}

impl Quota {
    /// Whether one more connection of this client is told.
    pub(super) fn admit(&mut self, client: IpAddr) -> bool {
        let room = self.by_client.len() < MOST_CLIENTS;
        let theirs = match self.by_client.get_mut(&client) {
            Some(n) => Some(n),
            None if room => Some(self.by_client.entry(client).or_default()),
            None => None,
        };
        let greedy = theirs.as_ref().is_some_and(|n| **n >= FAIR_SHARE);
        if self.told >= MOST_TOLD || (greedy && self.told >= SCARCE_FROM) {
            self.left_out += 1;
            return false;
        }
        self.told += 1;
        if let Some(n) = theirs {
            *n = n.saturating_add(1);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{FAIR_SHARE, MOST_TOLD, Quota, SCARCE_FROM};

    #[test]
    fn who_floods_does_not_push_others_out() {
        let mut quota = Quota::default();
        let (attacker, user) = ([192, 0, 2, 66].into(), [10, 0, 0, 5].into());
        for _ in 0..2 * MOST_TOLD {
            quota.admit(attacker);
        }
        assert_eq!(quota.left_out, 2 * MOST_TOLD - SCARCE_FROM);
        let told = (0..2 * FAIR_SHARE).filter(|_| quota.admit(user)).count();
        assert_eq!(told, FAIR_SHARE as usize);
    }
}
