//! What somebody in front of the client saw: both numbers of mstsc's dialog, about when, from where and to where. No log
//! holds the second number, and many clients' logs are never collected.

use rdpwhy_parsers::{EventBatch, Guid, Timestamp};
use std::net::IpAddr;

use crate::attempt::{Attempt, Outcome};
use crate::evidence::{At, Evidence, SourceEvents};
use crate::names::{field, kind};
use crate::sighting::{Peer, View, same_account, target};

/// Name of the source in the report.
pub const LABEL: &str = "what the user saw";
/// Format of the source.
const FORMAT: &str = "statement";
/// Whose word it is where nobody said.
const SOMEBODY: &str = "the user's computer";
/// People round times, read them off another clock, and look at it later: a try further away is another one.
const ROUGHLY_NS: i64 = 10 * 60_000_000_000;

/// A user's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Error code of the dialog, 0x904 for instance.
    pub reason: u32,
    /// Extended error code.
    pub extended: Option<u32>,
    /// About when.
    pub at: Timestamp,
    /// From which computer: name or address.
    pub client: Option<String>,
    /// To which: name or address, perhaps with a port.
    pub server: Option<String>,
    /// As whom.
    pub user: Option<String>,
}

/// The words as one more source.
pub fn source(told: &Told) -> SourceEvents {
    let mut batch = EventBatch::default();
    let log = batch.log(told.client.as_deref().unwrap_or(SOMEBODY), LABEL);
    batch.saw(log, told.at, 1);
    let mut event = batch.push(kind::CLIENT_DISCONNECTED, log, told.at, 1, Guid::default());
    event.int(field::REASON, i64::from(told.reason));
    for (field, value) in [
        (field::SERVER_NAME, &told.server),
        (field::USER, &told.user),
    ] {
        event.text(field, value.as_deref().unwrap_or_default());
    }
    SourceEvents {
        label: LABEL.to_owned(),
        format: FORMAT,
        bytes: 0,
        sha256: None,
        batch,
    }
}

/// Whether this is the user's word and not a record.
pub fn is_told(evidence: &Evidence, at: At) -> bool {
    evidence
        .sources
        .get(at.source as usize)
        .is_some_and(|s| s.format == FORMAT)
}

/// Gives the words to the failed try that they fit best; without one they are a try of their own. Returns its index.
pub fn place(evidence: &Evidence, told: &Told, attempts: &mut Vec<Attempt>) -> Option<usize> {
    let at = evidence.all().find(|at| is_told(evidence, *at))?;
    let time = evidence.time(at);
    let away = |a: &Attempt| {
        let (before, after) = (a.start.since(time), time.since(a.end));
        before.max(after).max(0)
    };
    let fitting = attempts
        .iter()
        .enumerate()
        .filter(|(_, a)| away(a) <= ROUGHLY_NS && fits(evidence, told, a));
    let best = fitting.min_by_key(|(i, a)| (away(a), a.start.since(time).abs(), *i));
    let i = best.map_or(attempts.len(), |(i, _)| i);
    let unknown = i == attempts.len();
    if unknown {
        attempts.push(alone(evidence, told, time));
    }
    let a = attempts.get_mut(i)?;
    if unknown || recognised(evidence, told, a) {
        a.events.push(at);
    } else {
        // Only the time says that this is the user's try.
        a.moments.push(at);
    }
    a.views.push(View::Client);
    a.views.sort_unstable();
    a.views.dedup();
    a.user = a.user.take().or_else(|| told.user.clone());
    Some(i)
}

/// What the user saw is what became of the try, whatever else is known of it.
pub fn state(told: &Told, a: &mut Attempt) {
    a.codes.insert("disconnect_reason", i64::from(told.reason));
    if let Some(extended) = told.extended {
        a.codes.insert("extended_reason", i64::from(extended));
    }
    if a.outcome == Outcome::Unknown {
        a.outcome = Outcome::Failed;
    }
}

/// Whether client or user are said, and known of the try.
fn recognised(evidence: &Evidence, told: &Told, a: &Attempt) -> bool {
    let client = told.client.as_deref();
    client.is_some_and(|said| named(evidence, Some(said), &a.client) && knows(said, &a.client))
        || (told.user.is_some() && a.user.is_some())
}

/// Whether that which was said, an address or a name, is what is known of the end.
fn knows(said: &str, peer: &Peer) -> bool {
    let (name, _) = target(said);
    if name.parse::<IpAddr>().is_ok() {
        peer.ip.is_some()
    } else {
        peer.host.is_some() || peer.name.is_some()
    }
}

fn fits(evidence: &Evidence, told: &Told, a: &Attempt) -> bool {
    let other_code = a
        .codes
        .get("disconnect_reason")
        .is_some_and(|code| *code != i64::from(told.reason));
    let user = match (&told.user, &a.user) {
        (Some(told), Some(known)) => same_account(told, known),
        _ => true,
    };
    matches!(
        a.outcome,
        Outcome::Failed | Outcome::Dropped | Outcome::Unknown
    ) && a.part_of.is_none()
        && !a.seen_by(View::Gateway)
        && !other_code
        && user
        && named(evidence, told.client.as_deref(), &a.client)
        && named(evidence, told.server.as_deref(), &a.server)
}

/// Whether a person can have meant this end: what nobody knows of it cannot contradict.
fn named(evidence: &Evidence, said: Option<&str>, peer: &Peer) -> bool {
    let Some(said) = said else { return true };
    let (name, port) = target(said);
    if let (Some(a), Some(b)) = (port, peer.port)
        && a != b
    {
        return false;
    }
    if let Ok(ip) = name.parse::<IpAddr>() {
        return peer.ip.is_none_or(|known| known == ip);
    }
    match (evidence.hosts.find(&name), peer.host, &peer.name) {
        (Some(a), Some(b), _) => a == b,
        (_, _, Some(known)) => {
            let bare = |n: &str| n.split('.').next().unwrap_or(n).to_lowercase();
            bare(known) == bare(&name)
        }
        _ => true,
    }
}

/// Nobody else saw it.
fn alone(evidence: &Evidence, told: &Told, time: Timestamp) -> Attempt {
    let peer = |said: &Option<String>| {
        let (name, port) = said.as_deref().map(target).unwrap_or_default();
        Peer {
            ip: name.parse().ok(),
            port,
            host: evidence.hosts.find_any(&name),
            name: Some(name).filter(|n| !n.is_empty()),
        }
    };
    let client = Peer {
        port: None,
        ..peer(&told.client)
    };
    Attempt::new(client, peer(&told.server), time)
}
