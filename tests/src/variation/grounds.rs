//! What an answer rests on, and whether a variation with less evidence spares it. Where it does, the answer has to stay;
//! where it does not, saying that one cannot tell is right.

use std::collections::BTreeSet;

use rdpwhy_parsers::Timestamp;
use serde_json::Value;

use super::truth::{list, text};
use super::{Files, Variation, packets};

/// One thing that the answer cites.
struct Cited {
    /// Name of the file.
    label: String,
    /// Frame number, from 1, of what a capture shows.
    packet: Option<usize>,
    /// By the clock of its source, nanoseconds since 1970.
    time: i64,
}

/// What an answer rests on.
pub struct Grounds {
    cited: Vec<Cited>,
    /// The connections that it is about.
    connections: Vec<Connection>,
}

struct Connection {
    start: i64,
    end: Option<i64>,
    /// Files that tell of it.
    told_by: BTreeSet<String>,
}

fn time(value: &Value, at: &str) -> Option<i64> {
    Timestamp::parse(text(value, at)).map(|t| t.0)
}

impl Grounds {
    /// Those of a verdict: its decisive evidence, or all of it where nothing decides.
    pub fn of(report: &Value, verdict: &Value) -> Self {
        let all = list(verdict, "/evidence");
        let decisive = |e: &&Value| text(e, "/role") == "decisive";
        let decides = all.iter().any(|e| decisive(&e));
        let sources = list(report, "/sources");
        let cited = all
            .iter()
            .filter(|e| !decides || decisive(e))
            .filter_map(|e| {
                let source = usize::try_from(e["source"].as_u64()?).ok()?;
                let place = text(e, "/at").strip_prefix("packet ");
                Some(Cited {
                    label: text(sources.get(source)?, "/path").to_owned(),
                    packet: place.and_then(|n| n.parse().ok()),
                    time: time(e, "/raw_time").or_else(|| time(e, "/time"))?,
                })
            })
            .collect();
        let ids: Vec<&str> = list(verdict, "/attempts")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let label = |sign: &Value| {
            let source = usize::try_from(sign["source"].as_u64()?).ok()?;
            Some(text(sources.get(source)?, "/path").to_owned())
        };
        let connections = list(report, "/attempts")
            .iter()
            .filter(|a| ids.contains(&text(a, "/id")))
            .filter_map(|a| {
                Some(Connection {
                    start: time(a, "/started")?,
                    end: time(a, "/ended"),
                    told_by: list(a, "/steps")
                        .iter()
                        .flat_map(|step| list(step, "/signs"))
                        .filter_map(label)
                        .collect(),
                })
            })
            .collect();
        Self { cited, connections }
    }

    /// Whether all of it is left: what is cited, and a connection that it is about, whole where time was cut.
    pub fn spared(&self, variation: Variation, files: &Files) -> bool {
        match variation {
            Variation::Without(n) => {
                let gone = files.get(n).map_or("", |(label, _)| label);
                let left = |c: &Connection| c.told_by.iter().any(|label| label != gone);
                self.cited.iter().all(|c| c.label != gone)
                    && (self.connections.is_empty() || self.connections.iter().any(left))
            }
            Variation::HeadCut | Variation::TailCut => {
                let Some((from, to)) = variation.span(files) else {
                    return true;
                };
                let whole = |c: &Connection| c.start >= from && c.end.is_some_and(|end| end <= to);
                self.cited.iter().all(|c| (from..=to).contains(&c.time))
                    && self.connections.iter().any(whole)
            }
            Variation::ClientsDirection | Variation::ServersDirection => {
                let kept = variation == Variation::ClientsDirection;
                self.cited.iter().all(|c| {
                    let file = files.iter().find(|(label, _)| *label == c.label);
                    let packet = file
                        .and_then(|(_, bytes)| packets::packets(bytes, 0))
                        .zip(c.packet)
                        .and_then(|(all, n)| all.get(n.checked_sub(1)?)?.from_client());
                    packet.is_none_or(|from_client| from_client == kept)
                })
            }
            _ => true,
        }
    }
}
