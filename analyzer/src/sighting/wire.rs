//! What captures saw: the parser already gathered each TCP flow's facts under one flow number.

use std::collections::BTreeMap;

use super::{Peer, Sighting, View};
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
    flows.into_iter().filter_map(|((source, _), events)| sighting(evidence, source, events)).collect()
}

fn sighting(evidence: &Evidence, source: u32, mut events: Vec<At>) -> Option<Sighting> {
    let opened = *events.iter().find(|at| evidence.kind(**at) == Some(kind::TCP_OPENED))?;
    events.sort_by_key(|at| (evidence.raw_time(*at), *at));
    let first = evidence.event(opened)?;
    let port = |f| first.int(f).and_then(|p| u16::try_from(p).ok());
    let find = |k, f| {
        let at = events.iter().find(|at| evidence.kind(**at) == Some(k))?;
        evidence.event(*at)?.text(f).map(str::to_owned)
    };
    let end = events.iter().map(|at| evidence.raw_time(*at)).max()?;
    Some(Sighting {
        view: View::Wire,
        source,
        client: Peer { ip: first.ip(field::CLIENT_IP), port: port(field::CLIENT_PORT), ..Peer::default() },
        server: Peer { ip: first.ip(field::SERVER_IP), port: port(field::SERVER_PORT), ..Peer::default() },
        user: find(kind::X224_REQUESTED, field::COOKIE),
        start: first.event.time,
        end,
        fingerprint: find(kind::CLIENT_HELLO, field::RANDOM),
        events,
        session: None,
        count: 1,
    })
}
