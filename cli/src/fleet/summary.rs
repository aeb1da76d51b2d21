//! The summary for people and for spreadsheets.

use super::told::{Cause, Summary};
use crate::render::page::{Ink, Page, Run, faint, plain, strong};
use crate::render::{Style, count, facts, number, size};
use crate::timeline::cells::row;

/// Lines of one kind in the text. The JSON has them all.
const MOST_LINES: usize = 10;
/// Hosts named in a line.
const MOST_HOSTS: usize = 8;

/// The summary as text.
pub fn text(summary: &Summary, style: &Style) -> String {
    let mut page = Page::new(style.width, style.colour, style.charset);
    head(&mut page, summary);
    for cause in &summary.causes {
        describe(&mut page, summary, cause);
    }
    let servers = summary.servers.iter().map(|s| {
        let why = s.causes.join(", ");
        let clients = count(s.clients, "client", "clients");
        let tries = count(s.tries, "try", "tries");
        (s.server.clone(), vec![clients, tries, why])
    });
    list(&mut page, "Servers at which many clients fail", servers);
    let sources = summary.sources.iter().map(|s| {
        let mut told = vec![
            format!("tried at {}", count(s.hosts, "host", "hosts")),
            count(s.tries, "try", "tries"),
        ];
        told.extend(span(s.first.as_ref(), s.last.as_ref()));
        (s.source.clone(), told)
    });
    list(&mut page, "Strangers at several hosts", sources);
    let unreadable = summary
        .unreadable
        .iter()
        .map(|u| (u.unit.clone(), vec![u.why.clone()]));
    list(&mut page, "Not read", unreadable);
    page.finish()
}

fn head(page: &mut Page, summary: &Summary) {
    let status = |name: &str| summary.status.get(name).copied().unwrap_or(0);
    let mut read = vec![
        count(summary.hosts, "host", "hosts"),
        size(summary.bytes),
        format!("{} records and packets", number(summary.records)),
        count(summary.attempts, "connection", "connections"),
    ];
    for (n, what) in [(summary.failed, "failed"), (summary.dropped, "dropped")] {
        if n > 0 {
            read.push(format!("{} {what}", number(n)));
        }
    }
    page.flow(0, &[], &facts(&read));
    let mut hosts = Vec::new();
    for (name, told) in [
        ("failing", "failing"),
        ("unexplained", "failing for no reason that is recorded"),
        ("ok", "fine"),
        ("unreadable", "not readable"),
    ] {
        if status(name) > 0 {
            hosts.push(format!("{} {told}", number(status(name))));
        }
    }
    if !hosts.is_empty() {
        page.flow(0, &[plain("hosts  ")], &facts(&hosts));
    }
    if summary.interrupted {
        let what = format!(
            "Broken off: {} of {} hosts were analysed.",
            number(summary.hosts),
            number(summary.of)
        );
        page.gap();
        page.flow(2, &[Run::new(Ink::Unsure, "! ")], &[plain(what)]);
    }
    page.gap();
}

fn describe(page: &mut Page, summary: &Summary, cause: &Cause) {
    let (ink, sign) = match (cause.severity, &cause.cause) {
        ("remark", _) => (Ink::Faint, "i "),
        (_, None) => (Ink::Unsure, "? "),
        _ => (Ink::Bad, "✗ "),
    };
    let hosts = count(cause.host_count, "host", "hosts");
    let lead = [Run::new(ink, sign), strong(format!("{hosts}  "))];
    page.flow(2, &lead, &[strong(cause.title.clone())]);
    let mut about: Vec<String> = cause.cause.iter().cloned().collect();
    about.push(count(cause.tries, "try", "tries"));
    about.extend(span(
        day(cause.first.as_ref()).as_ref(),
        day(cause.last.as_ref()).as_ref(),
    ));
    if cause.host_count > 1 {
        about.push(format!("first at {}", cause.first_host));
    }
    page.flow(2, &[plain("  ")], &facts(&about));
    let id = cause.cause.as_deref().unwrap_or_default();
    let changes = summary
        .changes
        .iter()
        .filter(|c| c.cause == id && cause.severity != "remark");
    for change in changes.take(3) {
        let n = number(change.host_count);
        let of = if change.host_count == change.of {
            format!("just before, on all {n}: ")
        } else {
            format!("just before, on {n} of {}: ", number(change.of))
        };
        let since = change.first.get(..16).unwrap_or_default().replace('T', " ");
        let event = change.event.as_deref().unwrap_or_default();
        let body = [
            plain(of),
            Run::paragraph(&change.says),
            faint(format!("  first {since} UTC · {event}")),
        ];
        page.flow(4, &[plain("  ")], &body);
    }
    page.flow(4, &[plain("  ")], &[faint(names(&cause.hosts))]);
    page.gap();
}

fn names(hosts: &[String]) -> String {
    let named: Vec<&str> = hosts.iter().take(MOST_HOSTS).map(String::as_str).collect();
    let more = hosts.len().saturating_sub(MOST_HOSTS) as u64;
    if more > 0 {
        format!("{}, and {} more", named.join(", "), number(more))
    } else {
        named.join(", ")
    }
}

fn list(page: &mut Page, title: &str, lines: impl Iterator<Item = (String, Vec<String>)>) {
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() {
        return;
    }
    page.gap();
    page.flow(0, &[], &[strong(title)]);
    for (name, told) in lines.iter().take(MOST_LINES) {
        page.flow(
            4,
            &[plain("  ")],
            &[plain(format!("{name}  ")), faint(told.join(" · "))],
        );
    }
    let more = lines.len().saturating_sub(MOST_LINES) as u64;
    if more > 0 {
        let what = format!("and {} more, see --format json", number(more));
        page.flow(4, &[plain("  ")], &[faint(what)]);
    }
}

fn day(time: Option<&String>) -> Option<String> {
    time.and_then(|t| t.get(..10)).map(str::to_owned)
}

/// A day, or the first and the last.
fn span(first: Option<&String>, last: Option<&String>) -> Option<String> {
    match (first, last) {
        (Some(first), Some(last)) if first != last => Some(format!("{first} – {last}")),
        (Some(day), _) | (None, Some(day)) => Some(day.clone()),
        (None, None) => None,
    }
}

/// The summary as CSV: one row per finding, its kind in the first column.
pub fn csv(summary: &Summary) -> String {
    let mut out = String::new();
    let columns = [
        "finding", "what", "title", "severity", "hosts", "of", "tries", "first", "last", "names",
    ];
    row(columns, &mut out);
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    let mut add = |cells: [String; 10]| row(cells.iter().map(String::as_str), &mut out);
    for c in &summary.causes {
        add([
            "cause".into(),
            text(&c.cause),
            c.title.clone(),
            c.severity.into(),
            c.host_count.to_string(),
            summary.hosts.to_string(),
            c.tries.to_string(),
            text(&c.first),
            text(&c.last),
            c.hosts.join(" "),
        ]);
    }
    for c in &summary.changes {
        add([
            "change".into(),
            c.cause.clone(),
            c.says.clone(),
            text(&c.event),
            c.host_count.to_string(),
            c.of.to_string(),
            String::new(),
            c.first.clone(),
            String::new(),
            c.hosts.join(" "),
        ]);
    }
    for d in &summary.first_seen {
        let mut cells = [const { String::new() }; 10];
        let [finding, what, _, _, hosts, _, _, first, ..] = &mut cells;
        *finding = "first-seen".into();
        what.clone_from(&d.cause);
        *hosts = d.host_count.to_string();
        first.clone_from(&d.day);
        add(cells);
    }
    for s in &summary.servers {
        add([
            "server".into(),
            s.server.clone(),
            format!("{} clients fail here", s.clients),
            "failure".into(),
            s.hosts.to_string(),
            String::new(),
            s.tries.to_string(),
            String::new(),
            String::new(),
            s.causes.join(" "),
        ]);
    }
    for s in &summary.sources {
        add([
            "source".into(),
            s.source.clone(),
            String::new(),
            "remark".into(),
            s.hosts.to_string(),
            String::new(),
            s.tries.to_string(),
            text(&s.first),
            text(&s.last),
            String::new(),
        ]);
    }
    for u in &summary.unreadable {
        let mut cells = [const { String::new() }; 10];
        let [finding, what, title, ..] = &mut cells;
        *finding = "unreadable".into();
        what.clone_from(&u.unit);
        title.clone_from(&u.why);
        add(cells);
    }
    out
}
