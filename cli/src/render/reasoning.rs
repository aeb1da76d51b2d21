//! The answer to `--why-not`: what became of each sign of a cause.

use rdpwhy_analyzer::reasoning::{Reasoned, ReasonedSign, Stretch};

use super::evidence::SECTION;
use super::names::channels;
use super::page::{Ink, Page, Run, faint, plain, strong};
use super::{Context, count, facts};

/// Groups of attempts that are shown without `--all`.
const FEW: usize = 3;
/// Places of one sign that are shown without `--all`.
const FEW_PLACES: usize = 2;
/// Columns by which members of a group stand further right.
const STEP: usize = 2;

/// Writes it, if it was asked for.
pub fn reasoning(page: &mut Page, context: &Context<'_>) {
    let Some(reasoning) = &context.report.reasoning else {
        return;
    };
    page.gap();
    let heading = [
        strong("Why not "),
        strong(format!("{}  ", reasoning.cause)),
        plain(&reasoning.title),
    ];
    page.flow(2, &[], &heading);
    if reasoning.attempts.is_empty() {
        page.flow(2, &[plain("  ")], &[plain("No connection failed.")]);
        return;
    }
    let shown = context.shown(reasoning.attempts.len(), FEW);
    for group in reasoning.attempts.iter().take(shown) {
        page.gap();
        attempts(page, context, group);
    }
    let rest = reasoning.attempts.len() - shown;
    if rest > 0 {
        let more = count(rest as u64, "other reasoning", "other reasonings");
        page.flow(
            2,
            &[plain("  ")],
            &[faint(format!("and {more}, see --all"))],
        );
    }
}

/// Failed connections with the same answers.
fn attempts(page: &mut Page, context: &Context<'_>, group: &Reasoned) {
    let mut who = vec![count(
        group.attempts.len() as u64,
        "failed connection",
        "failed connections",
    )];
    who.push(match group.clients.as_slice() {
        [client] => format!("{client} → {}", group.server),
        clients => format!("{} clients → {}", clients.len(), group.server),
    });
    who.push(context.clock.span(&group.first, &group.last));
    page.flow(2, &[plain("  ")], &facts(&who));
    let (word, ink) = match group.conclusion {
        "answer" => ("it is the answer", Ink::Bad),
        "behind" => ("it steps behind", Ink::Unsure),
        "open" => ("it cannot be told", Ink::Unsure),
        _ => ("it is ruled out", Ink::Strong),
    };
    let sure = group
        .confidence
        .map(|c| format!(" ({c})"))
        .unwrap_or_default();
    let body = [
        Run::new(ink, word),
        plain(format!("{sure}: {}", channels(&group.why))),
    ];
    page.flow(2, &[plain("  ")], &body);
    for (name, signs) in [
        ("Needs", &group.required),
        ("Supports", &group.supporting),
        ("Against", &group.excluding),
    ] {
        for (n, one) in signs.iter().enumerate() {
            let label = if n == 0 { name } else { "" };
            sign(page, context, label, SECTION + STEP, one, name != "Against");
        }
    }
}

/// `wanted` says whether the sign speaks for the cause when it is there.
fn sign(
    page: &mut Page,
    context: &Context<'_>,
    label: &str,
    indent: usize,
    sign: &ReasonedSign,
    wanted: bool,
) {
    let (good, bad) = if wanted {
        (Ink::Good, Ink::Bad)
    } else {
        (Ink::Bad, Ink::Good)
    };
    let (mark, ink) = match sign.answer {
        "seen" => ("✓ ", good),
        "absent" => ("✗ ", bad),
        "unknown" => ("? ", Ink::Unsure),
        _ => ("· ", Ink::Faint),
    };
    let label = if label.is_empty() {
        String::new()
    } else {
        format!("  {label}")
    };
    let lead = [strong(label).padded(indent), Run::new(ink, mark)];
    let hang = indent + STEP;
    page.flow(hang, &lead, &[plain(&sign.says), faint(told(sign))]);
    // What was never asked has no places, and its members say nothing more.
    for place in places(context, sign) {
        page.flow(hang + STEP, &[plain(" ".repeat(hang))], &[place]);
    }
    if let Some(group) = sign.group.filter(|_| !sign.members.is_empty()) {
        let how = match group {
            "any" if sign.answer == "seen" => "one is enough:",
            "any" => "one of these would be enough:",
            "all" => "all of these:",
            "witnesses" => "one fact, as each of them would tell it:",
            _ => "this must not be there:",
        };
        page.flow(hang, &[plain(" ".repeat(hang))], &[faint(how)]);
    }
    // Where one is enough, the others are of no interest.
    let enough = matches!(sign.group, Some("any" | "witnesses")) && sign.answer == "seen";
    let wanted = wanted != (sign.group == Some("absent"));
    let shown = |m: &&ReasonedSign| !enough || m.answer == "seen" || context.style.all;
    for member in sign.members.iter().filter(shown) {
        self::sign(page, context, "", hang, member, wanted);
    }
}

/// What stands behind the sentence.
fn told(sign: &ReasonedSign) -> String {
    let note = |text: &str| {
        let note = sign.note.as_deref();
        note.map_or_else(|| text.to_owned(), |n| format!("  {n}{text}"))
    };
    match sign.answer {
        "not-asked" => note(": not asked"),
        "absent" if sign.group.is_none() && sign.note.is_none() && sign.covered.is_empty() => {
            "  not found".to_owned()
        }
        _ => note(""),
    }
}

fn places(context: &Context<'_>, sign: &ReasonedSign) -> Vec<Run> {
    let mut lines = Vec::new();
    let shown = |n: usize| context.shown(n, FEW_PLACES);
    for e in sign.found.iter().take(shown(sign.found.len())) {
        let place = context.names.place_of(e);
        let time = context.clock.time(&e.time, None);
        let says = if e.says == sign.says {
            String::new()
        } else {
            format!(": {}", e.says)
        };
        lines.push(faint(format!("{place}, {time}{says}")));
    }
    let stretch = |s: &Stretch| {
        let span = context.clock.span(&s.from, &s.to);
        format!("{} of {} for {span}", channels(&s.channel), s.host)
    };
    for s in sign.covered.iter().take(shown(sign.covered.len())) {
        lines.push(faint(format!("not in {}, which is here", stretch(s))));
    }
    for s in sign.missing.iter().take(shown(sign.missing.len())) {
        let what = format!("it would be in {}: {}", stretch(s), s.why);
        lines.push(Run::new(Ink::Unsure, what));
    }
    lines
}
