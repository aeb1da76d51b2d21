//! How a connection ended as a capture saw it: who closed, how, and whether that is how sessions end.

use rdpwhy_parsers::{EventRef, Kind};

use super::{End, Signs, says_trouble};
use crate::attempt::{Attempt, Outcome};
use crate::names::{field, kind};
use crate::reasons::{self, Class};
use crate::stage::Stage;

/// The longest that a handshake takes with a person in it, who types a password or reads a warning.
const HANDSHAKE_NS: i64 = 120_000_000_000;

/// A server answers a client's goodbye with its own within moments.
const GOODBYE_MS: i64 = 1_000;

impl<'a> Signs<'a> {
    pub(super) fn wire_end(&self, a: &Attempt, closed: EventRef<'a>) -> End {
        let word = |f, allowed: &[&'static str]| {
            let found = closed.text(f).unwrap_or_default();
            allowed
                .iter()
                .copied()
                .find(|w| *w == found)
                .unwrap_or("unknown")
        };
        let by = word(field::BY, &["client", "server", "middlebox", "nobody"]);
        let how = word(
            field::HOW,
            &[
                "fin",
                "rst",
                "alert",
                "negotiation-failure",
                "error-info",
                "icmp",
                "refused",
                "silence",
                "still-open",
            ],
        );
        let how = if self.has(kind::NEGOTIATION_FAILED) && matches!(how, "fin" | "rst") {
            "negotiation-failure"
        } else if self
            .last(kind::ERROR_INFO)
            .and_then(|e| e.int(field::CODE))
            .is_some_and(|c| c > 0)
        {
            "error-info"
        } else {
            how
        };
        // An alert that cannot be read is the usual goodbye once a session ran.
        let goodbye = |e: &EventRef<'_>| {
            e.event.kind == kind::ALERTED
                && e.int(field::ALERT).is_none()
                && a.stage == Stage::Session
        };
        let trouble = self
            .own
            .iter()
            .copied()
            .filter(|e| !goodbye(e))
            .any(says_trouble);
        // Nobody waits so long for a handshake: what lasted was used, though the direction that shows it is missing.
        let lasted = self.has(kind::TLS_COMPLETED) && a.end.since(a.start) > HANDSHAKE_NS;
        let unseen = a.stage >= Stage::Mcs || by == "client" || lasted;
        // What one direction shows by itself: a device reset the connection, something never arrived, or the side that is to be
        // seen ended a session though the other had said nothing.
        let shown = by == "middlebox"
            || self.has(kind::X224_UNANSWERED)
            || self.undelivered()
            || (a.stage == Stage::Session && self.ended_unasked(by));
        let outcome = if let Some(outcome) = self.of_a_monitor(a, by, how, trouble) {
            outcome
        } else if self.one_way() && !trouble && !shown && unseen {
            // Who closed first, and why, stands in the direction that is missing.
            Outcome::Unknown
        } else if a.stage == Stage::Session {
            self.session_end(by, how)
        } else if how == "still-open" {
            Outcome::Unknown
        } else if self.midstream() && by == "middlebox" {
            // Whatever it was, it ran.
            Outcome::Dropped
        } else if self.midstream() && !trouble {
            // A capture that begins inside a connection cannot show that a session was reached.
            if by == "client" {
                Outcome::Ok
            } else {
                Outcome::Unknown
            }
        } else if trouble
            || matches!(by, "server" | "middlebox" | "nobody")
            || self.has(kind::X224_UNANSWERED)
            || (a.stage <= Stage::Tcp && !self.looked_in(by))
            || self.demand_unmet()
            || (by == "client" && (self.left_unanswered() || self.undelivered()))
        {
            Outcome::Failed
        } else if by == "client" {
            Outcome::Cancelled
        } else {
            Outcome::Unknown
        };
        End { by, how, outcome }
    }

    /// Most sessions end in a reset by the client: that is no loss. A server that closes without a word before is one.
    fn session_end(&self, by: &str, how: &str) -> Outcome {
        let told = self
            .last(kind::ERROR_INFO)
            .and_then(|e| e.int(field::CODE))
            .map(reasons::error_info);
        match (by, how) {
            (_, "error-info") => match told {
                Some(Class::Orderly | Class::Logoff | Class::Takeover) => Outcome::Ok,
                _ => Outcome::Dropped,
            },
            ("middlebox" | "nobody", "rst" | "fin" | "silence" | "icmp") => Outcome::Dropped,
            ("server", "rst" | "fin" | "alert") if !self.announced() => Outcome::Dropped,
            ("unknown", _) => Outcome::Unknown,
            _ => Outcome::Ok,
        }
    }

    /// How the connection ended at the capture point that saw most of it: one point may see a forged end, the end itself, or
    /// only that nothing came any more.
    pub(super) fn closing(&self) -> Option<EventRef<'a>> {
        let rank = |e: &EventRef<'_>| match e.text(field::HOW) {
            _ if e.flag(field::FORGED) => 0,
            _ if e.text(field::TOLD_BY).is_some() => 4,
            Some("still-open") => 3,
            Some("silence") => 2,
            _ => 1,
        };
        self.all_of(kind::TCP_CLOSED).min_by_key(rank)
    }

    fn all_of(&self, kind: Kind) -> impl Iterator<Item = EventRef<'a>> + '_ {
        self.own
            .iter()
            .copied()
            .filter(move |e| e.event.kind == kind)
    }

    /// What a monitor's log alone tells of the end: that nothing is said of a step does not mean that there was none.
    fn of_a_monitor(&self, a: &Attempt, by: &str, how: &str, trouble: bool) -> Option<Outcome> {
        let mut opened = self.all_of(kind::TCP_OPENED);
        if !opened.all(|e| e.text(field::TOLD_BY).is_some()) {
            return None;
        }
        Some(
            if trouble || how == "refused" || self.has(kind::TCP_UNANSWERED) {
                Outcome::Failed
            } else if a.stage == Stage::Session && by == "client" {
                Outcome::Ok
            } else {
                Outcome::Unknown
            },
        )
    }

    /// The captures hold one direction only.
    fn one_way(&self) -> bool {
        let mut directions = self
            .all_of(kind::TCP_OPENED)
            .filter(|e| e.text(field::TOLD_BY).is_none())
            .map(|e| e.text(field::ONE_WAY).unwrap_or_default());
        directions
            .next()
            .is_some_and(|first| !first.is_empty() && directions.all(|d| d == first))
    }

    /// No capture has the connection's beginning.
    fn midstream(&self) -> bool {
        self.has(kind::TCP_OPENED)
            && self
                .all_of(kind::TCP_OPENED)
                .filter(|e| e.text(field::TOLD_BY).is_none())
                .all(|e| e.flag(field::MIDSTREAM))
    }

    /// The client gave up after its last message had no answer: a request without confirm, a ClientHello without
    /// ServerHello.
    fn left_unanswered(&self) -> bool {
        if self.one_way() {
            return false; // the answers may only not have been captured
        }
        (self.has(kind::X224_REQUESTED)
            && !self.has(kind::X224_CONFIRMED)
            && !self.has(kind::NEGOTIATION_FAILED))
            || (self.has(kind::CLIENT_HELLO) && !self.has(kind::SERVER_HELLO))
    }

    /// What one side sent last was repeated and never arrived: whoever leaves then does not leave by choice.
    fn undelivered(&self) -> bool {
        self.all_of(kind::FLOW_MEASURED)
            .any(|e| e.flag(field::LOST_AT_END))
    }

    /// The server, which alone was captured, closed though the client had sent nothing for a while: no goodbye that it could
    /// have answered.
    fn ended_unasked(&self, by: &str) -> bool {
        let quiet = |e: EventRef<'_>| e.int(field::UNSEEN_QUIET_MS);
        let alone = |e: EventRef<'_>| e.text(field::ONE_WAY) == Some("server");
        by == "server"
            && self.all_of(kind::TCP_OPENED).all(alone)
            && self
                .all_of(kind::FLOW_MEASURED)
                .any(|e| quiet(e).is_some_and(|ms| ms >= GOODBYE_MS))
    }

    /// Somebody opened the port, said nothing and closed it: a monitor, or a test whether the port is open. Whoever does so
    /// again and again is a scanner, which only the neighbours tell.
    fn looked_in(&self, by: &str) -> bool {
        // Of a capture of one direction nobody knows whether the opening was answered, but the client went on.
        by == "client"
            && (self.has(kind::TCP_ESTABLISHED) || self.one_way())
            && !self.has(kind::X224_REQUESTED)
    }

    /// The client demanded a logon without handing its credentials over, and the confirm does not offer it: flags of
    /// [MS-RDPBCGR] 2.2.1.1.1 and 2.2.1.2.1, Restricted Admin and Remote Credential Guard. mstsc leaves then.
    fn demand_unmet(&self) -> bool {
        const DEMANDS: [(i64, i64); 2] = [(0x01, 0x08), (0x02, 0x10)];
        let flags = |k| self.first(k).and_then(|e| e.int(field::FLAGS));
        let (Some(request), Some(confirm)) =
            (flags(kind::X224_REQUESTED), flags(kind::X224_CONFIRMED))
        else {
            return false;
        };
        let demanded = DEMANDS.iter().any(|(demand, _)| request & demand != 0);
        let unmet = |(demand, offer): &(i64, i64)| request & demand == 0 || confirm & offer == 0;
        // Both may be demanded: one of them is enough.
        demanded && DEMANDS.iter().all(unmet) && !self.has(kind::CLIENT_HELLO)
    }

    /// The server said goodbye before it closed.
    fn announced(&self) -> bool {
        self.has(kind::ANNOUNCED) || self.closing().is_some_and(|e| e.flag(field::ANNOUNCED))
    }
}
