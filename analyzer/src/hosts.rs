//! Computers by their names: `SRV01`, `srv01.corp.example` and the addresses seen for them are one host.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// A computer that the evidence speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(u32);

/// The computers whose own logs are among the evidence, by all their names.
#[derive(Debug, Default)]
pub struct Hosts {
    names: Vec<String>,
    by_full: BTreeMap<String, HostId>,
    by_short: BTreeMap<String, BTreeSet<HostId>>,
    addresses: BTreeMap<HostId, BTreeSet<IpAddr>>,
    by_address: BTreeMap<IpAddr, BTreeSet<HostId>>,
}

impl Hosts {
    /// The host of this name, made when new. A bare name joins the only host whose full name begins with it.
    pub fn add(&mut self, name: &str) -> HostId {
        if let Some(id) = self.find(name) {
            return id;
        }
        let id = HostId(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        let full = name.to_lowercase();
        self.names.push(name.to_owned());
        self.by_short
            .entry(short(&full).to_owned())
            .or_default()
            .insert(id);
        self.by_full.insert(full, id);
        id
    }

    /// The host of this name. Two hosts that share a bare name are told apart by the full one only.
    pub fn find(&self, name: &str) -> Option<HostId> {
        let full = name.trim().trim_end_matches('.').to_lowercase();
        if full.is_empty() {
            return None;
        }
        if let Some(id) = self.by_full.get(&full) {
            return Some(*id);
        }
        let mut same = self.by_short.get(short(&full))?.iter().copied();
        let only = same.next()?;
        let bare = !full.contains('.') || !self.name(only).contains('.');
        (same.next().is_none() && bare).then_some(only)
    }

    /// The host that this text names, whether it is a name or an address.
    pub fn find_any(&self, text: &str) -> Option<HostId> {
        match text.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(ip) => self.at_address(ip),
            Err(_) => self.find(text),
        }
    }

    /// Remembers that a host had this address.
    pub fn saw_address(&mut self, host: HostId, ip: IpAddr) {
        if !ip.is_loopback() && !ip.is_unspecified() {
            self.addresses.entry(host).or_default().insert(ip);
            self.by_address.entry(ip).or_default().insert(host);
        }
    }

    /// The only host that was seen at this address.
    pub fn at_address(&self, ip: IpAddr) -> Option<HostId> {
        let mut hosts = self.by_address.get(&ip)?.iter().copied();
        let only = hosts.next()?;
        hosts.next().is_none().then_some(only)
    }

    /// Addresses seen for a host, sorted.
    pub fn addresses(&self, host: HostId) -> impl Iterator<Item = IpAddr> + '_ {
        self.addresses.get(&host).into_iter().flatten().copied()
    }

    /// The name as its records write it.
    pub fn name(&self, host: HostId) -> &str {
        self.names.get(host.0 as usize).map_or("", String::as_str)
    }

    /// All hosts.
    pub fn iter(&self) -> impl Iterator<Item = HostId> + '_ {
        (0..u32::try_from(self.names.len()).unwrap_or(u32::MAX)).map(HostId)
    }
}

fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_and_full_names_meet_unless_two_hosts_share_the_bare_one() {
        let mut hosts = Hosts::default();
        let a = hosts.add("SRV01.corp.example");
        assert_eq!(hosts.find("srv01"), Some(a));
        assert_eq!(hosts.find("SRV01.corp.example."), Some(a));
        assert_eq!(hosts.find("srv01.lab.example"), None);
        let b = hosts.add("SRV01.lab.example");
        assert_ne!(a, b);
        assert_eq!(hosts.find("srv01"), None);
    }

    #[test]
    fn an_address_seen_at_two_hosts_names_neither() {
        let mut hosts = Hosts::default();
        let (a, b) = (hosts.add("a"), hosts.add("b"));
        let ip: IpAddr = [10, 0, 0, 1].into();
        hosts.saw_address(a, ip);
        assert_eq!(hosts.find_any("10.0.0.1"), Some(a));
        hosts.saw_address(b, ip);
        assert_eq!(hosts.find_any("10.0.0.1"), None);
    }
}
