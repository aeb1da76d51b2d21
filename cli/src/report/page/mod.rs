//! The page: what was looked at, the verdicts, the timeline, all connections, and what it rests on.

mod attempts;
mod ladder;
mod sources;
mod timeline;
mod verdict;

use rdpwhy_analyzer::Timeline;
use rdpwhy_analyzer::report::VerdictReport;
use rdpwhy_analyzer::timeline::Filter;

use super::data::data;
use super::document::{Document, write};
use super::markup::Markup;
use crate::render::{Context, head};

const STYLE: [&str; 3] = [
    include_str!("style/page.css"),
    include_str!("style/timeline.css"),
    include_str!("style/print.css"),
];
/// In the order in which they need each other: together they are one scope.
const SCRIPT: [&str; 8] = [
    include_str!("script/time.js"),
    include_str!("script/events.js"),
    include_str!("script/marks.js"),
    include_str!("script/lanes.js"),
    include_str!("script/input.js"),
    include_str!("script/table.js"),
    include_str!("script/details.js"),
    include_str!("script/main.js"),
];

/// Writes the page.
///
/// # Errors
/// When the events cannot be written as JSON, which nothing among them gives reason to.
pub fn page(
    context: &Context<'_>,
    timeline: &Timeline<'_>,
    filter: &Filter,
) -> Result<String, serde_json::Error> {
    let data = data(context, timeline, filter);
    let title = title(context);
    let mut body = Markup::default();
    body.element(
        "a",
        &[("class", "skip"), ("href", "#verdicts")],
        "to the verdicts",
    );
    body.within("header", &[("class", "top")], |m| {
        header(m, context, &title);
    });
    body.within("main", &[], |m| {
        m.within(
            "section",
            &[("id", "verdicts"), ("aria-label", "Verdicts")],
            |m| {
                verdicts(m, context);
            },
        );
        timeline::section(m, context, timeline, filter, data.len());
        attempts::section(m, context);
        sources::section(m, context);
    });
    body.within("footer", &[], |m| {
        let tool = &context.report.tool;
        m.element(
            "p",
            &[],
            &format!(
                "Made by {} {} from the files listed above; this page asks nobody for anything.",
                tool.name, tool.version
            ),
        );
    });
    Ok(write(Document {
        title: &title,
        style: &STYLE,
        script: &SCRIPT,
        body,
        data: Some(serde_json::to_string(&data)?),
    }))
}

/// The first verdict is what people look for among their tabs and mails.
fn title(context: &Context<'_>) -> String {
    match context
        .report
        .verdicts
        .iter()
        .find(|v| v.severity != "remark")
    {
        Some(v) => format!("{} · rdpwhy", v.title),
        None => "RDP connections · rdpwhy".to_owned(),
    }
}

fn header(m: &mut Markup, context: &Context<'_>, title: &str) {
    m.element("p", &[("class", "brand")], "rdpwhy");
    let heading = title.strip_suffix(" · rdpwhy").unwrap_or(title);
    m.element("h1", &[], heading);
    m.element(
        "p",
        &[("class", "facts")],
        &head::summary(context).join(" · "),
    );
    tally(m, context);
    m.within("nav", &[("aria-label", "Sections")], |m| {
        for (to, name) in [
            ("#verdicts", "Verdicts"),
            ("#timeline", "Timeline"),
            ("#attempts", "All connections"),
            ("#evidence", "Evidence and gaps"),
        ] {
            m.element("a", &[("href", to)], name);
        }
    });
}

/// How many connections ended how.
fn tally(m: &mut Markup, context: &Context<'_>) {
    let s = &context.report.summary;
    m.within("ul", &[("class", "tally")], |m| {
        for (n, outcome, words) in [
            (s.failed, "failed", "failed"),
            (s.dropped, "dropped", "dropped"),
            (s.cancelled, "cancelled", "cancelled"),
            (s.unknown, "unknown", "of unknown end"),
            (s.ok, "ok", "fine"),
        ] {
            if n == 0 {
                continue;
            }
            m.within("li", &[("class", outcome)], |m| {
                m.element("b", &[], &format!("{} {n}", mark(outcome)));
                m.text(&format!(" {words}"));
            });
        }
    });
}

/// The sign of an outcome, beside its colour and its word.
pub fn mark(outcome: &str) -> &'static str {
    match outcome {
        "ok" | "passed" => "✓",
        "failed" | "dropped" | "broke" => "✗",
        "cancelled" | "not-reached" => "·",
        _ => "?",
    }
}

fn verdicts(m: &mut Markup, context: &Context<'_>) {
    let verdicts = &context.report.verdicts;
    if verdicts.len() > 1 {
        m.within("ol", &[("class", "index")], |m| {
            for v in verdicts {
                m.within("li", &[], |m| index(m, v));
            }
        });
    }
    for v in verdicts {
        verdict::article(m, context, v);
    }
    if verdicts.is_empty() {
        let s = &context.report.summary;
        let words = if s.attempts == 0 {
            "No RDP connection is recorded in this evidence."
        } else {
            "No connection failed."
        };
        m.element("p", &[("class", "fine")], words);
    }
}

fn index(m: &mut Markup, v: &VerdictReport) {
    m.element("a", &[("href", &format!("#{}", v.id))], &v.title);
    let sure = v.confidence.unwrap_or("cannot be told");
    let host = v.host.as_deref().unwrap_or_default();
    let kind = if v.severity == "remark" {
        "remark, "
    } else {
        ""
    };
    m.element("small", &[], &format!(" {kind}{sure} {host}"));
}
