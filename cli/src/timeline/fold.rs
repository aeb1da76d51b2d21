//! From events to what a person reads: connections with their steps, and single events, noise folded.

use std::collections::BTreeMap;

use rdpwhy_analyzer::timeline::{Entry, Timeline, Try};
use rdpwhy_parsers::Timestamp;

use super::values;

/// Things of one sort that follow each other within this time are one line.
const PAUSE_NS: i64 = 30 * MINUTE_NS;
/// The same for what a healthy machine does all day.
const QUIET_PAUSE_NS: i64 = 12 * 60 * MINUTE_NS;
const MINUTE_NS: i64 = 60 * 1_000_000_000;
/// Kinds that a person reads past.
const LEFT_OUT: [&str; 6] = [
    "update.downloading",
    "update.started",
    "uptime.told",
    "logon.privileged",
    "connection.disconnecting",
    "policy.unchanged",
];
/// Beginnings of the kinds of what a healthy machine does all day.
const QUIET: [&str; 9] = [
    "policy.",
    "update.",
    "uptime.",
    "time.synchronised",
    "os.version",
    "service.start-type-changed",
    "logon.privileged",
    "logon.ended",
    "ntlm.",
];
/// Values that make an event another one, not one more: they say why.
const CODES: [&str; 7] = [
    "logon_type",
    "error",
    "status",
    "sub_status",
    "reason",
    "client_ip",
    "alert",
];
/// Different values of one name that a line remembers; it shows a handful.
const MOST_VALUES: usize = 200;
/// A user's failed tries that are told together, from this number on.
const SEVERAL: usize = 3;

/// Whether a person reads past it: each is also told by something else, or tells that nothing happened. `--all` shows it.
pub fn is_left_out(entry: &Entry<'_>) -> bool {
    let small_step = entry.kind == "clock.changed"
        && values::clock_step(entry).is_some_and(|ms| ms.abs() < 1000.0);
    entry.attempt.is_none() && (LEFT_OUT.contains(&entry.kind) || small_step)
}

/// One thing on the page.
pub enum Item<'a> {
    /// A connection, with its events.
    Connection {
        /// Index of the attempt.
        attempt: usize,
        /// Its events, by time.
        events: Vec<Entry<'a>>,
    },
    /// Connections of one sort.
    Connections {
        /// First sign of the first.
        from: Timestamp,
        /// Last sign of the last.
        to: Timestamp,
        /// Indices of the attempts, and how many tries of each are told here.
        attempts: Vec<(usize, u64)>,
    },
    /// Events that belong to no connection.
    Events(Box<Events<'a>>),
}

/// Events of one sort that belong to no connection.
pub struct Events<'a> {
    /// The first.
    pub first: Entry<'a>,
    /// When the last was.
    pub to: Timestamp,
    /// How many there were.
    pub times: u64,
    /// What people want to know of them, by name: how often each value was met.
    pub values: BTreeMap<&'static str, BTreeMap<String, u64>>,
}

impl<'a> Events<'a> {
    fn new(first: Entry<'a>) -> Self {
        let mut events = Self {
            to: first.time,
            times: 0,
            values: BTreeMap::new(),
            first: first.clone(),
        };
        events.add(&first);
        events
    }

    fn add(&mut self, entry: &Entry<'a>) {
        self.to = self.to.max(entry.time);
        self.times += 1;
        for (name, value) in &entry.details {
            let values = self.values.entry(name).or_default();
            if values.len() < MOST_VALUES || values.contains_key(value) {
                *values.entry(value.clone()).or_default() += 1;
            }
        }
    }
}

impl Item<'_> {
    /// When it began.
    pub fn from(&self) -> Timestamp {
        match self {
            Self::Connection { events, .. } => events.first().map_or(Timestamp(0), |e| e.time),
            Self::Connections { from, .. } => *from,
            Self::Events(events) => events.first.time,
        }
    }
}

/// What connections have in common that are told in one line.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Likeness {
    server: String,
    outcome: &'static str,
    stage: &'static str,
    cause: Option<String>,
    /// A user's own tries are told together only when they are of one client and user.
    client: Option<(String, Option<String>)>,
}

/// Folds the events of a timeline; `whole` leaves connections as they are.
pub fn items<'a>(
    timeline: &Timeline<'a>,
    entries: impl Iterator<Item = Entry<'a>>,
    whole: bool,
) -> Vec<Item<'a>> {
    let mut items: Vec<Item<'a>> = Vec::new();
    let mut open_connections: BTreeMap<usize, usize> = BTreeMap::new();
    let mut open_events: BTreeMap<String, usize> = BTreeMap::new();
    for entry in entries {
        let Some(attempt) = entry.attempt else {
            add_event(entry, &mut items, &mut open_events);
            continue;
        };
        let many = timeline.attempt(attempt).is_some_and(|a| a.count > 1);
        let open = open_connections
            .get(&attempt)
            .and_then(|i| items.get_mut(*i));
        match open {
            // The tries behind one entry may spread over days: each day's are told where they happened.
            Some(Item::Connection { events, .. })
                if !many
                    || events
                        .last()
                        .is_some_and(|e| entry.time.since(e.time) <= PAUSE_NS) =>
            {
                events.push(entry);
            }
            _ => {
                open_connections.insert(attempt, items.len());
                items.push(Item::Connection {
                    attempt,
                    events: vec![entry],
                });
            }
        }
    }
    if whole { items } else { alike(timeline, items) }
}

fn add_event<'a>(entry: Entry<'a>, items: &mut Vec<Item<'a>>, open: &mut BTreeMap<String, usize>) {
    let quiet = QUIET.iter().any(|q| entry.kind.starts_with(q));
    let pause = if quiet { QUIET_PAUSE_NS } else { PAUSE_NS };
    let key = sort_of(&entry);
    if let Some(Item::Events(events)) = open.get(&key).and_then(|i| items.get_mut(*i))
        && entry.time.since(events.to) <= pause
    {
        return events.add(&entry);
    }
    open.insert(key, items.len());
    items.push(Item::Events(Box::new(Events::new(entry))));
}

/// Events of one sort differ in what they name, not in what they mean.
fn sort_of(entry: &Entry<'_>) -> String {
    let from_afar = entry.values.iter().any(|(n, _)| *n == "client_ip");
    let codes: Vec<&str> = entry
        .values
        .iter()
        .filter(|(n, _)| CODES.contains(n) || (from_afar && *n == "user"))
        .map(|(_, v)| v.as_str())
        .collect();
    format!(
        "{:?} {} {codes:?} {}",
        entry.host, entry.kind, entry.recovered
    )
}

/// Puts connections of one sort together, when there are several within the pause.
fn alike<'a>(timeline: &Timeline<'a>, items: Vec<Item<'a>>) -> Vec<Item<'a>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut least: Vec<usize> = Vec::new();
    let mut open: BTreeMap<Likeness, (usize, Timestamp)> = BTreeMap::new();
    for (index, item) in items.iter().enumerate() {
        let Item::Connection { attempt, events } = item else {
            continue;
        };
        let Some(a) = timeline.attempt(*attempt) else {
            continue;
        };
        let Some(like) = likeness(&a) else { continue };
        let likes_company = if is_stranger(&a) { 2 } else { SEVERAL };
        let end = events.last().map_or(item.from(), |e| e.time);
        match open.get_mut(&like) {
            Some((group, last)) if item.from().since(*last) <= PAUSE_NS => {
                *last = (*last).max(end);
                if let Some(group) = groups.get_mut(*group) {
                    group.push(index);
                }
            }
            _ => {
                open.insert(like, (groups.len(), end));
                groups.push(vec![index]);
                least.push(likes_company);
            }
        }
    }
    let mut head_of: BTreeMap<usize, usize> = BTreeMap::new();
    for (group, least) in groups.iter().zip(least) {
        if let Some(first) = group.first().filter(|_| group.len() >= least) {
            head_of.extend(group.iter().map(|i| (*i, *first)));
        }
    }
    let mut merged: Vec<Item<'a>> = Vec::new();
    let mut place: BTreeMap<usize, usize> = BTreeMap::new();
    for (index, item) in items.into_iter().enumerate() {
        let Item::Connection { attempt, events } = item else {
            merged.push(item);
            continue;
        };
        let stranger = timeline.attempt(attempt).is_some_and(|a| is_stranger(&a));
        let head = head_of.get(&index).copied();
        if head.is_none() && !stranger {
            merged.push(Item::Connection { attempt, events });
            continue;
        }
        let count = timeline.attempt(attempt).map_or(1, |a| a.count);
        let from = events.first().map_or(Timestamp(0), |e| e.time);
        let to = events.last().map_or(from, |e| e.time);
        let told = (attempt, tries(count, &events));
        let open = head
            .and_then(|h| place.get(&h))
            .and_then(|p| merged.get_mut(*p));
        if let Some(Item::Connections {
            to: last, attempts, ..
        }) = open
        {
            *last = (*last).max(to);
            attempts.push(told);
            continue;
        }
        place.insert(head.unwrap_or(index), merged.len());
        merged.push(Item::Connections {
            from,
            to,
            attempts: vec![told],
        });
    }
    merged
}

/// Of the tries behind an entry those that these events tell of: each try begins with one event of the first one's kind.
fn tries(count: u64, events: &[Entry<'_>]) -> u64 {
    let Some(first) = events.first() else {
        return 0;
    };
    let begun = events.iter().filter(|e| e.kind == first.kind).count() as u64;
    begun.min(count).max(1)
}

/// Nobody's user: scanners, guessers, and sockets of which nothing but their arrival is known.
pub fn is_stranger(a: &Try<'_>) -> bool {
    a.remark || (a.count > 1 && a.user.is_none())
}

/// None for connections that deserve to be told one by one.
fn likeness(a: &Try<'_>) -> Option<Likeness> {
    let stranger = is_stranger(a);
    let refused = matches!(a.outcome, "failed" | "cancelled");
    (stranger || refused).then(|| Likeness {
        server: a.server.clone(),
        outcome: a.outcome,
        stage: a.stage.name(),
        cause: a.cause.map(str::to_owned),
        client: (!stranger).then(|| (a.client_host.clone(), a.user.map(str::to_owned))),
    })
}
