//! A healthy day of other people, laid over an incident.

use std::sync::LazyLock;

use super::identity::{Identity, Texts};
use super::{DAY_NS, Files, log, packets};

/// A described case in which all is well.
const HEALTHY: &str = "probe-then-prompt";

/// Its files, with hosts, addresses, ports and accounts that no other case has. What is random on the wire follows from them.
fn healthy() -> &'static Files {
    static FILES: LazyLock<Files> = LazyLock::new(|| {
        let moved = [
            ("SRV1", "NAS44"),
            ("WS", "POS"),
            ("corp.example", "shop.example"),
            ("10.2.", "10.77."),
            ("CORP", "SHOP"),
            ("ana", "mia"),
            ("port = 5", "port = 6"),
        ];
        let text = moved
            .iter()
            .fold(crate::evidence::description(HEALTHY), |text, (from, to)| {
                text.replace(from, to)
            });
        let files = crate::evidence::described(&text).into_iter();
        files
            .map(|(label, bytes)| (format!("zz-beside/{label}"), bytes))
            .collect()
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
