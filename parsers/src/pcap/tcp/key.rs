//! What both directions of a connection have in common.

use std::net::{IpAddr, SocketAddr};

/// Two ends, in an order that both directions share. Numbers rather than addresses: it is hashed for each packet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Key {
    low: u128,
    high: u128,
    /// Ports of both, and above them whether the addresses are IPv6.
    ports: u64,
}

/// Bit in [`Key::ports`] of an IPv6 address; the other end's is the one above.
const IPV6: u64 = 1 << 32;

impl Key {
    /// The same for both orders.
    pub(super) fn of(a: SocketAddr, b: SocketAddr) -> Self {
        let number = |s: SocketAddr| match s.ip() {
            IpAddr::V4(ip) => (u128::from(ip.to_bits()), s.port(), 0),
            IpAddr::V6(ip) => (ip.to_bits(), s.port(), IPV6),
        };
        let (a, b) = (number(a), number(b));
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        Self {
            low: low.0,
            high: high.0,
            ports: u64::from(low.1) << 16 | u64::from(high.1) | low.2 | high.2 << 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Key;
    use std::collections::BTreeSet;

    #[test]
    fn a_key_is_of_both_directions_and_of_nothing_else() {
        let ends = ["0.0.0.1:5", "0.0.0.1:6", "0.0.0.2:5", "[::1]:5", "[::1]:6"];
        let ends = ends.map(|e| e.parse().unwrap());
        let mut keys = BTreeSet::new();
        for (i, a) in ends.iter().enumerate() {
            for b in &ends[i..] {
                assert!(Key::of(*a, *b) == Key::of(*b, *a));
                assert!(keys.insert(Key::of(*a, *b)), "{a} {b}");
            }
        }
    }
}
