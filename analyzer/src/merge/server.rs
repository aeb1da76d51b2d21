//! What a server's logs saw, put to the connection that a capture holds of it.

use rdpwhy_parsers::Timestamp;

use super::{Merging, SAME_PORT_NS, SLACK_NS};
use crate::clock::corrected;
use crate::evidence::Evidence;
use crate::sighting::{Sighting, View};

/// A client has so many connections to servers open at most.
const MOST_OPEN: usize = 64;

impl Merging<'_> {
    pub(super) fn server(&mut self, evidence: &mut Evidence, s: Sighting) {
        let start = corrected(self.clocks, &s, s.start);
        let found = self.same_port(&s).into_iter().find(|i| {
            self.attempts.get(*i).is_some_and(|a| {
                start.since(a.start).abs() < SAME_PORT_NS
                    && !a.seen_by(View::Server)
                    && a.server.ip.is_none_or(|ip| {
                        let host = evidence.hosts.at_address(ip);
                        host.is_none() || host == s.server.host
                    })
            })
        });
        let found = found
            .or_else(|| self.around(evidence, &s, start))
            .or_else(|| self.nameless(evidence, &s, start));
        let i = found.unwrap_or_else(|| self.add(&s));
        if s.client.port.is_none() && found.is_some() {
            self.without_port.insert(i);
        }
        if let (Some(host), Some(ip)) = (
            s.server.host,
            self.attempts.get(i).and_then(|a| a.server.ip),
        ) {
            evidence.hosts.saw_address(host, ip);
        }
        self.absorb(i, s);
    }

    /// Where RdpCoreTS rolled over, the other logs know a client by its address alone: its captured connection that began
    /// last before the record, and that was still open.
    fn around(&self, evidence: &Evidence, s: &Sighting, start: Timestamp) -> Option<usize> {
        let ip = s.client.ip.filter(|_| s.client.port.is_none())?;
        let from_ip = self
            .by_start
            .between(Some(ip), Timestamp(i64::MIN), start.plus(SLACK_NS));
        from_ip
            .iter()
            .rev()
            .take(MOST_OPEN)
            .map(|(_, i)| *i)
            .find(|i| {
                self.attempts.get(*i).is_some_and(|a| {
                    let known = a.server.ip.and_then(|ip| evidence.hosts.at_address(ip));
                    a.seen_by(View::Wire)
                        && a.end.plus(SLACK_NS) >= start
                        && (known.is_none() || known == s.server.host)
                        && (!a.seen_by(View::Server) || self.without_port.contains(i))
                })
            })
    }

    /// Where RdpCoreTS is missing, the listener's own record (261) knows no client at all: the captured connection to this
    /// server that began nearest to it.
    fn nameless(&self, evidence: &Evidence, s: &Sighting, start: Timestamp) -> Option<usize> {
        if s.client.ip.is_some() || s.client.port.is_some() {
            return None;
        }
        let near = self
            .by_start
            .between(None, start.plus(-SLACK_NS), start.plus(SLACK_NS));
        let here = |i: usize| {
            let ip = self.attempts.get(i)?.server.ip?;
            let known = evidence.hosts.at_address(ip);
            // Of an address that no log names it can only be told where the captures hold no other.
            known
                .map(|host| Some(host) == s.server.host)
                .or(Some(self.only_server == Some(ip)))
        };
        let free = |i: usize| {
            self.attempts
                .get(i)
                .is_some_and(|a| a.seen_by(View::Wire) && !a.seen_by(View::Server))
        };
        near.iter()
            .filter(|(_, i)| free(*i) && here(*i) == Some(true))
            .min_by_key(|(t, i)| (t.since(start).abs(), *i))
            .map(|(_, i)| *i)
    }
}
