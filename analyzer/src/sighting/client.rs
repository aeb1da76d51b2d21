//! What a client's RDPClient log saw: from "trying to connect" (1024) to "disconnected" (1026).

use rdpwhy_parsers::Guid;
use std::collections::BTreeMap;

use super::{Peer, Sighting, View, target};
use crate::evidence::{At, Evidence};
use crate::hosts::HostId;
use crate::index::Index;
use crate::names::{field, kind};
use crate::told::is_told;

/// One sighting per `client.connecting`. mstsc keeps one ActivityID for all tries of a window, so each new "trying"
/// begins a new sighting; records without an id follow the latest one.
pub fn sightings(evidence: &Evidence, index: &Index) -> Vec<Sighting> {
    let mut found = Vec::new();
    for host in evidence
        .hosts
        .iter()
        .filter(|h| index.has(*h, kind::CONNECTING))
    {
        let mut open: BTreeMap<Guid, usize> = BTreeMap::new();
        for (time, at) in index.of_host(host) {
            let Some(event) = evidence.event(*at) else {
                continue;
            };
            let activity = event.event.activity;
            if event.event.kind == kind::CONNECTING {
                open.insert(activity, found.len());
                found.push(begin(evidence, host, *at));
            } else if is_of_client(event.event.kind.name()) && !is_told(evidence, *at) {
                let Some(sighting) = open.get(&activity).and_then(|i: &usize| found.get_mut(*i))
                else {
                    continue;
                };
                sighting.events.push(*at);
                sighting.end = *time;
            }
        }
    }
    found
}

fn begin(evidence: &Evidence, host: HostId, at: At) -> Sighting {
    let time = evidence.local_time(at);
    let typed = evidence
        .event(at)
        .and_then(|e| e.text(field::SERVER_NAME))
        .unwrap_or_default();
    let (name, port) = target(typed);
    let server = Peer {
        ip: name.parse().ok(),
        port: Some(port.unwrap_or(DEFAULT_PORT)),
        host: evidence.hosts.find_any(&name),
        name: Some(name).filter(|n| !n.is_empty()),
    };
    Sighting {
        view: View::Client,
        source: at.source,
        client: Peer {
            host: Some(host),
            name: Some(evidence.hosts.name(host).to_owned()),
            ..Peer::default()
        },
        server,
        user: None,
        start: time,
        end: time,
        events: vec![at],
        session: None,
        fingerprints: Vec::new(),
        midstream: false,
        count: 1,
    }
}

/// The port that mstsc dials unless the name says another.
pub const DEFAULT_PORT: u16 = 3389;

/// Records of the client's own log all say so in their kind.
fn is_of_client(kind: &str) -> bool {
    kind.starts_with("client.")
}
