//! Checklists for paper and for tickets.

use std::fmt::Write as _;

use rdpwhy_analyzer::report::VerdictReport;

use super::super::document::{Document, write};
use super::super::markup::Markup;
use super::{Step, steps};
use crate::render::markdown::{code, text};
use crate::render::{Context, verdict};

const STYLE: &str = include_str!("checklist.css");
/// Characters that fit on a page at the usual size, and at smaller ones; found by printing.
const ROOM: [(usize, &str); 3] = [
    (1_700, "sheet"),
    (2_600, "sheet close"),
    (3_700, "sheet closer"),
];
/// What one step takes of the page beside its characters: lines begun, boxes, rules.
const STEP: usize = 90;

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
        &[("class", class(v, &steps)), ("id", &v.id)],
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
                    for (n, s) in steps.iter().enumerate() {
                        row(m, n + 1, s);
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

fn row(m: &mut Markup, n: usize, s: &Step) {
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
        m.element("td", &[], &s.who);
    });
}

/// The size at which all steps fit on one page with room for notes.
fn class(v: &VerdictReport, steps: &[Step]) -> &'static str {
    let characters: usize = v.title.chars().count()
        + steps
            .iter()
            .map(|s| {
                let command = s.command.as_deref().unwrap_or_default().chars().count();
                let aside = s
                    .expect
                    .chars()
                    .count()
                    .max(s.otherwise.chars().count())
                    .max(s.who.chars().count());
                STEP + (s.what.chars().count() + command).max(aside * 2)
            })
            .sum::<usize>();
    ROOM.iter()
        .find(|(room, _)| characters <= *room)
        .map_or("sheet closest", |(_, class)| class)
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
