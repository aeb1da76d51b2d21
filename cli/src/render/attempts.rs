//! The list of all attempts, for `--all`.

use rdpwhy_analyzer::report::AttemptReport;

use super::page::{Ink, Page, Run, faint, plain, strong};
use super::{Context, account, ladder, number};

/// Writes a line for each.
pub fn attempts(page: &mut Page, context: &Context<'_>) {
    if context.report.attempts.is_empty() {
        return;
    }
    page.gap();
    page.flow(0, &[], &[strong("All attempts")]);
    for attempt in &context.report.attempts {
        let (mark, ink) = match attempt.outcome {
            "ok" => ("✓ ", Ink::Good),
            "failed" | "dropped" => ("✗ ", Ink::Bad),
            "cancelled" => ("· ", Ink::Faint),
            _ => ("? ", Ink::Unsure),
        };
        let mut body = vec![
            strong(context.clock.time(&attempt.started, None)).whole(),
            plain(format!(
                "  {} → {}{}{}  {}{}",
                account::endpoint(&attempt.client),
                account::endpoint(&attempt.server),
                attempt
                    .user
                    .as_ref()
                    .map(|u| format!(", {u}"))
                    .unwrap_or_default(),
                if attempt.count > 1 {
                    format!(", {} tries", number(attempt.count))
                } else {
                    String::new()
                },
                attempt.outcome,
                match attempt.outcome {
                    "failed" | "dropped" => format!(" at {}", ladder::name(attempt.stage)),
                    _ => String::new(),
                },
            )),
        ];
        if let Some(end) = account::ending(attempt) {
            body.push(plain(format!("; {end}")));
        }
        body.push(faint(format!("  {}", why(context, attempt))));
        page.flow(2, &[Run::new(ink, mark)], &body);
    }
}

/// What the attempt's id, try and verdict are.
fn why(context: &Context<'_>, attempt: &AttemptReport) -> String {
    let mut text = attempt.id.clone();
    if let Some(other) = &attempt.part_of {
        text.push_str(", same try as ");
        text.push_str(other);
    }
    let verdict = attempt
        .verdict
        .as_ref()
        .and_then(|id| context.report.verdicts.iter().find(|v| v.id == *id));
    if let Some(verdict) = verdict {
        text.push_str(", ");
        text.push_str(verdict.cause.as_deref().unwrap_or("inconclusive"));
    }
    text
}
