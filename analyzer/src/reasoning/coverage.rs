//! Who would have recorded a sign: which log or capture covers the moment, and which is not there.

use rdpwhy_parsers::{Kind, Timestamp, catalog};
use serde::Serialize;
use std::collections::BTreeSet;

use crate::assemble::time;
use crate::attempt::Attempt;
use crate::hosts::HostId;
use crate::knowledge::{Absence, EventSign, Joined, Sign};
use crate::matcher::{
    Answer, HANDSHAKE_NS, LOOK_BACK_NS, Matcher, Unrecorded, peer_name, written_by_client,
};
use crate::missing::export;
use crate::sighting::View;

/// A log or capture over a span of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Stretch {
    /// Channel, or `capture`.
    pub channel: String,
    /// Whose.
    pub host: String,
    /// Begin of the span that matters, on the common clock.
    pub from: String,
    /// Its end.
    pub to: String,
    /// Why it tells nothing; empty where it covers the span.
    pub why: String,
    /// Command that exports it at its host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
}

impl Stretch {
    fn new(channel: &str, host: String, from: Timestamp, to: Timestamp, why: &str) -> Self {
        Self {
            channel: channel.to_owned(),
            host,
            from: time(from),
            to: time(to),
            why: why.to_owned(),
            command: None,
        }
    }

    fn missing(channel: &str, host: String, from: Timestamp, to: Timestamp, why: &str) -> Self {
        let mut stretch = Self::new(channel, host, from, to, why);
        stretch.command =
            (channel != "capture").then(|| export(channel, &stretch.from, &stretch.to));
        stretch
    }

    /// The same over both spans.
    pub(super) fn widen(&mut self, other: Self) {
        self.from = std::mem::take(&mut self.from).min(other.from);
        self.to = std::mem::take(&mut self.to).max(other.to);
        if self.command.is_some() {
            self.command = Some(export(&self.channel, &self.from, &self.to));
        }
    }
}

/// Where a fact that nobody told would have been told.
pub fn of_fact(matcher: &Matcher<'_>, sign: &Sign, a: &Attempt) -> Vec<Stretch> {
    let Answer::Unknown(unrecorded) = matcher.ask(sign, a) else {
        return Vec::new();
    };
    let named: BTreeSet<Unrecorded> = unrecorded.iter().map(|b| b.of(a)).collect();
    let not_there = |u: Unrecorded| {
        Stretch::missing(
            &u.channel,
            u.host,
            a.start,
            a.end,
            "it is not in the evidence",
        )
    };
    named.into_iter().map(not_there).collect()
}

/// Who covers the moment of an event, and who does not.
pub fn of_event(matcher: &Matcher<'_>, e: &EventSign, a: &Attempt) -> (Vec<Stretch>, Vec<Stretch>) {
    let (mut covered, mut missing) = (Vec::new(), Vec::new());
    let (from, to) = span(e, a);
    for kind in &e.kinds {
        let channels = catalog::channels(*kind);
        if channels.is_empty() {
            let host = peer_name(&a.server);
            if matcher.wire_would_show(*kind, a) {
                covered.push(Stretch::new("capture", host, a.start, a.end, ""));
            } else {
                let why = if a.seen_by(View::Wire) {
                    "the one here begins later, or holds one direction"
                } else {
                    "none here holds the connection"
                };
                missing.push(Stretch::missing("capture", host, a.start, a.end, why));
            }
            continue;
        }
        for (host, name) in hosts(matcher, e, *kind, a) {
            let told = channels.iter().find(|c| {
                host.is_some_and(|h| matcher.covered(h, &[c], from, to))
                    && !matcher.switched_off(*kind, host)
                    && e.absence == Absence::Proves
            });
            if let Some(channel) = told {
                covered.push(Stretch::new(channel, name, from, to, ""));
                continue;
            }
            let has = |c: &&&str| host.is_some_and(|h| matcher.coverage.has(h, c));
            let there = channels.iter().find(has);
            let why = if there.is_none() {
                "it is not in the evidence"
            } else if matcher.switched_off(*kind, host) {
                "such records are written only when switched on"
            } else if e.absence == Absence::ProvesNothing {
                "that it is absent there proves nothing"
            } else {
                "the one here does not cover that time"
            };
            let channel = there.or(channels.first()).copied().unwrap_or_default();
            missing.push(Stretch::missing(channel, name, from, to, why));
        }
    }
    for list in [&mut covered, &mut missing] {
        list.sort();
        list.dedup();
    }
    (covered, missing)
}

/// Hosts that would have written it; without an id, one that the evidence does not have.
fn hosts(
    matcher: &Matcher<'_>,
    e: &EventSign,
    kind: Kind,
    a: &Attempt,
) -> Vec<(Option<HostId>, String)> {
    let name = |h: HostId| (Some(h), matcher.evidence.hosts.name(h).to_owned());
    let channels = catalog::channels(kind);
    match e.joined {
        Joined::Client => vec![(a.client.host, peer_name(&a.client))],
        Joined::Attempt if written_by_client(kind) => vec![(a.client.host, peer_name(&a.client))],
        Joined::Server | Joined::Attempt => vec![(a.server.host, peer_name(&a.server))],
        Joined::Directory => matcher.controllers.iter().copied().map(name).collect(),
        Joined::Gateway => {
            let is_gateway = |h: &HostId| channels.iter().any(|c| matcher.coverage.has(*h, c));
            matcher
                .evidence
                .hosts
                .iter()
                .filter(is_gateway)
                .map(name)
                .collect()
        }
    }
}

/// The span that the matcher asks coverage for: long windows count an hour, logs begin somewhere.
fn span(e: &EventSign, a: &Attempt) -> (Timestamp, Timestamp) {
    let (from, to) = match e.window {
        Some(w) => crate::matcher::span(w, a, 0),
        None => (a.start, a.end.min(a.start.plus(HANDSHAKE_NS))),
    };
    let from = from.max(a.start.plus(-LOOK_BACK_NS)).min(a.end);
    (from, to.max(from).min(a.end.max(from)))
}
