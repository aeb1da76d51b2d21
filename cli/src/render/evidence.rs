//! What a verdict rests on, what speaks against other causes, and what happened before.

use std::fmt::Write as _;

use rdpwhy_analyzer::report::{Alternative, Evidence, VerdictReport};

use super::names::channels;
use super::page::{Ink, Page, Run, faint, plain, strong};
use super::{Context, facts, number};

/// Entries of one role that are shown without `--all`.
const FEW: usize = 3;
/// Causes of one group without `--all`.
const FEW_OF_A_GROUP: usize = 4;
/// Further places of evidence that says the same, shown without `--all`.
const FEW_PLACES: usize = 2;
/// Changes on the host that are shown without `--all`.
const FEW_CHANGES: usize = 4;
/// Column of the section's text; its name stands before it.
pub const SECTION: usize = 10;
/// Column behind the evidence's role.
const ROLE: usize = 24;

/// The section's name on its first line, nothing on the others.
pub struct Label(Option<&'static str>);

impl Label {
    /// A section of this name.
    pub fn new(name: &'static str) -> Self {
        Self(Some(name))
    }

    /// The next line's beginning.
    pub fn next(&mut self) -> Run {
        strong(
            self.0
                .take()
                .map(|name| format!("  {name}"))
                .unwrap_or_default(),
        )
    }
}

/// Decisive, supporting, contradicting evidence, each with its place.
pub fn evidence(page: &mut Page, context: &Context<'_>, verdict: &VerdictReport) {
    let mut label = Label::new("Why");
    for (role, ink) in [
        ("decisive", Ink::Strong),
        ("supporting", Ink::Plain),
        ("contradicting", Ink::Unsure),
    ] {
        let entries = alike(verdict, role);
        let shown = context.shown(entries.len(), FEW);
        for (n, entries) in entries.iter().take(shown).enumerate() {
            let [entry, again @ ..] = entries.as_slice() else {
                continue;
            };
            let role = if n == 0 { role } else { "" };
            let name = label.next();
            let day = day(context, verdict);
            let mut time = context.clock.time(&entry.time, day);
            if let Some(raw) = &entry.raw_time {
                let _ = write!(time, " ({} there)", context.clock.time(raw, day));
            }
            let mut place = vec![context.names.place_of(entry), time];
            if entry.times > 1 {
                place.push(format!("{} times", number(entry.times)));
            }
            let more = context.shown(again.len(), FEW_PLACES);
            place.extend(again.iter().take(more).map(|e| format!("also {}", e.at)));
            if again.len() > more {
                place.push(format!("and {} more times", again.len() - more));
            }
            let mut body = vec![plain(format!("{}  ", entry.says.trim_end()))];
            body.extend(facts(&place));
            page.flow(ROLE, &[name.padded(SECTION), Run::new(ink, role)], &body);
        }
        if entries.len() > shown {
            page.flow(
                ROLE,
                &[],
                &[faint(format!(
                    "and {} more, see --all",
                    entries.len() - shown
                ))],
            );
        }
    }
}

/// The entries of a role; those that say the same of the same source in one group.
pub(crate) fn alike<'a>(verdict: &'a VerdictReport, role: &str) -> Vec<Vec<&'a Evidence>> {
    let mut groups: Vec<Vec<&Evidence>> = Vec::new();
    for entry in verdict.evidence.iter().filter(|e| e.role == role) {
        let same = |g: &&mut Vec<&Evidence>| {
            g.first()
                .is_some_and(|f| f.source == entry.source && f.says == entry.says)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.push(entry),
            None => groups.push(vec![entry]),
        }
    }
    groups
}

/// Other causes, and why they step behind.
pub fn alternatives(page: &mut Page, context: &Context<'_>, verdict: &VerdictReport) {
    if verdict.cause.is_none() {
        return maybe(page, context, verdict);
    }
    let mut label = Label::new("Not");
    let shown = context.shown(verdict.alternatives.len(), FEW);
    for other in verdict.alternatives.iter().take(shown) {
        let body = [
            plain(&other.title),
            plain(format!(": {}", channels(&other.why_not))),
        ];
        page.flow(SECTION, &[label.next()], &body);
    }
    more(page, verdict.alternatives.len() - shown);
}

/// Without a named cause: what it may be, by what would tell. Causes that the same log would settle stand together.
fn maybe(page: &mut Page, context: &Context<'_>, verdict: &VerdictReport) {
    let mut groups: Vec<(&str, Vec<&Alternative>)> = Vec::new();
    for other in &verdict.alternatives {
        match groups.iter_mut().find(|(why, _)| *why == other.why_not) {
            Some((_, causes)) => causes.push(other),
            None => groups.push((&other.why_not, vec![other])),
        }
    }
    let mut label = Label::new("Maybe");
    let shown = context.shown(groups.len(), FEW);
    for (why, causes) in groups.iter().take(shown) {
        let named = context.shown(causes.len(), FEW_OF_A_GROUP);
        let mut body = Vec::new();
        for (n, cause) in causes.iter().take(named).enumerate() {
            let separator = if n == 0 { "" } else { "; " };
            body.push(plain(format!("{separator}{}", cause.title)));
            body.push(faint(format!(" ({})", cause.cause)));
        }
        if causes.len() > named {
            body.push(plain(format!("; and {} more", causes.len() - named)));
        }
        body.push(faint(format!(": {}", channels(why))));
        page.flow(SECTION, &[label.next()], &body);
    }
    more(
        page,
        groups
            .iter()
            .skip(shown)
            .map(|(_, causes)| causes.len())
            .sum(),
    );
}

fn more(page: &mut Page, n: usize) {
    if n > 0 {
        page.flow(SECTION, &[], &[faint(format!("and {n} more, see --all"))]);
    }
}

/// What happened on the host before it began to fail.
pub fn changes(page: &mut Page, context: &Context<'_>, verdict: &VerdictReport) {
    let mut label = Label::new("Before");
    let day = day(context, verdict);
    let shown = context.shown(verdict.changes.len(), FEW_CHANGES);
    let good = verdict.last_good.as_ref();
    let times = good
        .into_iter()
        .chain(verdict.changes.iter().map(|c| &c.time))
        .map(|t| context.clock.second(t, day));
    let hang = SECTION + times.map(|t| t.len() + 2).max().unwrap_or_default();
    let lead = |label: &mut Label, time: &str| {
        [
            label.next().padded(SECTION),
            strong(context.clock.second(time, day)),
        ]
    };
    for change in verdict.changes.iter().take(shown) {
        let place = faint(format!(
            "  {}",
            context.names.place(change.source, &change.at)
        ))
        .whole();
        page.flow(
            hang,
            &lead(&mut label, &change.time),
            &[plain(&change.says), place],
        );
    }
    if verdict.changes.len() > shown {
        let more = verdict.changes.len() - shown;
        page.flow(
            SECTION,
            &[],
            &[faint(format!("and {more} more, see --all"))],
        );
    }
    if let Some(good) = good {
        page.flow(
            hang,
            &lead(&mut label, good),
            &[plain("the last connection that went well began")],
        );
    }
}

/// The verdict's own day: its times need no date.
fn day(context: &Context<'_>, verdict: &VerdictReport) -> Option<jiff::civil::Date> {
    let first = context.clock.day(verdict.first.as_deref()?)?;
    let last = verdict
        .last
        .as_deref()
        .map_or(Some(first), |l| context.clock.day(l))?;
    (first == last).then_some(first)
}
