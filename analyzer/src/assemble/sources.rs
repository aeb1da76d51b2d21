//! The files, what their logs cover, and their clocks.

use super::{Parts, time};
use crate::clock::ClockId;
use crate::report::{Clock, Coverage, DefectReport, GapReport, SourceReport};

pub(super) fn sources(parts: &Parts<'_>) -> Vec<SourceReport> {
    (0u32..)
        .zip(&parts.evidence.sources)
        .map(|(id, s)| {
            let main = (0u32..).zip(&s.batch.logs).max_by_key(|(_, l)| l.records);
            let host = main.and_then(|(n, _)| parts.evidence.log_host(id, n));
            let dated = s.batch.logs.iter().filter(|l| l.records > 0);
            SourceReport {
                id,
                path: s.label.clone(),
                format: s.format.to_owned(),
                host: host.map(|h| parts.evidence.hosts.name(h).to_owned()),
                side: match host {
                    Some(h) => parts.roles.side(h),
                    None => main.map(|_| "wire"),
                },
                sha256: s.sha256.clone(),
                bytes: s.bytes,
                records: s.batch.logs.iter().map(|l| l.records).sum(),
                events: s.batch.events.len() as u64,
                first: dated.clone().map(|l| l.first).min().map(time),
                last: dated.map(|l| l.last).max().map(time),
                defects: s
                    .batch
                    .defects
                    .iter()
                    .map(|d| DefectReport {
                        at: d.at.clone(),
                        what: d.what.clone(),
                        lost: d.lost,
                    })
                    .collect(),
            }
        })
        .collect()
}

pub(super) fn coverage(parts: &Parts<'_>) -> Vec<Coverage> {
    parts
        .coverage
        .iter()
        .map(|(host, channel, c)| Coverage {
            host: parts.evidence.hosts.name(host).to_owned(),
            channel: channel.to_owned(),
            first: time(c.first),
            last: time(c.last),
            gaps: c
                .gaps
                .iter()
                .map(|g| GapReport {
                    from: time(g.from),
                    to: time(g.to),
                    why: g.why,
                })
                .collect(),
        })
        .collect()
}

pub(super) fn clocks(parts: &Parts<'_>) -> Vec<Clock> {
    (0u32..)
        .zip(&parts.evidence.sources)
        .filter_map(|(source, s)| {
            let main = (0u32..).zip(&s.batch.logs).max_by_key(|(_, l)| l.records)?;
            let id = match parts.evidence.log_host(source, main.0) {
                Some(host) => ClockId::Host(host),
                None => ClockId::Capture(source),
            };
            let estimate = parts.clocks.get(&id)?;
            Some(Clock {
                source,
                offset_ms: estimate.offset / 1_000_000,
                basis: estimate.basis.clone(),
            })
        })
        .collect()
}
