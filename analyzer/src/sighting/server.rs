//! What a server's RdpCoreTS log saw: one ActivityID per TCP connection, from "accepted" (131) on.

use rdpwhy_parsers::{EventRef, Guid, Kind};
use std::collections::HashMap;

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
        Chains { evidence, host, found: Vec::new(), open: HashMap::new() }.run(index, &mut found);
    }
    found
}

struct Chains<'a> {
    evidence: &'a Evidence,
    host: HostId,
    found: Vec<Sighting>,
    open: HashMap<Guid, usize>,
}

impl Chains<'_> {
    fn run(mut self, index: &Index, into: &mut Vec<Sighting>) {
        for (_, at) in index.of_host(self.host) {
            let Some(event) = self.evidence.event(*at) else { continue };
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
        sighting.client.port = event.int(field::CLIENT_PORT).and_then(|p| u16::try_from(p).ok());
        self.found.push(sighting);
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
        let ip = event.ip(field::CLIENT_IP);
        let owner = self.found.iter().rposition(|s| s.client.ip == ip && ip.is_some());
        if let (Some(owner), false) = (owner, event.event.activity.is_none()) {
            self.open.insert(event.event.activity, owner);
        }
    }

    fn follow(&mut self, at: At, event: EventRef<'_>) {
        let activity = event.event.activity;
        let by_name = || {
            let name = event.text(field::CONNECTION_NAME).filter(|_| event.event.kind == kind::TIMED)?;
            self.found.iter().rposition(|s| self.named(s, name))
        };
        let Some(i) = self.open.get(&activity).copied().filter(|_| !activity.is_none()).or_else(by_name) else {
            if SHOWS_A_CONNECTION.contains(&event.event.kind) && !activity.is_none() {
                self.open.insert(activity, self.found.len());
                let sighting = self.empty(at, event);
                self.found.push(sighting);
            }
            return;
        };
        let Some(sighting) = self.found.get_mut(i) else { return };
        sighting.events.push(at);
        sighting.end = sighting.end.max(event.event.time);
        // Where the record of the accepted socket is gone, a refusal (140) still names the address.
        sighting.client.ip = sighting.client.ip.or_else(|| event.ip(field::CLIENT_IP));
        if event.event.kind == kind::ASSIGNED {
            sighting.session = event.int(field::SESSION_ID);
        }
    }

    /// `RDP-Tcp#7` starts again at 0 after a restart, so the latest connection of that name is meant.
    fn named(&self, sighting: &Sighting, name: &str) -> bool {
        sighting.events.iter().filter_map(|at| self.evidence.event(*at)).any(|e| {
            matches!(e.event.kind, kind::CREATED | kind::ASSIGNED) && e.text(field::CONNECTION_NAME) == Some(name)
        })
    }
}

fn is_udp(event: EventRef<'_>) -> bool {
    event.text(field::TRANSPORT).is_some_and(|t| t.eq_ignore_ascii_case("UDP"))
}
