//! Named facts about an attempt that no single record states: how often, how many others, what came after.

use rdpwhy_parsers::{EventRef, Kind, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::attempt::{Attempt, Fact, Outcome};
use crate::evidence::Evidence;
use crate::index::Index;
use crate::names::{field, kind};
use crate::sighting::View;
use crate::stage::Stage;
use crate::tries::{ClientKey, ServerKey, client_key, server_key};
use crate::vantage;

/// All names that a cause may use.
pub const NAMES: &[&str] = &[
    "bound_port",
    "certificate_differs",
    "client_failed_10m",
    "client_loopback",
    "client_ok_ever",
    "client_public",
    "client_reason",
    "client_users_tried",
    "clock_offset_ms",
    "closed_by",
    "closed_how",
    "duration_ms",
    "ends_constant_idle",
    "guessing",
    "in_client_log",
    "in_gateway_log",
    "in_server_log",
    "lost_on_the_way",
    "lost_together",
    "lost_together_clients",
    "on_wire",
    "outcome",
    "probe_like",
    "reset_on_the_way",
    "retry_succeeded",
    "server_accepting",
    "server_attempts_10m",
    "server_attempts_10s",
    "server_failed_10m",
    "server_failing_clients_10m",
    "server_ok_10m",
    "server_reason",
    "server_silent_after",
    "session_ms",
    "session_reason",
    "socket_error",
    "stage",
    "swallowed_from",
    "target_port",
];

const SECOND: i64 = 1_000_000_000;
const TEN_MINUTES_NS: i64 = 600 * SECOND;
/// Sessions lost by one event end within this time: the stack notices a dead path at slightly different moments.
const TOGETHER_NS: i64 = 5 * SECOND;
/// A person mistypes a password a few times; ten refused tries in ten minutes without a success is a program.
const GUESSES: i64 = 10;
/// Fewer are enough for an address of the internet that never got in.
const GUESSES_FROM_OUTSIDE: i64 = 4;
/// So many addresses of the internet that were refused at one server within a week, and none ever let in, are a crowd of
/// guessers; each of them may try once only, to stay below every limit.
const CROWD_OF_STRANGERS: usize = 5;
/// Tries looked at to count strangers: a flood holds thousands in an hour.
const MOST_COUNTED: usize = 2_000;
const WEEK_NS: i64 = 7 * 86_400 * SECOND;
/// ERROR_SEM_TIMEOUT: this client fell silent, it was not refused.
const NO_ACKNOWLEDGEMENT: i64 = 121;
/// A person has one account, perhaps a second one for administration.
const GUESSED_ACCOUNTS: i64 = 3;
/// Idle times this near to each other, in per mille, are one timer.
const SAME_IDLE_PERMILLE: i64 = 50;
/// A server that writes nothing for so long after losing a session was gone.
const SILENCE_NS: i64 = 60 * SECOND;
/// Fewer silent visits at an even interval are chance.
const PROBES: usize = 5;

/// Computes all facts of all attempts; they are sorted by start.
pub fn gather(evidence: &Evidence, index: &Index, attempts: &mut [Attempt]) {
    let crowd = Crowd::new(evidence, attempts);
    let facts: Vec<BTreeMap<&'static str, Fact>> = (0..attempts.len())
        .map(|i| {
            let mut f = Gathering { evidence, index, attempts, crowd: &crowd, found: BTreeMap::new() };
            if let Some(a) = attempts.get(i) {
                f.own(a);
                f.neighbours(i, a);
            }
            f.found
        })
        .collect();
    for (a, f) in attempts.iter_mut().zip(facts) {
        a.facts = f;
    }
}

/// Attempts by server and by client, each sorted by start.
struct Crowd {
    by_server: BTreeMap<ServerKey, Vec<usize>>,
    by_pair: BTreeMap<(ClientKey, ServerKey), Vec<usize>>,
    by_client: BTreeMap<ClientKey, BTreeSet<String>>,
    /// Attempts whose logon was refused.
    refused: BTreeSet<usize>,
    /// Refused tries of internet addresses that were never let in, by server, each list by time.
    strangers: BTreeMap<ServerKey, Vec<(Timestamp, IpAddr)>>,
}

impl Crowd {
    fn new(evidence: &Evidence, attempts: &[Attempt]) -> Self {
        let mut crowd = Self {
            by_server: BTreeMap::new(),
            by_pair: BTreeMap::new(),
            by_client: BTreeMap::new(),
            refused: BTreeSet::new(),
            strangers: BTreeMap::new(),
        };
        for (i, a) in attempts.iter().enumerate() {
            let (client, server) = (client_key(a), server_key(a));
            crowd.by_server.entry(server.clone()).or_default().push(i);
            crowd.by_pair.entry((client.clone(), server)).or_default().push(i);
            if let Some(user) = &a.user {
                crowd.by_client.entry(client).or_default().insert(user.to_lowercase());
            }
            let refused = |k| matches!(k, kind::REFUSED_AT_NLA | kind::LOGON_FAILED);
            if a.signs().filter_map(|at| evidence.kind(at)).any(refused) {
                crowd.refused.insert(i);
            }
        }
        let let_in: BTreeSet<(ClientKey, ServerKey)> = attempts
            .iter()
            .filter(|a| a.outcome == Outcome::Ok || a.stage == Stage::Session)
            .map(|a| (client_key(a), server_key(a)))
            .collect();
        for a in crowd.refused.iter().filter_map(|i| attempts.get(*i)) {
            let Some(ip) = a.client.ip.filter(|ip| is_public(*ip)) else { continue };
            if !let_in.contains(&(client_key(a), server_key(a))) {
                crowd.strangers.entry(server_key(a)).or_default().push((a.start, ip));
            }
        }
        crowd
    }

    /// Different strangers refused at the attempt's server within a week around it, when it may be one of them.
    fn strangers_near(&self, i: usize, a: &Attempt) -> usize {
        // A stranger's silent early end beside refusals of others is one more knock; a fault that a side states is not.
        if !self.refused.contains(&i) && !a.moments.is_empty() {
            return 0;
        }
        let list = self.strangers.get(&server_key(a)).map_or(&[][..], Vec::as_slice);
        let from = list.partition_point(|(t, _)| *t < a.start.plus(-WEEK_NS));
        let near = list.iter().skip(from).take_while(|(t, _)| *t <= a.start.plus(WEEK_NS));
        let different: BTreeSet<IpAddr> = near.map(|(_, ip)| *ip).take(MOST_COUNTED).collect();
        different.len()
    }
}

struct Gathering<'a> {
    evidence: &'a Evidence,
    index: &'a Index,
    attempts: &'a [Attempt],
    crowd: &'a Crowd,
    found: BTreeMap<&'static str, Fact>,
}

impl Gathering<'_> {
    fn put(&mut self, name: &'static str, fact: Fact) {
        self.found.insert(name, fact);
    }

    fn number(&mut self, name: &'static str, n: impl TryInto<i64>) {
        self.put(name, Fact::Number(n.try_into().unwrap_or(i64::MAX)));
    }

    fn own(&mut self, a: &Attempt) {
        self.put("outcome", Fact::Word(a.outcome.name()));
        self.put("stage", Fact::Word(a.stage.name()));
        self.put("closed_by", Fact::Word(a.closed_by));
        self.put("closed_how", Fact::Word(a.closed_how));
        self.put("on_wire", Fact::Flag(a.seen_by(View::Wire)));
        self.put("in_server_log", Fact::Flag(a.seen_by(View::Server)));
        self.put("in_client_log", Fact::Flag(a.seen_by(View::Client)));
        self.put("in_gateway_log", Fact::Flag(a.seen_by(View::Gateway)));
        self.put("client_loopback", Fact::Flag(a.client.ip.is_some_and(|ip| ip.is_loopback())));
        self.put("client_public", Fact::Flag(a.client.ip.is_some_and(is_public)));
        self.number("duration_ms", a.end.since(a.start) / 1_000_000);
        if let Some(port) = a.server.port {
            self.number("target_port", port);
        }
        for (code, fact) in [
            ("disconnect_reason", "client_reason"),
            ("server_reason", "server_reason"),
            ("session_reason", "session_reason"),
            ("socket_error", "socket_error"),
        ] {
            if let Some(v) = a.codes.get(code) {
                self.number(fact, *v);
            }
        }
        let session = a.events.iter().filter_map(|at| self.evidence.event(*at).map(|e| (*at, e))).find(|(_, e)| {
            rdpwhy_parsers::catalog::info(e.event.kind).and_then(|i| i.stage) == Some(Stage::Session.name())
        });
        if let Some((at, _)) = session {
            self.number("session_ms", a.end.since(self.evidence.time(at)) / 1_000_000);
        }
        if let (Some(c), Some(s)) = (a.client.host, a.server.host) {
            let offset = |h| self.evidence.host_offsets.get(&h).copied();
            if let (Some(c), Some(s)) = (offset(c), offset(s)) {
                self.number("clock_offset_ms", (c - s).abs() / 1_000_000);
            }
        }
        if let Some(port) = self.bound_port(a) {
            self.number("bound_port", port);
        }
        self.put("server_silent_after", Fact::Flag(self.silent_after(a)));
        if let Some(differs) = self.certificate_differs(a) {
            self.put("certificate_differs", Fact::Flag(differs));
        }
        self.put("lost_on_the_way", Fact::Flag(self.lost_on_the_way(a)));
        let points = vantage::points(self.evidence, a);
        self.put("reset_on_the_way", Fact::Flag(vantage::reset_on_the_way(&points).is_some()));
        if let Some(end) = vantage::swallowed(&points) {
            self.put("swallowed_from", Fact::Word(end));
        }
    }

    /// The certificate on the wire is not the one that the server last said it made (RemoteConnectionManager 1056).
    fn certificate_differs(&self, a: &Attempt) -> Option<bool> {
        let shown = a.events.iter().filter_map(|at| self.evidence.event(*at)).find(|e| e.event.kind == kind::CERTIFICATE)?;
        let host = a.server.host?;
        let until = a.start.plus(self.evidence.host_offsets.get(&host).copied().unwrap_or(0));
        let made = self.index.of_kind(host, kind::CERTIFICATE_GENERATED, Timestamp(i64::MIN), until).last()?;
        let made = self.evidence.event(made.1)?.text(field::THUMBPRINT)?;
        Some(!shown.text(field::THUMBPRINT)?.eq_ignore_ascii_case(made))
    }

    /// One capture shows the request, and another that saw the same server at that time does not.
    fn lost_on_the_way(&self, a: &Attempt) -> bool {
        let Some(ip) = a.server.ip.filter(|_| a.stage <= Stage::Tcp && a.seen_by(View::Wire)) else { return false };
        let seen_in: BTreeSet<u32> = a.events.iter().filter(|at| self.evidence.host(**at).is_none()).map(|at| at.source).collect();
        self.attempts.iter().filter(|b| b.server.ip == Some(ip)).any(|b| {
            b.events.iter().any(|at| {
                self.evidence.host(*at).is_none()
                    && !seen_in.contains(&at.source)
                    && self.evidence.sources.get(at.source as usize).is_some_and(|s| {
                        let offset = self.evidence.offset(*at);
                        s.batch.logs.iter().any(|l| l.first <= a.start.plus(offset) && l.last >= a.start.plus(offset))
                    })
            })
        })
    }

    /// The port that the listener last took before the attempt.
    fn bound_port(&self, a: &Attempt) -> Option<i64> {
        let host = a.server.host?;
        let until = a.start.plus(self.evidence.host_offsets.get(&host).copied().unwrap_or(0));
        let bound = self.index.of_kind(host, kind::LISTENER_BOUND, Timestamp(i64::MIN), until);
        let tcp = |e: &EventRef<'_>| !e.text(field::TRANSPORT).is_some_and(|t| t.eq_ignore_ascii_case("UDP"));
        bound.iter().rev().filter_map(|(_, at)| self.evidence.event(*at)).find(tcp)?.int(field::PORT)
    }

    fn silent_after(&self, a: &Attempt) -> bool {
        let Some(host) = a.server.host else { return false };
        let end = a.end.plus(self.evidence.host_offsets.get(&host).copied().unwrap_or(0));
        let list = self.index.of_host(host);
        let next = list.partition_point(|(t, _)| *t <= end);
        list.get(next).is_some_and(|(t, _)| t.since(end) > SILENCE_NS)
    }

    fn neighbours(&mut self, i: usize, a: &Attempt) {
        let (client, server) = (client_key(a), server_key(a));
        let at_server = self.crowd.by_server.get(&server).map_or(&[][..], Vec::as_slice);
        let pair = self.crowd.by_pair.get(&(client.clone(), server)).map_or(&[][..], Vec::as_slice);
        let attempts = self.attempts;
        let near = |list: &[usize], distance: i64| -> Vec<usize> {
            let from = list.partition_point(|j| attempts.get(*j).is_some_and(|b| b.start < a.start.plus(-distance)));
            let to = list.partition_point(|j| attempts.get(*j).is_some_and(|b| b.start <= a.start.plus(distance)));
            list.get(from..to).unwrap_or_default().to_vec()
        };
        let count = |list: &[usize], test: &dyn Fn(&Attempt) -> bool| -> i64 {
            let n: u64 = list.iter().filter_map(|j| attempts.get(*j)).filter(|b| test(b)).map(|b| b.count).sum();
            i64::try_from(n).unwrap_or(i64::MAX)
        };
        let bad = |b: &Attempt| b.outcome.is_bad();
        let ten = near(at_server, TEN_MINUTES_NS);
        let mine = near(pair, TEN_MINUTES_NS);
        self.number("server_attempts_10s", count(&near(at_server, 10 * SECOND), &|_| true));
        self.number("server_attempts_10m", count(&ten, &|_| true));
        self.number("server_failed_10m", count(&ten, &bad));
        let others: Vec<usize> = ten.iter().copied().filter(|j| *j != i).collect();
        self.number("server_ok_10m", count(&others, &|b| b.outcome == Outcome::Ok));
        // Others whose TCP came up at the same port: somebody listened.
        let accepting = count(&near(at_server, 60 * SECOND), &|b| b.stage > Stage::Tcp && b.server.port == a.server.port);
        self.put("server_accepting", Fact::Flag(accepting > 0));
        let failing: BTreeSet<ClientKey> =
            ten.iter().filter_map(|j| attempts.get(*j)).filter(|b| bad(b)).map(client_key).collect();
        self.number("server_failing_clients_10m", failing.len());
        let failed = count(&mine, &bad);
        self.number("client_failed_10m", failed);
        let ok_ever = count(pair, &|b| b.outcome == Outcome::Ok) > 0;
        self.put("client_ok_ever", Fact::Flag(ok_ever));
        let users = self.crowd.by_client.get(&client).map_or(0, BTreeSet::len);
        self.number("client_users_tried", users);
        let retry = pair.iter().filter_map(|j| attempts.get(*j)).any(|b| {
            b.stage == Stage::Session && b.start > a.start && b.start.since(a.end) <= 2 * 60 * SECOND
        });
        self.put("retry_succeeded", Fact::Flag(retry));
        let users = i64::try_from(users).unwrap_or(i64::MAX);
        let from_outside = a.client.ip.is_some_and(is_public);
        let refused = a.codes.get("socket_error") != Some(&NO_ACKNOWLEDGEMENT) && a.stage < Stage::Session;
        let guessing = client != ClientKey::Unknown
            && !ok_ever
            && refused
            && (failed >= GUESSES
                || (from_outside && failed >= GUESSES_FROM_OUTSIDE && self.crowd.refused.contains(&i))
                || (from_outside && self.crowd.strangers_near(i, a) >= CROWD_OF_STRANGERS)
                || (users >= GUESSED_ACCOUNTS && failed >= GUESSED_ACCOUNTS));
        self.put("guessing", Fact::Flag(guessing));
        let lost: Vec<&Attempt> = others
            .iter()
            .chain(at_server)
            .filter_map(|j| attempts.get(*j))
            .filter(|b| !std::ptr::eq(*b, a) && b.outcome == Outcome::Dropped && b.end.since(a.end).abs() <= TOGETHER_NS)
            .collect();
        let lost_starts: BTreeSet<_> = lost.iter().map(|b| (b.start, client_key(b))).collect();
        let lost_clients: BTreeSet<_> = lost.iter().map(|b| client_key(b)).collect();
        self.number("lost_together", lost_starts.len());
        self.number("lost_together_clients", lost_clients.len());
        self.put("probe_like", Fact::Flag(self.probe_like(a, pair)));
        self.put("ends_constant_idle", Fact::Flag(self.constant_idle(a, pair)));
    }

    /// The client comes at an even interval and never says anything: a load balancer's health check.
    fn probe_like(&self, a: &Attempt, pair: &[usize]) -> bool {
        if a.stage > Stage::Tcp || pair.len() < PROBES {
            return false;
        }
        let of_pair: Vec<&Attempt> = pair.iter().filter_map(|j| self.attempts.get(*j)).collect();
        let mut pauses: Vec<i64> = of_pair.windows(2).filter_map(|w| Some(w.get(1)?.start.since(w.first()?.start))).collect();
        pauses.sort_unstable();
        let middle = pauses.get(pauses.len() / 2).copied().unwrap_or(0);
        let even = pauses.iter().filter(|p| (*p - middle).abs().saturating_mul(1_000) <= middle.saturating_mul(SAME_IDLE_PERMILLE)).count();
        middle > 0 && of_pair.iter().all(|b| b.stage <= Stage::Tcp) && even * 4 >= pauses.len() * 3
    }

    /// At least two lost sessions of this pair that were idle for the same time before the end.
    fn constant_idle(&self, a: &Attempt, pair: &[usize]) -> bool {
        let idle = |b: &Attempt| {
            let measured = b.events.iter().filter_map(|at| self.evidence.event(*at)).find(|e| e.event.kind == kind::FLOW_MEASURED)?;
            measured.int(field::IDLE_BEFORE_END_MS).filter(|ms| *ms > 0 && b.outcome == Outcome::Dropped)
        };
        let Some(mine) = idle(a) else { return false };
        pair.iter().filter_map(|j| self.attempts.get(*j)).filter(|b| !std::ptr::eq(*b, a)).filter_map(idle).any(|other| {
            (other - mine).abs().saturating_mul(1_000) <= mine.saturating_mul(SAME_IDLE_PERMILLE)
        })
    }
}

/// Whether an address is of the internet: not private, local, shared (RFC 6598) or loopback.
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            !(v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast() || shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback() || v6.is_unspecified() || v6.is_multicast() || v6.is_unique_local() || v6.is_unicast_link_local())
        }
    }
}

/// Whether any sign of the attempt is of this kind.
pub fn has(evidence: &Evidence, a: &Attempt, wanted: Kind) -> bool {
    a.signs().any(|at| evidence.kind(at) == Some(wanted))
}
