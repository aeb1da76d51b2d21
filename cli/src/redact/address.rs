//! Addresses in texts, known by their form.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses and what stands for them.
#[derive(Default)]
pub struct Addresses {
    ips: BTreeMap<IpAddr, IpAddr>,
    v4: u32,
    v6: u32,
    macs: BTreeMap<String, String>,
    sids: BTreeMap<String, String>,
}

/// Networks for documentation (RFC 5737), then the one for benchmarks (RFC 2544), each without its first address.
const NETWORKS: [(u32, u32); 4] = [
    (0xc000_0200, 254),
    (0xc633_6400, 254),
    (0xcb00_7100, 254),
    (0xc612_0000, 131_070),
];

impl Addresses {
    /// The text with every IP address, MAC address and security identifier of a domain replaced.
    pub fn redacted(&mut self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while !rest.is_empty() {
            let of_token = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ':' | '-');
            let token = rest.find(|c| !of_token(c)).unwrap_or(rest.len());
            if token == 0 {
                let width = rest.chars().next().map_or(1, char::len_utf8);
                out.push_str(rest.get(..width).unwrap_or_default());
                rest = rest.get(width..).unwrap_or_default();
                continue;
            }
            out.push_str(&self.token(rest.get(..token).unwrap_or_default()));
            rest = rest.get(token..).unwrap_or_default();
        }
        out
    }

    /// A run of letters, digits, dots, colons and hyphens: a word, or an address with the sentence's dot behind it.
    fn token(&mut self, token: &str) -> String {
        let word = token.trim_end_matches(['.', ':', '-']);
        let tail = token.get(word.len()..).unwrap_or_default();
        if let Some(new) = self.address(word) {
            return format!("{new}{tail}");
        }
        // `::` at an address's end was taken for punctuation.
        if let Some(new) = self.address(token) {
            return new;
        }
        // `10.0.0.1-10.0.0.9`, `10.0.0.1:3389`, `addr:10.0.0.1`.
        for mark in ['-', ':'] {
            if word.parse::<IpAddr>().is_err()
                && let Some((head, end)) = word.rsplit_once(mark)
                && [head, end].iter().any(|p| p.contains('.'))
            {
                return format!("{}{mark}{}{tail}", self.token(head), self.token(end));
            }
        }
        token.to_owned()
    }

    fn address(&mut self, word: &str) -> Option<String> {
        if let Ok(ip) = word.parse::<IpAddr>() {
            return Some(self.ip(ip).to_string());
        }
        let (mac, sid) = (is_mac(word), word.starts_with("S-1-5-21-"));
        if mac {
            // RFC 7042: 00-00-5E-00-53 is for documentation.
            let n = self.macs.len();
            let new = || format!("00:00:5e:00:{:02x}:{:02x}", 0x53 + n / 256, n % 256);
            return Some(
                self.macs
                    .entry(word.to_ascii_lowercase())
                    .or_insert_with(new)
                    .clone(),
            );
        }
        if sid {
            let n = self.sids.len() + 1;
            let new = || format!("S-1-5-21-0-0-0-{}", 1000 + n);
            return Some(self.sids.entry(word.to_owned()).or_insert_with(new).clone());
        }
        None
    }

    /// What stands for an address. Those that are the same on every machine stay.
    fn ip(&mut self, ip: IpAddr) -> IpAddr {
        if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() {
            return ip;
        }
        // `::ffff:10.0.0.1`, as domain controllers write it, is the same machine.
        let ip = ip.to_canonical();
        if let Some(known) = self.ips.get(&ip) {
            return *known;
        }
        let new = match ip {
            IpAddr::V4(_) => {
                let n = self.v4;
                self.v4 += 1;
                IpAddr::V4(v4(n))
            }
            IpAddr::V6(_) => {
                self.v6 += 1;
                // RFC 3849.
                IpAddr::V6(Ipv6Addr::from(
                    (0x2001_0db8_u128 << 96) | u128::from(self.v6),
                ))
            }
        };
        self.ips.insert(ip, new);
        new
    }
}

/// The address with this number; beyond 131,832 of them they repeat.
fn v4(n: u32) -> Ipv4Addr {
    let total: u32 = NETWORKS.iter().map(|(_, size)| size).sum();
    let mut n = n % total;
    for (network, size) in NETWORKS {
        if n < size {
            return Ipv4Addr::from(network + 1 + n);
        }
        n -= size;
    }
    Ipv4Addr::UNSPECIFIED
}

fn is_mac(word: &str) -> bool {
    let hex = |p: &str| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit());
    [':', '-']
        .iter()
        .any(|mark| word.split(*mark).count() == 6 && word.split(*mark).all(hex))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_replaced_wherever_they_stand() {
        let mut addresses = Addresses::default();
        assert_eq!(
            addresses.redacted("10.2.8.41:50122 → [fe80::1]:3389, again 10.2.8.41."),
            "192.0.2.1:50122 → [2001:db8::1]:3389, again 192.0.2.1."
        );
        assert_eq!(
            addresses.redacted("::ffff:10.2.8.41 and 127.0.0.1"),
            "192.0.2.1 and 127.0.0.1"
        );
        assert_eq!(addresses.redacted("02:1a:00:00:00:05"), "00:00:5e:00:53:00");
        assert_eq!(
            addresses.redacted("S-1-5-21-1-2-3-500, S-1-5-18"),
            "S-1-5-21-0-0-0-1001, S-1-5-18"
        );
        assert_eq!(
            addresses.redacted("10.0.0.1-10.0.0.9"),
            "192.0.2.2-192.0.2.3"
        );
        assert_eq!(addresses.redacted("ip=10.0.0.1,x"), "ip=192.0.2.2,x");
    }

    #[test]
    fn what_only_looks_like_one_stays() {
        let mut addresses = Addresses::default();
        for text in [
            "08:14:03.118",
            "2026-11-21T08:14:03.118000Z",
            "RdpCoreTS 131",
            "0x8009030d",
            "TLS 1.2: 10.0.20348",
            "a::b",
        ] {
            let same = addresses.redacted(text);
            // Two hex digits around `::` are an address.
            assert!(same == text || text == "a::b", "{same}");
        }
    }

    #[test]
    fn there_are_enough() {
        assert_eq!(v4(0), Ipv4Addr::new(192, 0, 2, 1));
        assert_eq!(v4(254), Ipv4Addr::new(198, 51, 100, 1));
        assert_eq!(v4(762), Ipv4Addr::new(198, 18, 0, 1));
    }
}
