//! Holds one sign against one attempt: seen, absent, or unknown because nobody recorded there.

use rdpwhy_parsers::{EventRef, Kind, Timestamp, Value, catalog};
use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::attempt::{Attempt, Fact};
use crate::coverage::CoverageMap;
use crate::evidence::{At, Evidence};
use crate::hosts::HostId;
use crate::index::Index;
use crate::knowledge::{Absence, Around, EventSign, Joined, Nothing, Others, Sign, Test, Window};
use crate::names::{field, kind};
use crate::sentence;
use crate::sighting::View;
use crate::tie::{Tie, tie};

const SECOND: i64 = 1_000_000_000;
/// Around an attempt, where a sign says nothing else.
const AROUND: Window = Window {
    from: -10 * SECOND,
    to: 10 * SECOND,
    around: Around::Both,
};
/// A record tied by its moment lies in the connection's first minutes: a session lasts hours and sees everything.
pub(crate) const HANDSHAKE_NS: i64 = 180 * SECOND;
/// Logs are flushed milliseconds apart.
const SLACK_NS: i64 = 2 * SECOND;
/// For the question whether a log reaches back far enough, long windows count an hour: logs begin somewhere.
pub(crate) const LOOK_BACK_NS: i64 = 3_600 * SECOND;

/// A record or packet that shows a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub at: At,
    /// What it says.
    pub says: String,
    /// Whether more than the moment ties it to the attempt.
    pub tie: Tie,
    /// Whether a side states the reason by it.
    pub statement: bool,
}

/// Where nobody recorded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unrecorded {
    /// Channel, or `capture`.
    pub channel: String,
    /// Whose: a name or an address.
    pub host: String,
}

/// What became of a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There; with its evidence (facts have none of their own).
    Seen(Vec<Found>),
    /// Not there, though it would have been recorded.
    Absent,
    /// Nobody recorded.
    Unknown(BTreeSet<Unrecorded>),
}

/// Everything that signs are held against.
pub struct Matcher<'a> {
    /// The evidence.
    pub evidence: &'a Evidence,
    /// Its events by host, kind and moment.
    pub index: &'a Index,
    /// What the logs cover.
    pub coverage: &'a CoverageMap,
    /// Records that belong to some attempt.
    pub claimed: &'a HashSet<At>,
    /// Domain controllers among the hosts.
    pub controllers: &'a BTreeSet<HostId>,
    /// Kinds that are recorded only when switched on, in groups.
    pub off_by_default: &'a [Vec<Kind>],
    /// Facts of captures by the addresses that they are about, each list by time.
    pub packets: &'a Packets,
}

/// Facts of captures by address.
pub type Packets = BTreeMap<std::net::IpAddr, Vec<(Timestamp, At)>>;

/// Files the facts of captures under both ends of their connection, and those of no connection under the address that
/// they name.
pub fn packets(evidence: &Evidence, attempts: &[Attempt]) -> Packets {
    let mut packets = Packets::new();
    for a in attempts {
        for at in a.events.iter().filter(|at| evidence.host(**at).is_none()) {
            for ip in [a.client.ip, a.server.ip].into_iter().flatten() {
                packets
                    .entry(ip)
                    .or_default()
                    .push((evidence.time(*at), *at));
            }
        }
    }
    for at in evidence.all().filter(|at| evidence.host(*at).is_none()) {
        let named = evidence.event(at).and_then(|e| e.ip(field::IP));
        if let Some(ip) = named {
            packets.entry(ip).or_default().push((evidence.time(at), at));
        }
    }
    for list in packets.values_mut() {
        list.sort_unstable();
        list.dedup();
    }
    packets
}

impl Matcher<'_> {
    /// Holds a sign against an attempt.
    pub fn ask(&self, sign: &Sign, a: &Attempt) -> Answer {
        if was_there(sign, a) {
            self.ask_present(sign, a)
        } else {
            Answer::Absent
        }
    }

    fn ask_present(&self, sign: &Sign, a: &Attempt) -> Answer {
        match &sign.test {
            Test::Fact(name, condition) => self.fact(name, condition, a),
            Test::Event(e) => self.event(sign, e, a),
            Test::Any(signs) => any(signs.iter().map(|s| self.ask(s, a))),
            Test::All(signs) => all(signs.iter().map(|s| self.ask(s, a))),
            Test::Witnesses(signs) => self.witnesses(signs, a),
            Test::Absent(inner) => match self.ask(inner, a) {
                Answer::Seen(_) => Answer::Absent,
                Answer::Absent => Answer::Seen(Vec::new()),
                unknown @ Answer::Unknown(_) => unknown,
            },
        }
    }

    fn witnesses(&self, signs: &[Sign], a: &Attempt) -> Answer {
        let (mut found, mut unrecorded, mut absent, mut seen) =
            (Vec::new(), BTreeSet::new(), false, false);
        for sign in signs
            .iter()
            .filter(|s| was_there(s, a) && self.has_such_host(s))
        {
            match self.ask_present(sign, a) {
                Answer::Seen(f) => {
                    seen = true;
                    found.extend(f);
                }
                Answer::Absent => absent = true,
                Answer::Unknown(u) => unrecorded.extend(u),
            }
        }
        if seen {
            return Answer::Seen(found);
        }
        if unrecorded.is_empty() && !absent {
            // Nobody of them was there at all: what they would have written is what is missing.
            for sign in signs {
                if let Answer::Unknown(u) = self.ask_present(sign, a) {
                    unrecorded.extend(u);
                }
            }
        }
        if absent || unrecorded.is_empty() {
            Answer::Absent
        } else {
            Answer::Unknown(unrecorded)
        }
    }

    /// Gateways and domain controllers are asked only where the evidence holds one.
    fn has_such_host(&self, sign: &Sign) -> bool {
        match &sign.test {
            Test::Event(e) if e.joined == Joined::Directory => !self.controllers.is_empty(),
            Test::Event(e) if e.joined == Joined::Gateway => {
                let channels: Vec<_> = e.kinds.iter().flat_map(|k| catalog::channels(*k)).collect();
                self.evidence
                    .hosts
                    .iter()
                    .any(|h| channels.iter().any(|c| self.coverage.has(h, c)))
            }
            _ => true,
        }
    }

    fn fact(&self, name: &str, condition: &crate::knowledge::Condition, a: &Attempt) -> Answer {
        let fact = a.facts.get(name);
        let value = fact.map(|f| match f {
            Fact::Word(w) => Value::Text(w),
            Fact::Number(n) => Value::Int(*n),
            Fact::Flag(b) => Value::Flag(*b),
        });
        // "unknown" as an end is no value: a capture would tell it.
        let told = !(matches!(fact, Some(Fact::Word("unknown")))
            && matches!(name, "closed_by" | "closed_how"));
        if told && value.is_some() {
            return if condition.holds(value, &Nothing) {
                Answer::Seen(Vec::new())
            } else {
                Answer::Absent
            };
        }
        if condition.holds(Some(Value::Text("unknown")), &Nothing) && !told {
            return Answer::Seen(Vec::new());
        }
        let source = match name {
            "closed_by" | "closed_how" => Some(("capture", &a.server)),
            "client_reason" => Some((
                "Microsoft-Windows-TerminalServices-RDPClient/Operational",
                &a.client,
            )),
            "server_reason" | "socket_error" | "bound_port" => Some((
                "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational",
                &a.server,
            )),
            "session_reason" => Some((
                "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
                &a.server,
            )),
            _ => None,
        };
        match source {
            Some((channel, peer)) => {
                let covered = peer
                    .host
                    .is_some_and(|h| self.covered(h, &[channel], a.start, a.end));
                if covered {
                    Answer::Absent
                } else {
                    unknown(channel, peer_name(peer))
                }
            }
            None => Answer::Absent,
        }
    }

    fn event(&self, sign: &Sign, e: &EventSign, a: &Attempt) -> Answer {
        let mut found: Vec<Found> = Vec::new();
        for at in self.candidates(e, a) {
            let Some(event) = self.evidence.event(at) else {
                continue;
            };
            let others = Compared { a, event };
            let fits = e.kinds.contains(&event.event.kind)
                && e.values
                    .iter()
                    .all(|(f, c)| c.holds(event.get(*f), &others));
            if !fits {
                continue;
            }
            let tied = if a.events.contains(&at) {
                Tie::Key
            } else {
                tie(a, event)
            };
            if tied != Tie::Contradicted || e.joined != Joined::Attempt {
                found.push(Found {
                    at,
                    says: sentence::fill(&sign.says, event),
                    tie: tied,
                    statement: sign.statement,
                });
            }
        }
        // Windows of days hold thousands of records of which a few fit: only those are worth sorting.
        if found.len() > 1 {
            found.sort_by_key(|f| (self.evidence.time(f.at), f.at));
            found.dedup_by_key(|f| f.at);
        }
        if !e.among.is_empty() {
            found = self.newest(e, a, found);
        }
        let n = found.len() as u64;
        if n >= e.count.0 && e.count.1.is_none_or(|max| n <= max) {
            return Answer::Seen(found);
        }
        self.absence(e, a)
    }

    /// Records in the sign's place and time, in no order, some of them twice.
    fn candidates(&self, e: &EventSign, a: &Attempt) -> Vec<At> {
        let kinds = e.kinds.as_slice();
        let mut list = Vec::new();
        match e.joined {
            Joined::Attempt => {
                list.extend(
                    a.signs()
                        .filter(|at| self.evidence.kind(*at).is_some_and(|k| kinds.contains(&k))),
                );
                for host in [a.server.host, a.client.host].into_iter().flatten() {
                    let offset = self.offset(host);
                    let last = a.end.min(a.start.plus(HANDSHAKE_NS));
                    let (from, to) = match e.window {
                        Some(w) => span(w, a, offset),
                        None => (
                            a.start.plus(offset - SLACK_NS / 4),
                            last.plus(offset + SLACK_NS),
                        ),
                    };
                    for k in kinds {
                        let near = self
                            .index
                            .of_kind(host, *k, from, to)
                            .iter()
                            .map(|(_, at)| *at);
                        list.extend(near.filter(|at| !self.claimed.contains(at)));
                    }
                }
            }
            Joined::Server => self.of_hosts(a.server.host.into_iter(), e, a, kinds, &mut list),
            Joined::Client => self.of_hosts(a.client.host.into_iter(), e, a, kinds, &mut list),
            Joined::Directory => {
                self.of_hosts(self.controllers.iter().copied(), e, a, kinds, &mut list)
            }
            Joined::Gateway => self.of_hosts(self.evidence.hosts.iter(), e, a, kinds, &mut list),
        }
        if matches!(e.joined, Joined::Server | Joined::Client) {
            let peer = if e.joined == Joined::Server {
                &a.server
            } else {
                &a.client
            };
            let (from, to) = span(e.window.unwrap_or(AROUND), a, 0);
            let packets = peer
                .ip
                .and_then(|ip| self.packets.get(&ip))
                .map_or(&[][..], Vec::as_slice);
            let start = packets.partition_point(|(t, _)| *t < from);
            let near = packets
                .iter()
                .skip(start)
                .take_while(|(t, _)| *t <= to)
                .map(|(_, at)| *at);
            list.extend(
                near.filter(|at| self.evidence.kind(*at).is_some_and(|k| kinds.contains(&k))),
            );
        }
        list
    }

    fn of_hosts(
        &self,
        hosts: impl Iterator<Item = HostId>,
        e: &EventSign,
        a: &Attempt,
        kinds: &[Kind],
        list: &mut Vec<At>,
    ) {
        for host in hosts {
            let (from, to) = span(e.window.unwrap_or(AROUND), a, self.offset(host));
            for k in kinds {
                list.extend(
                    self.index
                        .of_kind(host, *k, from, to)
                        .iter()
                        .map(|(_, at)| *at),
                );
            }
        }
    }

    /// Of the kinds in `among`, the newest record before the window's end must be one of those found.
    fn newest(&self, e: &EventSign, a: &Attempt, mut found: Vec<Found>) -> Vec<Found> {
        let kinds: Vec<Kind> = e.among.iter().chain(&e.kinds).copied().collect();
        let mut all = Vec::new();
        let host = if e.joined == Joined::Client {
            a.client.host
        } else {
            a.server.host
        };
        self.of_hosts(host.into_iter(), e, a, &kinds, &mut all);
        all.sort_unstable();
        all.dedup();
        all.sort_by_key(|at| {
            (
                self.evidence.time(*at),
                self.evidence.event(*at).map_or(0, |x| x.event.place),
                *at,
            )
        });
        found.retain(|f| {
            let Some(mine) = self.evidence.event(f.at) else {
                return false;
            };
            let alike = |at: &At| {
                self.evidence
                    .event(*at)
                    .is_some_and(|o| e.among_same.iter().all(|f| o.get(*f) == mine.get(*f)))
            };
            all.iter()
                .rev()
                .find(|at| alike(at))
                .is_none_or(|last| *last == f.at)
        });
        found
    }

    /// All records of a host, for a cause that is judged without any connection.
    pub fn ask_host(&self, sign: &Sign, host: HostId) -> Vec<Found> {
        let signs = match &sign.test {
            Test::Any(signs) | Test::Witnesses(signs) => signs.iter().collect(),
            _ => vec![sign],
        };
        let mut found = Vec::new();
        for s in signs {
            let Test::Event(e) = &s.test else { continue };
            let mut mine: Vec<At> = Vec::new();
            let mut newest: Option<(Timestamp, At)> = None;
            for k in e.kinds.iter().chain(&e.among).collect::<BTreeSet<_>>() {
                for (time, at) in
                    self.index
                        .of_kind(host, *k, Timestamp(i64::MIN), Timestamp(i64::MAX))
                {
                    newest = newest.max(Some((*time, *at)));
                    let Some(event) = self.evidence.event(*at) else {
                        continue;
                    };
                    if e.kinds.contains(k)
                        && e.values
                            .iter()
                            .all(|(f, c)| c.holds(event.get(*f), &Nothing))
                    {
                        mine.push(*at);
                    }
                }
            }
            if !e.among.is_empty() && !newest.is_some_and(|(_, at)| mine.contains(&at)) {
                continue;
            }
            if (mine.len() as u64) < e.count.0 {
                continue;
            }
            mine.sort_by_key(|at| (self.evidence.time(*at), *at));
            found.extend(mine.into_iter().filter_map(|at| {
                let says = sentence::fill(&s.says, self.evidence.event(at)?);
                Some(Found {
                    at,
                    says,
                    tie: Tie::Moment,
                    statement: s.statement,
                })
            }));
        }
        found
    }

    /// Nothing was found: does that mean anything?
    fn absence(&self, e: &EventSign, a: &Attempt) -> Answer {
        let mut unrecorded = BTreeSet::new();
        for k in &e.kinds {
            let channels = catalog::channels(*k);
            if channels.is_empty() {
                if !self.wire_would_show(*k, a) {
                    unrecorded.insert(Unrecorded {
                        channel: "capture".into(),
                        host: peer_name(&a.server),
                    });
                }
                continue;
            }
            let side = match e.joined {
                Joined::Client => Some(&a.client),
                Joined::Attempt if written_by_client(*k) => Some(&a.client),
                Joined::Server | Joined::Attempt => Some(&a.server),
                Joined::Directory | Joined::Gateway => None,
            };
            let Some(peer) = side else {
                let hosts: Vec<HostId> = match e.joined {
                    Joined::Directory => self.controllers.iter().copied().collect(),
                    _ => self
                        .evidence
                        .hosts
                        .iter()
                        .filter(|h| channels.iter().any(|c| self.coverage.has(*h, c)))
                        .collect(),
                };
                // Without such a host in the evidence there may be none at all, and the server's log says it, too.
                if !hosts.is_empty()
                    && !hosts
                        .iter()
                        .any(|h| self.covered(*h, channels, a.start, a.end))
                {
                    let who = if e.joined == Joined::Directory {
                        "the domain controller"
                    } else {
                        "the gateway"
                    };
                    unrecorded.insert(Unrecorded {
                        channel: channels.join(" or "),
                        host: who.into(),
                    });
                }
                continue;
            };
            let (from, to) = match e.window {
                Some(w) => span(w, a, 0),
                None => (a.start, a.end.min(a.start.plus(HANDSHAKE_NS))),
            };
            let from = from.max(a.start.plus(-LOOK_BACK_NS)).min(a.end);
            let covered = peer.host.is_some_and(|h| {
                self.covered(h, channels, from, to.max(from).min(a.end.max(from)))
            });
            if !covered || self.switched_off(*k, peer.host) || e.absence == Absence::ProvesNothing {
                let channel = channels.first().copied().unwrap_or_default().to_owned();
                unrecorded.insert(Unrecorded {
                    channel,
                    host: peer_name(peer),
                });
            }
        }
        // Where one of several kinds could not be recorded, it may have been that one.
        if unrecorded.is_empty() {
            Answer::Absent
        } else {
            Answer::Unknown(unrecorded)
        }
    }

    /// A capture shows a step of the handshake unless it begins later, or one direction is missing.
    pub(crate) fn wire_would_show(&self, k: Kind, a: &Attempt) -> bool {
        if !a.seen_by(View::Wire) {
            return false;
        }
        let opened = a
            .events
            .iter()
            .filter_map(|at| self.evidence.event(*at))
            .find(|e| e.event.kind == kind::TCP_OPENED);
        let Some(opened) = opened else { return false };
        let whole = matches!(k, kind::TCP_CLOSED | kind::FLOW_MEASURED | kind::TCP_OPENED);
        whole
            || (!opened.flag(field::MIDSTREAM)
                && opened.text(field::ONE_WAY).is_none_or(str::is_empty))
    }

    pub(crate) fn switched_off(&self, k: Kind, host: Option<HostId>) -> bool {
        self.off_by_default
            .iter()
            .filter(|g| g.contains(&k))
            .any(|group| !host.is_some_and(|h| group.iter().any(|k| self.index.has(h, *k))))
    }

    pub(crate) fn covered(
        &self,
        host: HostId,
        channels: &[&str],
        from: Timestamp,
        to: Timestamp,
    ) -> bool {
        let offset = self.offset(host);
        self.coverage
            .covers(host, channels, from.plus(offset), to.plus(offset))
    }

    pub(crate) fn offset(&self, host: HostId) -> i64 {
        self.evidence.host_offsets.get(&host).copied().unwrap_or(0)
    }
}

/// The window around an attempt, in a clock that runs `offset` ahead.
pub(crate) fn span(w: Window, a: &Attempt, offset: i64) -> (Timestamp, Timestamp) {
    let (from, to) = match w.around {
        Around::Both => (a.start, a.end),
        Around::Start => (a.start, a.start),
        Around::End => (a.end, a.end),
    };
    (
        from.plus(w.from.saturating_add(offset)),
        to.plus(w.to.saturating_add(offset)),
    )
}

/// Whether the witness that the sign needs saw the attempt.
pub(crate) fn was_there(sign: &Sign, a: &Attempt) -> bool {
    sign.given
        .as_deref()
        .is_none_or(|witness| a.facts.get(witness) == Some(&Fact::Flag(true)))
}

fn any(answers: impl Iterator<Item = Answer>) -> Answer {
    let (mut found, mut seen, mut unrecorded) = (Vec::new(), false, BTreeSet::new());
    for answer in answers {
        match answer {
            Answer::Seen(f) => {
                seen = true;
                found.extend(f);
            }
            Answer::Unknown(u) => unrecorded.extend(u),
            Answer::Absent => {}
        }
    }
    match (seen, unrecorded.is_empty()) {
        (true, _) => Answer::Seen(found),
        (false, true) => Answer::Absent,
        (false, false) => Answer::Unknown(unrecorded),
    }
}

fn all(answers: impl Iterator<Item = Answer>) -> Answer {
    let (mut found, mut unrecorded) = (Vec::new(), BTreeSet::new());
    for answer in answers {
        match answer {
            Answer::Seen(f) => found.extend(f),
            Answer::Unknown(u) => unrecorded.extend(u),
            Answer::Absent => return Answer::Absent,
        }
    }
    if unrecorded.is_empty() {
        Answer::Seen(found)
    } else {
        Answer::Unknown(unrecorded)
    }
}

fn unknown(channel: &str, host: String) -> Answer {
    Answer::Unknown(BTreeSet::from([Unrecorded {
        channel: channel.to_owned(),
        host,
    }]))
}

/// Kinds that only a client's logs have.
pub(crate) fn written_by_client(k: Kind) -> bool {
    catalog::info(k).is_some_and(|i| i.sides == ["client"])
}

/// A peer by its best name.
pub fn peer_name(peer: &crate::sighting::Peer) -> String {
    match (&peer.name, peer.ip) {
        (Some(name), _) => name.clone(),
        (None, Some(ip)) => ip.to_string(),
        (None, None) => "an unknown host".to_owned(),
    }
}

/// Values of an attempt that conditions may compare with.
pub const OWN_VALUES: &[&str] = &[
    "client_host",
    "client_ip",
    "client_port",
    "server_ip",
    "server_name",
    "server_port",
    "session_id",
    "target_port",
    "user",
    "user_domain",
];

struct Compared<'a> {
    a: &'a Attempt,
    event: EventRef<'a>,
}

impl Others for Compared<'_> {
    fn own(&self, name: &str) -> Option<String> {
        let a = self.a;
        match name {
            "user" => a.user.clone(),
            "user_domain" => a.user.as_ref()?.split_once('\\').map(|(d, _)| d.to_owned()),
            "client_ip" => a.client.ip.map(|ip| ip.to_string()),
            "client_port" => a.client.port.map(|p| p.to_string()),
            "client_host" => a.client.name.clone(),
            "server_ip" => a.server.ip.map(|ip| ip.to_string()),
            "server_port" | "target_port" => a.server.port.map(|p| p.to_string()),
            "server_name" => a.server.name.clone(),
            "session_id" => a.session.map(|s| s.to_string()),
            _ => None,
        }
    }

    fn field(&self, field: rdpwhy_parsers::Field) -> Option<Value<'_>> {
        self.event.get(field)
    }
}

/// Whether this event stands in a capture.
pub fn is_packet(e: EventRef<'_>) -> bool {
    e.log().is_some_and(|l| l.host.is_empty())
}
