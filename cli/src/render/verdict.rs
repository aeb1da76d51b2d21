//! Verdicts: the first in full, the others in a line each.

use rdpwhy_analyzer::report::VerdictReport;

use super::evidence::{Label, SECTION, alternatives, changes, evidence};
use super::page::{Ink, Page, Run, faint, plain, strong};
use super::remedy::remedy;
use super::{Context, account, count, facts, ladder, number};

/// Verdicts that are shown in full without `--all`.
const FEW_IN_FULL: usize = 3;
/// Verdicts that are shown in a line without `--all`.
const FEW_LINES: usize = 20;
/// Missing evidence that is shown without `--all`.
const FEW_MISSING: usize = 3;
/// Causes that missing evidence would decide, shown without `--all`.
const FEW_CAUSES: usize = 3;
/// Remarks that are shown without `--all`.
const FEW_REMARKS: usize = 3;

/// Writes them: failures, then remarks.
pub fn verdicts(page: &mut Page, context: &Context<'_>) {
    let (remarks, failures): (Vec<_>, Vec<_>) = context
        .report
        .verdicts
        .iter()
        .partition(|v| v.severity == "remark");
    let in_full = context.shown(failures.len(), FEW_IN_FULL);
    for verdict in failures.iter().take(in_full) {
        full(page, context, verdict);
    }
    page.gap();
    let lines = context.shown(failures.len() - in_full, FEW_LINES);
    for verdict in failures.iter().skip(in_full).take(lines) {
        line(page, context, verdict);
    }
    let rest = failures.len() - in_full - lines;
    if failures.len() > in_full {
        let more = if rest > 0 {
            format!("and {} more; ", number(rest as u64))
        } else {
            String::new()
        };
        page.flow(
            2,
            &[faint("  ")],
            &[faint(format!("{more}--all shows each of them in full"))],
        );
    }
    page.gap();
    if context.style.all {
        for verdict in remarks {
            full(page, context, verdict);
        }
        return;
    }
    for verdict in remarks.iter().take(FEW_REMARKS) {
        line(page, context, verdict);
    }
    if remarks.len() > FEW_REMARKS {
        let more = count((remarks.len() - FEW_REMARKS) as u64, "remark", "remarks");
        page.flow(
            2,
            &[faint("  ")],
            &[faint(format!("and {more} more, see --all"))],
        );
    }
}

/// Everything about one verdict.
fn full(page: &mut Page, context: &Context<'_>, verdict: &VerdictReport) {
    page.gap();
    let (mark, ink) = mark(verdict);
    let sure = verdict.confidence.unwrap_or("cannot be told");
    page.ends(
        2,
        &[
            Run::new(ink, mark),
            Run::new(ink_of_title(verdict), &verdict.title),
        ],
        &strong(sure),
    );
    page.flow(2, &[plain("  ")], &facts(&about(context, verdict)));
    if !verdict.summary.is_empty() {
        page.gap();
        page.flow(2, &[plain("  ")], &[Run::paragraph(&verdict.summary)]);
    }
    example(page, context, verdict);
    page.gap();
    evidence(page, context, verdict);
    alternatives(page, context, verdict);
    changes(page, context, verdict);
    if let Some(r) = &verdict.remedy {
        page.gap();
        remedy(page, r, SECTION);
    }
    missing(page, context, verdict);
    page.gap();
}

/// The attempt whose ladder shows it best.
fn example(page: &mut Page, context: &Context<'_>, verdict: &VerdictReport) {
    let attempt = verdict
        .example
        .as_ref()
        .and_then(|id| context.report.attempts.iter().find(|a| a.id == *id));
    let mstsc = verdict
        .mstsc
        .as_deref()
        .filter(|m| !m.is_empty())
        .map(|m| format!(" mstsc shows {m}."));
    let Some(attempt) = attempt else {
        if let Some(mstsc) = mstsc {
            page.gap();
            page.flow(2, &[plain("  ")], &[plain(mstsc.trim_start())]);
        }
        return;
    };
    page.gap();
    let which = if verdict.attempts.len() > 1 {
        "One of them: "
    } else {
        "The connection: "
    };
    let codes = account::codes(attempt)
        .map(|c| format!(" Reported: {c}."))
        .unwrap_or_default();
    let mut body = vec![strong(which)];
    body.extend(account::connection(context, attempt));
    body.extend([plain(mstsc.unwrap_or_default()), faint(codes)]);
    page.flow(2, &[plain("  ")], &body);
    if !attempt.steps.is_empty() {
        page.gap();
        ladder::ladder(page, context, attempt);
    }
}

/// One line: enough to decide whether to look closer.
fn line(page: &mut Page, context: &Context<'_>, verdict: &VerdictReport) {
    let (mark, ink) = mark(verdict);
    let mut about = about(context, verdict);
    about.extend(verdict.confidence.map(str::to_owned));
    let mut body = vec![plain(format!("{}  ", verdict.title))];
    body.extend(facts(&about));
    page.flow(2, &[Run::new(ink, mark)], &body);
}

fn mark(verdict: &VerdictReport) -> (&'static str, Ink) {
    match (verdict.severity, &verdict.cause) {
        ("remark", _) => ("i ", Ink::Strong),
        (_, Some(_)) => ("✗ ", Ink::Bad),
        (_, None) => ("? ", Ink::Unsure),
    }
}

fn ink_of_title(verdict: &VerdictReport) -> Ink {
    if verdict.severity == "remark" {
        Ink::Strong
    } else {
        mark(verdict).1
    }
}

/// Host, how many, when, and the cause's id.
pub fn about(context: &Context<'_>, verdict: &VerdictReport) -> Vec<String> {
    let mut facts: Vec<String> = verdict.host.iter().cloned().collect();
    let connections = verdict.attempts.len() as u64;
    if connections > 0 {
        let tries = if verdict.tries > connections {
            count(verdict.tries, "try", "tries")
        } else {
            count(connections, "connection", "connections")
        };
        let clients = match verdict.clients {
            0 => String::new(),
            1 if connections == 1 => String::new(),
            n => format!(" of {}", count(n, "client", "clients")),
        };
        facts.push(format!("{tries}{clients}{}", outcome(context, verdict)));
    }
    match (&verdict.first, &verdict.last) {
        (Some(first), Some(last)) => facts.push(context.clock.span(first, last)),
        (Some(only), None) | (None, Some(only)) => facts.push(context.clock.moment(only)),
        (None, None) => {}
    }
    facts.extend(verdict.cause.clone());
    facts
}

/// How the verdict's attempts ended, where they ended alike.
fn outcome(context: &Context<'_>, verdict: &VerdictReport) -> &'static str {
    let covered = context
        .report
        .attempts
        .iter()
        .filter(|a| verdict.attempts.contains(&a.id));
    let mut outcomes = covered.map(|a| a.outcome);
    let Some(first) = outcomes.next() else {
        return "";
    };
    match first {
        _ if !outcomes.all(|o| o == first) => "",
        "failed" => " failed",
        "dropped" => " dropped",
        _ => "",
    }
}

/// The evidence that would settle it.
fn missing(page: &mut Page, context: &Context<'_>, verdict: &VerdictReport) {
    let named = verdict.cause.is_some();
    let mut label = Label::new(if named { "Missing" } else { "Settle" });
    if verdict.confidence == Some("certain") && !context.style.all {
        return; // what would make it surer is of no use to anybody
    }
    let shown = context.shown(verdict.missing.len(), FEW_MISSING);
    for missing in verdict.missing.iter().take(shown) {
        let decides = match missing.would_decide.as_slice() {
            [] => String::new(),
            causes => {
                let few = context.shown(causes.len(), FEW_CAUSES);
                let named = causes.get(..few).unwrap_or(causes).join(", ");
                match causes.len() - few {
                    0 => format!("  would decide {named}"),
                    n => format!("  would decide {named} and {n} more"),
                }
            }
        };
        page.flow(
            SECTION,
            &[label.next()],
            &[plain(&missing.what), faint(decides)],
        );
        if let Some(command) = &missing.command {
            page.verbatim(SECTION, &faint("   "), &strong(command).of_any_length());
        }
    }
    if verdict.missing.len() > shown {
        let more = verdict.missing.len() - shown;
        page.flow(
            SECTION,
            &[],
            &[faint(format!("and {more} more, see --all"))],
        );
    }
}
