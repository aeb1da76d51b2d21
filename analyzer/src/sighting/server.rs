//! What a server's RdpCoreTS log saw: one ActivityID per TCP connection, from "accepted" (131) on.

use rdpwhy_parsers::{EventRef, Guid, Kind};
use std::collections::HashMap;
use std::net::IpAddr;

use super::{Peer, Sighting, View};
use crate::evidence::{At, Evidence};
use crate::hosts::HostId;
use crate::index::Index;
use crate::names::{field, kind};

/// Kinds that show a connection even when its beginning was rolled over.
const SHOWS_A_CONNECTION: [Kind; 6] = [
    kind::CREATED,
    kind::PREPARED,
    kind::ASSIGNED,
    kind::TRANSPORT_COMPLETED,
    kind::SESSION_NOTIFIED,
    kind::TERMINATED,
];

/// One sighting per TCP connection, by host and time.
pub fn sightings(evidence: &Evidence, index: &Index) -> Vec<Sighting> {
    let mut found = Vec::new();
    for host in evidence.hosts.iter() {
        Chains {
            evidence,
            host,
            found: Vec::new(),
            open: HashMap::new(),
            by_name: HashMap::new(),
            by_ip: HashMap::new(),
        }
        .run(index, &mut found);
    }
    found
}

struct Chains<'a> {
    evidence: &'a Evidence,
    host: HostId,
    found: Vec<Sighting>,
    open: HashMap<Guid, usize>,
    /// The latest connection of each listener name: `RDP-Tcp#7` starts again at 0 after a restart.
    by_name: HashMap<String, usize>,
    /// The latest connection from each address.
    by_ip: HashMap<IpAddr, usize>,
}

impl Chains<'_> {
    fn run(mut self, index: &Index, into: &mut Vec<Sighting>) {
        for (_, at) in index.of_host(self.host) {
            let Some(event) = self.evidence.event(*at) else {
                continue;
            };
            match event.event.kind {
                kind::ACCEPTED if is_udp(event) => self.rejoin_udp(event),
                kind::ACCEPTED => self.begin(*at, event),
                _ => self.follow(*at, event),
            }
        }
        into.append(&mut self.found);
    }

    fn begin(&mut self, at: At, event: EventRef<'_>) {
        let activity = event.event.activity;
        self.open.insert(activity, self.found.len());
        let mut sighting = self.empty(at, event);
        sighting.client.ip = event.ip(field::CLIENT_IP);
        sighting.client.port = event
            .int(field::CLIENT_PORT)
            .and_then(|p| u16::try_from(p).ok());
        self.found.push(sighting);
        self.learn(self.found.len() - 1, event);
    }

    /// Remembers by what a connection can be found again.
    fn learn(&mut self, i: usize, event: EventRef<'_>) {
        let latest = |known: &mut usize| *known = (*known).max(i);
        if matches!(event.event.kind, kind::CREATED | kind::ASSIGNED)
            && let Some(name) = event.text(field::CONNECTION_NAME)
        {
            self.by_name
                .entry(name.to_owned())
                .and_modify(latest)
                .or_insert(i);
        }
        if let Some(ip) = self.found.get(i).and_then(|s| s.client.ip) {
            self.by_ip.entry(ip).and_modify(latest).or_insert(i);
        }
    }

    fn empty(&self, at: At, event: EventRef<'_>) -> Sighting {
        Sighting {
            view: View::Server,
            source: at.source,
            client: Peer::default(),
            server: Peer {
                host: Some(self.host),
                name: Some(self.evidence.hosts.name(self.host).to_owned()),
                ..Peer::default()
            },
            user: None,
            start: event.event.time,
            end: event.event.time,
            events: vec![at],
            session: None,
            fingerprints: Vec::new(),
            midstream: false,
            count: 1,
        }
    }

    /// The UDP side channel of a connection is logged under an ActivityID of its own, and so is all that happens on it:
    /// the address leads back to the TCP connection.
    fn rejoin_udp(&mut self, event: EventRef<'_>) {
        let owner = event
            .ip(field::CLIENT_IP)
            .and_then(|ip| self.by_ip.get(&ip).copied());
        if let (Some(owner), false) = (owner, event.event.activity.is_none()) {
            self.open.insert(event.event.activity, owner);
        }
    }

    fn follow(&mut self, at: At, event: EventRef<'_>) {
        let activity = event.event.activity;
        let by_name = || {
            let name = event
                .text(field::CONNECTION_NAME)
                .filter(|_| event.event.kind == kind::TIMED)?;
            self.by_name.get(name).copied()
        };
        let Some(i) = self
            .open
            .get(&activity)
            .copied()
            .filter(|_| !activity.is_none())
            .or_else(by_name)
        else {
            if SHOWS_A_CONNECTION.contains(&event.event.kind) && !activity.is_none() {
                self.open.insert(activity, self.found.len());
                let sighting = self.empty(at, event);
                self.found.push(sighting);
                self.learn(self.found.len() - 1, event);
            }
            return;
        };
        let Some(sighting) = self.found.get_mut(i) else {
            return;
        };
        sighting.events.push(at);
        sighting.end = sighting.end.max(event.event.time);
        // Where the record of the accepted socket is gone, a refusal (140) still names the address.
        sighting.client.ip = sighting.client.ip.or_else(|| event.ip(field::CLIENT_IP));
        if event.event.kind == kind::ASSIGNED {
            sighting.session = event.int(field::SESSION_ID);
        }
        self.learn(i, event);
    }
}

fn is_udp(event: EventRef<'_>) -> bool {
    event
        .text(field::TRANSPORT)
        .is_some_and(|t| t.eq_ignore_ascii_case("UDP"))
}
