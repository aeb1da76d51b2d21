//! Events by host, kind and moment.

use rdpwhy_parsers::{Kind, Timestamp};
use std::collections::{BTreeMap, HashMap};

use crate::evidence::{At, Evidence};
use crate::hosts::HostId;

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
            events.sort_by_key(|(time, at)| {
                (*time, evidence.event(*at).map_or(0, |e| e.event.place), *at)
            });
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
/// nothing is a copy.
fn drop_copies(evidence: &Evidence, events: &mut Vec<(Timestamp, At)>) {
    let mut first_file = HashMap::new();
    events.retain(|(time, at)| {
        let Some(e) = evidence.event(*at) else {
            return false;
        };
        let key = (*time, e.event.kind, e.event.place, e.event.activity);
        *first_file.entry(key).or_insert(at.source) == at.source
    });
}
