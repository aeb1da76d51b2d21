//! Which records and packets a sign means at one attempt, or at a host alone.

use rdpwhy_parsers::{Kind, Timestamp};
use std::collections::BTreeSet;

use super::own::Compared;
use super::{AROUND, Answer, Found, HANDSHAKE_NS, Matcher, SLACK_NS, span};
use crate::attempt::Attempt;
use crate::evidence::At;
use crate::hosts::HostId;
use crate::knowledge::{EventSign, Joined, Nothing, Sign, Test};
use crate::sentence;
use crate::tie::{Tie, tie};

impl Matcher<'_> {
    pub(super) fn event(&self, sign: &Sign, e: &EventSign, a: &Attempt) -> Answer {
        let mut found: Vec<Found> = Vec::new();
        for at in self.candidates(e, a) {
            let Some(event) = self.evidence.event(at) else {
                continue;
            };
            let others = Compared { a, event };
            let fits = e.kinds.contains(&event.event.kind)
                && e.values
                    .iter()
                    .all(|(f, c)| c.holds(event.get(*f), &others));
            if !fits {
                continue;
            }
            let tied = if a.events.contains(&at) {
                Tie::Key
            } else {
                tie(a, event)
            };
            if tied != Tie::Contradicted || e.joined != Joined::Attempt {
                found.push(Found {
                    at,
                    says: sentence::fill(&sign.says, event),
                    tie: tied,
                    statement: sign.statement && !event.is_recovered(),
                });
            }
        }
        // Windows of days hold thousands of records of which a few fit: only those are worth sorting.
        if found.len() > 1 {
            found.sort_by_cached_key(|f| (self.evidence.time(f.at), f.at));
            found.dedup_by_key(|f| f.at);
        }
        if !e.among.is_empty() {
            found = self.newest(e, a, found);
        }
        let n = found.len() as u64;
        if n >= e.count.0 && e.count.1.is_none_or(|max| n <= max) {
            return Answer::Seen(found);
        }
        self.absence(e, a)
    }

    /// Records in the sign's place and time, in no order, some of them twice.
    fn candidates(&self, e: &EventSign, a: &Attempt) -> Vec<At> {
        let kinds = e.kinds.as_slice();
        let mut list = Vec::new();
        match e.joined {
            Joined::Attempt => {
                if kinds.iter().any(|k| a.kinds.has(*k)) {
                    list.extend(
                        a.signs().filter(|at| {
                            self.evidence.kind(*at).is_some_and(|k| kinds.contains(&k))
                        }),
                    );
                }
                for host in [a.server.host, a.client.host].into_iter().flatten() {
                    let offset = self.offset(host);
                    let last = a.end.min(a.start.plus(HANDSHAKE_NS));
                    let (from, to) = match e.window {
                        Some(w) => span(w, a, offset),
                        None => (
                            a.start.plus(offset - SLACK_NS / 4),
                            last.plus(offset + SLACK_NS),
                        ),
                    };
                    for k in kinds {
                        let near = self
                            .index
                            .of_kind(host, *k, from, to)
                            .iter()
                            .map(|(_, at)| *at);
                        list.extend(near.filter(|at| !self.claimed.contains(at)));
                    }
                }
            }
            Joined::Server => self.of_hosts(a.server.host.into_iter(), e, a, kinds, &mut list),
            Joined::Client => self.of_hosts(a.client.host.into_iter(), e, a, kinds, &mut list),
            Joined::Directory => {
                self.of_hosts(self.controllers.iter().copied(), e, a, kinds, &mut list);
            }
            Joined::Gateway => self.of_hosts(self.evidence.hosts.iter(), e, a, kinds, &mut list),
        }
        if matches!(e.joined, Joined::Server | Joined::Client) {
            let peer = if e.joined == Joined::Server {
                &a.server
            } else {
                &a.client
            };
            let (from, to) = span(e.window.unwrap_or(AROUND), a, 0);
            for k in kinds {
                let of_kind = |ip| self.packets.get(&(ip, *k));
                let packets = peer.ip.and_then(of_kind).map_or(&[][..], Vec::as_slice);
                let start = packets.partition_point(|(t, _)| *t < from);
                let near = packets.iter().skip(start).take_while(|(t, _)| *t <= to);
                list.extend(near.map(|(_, at)| *at));
            }
        }
        list
    }

    fn of_hosts(
        &self,
        hosts: impl Iterator<Item = HostId>,
        e: &EventSign,
        a: &Attempt,
        kinds: &[Kind],
        list: &mut Vec<At>,
    ) {
        for host in hosts {
            let (from, to) = span(e.window.unwrap_or(AROUND), a, self.offset(host));
            for k in kinds {
                list.extend(
                    self.index
                        .of_kind(host, *k, from, to)
                        .iter()
                        .map(|(_, at)| *at),
                );
            }
        }
    }

    /// Of the kinds in `among`, the newest record before the window's end must be one of those found.
    fn newest(&self, e: &EventSign, a: &Attempt, mut found: Vec<Found>) -> Vec<Found> {
        let kinds: Vec<Kind> = e.among.iter().chain(&e.kinds).copied().collect();
        let mut all = Vec::new();
        let host = if e.joined == Joined::Client {
            a.client.host
        } else {
            a.server.host
        };
        self.of_hosts(host.into_iter(), e, a, &kinds, &mut all);
        all.sort_unstable();
        all.dedup();
        all.sort_by_cached_key(|at| {
            (
                self.evidence.time(*at),
                self.evidence.event(*at).map_or(0, |x| x.event.place),
                *at,
            )
        });
        found.retain(|f| {
            let Some(mine) = self.evidence.event(f.at) else {
                return false;
            };
            let alike = |at: &At| {
                self.evidence
                    .event(*at)
                    .is_some_and(|o| e.among_same.iter().all(|f| o.get(*f) == mine.get(*f)))
            };
            all.iter()
                .rev()
                .find(|at| alike(at))
                .is_none_or(|last| *last == f.at)
        });
        found
    }

    /// All records of a host, for a cause that is judged without any connection.
    pub fn ask_host(&self, sign: &Sign, host: HostId) -> Vec<Found> {
        let signs = match &sign.test {
            Test::Any(signs) | Test::Witnesses(signs) => signs.iter().collect(),
            _ => vec![sign],
        };
        let mut found = Vec::new();
        for s in signs {
            let Test::Event(e) = &s.test else { continue };
            let mut mine: Vec<At> = Vec::new();
            let mut newest: Option<(Timestamp, At)> = None;
            for k in e.kinds.iter().chain(&e.among).collect::<BTreeSet<_>>() {
                for (time, at) in
                    self.index
                        .of_kind(host, *k, Timestamp(i64::MIN), Timestamp(i64::MAX))
                {
                    newest = newest.max(Some((*time, *at)));
                    let Some(event) = self.evidence.event(*at) else {
                        continue;
                    };
                    if e.kinds.contains(k)
                        && e.values
                            .iter()
                            .all(|(f, c)| c.holds(event.get(*f), &Nothing))
                    {
                        mine.push(*at);
                    }
                }
            }
            if !e.among.is_empty() && !newest.is_some_and(|(_, at)| mine.contains(&at)) {
                continue;
            }
            if (mine.len() as u64) < e.count.0 {
                continue;
            }
            mine.sort_by_cached_key(|at| (self.evidence.time(*at), *at));
            found.extend(mine.into_iter().filter_map(|at| {
                let event = self.evidence.event(at)?;
                Some(Found {
                    at,
                    says: sentence::fill(&s.says, event),
                    tie: Tie::Moment,
                    statement: s.statement && !event.is_recovered(),
                })
            }));
        }
        found
    }
}
