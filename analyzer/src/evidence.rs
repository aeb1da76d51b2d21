//! All evidence together: sources, the hosts they speak of, and each one's clock.

use rdpwhy_parsers::{EventBatch, EventRef, Kind, Timestamp, monitor};
use std::collections::BTreeMap;

use crate::clock::evening::{Evening, Place};
use crate::hosts::{HostId, Hosts};

/// One evidence file, read.
#[derive(Debug, Clone)]
pub struct SourceEvents {
    /// Path as given.
    pub label: String,
    /// `evtx`, `pcap`, `pcapng` …
    pub format: &'static str,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file in hex digits, where it was asked for.
    pub sha256: Option<String>,
    /// What was in it.
    pub batch: EventBatch,
}

impl SourceEvents {
    /// The formats that [`SourceEvents::format`] can name, by name; `unknown` for any other.
    pub fn format_named(name: &str) -> &'static str {
        const FORMATS: [&str; 8] = [
            "evtx",
            "evtx-xml",
            "json",
            "csv",
            "pcap",
            "pcapng",
            "zeek",
            "suricata-eve",
        ];
        let known = FORMATS.into_iter().find(|format| *format == name);
        known.unwrap_or("unknown")
    }
}

/// Where an event is: source and index. Sorts as the sources and their records do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At {
    /// Index into [`Evidence::sources`].
    pub source: u32,
    /// Index into that source's events.
    pub index: u32,
}

/// All evidence of one run.
#[derive(Debug)]
pub struct Evidence {
    /// The files, sorted by label.
    pub sources: Vec<SourceEvents>,
    /// The computers they speak of.
    pub hosts: Hosts,
    /// Per source and log: whose it is. None for a capture.
    log_hosts: Vec<Vec<Option<HostId>>>,
    /// Nanoseconds that each host's logs run ahead of the reference clock.
    pub host_offsets: BTreeMap<HostId, i64>,
    /// The same for captures, by source.
    pub capture_offsets: BTreeMap<u32, i64>,
    /// Per source: nanoseconds by which each event was moved so that its host's clock runs evenly; empty where none was.
    moved: Vec<Vec<i64>>,
    /// What made each such host's clock uneven, as far as it was taken out.
    evened: BTreeMap<HostId, Evening>,
}

impl Evidence {
    /// Sorts the sources and finds the hosts.
    pub fn new(mut sources: Vec<SourceEvents>) -> Self {
        sources.sort_by(|a, b| a.label.cmp(&b.label));
        let monitors = sources.iter_mut().filter(|s| s.format == "zeek");
        monitor::complete(&mut monitors.map(|s| &mut s.batch).collect::<Vec<_>>());
        let mut hosts = Hosts::default();
        // Full names first, so that "SRV01" finds "SRV01.corp.example" whichever file is read first.
        let mut names: Vec<&str> = sources
            .iter()
            .flat_map(|s| &s.batch.logs)
            .map(|l| l.host.as_str())
            .filter(|h| !h.is_empty())
            .collect();
        names.sort_by_key(|n| (std::cmp::Reverse(n.len()), n.to_ascii_lowercase(), *n));
        names.dedup();
        for name in names {
            hosts.add(name);
        }
        let log_hosts = sources
            .iter()
            .map(|s| s.batch.logs.iter().map(|l| hosts.find(&l.host)).collect())
            .collect();
        Self {
            moved: vec![Vec::new(); sources.len()],
            evened: BTreeMap::new(),
            sources,
            hosts,
            log_hosts,
            host_offsets: BTreeMap::new(),
            capture_offsets: BTreeMap::new(),
        }
    }

    /// The event at a place.
    pub fn event(&self, at: At) -> Option<EventRef<'_>> {
        self.sources
            .get(at.source as usize)?
            .batch
            .event(at.index as usize)
    }

    /// Its kind.
    pub fn kind(&self, at: At) -> Option<Kind> {
        self.event(at).map(|e| e.event.kind)
    }

    /// Whose record it is; none for packets.
    pub fn host(&self, at: At) -> Option<HostId> {
        let log = self.event(at)?.event.log;
        self.log_host(at.source, log)
    }

    /// Whose log this is.
    pub fn log_host(&self, source: u32, log: u32) -> Option<HostId> {
        self.log_hosts
            .get(source as usize)?
            .get(log as usize)
            .copied()
            .flatten()
    }

    /// The event's time as its record or packet says.
    pub fn raw_time(&self, at: At) -> Timestamp {
        let moved = self.moved.get(at.source as usize);
        let by = moved.and_then(|m| m.get(at.index as usize));
        self.local_time(at).plus(-by.copied().unwrap_or(0))
    }

    /// The event's time in its own source's clock, with what is known of that clock being set or drifting taken out: order
    /// and distance inside a host are right.
    pub fn local_time(&self, at: At) -> Timestamp {
        self.event(at).map_or(Timestamp(0), |e| e.event.time)
    }

    /// A moment that a log of this host names, on the evened clock.
    pub fn even(&self, host: HostId, raw: Timestamp) -> Timestamp {
        self.evened
            .get(&host)
            .map_or(raw, |e| raw.plus(e.shift_of(raw)))
    }

    /// First and last moment of a host's log, on the evened clock. Where the clock was set, the largest time that a record
    /// shows need not be the latest: there the known records tell.
    pub fn reach(&self, source: u32, log: u32, host: HostId) -> (Timestamp, Timestamp) {
        let batch = self.sources.get(source as usize).map(|s| &s.batch);
        let Some((batch, log_told)) = batch.and_then(|b| Some((b, b.logs.get(log as usize)?)))
        else {
            return (Timestamp(0), Timestamp(0));
        };
        let whole = (log_told.first, log_told.last);
        if !self.evened.contains_key(&host) {
            return whole;
        }
        let times = || batch.events.iter().filter(|e| e.log == log).map(|e| e.time);
        times().min().zip(times().max()).unwrap_or(whole)
    }

    /// What was taken out of a host's clock.
    pub fn evening(&self, host: HostId) -> Option<&Evening> {
        self.evened.get(&host)
    }

    /// Takes this out of a host's clock, in place of what was taken out before.
    pub fn set_evening(&mut self, host: HostId, evening: Option<Evening>) {
        for source in 0..self.sources.len() {
            let number = u32::try_from(source).unwrap_or(u32::MAX);
            let ours: Vec<bool> = self
                .log_hosts
                .get(source)
                .map(|hosts| hosts.iter().map(|h| *h == Some(host)).collect())
                .unwrap_or_default();
            let (Some(s), Some(moved)) = (self.sources.get_mut(source), self.moved.get_mut(source))
            else {
                continue;
            };
            if !ours.contains(&true) {
                continue;
            }
            moved.resize(s.batch.events.len(), 0);
            let mut by = vec![0; moved.len()];
            for ((by, was), e) in by.iter_mut().zip(&mut *moved).zip(&s.batch.events) {
                if ours.get(e.log as usize) != Some(&true) {
                    continue;
                }
                let raw = e.time.plus(-*was);
                let now = evening.as_ref().map_or(0, |e2| {
                    e2.shift(
                        Place {
                            source: number,
                            log: e.log,
                            number: e.place,
                        },
                        raw,
                    )
                });
                *by = now - *was;
                *was = now;
            }
            s.batch.move_times(|i| by.get(i).copied().unwrap_or(0));
        }
        match evening {
            Some(evening) => self.evened.insert(host, evening),
            None => self.evened.remove(&host),
        };
    }

    /// How far the clock behind an event runs ahead of the reference, nanoseconds.
    pub fn offset(&self, at: At) -> i64 {
        match self.host(at) {
            Some(host) => self.host_offsets.get(&host).copied().unwrap_or(0),
            None => self.capture_offsets.get(&at.source).copied().unwrap_or(0),
        }
    }

    /// The event's time on the common clock.
    pub fn time(&self, at: At) -> Timestamp {
        self.local_time(at).plus(-self.offset(at))
    }

    /// All events, in the order of their sources.
    pub fn all(&self) -> impl Iterator<Item = At> + '_ {
        self.sources.iter().zip(0u32..).flat_map(|(s, source)| {
            (0..u32::try_from(s.batch.events.len()).unwrap_or(u32::MAX))
                .map(move |index| At { source, index })
        })
    }
}
