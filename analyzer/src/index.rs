//! Events by host, kind and moment.

use rdpwhy_parsers::{Kind, Timestamp};
use std::collections::{BTreeMap, HashMap};

use crate::evidence::{At, Evidence};
use crate::hosts::HostId;

/// Records of one moment and number among which copies are looked for in the same table as among the next ones.
const FEW: usize = 16;

/// Time-sorted lists per host and kind. Times are the host's own clock: one host has one clock, so order and distance
/// inside a host need no correction.
#[derive(Debug, Default)]
pub struct Index {
    by_kind: HashMap<(HostId, Kind), Vec<(Timestamp, At)>>,
    by_host: BTreeMap<HostId, Vec<(Timestamp, At)>>,
}

impl Index {
    /// Sorts all log events. Records of one moment keep the order of their files: Windows numbers them as they happen.
    /// A record that two files hold (an export beside the live log, a collector's copy) is kept once.
    pub fn new(evidence: &Evidence) -> Self {
        let mut by_host: BTreeMap<HostId, Vec<(Timestamp, At)>> = BTreeMap::new();
        for at in evidence.all() {
            if let Some(host) = evidence.host(at) {
                by_host
                    .entry(host)
                    .or_default()
                    .push((evidence.local_time(at), at));
            }
        }
        let mut index = Self::default();
        for (host, mut events) in by_host {
            let number = |at: &At| evidence.event(*at).map_or(0, |e| e.event.place);
            // Windows writes records as they happen: nearly always they stand in this order already.
            let order = |(time, at): &(Timestamp, At)| (*time, number(at), *at);
            if !events.is_sorted_by_key(order) {
                events.sort_by_key(order);
            }
            drop_copies(evidence, &mut events);
            for (time, at) in &events {
                if let Some(kind) = evidence.kind(*at) {
                    index
                        .by_kind
                        .entry((host, kind))
                        .or_default()
                        .push((*time, *at));
                }
            }
            index.by_host.insert(host, events);
        }
        index
    }

    /// All events of a host, by time.
    pub fn of_host(&self, host: HostId) -> &[(Timestamp, At)] {
        self.by_host.get(&host).map_or(&[], Vec::as_slice)
    }

    /// Events of one kind at a host from `from` to `to`, both included, by time.
    pub fn of_kind(
        &self,
        host: HostId,
        kind: Kind,
        from: Timestamp,
        to: Timestamp,
    ) -> &[(Timestamp, At)] {
        let list = self
            .by_kind
            .get(&(host, kind))
            .map_or(&[][..], Vec::as_slice);
        let start = list.partition_point(|(t, _)| *t < from);
        let end = list.partition_point(|(t, _)| *t <= to);
        list.get(start..end.max(start)).unwrap_or_default()
    }

    /// Whether a host has any event of this kind.
    pub fn has(&self, host: HostId, kind: Kind) -> bool {
        self.by_kind.contains_key(&(host, kind))
    }
}

/// Of records with the same moment, number, kind and activity in several files, the first file's stays. Inside one file
/// nothing is a copy. Copies stand together, since events are sorted by moment and number.
fn drop_copies(evidence: &Evidence, events: &mut Vec<(Timestamp, At)>) {
    let first = events.first().map(|(_, at)| at.source);
    if events.iter().all(|(_, at)| Some(at.source) == first) {
        return;
    }
    let (mut together, mut first_file) = (None, HashMap::new());
    events.retain(|(time, at)| {
        let Some(e) = evidence.event(*at) else {
            return false;
        };
        if together.replace((*time, e.event.place)) != Some((*time, e.event.place)) {
            // What was large once takes its time to be emptied, and there are many moments.
            if first_file.len() > FEW {
                first_file = HashMap::new();
            }
            first_file.clear();
        }
        let key = (e.event.kind, e.event.activity);
        *first_file.entry(key).or_insert(at.source) == at.source
    });
}
