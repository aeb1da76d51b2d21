//! How far each attempt came, who ended it, and whether that hurt anybody.

use rdpwhy_parsers::{EventRef, Kind, Timestamp, catalog};

use crate::attempt::{Attempt, Outcome};
use crate::evidence::Evidence;
use crate::index::Index;
use crate::names::{field, kind};
use crate::reasons::{self, Class};
use crate::sighting::View;
use crate::stage::Stage;

/// Kinds by which a side says that something was wrong with this very connection.
const TROUBLE: [&str; 24] = [
    "logon.refused-at-nla",
    "logon.failed",
    "logon.denied-remote",
    "logon.failed-in-stack",
    "security.protocol-error",
    "security.protocol-error-legacy",
    "protocol.error",
    "protocol.error-legacy",
    "connection.failed",
    "transport.failed",
    "smart-card.certificate-refused",
    "tls.key-inaccessible",
    "tls.credential-failed",
    "tls.no-shared-suite",
    "tls.alert-sent",
    "tls.alert-received",
    "tls.alerted",
    "negotiation.failed",
    "credssp.refused",
    "credssp.version-refused",
    "license.invalid",
    "license.not-issued",
    "license.temporary-expired",
    "server.answered-otherwise",
];

/// ERROR_SEM_TIMEOUT: the stack gave up after unanswered retransmissions (winerror.h).
const NO_ACKNOWLEDGEMENT: i64 = 121;
/// Reason of RdpCoreTS 103 that every socket-level end carries: it names nothing.
const SOCKET_LEVEL: i64 = 14;
/// TLS alert close_notify is an orderly end, not trouble (RFC 8446 6.1).
const CLOSE_NOTIFY: i64 = 0;

/// Fills stage, codes, end and outcome of each attempt, from its own signs alone.
pub fn conclude(evidence: &Evidence, index: &Index, attempts: &mut [Attempt]) {
    for a in attempts.iter_mut() {
        let signs: Vec<EventRef<'_>> = a.signs().filter_map(|at| evidence.event(at)).collect();
        let own: Vec<EventRef<'_>> = a.events.iter().filter_map(|at| evidence.event(*at)).collect();
        for e in &own {
            let stage = catalog::info(e.event.kind).and_then(|i| i.stage).and_then(Stage::named);
            a.stage = a.stage.max(stage.unwrap_or(Stage::Name));
        }
        let view = Signs { own: &own, all: &signs };
        a.codes = view.codes();
        let end = view.end(a, evidence, index);
        a.closed_by = end.by;
        a.closed_how = end.how;
        a.outcome = end.outcome;
        if view.waits_for_a_session() {
            // What flowed meanwhile was the waiting screen.
            a.stage = a.stage.min(Stage::Activation);
            if a.end.since(a.start) > PATIENCE_NS {
                a.outcome = Outcome::Failed;
            }
        }
        if (a.closed_by, a.closed_how) == ("server", "silence") {
            a.end = went_down(a, evidence, index).unwrap_or(a.end).max(a.end);
        }
    }
}

/// Whether a side said that something was wrong with this connection.
pub fn in_trouble(evidence: &Evidence, a: &Attempt) -> bool {
    a.signs().filter_map(|at| evidence.event(at)).any(says_trouble)
}

fn says_trouble(e: EventRef<'_>) -> bool {
    TROUBLE.contains(&e.event.kind.name())
        && !(e.event.kind == kind::ALERTED && e.int(field::ALERT) == Some(CLOSE_NOTIFY))
}

struct End {
    by: &'static str,
    how: &'static str,
    outcome: Outcome,
}

fn end(by: &'static str, how: &'static str, outcome: Outcome) -> End {
    End { by, how, outcome }
}

struct Signs<'a> {
    /// Tied by a key.
    own: &'a [EventRef<'a>],
    /// Those and the ones tied by their moment.
    all: &'a [EventRef<'a>],
}

impl<'a> Signs<'a> {
    fn first(&self, kind: Kind) -> Option<EventRef<'a>> {
        self.own.iter().copied().find(|e| e.event.kind == kind)
    }

    fn last(&self, kind: Kind) -> Option<EventRef<'a>> {
        self.own.iter().copied().rev().find(|e| e.event.kind == kind)
    }

    fn has(&self, kind: Kind) -> bool {
        self.first(kind).is_some()
    }

    fn codes(&self) -> std::collections::BTreeMap<&'static str, i64> {
        let mut codes = std::collections::BTreeMap::new();
        let mut put = |name, value: Option<i64>| {
            if let Some(v) = value {
                codes.insert(name, v);
            }
        };
        put("disconnect_reason", self.last(kind::CLIENT_DISCONNECTED).and_then(|e| e.int(field::REASON)));
        put("server_reason", self.last(kind::DISCONNECT_REASON).and_then(|e| e.int(field::REASON)));
        put("session_reason", self.last(kind::SESSION_REASON).and_then(|e| e.int(field::REASON)));
        put("negotiation_failure", self.first(kind::NEGOTIATION_FAILED).and_then(|e| e.int(field::CODE)));
        put("error_info", self.last(kind::ERROR_INFO).and_then(|e| e.int(field::CODE)));
        let socket = self.last(kind::READ_FAILED).or_else(|| self.last(kind::WRITE_FAILED));
        put("socket_error", socket.and_then(|e| e.int(field::ERROR)));
        codes
    }

    /// The wire decides what it saw; the server's log knows reasons; the client's log knows what the user was told.
    fn end(&self, a: &Attempt, evidence: &Evidence, index: &Index) -> End {
        let wire = self.last(kind::TCP_CLOSED).map(|closed| self.wire_end(a, closed));
        let server = (a.seen_by(View::Server) && self.has_server_signs()).then(|| self.server_end(a, evidence, index));
        let client = self.last(kind::CLIENT_DISCONNECTED).map(|e| self.client_end(a, e));
        let gateway = a.seen_by(View::Gateway).then(|| self.gateway_end());
        let mut best = match (wire, server) {
            (Some(w), Some(s)) => {
                // A reason in the log outweighs how the socket looked; the socket knows who and how.
                let outcome = if s.outcome == Outcome::Unknown { w.outcome } else { s.outcome };
                let outcome = if w.outcome == Outcome::Dropped && w.by == "middlebox" { w.outcome } else { outcome };
                end(w.by, w.how, outcome)
            }
            (Some(w), None) => w,
            (None, Some(s)) => s,
            (None, None) => end("unknown", "unknown", Outcome::Unknown),
        };
        if let Some(c) = client {
            let settled = matches!(best.outcome, Outcome::Ok) && !c.outcome.is_bad();
            if best.outcome == Outcome::Unknown || (c.outcome.is_bad() && !self.ended_orderly()) || !settled && c.outcome == Outcome::Cancelled && !best.outcome.is_bad() {
                best.outcome = c.outcome;
            }
            if best.by == "unknown" {
                best.by = c.by;
            }
            if best.how == "unknown" {
                best.how = c.how;
            }
        }
        if let Some(g) = gateway.filter(|_| best.outcome == Outcome::Unknown) {
            best = g;
        }
        if self.all.iter().copied().any(says_trouble) && matches!(best.outcome, Outcome::Unknown | Outcome::Cancelled) && a.stage < Stage::Session {
            best.outcome = Outcome::Failed;
        }
        best
    }

    fn has_server_signs(&self) -> bool {
        self.own.iter().any(|e| e.log().is_some_and(|l| !l.host.is_empty()) && !e.event.kind.name().starts_with("client.co"))
    }

    /// The user or an administrator ended it, by what a side wrote.
    fn ended_orderly(&self) -> bool {
        self.has(kind::CLIENT_LEFT)
            || self.server_class().is_some_and(|c| matches!(c, Class::Orderly | Class::Logoff))
    }

    fn wire_end(&self, a: &Attempt, closed: EventRef<'a>) -> End {
        let word = |f, allowed: &[&'static str]| {
            let found = closed.text(f).unwrap_or_default();
            allowed.iter().copied().find(|w| *w == found).unwrap_or("unknown")
        };
        let by = word(field::BY, &["client", "server", "middlebox", "nobody"]);
        let how = word(field::HOW, &["fin", "rst", "alert", "negotiation-failure", "error-info", "icmp", "refused", "silence", "still-open"]);
        let how = if self.has(kind::NEGOTIATION_FAILED) && matches!(how, "fin" | "rst") {
            "negotiation-failure"
        } else if self.last(kind::ERROR_INFO).and_then(|e| e.int(field::CODE)).is_some_and(|c| c > 0) {
            "error-info"
        } else {
            how
        };
        // An alert that cannot be read is the usual goodbye once a session ran.
        let goodbye = |e: &EventRef<'_>| {
            e.event.kind == kind::ALERTED && e.int(field::ALERT).is_none() && a.stage == Stage::Session
        };
        let trouble = self.own.iter().copied().filter(|e| !goodbye(e)).any(says_trouble);
        let outcome = if self.one_way() && !trouble && (a.stage >= Stage::Mcs || by == "client") {
            // Who closed first, and why, stands in the direction that is missing.
            Outcome::Unknown
        } else if a.stage == Stage::Session {
            match (by, how) {
                (_, "error-info") => match self.last(kind::ERROR_INFO).and_then(|e| e.int(field::CODE)).map(reasons::error_info) {
                    Some(Class::Orderly | Class::Logoff | Class::Takeover) => Outcome::Ok,
                    _ => Outcome::Dropped,
                },
                ("middlebox" | "nobody", "rst" | "fin" | "silence" | "icmp") => Outcome::Dropped,
                ("server", "rst" | "fin" | "alert") if !self.announced() => Outcome::Dropped,
                ("unknown", _) => Outcome::Unknown,
                _ => Outcome::Ok,
            }
        } else if how == "still-open" {
            Outcome::Unknown
        } else if self.flag(kind::TCP_OPENED, field::MIDSTREAM) && !trouble {
            // A capture that begins inside a connection cannot show that a session was reached.
            if by == "client" { Outcome::Ok } else { Outcome::Unknown }
        } else if trouble || matches!(by, "server" | "middlebox" | "nobody") {
            Outcome::Failed
        } else if self.has(kind::X224_UNANSWERED) || a.stage <= Stage::Tcp {
            Outcome::Failed
        } else if by == "client" && self.left_unanswered() {
            Outcome::Failed
        } else if by == "client" {
            Outcome::Cancelled
        } else {
            Outcome::Unknown
        };
        End { by, how, outcome }
    }

    /// The session's arbitration began (LSM 41) and nobody wrote of its end or of a session.
    fn waits_for_a_session(&self) -> bool {
        const ENDS: [Kind; 5] = [
            kind::ARBITRATION_ENDED,
            kind::ASSIGNED,
            kind::SESSION_LOGON,
            kind::SESSION_RECONNECTED,
            kind::SHELL_STARTED,
        ];
        self.has(kind::ARBITRATION_STARTED) && !ENDS.into_iter().any(|k| self.has(k))
    }

    /// The capture holds one direction only.
    fn one_way(&self) -> bool {
        self.first(kind::TCP_OPENED).and_then(|e| e.text(field::ONE_WAY)).is_some_and(|d| !d.is_empty())
    }

    fn flag(&self, kind: Kind, f: rdpwhy_parsers::Field) -> bool {
        self.first(kind).is_some_and(|e| e.flag(f))
    }

    /// The client gave up after its last message had no answer: a request without confirm, a ClientHello without
    /// ServerHello.
    fn left_unanswered(&self) -> bool {
        if self.one_way() {
            return false; // the answers may only not have been captured
        }
        (self.has(kind::X224_REQUESTED) && !self.has(kind::X224_CONFIRMED) && !self.has(kind::NEGOTIATION_FAILED))
            || (self.has(kind::CLIENT_HELLO) && !self.has(kind::SERVER_HELLO))
    }

    /// The server said goodbye before it closed.
    fn announced(&self) -> bool {
        self.has(kind::ANNOUNCED)
    }

    fn server_class(&self) -> Option<Class> {
        let reason = |k| self.last(k).and_then(|e| e.int(field::REASON));
        let rdp = reason(kind::DISCONNECT_REASON).filter(|r| *r != SOCKET_LEVEL).map(reasons::rdpcorets);
        let session = reason(kind::SESSION_REASON).map(reasons::session);
        match (rdp, session) {
            (Some(Class::Unsaid) | None, s) => s,
            (r, _) => r,
        }
    }

    fn server_end(&self, a: &Attempt, evidence: &Evidence, index: &Index) -> End {
        let socket = self.last(kind::READ_FAILED).or_else(|| self.last(kind::WRITE_FAILED)).and_then(|e| e.int(field::ERROR));
        if a.stage < Stage::Session {
            return self.server_end_before_session(socket);
        }
        if self.has(kind::CLIENT_LEFT) {
            return end("client", "fin", Outcome::Ok);
        }
        if self.has(kind::LISTENER_DISABLED) {
            return end("server", "unknown", Outcome::Dropped);
        }
        if socket == Some(NO_ACKNOWLEDGEMENT) {
            return end("nobody", "silence", Outcome::Dropped);
        }
        match self.server_class() {
            Some(Class::Orderly) => return end("client", "fin", Outcome::Ok),
            Some(Class::Logoff) => return end("server", "fin", Outcome::Ok),
            Some(Class::Takeover) => return end("server", "fin", self.taken_over(a, evidence, index)),
            Some(Class::Limit | Class::Admin | Class::Fault) => return end("server", "fin", Outcome::Dropped),
            Some(Class::Network) => return end("nobody", "silence", Outcome::Dropped),
            Some(Class::Unsaid | Class::NameFailed | Class::ConnectFailed) | None => {}
        }
        if self.has(kind::SESSION_LOGOFF) {
            return end("client", "fin", Outcome::Ok);
        }
        let over = [kind::TERMINATED, kind::SESSION_DISCONNECTED, kind::DISCONNECT_REASON].into_iter().any(|k| self.has(k));
        if over {
            // The window closed with the X or the network gone: RdpCoreTS writes the same.
            let outcome = if socket.is_some() { Outcome::Unknown } else { Outcome::Ok };
            return end("unknown", "unknown", outcome);
        }
        if went_down(a, evidence, index).is_some() {
            return end("server", "silence", Outcome::Dropped);
        }
        end("unknown", "still-open", Outcome::Ok)
    }

    fn server_end_before_session(&self, socket: Option<i64>) -> End {
        let reason = self.last(kind::DISCONNECT_REASON).and_then(|e| e.int(field::REASON));
        match (socket, reason) {
            (Some(NO_ACKNOWLEDGEMENT), _) => end("nobody", "silence", Outcome::Failed),
            // A socket that failed on our side says only that the peer was gone: it may have been told to go.
            (Some(_), _) | (_, Some(SOCKET_LEVEL)) => end("unknown", "unknown", Outcome::Unknown),
            (None, Some(_)) => end("server", "unknown", Outcome::Unknown),
            (None, None) => end("unknown", "unknown", Outcome::Unknown),
        }
    }

    /// A session taken over by its own user is no loss; by another one it is.
    fn taken_over(&self, a: &Attempt, evidence: &Evidence, index: &Index) -> Outcome {
        let Some((host, session)) = a.server.host.zip(a.session) else { return Outcome::Ok };
        let from = self.own.last().map_or(Timestamp(0), |e| e.event.time);
        let resumed = [kind::SESSION_RECONNECTED, kind::SESSION_LOGON].into_iter().any(|k| {
            index.of_kind(host, k, from.plus(-TAKEOVER_NS), from.plus(TAKEOVER_NS)).iter().any(|(_, at)| {
                evidence.event(*at).is_some_and(|e| {
                    let user = crate::sighting::session::user(e);
                    e.int(field::SESSION_ID) == Some(session)
                        && user.zip(a.user.as_ref()).is_none_or(|(x, y)| crate::sighting::same_account(&x, y))
                })
            })
        });
        if resumed || a.user.is_none() { Outcome::Ok } else { Outcome::Dropped }
    }

    fn client_end(&self, a: &Attempt, e: EventRef<'a>) -> End {
        let class = e.int(field::REASON).map_or(Class::Unsaid, reasons::client);
        let session = a.stage == Stage::Session;
        match class {
            Class::Orderly | Class::Logoff | Class::Takeover if session => end("client", "fin", Outcome::Ok),
            Class::Orderly | Class::Logoff | Class::Takeover => end("client", "fin", Outcome::Cancelled),
            Class::NameFailed => end("nobody", "unknown", Outcome::Failed),
            Class::ConnectFailed => end("unknown", "unknown", Outcome::Failed),
            _ if session => end("unknown", "unknown", Outcome::Dropped),
            _ => end("unknown", "unknown", Outcome::Failed),
        }
    }

    fn gateway_end(&self) -> End {
        let named = |names: &[&str]| self.own.iter().any(|e| names.contains(&e.event.kind.name()));
        if named(&["gateway.connected"]) {
            return end("unknown", "unknown", Outcome::Ok);
        }
        if named(&["gateway.user-denied", "gateway.resource-denied", "gateway.target-unreachable", "gateway.full", "gateway.requirement-unmet"]) {
            return end("server", "unknown", Outcome::Failed);
        }
        end("unknown", "unknown", Outcome::Unknown)
    }
}

/// Arbitration takes a second or two; whoever waited so long got no session.
const PATIENCE_NS: i64 = 10_000_000_000;
/// A takeover and the session's resumption are logged within this time.
const TAKEOVER_NS: i64 = 15_000_000_000;

/// When the machine or the service went down, if it did so before the session had any end: a crash leaves no record of
/// the connections it cut. After a power loss only the next start tells, so the moment may be late.
fn went_down(a: &Attempt, evidence: &Evidence, index: &Index) -> Option<Timestamp> {
    let host = a.server.host?;
    let from = a.events.iter().filter(|at| evidence.host(**at) == Some(host)).map(|at| evidence.raw_time(*at)).max()?;
    let to = Timestamp(i64::MAX);
    let of_kind = |k| index.of_kind(host, k, from.plus(1), to);
    let down = HOST_WENT_DOWN.iter().filter_map(|k| of_kind(*k).first()).map(|(t, _)| *t);
    let crashed = of_kind(kind::SERVICE_CRASHED)
        .iter()
        .find(|(_, at)| evidence.event(*at).is_some_and(reasons::is_remote_desktop_service))
        .map(|(t, _)| *t);
    let raw = down.chain(crashed).min()?;
    Some(raw.plus(-evidence.host_offsets.get(&host).copied().unwrap_or(0)))
}

/// Kinds that show that a machine went down or came up again.
const HOST_WENT_DOWN: [Kind; 6] = [
    Kind::of("reboot.unclean"),
    Kind::of("shutdown.unexpected"),
    Kind::of("os.started"),
    Kind::of("event-log.started"),
    Kind::of("session-manager.shutdown"),
    Kind::of("os.stopping"),
];
