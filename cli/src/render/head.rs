//! The first lines: what was looked at, and whose clock was wrong.

use std::collections::BTreeSet;

use super::names::is_capture;
use super::page::{Page, faint, plain};
use super::when::duration;
use super::{Context, count, facts, number, size};

/// Clocks that run off by less than this are not worth a line: it is what the estimate itself may be wrong by.
const CLOCK_NOISE_MS: i64 = 50;

/// Writes them.
pub fn head(page: &mut Page, context: &Context<'_>) {
    page.flow(0, &[], &facts(&summary(context)));
    clocks(page, context);
    page.gap();
}

/// Hosts, logs, captures, records, and the span of time they cover.
pub fn summary(context: &Context<'_>) -> Vec<String> {
    let report = context.report;
    let hosts: BTreeSet<&str> = report
        .sources
        .iter()
        .filter_map(|s| s.host.as_deref())
        .collect();
    let read = report
        .sources
        .iter()
        .filter(|s| s.first.is_some() || s.records > 0 || s.defects.is_empty());
    let (captures, logs): (Vec<_>, Vec<_>) = read.partition(|s| is_capture(s));
    let mut parts = Vec::new();
    if !hosts.is_empty() {
        parts.push(count(hosts.len() as u64, "host", "hosts"));
    }
    for (sources, one, many) in [(&logs, "log", "logs"), (&captures, "capture", "captures")] {
        if !sources.is_empty() {
            let bytes = sources.iter().map(|s| s.bytes).sum();
            parts.push(format!(
                "{}, {}",
                count(sources.len() as u64, one, many),
                size(bytes)
            ));
        }
    }
    let what = match (logs.is_empty(), captures.is_empty()) {
        (false, true) => "records",
        (true, false) => "packets",
        _ => "records and packets",
    };
    let records: u64 = report.sources.iter().map(|s| s.records).sum();
    parts.push(format!("{} {what}", number(records)));
    let first = report
        .sources
        .iter()
        .filter_map(|s| s.first.as_deref())
        .min();
    let last = report
        .sources
        .iter()
        .filter_map(|s| s.last.as_deref())
        .max();
    if let (Some(first), Some(last)) = (first, last) {
        parts.push(context.clock.span(first, last));
    }
    parts
}

/// One line for each host whose clock was corrected; its logs share the clock.
fn clocks(page: &mut Page, context: &Context<'_>) {
    let report = context.report;
    let mut said = BTreeSet::new();
    for clock in &report.clocks {
        if clock.offset_ms.abs() < CLOCK_NOISE_MS && !context.style.all {
            continue;
        }
        let host = report
            .sources
            .iter()
            .find(|s| s.id == clock.source)
            .and_then(|s| s.host.as_deref());
        let who = host.unwrap_or_else(|| context.names.name(clock.source));
        if clock.offset_ms == 0 || !said.insert((who, clock.offset_ms)) {
            continue;
        }
        #[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
        let by = duration(clock.offset_ms as f64);
        let way = if clock.offset_ms > 0 {
            "ahead"
        } else {
            "behind"
        };
        page.flow(
            7,
            &[faint("clock  ")],
            &[
                plain(format!("{who} runs {by} {way}")),
                faint(format!(" ({}), corrected", clock.basis)),
            ],
        );
    }
}
