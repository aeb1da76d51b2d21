//! What each host's channels cover: the absence of a record counts only where it would have been kept.

use rdpwhy_parsers::{Gap, Timestamp};
use std::collections::BTreeMap;

use crate::evidence::Evidence;
use crate::hosts::HostId;

/// One host's channel over all sources that hold it.
#[derive(Debug, Clone)]
pub struct Channel {
    /// First record.
    pub first: Timestamp,
    /// Last record.
    pub last: Timestamp,
    /// Whether its very first record is there, so that nothing was before.
    pub from_the_beginning: bool,
    /// Stretches that are not covered.
    pub gaps: Vec<Gap>,
}

/// Coverage of all hosts, in each host's own clock.
#[derive(Debug, Default)]
pub struct CoverageMap {
    channels: BTreeMap<(HostId, String), Channel>,
    /// Last record of any log of the host: logs of one export end together, and a quiet log is quiet, not cut.
    host_last: BTreeMap<HostId, Timestamp>,
    /// Clearings that another log tells of.
    cleared: Vec<(HostId, String, Vec<Gap>)>,
}

/// EventRecordID of the first record that a channel ever gets.
const FIRST_RECORD: u64 = 1;

impl CoverageMap {
    /// Over all sources.
    pub fn new(evidence: &Evidence) -> Self {
        let mut map = Self::default();
        for (source, s) in (0u32..).zip(&evidence.sources) {
            for (log, l) in (0u32..).zip(&s.batch.logs) {
                let Some(host) = evidence.log_host(source, log) else { continue };
                // Records torn before they name their channel say nothing about what any channel keeps.
                if l.channel.is_empty() {
                    continue;
                }
                if l.records == 0 {
                    map.cleared.push((host, l.channel.clone(), l.gaps.clone()));
                    continue;
                }
                let last = map.host_last.entry(host).or_insert(l.last);
                *last = (*last).max(l.last);
                let channel = map.channels.entry((host, l.channel.clone())).or_insert_with(|| Channel {
                    first: l.first,
                    last: l.last,
                    from_the_beginning: false,
                    gaps: Vec::new(),
                });
                channel.first = channel.first.min(l.first);
                channel.last = channel.last.max(l.last);
                channel.from_the_beginning |= l.first_record <= FIRST_RECORD;
                channel.gaps.extend(l.gaps.iter().cloned());
                channel.gaps.sort();
                channel.gaps.dedup();
            }
        }
        for (host, channel, gaps) in std::mem::take(&mut map.cleared) {
            if let Some(c) = map.channels.get_mut(&(host, channel)) {
                c.gaps.extend(gaps);
                c.gaps.sort();
                c.gaps.dedup();
            }
        }
        map
    }

    /// All channels, by host and name.
    pub fn iter(&self) -> impl Iterator<Item = (HostId, &str, &Channel)> {
        self.channels.iter().map(|((h, c), channel)| (*h, c.as_str(), channel))
    }

    /// Whether any of these channels of a host covers the whole span, in the host's own clock.
    pub fn covers(&self, host: HostId, channels: &[&str], from: Timestamp, to: Timestamp) -> bool {
        channels.iter().any(|name| {
            let Some(c) = self.channels.get(&(host, (*name).to_owned())) else { return false };
            let end = self.host_last.get(&host).copied().unwrap_or(c.last);
            let begun = c.from_the_beginning || c.first <= from;
            // A gap of no length says that all before it is gone: for a roll-over the first record says so already.
            let hole = c.gaps.iter().any(|g| {
                if g.from == g.to { g.why == "log-cleared" && from < g.to } else { g.from < to && g.to > from }
            });
            begun && to <= end.max(c.last) && !hole
        })
    }

    /// Whether the host has any of these channels at all.
    pub fn has(&self, host: HostId, channel: &str) -> bool {
        self.channels.contains_key(&(host, channel.to_owned()))
    }
}
