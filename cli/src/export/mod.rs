//! A report in the forms of the tools around: what each of them takes in as it is.
//!
//! Verdicts are told with what they rest on, and connections with how they went. Everything but the form comes from the
//! report, so redaction holds here, too.

pub(crate) mod ecs;
pub(crate) mod hayabusa;
mod logon;
mod ocsf;
pub(crate) mod splunk;
mod timesketch;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::ValueEnum;
use rdpwhy_analyzer::report::{AttemptReport, Endpoint, Report, VerdictReport};
use rdpwhy_parsers::community_id;
use serde_json::{Map, Value};

pub use logon::{Logon, logons};

use crate::render::{self, Style};

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs: schema rdpwhy.report/1
    Json,
    /// For tickets
    Markdown,
    /// For Timesketch: verdicts and connections as lines of JSON
    TimesketchJsonl,
    /// For Elastic: the same as documents of the Elastic Common Schema, one a line
    Ecs,
    /// For Elastic's bulk interface: the same with an action before each
    EcsBulk,
    /// For lakes that keep OCSF 1.6: findings, RDP activity, logons
    Ocsf,
    /// For Splunk's HTTP Event Collector: one event a line
    SplunkHec,
    /// For Timeline Explorer: the evidence in the columns of Hayabusa's standard profile
    HayabusaCsv,
}

impl Format {
    /// Whether it tells logons, which the report does not hold.
    pub fn wants_logons(self) -> bool {
        self == Self::Ocsf
    }

    /// Whether it tells the steps of every connection.
    pub fn wants_steps(self) -> bool {
        matches!(self, Self::Json | Self::Ocsf)
    }
}

/// `FORMAT=FILE`.
#[derive(Debug, Clone)]
pub struct Export<F> {
    /// How.
    pub format: F,
    /// Where to.
    pub file: PathBuf,
}

/// Reads `FORMAT=FILE`.
///
/// # Errors
/// What was expected.
pub fn export<F: ValueEnum>(text: &str) -> Result<Export<F>, String> {
    let known = || {
        let names = F::value_variants().iter();
        let names = names.filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = names.map(|n| n.get_name().to_owned()).collect();
        format!("FORMAT is one of {}", names.join(", "))
    };
    let (format, file) = text
        .split_once('=')
        // Standard output is for the result that --format asks for.
        .filter(|(_, file)| !file.is_empty() && *file != "-")
        .ok_or_else(|| format!("expected FORMAT=FILE; {}", known()))?;
    Ok(Export {
        format: F::from_str(format, false).map_err(|_| known())?,
        file: file.into(),
    })
}

/// What is written, and for whom.
pub struct Told<'a> {
    /// The report.
    pub report: &'a Report,
    /// Logons, where they were asked for.
    pub logons: &'a [Logon],
}

/// The text of a report in a form.
///
/// # Errors
/// When it does not serialise.
pub fn text(told: &Told<'_>, format: Format, style: &Style) -> Result<String, serde_json::Error> {
    let lines = |objects: Vec<Value>| objects.iter().map(render::json::line).collect();
    match format {
        Format::Text => Ok(render::text(told.report, style)),
        Format::Markdown => Ok(render::markdown(told.report, style)),
        Format::Json => render::json::json(told.report),
        Format::TimesketchJsonl => lines(timesketch::objects(told.report)),
        Format::Ecs => lines(ecs::documents(told.report)),
        Format::EcsBulk => lines(ecs::bulk(told.report)),
        Format::Ocsf => lines(ocsf::events(told)),
        Format::SplunkHec => lines(splunk::events(told.report)),
        Format::HayabusaCsv => Ok(hayabusa::csv(told.report)),
    }
}

/// The verdict that covers an attempt.
fn verdict_of<'a>(report: &'a Report, attempt: &AttemptReport) -> Option<&'a VerdictReport> {
    let id = attempt.verdict.as_ref()?;
    report.verdicts.iter().find(|v| v.id == *id)
}

/// When a verdict began: its first attempt, or the first of its evidence where it has none.
fn began(verdict: &VerdictReport) -> Option<&str> {
    let first = verdict.evidence.iter().map(|e| &e.time).min();
    verdict.first.as_ref().or(first).map(String::as_str)
}

/// Nanoseconds since 1970 of a time in a report.
fn nanoseconds(time: &str) -> Option<i128> {
    let moment: jiff::Timestamp = time.parse().ok()?;
    Some(moment.as_nanosecond())
}

/// Milliseconds since 1970.
fn milliseconds(time: &str) -> Option<i64> {
    i64::try_from(nanoseconds(time)?.div_euclid(1_000_000)).ok()
}

fn socket(end: &Endpoint) -> Option<SocketAddr> {
    Some(SocketAddr::new(end.ip.as_ref()?.parse().ok()?, end.port?))
}

/// What other tools call this connection.
fn connection_name(attempt: &AttemptReport) -> Option<String> {
    Some(community_id(
        socket(&attempt.client)?,
        socket(&attempt.server)?,
    ))
}

/// `CORP\ana` or `ana@corp.example` as name and domain.
pub(crate) fn account(user: &str) -> (&str, Option<&str>) {
    match user.split_once('\\') {
        Some((domain, name)) => (name, Some(domain)),
        None => match user.split_once('@') {
            Some((name, domain)) => (name, Some(domain)),
            None => (user, None),
        },
    }
}

/// The name of an end, else its address.
fn called(end: &Endpoint) -> &str {
    let name = end.host.as_deref().or(end.ip.as_deref());
    name.unwrap_or("unknown")
}

/// `mstsc 0x904`, `ntstatus …`: the codes that a side gave, `name=value`.
fn codes(attempt: &AttemptReport) -> Vec<String> {
    let codes = attempt.codes.iter();
    codes.map(|(name, n)| format!("{name}={n}")).collect()
}

/// `10.2.8.41:50122 → RDS07: failed at tls, closed by server (fin)`.
fn sentence(attempt: &AttemptReport) -> String {
    let (client, server) = (called(&attempt.client), called(&attempt.server));
    let (outcome, stage) = (attempt.outcome, attempt.stage);
    let (by, how) = (attempt.closed_by, attempt.closed_how);
    format!("RDP {client} → {server}: {outcome} at {stage}, closed by {by} ({how})")
}

/// An object of those members that have a value, objects below it without empty ones.
pub(crate) fn filled(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().map(|(k, v)| (k, filled(v)));
            let has = |v: &Value| match v {
                Value::Null => false,
                Value::Object(members) => !members.is_empty(),
                Value::Array(items) => !items.is_empty(),
                _ => true,
            };
            Value::Object(members.filter(|(_, v)| has(v)).collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(filled).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_export_names_its_form_and_its_file() {
        let read: Export<Format> = export("ecs=out=1.ndjson").expect("reads");
        assert_eq!(
            (read.format, read.file),
            (Format::Ecs, "out=1.ndjson".into())
        );
        for wrong in ["ecs", "ecs=", "ecs=-", "yaml=x", "=x"] {
            let why = export::<Format>(wrong).expect_err(wrong);
            assert!(why.contains("splunk-hec"), "{why}");
        }
    }

    #[test]
    fn what_is_empty_is_left_out() {
        let value =
            json!({"a": null, "b": {"c": null}, "d": [], "e": 0, "f": [{"g": null, "h": 1}]});
        assert_eq!(filled(value), json!({"e": 0, "f": [{"h": 1}]}));
    }

    #[test]
    fn accounts_come_apart() {
        assert_eq!(account("CORP\\ana"), ("ana", Some("CORP")));
        assert_eq!(account("ana@corp.example"), ("ana", Some("corp.example")));
        assert_eq!(account("ana"), ("ana", None));
    }
}
