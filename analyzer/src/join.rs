//! Gives each attempt the records that belong to it by their moment at the server or the client.

use rdpwhy_parsers::Timestamp;
use std::collections::BTreeMap;

use crate::attempt::Attempt;
use crate::evidence::Evidence;
use crate::hosts::HostId;
use crate::index::Index;
use crate::moment::Moment;
use crate::names::field;
use crate::tie::{Tie, tie};

const SECOND: i64 = 1_000_000_000;
/// Logs flush milliseconds apart: a record may be dated just before the accepted socket that it belongs to.
const EARLY_NS: i64 = SECOND / 2;
/// A record about a handshake can follow the connection's last own record by this much.
const LATE_NS: i64 = 2 * SECOND;

/// Attaches records to attempts; `attempts` are sorted by start.
pub fn join(evidence: &Evidence, index: &Index, moments: &[Moment], attempts: &mut [Attempt]) {
    let mut at_server: BTreeMap<HostId, Vec<usize>> = BTreeMap::new();
    let mut at_client: BTreeMap<HostId, Vec<usize>> = BTreeMap::new();
    for (i, a) in attempts.iter().enumerate() {
        if let Some(host) = a.server.host {
            at_server.entry(host).or_default().push(i);
        }
        if let Some(host) = a.client.host {
            at_client.entry(host).or_default().push(i);
        }
    }
    for (client_side, hosts) in [(false, &at_server), (true, &at_client)] {
        for (host, of_host) in hosts {
            for (_, at) in index.of_host(*host) {
                let Some(event) = evidence.event(*at) else {
                    continue;
                };
                let fitting = moments
                    .iter()
                    .find(|m| m.at_client == client_side && m.fits(event, field::PROCESS));
                let Some(moment) = fitting else { continue };
                let time = evidence.time(*at);
                let Some((owner, tied)) = owner(attempts, of_host, moment, event, time) else {
                    continue;
                };
                let Some(a) = attempts.get_mut(owner) else {
                    continue;
                };
                if a.events.contains(at) {
                    continue;
                }
                if tied == Tie::Key {
                    &mut a.events
                } else {
                    &mut a.moments
                }
                .push(*at);
                if let Some(stage) = moment.stage {
                    a.stage = a.stage.max(stage);
                }
            }
        }
    }
    for a in attempts {
        a.events.sort_by_key(|at| (evidence.time(*at), *at));
        a.moments.sort_by_key(|at| (evidence.time(*at), *at));
    }
}

/// The best tied, then the latest started of the attempts that were under way.
fn owner(
    attempts: &[Attempt],
    of_host: &[usize],
    moment: &Moment,
    event: rdpwhy_parsers::EventRef<'_>,
    time: Timestamp,
) -> Option<(usize, Tie)> {
    let end = of_host.partition_point(|i| {
        attempts
            .get(*i)
            .is_some_and(|a| a.start <= time.plus(EARLY_NS))
    });
    let mut best: Option<(usize, Tie)> = None;
    for i in of_host.get(..end)?.iter().rev() {
        let a = attempts.get(*i)?;
        if time.since(a.start) > moment.after {
            break; // all earlier ones started earlier still
        }
        if time.since(a.end) > LATE_NS && !a.events.is_empty() && a.end > a.start {
            continue;
        }
        let tied = tie(a, event);
        let enough = if moment.keyed { Tie::Key } else { Tie::Moment };
        if tied >= enough && best.is_none_or(|(_, t)| tied > t) {
            best = Some((*i, tied));
        }
    }
    best
}
