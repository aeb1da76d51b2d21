//! Packets in, lines out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use rdpwhy_analyzer::attempt::Attempt;
use rdpwhy_analyzer::evidence::{Evidence, SourceEvents};
use rdpwhy_analyzer::identities::Identities;
use rdpwhy_analyzer::report::{AttemptReport, Report};
use rdpwhy_analyzer::{Knowledge, KnowledgeError, Options, assemble, judge_all, judge_some};
use rdpwhy_parsers::pcap::{Ports, Seen, Told, UnderWay, Watch};
use rdpwhy_parsers::tls::keylog::KeyLog;
use rdpwhy_parsers::{EventBatch, Timestamp};

use crate::ledger::{Ledger, Subject};
use crate::line::{Drops, Line, SCHEMA, State, Summary};
use crate::store::{ByClient, Store, append};

const SECOND: i64 = 1_000_000_000;
/// How long news are gathered before they are judged together. The end of a connection is told half a second after its last
/// packet at the latest, and the answer is promised within one.
const GATHER: i64 = SECOND / 5;
/// People type a password or look at a certificate for so long, before the retry comes (as in the analyzer's tries).
const RETRY: i64 = 120 * SECOND;
/// Attempts that ended before are not said anew because of a newer neighbour, until the end.
const RECENT: i64 = 600 * SECOND;

/// Connections of one server that are judged at a time. More of them end together only when it is flooded or restarts.
const TOGETHER: usize = 128;

/// First bytes of a pcapng file, the same in both byte orders.
const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

/// What to listen for.
#[derive(Default)]
pub struct Setup {
    /// Name of the capture in the report.
    pub label: String,
    /// `pcap`, `pcap-live`; that a file is pcapng is seen by its first bytes.
    pub format: &'static str,
    /// Ports of interest.
    pub ports: Ports,
    /// TLS secrets.
    pub keys: Option<KeyLog>,
    /// Whether to gather whom the evidence names, for whoever must not name them.
    pub identities: bool,
}

/// Everything at the end.
pub struct Ending {
    /// What changes in what was said.
    pub lines: Vec<Line>,
    /// The last line.
    pub summary: Summary,
}

/// Follows the packets of one capture.
pub struct Engine {
    watch: Watch,
    store: Store,
    ledger: Ledger,
    knowledge: Knowledge,
    label: String,
    format: &'static str,
    /// Connections that something new is known of, and since when.
    changed: BTreeSet<u64>,
    changed_since: Option<Timestamp>,
    /// When to look again at those that wait for a retry.
    waiting: BTreeSet<(Timestamp, u64)>,
    /// Records of logs that lie beside the capture.
    logs: Vec<SourceEvents>,
    lines: Vec<Line>,
    bytes: u64,
    named: Option<Identities>,
}

impl Engine {
    /// Begins.
    pub fn new(setup: Setup, knowledge: Knowledge) -> Self {
        Self {
            watch: Watch::new(setup.ports, setup.keys.as_ref()),
            store: Store::default(),
            ledger: Ledger::default(),
            knowledge,
            label: setup.label,
            format: setup.format,
            changed: BTreeSet::new(),
            changed_since: None,
            waiting: BTreeSet::new(),
            logs: Vec::new(),
            lines: Vec::new(),
            bytes: 0,
            named: setup.identities.then(Identities::default),
        }
    }

    /// Whom the evidence named since the last call.
    pub fn named(&mut self) -> Identities {
        self.named.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The first line.
    pub fn start(&self, sources: Vec<String>) -> Line {
        Line::Start {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            sources,
        }
    }

    /// Takes the next bytes of a file or pipe; `tap` sees each frame in them.
    ///
    /// # Errors
    /// When an embedded data file is wrong, which the tests exclude.
    pub fn push(
        &mut self,
        bytes: &[u8],
        tap: &mut dyn FnMut(&Seen<'_>),
    ) -> Result<(), KnowledgeError> {
        if self.bytes == 0 && bytes.starts_with(&SECTION) {
            self.format = "pcapng";
        }
        self.bytes += bytes.len() as u64;
        self.watch.push(bytes, tap);
        self.absorb()
    }

    /// Takes one frame from a network card.
    ///
    /// # Errors
    /// When an embedded data file is wrong, which the tests exclude.
    pub fn frame(&mut self, seen: &Seen<'_>) -> Result<(), KnowledgeError> {
        self.bytes += seen.data.len() as u64;
        self.watch.frame(seen);
        self.absorb()
    }

    /// Says that it is now this late by the clock of the capture, whether or not packets came.
    ///
    /// # Errors
    /// When an embedded data file is wrong, which the tests exclude.
    pub fn pass(&mut self, now: Timestamp) -> Result<(), KnowledgeError> {
        self.watch.pass(now);
        self.absorb()?;
        self.due(now)
    }

    /// Takes what the logs of the same minutes tell, in place of what they told before.
    pub fn logs(&mut self, logs: Vec<SourceEvents>) {
        self.logs = logs;
        // A record may decide what was said of any connection of the last minutes.
        let Some(now) = self.watch.now() else { return };
        let recent = self.store.since(now.plus(-RECENT));
        for flow in recent {
            self.change(flow, now);
        }
    }

    /// The lines since the last call.
    pub fn lines(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    /// Connections that are under way.
    pub fn under_way(&self) -> Vec<UnderWay> {
        self.watch.under_way()
    }

    /// The clock of the capture.
    pub fn now(&self) -> Option<Timestamp> {
        self.watch.now()
    }

    /// Packets seen.
    pub fn packets(&self) -> u64 {
        self.watch.packets()
    }

    /// Connections by state, and those that failed by cause.
    pub fn counts(&self) -> (BTreeMap<State, u64>, BTreeMap<String, u64>) {
        self.ledger.counts()
    }

    fn absorb(&mut self) -> Result<(), KnowledgeError> {
        for told in self.watch.told() {
            self.take(told)?;
        }
        match self.watch.now() {
            Some(now) => self.due(now),
            None => Ok(()),
        }
    }

    fn take(&mut self, told: Told) -> Result<(), KnowledgeError> {
        let (flow, at) = (told.flow, told.at);
        self.due(at)?;
        if self.store.put(told) {
            self.change(flow, at);
        }
        self.forget();
        Ok(())
    }

    /// What the store gave up for good is only counted from then on.
    fn forget(&mut self) {
        for flow in self.store.forgotten() {
            self.ledger.forget(Subject::Flow(flow));
        }
    }

    fn change(&mut self, flow: u64, at: Timestamp) {
        self.changed.insert(flow);
        self.changed_since.get_or_insert(at);
    }

    /// Judges what is ripe at this moment.
    fn due(&mut self, now: Timestamp) -> Result<(), KnowledgeError> {
        loop {
            // As of the moment when it was ripe: between two packets of a replay may lie hours.
            let ripe = self.changed_since.map(|since| since.plus(GATHER));
            let ripe = ripe.filter(|t| *t <= now);
            let waited = self.waiting.first().copied().filter(|(t, _)| *t <= now);
            match (waited, ripe) {
                (Some((due, flow)), ripe) if ripe.is_none_or(|ripe| due <= ripe) => {
                    self.waiting.pop_first();
                    self.change(flow, due);
                }
                (_, Some(ripe)) => self.judge(ripe)?,
                _ => return Ok(()),
            }
        }
    }

    /// Judges what changed, server by server, among its neighbours.
    fn judge(&mut self, now: Timestamp) -> Result<(), KnowledgeError> {
        self.changed_since = None;
        let mut by_server: BTreeMap<SocketAddr, Vec<u64>> = BTreeMap::new();
        for flow in std::mem::take(&mut self.changed) {
            if let Some(kept) = self.store.get(flow) {
                by_server.entry(kept.told.server).or_default().push(flow);
            }
        }
        for (server, flows) in by_server {
            for some in flows.chunks(TOGETHER) {
                self.judge_server(now, server, some)?;
            }
        }
        Ok(())
    }

    fn judge_server(
        &mut self,
        now: Timestamp,
        server: SocketAddr,
        flows: &[u64],
    ) -> Result<(), KnowledgeError> {
        let changed = flows.iter().filter_map(|f| self.store.get(*f));
        let changed: BTreeMap<SocketAddr, u64> =
            changed.map(|k| (k.told.client, k.told.flow)).collect();
        let clients: BTreeSet<IpAddr> = changed.keys().map(SocketAddr::ip).collect();
        let neighbours = self.store.neighbours(server, flows, &clients);
        let mut batch = self.beside(now, server.ip(), &clients);
        let mut flow_of = ByClient::new();
        for kept in &neighbours {
            append(&mut batch, &kept.told.batch);
            let at = (kept.told.opened, kept.told.flow);
            flow_of.entry(kept.told.client).or_default().push(at);
        }
        let newest = neighbours.iter().map(|k| k.told.opened).max();
        let from = newest.map_or(now, |t| t.min(now)).plus(-RECENT);
        let evidence = self.evidence(batch);
        if let Some(named) = &mut self.named {
            named.add(&evidence);
        }
        let wanted = |a: &Attempt| {
            let client = a.client.ip.zip(a.client.port).map(SocketAddr::from);
            let new = client.is_some_and(|c| changed.contains_key(&c));
            new || a.end >= from
                && (a.client.ip.is_some_and(|ip| clients.contains(&ip)) || a.outcome.is_bad())
        };
        let report = judge_some(evidence, &self.knowledge, &wanted)?;
        self.say(now, &report, &flow_of);
        Ok(())
    }

    /// What belongs to no connection, for the connections in question.
    fn beside(&self, now: Timestamp, server: IpAddr, clients: &BTreeSet<IpAddr>) -> EventBatch {
        let mut batch = self.watch.beside(server, clients);
        if let Some(log) = batch.logs.first_mut() {
            // Packets that came later in the same piece of a file say nothing about this moment.
            log.last = now;
        }
        batch.forget_after(now);
        batch
    }

    fn evidence(&self, batch: EventBatch) -> Evidence {
        let mut sources = vec![SourceEvents {
            sha256: None,
            label: self.label.clone(),
            format: self.format,
            bytes: self.bytes,
            batch,
        }];
        sources.extend(self.logs.iter().cloned());
        Evidence::new(sources)
    }

    /// Says what is new about the attempts of a report. Attempts that end now, or whose connection is not among `flow_of`
    /// because only a log saw them, are said as well.
    fn say(&mut self, now: Timestamp, report: &Report, flow_of: &ByClient) {
        let at = assemble::time(now);
        for attempt in &report.attempts {
            let flow = address(attempt).and_then(|a| nearest(flow_of.get(&a)?, attempt));
            let kept = flow.and_then(|f| self.store.get(f));
            let ended = kept.map_or(now, |k| end(&k.told));
            let state = state(attempt, now.since(ended) < RETRY);
            if let Some(flow) = flow.filter(|_| state == State::Waiting) {
                self.waiting.insert((ended.plus(RETRY), flow));
            }
            let verdict = report
                .verdicts
                .iter()
                .find(|v| Some(&v.id) == attempt.verdict.as_ref());
            let subject = match flow {
                Some(flow) => Subject::Flow(flow),
                None => Subject::Attempt(attempt.id.clone()),
            };
            if let Some(said) = self
                .ledger
                .note(subject, attempt, verdict, state, (now, &at))
            {
                self.lines.push(Line::Attempt(Box::new(said)));
            }
        }
    }

    /// Settles everything: the packets are over, or nobody wants to hear more.
    ///
    /// # Errors
    /// When an embedded data file is wrong, which the tests exclude.
    pub fn finish(mut self, drops: Vec<Drops>) -> Result<Ending, KnowledgeError> {
        let packets = self.watch.packets();
        let now = self.watch.now();
        let watch = std::mem::replace(&mut self.watch, Watch::new(Ports::default(), None));
        let (told, tail) = watch.finish();
        for told in told {
            self.store.put(told);
        }
        self.forget();
        let batch = self.store.all(tail);
        let evidence = self.evidence(batch);
        let options = Options {
            identities: self.named.is_some(),
            ..Options::default()
        };
        let report = judge_all(evidence, &self.knowledge, &options)?;
        let now = now.unwrap_or(Timestamp(0));
        let flow_of = self.store.by_client_address();
        self.say(now, &report, &flow_of);
        let (connections, by_cause) = self.ledger.counts();
        Ok(Ending {
            lines: self.lines,
            summary: Summary {
                packets,
                connections,
                by_cause,
                retired: self.store.retired,
                drops,
                report: Box::new(report),
            },
        })
    }
}

/// When a connection ended, or was last heard.
fn end(told: &Told) -> Timestamp {
    let last = told.batch.events.iter().map(|e| e.time).max();
    last.unwrap_or(told.opened)
}

fn address(attempt: &AttemptReport) -> Option<SocketAddr> {
    let ip: IpAddr = attempt.client.ip.as_ref()?.parse().ok()?;
    Some(SocketAddr::new(ip, attempt.client.port?))
}

/// The one of a client's connections that began nearest to an attempt's start: ports are used again.
fn nearest(flows: &[(Timestamp, u64)], attempt: &AttemptReport) -> Option<u64> {
    let started = Timestamp::parse(&attempt.started);
    let distance = |at: Timestamp| started.map_or(0, |s| at.since(s).abs());
    let near = flows.iter().min_by_key(|(at, _)| distance(*at));
    near.map(|(_, flow)| *flow)
}

fn state(attempt: &AttemptReport, lately: bool) -> State {
    if attempt.part_of.is_some() {
        return State::Step;
    }
    match attempt.outcome {
        "ok" if attempt.closed_how == "still-open" => State::Open,
        "ok" => State::Ok,
        "failed" => State::Failed,
        "dropped" => State::Dropped,
        "cancelled" if lately => State::Waiting,
        "cancelled" => State::Cancelled,
        _ => State::Unknown,
    }
}
