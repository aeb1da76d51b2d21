//! What to keep in mind when reading the answer: what could not be read, and where the logs tell nothing.

use super::names::channel;
use super::page::{Ink, Page, Run, faint, plain};
use super::{Context, count, number};

/// Notes of each kind that are shown without `--all`.
const FEW: usize = 3;

/// Writes them.
pub fn notes(page: &mut Page, context: &Context<'_>) {
    page.gap();
    defects(page, context);
    gaps(page, context);
}

fn defects(page: &mut Page, context: &Context<'_>) {
    let all: Vec<_> = context
        .report
        .sources
        .iter()
        .flat_map(|s| s.defects.iter().map(move |d| (s, d)))
        .collect();
    let shown = context.shown(all.len(), FEW);
    for (source, defect) in all.iter().take(shown) {
        let lost = match defect.lost {
            0 => String::new(),
            n => format!(
                ", {} lost",
                count(n, "record or packet", "records or packets")
            ),
        };
        // What is said of the whole file needs no place in it.
        let at = match defect.at.as_str() {
            "" | "file" => String::new(),
            at => format!("{at}: "),
        };
        note(
            page,
            &[
                faint(format!("{}  ", source.path)),
                plain(format!("{at}{}{lost}", defect.what)),
            ],
        );
    }
    if all.len() > shown {
        let more = count(
            (all.len() - shown) as u64,
            "place that could not be read",
            "places that could not be read",
        );
        note(page, &[plain(format!("and {more}, see --all"))]);
    }
}

fn gaps(page: &mut Page, context: &Context<'_>) {
    let all: Vec<_> = context
        .report
        .coverage
        .iter()
        .flat_map(|c| c.gaps.iter().map(move |g| (c, g)))
        .collect();
    let shown = context.shown(all.len(), FEW);
    for (coverage, gap) in all.iter().take(shown) {
        let why = match gap.why {
            "log-cleared" => "the log was cleared",
            "rolled-over" => "older records were overwritten",
            "records-missing" => "records are missing",
            other => other,
        };
        let log = format!("{} of {}", channel(&coverage.channel), coverage.host);
        let text = if gap.why == "rolled-over" {
            // Nobody knows since when the log is written, so this gap has one end.
            format!(
                "{log} begins only at {}: {why}",
                context.clock.moment(&gap.to)
            )
        } else {
            format!(
                "{log} tells nothing for {}: {why}",
                context.clock.span(&gap.from, &gap.to)
            )
        };
        note(page, &[plain(text)]);
    }
    if all.len() > shown {
        note(
            page,
            &[plain(format!(
                "and {} more gaps, see --all",
                number((all.len() - shown) as u64)
            ))],
        );
    }
}

fn note(page: &mut Page, body: &[Run]) {
    page.flow(2, &[Run::new(Ink::Unsure, "! ")], body);
}
