//! One connection, or one try that only logs saw, with all that any witness told of it.

use rdpwhy_parsers::Timestamp;
use std::collections::BTreeMap;

use crate::evidence::At;
use crate::kinds::Kinds;
use crate::named::Facts;
use crate::sighting::{Peer, View};
use crate::stage::Stage;

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Reached a session and ended in an orderly way, or is still open.
    Ok,
    /// Ended before a session.
    Failed,
    /// A session was lost against the user's will.
    Dropped,
    /// Given up on purpose.
    Cancelled,
    /// The evidence does not tell.
    Unknown,
}

impl Outcome {
    /// The word of the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }

    /// Whether somebody was hurt by it.
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Dropped)
    }
}

/// One connection.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Who saw it, sorted.
    pub views: Vec<View>,
    /// Who connected.
    pub client: Peer,
    /// To whom.
    pub server: Peer,
    /// Account or X.224 cookie.
    pub user: Option<String>,
    /// First sign on the common clock.
    pub start: Timestamp,
    /// First sign in its own source's clock: part of the id.
    pub raw_start: Timestamp,
    /// Last sign on the common clock.
    pub end: Timestamp,
    /// Signs tied by a key (activity, addresses, session), by time.
    pub events: Vec<At>,
    /// Signs tied by their moment at the server or client, by time.
    pub moments: Vec<At>,
    /// Session number at the server.
    pub session: Option<i64>,
    /// Tries folded into this one.
    pub count: u64,
    /// How it went.
    pub outcome: Outcome,
    /// Furthest stage entered.
    pub stage: Stage,
    /// client, server, middlebox, nobody, unknown.
    pub closed_by: &'static str,
    /// fin, rst, alert …
    pub closed_how: &'static str,
    /// Codes that a side gave, by their names in the report.
    pub codes: BTreeMap<&'static str, i64>,
    /// Index of the attempt that decided the same try.
    pub part_of: Option<usize>,
    /// Named facts for the causes.
    pub facts: Facts,
    /// Kinds of its signs, once all of them are known.
    pub kinds: Kinds,
}

/// The value of a named fact.
#[derive(Debug, Clone, PartialEq)]
pub enum Fact {
    /// A word.
    Word(&'static str),
    /// A number.
    Number(i64),
    /// Yes or no.
    Flag(bool),
}

impl Attempt {
    /// A try of which nothing is known but its ends and its beginning.
    pub fn new(client: Peer, server: Peer, start: Timestamp) -> Self {
        Self {
            views: Vec::new(),
            client,
            server,
            user: None,
            start,
            raw_start: start,
            end: start,
            events: Vec::new(),
            moments: Vec::new(),
            session: None,
            count: 1,
            outcome: Outcome::Unknown,
            stage: Stage::Name,
            closed_by: "unknown",
            closed_how: "unknown",
            codes: BTreeMap::new(),
            part_of: None,
            facts: Facts::default(),
            kinds: Kinds::default(),
        }
    }

    /// Whether this witness saw it.
    pub fn seen_by(&self, view: View) -> bool {
        self.views.contains(&view)
    }

    /// All its signs, those tied by keys first.
    pub fn signs(&self) -> impl Iterator<Item = At> + '_ {
        self.events.iter().chain(&self.moments).copied()
    }
}
