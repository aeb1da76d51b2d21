//! Captures of one connection become one attempt: the same flow beside the client, beside the server and at a router, with
//! addresses translated in between.

use rdpwhy_parsers::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use super::{Merging, SAME_PORT_NS, SECOND};
use crate::attempt::Attempt;
use crate::clock::corrected;
use crate::evidence::Evidence;
use crate::names::{field, kind};
use crate::sighting::{Fingerprint, Sighting};
use crate::vantage::{self, End};

/// A user's cookie seen at two capture points means one connection only within this: the way takes no longer.
const SAME_COOKIE_NS: i64 = SECOND / 4;

/// Addresses and ports of client and server.
type Ends = [Option<(IpAddr, u16)>; 2];

fn ends(s: &Sighting) -> Ends {
    [&s.client, &s.server].map(|p| p.ip.zip(p.port))
}

/// Whether no capture so far has the connection's end.
fn is_open(evidence: &Evidence, a: &Attempt) -> bool {
    let closed = a
        .events
        .iter()
        .filter_map(|at| evidence.event(*at))
        .filter(|e| e.event.kind == kind::TCP_CLOSED);
    let mut ends = closed.filter_map(|e| e.text(field::HOW));
    ends.all(|how| matches!(how, "still-open" | "silence"))
}

/// Attempts by what captures know of them.
#[derive(Default)]
pub(super) struct Captured {
    by_ends: HashMap<Ends, Vec<usize>>,
    by_fingerprint: HashMap<Fingerprint, Vec<usize>>,
    by_cookie: HashMap<(String, Option<IpAddr>), BTreeMap<Timestamp, usize>>,
}

impl Merging<'_> {
    /// A second capture of the same flow joins the first.
    pub(super) fn wire(&mut self, evidence: &Evidence, s: Sighting) {
        let start = corrected(self.clocks, &s, s.start);
        let i = self
            .same_connection(evidence, &s, start)
            .unwrap_or_else(|| self.add(&s));
        for f in &s.fingerprints {
            self.captured
                .by_fingerprint
                .entry(f.clone())
                .or_default()
                .push(i);
        }
        let ends = ends(&s);
        self.captured.by_ends.entry(ends).or_default().push(i);
        if let Some(cookie) = &s.user {
            let key = (cookie.clone(), s.server.ip);
            self.captured
                .by_cookie
                .entry(key)
                .or_default()
                .insert(start, i);
        }
        let first = self.attempts.get(i).is_some_and(|a| a.events.is_empty());
        if let ([Some(client), _], false) = (ends, first) {
            // The server's log knows the address that the last translation gave.
            let known = self.by_client.entry(client).or_default();
            if !known.contains(&i) {
                known.push(i);
            }
        }
        self.absorb(i, s);
    }

    /// The attempt that another capture of the same connection made.
    fn same_connection(
        &self,
        evidence: &Evidence,
        s: &Sighting,
        start: Timestamp,
    ) -> Option<usize> {
        let elsewhere = |a: &Attempt| {
            !a.events
                .iter()
                .any(|at| at.source == s.source && evidence.host(*at).is_none())
        };
        let near = |i: usize, reach: i64| {
            self.attempts
                .get(i)
                .filter(|a| start.since(a.start).abs() < reach)
        };
        let same_bytes = s.fingerprints.iter().find_map(|f| {
            // Two flows of one capture are two connections, whatever they share: a relay passes the bytes on. But its
            // sequence numbers are its own: where they agree, a router was captured on both of its sides.
            let of_one_connection = matches!(f, Fingerprint::Sequence(..));
            let list = self.captured.by_fingerprint.get(f)?;
            list.iter()
                .copied()
                .find(|i| near(*i, SAME_PORT_NS).is_some_and(|a| of_one_connection || elsewhere(a)))
        });
        let same_ends = || {
            let list = self.captured.by_ends.get(&ends(s))?;
            list.iter()
                .copied()
                .find(|i| near(*i, SAME_PORT_NS).is_some_and(elsewhere))
        };
        // A file that goes on where another ended: a new connection would have begun with a SYN.
        let continued = || {
            let list = self
                .captured
                .by_ends
                .get(&ends(s))
                .filter(|_| s.midstream)?;
            let open = |i: &usize| {
                self.attempts
                    .get(*i)
                    .is_some_and(|a| elsewhere(a) && is_open(evidence, a))
            };
            list.iter().rev().copied().find(open)
        };
        same_bytes
            .or_else(same_ends)
            .or_else(continued)
            .or_else(|| self.same_cookie(s, start, &elsewhere))
    }

    /// The only other connection with this user's cookie at that moment, unless their ClientHellos differ.
    fn same_cookie(
        &self,
        s: &Sighting,
        start: Timestamp,
        elsewhere: &dyn Fn(&Attempt) -> bool,
    ) -> Option<usize> {
        let hello = |i: usize| {
            s.fingerprints.iter().all(|f| match f {
                Fingerprint::Random(_) => self
                    .captured
                    .by_fingerprint
                    .get(f)
                    .is_some_and(|l| l.contains(&i)),
                _ => true,
            })
        };
        let list = self
            .captured
            .by_cookie
            .get(&(s.user.clone()?, s.server.ip))?;
        let reach = start.plus(-SAME_COOKIE_NS)..start.plus(SAME_COOKIE_NS);
        let mut others = list
            .range(reach)
            .map(|(_, i)| *i)
            .filter(|i| self.attempts.get(*i).is_some_and(elsewhere));
        let only = others.next().filter(|_| others.next().is_none())?;
        hello(only).then_some(only)
    }

    /// Of connections captured at several points each end has the address that the point nearest to it saw.
    pub(super) fn own_addresses(&mut self, evidence: &Evidence) {
        for a in &mut self.attempts {
            let points = vantage::points(evidence, a);
            if points.len() < 2 {
                continue;
            }
            let ends = [
                (
                    End::Client,
                    &mut a.client,
                    field::CLIENT_IP,
                    field::CLIENT_PORT,
                ),
                (
                    End::Server,
                    &mut a.server,
                    field::SERVER_IP,
                    field::SERVER_PORT,
                ),
            ];
            for (end, peer, ip, port) in ends {
                if let Some(p) = vantage::nearest(&points, end) {
                    peer.ip = p.opened.ip(ip);
                    peer.port = p.opened.int(port).and_then(|n| u16::try_from(n).ok());
                }
            }
        }
    }
}
