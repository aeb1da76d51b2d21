//! Servers that speak RDP on another port than the usual one.

use std::collections::HashSet;
use std::net::SocketAddr;

use foldhash::quality::RandomState;

/// Servers remembered. A capture of a whole site has some hundred.
const MOST: usize = 16_384;

/// A set of servers that says of most others that they are not in it without looking them up: both ends of each packet of
/// connections that are not followed are asked for.
pub(super) struct Servers {
    all: HashSet<SocketAddr, RandomState>,
    /// A bit for each port that any of them has.
    ports: Box<[u64; 1024]>,
}

impl Default for Servers {
    fn default() -> Self {
        Self {
            all: HashSet::default(),
            ports: Box::new([0; 1024]),
        }
    }
}

/// Which word of `ports` holds a port's bit, and the bit.
fn bit(port: u16) -> (usize, u64) {
    (usize::from(port >> 6), 1 << (port & 63))
}

impl Servers {
    pub(super) fn add(&mut self, server: SocketAddr) {
        if self.all.len() < MOST && self.all.insert(server) {
            let (word, bit) = bit(server.port());
            if let Some(word) = self.ports.get_mut(word) {
                *word |= bit;
            }
        }
    }

    pub(super) fn has(&self, server: SocketAddr) -> bool {
        let (word, bit) = bit(server.port());
        self.ports.get(word).is_some_and(|w| w & bit != 0) && self.all.contains(&server)
    }
}
