//! What an RD Gateway's log saw: one ActivityID per try, from the policies to the disconnect. Exports to tables lose the
//! ids; there a try is what one user did from one address, step by step.

use rdpwhy_parsers::{EventRef, Guid};
use std::collections::BTreeMap;

use super::{Peer, Sighting, View};
use crate::evidence::{At, Evidence};
use crate::index::Index;
use crate::names::field;

/// Records of one ActivityID further apart than this are two tries: the id of a kept-alive transport is used again.
const LONGEST_SILENCE_NS: i64 = 86_400 * 1_000_000_000;

/// Steps of one try without ids follow each other within this: opening the transport, the policies, the connection.
const LONGEST_STEP_NS: i64 = 30 * 1_000_000_000;

/// Where clients reach a gateway.
const HTTPS: u16 = 443;

/// One sighting per ActivityID.
pub fn sightings(evidence: &Evidence, index: &Index) -> Vec<Sighting> {
    let mut found: Vec<Sighting> = Vec::new();
    for host in evidence.hosts.iter() {
        let mut open: BTreeMap<Guid, usize> = BTreeMap::new();
        for (time, at) in index.of_host(host) {
            let Some(event) = evidence.event(*at) else {
                continue;
            };
            if !event.event.kind.name().starts_with("gateway.") {
                continue;
            }
            let activity = event.event.activity;
            let known = if activity.is_none() {
                found
                    .iter()
                    .rposition(|s| s.server.host == Some(host) && next_step(evidence, s, event))
            } else {
                let same_id = open.get(&activity).copied();
                same_id.filter(|i| {
                    found
                        .get(*i)
                        .is_some_and(|s| time.since(s.end) < LONGEST_SILENCE_NS)
                })
            };
            let i = known.unwrap_or_else(|| {
                open.insert(activity, found.len());
                found.push(Sighting {
                    view: View::Gateway,
                    source: at.source,
                    client: Peer::default(),
                    // The client's connection ends at the gateway; what follows behind it is another one.
                    server: Peer {
                        ip: None,
                        port: Some(HTTPS),
                        host: Some(host),
                        name: Some(evidence.hosts.name(host).to_owned()),
                    },
                    user: None,
                    start: *time,
                    end: *time,
                    events: Vec::new(),
                    session: None,
                    fingerprints: Vec::new(),
                    midstream: false,
                    count: 1,
                });
                found.len() - 1
            });
            let Some(sighting) = found.get_mut(i) else {
                continue;
            };
            sighting.events.push(*at);
            sighting.end = *time;
            sighting.client.ip = sighting.client.ip.or_else(|| event.ip(field::CLIENT_IP));
            sighting.user = sighting
                .user
                .take()
                .or_else(|| super::account(None, event.text(field::USER)));
        }
    }
    // A transport that opened and never asked for a resource is no try at a server.
    found.retain(|s| s.user.is_some());
    found
}

/// Whether a record without ActivityID goes on with a try: same user, same address, soon after, and a step that the try
/// has not taken yet.
fn next_step(evidence: &Evidence, s: &Sighting, event: EventRef<'_>) -> bool {
    let user = super::account(None, event.text(field::USER));
    let taken = |at: &At| evidence.kind(*at) == Some(event.event.kind);
    event.event.time.since(s.end) < LONGEST_STEP_NS
        && s.client.ip == event.ip(field::CLIENT_IP)
        && s.user
            .as_deref()
            .zip(user.as_deref())
            .is_some_and(|(a, b)| super::same_account(a, b))
        && !s.events.iter().any(taken)
}
