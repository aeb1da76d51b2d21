//! All connections.

use rdpwhy_analyzer::report::AttemptReport;

use super::super::markup::Markup;
use super::mark;
use crate::render::{Context, account, count, ladder, number};

/// Writes the section.
pub fn section(m: &mut Markup, context: &Context<'_>) {
    let attempts = &context.report.attempts;
    m.within(
        "section",
        &[("id", "attempts"), ("aria-labelledby", "attempts-title")],
        |m| {
            m.element("h2", &[("id", "attempts-title")], "All connections");
            if attempts.is_empty() {
                m.element("p", &[], "None is recorded in this evidence.");
                return;
            }
            m.within(
                "form",
                &[
                    ("id", "attempt-filter"),
                    ("class", "bar script-only"),
                    ("aria-label", "Filter connections"),
                ],
                |m| {
                    m.within("label", &[], |m| {
                        m.text("Outcome");
                        m.within("select", &[("id", "outcome")], |m| {
                            for (value, name) in [
                                ("", "all"),
                                ("failed", "failed"),
                                ("dropped", "dropped"),
                                ("cancelled", "cancelled"),
                                ("unknown", "unknown"),
                                ("ok", "ok"),
                            ] {
                                m.element("option", &[("value", value)], name);
                            }
                        });
                    });
                    m.within("label", &[("class", "grow")], |m| {
                        m.text("Text");
                        m.void(
                            "input",
                            &[
                                ("id", "attempt-words"),
                                ("type", "search"),
                                ("placeholder", "client, server, user, cause …"),
                            ],
                        );
                    });
                    m.element(
                        "output",
                        &[("id", "attempt-count")],
                        &count(attempts.len() as u64, "connection", "connections"),
                    );
                },
            );
            m.within(
                "div",
                &[
                    ("class", "wide"),
                    ("tabindex", "0"),
                    ("role", "region"),
                    ("aria-label", "All connections"),
                ],
                |m| {
                    m.within(
                        "table",
                        &[("id", "all-attempts"), ("class", "sortable")],
                        |m| {
                            m.within("thead", &[], |m| {
                                m.within("tr", &[], |m| {
                                    for name in [
                                        "Began", "Outcome", "Client", "Server", "User", "Got to",
                                        "Ended", "Tries", "Cause",
                                    ] {
                                        m.element("th", &[("scope", "col")], name);
                                    }
                                });
                            });
                            m.within("tbody", &[], |m| {
                                for a in attempts {
                                    row(m, context, a);
                                }
                            });
                        },
                    );
                },
            );
        },
    );
}

fn row(m: &mut Markup, context: &Context<'_>, a: &AttemptReport) {
    m.within(
        "tr",
        &[
            ("data-outcome", a.outcome),
            ("data-attempt", &a.id),
            ("class", a.outcome),
        ],
        |m| {
            // The time in UTC sorts as text, whatever zone is shown.
            m.element(
                "td",
                &[("data-sort", &a.started)],
                &context.clock.time(&a.started, None),
            );
            m.within("td", &[], |m| {
                m.element(
                    "span",
                    &[("class", "state")],
                    &format!("{} {}", mark(a.outcome), a.outcome),
                );
            });
            m.element("td", &[], &account::endpoint(&a.client));
            m.element("td", &[], &account::endpoint(&a.server));
            m.element("td", &[], a.user.as_deref().unwrap_or_default());
            let order = rdpwhy_analyzer::stage::Stage::named(a.stage).map_or(0, |s| s as usize);
            m.element(
                "td",
                &[("data-sort", &order.to_string())],
                ladder::name(a.stage),
            );
            m.element("td", &[], &account::ending(a).unwrap_or_default());
            m.element(
                "td",
                &[("data-sort", &a.count.to_string())],
                &number(a.count),
            );
            m.within("td", &[], |m| {
                let verdict = a
                    .verdict
                    .as_ref()
                    .and_then(|id| context.report.verdicts.iter().find(|v| v.id == *id));
                if let Some(v) = verdict {
                    m.element(
                        "a",
                        &[("href", &format!("#{}", v.id))],
                        v.cause.as_deref().unwrap_or("not explained"),
                    );
                }
                if a.part_of.is_some() {
                    m.element("small", &[], " step of another try");
                }
            });
        },
    );
}
