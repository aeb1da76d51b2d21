//! The evidence of each verdict in the columns of Hayabusa's standard profile, so that layouts made for it fit.

use rdpwhy_analyzer::report::{Evidence, Report, VerdictReport};

use crate::timeline::cells::row;

/// Names of the columns, in the order of the profile.
pub(crate) const COLUMNS: [&str; 9] = [
    "Timestamp",
    "Computer",
    "Channel",
    "EventID",
    "Level",
    "RecordID",
    "RuleTitle",
    "Details",
    "ExtraFieldInfo",
];
/// What stands between two values.
pub(crate) const BETWEEN: &str = " ¦ ";

/// One row for each piece of evidence, verdict by verdict.
pub fn csv(report: &Report) -> String {
    let mut out = String::new();
    row(COLUMNS, &mut out);
    for verdict in &report.verdicts {
        for evidence in &verdict.evidence {
            let cells = cells(verdict, evidence);
            row(cells.iter().map(String::as_str), &mut out);
        }
    }
    out
}

/// `2026-11-21 08:14:03.118 +00:00`, as Hayabusa writes times.
pub(crate) fn timestamp(time: &str) -> String {
    let Ok(moment) = time.parse::<jiff::Timestamp>() else {
        return time.to_owned();
    };
    moment.strftime("%Y-%m-%d %H:%M:%S%.3f +00:00").to_string()
}

/// Hayabusa's short words for how grave it is.
fn level(v: &VerdictReport) -> &'static str {
    match (v.severity, v.confidence) {
        ("failure", Some("certain")) => "high",
        ("failure", Some(_)) => "med",
        ("failure", None) => "low",
        _ => "info",
    }
}

fn cells(v: &VerdictReport, e: &Evidence) -> [String; COLUMNS.len()] {
    // `System of RDS07`, or `capture`.
    let (channel, computer) = e.origin.split_once(" of ").unwrap_or((&e.origin, ""));
    let id = e.event.as_ref().and_then(|e| e.rsplit(' ').next());
    let number = e.at.split(' ').nth(1).unwrap_or_default();
    let extra = [
        ("Verdict", Some(v.id.as_str())),
        ("Cause", v.cause.as_deref()),
        ("Confidence", v.confidence),
        ("Role", Some(e.role)),
        (
            "Provider",
            e.event.as_ref().and_then(|e| Some(e.rsplit_once(' ')?.0)),
        ),
    ];
    let extra = extra
        .iter()
        .filter_map(|(name, v)| Some(format!("{name}: {}", (*v)?)));
    [
        timestamp(&e.time),
        if computer.is_empty() {
            v.host.as_deref().unwrap_or("-")
        } else {
            computer
        }
        .to_owned(),
        channel.to_owned(),
        id.unwrap_or("-").to_owned(),
        level(v).to_owned(),
        number.to_owned(),
        v.title.clone(),
        e.says.clone(),
        extra.collect::<Vec<_>>().join(BETWEEN),
    ]
}
