//! The events for the page's script: columns of small numbers and one table of texts, so that a hundred thousand of them
//! stay a small file.

use std::collections::HashMap;

use jiff::tz::TimeZone;
use rdpwhy_analyzer::Timeline;
use rdpwhy_analyzer::timeline::{Entry, Filter};
use rdpwhy_parsers::Timestamp;
use serde::Serialize;

use crate::render::safe::{Charset, PARAGRAPH, safe};
use crate::render::{Context, names};

/// All that the script draws. Times are microseconds after `base`.
#[derive(Serialize)]
pub struct Data {
    /// Milliseconds since 1970 (UTC) that times count from.
    base: i64,
    /// From when on (milliseconds since 1970) the zone is off UTC by how many seconds, and its name then.
    zones: Vec<(i64, i32, String)>,
    sources: Vec<Source>,
    lanes: Vec<Lane>,
    attempts: Vec<Try>,
    kinds: Vec<Kind>,
    /// Provider and event id.
    origins: Vec<String>,
    /// Fields of an event: index into `texts`, and whether a person wants to read it in the sentence.
    shapes: Vec<Vec<(u32, u8)>>,
    texts: Vec<String>,
    /// What verdicts rest on: source, place, role, number of the verdict.
    evidence: Vec<(u32, u64, &'static str, usize)>,
    events: Events,
}

#[derive(Serialize)]
struct Source {
    path: String,
    name: String,
    wire: bool,
}

/// A log of a host, or a capture.
#[derive(Serialize)]
struct Lane {
    host: String,
    log: String,
    /// Microseconds that the clock behind it runs ahead.
    ahead: i64,
    /// From when to when it tells anything; none: from ever, for ever.
    covered: (Option<i64>, Option<i64>),
    /// Stretches in between that it does not tell about, and why.
    gaps: Vec<(i64, i64, &'static str)>,
}

#[derive(Serialize)]
struct Try {
    id: String,
    label: String,
    user: Option<String>,
    start: i64,
    end: i64,
    outcome: &'static str,
    stage: &'static str,
    count: u64,
    verdict: Option<usize>,
}

#[derive(Serialize)]
struct Kind {
    name: &'static str,
    stage: Option<&'static str>,
    meaning: &'static str,
}

/// One number per event in each column but `values`, which holds as many as the event's shape has fields.
#[derive(Default, Serialize)]
struct Events {
    /// Microseconds after the event before.
    time: Vec<i64>,
    lane: Vec<u32>,
    source: Vec<u32>,
    kind: Vec<u32>,
    /// One more than the index; 0: none.
    origin: Vec<u32>,
    /// Record or packet number, as the difference to that of the event before in the same source.
    place: Vec<i64>,
    /// One more than the index; 0: none.
    attempt: Vec<u32>,
    shape: Vec<u32>,
    values: Vec<u32>,
}

/// Indices of what was met before.
#[derive(Default)]
struct Table<K> {
    known: HashMap<K, u32>,
}

impl<K: std::hash::Hash + Eq + Clone> Table<K> {
    /// The index of `key`, and whether it is new.
    fn index(&mut self, key: &K) -> (u32, bool) {
        if let Some(index) = self.known.get(key) {
            return (*index, false);
        }
        let index = u32::try_from(self.known.len()).unwrap_or(u32::MAX);
        self.known.insert(key.clone(), index);
        (index, true)
    }
}

/// Collects the events that a filter lets through.
pub fn data(context: &Context<'_>, timeline: &Timeline<'_>, filter: &Filter) -> Data {
    let mut writer = Writer::new(context);
    for entry in timeline.entries(filter) {
        writer.add(timeline, &entry);
    }
    writer.finish(context)
}

impl Data {
    /// Number of events.
    pub fn len(&self) -> usize {
        self.events.time.len()
    }
}

/// What a lane shows.
struct Span {
    host: Option<String>,
    path: String,
    channel: String,
}

struct Writer<'a> {
    data: Data,
    base: Option<Timestamp>,
    last: Timestamp,
    end: Timestamp,
    paths: HashMap<&'a str, u32>,
    verdicts: HashMap<&'a str, usize>,
    attempts: HashMap<usize, u32>,
    lanes: Table<(String, String)>,
    kinds: Table<&'static str>,
    origins: Table<(String, u32)>,
    shapes: Table<Vec<(u32, u8)>>,
    texts: Table<String>,
    /// Per lane: where to look for what it covers.
    spans: Vec<Span>,
    places: HashMap<u32, i64>,
    of_attempt: HashMap<&'a str, Option<usize>>,
}

impl<'a> Writer<'a> {
    fn new(context: &Context<'a>) -> Self {
        let report = context.report;
        let source = |s: &rdpwhy_analyzer::report::SourceReport| Source {
            path: clean(&s.path),
            name: clean(context.names.name(s.id)),
            wire: names::is_capture(s),
        };
        let verdicts: HashMap<&str, usize> = report
            .verdicts
            .iter()
            .enumerate()
            .map(|(n, v)| (v.id.as_str(), n))
            .collect();
        let of_attempt = report
            .attempts
            .iter()
            .map(|a| {
                (
                    a.id.as_str(),
                    a.verdict.as_deref().and_then(|v| verdicts.get(v)).copied(),
                )
            })
            .collect();
        Self {
            data: Data {
                base: 0,
                zones: Vec::new(),
                sources: report.sources.iter().map(source).collect(),
                lanes: Vec::new(),
                attempts: Vec::new(),
                kinds: Vec::new(),
                origins: Vec::new(),
                shapes: Vec::new(),
                texts: Vec::new(),
                evidence: Vec::new(),
                events: Events::default(),
            },
            base: None,
            last: Timestamp(0),
            end: Timestamp(0),
            paths: report
                .sources
                .iter()
                .zip(0..)
                .map(|(s, n)| (s.path.as_str(), n))
                .collect(),
            verdicts,
            attempts: HashMap::new(),
            lanes: Table::default(),
            kinds: Table::default(),
            origins: Table::default(),
            shapes: Table::default(),
            texts: Table::default(),
            spans: Vec::new(),
            places: HashMap::new(),
            of_attempt,
        }
    }

    fn add(&mut self, timeline: &Timeline<'_>, entry: &Entry<'_>) {
        let base = *self.base.get_or_insert_with(|| {
            // On a whole second, so that the fraction of a time is that of its distance.
            self.last = Timestamp(entry.time.0.div_euclid(1_000_000_000) * 1_000_000_000);
            self.last
        });
        self.end = entry.time;
        let source = self.paths.get(entry.path).copied().unwrap_or(0);
        let lane = self.lane(entry);
        let kind = self.kind(entry);
        let origin = self.origin(entry);
        let attempt = entry.attempt.map_or(0, |a| self.attempt(timeline, a, base));
        let (shape, values) = self.values(entry);
        let place = i64::try_from(entry.place).unwrap_or(i64::MAX);
        let before = self.places.insert(source, place).unwrap_or(0);
        let events = &mut self.data.events;
        // Differences of rounded times, so that errors do not add up.
        events
            .time
            .push(micros(entry.time, base) - micros(self.last, base));
        self.last = entry.time;
        events.lane.push(lane);
        events.source.push(source);
        events.kind.push(kind);
        events.origin.push(origin);
        events.place.push(place.saturating_sub(before));
        events.attempt.push(attempt);
        events.shape.push(shape);
        events.values.extend(values);
    }

    fn lane(&mut self, entry: &Entry<'_>) -> u32 {
        let host = match entry.host {
            Some(host) => host.to_owned(),
            None => entry.path.to_owned(),
        };
        let (index, new) = self.lanes.index(&(host.clone(), entry.channel.to_owned()));
        if new {
            self.spans.push(Span {
                host: entry.host.map(str::to_owned),
                path: entry.path.to_owned(),
                channel: entry.channel.to_owned(),
            });
            self.data.lanes.push(Lane {
                covered: (None, None),
                gaps: Vec::new(),
                host: clean(if entry.host.is_some() {
                    &host
                } else {
                    file(&host)
                }),
                log: clean(&names::channel(entry.channel)),
                ahead: entry.raw.since(entry.time) / 1_000,
            });
        }
        index
    }

    fn kind(&mut self, entry: &Entry<'_>) -> u32 {
        let (index, new) = self.kinds.index(&entry.kind);
        if new {
            self.data.kinds.push(Kind {
                name: entry.kind,
                stage: entry.stage,
                meaning: entry.meaning,
            });
        }
        index
    }

    fn origin(&mut self, entry: &Entry<'_>) -> u32 {
        let Some((provider, id)) = entry.origin else {
            return 0;
        };
        let (index, new) = self.origins.index(&(provider.to_owned(), id));
        if new {
            self.data
                .origins
                .push(clean(&format!("{} {id}", names::channel(provider))));
        }
        index.saturating_add(1)
    }

    fn attempt(&mut self, timeline: &Timeline<'_>, index: usize, base: Timestamp) -> u32 {
        if let Some(known) = self.attempts.get(&index) {
            return *known;
        }
        let Some(a) = timeline.attempt(index) else {
            return 0;
        };
        self.data.attempts.push(Try {
            id: a.id.to_owned(),
            label: clean(&format!("{} → {}", a.client, a.server)),
            user: a.user.map(clean),
            start: micros(a.start, base),
            end: micros(a.end, base),
            outcome: a.outcome,
            stage: a.stage.name(),
            count: a.count,
            verdict: self.of_attempt.get(a.id).copied().flatten(),
        });
        let number = u32::try_from(self.data.attempts.len()).unwrap_or(0);
        self.attempts.insert(index, number);
        number
    }

    fn values(&mut self, entry: &Entry<'_>) -> (u32, Vec<u32>) {
        let mut shape = Vec::with_capacity(entry.values.len());
        let mut values = Vec::with_capacity(entry.values.len());
        let mut details = entry.details.iter().peekable();
        for (name, value) in &entry.values {
            let said = details.next_if(|(n, _)| n == name);
            // "reason 14 (…)" without the name; a yes is said by the name alone.
            let value =
                match said.and_then(|(n, says)| says.strip_prefix(n.replace('_', " ").as_str())) {
                    Some(rest) if !rest.trim().is_empty() => rest.trim(),
                    _ => value.as_str(),
                };
            shape.push((self.text(name), u8::from(said.is_some())));
            values.push(self.text(value));
        }
        let (index, new) = self.shapes.index(&shape);
        if new {
            self.data.shapes.push(shape);
        }
        (index, values)
    }

    /// What each lane covers, on the corrected clock: of a log what the report says, of a capture its first and last packet.
    fn coverage(&mut self, context: &Context<'a>, base: Timestamp) {
        let report = context.report;
        for (lane, span) in self.data.lanes.iter_mut().zip(&self.spans) {
            let moment = |t: &str| {
                let t: jiff::Timestamp = t.parse().ok()?;
                let raw = Timestamp(i64::try_from(t.as_nanosecond()).ok()?);
                Some(micros(raw, base).saturating_sub(lane.ahead))
            };
            let both = |from: &str, to: &str| Some((moment(from)?, moment(to)?));
            let log = span.host.as_ref().and_then(|host| {
                let own = |c: &&rdpwhy_analyzer::report::Coverage| {
                    c.channel == span.channel && c.host == *host
                };
                report.coverage.iter().find(own)
            });
            let source = report.sources.iter().find(|s| s.path == span.path);
            let (covered, gaps) = if let Some(log) = log {
                // A log that lost nothing has told all from its beginning on; and logs of one export end together: one that
                // ends earlier than its neighbours was quiet.
                let lost = log.gaps.iter().any(|g| g.why == "rolled-over");
                let first = moment(&log.first).filter(|_| lost);
                let neighbours = report.coverage.iter().filter(|c| c.host == log.host);
                let last = neighbours.filter_map(|c| moment(&c.last)).max();
                let gaps = log.gaps.iter();
                let gaps = gaps
                    .filter_map(|g| both(&g.from, &g.to).map(|(from, to)| (from, to, g.why)))
                    .collect();
                ((first, last), gaps)
            } else {
                let end = |t: Option<&String>| t.and_then(|t| moment(t));
                let first = end(source.and_then(|s| s.first.as_ref()));
                let last = end(source.and_then(|s| s.last.as_ref()));
                ((first, last), Vec::new())
            };
            (lane.covered, lane.gaps) = (covered, gaps);
        }
    }

    fn text(&mut self, text: &str) -> u32 {
        let text = clean(text);
        let (index, new) = self.texts.index(&text);
        if new {
            self.data.texts.push(text);
        }
        index
    }

    fn finish(mut self, context: &Context<'a>) -> Data {
        let base = self.base.unwrap_or(Timestamp(0));
        self.data.base = base.0.div_euclid(1_000_000);
        self.data.zones = zones(context.style.zone.as_ref(), base, self.end);
        self.coverage(context, base);
        for verdict in &context.report.verdicts {
            let number = self.verdicts.get(verdict.id.as_str()).copied().unwrap_or(0);
            for e in &verdict.evidence {
                let place = e.at.rsplit(' ').next().and_then(|n| n.parse().ok());
                let source = context
                    .report
                    .sources
                    .iter()
                    .zip(0..)
                    .find(|(s, _)| s.id == e.source);
                if let (Some(place), Some((_, source))) = (place, source) {
                    self.data.evidence.push((source, place, e.role, number));
                }
            }
        }
        self.data
    }
}

fn micros(t: Timestamp, base: Timestamp) -> i64 {
    t.since(base).div_euclid(1_000)
}

fn file(path: &str) -> &str {
    path.rsplit(['/', '!']).next().unwrap_or(path)
}

/// The script only ever makes text of it; this keeps it visible.
fn clean(text: &str) -> String {
    safe(text, PARAGRAPH, Charset::Unicode)
}

/// The zone's offsets over a span of time: what holds at its beginning, and each change in it.
fn zones(zone: Option<&TimeZone>, from: Timestamp, to: Timestamp) -> Vec<(i64, i32, String)> {
    let moment = |t: Timestamp| jiff::Timestamp::from_nanosecond(i128::from(t.0)).ok();
    let (Some(zone), Some(from), Some(to)) = (zone, moment(from), moment(to)) else {
        return vec![(i64::MIN / 2_000_000, 0, "UTC".to_owned())];
    };
    let told = |t: jiff::Timestamp| {
        let info = zone.to_offset_info(t);
        (
            t.as_millisecond(),
            info.offset().seconds(),
            info.abbreviation().to_owned(),
        )
    };
    let changes = zone
        .following(from)
        .take_while(|t| t.timestamp() <= to)
        .map(|t| told(t.timestamp()));
    std::iter::once(told(from)).chain(changes).collect()
}
