//! How far each attempt came, who ended it, and whether that hurt anybody.

use rdpwhy_parsers::{EventRef, Kind, catalog};

mod server;
mod wire;

use crate::attempt::{Attempt, Outcome};
use crate::evidence::Evidence;
use crate::index::Index;
use crate::names::{field, kind};
use crate::reasons::{self, Class};
use crate::sighting::View;
use crate::stage::Stage;
use crate::vantage;

/// Kinds by which a side says that something was wrong with this very connection.
const TROUBLE: [&str; 26] = [
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
    "rdg.refused",
    "rdg.failed",
];

/// TLS alert close_notify is an orderly end, not trouble (RFC 8446 6.1).
const CLOSE_NOTIFY: i64 = 0;

/// Fills stage, codes, end and outcome of each attempt, from its own signs alone.
pub fn conclude(evidence: &Evidence, index: &Index, attempts: &mut [Attempt]) {
    for a in attempts.iter_mut() {
        let signs: Vec<EventRef<'_>> = a.signs().filter_map(|at| evidence.event(at)).collect();
        let own: Vec<EventRef<'_>> = a
            .events
            .iter()
            .filter_map(|at| evidence.event(*at))
            .collect();
        for e in &own {
            let stage = catalog::info(e.event.kind)
                .and_then(|i| i.stage)
                .and_then(Stage::named);
            a.stage = a.stage.max(stage.unwrap_or(Stage::Name));
        }
        let view = Signs {
            own: &own,
            all: &signs,
        };
        a.codes = view.codes();
        let mut end = view.end(a, evidence, index);
        let points = vantage::points(evidence, a);
        if points.len() > 1 && vantage::reset_on_the_way(&points).is_some() {
            end.by = "middlebox";
            end.how = "rst";
            end.outcome = if a.stage == Stage::Session {
                Outcome::Dropped
            } else {
                Outcome::Failed
            };
        }
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
            a.end = server::went_down(a, evidence, index)
                .unwrap_or(a.end)
                .max(a.end);
        }
    }
}

/// Whether a side said that something was wrong with this connection.
pub fn in_trouble(evidence: &Evidence, a: &Attempt) -> bool {
    a.signs()
        .filter_map(|at| evidence.event(at))
        .any(says_trouble)
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
        self.own
            .iter()
            .copied()
            .rev()
            .find(|e| e.event.kind == kind)
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
        put(
            "disconnect_reason",
            self.last(kind::CLIENT_DISCONNECTED)
                .and_then(|e| e.int(field::REASON)),
        );
        put(
            "server_reason",
            self.last(kind::DISCONNECT_REASON)
                .and_then(|e| e.int(field::REASON)),
        );
        put(
            "session_reason",
            self.last(kind::SESSION_REASON)
                .and_then(|e| e.int(field::REASON)),
        );
        put(
            "negotiation_failure",
            self.first(kind::NEGOTIATION_FAILED)
                .and_then(|e| e.int(field::CODE)),
        );
        put(
            "error_info",
            self.last(kind::ERROR_INFO).and_then(|e| e.int(field::CODE)),
        );
        let socket = self
            .last(kind::READ_FAILED)
            .or_else(|| self.last(kind::WRITE_FAILED));
        put("socket_error", socket.and_then(|e| e.int(field::ERROR)));
        codes
    }

    /// The wire decides what it saw; the server's log knows reasons; the client's log knows what the user was told.
    fn end(&self, a: &Attempt, evidence: &Evidence, index: &Index) -> End {
        let wire = self.closing().map(|closed| self.wire_end(a, closed));
        let server = (a.seen_by(View::Server) && self.has_server_signs())
            .then(|| self.server_end(a, evidence, index));
        let client = self
            .last(kind::CLIENT_DISCONNECTED)
            .map(|e| client_end(a, e));
        let gateway = a.seen_by(View::Gateway).then(|| self.gateway_end());
        let mut best = match (wire, server) {
            (Some(w), Some(s)) => {
                // A reason in the log outweighs how the socket looked; the socket knows who and how.
                let outcome = if s.outcome == Outcome::Unknown {
                    w.outcome
                } else {
                    s.outcome
                };
                let outcome = if w.outcome == Outcome::Dropped && w.by == "middlebox" {
                    w.outcome
                } else {
                    outcome
                };
                end(w.by, w.how, outcome)
            }
            (Some(w), None) => w,
            (None, Some(s)) => s,
            (None, None) => end("unknown", "unknown", Outcome::Unknown),
        };
        if let Some(c) = client {
            let settled = matches!(best.outcome, Outcome::Ok) && !c.outcome.is_bad();
            if best.outcome == Outcome::Unknown
                || (c.outcome.is_bad() && !self.ended_orderly())
                || !settled && c.outcome == Outcome::Cancelled && !best.outcome.is_bad()
            {
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
        if self.all.iter().copied().any(says_trouble)
            && matches!(best.outcome, Outcome::Unknown | Outcome::Cancelled)
            && a.stage < Stage::Session
        {
            best.outcome = Outcome::Failed;
        }
        best
    }

    fn has_server_signs(&self) -> bool {
        self.own.iter().any(|e| {
            e.log().is_some_and(|l| !l.host.is_empty())
                && !e.event.kind.name().starts_with("client.co")
        })
    }

    /// The user or an administrator ended it, by what a side wrote.
    fn ended_orderly(&self) -> bool {
        self.has(kind::CLIENT_LEFT)
            || self
                .server_class()
                .is_some_and(|c| matches!(c, Class::Orderly | Class::Logoff))
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

    fn gateway_end(&self) -> End {
        let named = |names: &[&str]| {
            self.own
                .iter()
                .any(|e| names.contains(&e.event.kind.name()))
        };
        if named(&["gateway.connected"]) {
            return end("unknown", "unknown", Outcome::Ok);
        }
        if named(&[
            "gateway.user-denied",
            "gateway.resource-denied",
            "gateway.target-unreachable",
            "gateway.full",
            "gateway.requirement-unmet",
        ]) {
            return end("server", "unknown", Outcome::Failed);
        }
        end("unknown", "unknown", Outcome::Unknown)
    }
}

/// Arbitration takes a second or two; whoever waited so long got no session.
const PATIENCE_NS: i64 = 10_000_000_000;

/// What mstsc told its user.
fn client_end(a: &Attempt, e: EventRef<'_>) -> End {
    let class = e.int(field::REASON).map_or(Class::Unsaid, reasons::client);
    let session = a.stage == Stage::Session;
    match class {
        Class::Orderly | Class::Logoff | Class::Takeover if session => {
            end("client", "fin", Outcome::Ok)
        }
        Class::Orderly | Class::Logoff | Class::Takeover => {
            end("client", "fin", Outcome::Cancelled)
        }
        Class::NameFailed => end("nobody", "unknown", Outcome::Failed),
        _ if session => end("unknown", "unknown", Outcome::Dropped),
        _ => end("unknown", "unknown", Outcome::Failed),
    }
}
