//! How a connection ended as the server's logs tell it.

use rdpwhy_parsers::{Kind, Timestamp};

use super::{End, Signs, end};
use crate::attempt::{Attempt, Outcome};
use crate::evidence::Evidence;
use crate::index::Index;
use crate::names::{field, kind};
use crate::reasons::{self, Class};
use crate::stage::Stage;

/// ERROR_SEM_TIMEOUT: the stack gave up after unanswered retransmissions (winerror.h).
const NO_ACKNOWLEDGEMENT: i64 = 121;
/// Reason of RdpCoreTS 103 that every socket-level end carries: it names nothing.
const SOCKET_LEVEL: i64 = 14;
/// Nobody logs on and off again within a minute, unless something throws them out.
const AT_ONCE_NS: i64 = 60_000_000_000;
/// The profile is loaded shortly before the session counts as begun.
const LOADING_NS: i64 = 10_000_000_000;
/// A takeover and the session's resumption are logged within this time.
const TAKEOVER_NS: i64 = 15_000_000_000;

impl Signs<'_> {
    pub(super) fn server_class(&self) -> Option<Class> {
        let reason = |k| self.last(k).and_then(|e| e.int(field::REASON));
        let rdp = reason(kind::DISCONNECT_REASON)
            .filter(|r| *r != SOCKET_LEVEL)
            .map(reasons::rdpcorets);
        let session = reason(kind::SESSION_REASON).map(reasons::session);
        match (rdp, session) {
            (Some(Class::Unsaid) | None, s) => s,
            (r, _) => r,
        }
    }

    pub(super) fn server_end(&self, a: &Attempt, evidence: &Evidence, index: &Index) -> End {
        let socket = self
            .last(kind::READ_FAILED)
            .or_else(|| self.last(kind::WRITE_FAILED))
            .and_then(|e| e.int(field::ERROR));
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
            Some(Class::Logoff) => {
                return end("server", "fin", self.logged_off(a, index));
            }
            Some(Class::Takeover) => {
                return end("server", "fin", self.taken_over(a, evidence, index));
            }
            Some(Class::Limit | Class::Admin | Class::Fault) => {
                return end("server", "fin", Outcome::Dropped);
            }
            Some(Class::Network) => return end("nobody", "silence", Outcome::Dropped),
            Some(Class::Unsaid | Class::NameFailed | Class::ConnectFailed) | None => {}
        }
        if self.has(kind::SESSION_LOGOFF) {
            return end("client", "fin", Outcome::Ok);
        }
        let over = [
            kind::TERMINATED,
            kind::SESSION_DISCONNECTED,
            kind::DISCONNECT_REASON,
        ]
        .into_iter()
        .any(|k| self.has(k));
        if over {
            // The window closed with the X or the network gone: RdpCoreTS writes the same.
            let outcome = if socket.is_some() {
                Outcome::Unknown
            } else {
                Outcome::Ok
            };
            return end("unknown", "unknown", outcome);
        }
        if went_down(a, evidence, index).is_some() {
            return end("server", "silence", Outcome::Dropped);
        }
        end("unknown", "still-open", Outcome::Ok)
    }

    fn server_end_before_session(&self, socket: Option<i64>) -> End {
        let reason = self
            .last(kind::DISCONNECT_REASON)
            .and_then(|e| e.int(field::REASON));
        match (socket, reason) {
            (Some(NO_ACKNOWLEDGEMENT), _) => end("nobody", "silence", Outcome::Failed),
            // A socket that failed on our side says only that the peer was gone: it may have been told to go.
            (Some(_), _) | (_, Some(SOCKET_LEVEL)) | (None, None) => {
                end("unknown", "unknown", Outcome::Unknown)
            }
            (None, Some(_)) => end("server", "unknown", Outcome::Unknown),
        }
    }

    /// Windows logs a user off whose profile cannot be loaded or whose desktop program died, and the record of the end is
    /// that of any logoff.
    fn logged_off(&self, a: &Attempt, index: &Index) -> Outcome {
        let began = self.first(kind::SESSION_LOGON).map(|e| e.event.time);
        let (Some(host), Some(began)) = (a.server.host, began) else {
            return Outcome::Ok;
        };
        let ended = self.own.last().map_or(began, |e| e.event.time);
        if ended.since(began) > AT_ONCE_NS || ended < began {
            return Outcome::Ok;
        }
        let seen = |k| {
            let found = index.of_kind(host, k, began.plus(-LOADING_NS), ended);
            !found.is_empty()
        };
        if seen(kind::PROFILE_FAILED) || seen(kind::DESKTOP_CRASHED) {
            Outcome::Dropped
        } else {
            Outcome::Ok
        }
    }

    /// A session taken over by its own user is no loss; by another one it is.
    fn taken_over(&self, a: &Attempt, evidence: &Evidence, index: &Index) -> Outcome {
        let Some((host, session)) = a.server.host.zip(a.session) else {
            return Outcome::Ok;
        };
        let at = self.own.last().map_or(Timestamp(0), |e| e.event.time);
        let own_user = |k, of_session: bool| {
            index
                .of_kind(host, k, at.plus(-TAKEOVER_NS), at.plus(TAKEOVER_NS))
                .iter()
                .any(|(_, at)| {
                    let Some(e) = evidence.event(*at) else {
                        return false;
                    };
                    let user = crate::sighting::session::user(e);
                    (!of_session || e.int(field::SESSION_ID) == Some(session))
                        && (of_session || !a.events.contains(at))
                        && user
                            .zip(a.user.as_ref())
                            .is_none_or(|(x, y)| crate::sighting::same_account(&x, y))
                })
        };
        // Where the session manager's log is not there, the same user's logon from elsewhere says as much.
        let resumed = own_user(kind::SESSION_RECONNECTED, true)
            || own_user(kind::SESSION_LOGON, true)
            || own_user(kind::AUTHENTICATED, false);
        if resumed || a.user.is_none() {
            Outcome::Ok
        } else {
            Outcome::Dropped
        }
    }
}

/// When the machine or the service went down, if it did so before the session had any end: a crash leaves no record of
/// the connections it cut. After a power loss only the next start tells, so the moment may be late.
pub(super) fn went_down(a: &Attempt, evidence: &Evidence, index: &Index) -> Option<Timestamp> {
    let host = a.server.host?;
    let from = a
        .events
        .iter()
        .filter(|at| evidence.host(**at) == Some(host))
        .map(|at| evidence.local_time(*at))
        .max()?;
    let to = Timestamp(i64::MAX);
    let of_kind = |k| index.of_kind(host, k, from.plus(1), to);
    let down = HOST_WENT_DOWN
        .iter()
        .filter_map(|k| of_kind(*k).first())
        .map(|(t, _)| *t);
    let crashed = of_kind(kind::SERVICE_CRASHED)
        .iter()
        .find(|(_, at)| {
            evidence
                .event(*at)
                .is_some_and(reasons::is_remote_desktop_service)
        })
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
