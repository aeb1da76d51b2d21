//! What an RD Gateway opened for a user is a connection of its own: from the gateway to the target. The target's log and a
//! capture beside it know the gateway as the client, and the gateway's log is what leads from there to the user.

use rdpwhy_parsers::Timestamp;
use std::net::IpAddr;

use super::{Merging, SECOND, SLACK_NS};
use crate::evidence::{At, Evidence};
use crate::hosts::HostId;
use crate::names::{field, kind};
use crate::sighting::{View, target};

/// The gateway writes 302 when the target has answered, within a second of it in a network.
const ANSWERED_NS: i64 = 3 * SECOND;
/// It writes 304 when it gave up: Windows sends a SYN again after 3 s and 9 s and gives up after 21 s.
const GIVEN_UP_NS: i64 = 25 * SECOND;

/// The gateway's word on how its connection to the target went.
struct Opened {
    at: At,
    time: Timestamp,
    /// How much earlier the connection may have begun.
    lead: i64,
    host: HostId,
    resource: String,
}

impl Merging<'_> {
    /// Ties each of a gateway's tries to the connection that the gateway opened for it, where the target or a capture saw it.
    pub(super) fn behind_gateways(&mut self, evidence: &mut Evidence) {
        let mut order: Vec<(Opened, usize)> = (0..self.attempts.len())
            .filter_map(|i| Some((self.opened(evidence, i)?, i)))
            .collect();
        order.sort_by_key(|(o, i)| (o.time, *i));
        let mut taken = vec![false; self.attempts.len()];
        for (opened, i) in order {
            let Some(to) = self.opened_for(evidence, &opened, &taken) else {
                continue;
            };
            if let Some(t) = taken.get_mut(to) {
                *t = true;
            }
            if let Some(ip) = self.attempts.get(to).and_then(|a| a.client.ip) {
                evidence.hosts.saw_address(opened.host, ip);
            }
            let user = self.attempts.get(i).and_then(|a| a.user.clone());
            if let Some(a) = self.attempts.get_mut(i) {
                a.part_of = Some(to);
            }
            self.at_gateway.insert(to, i);
            if let Some(behind) = self.attempts.get_mut(to) {
                behind.client.host = Some(opened.host);
                behind.user = behind.user.take().or(user);
                behind.events.push(opened.at);
            }
        }
    }

    fn opened(&self, evidence: &Evidence, i: usize) -> Option<Opened> {
        let a = self.attempts.get(i).filter(|a| a.seen_by(View::Gateway))?;
        a.events.iter().find_map(|at| {
            let e = evidence.event(*at)?;
            let lead = match e.event.kind {
                kind::GATEWAY_CONNECTED => ANSWERED_NS,
                kind::GATEWAY_TARGET_UNREACHABLE => GIVEN_UP_NS,
                _ => return None,
            };
            Some(Opened {
                at: *at,
                time: evidence.time(*at),
                lead,
                host: a.server.host?,
                resource: e.text(field::SERVER_NAME)?.to_owned(),
            })
        })
    }

    /// The nearest connection that can be the one. Where nobody wrote down the gateway's address, only a lone one is.
    fn opened_for(&self, evidence: &Evidence, o: &Opened, taken: &[bool]) -> Option<usize> {
        let known: Vec<IpAddr> = evidence.hosts.addresses(o.host).collect();
        let (name, _) = target(&o.resource);
        let host = evidence.hosts.find_any(&name);
        let ip: Option<IpAddr> = name.parse().ok();
        let (from, to) = (o.time.plus(-o.lead - SLACK_NS), o.time.plus(SLACK_NS));
        let mut fitting: Vec<(i64, usize)> = self
            .by_start
            .between(None, from, to)
            .iter()
            .filter(|(_, i)| !taken.get(*i).copied().unwrap_or(true))
            .filter_map(|(start, i)| {
                let a = self.attempts.get(*i)?;
                let the_target = match (host, ip) {
                    (Some(host), _) => {
                        a.server.host == Some(host)
                            || a.server.host.is_none()
                                && a.server
                                    .ip
                                    .is_some_and(|ip| evidence.hosts.at_address(ip) == Some(host))
                    }
                    (None, Some(ip)) => a.server.ip == Some(ip),
                    (None, None) => a.server.host.is_none(),
                };
                let from_gateway =
                    known.is_empty() || a.client.ip.is_some_and(|ip| known.contains(&ip));
                let fits = the_target && from_gateway && !a.seen_by(View::Gateway);
                fits.then(|| (o.time.since(*start).abs(), *i))
            })
            .collect();
        fitting.sort_unstable();
        let lone = fitting.len() == 1 || !known.is_empty();
        fitting.first().filter(|_| lone).map(|(_, i)| *i)
    }
}
