//! A client's tries, which know no port of their own, put to the connections that they made.

use rdpwhy_parsers::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Merging, SECOND, SLACK_NS};
use crate::attempt::Attempt;
use crate::clock::corrected;
use crate::evidence::Evidence;
use crate::hosts::HostId;
use crate::sighting::contradiction::{Told, contradict};
use crate::sighting::{Sighting, View};

/// A client says "trying to connect" before the SYN leaves; name resolution can take seconds.
const CONNECT_TAKES_NS: i64 = 12 * SECOND;
/// A connection that begins so shortly before a client's next try, or after it, is that try's.
const NEXT_TRY_NS: i64 = SECOND / 2;

impl Merging<'_> {
    /// A client's try takes the connections that begin inside it: the last one decided it, the ones before (a probe, a
    /// refusal) are its steps.
    pub(super) fn clients(&mut self, evidence: &mut Evidence, clients: Vec<Sighting>) {
        let addresses = self.addresses(evidence, &clients);
        let next = self.next_tries(&clients);
        for (s, next) in clients.into_iter().zip(next) {
            let known = s.client.host.and_then(|h| addresses.get(&h).copied());
            let mut fitting = self.fitting(evidence, &s, known);
            // Two windows of one client: each connection is of the try that began last before it.
            let later = |i: usize| {
                let start = self.attempts.get(i).map(|a| a.start);
                start.zip(next).is_some_and(|(t, next)| t >= next)
            };
            fitting.retain(|(_, i)| !later(*i));
            // Where the usual address has nothing (a VPN gave another one), the connection nearest in time tells it.
            let usual =
                known.filter(|ip| fitting.iter().any(|(_, i)| self.client_ip(*i) == Some(*ip)));
            fitting.sort_by_key(|(after, i)| (after.abs(), *i));
            let address = usual.or_else(|| fitting.iter().find_map(|(_, i)| self.client_ip(*i)));
            fitting.retain(|(_, i)| self.client_ip(*i).is_none_or(|ip| Some(ip) == address));
            fitting.sort_unstable();
            let Some((_, deciding)) = fitting.pop() else {
                let i = self.add(&s);
                if let (Some(a), Some(ip)) = (self.attempts.get_mut(i), known) {
                    a.client.ip = Some(ip);
                }
                self.absorb(i, s);
                continue;
            };
            if let (Some(host), Some(ip)) = (s.client.host, address) {
                evidence.hosts.saw_address(host, ip);
            }
            if let Some(a) = self.at_gateway.get(&deciding)
                && let Some(a) = self.attempts.get_mut(*a)
            {
                a.client.host = a.client.host.or(s.client.host);
            }
            for (_, i) in fitting {
                if let Some(a) = self.attempts.get_mut(i) {
                    a.part_of = Some(deciding);
                    a.client.host = a.client.host.or(s.client.host);
                }
            }
            self.absorb(deciding, s);
        }
    }

    /// For each of the clients' tries, in the order of time: from when on connections are of the client's next one to that
    /// server.
    fn next_tries(&self, clients: &[Sighting]) -> Vec<Option<Timestamp>> {
        let mut next = BTreeMap::new();
        let mut found: Vec<Option<Timestamp>> = clients
            .iter()
            .rev()
            .map(|s| {
                let start = corrected(self.clocks, s, s.start);
                let to = (s.server.host, s.server.ip, s.server.name.clone());
                let later = next.insert((s.client.host?, to), start)?;
                // Tries that begin together cannot be told apart.
                let from = later.plus(-NEXT_TRY_NS);
                (from.since(start) > NEXT_TRY_NS).then_some(from)
            })
            .collect();
        found.reverse();
        found
    }

    /// Each client's address: the one that most of its tries can have used. In a flood the nearest connection is a
    /// stranger's, but not each time the same one's.
    fn addresses(&self, evidence: &Evidence, clients: &[Sighting]) -> BTreeMap<HostId, IpAddr> {
        let mut votes: BTreeMap<HostId, BTreeMap<IpAddr, (usize, i64)>> = BTreeMap::new();
        for s in clients {
            let Some(host) = s.client.host else { continue };
            let mut near: BTreeMap<IpAddr, i64> = BTreeMap::new();
            for (after, i) in self.fitting(evidence, s, None) {
                if let Some(ip) = self.client_ip(i) {
                    let best = near.entry(ip).or_insert(after.abs());
                    *best = (*best).min(after.abs());
                }
            }
            for (ip, after) in near {
                let vote = votes.entry(host).or_default().entry(ip).or_default();
                vote.0 += 1;
                vote.1 = vote.1.saturating_add(after);
            }
        }
        let best = |v: BTreeMap<IpAddr, (usize, i64)>| {
            v.into_iter()
                .max_by_key(|(ip, (n, after))| (*n, Reverse(*after), Reverse(*ip)))
                .map(|(ip, _)| ip)
        };
        votes
            .into_iter()
            .filter_map(|(host, v)| Some((host, best(v)?)))
            .collect()
    }

    /// Connections that a client's try can have made, with their start after "trying to connect".
    fn fitting(
        &self,
        evidence: &Evidence,
        s: &Sighting,
        known: Option<IpAddr>,
    ) -> Vec<(i64, usize)> {
        let start = corrected(self.clocks, s, s.start);
        let end = corrected(self.clocks, s, s.end);
        let soon = self
            .by_start
            .between(None, start.plus(-SLACK_NS), start.plus(CONNECT_TAKES_NS));
        let later = known.map(|ip| {
            self.by_start
                .between(Some(ip), start.plus(-SLACK_NS), end.plus(SLACK_NS))
        });
        let near: BTreeSet<usize> = soon
            .iter()
            .chain(later.unwrap_or_default())
            .map(|(_, i)| *i)
            .collect();
        near.into_iter()
            .filter_map(|i| {
                let a = self.attempts.get(i)?;
                let after = a.start.since(start);
                let mine = known.is_some() && self.client_ip(i) == known;
                let fits = after > -SLACK_NS
                    && (after < CONNECT_TAKES_NS || mine && a.start.since(end) < SLACK_NS)
                    && !a.seen_by(View::Client)
                    && meant(evidence, s, a)
                    && !contradict(
                        evidence,
                        Told::new(&s.events, start, end),
                        Told::new(&a.events, a.start, a.end),
                    );
                fits.then_some((after, i))
            })
            .collect()
    }
}

/// Whether a client's try may have meant this attempt's server.
fn meant(evidence: &Evidence, s: &Sighting, a: &Attempt) -> bool {
    if let (Some(x), Some(y)) = (s.server.port, a.server.port)
        && x != y
        && s.server.name.as_deref().is_some_and(|n| n.contains(':'))
    {
        return false;
    }
    match (s.server.host, a.server.host, s.server.ip, a.server.ip) {
        (Some(x), Some(y), ..) => x == y,
        (_, _, Some(x), Some(y)) => x == y,
        (Some(host), None, _, Some(ip)) => {
            evidence.hosts.addresses(host).any(|known| known == ip)
                || evidence.hosts.at_address(ip).is_none()
        }
        // The client used an address and the server's log knows only its name, or the name is an alias.
        (None, Some(host), Some(ip), None) => {
            evidence.hosts.addresses(host).next().is_none()
                || evidence.hosts.addresses(host).any(|known| known == ip)
        }
        (None, Some(host), None, _) => {
            // A name nobody's log carries: taken for this server only where its bare name is the same.
            s.server.name.as_deref().is_some_and(|n| {
                evidence
                    .hosts
                    .name(host)
                    .to_lowercase()
                    .starts_with(&n.to_lowercase())
            })
        }
        _ => s.server.host.is_none(),
    }
}
