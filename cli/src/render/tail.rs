//! The last line of the answer: what went well, and what cannot be told.

use super::names::channel;
use super::page::{Ink, Page, Run, faint, plain};
use super::{Context, count, number};

/// Writes it.
pub fn tail(page: &mut Page, context: &Context<'_>) {
    let summary = &context.report.summary;
    page.gap();
    if summary.attempts == 0 {
        let body = [
            plain("No RDP connection is recorded in this evidence. "),
            faint(what_was_read(context)),
        ];
        page.flow(2, &[Run::new(Ink::Unsure, "? ")], &body);
        return;
    }
    let hurt = summary.failed + summary.dropped;
    if summary.ok > 0 {
        let (one, many) = if hurt > 0 {
            ("other connection", "other connections")
        } else {
            ("connection", "connections")
        };
        let was = if summary.ok == 1 {
            "was fine"
        } else {
            "were fine"
        };
        page.flow(
            2,
            &[Run::new(Ink::Good, "✓ ")],
            &[plain(format!("{} {was}", count(summary.ok, one, many)))],
        );
    } else if hurt == 0 {
        page.flow(
            2,
            &[Run::new(Ink::Good, "✓ ")],
            &[plain("No connection failed")],
        );
    }
    let mut others = Vec::new();
    if summary.cancelled > 0 {
        others.push(format!(
            "{} cancelled on the client's side",
            number(summary.cancelled)
        ));
    }
    if summary.unknown > 0 {
        others.push(format!(
            "{} whose end is not recorded",
            number(summary.unknown)
        ));
    }
    if !others.is_empty() {
        page.flow(2, &[faint("· ")], &[faint(others.join(", "))]);
    }
}

/// Which hosts and channels were there, when there was nothing in them.
fn what_was_read(context: &Context<'_>) -> String {
    const FEW: usize = 6;
    let covered = &context.report.coverage;
    let shown = context.shown(covered.len(), FEW);
    let mut read: Vec<String> = covered
        .iter()
        .take(shown)
        .map(|c| {
            let of = if c.host.is_empty() {
                String::new()
            } else {
                format!(" of {}", c.host)
            };
            format!(
                "{}{of}, {}",
                channel(&c.channel),
                context.clock.span(&c.first, &c.last)
            )
        })
        .collect();
    if covered.len() > shown {
        read.push(format!("and {} more", covered.len() - shown));
    }
    if read.is_empty() {
        String::new()
    } else {
        format!("Read were: {}.", read.join("; "))
    }
}
