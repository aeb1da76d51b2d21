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
    /// Stretches that are not covered, sorted.
    pub gaps: Vec<Gap>,
    holes: Holes,
}

/// The gaps of a channel, for the one question that is asked of them again and again.
#[derive(Debug, Clone, Default)]
struct Holes {
    /// Gaps with a length: from, and the latest end of this one and all before it.
    stretches: Vec<(Timestamp, Timestamp)>,
    /// The last moment before which a clearing took everything.
    cleared: Option<Timestamp>,
}

impl Holes {
    fn of(gaps: &[Gap]) -> Self {
        let mut holes = Self::default();
        for g in gaps {
            if g.from == g.to {
                // A gap of no length says that all before it is gone: for a roll-over the first record says so already.
                holes.cleared = holes.cleared.max((g.why == "log-cleared").then_some(g.to));
            } else {
                let before = holes.stretches.last().map_or(g.to, |(_, end)| *end);
                holes.stretches.push((g.from, g.to.max(before)));
            }
        }
        holes
    }

    fn any(&self, from: Timestamp, to: Timestamp) -> bool {
        let begun = self.stretches.partition_point(|(start, _)| *start < to);
        let last = begun.checked_sub(1).and_then(|i| self.stretches.get(i));
        self.cleared.is_some_and(|t| from < t) || last.is_some_and(|(_, end)| *end > from)
    }
}

/// Coverage of all hosts, in each host's own clock.
#[derive(Debug, Default)]
pub struct CoverageMap {
    channels: BTreeMap<HostId, BTreeMap<String, Channel>>,
    /// Last record of any log of the host: logs of one export end together, and a quiet log is quiet, not cut.
    host_last: BTreeMap<HostId, Timestamp>,
    /// Clearings that another log tells of.
    cleared: Vec<(HostId, String, Vec<Gap>)>,
}

fn even(evidence: &Evidence, host: HostId, gap: &Gap) -> Gap {
    Gap {
        from: evidence.even(host, gap.from),
        to: evidence.even(host, gap.to),
        why: gap.why,
    }
}

/// EventRecordID of the first record that a channel ever gets.
const FIRST_RECORD: u64 = 1;

impl CoverageMap {
    /// Over all sources.
    pub fn new(evidence: &Evidence) -> Self {
        let mut map = Self::default();
        for (source, s) in (0u32..).zip(&evidence.sources) {
            for (log, l) in (0u32..).zip(&s.batch.logs) {
                let Some(host) = evidence.log_host(source, log) else {
                    continue;
                };
                // Records torn before they name their channel say nothing about what any channel keeps.
                if l.channel.is_empty() {
                    continue;
                }
                if l.records == 0 {
                    let gaps = l.gaps.iter().map(|g| even(evidence, host, g)).collect();
                    map.cleared.push((host, l.channel.clone(), gaps));
                    continue;
                }
                let (log_first, log_last) = evidence.reach(source, log, host);
                let gaps = || l.gaps.iter().map(|g| even(evidence, host, g));
                let last = map.host_last.entry(host).or_insert(log_last);
                *last = (*last).max(log_last);
                let channel = map
                    .channels
                    .entry(host)
                    .or_default()
                    .entry(l.channel.clone())
                    .or_insert_with(|| Channel {
                        first: log_first,
                        last: log_last,
                        from_the_beginning: false,
                        gaps: Vec::new(),
                        holes: Holes::default(),
                    });
                channel.first = channel.first.min(log_first);
                channel.last = channel.last.max(log_last);
                channel.from_the_beginning |= l.first_record <= FIRST_RECORD;
                channel.gaps.extend(gaps());
                channel.gaps.sort();
                channel.gaps.dedup();
            }
        }
        for (host, channel, gaps) in std::mem::take(&mut map.cleared) {
            if let Some(c) = map
                .channels
                .get_mut(&host)
                .and_then(|of| of.get_mut(&channel))
            {
                c.gaps.extend(gaps);
                c.gaps.sort();
                c.gaps.dedup();
            }
        }
        for c in map.channels.values_mut().flat_map(BTreeMap::values_mut) {
            c.holes = Holes::of(&c.gaps);
        }
        map
    }

    /// All channels, by host and name.
    pub fn iter(&self) -> impl Iterator<Item = (HostId, &str, &Channel)> {
        self.channels
            .iter()
            .flat_map(|(h, of)| of.iter().map(|(c, channel)| (*h, c.as_str(), channel)))
    }

    /// Whether any of these channels of a host covers the whole span, in the host's own clock.
    pub fn covers(&self, host: HostId, channels: &[&str], from: Timestamp, to: Timestamp) -> bool {
        let Some(of_host) = self.channels.get(&host) else {
            return false;
        };
        channels
            .iter()
            .filter_map(|name| of_host.get(*name))
            .any(|c| {
                let end = self.host_last.get(&host).copied().unwrap_or(c.last);
                let begun = c.from_the_beginning || c.first <= from;
                begun && to <= end.max(c.last) && !c.holes.any(from, to)
            })
    }

    /// Whether the host has any of these channels at all.
    pub fn has(&self, host: HostId, channel: &str) -> bool {
        self.channels
            .get(&host)
            .is_some_and(|of| of.contains_key(channel))
    }
}
