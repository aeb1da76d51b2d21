//! Named facts about an attempt that no single record states: how often, how many others, what came after.

use rdpwhy_parsers::{EventRef, Kind, Timestamp};
use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::attempt::{Attempt, Fact, Outcome};
use crate::clock;
use crate::crowd::{Crowd, TEN_MINUTES_NS};
use crate::evidence::Evidence;
use crate::index::Index;
use crate::named::Facts;
use crate::names::{field, kind};
use crate::pipeline;
use crate::sighting::View;
use crate::stage::Stage;
use crate::tries::{ClientKey, client_key, server_key};
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
    "in_state",
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
/// The state of a host is held for that of its attempts for a week, as the causes' windows have it: services that stopped
/// and keys that nobody may read stay so until somebody acts.
const STATE_HOLDS_NS: i64 = 7 * 86_400 * SECOND;
/// And for a day before: somebody collects first and tries again then.
const STATE_BEFORE_NS: i64 = 86_400 * SECOND;
/// Sessions lost by one event end within this time: the stack notices a dead path at slightly different moments.
const TOGETHER_NS: i64 = 5 * SECOND;
/// A person mistypes a password a few times; ten refused tries in ten minutes without a success is a program.
const GUESSES: i64 = 10;
/// Fewer are enough for an address of the internet that never got in.
const GUESSES_FROM_OUTSIDE: i64 = 4;
/// So many addresses of the internet that were refused at one server within a week, and none ever let in, are a crowd of
/// guessers; each of them may try once only, to stay below every limit.
const CROWD_OF_STRANGERS: usize = 5;
/// ERROR_SEM_TIMEOUT: this client fell silent, it was not refused.
const NO_ACKNOWLEDGEMENT: i64 = 121;
/// A person has one account, perhaps a second one for administration.
const GUESSED_ACCOUNTS: i64 = 3;
/// A server that writes nothing for so long after losing a session was gone.
const SILENCE_NS: i64 = 60 * SECOND;

/// Computes all facts of all attempts; they are sorted by start.
pub fn gather(evidence: &Evidence, index: &Index, attempts: &mut [Attempt]) {
    let crowd = Crowd::new(evidence, attempts);
    let all: &[Attempt] = attempts;
    let facts: Vec<Facts> = pipeline::map(all.len(), |i| {
        let mut f = Gathering {
            evidence,
            index,
            attempts: all,
            crowd: &crowd,
            found: Facts::default(),
        };
        if let Some(a) = all.get(i) {
            f.own(a);
            f.neighbours(i, a);
        }
        f.found.shrink();
        f.found
    });
    for (a, f) in attempts.iter_mut().zip(facts) {
        a.facts = f;
    }
}

struct Gathering<'a> {
    evidence: &'a Evidence,
    index: &'a Index,
    attempts: &'a [Attempt],
    crowd: &'a Crowd,
    found: Facts,
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
        // What the collecting script found at the server, not long before or after.
        let inspected = a.server.host.is_some_and(|host| {
            let until = Timestamp(a.end.0.saturating_add(STATE_HOLDS_NS));
            let from = Timestamp(a.start.0.saturating_sub(STATE_BEFORE_NS));
            let found = self
                .index
                .of_kind(host, kind::LISTENER_INSPECTED, from, until);
            !found.is_empty()
        });
        self.put("in_state", Fact::Flag(inspected));
        self.put(
            "client_loopback",
            Fact::Flag(a.client.ip.is_some_and(|ip| ip.is_loopback())),
        );
        self.put(
            "client_public",
            Fact::Flag(a.client.ip.is_some_and(is_public)),
        );
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
        let session = a
            .events
            .iter()
            .filter_map(|at| self.evidence.event(*at).map(|e| (*at, e)))
            .find(|(_, e)| {
                rdpwhy_parsers::catalog::info(e.event.kind).and_then(|i| i.stage)
                    == Some(Stage::Session.name())
            });
        if let Some((at, _)) = session {
            self.number(
                "session_ms",
                a.end.since(self.evidence.time(at)) / 1_000_000,
            );
        }
        if let (Some(c), Some(s)) = (a.client.host, a.server.host) {
            let offset = |h| self.evidence.host_offsets.get(&h).copied();
            if let (Some(c), Some(s)) = (offset(c), offset(s)) {
                self.number("clock_offset_ms", clock::distance(c, s) / 1_000_000);
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
        self.put(
            "reset_on_the_way",
            Fact::Flag(vantage::reset_on_the_way(&points).is_some()),
        );
        if let Some(end) = vantage::swallowed(&points) {
            self.put("swallowed_from", Fact::Word(end));
        }
    }

    /// The certificate on the wire is not the one that the server last said it made (RemoteConnectionManager 1056).
    fn certificate_differs(&self, a: &Attempt) -> Option<bool> {
        let shown = a
            .events
            .iter()
            .filter_map(|at| self.evidence.event(*at))
            .find(|e| e.event.kind == kind::CERTIFICATE)?;
        let host = a.server.host?;
        let until = a
            .start
            .plus(self.evidence.host_offsets.get(&host).copied().unwrap_or(0));
        let made = self
            .index
            .of_kind(
                host,
                kind::CERTIFICATE_GENERATED,
                Timestamp(i64::MIN),
                until,
            )
            .last()?;
        let made = self.evidence.event(made.1)?.text(field::THUMBPRINT)?;
        Some(!shown.text(field::THUMBPRINT)?.eq_ignore_ascii_case(made))
    }

    /// One capture shows the request, and another that saw the same server at that time does not.
    fn lost_on_the_way(&self, a: &Attempt) -> bool {
        let Some(ip) = a
            .server
            .ip
            .filter(|_| a.stage <= Stage::Tcp && a.seen_by(View::Wire))
        else {
            return false;
        };
        let seen_in: BTreeSet<u32> = a
            .events
            .iter()
            .filter(|at| self.evidence.host(**at).is_none())
            .map(|at| at.source)
            .collect();
        self.crowd
            .captures(ip)
            .filter(|source| !seen_in.contains(source))
            .any(|source| {
                let moment = a.start.plus(
                    self.evidence
                        .capture_offsets
                        .get(&source)
                        .copied()
                        .unwrap_or(0),
                );
                let logs = self
                    .evidence
                    .sources
                    .get(source as usize)
                    .map(|s| &s.batch.logs);
                logs.into_iter()
                    .flatten()
                    .any(|l| l.first <= moment && l.last >= moment)
            })
    }

    /// The port that the listener last took before the attempt.
    fn bound_port(&self, a: &Attempt) -> Option<i64> {
        let host = a.server.host?;
        let until = a
            .start
            .plus(self.evidence.host_offsets.get(&host).copied().unwrap_or(0));
        let bound = self
            .index
            .of_kind(host, kind::LISTENER_BOUND, Timestamp(i64::MIN), until);
        let tcp = |e: &EventRef<'_>| {
            !e.text(field::TRANSPORT)
                .is_some_and(|t| t.eq_ignore_ascii_case("UDP"))
        };
        bound
            .iter()
            .rev()
            .filter_map(|(_, at)| self.evidence.event(*at))
            .find(tcp)?
            .int(field::PORT)
    }

    fn silent_after(&self, a: &Attempt) -> bool {
        let Some(host) = a.server.host else {
            return false;
        };
        let end = a
            .end
            .plus(self.evidence.host_offsets.get(&host).copied().unwrap_or(0));
        let list = self.index.of_host(host);
        let next = list.partition_point(|(t, _)| *t <= end);
        list.get(next)
            .is_some_and(|(t, _)| t.since(end) > SILENCE_NS)
    }

    fn neighbours(&mut self, i: usize, a: &Attempt) {
        let crowd = self.crowd;
        let pair = (client_key(a), server_key(a));
        let (Some(at_server), Some(mine)) = (crowd.at_server(&pair.1), crowd.of_pair(&pair)) else {
            return;
        };
        let own_ok = if a.outcome == Outcome::Ok {
            i64::try_from(a.count).unwrap_or(i64::MAX)
        } else {
            0
        };
        self.number("server_attempts_10s", at_server.count(a.start, 10 * SECOND));
        self.number(
            "server_attempts_10m",
            at_server.count(a.start, TEN_MINUTES_NS),
        );
        self.number(
            "server_failed_10m",
            at_server.count_bad(a.start, TEN_MINUTES_NS),
        );
        self.number(
            "server_ok_10m",
            at_server
                .count_ok(a.start, TEN_MINUTES_NS)
                .saturating_sub(own_ok),
        );
        // Others whose TCP came up at the same port: somebody listened.
        self.put(
            "server_accepting",
            Fact::Flag(at_server.accepted(a.server.port, a.start, 60 * SECOND)),
        );
        self.number("server_failing_clients_10m", crowd.failing(i));
        let failed = mine.count_bad(a.start, TEN_MINUTES_NS);
        self.number("client_failed_10m", failed);
        self.put("client_ok_ever", Fact::Flag(mine.ok_ever()));
        let users = i64::try_from(crowd.users(&pair.0)).unwrap_or(i64::MAX);
        self.number("client_users_tried", users);
        let retry = mine
            .next_session(a.start)
            .is_some_and(|start| start.since(a.end) <= 2 * 60 * SECOND);
        self.put("retry_succeeded", Fact::Flag(retry));
        let from_outside = a.client.ip.is_some_and(is_public);
        let refused =
            a.codes.get("socket_error") != Some(&NO_ACKNOWLEDGEMENT) && a.stage < Stage::Session;
        let guessing = pair.0 != ClientKey::Unknown
            && !mine.ok_ever()
            && refused
            && (failed >= GUESSES
                || (from_outside && failed >= GUESSES_FROM_OUTSIDE && crowd.refused(i))
                || (from_outside && self.among_strangers(i, a))
                || (users >= GUESSED_ACCOUNTS && failed >= GUESSED_ACCOUNTS));
        self.put("guessing", Fact::Flag(guessing));
        let lost = || {
            at_server
                .lost(a.end, TOGETHER_NS)
                .filter(|j| *j != i)
                .filter_map(|j| self.attempts.get(j))
        };
        let lost_starts: BTreeSet<_> = lost().map(|b| (b.start, client_key(b))).collect();
        let lost_clients: BTreeSet<_> = lost().map(client_key).collect();
        self.number("lost_together", lost_starts.len());
        self.number("lost_together_clients", lost_clients.len());
        self.put(
            "probe_like",
            Fact::Flag(a.stage <= Stage::Tcp && mine.probes),
        );
        // At least two lost sessions of this pair that were idle for the same time before the end.
        let idle = crowd.idle(i).is_some_and(|idle| mine.same_idle(idle));
        self.put("ends_constant_idle", Fact::Flag(idle));
    }

    /// Different strangers were refused at the attempt's server, and it may be one of them.
    fn among_strangers(&self, i: usize, a: &Attempt) -> bool {
        // A stranger's silent early end beside refusals of others is one more knock; a fault that a side states is not.
        (self.crowd.refused(i) || a.moments.is_empty())
            && self.crowd.strangers(i) >= CROWD_OF_STRANGERS
    }
}

/// Whether an address is of the internet: not private, local, shared (RFC 6598) or loopback.
pub fn is_public(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_broadcast()
                || v4.is_multicast()
                || shared)
        }
        IpAddr::V6(v6) => {
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local())
        }
    }
}

/// Whether any sign of the attempt is of this kind.
pub fn has(evidence: &Evidence, a: &Attempt, wanted: Kind) -> bool {
    a.signs().any(|at| evidence.kind(at) == Some(wanted))
}
