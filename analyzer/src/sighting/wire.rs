//! What captures saw: the parser already gathered each TCP flow's facts under one flow number.

use std::collections::BTreeMap;

use super::{Fingerprint, Peer, Sighting, View};
use crate::evidence::{At, Evidence};
use crate::names::{field, kind};

/// One sighting per flow of each capture, in the order of the flows.
pub fn sightings(evidence: &Evidence) -> Vec<Sighting> {
    let mut flows: BTreeMap<(u32, i64), Vec<At>> = BTreeMap::new();
    for at in evidence.all().filter(|at| evidence.host(*at).is_none()) {
        if let Some(flow) = evidence.event(at).and_then(|e| e.int(field::FLOW)) {
            flows.entry((at.source, flow)).or_default().push(at);
        }
    }
    let (udp, tcp): (Vec<_>, Vec<_>) = flows
        .into_iter()
        .partition(|(_, events)| events.iter().any(|at| is_udp(evidence, *at)));
    let mut found: Vec<Sighting> = tcp
        .into_iter()
        .filter_map(|((source, _), events)| sighting(evidence, source, events))
        .collect();
    for ((source, _), events) in udp {
        side_channel(evidence, &mut found, source, events);
    }
    found
}

fn is_udp(evidence: &Evidence, at: At) -> bool {
    matches!(
        evidence.kind(at),
        Some(kind::UDP_OPENED | kind::UDP_UNANSWERED)
    )
}

/// A UDP side channel is evidence of the TCP connection that it was opened beside: the latest of the same two hosts.
fn side_channel(evidence: &Evidence, found: &mut [Sighting], source: u32, events: Vec<At>) {
    let Some(first) = events.first().and_then(|at| evidence.event(*at)) else {
        return;
    };
    let hosts = (first.ip(field::CLIENT_IP), first.ip(field::SERVER_IP));
    let owner = found.iter_mut().rev().filter(|s| {
        s.source == source && (s.client.ip, s.server.ip) == hosts && s.start <= first.event.time
    });
    if let Some(owner) = owner.max_by_key(|s| s.start) {
        owner.events.extend(events);
    }
}

fn sighting(evidence: &Evidence, source: u32, mut events: Vec<At>) -> Option<Sighting> {
    let opened = *events
        .iter()
        .find(|at| evidence.kind(**at) == Some(kind::TCP_OPENED))?;
    events.sort_by_key(|at| (evidence.local_time(*at), *at));
    let first = evidence.event(opened)?;
    let port = |f| first.int(f).and_then(|p| u16::try_from(p).ok());
    let find = |k, f| {
        let at = events.iter().find(|at| evidence.kind(**at) == Some(k))?;
        evidence
            .event(*at)?
            .text(f)
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
    };
    let mut fingerprints = Vec::new();
    fingerprints.extend(find(kind::CLIENT_HELLO, field::RANDOM).map(Fingerprint::Random));
    fingerprints
        .extend(find(kind::X224_REQUESTED, field::CORRELATION_ID).map(Fingerprint::Correlation));
    // Scanners often use one number for all, so both ends' numbers have to agree.
    let numbers = first
        .int(field::ISN_CLIENT)
        .zip(first.int(field::ISN_SERVER));
    fingerprints.extend(numbers.map(|(client, server)| Fingerprint::Sequence(client, server)));
    let end = events.iter().map(|at| evidence.local_time(*at)).max()?;
    Some(Sighting {
        view: View::Wire,
        source,
        client: Peer {
            ip: first.ip(field::CLIENT_IP),
            port: port(field::CLIENT_PORT),
            ..Peer::default()
        },
        server: Peer {
            ip: first.ip(field::SERVER_IP),
            port: port(field::SERVER_PORT),
            ..Peer::default()
        },
        user: find(kind::X224_REQUESTED, field::COOKIE),
        start: first.event.time,
        end,
        fingerprints,
        midstream: first.flag(field::MIDSTREAM),
        events,
        session: None,
        count: 1,
    })
}
