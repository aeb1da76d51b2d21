//! What an answer rests on, and whether a variation with less evidence spares it. Where it does, the answer has to stay;
//! where it does not, saying that one cannot tell is right.

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
    /// First and last moment of each connection that it is about.
    spans: Vec<(i64, Option<i64>)>,
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
        let spans = list(report, "/attempts")
            .iter()
            .filter(|a| ids.contains(&text(a, "/id")))
            .filter_map(|a| Some((time(a, "/started")?, time(a, "/ended"))))
            .collect();
        Self { cited, spans }
    }

    /// Whether all of it is left: for a cut in time, a whole connection as well as what is cited.
    pub fn spared(&self, variation: Variation, files: &Files) -> bool {
        match variation {
            Variation::Without(n) => {
                let gone = files.get(n).map_or("", |(label, _)| label);
                self.cited.iter().all(|c| c.label != gone)
            }
            Variation::HeadCut | Variation::TailCut => {
                let Some((from, to)) = variation.span(files) else {
                    return true;
                };
                let whole = |(start, end): &(i64, Option<i64>)| {
                    *start >= from && end.is_some_and(|end| end <= to)
                };
                self.cited.iter().all(|c| (from..=to).contains(&c.time))
                    && self.spans.iter().any(whole)
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
