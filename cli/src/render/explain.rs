//! What a code, an event or a cause means, as text.

use rdpwhy_analyzer::explain::{
    CauseReading, CodeReading, DialogReading, EventReading, Explanation, Lead, Place, Reading,
    SignText,
};
use rdpwhy_analyzer::stage::Stage;

use super::names::channel;
use super::page::{Ink, Page, Run, faint, plain, strong};
use super::remedy::remedy;
use super::{MAX_WIDTH, MIN_WIDTH, Style, facts};

/// Column of a section's text.
const SECTION: usize = 12;
/// Causes that are told with sign and fix; of more, a line each; of many, the ids alone.
const FEW_IN_FULL: usize = 4;
/// Causes of one reading that get a line each without `--all`.
const FEW_LINES: usize = 12;
/// Readings in full without `--all`; of further ones a line each.
const FEW_READINGS: usize = 3;
/// From this number on, people know statuses in hex.
const STATUS_FROM: u32 = 0x0100_0000;

/// Writes all readings, the likeliest first.
pub fn explanation(explanation: &Explanation, style: &Style) -> String {
    let mut page = Page::new(
        style.width.clamp(MIN_WIDTH, MAX_WIDTH),
        style.colour,
        style.charset,
    );
    let readings = &explanation.readings;
    let full = if style.all {
        readings.len()
    } else {
        readings.len().min(FEW_READINGS)
    };
    for reading in readings.iter().take(full) {
        page.gap();
        match reading {
            Reading::Dialog(d) => dialog(&mut page, d, style),
            Reading::Code(c) => code(&mut page, c, style),
            Reading::Event(e) => event(&mut page, e, style),
            Reading::Cause(c) => cause(&mut page, c),
        }
    }
    if readings.len() > full {
        page.gap();
        page.flow(
            0,
            &[],
            &[faint("It may also be (--all shows them in full):")],
        );
        for reading in readings.iter().skip(full) {
            let (name, meaning) = in_a_line(reading);
            page.flow(
                4,
                &[plain("  ")],
                &[strong(name), plain(format!("  {meaning}"))],
            );
        }
    }
    page.finish()
}

fn in_a_line(reading: &Reading) -> (String, String) {
    match reading {
        Reading::Dialog(d) => (pair(d), d.meaning.clone()),
        Reading::Code(c) => (c.name.to_owned(), format!("{} ({})", c.meaning, c.registry)),
        Reading::Event(e) => (place_or_kind(e), e.meaning.to_owned()),
        Reading::Cause(c) => (c.cause.clone(), c.title.clone()),
    }
}

fn pair(d: &DialogReading) -> String {
    format!("0x{:X} / 0x{:X}", d.reason, d.extended)
}

fn dialog(page: &mut Page, d: &DialogReading, style: &Style) {
    let names = format!("  {} / {}", d.reason_name, d.extended_name);
    page.flow(2, &[], &[strong(pair(d)), faint(names)]);
    page.flow(2, &[plain("  ")], &[Run::paragraph(&d.meaning)]);
    if let Some(first) = &d.first_question {
        page.gap();
        section(page, "First", &[plain(first)]);
    }
    for (n, ask) in d.asks.iter().enumerate() {
        let body = [
            strong(format!("{}, after {}: ", ask.closed_by, ask.after)),
            plain(&ask.means),
        ];
        section(page, if n == 0 { "Closed by" } else { "" }, &body);
    }
    if !d.neighbours.is_empty() {
        page.gap();
    }
    for (n, other) in d.neighbours.iter().enumerate() {
        let body = [
            strong(format!("{}  ", other.shows)),
            plain(&other.would_mean),
        ];
        section(page, if n == 0 { "Not" } else { "" }, &body);
    }
    page.gap();
    by_stage(page, "Leads to", &d.leads.iter().collect::<Vec<_>>());
    page.gap();
    by_stage(page, "At times", &d.sometimes.iter().collect::<Vec<_>>());
    if !d.leads.is_empty() && !style.all {
        page.gap();
        let hint = "rdpwhy explain CAUSE tells the signs and the fix of each; rdpwhy diagnose finds the one";
        page.flow(2, &[plain("  ")], &[faint(hint)]);
    }
}

/// Causes by the stage at which they break a connection.
fn by_stage(page: &mut Page, label: &str, leads: &[&Lead]) {
    let mut label = label;
    for stage in stages(leads.iter().map(|l| l.stage.as_str())) {
        let ids: Vec<String> = leads
            .iter()
            .filter(|l| l.stage == stage)
            .map(|l| l.cause.clone())
            .collect();
        let mut body = vec![strong(format!("{stage}: "))];
        body.extend(facts(&ids));
        section(page, std::mem::take(&mut label), &body);
    }
}

/// Stages in the order of a connection, then what is no stage.
pub fn stages<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let order = |name: &str| {
        Stage::ALL
            .iter()
            .position(|s| s.name() == name)
            .unwrap_or(usize::MAX)
    };
    let mut all: Vec<&str> = names.collect();
    all.sort_by_key(|name| (order(name), *name));
    all.dedup();
    all
}

fn code(page: &mut Page, c: &CodeReading, style: &Style) {
    let number = match c.value {
        n if n < 10 => n.to_string(),
        n if n >= STATUS_FROM => format!("0x{n:08X}"),
        n => format!("0x{n:X} = {n}"),
    };
    page.flow(
        2,
        &[],
        &[
            strong(format!("{number}  {}", c.name)),
            faint(format!("  {}", c.registry)),
        ],
    );
    page.flow(
        2,
        &[plain("  ")],
        &[plain(format!("{}.", capital(c.meaning)))],
    );
    section(page, "Seen as", &[plain(format!("{}.", c.seen))]);
    leads(page, &c.leads, style);
    section(page, "Source", &[faint(c.source)]);
}

fn event(page: &mut Page, e: &EventReading, style: &Style) {
    let about = [strong(place_or_kind(e)), faint(format!("  {}", e.event))];
    page.flow(2, &[], &about);
    page.flow(2, &[plain("  ")], &[plain(e.meaning)]);
    if let Some(p) = &e.place {
        section(page, "Log", &[plain(p.channel)]);
    }
    if let Some(stage) = e.stage {
        section(
            page,
            "Proves",
            &[plain(format!(
                "the connection had entered the stage {stage}"
            ))],
        );
    }
    if e.off_by_default {
        let body = [plain(
            "only after somebody switched it on: its absence proves nothing",
        )];
        section(page, "Written", &body);
    }
    for (n, v) in e.variants.iter().enumerate() {
        let body = [
            plain(v.event),
            faint(format!(" where {} is {}", v.field, v.values.join(", "))),
        ];
        section(page, if n == 0 { "Or" } else { "" }, &body);
    }
    if !e.fields.is_empty() {
        section(page, "Values", &[plain(e.fields.join(", "))]);
    }
    leads(page, &e.leads, style);
}

fn place_or_kind(e: &EventReading) -> String {
    e.place
        .as_ref()
        .map_or_else(|| format!("{} (in a capture)", e.event), place)
}

/// `Schannel 36870 in System`, `Security 4625`, `RdpCoreTS 131`.
fn place(p: &Place) -> String {
    match p.channel {
        "Security" => format!("Security {}", p.id),
        "System" | "Application" => format!("{} {} in {}", channel(p.provider), p.id, p.channel),
        own => format!("{} {}", channel(own), p.id),
    }
}

/// Causes: those that it speaks for with sign and fix, those that it speaks against by name.
fn leads(page: &mut Page, all: &[Lead], style: &Style) {
    let of =
        |roles: &[&str]| -> Vec<&Lead> { all.iter().filter(|l| roles.contains(&l.role)).collect() };
    let toward = of(&["required", "shown", "mentioned"]);
    let mut name = "Leads to";
    if toward.len() <= FEW_IN_FULL || style.all {
        for lead in toward {
            let id = faint(format!("  {}", lead.cause));
            section(page, std::mem::take(&mut name), &[strong(&lead.title), id]);
            let more = [
                ("sign: ", &lead.says),
                ("fix ", &lead.fix),
                ("check: ", &lead.verify),
            ];
            for (label, text) in more {
                if let Some(text) = text {
                    page.flow(
                        SECTION + 4,
                        &[plain(" ".repeat(SECTION + 2))],
                        &[faint(label), plain(text)],
                    );
                }
            }
        }
    } else if toward.len() > FEW_LINES {
        by_stage(page, name, &toward);
    } else {
        for lead in &toward {
            let id = faint(format!("  {}", lead.cause));
            section(page, std::mem::take(&mut name), &[plain(&lead.title), id]);
        }
    }
    for (label, role) in [("Supports", "supporting"), ("Against", "excluding")] {
        let ids: Vec<String> = of(&[role]).iter().map(|l| l.cause.clone()).collect();
        if !ids.is_empty() {
            section(page, label, &facts(&ids));
        }
    }
}

fn cause(page: &mut Page, c: &CauseReading) {
    let about = format!("  {} · stage {} · on the {}", c.cause, c.stage, c.side);
    page.flow(2, &[], &[strong(&c.title), faint(about)]);
    page.gap();
    page.flow(2, &[plain("  ")], &[Run::paragraph(&c.summary)]);
    if let Some(mstsc) = &c.mstsc {
        page.gap();
        section(page, "mstsc", &[plain(format!("shows {mstsc}"))]);
    }
    for (label, signs) in [
        ("Needs", &c.required),
        ("Supports", &c.supporting),
        ("Against", &c.excluding),
        ("Or alone", &c.alone),
    ] {
        page.gap();
        for (n, s) in signs.iter().enumerate() {
            sign(page, if n == 0 { label } else { "" }, SECTION, s);
        }
    }
    if let Some(r) = &c.remedy {
        page.gap();
        remedy(page, r, SECTION);
    }
    page.gap();
    for (n, other) in c.similar.iter().enumerate() {
        let body = [strong(format!("{}: ", other.cause)), plain(&other.tell)];
        section(page, if n == 0 { "Alike" } else { "" }, &body);
    }
    for (label, ids) in [("Refines", &c.refines), ("Explains", &c.explains)] {
        if !ids.is_empty() {
            section(page, label, &facts(ids));
        }
    }
    for (n, source) in c.references.iter().enumerate() {
        section(page, if n == 0 { "Source" } else { "" }, &[faint(source)]);
    }
}

fn sign(page: &mut Page, label: &str, indent: usize, s: &SignText) {
    let how = match s.kind {
        "any" => ", by one of:",
        "all" => ", by all of:",
        "witnesses" => ", as any of these tells:",
        "absent" => "; this must not be there:",
        _ => "",
    };
    let lead = [strong(format!("  {label}")).padded(indent), faint("• ")];
    let mut body = vec![plain(format!("{}{how}", s.says))];
    if s.is_wire() {
        body.push(faint("  a capture shows it"));
    }
    let mut places: Vec<String> = s.places.iter().map(place).collect();
    places.dedup();
    if !places.is_empty() {
        body.push(plain("  "));
        body.extend(facts(&places));
    }
    if !s.wants.is_empty() {
        body.push(faint(format!("  where {}", s.wants.join(" and "))));
    }
    if s.statement {
        body.push(Run::new(Ink::Good, "  (says the reason itself)"));
    }
    page.flow(indent + 2, &lead, &body);
    for member in &s.members {
        sign(page, "", indent + 2, member);
    }
}

fn section(page: &mut Page, label: &str, body: &[Run]) {
    let lead = if label.is_empty() {
        plain("")
    } else {
        strong(format!("  {label}"))
    };
    page.flow(SECTION, &[lead], body);
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|c| c.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
