//! The timeline for people.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use rdpwhy_analyzer::stage::Stage;
use rdpwhy_analyzer::timeline::{Entry, Filter, Timeline, Try};
use rdpwhy_parsers::Timestamp;

use super::fold::{Events, Item, is_left_out, items};
use super::names::{event, file, place, provider_name, time};
use super::values;
use crate::render::page::{Ink, Page, Run, faint, plain, strong};
use crate::render::when::{Clock, duration};
use crate::render::{MAX_WIDTH, MIN_WIDTH, Style, count, number};

/// Column of what happened.
const SAYS: usize = 15;
/// Column of a connection's step; its distance from the start stands before it.
const STEP: usize = 15;
/// Clients of folded connections that are named.
const FEW_CLIENTS: usize = 3;
struct Telling<'a, 't> {
    timeline: &'t Timeline<'a>,
    page: Page,
    clock: Clock,
    day: Option<Date>,
    /// The only host there is: the heading names it.
    only_host: Option<&'a str>,
}

/// All events that the filter lets through, folded unless all are asked for.
pub fn text(timeline: &Timeline<'_>, filter: &Filter, style: &Style) -> String {
    let page = Page::new(
        style.width.clamp(MIN_WIDTH, MAX_WIDTH),
        style.colour,
        style.charset,
    );
    let mut telling = Telling {
        timeline,
        page,
        clock: Clock::new(style.zone.clone()),
        day: None,
        only_host: timeline.only_host(),
    };
    telling.head();
    let entries = timeline.entries(filter);
    if style.all {
        for entry in entries {
            telling.line(&entry);
        }
        telling.counts();
    } else {
        // Who asks for one attempt wants all of it.
        let whole = filter.attempt.is_some();
        let mut left_out = BTreeMap::<&str, u64>::new();
        let entries = entries.filter(|e| {
            let leave = !whole && is_left_out(e);
            if leave {
                *left_out.entry(e.kind).or_default() += 1;
            }
            !leave
        });
        for item in items(timeline, entries, whole) {
            telling.item(item);
        }
        telling.left_out(&left_out);
    }
    telling.page.finish()
}

impl<'a> Telling<'a, '_> {
    fn head(&mut self) {
        let (first, last, sources) = self.timeline.extent();
        let sources = count(sources as u64, "source", "sources");
        let span = match (first, last) {
            (Some(first), Some(last)) => self.clock.span(&time(first), &time(last)),
            _ => "no event".to_owned(),
        };
        let host = self
            .only_host
            .map(|h| format!("{h} · "))
            .unwrap_or_default();
        self.page.flow(
            0,
            &[],
            &[strong(host), faint(format!("{sources} · {span}"))],
        );
    }

    /// A heading when the day changes.
    fn day(&mut self, at: Timestamp) {
        let day = self.clock.day(&time(at));
        if day != self.day {
            self.day = day;
            let name = day
                .map(|d| d.strftime("%A, %Y-%m-%d").to_string())
                .unwrap_or_default();
            self.page.gap();
            self.page.flow(0, &[], &[strong(name)]);
        }
    }

    fn moment(&self, at: Timestamp) -> Run {
        plain(format!("  {}", self.clock.time(&time(at), self.day)))
    }

    fn item(&mut self, item: Item<'a>) {
        self.day(item.from());
        match item {
            Item::Events(events) => self.events(&events),
            Item::Connection { attempt, events } => self.connection(attempt, &events),
            Item::Connections { from, to, attempts } => self.connections(from, to, &attempts),
        }
    }

    fn events(&mut self, events: &Events<'_>) {
        let entry = &events.first;
        let mut body = if events.times == 1 {
            says(entry, &[])
        } else {
            let until = self.clock.second(&time(events.to), self.day);
            let mut body = vec![plain(format!(
                "{}{}",
                meaning(entry),
                values::of_all(events)
            ))];
            body.push(strong(format!(" ×{} until {until}", number(events.times))).whole());
            body
        };
        body.extend(self.origin(entry, true));
        self.page.flow(SAYS, &[self.moment(entry.time)], &body);
    }

    fn connection(&mut self, attempt: usize, events: &[Entry<'_>]) {
        let Some(a) = self.timeline.attempt(attempt) else {
            return;
        };
        let start = events.first().map_or(a.start, |e| e.time);
        self.page.gap();
        let (ink, _) = look(a.outcome);
        let mut body = vec![
            strong(format!("{} → {}", a.client, a.server)),
            Run::new(ink, format!("  {}", ended(&a))),
        ];
        body.extend(self.facts(&a));
        self.page.flow(SAYS, &[self.moment(start)], &body);
        let heading = heading(&a);
        let mut steps = steps(events).into_iter().peekable();
        while let Some((entry, times)) = steps.next() {
            let after = entry.time.since(start);
            let mut body = says(entry, &heading);
            if times > 1 {
                body.push(strong(format!(" ×{}", number(times))));
            }
            body.extend(self.origin(entry, false));
            let lead = faint(format!("{:>13}", offset(after)));
            self.page.flow(STEP, &[lead], &body);
        }
        self.page.gap();
    }

    fn connections(&mut self, from: Timestamp, to: Timestamp, attempts: &[(usize, u64)]) {
        let tried: Vec<(Try<'_>, u64)> = attempts
            .iter()
            .filter_map(|(i, n)| Some((self.timeline.attempt(*i)?, *n)))
            .collect();
        let Some((a, _)) = tried.first() else { return };
        let tries = tried.iter().map(|(_, n)| n).sum();
        let until = match self.clock.second(&time(to), self.day) {
            until if until == self.clock.second(&time(from), self.day) => String::new(),
            until => format!(" until {until}"),
        };
        let mut clients: BTreeMap<&str, u64> = BTreeMap::new();
        for (t, n) in tried.iter().filter(|(t, _)| t.client_known) {
            *clients.entry(t.client_host.as_str()).or_default() += n;
        }
        let (ink, _) = look(a.outcome);
        let mut body = vec![
            strong(count(tries, "try", "tries")),
            plain(format!(" at {}", a.server)),
        ];
        body.push(plain(match (clients.len(), clients.first_key_value()) {
            (1, Some((client, _))) => format!(" by {client}{until}: "),
            (n @ 2.., _) => {
                format!(
                    " by {} ({}){until}: ",
                    count(n as u64, "client", "clients"),
                    most(&clients, FEW_CLIENTS)
                )
            }
            _ => format!("{until}, from where is not recorded: "),
        }));
        body.push(Run::new(ink, how(a)));
        let users: BTreeSet<&str> = tried.iter().filter_map(|(t, _)| t.user).collect();
        match (users.first(), users.len()) {
            (Some(user), 1) => body.push(plain(format!(", as {user}"))),
            (Some(_), n) => body.push(plain(format!(", as {n} users"))),
            _ => {}
        }
        body.extend(a.cause.map(|c| plain(format!(" · {c}")).whole()));
        self.page.flow(SAYS, &[self.moment(from)], &body);
    }

    /// What stands behind a connection's heading: user, cause, id.
    fn facts(&self, a: &Try<'_>) -> Vec<Run> {
        let mut runs = Vec::new();
        runs.extend(a.user.map(|u| plain(format!(" · {u}")).whole()));
        runs.extend(a.cause.map(|c| plain(format!(" · {c}")).whole()));
        if a.count == 1 {
            runs.push(faint(format!(" · {}", a.id)).whole());
        }
        runs
    }

    fn origin(&self, entry: &Entry<'_>, with_host: bool) -> Vec<Run> {
        let what = event(entry).unwrap_or_else(|| file(entry.path).to_owned());
        let mut facts = vec![format!("{what}, {}", place(entry))];
        if with_host {
            facts.extend(
                entry
                    .host
                    .filter(|_| self.only_host.is_none())
                    .map(str::to_owned),
            );
        }
        if entry.time != entry.raw {
            facts.push(format!(
                "{} there",
                self.clock.time(&time(entry.raw), self.day)
            ));
        }
        facts
            .into_iter()
            .map(|f| faint(format!(" · {f}")).whole())
            .collect()
    }

    /// One event on its own, nothing folded.
    fn line(&mut self, entry: &Entry<'_>) {
        self.day(entry.time);
        let mut body = says(entry, &[]);
        if let Some(a) = entry.attempt.and_then(|a| self.timeline.attempt(a)) {
            body.push(faint(format!(" · {}", a.id)).whole());
        }
        body.extend(self.origin(entry, true));
        self.page.flow(SAYS, &[self.moment(entry.time)], &body);
    }

    fn left_out(&mut self, counts: &BTreeMap<&str, u64>) {
        if counts.is_empty() {
            return;
        }
        let kinds: Vec<String> = counts
            .iter()
            .map(|(kind, n)| format!("{} × {kind}", number(*n)))
            .collect();
        self.page.gap();
        self.page.flow(
            0,
            &[],
            &[faint(format!("Left out, see --all: {}", kinds.join(", ")))],
        );
    }

    /// What the logs hold beside the events above.
    fn counts(&mut self) {
        let counts = self.timeline.counts();
        let mut path = "";
        for count in &counts {
            if count.known && count.recovered == 0 {
                continue;
            }
            if path != count.path {
                path = &count.path;
                self.page.gap();
                self.page.flow(
                    0,
                    &[],
                    &[strong("Not on the timeline, or recovered: "), plain(path)],
                );
            }
            let mut body = vec![plain(format!(
                "{} {}",
                provider_name(&count.provider),
                count.id
            ))];
            if !count.known {
                body.push(faint(format!(
                    " · {} no file of the catalogue describes",
                    records(count.live)
                )));
            }
            if count.recovered > 0 {
                body.push(faint(format!(" · {} recovered", records(count.recovered))));
            }
            self.page.flow(2, &[], &body);
        }
    }
}

/// What the kind of an event means, its main clause.
fn meaning(entry: &Entry<'_>) -> &'static str {
    entry.meaning.split(';').next().unwrap_or_default()
}

/// What an event says, without what a heading tells already.
fn says(entry: &Entry<'_>, heading: &[String]) -> Vec<Run> {
    let recovered = if entry.recovered {
        " (recovered from outside the log's live part)"
    } else {
        ""
    };
    vec![plain(format!(
        "{}{}{recovered}",
        meaning(entry),
        values::of_one(entry, heading)
    ))]
}

/// `a ×7, b ×2, c and 4 more`.
fn most(counted: &BTreeMap<&str, u64>, few: usize) -> String {
    let mut most: Vec<(&str, u64)> = counted.iter().map(|(c, n)| (*c, *n)).collect();
    most.sort_by_key(|(name, n)| (std::cmp::Reverse(*n), *name));
    let named: Vec<String> = most
        .iter()
        .take(few)
        .map(|(c, n)| {
            if *n > 1 {
                format!("{c} ×{n}")
            } else {
                (*c).to_owned()
            }
        })
        .collect();
    let more = most.len().saturating_sub(few);
    if more == 0 {
        named.join(", ")
    } else {
        format!("{} and {more} more", named.join(", "))
    }
}

fn records(n: u64) -> String {
    count(n, "record", "records")
}

fn look(outcome: &str) -> (Ink, &'static str) {
    match outcome {
        "ok" => (Ink::Good, "went well"),
        "failed" => (Ink::Bad, "failed"),
        "dropped" => (Ink::Bad, "was lost"),
        "cancelled" => (Ink::Plain, "was given up"),
        _ => (Ink::Unsure, "end not recorded"),
    }
}

/// `failed in NLA after 4.4 s`.
fn ended(a: &Try<'_>) -> String {
    let lasted = a.end.since(a.start);
    let lasted = if lasted > 0 {
        format!(" after {}", duration(milliseconds(lasted)))
    } else {
        String::new()
    };
    format!("{}{lasted}", how(a))
}

/// `failed in NLA, ended by the server`.
fn how(a: &Try<'_>) -> String {
    let (_, word) = look(a.outcome);
    let stage = match a.outcome {
        "ok" | "dropped" => String::new(),
        "unknown" => format!(", got as far as {}", step(a.stage)),
        _ => format!(" in {}", step(a.stage)),
    };
    let by = match (a.outcome, a.closed_by) {
        ("failed" | "dropped", by @ ("client" | "server" | "middlebox")) => {
            format!(", ended by the {by}")
        }
        ("failed" | "dropped", "nobody") => ", went silent".to_owned(),
        _ => String::new(),
    };
    format!("{word}{stage}{by}")
}

/// A stage as people call it.
fn step(stage: Stage) -> &'static str {
    match stage {
        Stage::Name => "the search for the server",
        Stage::Tcp => "TCP",
        Stage::X224 => "the negotiation of protocols",
        Stage::Tls => "TLS",
        Stage::Credssp => "NLA",
        Stage::Authorization => "authorization",
        Stage::Mcs => "the MCS connect",
        Stage::Licensing => "licensing",
        Stage::Activation => "activation",
        Stage::Session => "the session",
    }
}

/// Values that a connection's heading tells.
fn heading(a: &Try<'_>) -> Vec<String> {
    let mut told = vec![a.client_host.clone(), a.server.clone()];
    if let Some(user) = a.user {
        told.push(user.to_owned());
        told.extend(user.split('\\').map(str::to_owned));
    }
    told
}

/// Events of a connection, those that repeat each other once.
fn steps<'e, 'a>(events: &'e [Entry<'a>]) -> Vec<(&'e Entry<'a>, u64)> {
    let mut steps: Vec<(&Entry<'a>, u64)> = Vec::new();
    for entry in events {
        match steps.iter_mut().rev().take(3).find(|(e, _)| {
            e.kind == entry.kind && e.origin == entry.origin && e.details == entry.details
        }) {
            Some((_, times)) => *times += 1,
            None => steps.push((entry, 1)),
        }
    }
    steps
}

/// `+0.412 s`.
fn offset(nanoseconds: i64) -> String {
    let ms = milliseconds(nanoseconds);
    if ms < 120_000.0 {
        format!("+{:.3}", ms / 1000.0)
    } else {
        format!("+{}", duration(ms))
    }
}

#[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
fn milliseconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / 1_000_000.0
}
