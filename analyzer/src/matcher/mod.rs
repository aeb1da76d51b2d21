//! Holds one sign against one attempt: seen, absent, or unknown because nobody recorded there.

mod absence;
mod blind;
mod own;
mod records;

pub(crate) use absence::written_by_client;
pub use blind::{Blind, Unrecorded};
pub use own::OWN_VALUES;

use rdpwhy_parsers::{Kind, Timestamp, Value, catalog};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use crate::attempt::{Attempt, Fact};
use crate::coverage::CoverageMap;
use crate::evidence::{At, Evidence};
use crate::hosts::HostId;
use crate::index::Index;
use crate::kinds::Kinds;
use crate::knowledge::{Around, Joined, Nothing, Sign, Test, Window};
use crate::named::Name;
use crate::names::field;
use crate::tie::Tie;
pub(crate) use blind::note;
use blind::{CAPTURE, Whose};

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
    /// Whether a side states the reason by it. What was found outside the live part of a log states nothing: nobody knows how
    /// long it has lain there, and who put it there.
    pub statement: bool,
}

/// What became of a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// There; with its evidence (facts have none of their own).
    Seen(Vec<Found>),
    /// Not there, though it would have been recorded.
    Absent,
    /// Nobody recorded; not empty, each once.
    Unknown(Vec<Blind>),
}

/// Everything that signs are held against.
pub struct Matcher<'a> {
    /// The evidence.
    pub evidence: &'a Evidence,
    /// Its events by host, kind and moment.
    pub index: &'a Index,
    /// What the logs cover.
    pub coverage: &'a CoverageMap,
    /// Records (no packets) that belong to some attempt.
    pub claimed: &'a HashSet<At>,
    /// Domain controllers among the hosts.
    pub controllers: &'a BTreeSet<HostId>,
    /// Kinds that are recorded only when switched on, in groups.
    pub off_by_default: &'a [Vec<Kind>],
    /// Facts of captures by the addresses that they are about and by kind, each list by time; of the kinds that causes look
    /// for beside an attempt.
    pub packets: &'a Packets,
}

/// Facts of captures by address and kind. In a flood one server's address is in all of them.
pub type Packets = HashMap<(IpAddr, Kind), Vec<(Timestamp, At)>>;

/// Files the facts of captures that are looked for under both ends of their connection, and those of no connection under
/// the address that they name.
pub fn packets(evidence: &Evidence, attempts: &[Attempt], looked_for: &Kinds) -> Packets {
    let mut packets = Packets::new();
    let wanted = |at: At| {
        let kind = evidence.kind(at).filter(|k| looked_for.has(*k))?;
        evidence.host(at).is_none().then_some(kind)
    };
    let mut file = |ip: IpAddr, kind: Kind, at: At| {
        let list = packets.entry((ip, kind)).or_default();
        list.push((evidence.time(at), at));
    };
    for a in attempts {
        for at in &a.events {
            let Some(kind) = wanted(*at) else { continue };
            for ip in [a.client.ip, a.server.ip].into_iter().flatten() {
                file(ip, kind, *at);
            }
        }
    }
    for at in evidence.all() {
        let Some(kind) = wanted(at) else { continue };
        if let Some(ip) = evidence.event(at).and_then(|e| e.ip(field::IP)) {
            file(ip, kind, at);
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
            Test::Fact(name, condition) => self.fact(*name, condition, a),
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
            (Vec::new(), Vec::new(), false, false);
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
                Answer::Unknown(u) => note(&mut unrecorded, u),
            }
        }
        if seen {
            return Answer::Seen(found);
        }
        if unrecorded.is_empty() && !absent {
            // Nobody of them was there at all: what they would have written is what is missing.
            for sign in signs {
                if let Answer::Unknown(u) = self.ask_present(sign, a) {
                    note(&mut unrecorded, u);
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

    fn fact(&self, name: Name, condition: &crate::knowledge::Condition, a: &Attempt) -> Answer {
        let fact = a.facts.of(name);
        let name = name.as_str();
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
        let (channels, whose): (&'static [&'static str], Whose) = match name {
            "closed_by" | "closed_how" => (CAPTURE, Whose::Server),
            "client_reason" => (
                &["Microsoft-Windows-TerminalServices-RDPClient/Operational"],
                Whose::Client,
            ),
            "server_reason" | "socket_error" | "bound_port" => (
                &["Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational"],
                Whose::Server,
            ),
            "session_reason" => (
                &["Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"],
                Whose::Server,
            ),
            _ => return Answer::Absent,
        };
        let peer = match whose {
            Whose::Client => &a.client,
            _ => &a.server,
        };
        let covered = peer
            .host
            .is_some_and(|h| self.covered(h, channels, a.start, a.end));
        if covered {
            Answer::Absent
        } else {
            Answer::Unknown(vec![Blind { channels, whose }])
        }
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
        .is_none_or(|witness| a.facts.of(witness) == Some(&Fact::Flag(true)))
}

fn any(answers: impl Iterator<Item = Answer>) -> Answer {
    let (mut found, mut seen, mut unrecorded) = (Vec::new(), false, Vec::new());
    for answer in answers {
        match answer {
            Answer::Seen(f) => {
                seen = true;
                found.extend(f);
            }
            Answer::Unknown(u) => note(&mut unrecorded, u),
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
    let (mut found, mut unrecorded) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Answer::Seen(f) => found.extend(f),
            Answer::Unknown(u) => note(&mut unrecorded, u),
            Answer::Absent => return Answer::Absent,
        }
    }
    if unrecorded.is_empty() {
        Answer::Seen(found)
    } else {
        Answer::Unknown(unrecorded)
    }
}

/// A peer by its best name.
pub fn peer_name(peer: &crate::sighting::Peer) -> String {
    match (&peer.name, peer.ip) {
        (Some(name), _) => name.clone(),
        (None, Some(ip)) => ip.to_string(),
        (None, None) => "an unknown host".to_owned(),
    }
}
