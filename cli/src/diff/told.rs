//! What is compared of a run: its verdicts and figures, of this version of the program, of an older or a newer one. What is
//! not there counts as not known.

use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The schema of a report.
const REPORT: &str = "rdpwhy.report/1";
/// What can be compared.
const EXPECTED: &str =
    "expected what rdpwhy diagnose --format json or rdpwhy fleet --results writes, or evidence";
/// A line that is longer than this is none.
const LONGEST_LINE: u64 = 64 << 20;
/// A report that is longer than this is none.
const LARGEST: u64 = 4 << 30;

/// A run.
#[derive(Debug, Default)]
pub struct Told {
    /// File, or `standard input`.
    pub label: String,
    /// Version of the program that wrote it.
    pub version: Option<String>,
    /// Its verdicts, most important first, host by host.
    pub verdicts: Vec<Verdict>,
    /// Its figures.
    pub figures: Figures,
    /// Hosts of a fleet, and whether anything of them could be read; none for a single report.
    pub units: BTreeMap<String, bool>,
}

/// How its connections went.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Figures {
    /// Connections.
    pub attempts: u64,
    /// Went well.
    pub ok: u64,
    /// Ended before a session.
    pub failed: u64,
    /// Lost against the user's will.
    pub dropped: u64,
}

/// A verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Verdict {
    /// Its id.
    pub id: String,
    /// Folder, archive or computer of a fleet whose evidence says so.
    pub unit: Option<String>,
    /// Computer that it blames.
    pub host: Option<String>,
    /// Cause id; none: inconclusive.
    pub cause: Option<String>,
    /// The answer in one line.
    pub title: String,
    /// failure or remark.
    pub severity: String,
    /// certain, likely, possible.
    pub confidence: Option<String>,
    /// First attempt's start.
    pub first: Option<String>,
    /// Last attempt's start.
    pub last: Option<String>,
    /// Tries that it covers.
    pub tries: u64,
    /// Ids of its attempts, where they are told.
    #[serde(skip_serializing, deserialize_with = "ids")]
    pub attempts: Vec<String>,
}

/// A report lists the attempts, a fleet counts them.
fn ids<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    let Value::Array(all) = Value::deserialize(from)? else {
        return Ok(Vec::new());
    };
    let text = |v: Value| v.as_str().map(str::to_owned);
    Ok(all.into_iter().filter_map(text).collect())
}

#[derive(Deserialize)]
struct Report {
    schema: String,
    #[serde(default)]
    tool: Tool,
    #[serde(default)]
    verdicts: Vec<Verdict>,
    #[serde(default)]
    summary: Figures,
}

#[derive(Default, Deserialize)]
struct Tool {
    version: Option<String>,
}

/// A line of a fleet's results.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Host(Host),
    Verdict(Verdict),
    /// The summary at the end, which tells what the lines before it tell.
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Host {
    unit: String,
    #[serde(default)]
    status: String,
    #[serde(flatten)]
    figures: Figures,
}

/// Whether a text that begins so is JSON of this program, and no JSON of somebody's event log.
pub fn is_ours(head: &[u8]) -> bool {
    let head = String::from_utf8_lossy(head);
    let compact: String = head.chars().filter(|c| !c.is_whitespace()).collect();
    [
        "{\"schema\":\"rdpwhy.",
        "{\"type\":\"host\",",
        "{\"type\":\"verdict\",",
    ]
    .iter()
    .any(|begin| compact.starts_with(begin))
}

/// Reads a report, or the lines of a fleet.
///
/// # Errors
/// What it is instead.
pub fn read(label: &str, mut text: impl BufRead) -> Result<Told, String> {
    let failed = |e: std::io::Error| format!("{label}: cannot be read: {e}");
    let mut first = Vec::new();
    let mut lines = (&mut text).take(LONGEST_LINE);
    lines.read_until(b'\n', &mut first).map_err(failed)?;
    if matches!(
        serde_json::from_slice(&first),
        Ok(Line::Host(_) | Line::Verdict(_))
    ) {
        return fleet(label, &first, text);
    }
    let mut rest = (&first[..]).chain(text).take(LARGEST);
    let mut values = serde_json::Deserializer::from_reader(&mut rest).into_iter::<Report>();
    match values.next() {
        Some(Ok(report)) => of_report(label, report),
        Some(Err(e)) => Err(format!("{label}: is no report ({e}); {EXPECTED}")),
        None => Err(format!("{label}: is empty; {EXPECTED}")),
    }
}

fn of_report(label: &str, report: Report) -> Result<Told, String> {
    if report.schema != REPORT {
        let schema = report.schema;
        return Err(format!("{label}: is of schema {schema:?}; {EXPECTED}"));
    }
    Ok(Told {
        label: label.to_owned(),
        version: report.tool.version,
        verdicts: report.verdicts,
        figures: report.summary,
        units: BTreeMap::new(),
    })
}

fn fleet(label: &str, first: &[u8], mut text: impl BufRead) -> Result<Told, String> {
    let mut told = Told {
        label: label.to_owned(),
        ..Told::default()
    };
    let mut line = first.to_vec();
    let mut number = 1_u64;
    while !line.is_empty() {
        match serde_json::from_slice(&line) {
            Ok(Line::Host(host)) => {
                let sum = &mut told.figures;
                sum.attempts += host.figures.attempts;
                sum.ok += host.figures.ok;
                sum.failed += host.figures.failed;
                sum.dropped += host.figures.dropped;
                told.units.insert(host.unit, host.status != "unreadable");
            }
            Ok(Line::Verdict(verdict)) => told.verdicts.push(verdict),
            Ok(Line::Other) => {}
            Err(_) if line.trim_ascii().is_empty() => {}
            Err(e) => {
                return Err(format!(
                    "{label}: line {number} is no result of a host: {e}"
                ));
            }
        }
        line.clear();
        number += 1;
        let mut lines = (&mut text).take(LONGEST_LINE);
        let read = lines.read_until(b'\n', &mut line);
        read.map_err(|e| format!("{label}: cannot be read: {e}"))?;
    }
    Ok(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_and_fleets_are_told_by_their_content() {
        let report = br#"{"schema": "rdpwhy.report/1", "verdicts": [{"id": "v-1", "attempts": ["a-1"], "new": 1}]}"#;
        let told = read("r", &report[..]).expect("a report");
        assert_eq!(told.verdicts[0].attempts, ["a-1"]);
        let fleet = b"{\"type\":\"host\",\"unit\":\"A\",\"status\":\"failing\",\"failed\":2}\n\
            {\"type\":\"verdict\",\"unit\":\"A\",\"id\":\"v-1\",\"attempts\":2}\n\
            {\"type\":\"host\",\"unit\":\"B\",\"status\":\"unreadable\",\"failed\":1}\n\
            {\"type\":\"summary\",\"summary\":{\"schema\":\"rdpwhy.fleet/1\"}}\n";
        let told = read("f", &fleet[..]).expect("a fleet");
        assert_eq!((told.verdicts.len(), told.figures.failed), (1, 3));
        assert_eq!(told.units.get("B"), Some(&false));
    }

    #[test]
    fn what_is_neither_is_said() {
        let why = |text: &[u8]| read("x", text).expect_err("refused");
        assert!(why(b"").contains("is empty"));
        assert!(why(b"{\"schema\": \"rdpwhy.sniff/1\"}").contains("rdpwhy.sniff/1"));
        assert!(why(b"{\"type\":\"host\",\"unit\":\"A\"}\n{broken\n").contains("line 2"));
    }
}
