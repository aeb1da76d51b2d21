//! What evidence would help: channel, host, span of time, and the command that exports it.

use std::collections::BTreeMap;

use crate::assemble::{Parts, second};
use crate::report::Missing;
use crate::verdict::Verdict;

/// Around the attempts, what an exported log should hold.
const MARGIN_NS: i64 = 5 * 60 * 1_000_000_000;

/// One entry per channel and host, those that decide most first.
pub fn missing(parts: &Parts<'_>, v: &Verdict) -> Vec<Missing> {
    let times = v.attempts.iter().filter_map(|i| parts.attempts.get(*i));
    let from = times.clone().map(|a| a.start.plus(-MARGIN_NS)).min();
    let to = times.map(|a| a.end.plus(MARGIN_NS)).max();
    let mut wanted: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for (place, causes) in &v.missing {
        for channel in place.channel.split(" or ").take(1) {
            let list = wanted
                .entry((channel.to_owned(), place.host.clone()))
                .or_default();
            list.extend(
                causes
                    .iter()
                    .filter_map(|c| parts.knowledge.causes.get(*c))
                    .map(|c| c.id.clone()),
            );
            list.sort();
            list.dedup();
        }
    }
    let mut list: Vec<Missing> = wanted
        .into_iter()
        .map(|((channel, host), would_decide)| {
            let span = from.zip(to).map(|(f, t)| (second(f), second(t)));
            let shown = span.as_ref().map_or_else(String::new, |(f, t)| format!(" for {f} to {t}"));
            if channel == "capture" {
                return Missing {
                    what: format!("a packet capture at {host}, taken while it happens again"),
                    would_decide,
                    command: Some("pktmon start --capture --pkt-size 0 -f rdp.etl   (then: pktmon stop; pktmon etl2pcap rdp.etl)".into()),
                };
            }
            Missing {
                what: format!("{channel} log of {host}{shown}"),
                would_decide,
                command: span.map(|(f, t)| export(&channel, &f, &t)),
            }
        })
        .collect();
    list.sort_by(|x, y| {
        y.would_decide
            .len()
            .cmp(&x.would_decide.len())
            .then_with(|| x.what.cmp(&y.what))
    });
    list
}

/// The command that exports a channel's span, for the host itself.
pub(crate) fn export(channel: &str, from: &str, to: &str) -> String {
    let file = channel
        .rsplit('/')
        .next_back()
        .unwrap_or(channel)
        .rsplit('-')
        .next()
        .unwrap_or("log")
        .replace(' ', "");
    format!(
        "wevtutil epl \"{channel}\" {file}.evtx \"/q:*[System[TimeCreated[@SystemTime>='{from}' and @SystemTime<='{to}']]]\""
    )
}
