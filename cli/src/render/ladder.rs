//! One attempt, rung by rung: what was reached, when, and what shows it.

use rdpwhy_analyzer::report::{AttemptReport, Step};

use super::Context;
use super::page::{Ink, Page, Run, faint, plain, strong};
use super::when::duration;

/// Signs of a rung that was passed, shown without `--all`.
const FEW_SIGNS: usize = 2;
/// Signs of the rung where it broke, shown without `--all`.
const FEW_SIGNS_OF_THE_BREAK: usize = 5;
const MARK: usize = 4;
const NAME: usize = 6;
const AFTER: usize = 22;
const SIGNS: usize = 34;

/// Writes the ladder of an attempt.
pub fn ladder(page: &mut Page, context: &Context<'_>, attempt: &AttemptReport) {
    let mut steps = attempt.steps.as_slice();
    while let Some((step, rest)) = steps.split_first() {
        let silent = steps
            .iter()
            .take_while(|s| s.state == step.state && s.signs.is_empty())
            .count();
        match (step.state, silent) {
            // Rungs of which nobody tells anything share a line.
            ("not-reached", 1..) => {
                together(
                    page,
                    steps.get(..silent).unwrap_or_default(),
                    "· ",
                    Ink::Faint,
                    "not reached",
                );
            }
            ("passed", 1..) => {
                together(
                    page,
                    steps.get(..silent).unwrap_or_default(),
                    "✓ ",
                    Ink::Good,
                    "passed, nothing here records it",
                );
            }
            _ => {
                rung(page, context, step);
                steps = rest;
                continue;
            }
        }
        steps = steps.get(silent..).unwrap_or_default();
    }
}

fn rung(page: &mut Page, context: &Context<'_>, step: &Step) {
    let (mark, ink) = match step.state {
        "passed" => ("✓ ", Ink::Good),
        "broke" => ("✗ ", Ink::Bad),
        _ => ("· ", Ink::Faint),
    };
    let after = step.after_ms.map(duration).unwrap_or_default();
    let name = name(step.stage);
    let room = SIGNS - AFTER - 2;
    let lead = [
        plain(" ".repeat(MARK)),
        Run::new(ink, mark),
        strong(format!("{name:<width$}", width = AFTER - NAME)),
        faint(format!("{after:>room$}  ")),
    ];
    let few = if step.state == "broke" {
        FEW_SIGNS_OF_THE_BREAK
    } else {
        FEW_SIGNS
    };
    let shown = context.shown(step.signs.len(), few);
    let mut first = true;
    for sign in step.signs.iter().take(shown) {
        let body = [
            plain(&sign.says),
            faint(format!("  {}", context.names.place(sign.source, &sign.at))).whole(),
        ];
        page.flow(SIGNS, if first { &lead } else { &[] }, &body);
        first = false;
    }
    if first {
        page.flow(
            SIGNS,
            &lead,
            &[faint(if step.state == "broke" {
                "ended here"
            } else {
                ""
            })],
        );
    }
    if step.signs.len() > shown {
        page.flow(
            SIGNS,
            &[],
            &[faint(format!(
                "and {} more, see --all",
                step.signs.len() - shown
            ))],
        );
    }
}

fn together(page: &mut Page, steps: &[Step], mark: &str, ink: Ink, what: &str) {
    let names: Vec<&str> = steps.iter().map(|s| name(s.stage)).collect();
    let body = [plain(names.join(", ")), faint(format!("  {what}"))];
    page.flow(NAME, &[plain(" ".repeat(MARK)), Run::new(ink, mark)], &body);
}

/// A stage as people call it.
pub fn name(stage: &str) -> &str {
    match stage {
        "name" => "Name",
        "tcp" => "TCP",
        "x224" => "X.224",
        "tls" => "TLS",
        "credssp" => "CredSSP",
        "authorization" => "Authorization",
        "mcs" => "MCS",
        "licensing" => "Licensing",
        "activation" => "Activation",
        "session" => "Session",
        other => other,
    }
}
