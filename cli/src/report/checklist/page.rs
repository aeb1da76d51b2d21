//! Checklists for paper and for tickets.

use std::fmt::Write as _;

use rdpwhy_analyzer::report::VerdictReport;

use super::super::document::{Document, write};
use super::super::markup::Markup;
use super::{Step, room, steps};
use crate::render::markdown::{code, text};
use crate::render::{Context, verdict};

const STYLE: &str = include_str!("checklist.css");
/// One page per verdict.
pub fn html(context: &Context<'_>) -> String {
    let mut body = Markup::default();
    for v in &context.report.verdicts {
        sheet(&mut body, context, v);
    }
    if context.report.verdicts.is_empty() {
        body.element("p", &[], "No connection failed: there is nothing to do.");
    }
    write(Document {
        title: "Checklist · rdpwhy",
        style: &[STYLE],
        script: &[],
        body,
        data: None,
    })
}

fn sheet(m: &mut Markup, context: &Context<'_>, v: &VerdictReport) {
    let steps = steps(context, v);
    m.within(
        "section",
        &[("class", room::class(v, &steps)), ("id", &v.id)],
        |m| {
            m.within("header", &[], |m| {
                m.element("h1", &[], &v.title);
                let sure = v.confidence.unwrap_or("cannot be told");
                m.element(
                    "p",
                    &[],
                    &format!("{sure} · {}", verdict::about(context, v).join(" · ")),
                );
            });
            m.within("table", &[], |m| {
                m.within("thead", &[], |m| {
                    m.within("tr", &[], |m| {
                        for name in ["Done", "Step", "Expected", "If not", "Who"] {
                            m.element("th", &[("scope", "col")], name);
                        }
                    });
                });
                m.within("tbody", &[], |m| {
                    let mut who = "";
                    for (n, s) in steps.iter().enumerate() {
                        row(m, n + 1, s, if s.who == who { "″" } else { &s.who });
                        who = &s.who;
                    }
                });
            });
            m.within("div", &[("class", "notes")], |m| {
                m.element("p", &[], "Notes (who, when, what was seen)");
            });
            let tool = &context.report.tool;
            m.element(
                "footer",
                &[],
                &format!("{} · {} {}", v.id, tool.name, tool.version),
            );
        },
    );
}

fn row(m: &mut Markup, n: usize, s: &Step, who: &str) {
    m.within("tr", &[], |m| {
        m.within("td", &[("class", "tick")], |m| {
            m.within("label", &[], |m| {
                m.void(
                    "input",
                    &[
                        ("type", "checkbox"),
                        ("aria-label", &format!("Step {n} done")),
                    ],
                );
                m.text(&format!(" {n}"));
            });
        });
        m.within("td", &[], |m| {
            if !s.what.is_empty() {
                m.element("p", &[], &s.what);
            }
            if let Some(command) = &s.command {
                m.within("pre", &[], |m| m.within("code", &[], |m| m.lines(command)));
            }
        });
        m.element("td", &[], &s.expect);
        m.element("td", &[], &s.otherwise);
        m.element("td", &[], who);
    });
}

/// The same for a ticket.
pub fn markdown(context: &Context<'_>) -> String {
    let mut out = String::new();
    for v in &context.report.verdicts {
        let sure = v.confidence.unwrap_or("cannot be told");
        let about: Vec<String> = verdict::about(context, v).iter().map(|f| text(f)).collect();
        let _ = write!(
            out,
            "# {}\n\n**{sure}** · {}\n\n",
            text(&v.title),
            about.join(" · ")
        );
        for (n, s) in steps(context, v).iter().enumerate() {
            let what = if s.what.is_empty() {
                "Then run:".to_owned()
            } else {
                text(&s.what)
            };
            let _ = writeln!(out, "- [ ] **{}.** {what} *({})*", n + 1, text(&s.who));
            if let Some(command) = &s.command {
                let mut block = String::new();
                code(&mut block, std::slice::from_ref(command));
                for line in block.lines().filter(|l| !l.is_empty()) {
                    let _ = writeln!(out, "  {line}");
                }
            }
            let _ = writeln!(out, "  - expected: {}", text(&s.expect));
            let _ = writeln!(out, "  - if not: {}", text(&s.otherwise));
        }
        out.push_str("\nNotes:\n\n");
    }
    if out.is_empty() {
        out.push_str("No connection failed: there is nothing to do.\n");
    }
    out
}
