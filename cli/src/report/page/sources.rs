//! What it rests on: files with their hashes, what logs cover, clocks, and what could not be read.

use rdpwhy_analyzer::report::{Coverage, SourceReport};

use super::super::markup::Markup;
use crate::render::names::channel;
use crate::render::when::duration;
use crate::render::{Context, number, size};

/// Writes the section.
pub fn section(m: &mut Markup, context: &Context<'_>) {
    m.within(
        "section",
        &[("id", "evidence"), ("aria-labelledby", "evidence-title")],
        |m| {
            m.element("h2", &[("id", "evidence-title")], "Evidence and its gaps");
            defects(m, context);
            coverage(m, context);
            clocks(m, context);
            sources(m, context);
        },
    );
}

fn table<T>(m: &mut Markup, name: &str, heads: &[&str], rows: &[T], row: impl Fn(&mut Markup, &T)) {
    m.element("h3", &[], name);
    m.within(
        "div",
        &[
            ("class", "wide"),
            ("tabindex", "0"),
            ("role", "region"),
            ("aria-label", name),
        ],
        |m| {
            m.within("table", &[], |m| {
                m.within("thead", &[], |m| {
                    m.within("tr", &[], |m| {
                        for head in heads {
                            m.element("th", &[("scope", "col")], head);
                        }
                    });
                });
                m.within("tbody", &[], |m| {
                    for r in rows {
                        m.within("tr", &[], |m| row(m, r));
                    }
                });
            });
        },
    );
}

fn defects(m: &mut Markup, context: &Context<'_>) {
    let all: Vec<_> = context
        .report
        .sources
        .iter()
        .flat_map(|s| s.defects.iter().map(move |d| (s, d)))
        .collect();
    if all.is_empty() {
        m.element("p", &[], "Every file could be read to its end.");
        return;
    }
    table(
        m,
        "What could not be read",
        &["File", "Where", "What", "Lost"],
        &all,
        |m, (s, d)| {
            m.element("td", &[], &s.path);
            m.element("td", &[], &d.at);
            m.element("td", &[], &d.what);
            m.element("td", &[], &number(d.lost));
        },
    );
}

fn coverage(m: &mut Markup, context: &Context<'_>) {
    let rows = &context.report.coverage;
    if rows.is_empty() {
        return;
    }
    table(
        m,
        "What the logs cover",
        &["Host", "Log", "First record", "Last record", "Gaps"],
        rows,
        |m, c: &Coverage| {
            m.element("td", &[], &c.host);
            m.element("td", &[], &channel(&c.channel));
            m.element("td", &[], &context.clock.moment(&c.first));
            m.element("td", &[], &context.clock.moment(&c.last));
            m.within("td", &[], |m| {
                for gap in &c.gaps {
                    let words = match gap.why {
                        // Nobody knows since when the log is written, so this gap has one end.
                        "rolled-over" => format!(
                            "! begins at {}: older records were overwritten",
                            context.clock.moment(&gap.to)
                        ),
                        "log-cleared" => format!(
                            "! {}: the log was cleared",
                            context.clock.span(&gap.from, &gap.to)
                        ),
                        "records-missing" => format!(
                            "! {}: records are missing",
                            context.clock.span(&gap.from, &gap.to)
                        ),
                        other => format!("! {}: {other}", context.clock.span(&gap.from, &gap.to)),
                    };
                    m.element("p", &[], &words);
                }
            });
        },
    );
}

fn clocks(m: &mut Markup, context: &Context<'_>) {
    let clocks = &context.report.clocks;
    if clocks.is_empty() {
        return;
    }
    table(
        m,
        "Clocks",
        &["Source", "Runs", "Known from"],
        clocks,
        |m, c| {
            let source = context.report.sources.iter().find(|s| s.id == c.source);
            let host = source
                .and_then(|s| s.host.as_deref())
                .map(|h| format!("{h}, "))
                .unwrap_or_default();
            m.element(
                "td",
                &[],
                &format!("{host}{}", context.names.name(c.source)),
            );
            #[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
            let by = duration(c.offset_ms.unsigned_abs() as f64);
            let runs = match c.offset_ms {
                0 => "as the reference".to_owned(),
                1.. => format!("{by} ahead, corrected"),
                _ => format!("{by} behind, corrected"),
            };
            m.element("td", &[], &runs);
            m.element("td", &[], &c.basis);
        },
    );
}

fn sources(m: &mut Markup, context: &Context<'_>) {
    let heads = [
        "File", "Format", "Host", "Size", "Read", "Used", "From", "To",
    ];
    table(
        m,
        "Files",
        &heads,
        &context.report.sources,
        |m, s: &SourceReport| {
            let moment = |t: &Option<String>| {
                t.as_deref()
                    .map(|t| context.clock.moment(t))
                    .unwrap_or_default()
            };
            m.within("td", &[], |m| {
                m.text(&s.path);
                let hash = s.sha256.as_deref().unwrap_or("not read");
                m.element("code", &[("class", "hash")], &format!("SHA-256 {hash}"));
            });
            m.element("td", &[], &s.format);
            m.element("td", &[], s.host.as_deref().or(s.side).unwrap_or_default());
            m.element("td", &[], &size(s.bytes));
            m.element("td", &[], &number(s.records));
            m.element("td", &[], &number(s.events));
            m.element("td", &[], &moment(&s.first));
            m.element("td", &[], &moment(&s.last));
        },
    );
}
