//! The report for a ticket: the verdicts as Markdown, without the width and the colours of a terminal.

use std::fmt::Write as _;

use rdpwhy_analyzer::report::{AttemptReport, VerdictReport};

use super::page::Page;
use super::safe::{Charset, PARAGRAPH, SENTENCE, safe};
use super::{Context, Style, account, head, ladder, reasoning, verdict};

/// Entries of a list that are shown without `--all`.
const FEW: usize = 5;

/// Writes it.
pub fn markdown(context: &Context<'_>) -> String {
    let mut out = String::from("# RDP connections\n\n");
    line(&mut out, &head::summary(context).join(" · "));
    for one in &context.report.verdicts {
        section(&mut out, context, one);
    }
    if context.report.reasoning.is_some() {
        let style = Style::default();
        let mut page = Page::new(style.width, false, style.charset);
        reasoning::reasoning(&mut page, context);
        let _ = write!(out, "\n```text\n{}```\n", page.finish());
    }
    let summary = &context.report.summary;
    out.push('\n');
    line(
        &mut out,
        &format!(
            "Connections: {} fine, {} failed, {} dropped, {} cancelled, {} whose end is not recorded.",
            summary.ok, summary.failed, summary.dropped, summary.cancelled, summary.unknown
        ),
    );
    out
}

fn section(out: &mut String, context: &Context<'_>, verdict: &VerdictReport) {
    out.push_str("\n## ");
    if verdict.severity == "remark" {
        out.push_str("Remark: ");
    }
    line(out, &text(&verdict.title));
    out.push('\n');
    let sure = verdict.confidence.unwrap_or("cannot be told");
    let about: Vec<String> = verdict::about(context, verdict)
        .iter()
        .map(|f| text(f))
        .collect();
    line(out, &format!("**{sure}** · {}", about.join(" · ")));
    if !verdict.summary.trim().is_empty() {
        out.push('\n');
        line(out, &text(&verdict.summary));
    }
    let example = verdict
        .example
        .as_ref()
        .and_then(|id| context.report.attempts.iter().find(|a| a.id == *id));
    if let Some(attempt) = example {
        heading(
            out,
            if verdict.attempts.len() > 1 {
                "One of them"
            } else {
                "The connection"
            },
        );
        steps(out, context, attempt);
    }
    let evidence: Vec<String> = verdict
        .evidence
        .iter()
        .map(|e| {
            let place = format!(
                "{}, {}",
                context.names.place_of(e),
                context.clock.moment(&e.time)
            );
            format!("*{}*: {} ({})", e.role, text(&e.says), text(&place))
        })
        .collect();
    list(out, context, "Why", &evidence);
    let others = verdict
        .alternatives
        .iter()
        .map(|a| format!("{}: {}", text(&a.title), text(&a.why_not)));
    list(
        out,
        context,
        if verdict.cause.is_some() {
            "Not"
        } else {
            "Maybe"
        },
        &others.collect::<Vec<_>>(),
    );
    let changes = verdict
        .changes
        .iter()
        .map(|c| format!("{}: {}", context.clock.moment(&c.time), text(&c.says)));
    list(out, context, "Before", &changes.collect::<Vec<_>>());
    if let Some(remedy) = &verdict.remedy {
        heading(out, "Fix");
        line(
            out,
            &text(&format!("On the {}: {}", remedy.run_on, remedy.summary)),
        );
        code(out, &remedy.commands);
        out.push('\n');
        let undo = remedy.undo.as_deref().unwrap_or_default();
        for (name, what) in [
            ("Risk", remedy.risk.as_str()),
            ("Undo", undo),
            ("Check", remedy.verify.as_str()),
        ] {
            if !what.is_empty() {
                line(out, &format!("- {name}: {}", text(what)));
            }
        }
    }
    if verdict.confidence != Some("certain") && !verdict.missing.is_empty() {
        let missing: Vec<String> = verdict.missing.iter().map(|m| text(&m.what)).collect();
        list(out, context, "What would settle it", &missing);
        let shown = context.shown(verdict.missing.len(), FEW);
        code(
            out,
            &verdict
                .missing
                .iter()
                .take(shown)
                .filter_map(|m| m.command.clone())
                .collect::<Vec<_>>(),
        );
    }
}

/// The ladder as a list.
fn steps(out: &mut String, context: &Context<'_>, attempt: &AttemptReport) {
    let runs = account::connection(context, attempt);
    line(
        out,
        &text(&runs.iter().map(super::page::Run::text).collect::<String>()),
    );
    out.push('\n');
    for step in &attempt.steps {
        let state = match step.state {
            "passed" => "passed",
            "broke" => "**ended here**",
            _ => "not reached",
        };
        let first = step.signs.first().map(|s| {
            format!(
                ": {} ({})",
                text(&s.says),
                text(&context.names.place(s.source, &s.at))
            )
        });
        line(
            out,
            &format!(
                "- {} {state}{}",
                ladder::name(step.stage),
                first.unwrap_or_default()
            ),
        );
    }
}

fn heading(out: &mut String, name: &str) {
    out.push_str("\n### ");
    out.push_str(name);
    out.push_str("\n\n");
}

fn list(out: &mut String, context: &Context<'_>, name: &str, entries: &[String]) {
    if entries.is_empty() {
        return;
    }
    heading(out, name);
    let shown = context.shown(entries.len(), FEW);
    for entry in entries.iter().take(shown) {
        line(out, &format!("- {entry}"));
    }
    if entries.len() > shown {
        line(out, &format!("- and {} more", entries.len() - shown));
    }
}

/// Commands in a block whose fence is longer than any run of backticks in them.
pub fn code(out: &mut String, commands: &[String]) {
    if commands.is_empty() {
        return;
    }
    let lines: Vec<String> = commands
        .iter()
        .flat_map(|c| c.trim().lines())
        .map(|l| safe(l, PARAGRAPH, Charset::Unicode))
        .collect();
    let mut fence = "```".to_owned();
    while lines.iter().any(|l| l.contains(&fence)) {
        fence.push('`');
    }
    let _ = write!(out, "\n{fence}\n{}\n{fence}\n", lines.join("\n"));
}

/// Evidence as text that neither the terminal nor a Markdown reader takes for anything else.
pub fn text(evidence: &str) -> String {
    let one_line = evidence
        .split(['\n', '\r'])
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ");
    let limit = if evidence.len() > SENTENCE {
        PARAGRAPH
    } else {
        SENTENCE
    };
    let mut out = String::new();
    for c in safe(one_line.trim(), limit, Charset::Unicode).chars() {
        if matches!(
            c,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '#' | '&'
        ) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_no_markup() {
        assert_eq!(
            text("<img src=x> [a](b) `c` **d**"),
            r"\<img src=x\> \[a\](b) \`c\` \*\*d\*\*"
        );
        assert_eq!(text("CORP\\ana\u{202e}"), r"CORP\\ana\\u{202e}");
    }

    #[test]
    fn a_command_cannot_end_its_block() {
        let mut out = String::new();
        code(&mut out, &["echo ```".to_owned()]);
        assert_eq!(out, "\n````\necho ```\n````\n");
    }
}
