//! A healthy day of other people, laid over an incident.

use std::sync::LazyLock;

use super::identity::{Identity, Texts};
use super::{DAY_NS, Files, log, packets};

/// A described case in which all is well.
const HEALTHY: &str = "probe-then-prompt";

/// Its files, with names and addresses that no other case has.
fn healthy() -> &'static Files {
    static FILES: LazyLock<Files> = LazyLock::new(|| {
        let identity = Identity {
            names: true,
            addresses: true,
            ports: true,
        };
        let names = ["SRV1", "WS7", "WS9", "corp", "ana", "ben"].map(str::to_owned);
        let texts = Texts {
            identity,
            names: &names,
            language: false,
            later_days: 0,
        };
        let files = crate::evidence::case(HEALTHY).into_iter();
        let elsewhere = |(label, bytes): (String, Vec<u8>)| {
            let new = log::rewrite(&bytes, &texts, Some(&label))
                .or_else(|| packets::rewrite(&bytes, identity, 0));
            (format!("zz-beside/{label}"), new.unwrap_or(bytes))
        };
        files.map(elsewhere).collect()
    });
    &FILES
}

/// The evidence with the healthy day beside it, on the same day; its packets in the same capture where that is possible.
pub fn overlaid(files: &Files) -> Option<Files> {
    let span = |(_, bytes): &(String, Vec<u8>)| packets::span(bytes).or_else(|| log::span(bytes));
    let first = |files: &Files| files.iter().filter_map(span).map(|s| s.0).min();
    let days = (first(files)? - first(healthy())?).div_euclid(DAY_NS);
    let texts = Texts {
        identity: Identity::default(),
        names: &[],
        language: false,
        later_days: days,
    };
    let mut all = files.clone();
    for (label, bytes) in healthy() {
        let later = days * DAY_NS;
        if let Some((_, file)) = all.iter_mut().find(|(_, b)| packets::span(b).is_some())
            && let Some(here) = packets::span(file)
            && let Some(mut more) = packets::packets(bytes, later)
        {
            // A short capture has room for the part that falls into it: the day is moved so that its middle does.
            let begin = more.first().map_or(0, |p| p.time);
            for packet in &mut more {
                packet.time = here.0 + (packet.time - begin);
            }
            more.retain(|p| p.time <= here.1);
            if let Some(merged) = packets::with(file, &more) {
                *file = merged;
                continue;
            }
        }
        let moved = log::rewrite(bytes, &texts, None)
            .or_else(|| packets::rewrite(bytes, Identity::default(), later))?;
        all.push((label.clone(), moved));
    }
    Some(all)
}
