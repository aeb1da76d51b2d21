//! How a connection ended as a capture saw it: who closed, how, and whether that is how sessions end.

use rdpwhy_parsers::{EventRef, Kind};

use super::{End, Signs, says_trouble};
use crate::attempt::{Attempt, Outcome};
use crate::names::{field, kind};
use crate::reasons::{self, Class};
use crate::stage::Stage;

impl<'a> Signs<'a> {
    pub(super) fn wire_end(&self, a: &Attempt, closed: EventRef<'a>) -> End {
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
            self.session_end(by, how)
        } else if how == "still-open" {
            Outcome::Unknown
        } else if self.flag(kind::TCP_OPENED, field::MIDSTREAM) && !trouble {
            // A capture that begins inside a connection cannot show that a session was reached.
            if by == "client" { Outcome::Ok } else { Outcome::Unknown }
        } else if trouble
            || matches!(by, "server" | "middlebox" | "nobody")
            || self.has(kind::X224_UNANSWERED)
            || a.stage <= Stage::Tcp
            || (by == "client" && self.left_unanswered())
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
        let told = self.last(kind::ERROR_INFO).and_then(|e| e.int(field::CODE)).map(reasons::error_info);
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
        self.has(kind::ANNOUNCED) || self.last(kind::TCP_CLOSED).is_some_and(|e| e.flag(field::ANNOUNCED))
    }
}
