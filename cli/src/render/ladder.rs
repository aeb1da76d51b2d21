//! One attempt, rung by rung: what was reached, when, and what shows it.

use std::collections::BTreeMap;

use rdpwhy_analyzer::report::{AttemptReport, Sign, Step};

use super::Context;
use super::page::{Ink, Page, Run, faint, plain, strong};
use super::when::duration;

/// Signs of the rung where it broke that are told in full without `--all`, the last ones: they tell the end.
const FEW_SIGNS_OF_THE_BREAK: usize = 3;
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
    let broke = step.state == "broke";
    // Where it broke every word counts; what was passed is told by what was agreed and where that stands.
    let told = if broke {
        context.shown(step.signs.len(), FEW_SIGNS_OF_THE_BREAK)
    } else {
        0
    };
    let told = if context.style.all {
        step.signs.len()
    } else {
        told
    };
    let (spoken, rest) = step.signs.split_at(step.signs.len().saturating_sub(told));
    let mut lead = Some(lead);
    let mut line =
        |body: &[Run]| page.flow(SIGNS, &lead.take().map(Vec::from).unwrap_or_default(), body);
    let mut body = Vec::new();
    if let Some(brief) = &step.brief {
        body.push(plain(brief));
    }
    if !spoken.is_empty() {
        let gap = if body.is_empty() { "" } else { "   " };
        body.push(faint(format!("{gap}{}", places(context, spoken))));
    }
    if body.is_empty() && rest.is_empty() {
        body.push(faint(if broke { "ended here" } else { "" }));
    }
    if !body.is_empty() {
        line(&body);
    }
    for sign in rest {
        let place = sign
            .event
            .as_ref()
            .map_or_else(String::new, |e| format!("{e}, "));
        let place = if place.is_empty() {
            context.names.place(sign.source, &sign.at)
        } else {
            format!("{place}{}", sign.at)
        };
        line(&[plain(&sign.says), faint(format!("  {place}")).whole()]);
    }
}

/// Where several signs stand, in one line: `packets 234–236 · RdpCoreTS 131, 65`.
pub fn places(context: &Context<'_>, signs: &[Sign]) -> String {
    let mut packets: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    let mut events: Vec<(String, Vec<String>)> = Vec::new();
    for sign in signs {
        if let Some(n) = sign.at.strip_prefix("packet ").and_then(|n| n.parse().ok()) {
            packets
                .entry(context.names.name(sign.source))
                .or_default()
                .push(n);
            continue;
        }
        let (log, id) = match sign.event.as_deref().and_then(|e| e.rsplit_once(' ')) {
            Some((log, id)) => (log.to_owned(), id.to_owned()),
            None => (context.names.name(sign.source).to_owned(), sign.at.clone()),
        };
        match events.iter_mut().find(|(l, _)| *l == log) {
            Some((_, ids)) if ids.contains(&id) => {}
            Some((_, ids)) => ids.push(id),
            None => events.push((log, vec![id])),
        }
    }
    let several = packets.len() > 1;
    let mut parts: Vec<String> = packets
        .into_iter()
        .map(|(capture, mut numbers)| {
            numbers.sort_unstable();
            numbers.dedup();
            let range = match (numbers.first(), numbers.last()) {
                (Some(a), Some(b)) if a != b => format!("packets {a}–{b}"),
                (Some(a), _) => format!("packet {a}"),
                _ => String::new(),
            };
            if several {
                format!("{capture}: {range}")
            } else {
                range
            }
        })
        .collect();
    parts.extend(
        events
            .into_iter()
            .map(|(log, ids)| format!("{log} {}", ids.join(", "))),
    );
    parts.join(" · ")
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
