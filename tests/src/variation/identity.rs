//! Who is who elsewhere: other names, addresses, ports and words, each as long as before.

use std::net::Ipv4Addr;

use rdpwhy_fixtures::case::user_hash;

/// Ports from here on are a client's own choice; servers listen below.
pub const FIRST_OWN_PORT: u16 = 32_768;

/// Words that Windows puts into records in the language of the machine, and as long ones of another language.
const WORDS: [(&str, &str); 8] = [
    ("Remote Desktop Services", "Remotedesktopdienste   "),
    ("stopped", "beendet"),
    ("running", "gestart"),
    ("Access is denied", "Zugriff verweiger"),
    ("Object already exists", "Objekt ist schon da !"),
    ("Keyset does not exist", "Schluesselsatz fehlt!"),
    ("Cryptographic Services", "Kryptografiedienste   "),
    ("unavailable", "unerreichba"),
];

/// Numbers that stand alone in records without templates and are events, not ports: Schannel, LSA, licensing.
const EVENT_IDS: [std::ops::RangeInclusive<u16>; 4] = [
    36_864..=36_899,
    40_960..=40_970,
    45_057..=45_058,
    50_180..=50_284,
];

/// What of the identities changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Names of hosts, domains and users.
    pub names: bool,
    /// IPv4 addresses.
    pub addresses: bool,
    /// Ports that clients chose.
    pub ports: bool,
}

impl Identity {
    /// Another address of the same kind and, written out, of the same length. Loopback, multicast and the like stay.
    pub fn address(self, ip: Ipv4Addr) -> Ipv4Addr {
        let [a, b, c, d] = ip.octets();
        if !self.addresses
            || ip.is_loopback()
            || ip.is_multicast()
            || ip.is_broadcast()
            || ip.is_link_local()
            || a == 0
        {
            return ip;
        }
        // The part that says whether an address is private stays, and so does a documentation range.
        match (a, b) {
            (10, _) => Ipv4Addr::new(a, other(b), other(c), other(d)),
            _ if ip.is_documentation() => Ipv4Addr::new(a, b, c, other(d)),
            _ => Ipv4Addr::new(a, b, other(c), other(d)),
        }
    }

    /// Another port of a client's choice.
    pub const fn port(self, port: u16) -> u16 {
        // A step that is prime to the number of ports keeps different ones different.
        if !self.ports || port < FIRST_OWN_PORT {
            return port;
        }
        FIRST_OWN_PORT + (port - FIRST_OWN_PORT + 7_919) % FIRST_OWN_PORT
    }
}

/// Another octet with as many digits; different ones stay different.
const fn other(octet: u8) -> u8 {
    match octet {
        0 | 255 => octet,
        1..=9 => 1 + (octet + 3) % 9,
        10..=99 => 10 + (octet - 10 + 37) % 90,
        // 255 is kept for broadcasts.
        100.. => 100 + ((octet as u16 - 100 + 41) % 155) as u8,
    }
}

/// How texts in logs change.
pub struct Texts<'a> {
    /// Identities.
    pub identity: Identity,
    /// Parts of names that the evidence's hosts, domains and users have.
    pub names: &'a [String],
    /// Whether the machine's language is another one.
    pub language: bool,
    /// How much later it is.
    pub later_days: i64,
}

impl Texts<'_> {
    /// The text elsewhere: as many UTF-16 units, or `None` if it is the same.
    pub fn of(&self, text: &str) -> Option<String> {
        let mut new = text.to_owned();
        if self.identity.names {
            new = self.renamed(&new);
        }
        if self.identity.addresses || self.identity.ports {
            new = self.readdressed(&new);
        }
        if self.language {
            for (from, to) in WORDS {
                let fits: String = to
                    .chars()
                    .chain(std::iter::repeat(' '))
                    .take(from.len())
                    .collect();
                new = new.replace(from, &fits);
            }
        }
        if self.later_days != 0 {
            new = self.redated(&new);
        }
        let same_length = new.encode_utf16().count() == text.encode_utf16().count();
        (new != text && same_length).then_some(new)
    }

    fn renamed(&self, text: &str) -> String {
        let mut new = text.to_owned();
        for name in self.names {
            // RDPClient 1029 has the user's name as a hash.
            let hash = user_hash(name);
            if new == hash {
                return user_hash(&renamed(name));
            }
        }
        let letters: Vec<char> = new.chars().collect();
        let mut out = String::new();
        let mut at = 0;
        while let Some(letter) = letters.get(at) {
            let starts = at == 0 || !letters.get(at - 1).is_some_and(|c| c.is_alphanumeric());
            let word: String = letters
                .iter()
                .skip(at)
                .take_while(|c| c.is_alphanumeric() || **c == '-' || **c == '_')
                .collect();
            let known = |n: &&String| {
                word.get(..n.len())
                    .is_some_and(|w| w.eq_ignore_ascii_case(n))
                    && !word
                        .get(n.len()..)
                        .is_some_and(|rest| rest.starts_with(char::is_alphanumeric))
            };
            if starts && let Some(name) = self.names.iter().filter(known).max_by_key(|n| n.len()) {
                let same_case: String =
                    letters.iter().skip(at).take(name.chars().count()).collect();
                out.push_str(&renamed(&same_case));
                at += name.chars().count();
            } else {
                out.push(*letter);
                at += 1;
            }
        }
        new = out;
        new
    }

    /// Dotted quads, the ports behind them, and ports that stand alone.
    fn readdressed(&self, text: &str) -> String {
        if let Ok(port) = text.parse::<u16>()
            && text.len() == 5
            && !EVENT_IDS.iter().any(|ids| ids.contains(&port))
        {
            return self.identity.port(port).to_string();
        }
        let quad = |c: char| c.is_ascii_digit() || c == '.';
        let (mut out, mut rest) = (String::new(), text);
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let (before, from) = rest.split_at(start);
            out.push_str(before);
            let (word, behind) = from.split_at(from.find(|c| !quad(c)).unwrap_or(from.len()));
            rest = behind;
            let Ok(ip) = word.parse::<Ipv4Addr>() else {
                out.push_str(word);
                continue;
            };
            out.push_str(&self.identity.address(ip).to_string());
            let (bracket, ported) = if let Some(after) = rest.strip_prefix("]:") {
                ("]:", after)
            } else if let Some(after) = rest.strip_prefix(':') {
                (":", after)
            } else {
                continue;
            };
            let digits = ported
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(ported.len());
            let (port, behind) = ported.split_at(digits);
            if let Ok(port) = port.parse::<u16>() {
                out.push_str(bracket);
                out.push_str(&self.identity.port(port).to_string());
                rest = behind;
            }
        }
        out + rest
    }

    /// `2026-11-21T…` in records that carry texts only.
    fn redated(&self, text: &str) -> String {
        let later = |date: &str| {
            let time = rdpwhy_fixtures::time::Time::parse(&format!("{date}T00:00:00Z"))?;
            let time = rdpwhy_fixtures::time::Time(time.0 + self.later_days * super::DAY_NS);
            time.to_string().get(..10).map(str::to_owned)
        };
        match text
            .get(..10)
            .filter(|_| text.get(10..11) == Some("T"))
            .and_then(later)
        {
            Some(date) => date + text.get(10..).unwrap_or_default(),
            None => text.to_owned(),
        }
    }
}

/// A name with other letters and digits; different names stay different.
pub fn renamed(name: &str) -> String {
    let turn = |c: char, first: u8, count: u8, by: u8| {
        let n = u8::try_from(c).unwrap_or(first) - first;
        char::from(first + (n + by) % count)
    };
    name.chars()
        .map(|c| match c {
            'a'..='z' => turn(c, b'a', 26, 9),
            'A'..='Z' => turn(c, b'A', 26, 9),
            '0'..='9' => turn(c, b'0', 10, 3),
            _ => c,
        })
        .collect()
}
