//! What a server's other logs saw: sessions (LocalSessionManager), logons (RemoteConnectionManager 1149, Security).
//!
//! Their records are given to the RdpCoreTS sighting they belong to; where that log is missing or rolled over (it holds
//! some minutes under scanning, the others weeks) they make sightings of their own.

use rdpwhy_parsers::{EventRef, Guid, Kind, Timestamp};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use super::{Peer, Sighting, View, account, same_account};
use crate::evidence::{At, Evidence};
use crate::hosts::HostId;
use crate::index::Index;
use crate::names::{field, kind};

/// How long after the socket was accepted a logon or session may still belong to it: a person types a password.
const LOGON_AFTER_NS: i64 = 180 * SECOND;
/// Records of one moment reach different logs in any order, milliseconds apart; a second is generous.
const SLACK_NS: i64 = SECOND;
/// How long after its last RdpCoreTS record a connection's session may still be reported as ended.
const AFTERMATH_NS: i64 = 10 * SECOND;
/// Records of one logon (1149, 4624, 21) lie within this time when nothing but the address ties them.
const ONE_LOGON_NS: i64 = 30 * SECOND;
const SECOND: i64 = 1_000_000_000;

/// Windows logon type of a console-like logon over RDP, and of the network logon that NLA makes before it.
const REMOTE_INTERACTIVE: i64 = 10;
const NETWORK: i64 = 3;

/// Gives the records of sessions and logons to `sightings` and adds new sightings for those that fit none.
pub fn join(evidence: &Evidence, index: &Index, sightings: &mut Vec<Sighting>) {
    let mut of_hosts: BTreeMap<HostId, Filed> = BTreeMap::new();
    for (i, s) in sightings
        .iter()
        .enumerate()
        .filter(|(_, s)| s.view == View::Server)
    {
        if let Some(host) = s.server.host {
            of_hosts.entry(host).or_default().add(evidence, i, s);
        }
    }
    for host in evidence.hosts.iter() {
        let mut mine = of_hosts.remove(&host).unwrap_or_default();
        for (time, at) in index.of_host(host) {
            let Some(event) = evidence.event(*at) else {
                continue;
            };
            let Some(role) = role(event) else { continue };
            let owner = owner(evidence, sightings, &mine, role, event, *time);
            match owner.and_then(|i| Some((i, sightings.get_mut(i)?))) {
                Some((i, sighting)) => {
                    let before = (sighting.client.ip, sighting.session);
                    give(sighting, role, event, *at);
                    mine.learn(i, sighting, event, before);
                }
                None if role.begins() => {
                    let sighting = alone(evidence, host, role, event, *at);
                    mine.add(evidence, sightings.len(), &sighting);
                    sightings.push(sighting);
                }
                None => {}
            }
        }
    }
    for sighting in sightings.iter_mut().filter(|s| s.view == View::Server) {
        sighting
            .events
            .sort_by_key(|at| (evidence.local_time(*at), *at));
        sighting.events.dedup();
    }
}

/// Sightings by start.
type ByStart = BTreeSet<(Timestamp, usize)>;

/// A host's sightings by what a record may know of them: in a flood there are a hundred thousand, and as many records.
#[derive(Default)]
struct Filed {
    by_start: ByStart,
    by_address: HashMap<Option<IpAddr>, ByStart>,
    by_session: HashMap<i64, ByStart>,
    by_activity: HashMap<Guid, ByStart>,
}

impl Filed {
    fn add(&mut self, evidence: &Evidence, i: usize, s: &Sighting) {
        let key = (s.start, i);
        self.by_start.insert(key);
        self.by_address.entry(s.client.ip).or_default().insert(key);
        if let Some(session) = s.session {
            self.by_session.entry(session).or_default().insert(key);
        }
        for event in s.events.iter().filter_map(|at| evidence.event(*at)) {
            self.by_activity
                .entry(event.event.activity)
                .or_default()
                .insert(key);
        }
    }

    /// Takes in what a sighting learnt from a record.
    fn learn(
        &mut self,
        i: usize,
        s: &Sighting,
        event: EventRef<'_>,
        before: (Option<IpAddr>, Option<i64>),
    ) {
        let key = (s.start, i);
        if s.client.ip != before.0 {
            if let Some(list) = self.by_address.get_mut(&before.0) {
                list.remove(&key);
            }
            self.by_address.entry(s.client.ip).or_default().insert(key);
        }
        if let (Some(session), None) = (s.session, before.1) {
            self.by_session.entry(session).or_default().insert(key);
        }
        self.by_activity
            .entry(event.event.activity)
            .or_default()
            .insert(key);
    }

    /// Those that a record in this role can belong to; whether it does is for its keys to say.
    fn candidates(&self, role: Role, event: EventRef<'_>, time: Timestamp) -> Vec<usize> {
        let ip = event.ip(field::CLIENT_IP);
        let activity = Some(event.event.activity).filter(|a| !a.is_none());
        let by_activity = activity.and_then(|a| self.by_activity.get(&a));
        let of_address = |ip: Option<IpAddr>| self.by_address.get(&ip);
        let (whole, logon) = ((i64::MAX, i64::MAX), (LOGON_AFTER_NS, SLACK_NS));
        let lists = match role {
            Role::Received => vec![
                (by_activity, whole),
                (Some(&self.by_start), (SLACK_NS, SLACK_NS)),
            ],
            Role::Logon | Role::Refused => {
                let same = ip.and_then(|ip| of_address(Some(ip)));
                vec![
                    (by_activity, whole),
                    (same, logon),
                    (of_address(None), (ONE_LOGON_NS, ONE_LOGON_NS)),
                ]
            }
            Role::SessionBegins if ip.is_some() => {
                vec![(of_address(ip), logon), (of_address(None), logon)]
            }
            Role::SessionBegins => vec![(Some(&self.by_start), logon)],
            Role::SessionEnds => {
                let session = event.int(field::SESSION_ID);
                vec![(
                    session.and_then(|s| self.by_session.get(&s)),
                    (i64::MAX, SLACK_NS),
                )]
            }
        };
        let near = |(list, (before, after)): (Option<&ByStart>, (i64, i64))| {
            let range = (time.plus(before.saturating_neg()), 0)..=(time.plus(after), usize::MAX);
            list.map(|l| l.range(range).map(|(_, i)| *i).collect::<Vec<_>>())
        };
        lists.into_iter().filter_map(near).flatten().collect()
    }
}

/// What a record is to a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The listener got a socket: no address, only a moment.
    Received,
    /// Names the client's address and the user: 1149, 4624, 4825 …
    Logon,
    /// A refused logon over RDP.
    Refused,
    /// A session begins, resumes or is being arranged.
    SessionBegins,
    /// A session ends.
    SessionEnds,
}

impl Role {
    /// Whether a record alone shows that somebody connected.
    fn begins(self) -> bool {
        !matches!(self, Self::SessionEnds)
    }
}

fn role(event: EventRef<'_>) -> Option<Role> {
    let remote = || event.ip(field::CLIENT_IP).is_some();
    Some(match event.event.kind {
        kind::LISTENER_RECEIVED => Role::Received,
        kind::AUTHENTICATED | kind::LOGON_DENIED | kind::ACCEPTED_FROM => Role::Logon,
        kind::LOGON_SUCCEEDED
            if event.int(field::LOGON_TYPE) == Some(REMOTE_INTERACTIVE) && remote() =>
        {
            Role::Logon
        }
        kind::LOGON_FAILED
            if event.int(field::LOGON_TYPE) == Some(REMOTE_INTERACTIVE) && remote() =>
        {
            Role::Refused
        }
        // LocalSessionManager writes the console's own sessions too, with the address "LOCAL".
        kind::SESSION_LOGON | kind::SESSION_RECONNECTED if remote() => Role::SessionBegins,
        kind::SHELL_STARTED | kind::ARBITRATION_STARTED | kind::ARBITRATION_ENDED => {
            Role::SessionBegins
        }
        kind::SESSION_DISCONNECTED
        | kind::SESSION_LOGOFF
        | kind::SESSION_REASON
        | kind::SESSION_DISCONNECTED_BY => Role::SessionEnds,
        _ => return None,
    })
}

/// The sighting that a record belongs to: of those that its keys allow the latest, or the nearest.
fn owner(
    evidence: &Evidence,
    sightings: &[Sighting],
    mine: &Filed,
    role: Role,
    event: EventRef<'_>,
    time: Timestamp,
) -> Option<usize> {
    let session = event.int(field::SESSION_ID);
    let ip = event.ip(field::CLIENT_IP);
    let user = user(event);
    let fits = |s: &Sighting| match role {
        Role::Received => {
            shares_activity(evidence, s, event)
                || (s.start.since(time).abs() < SLACK_NS && !has(evidence, s, event.event.kind))
        }
        Role::Logon | Role::Refused => {
            shares_activity(evidence, s, event) || logon_fits(s, ip, user.as_deref(), time)
        }
        Role::SessionBegins => session_begins_here(evidence, s, session, ip, time),
        Role::SessionEnds => {
            session.is_some()
                && s.session == session
                && time.since(s.start) > -SLACK_NS
                && still_there(evidence, s, time)
        }
    };
    let fitting = mine
        .candidates(role, event, time)
        .into_iter()
        .filter(|i| sightings.get(*i).is_some_and(fits));
    if role == Role::Received {
        // Written in the same moment as 131: under a flood the nearest is its own, and the latest somebody else's.
        return fitting.min_by_key(|i| {
            sightings.get(*i).map(|s| {
                (
                    !shares_activity(evidence, s, event),
                    s.start.since(time).abs(),
                    *i,
                )
            })
        });
    }
    fitting.max_by_key(|i| {
        sightings
            .get(*i)
            .map(|s| (s.start.since(time) <= SLACK_NS, s.start, *i))
    })
}

fn shares_activity(evidence: &Evidence, sighting: &Sighting, event: EventRef<'_>) -> bool {
    !event.event.activity.is_none()
        && sighting.events.iter().any(|at| {
            evidence
                .event(*at)
                .is_some_and(|e| e.event.activity == event.event.activity)
        })
}

fn has(evidence: &Evidence, sighting: &Sighting, kind: Kind) -> bool {
    sighting
        .events
        .iter()
        .any(|at| evidence.kind(*at) == Some(kind))
}

fn logon_fits(s: &Sighting, ip: Option<IpAddr>, user: Option<&str>, time: Timestamp) -> bool {
    let after = time.since(s.start);
    let same_user = match (&s.user, user) {
        (Some(a), Some(b)) => same_account(a, b),
        _ => true,
    };
    ip.is_some()
        && (s.client.ip == ip || (s.client.ip.is_none() && after.abs() < ONE_LOGON_NS))
        && same_user
        && after > -SLACK_NS
        && after < LOGON_AFTER_NS
        && time.since(s.end) < ONE_LOGON_NS
}

fn session_begins_here(
    evidence: &Evidence,
    s: &Sighting,
    session: Option<i64>,
    ip: Option<IpAddr>,
    time: Timestamp,
) -> bool {
    let after = time.since(s.start);
    let same_address = ip.is_none() || s.client.ip.is_none() || s.client.ip == ip;
    let same_session = session.is_some() && (s.session == session || s.session.is_none());
    // 41 and 42 come just before RdpCoreTS 66 names the session, 21, 22 and 25 just after.
    let arranged = s.session.is_some()
        || has(evidence, s, kind::TRANSPORT_COMPLETED)
        || s.client.ip.is_none()
        || ip.is_some();
    same_address
        && same_session
        && arranged
        && after > -SLACK_NS
        && after < LOGON_AFTER_NS
        && time.since(s.end) < ONE_LOGON_NS
}

/// Whether the session may still be this connection's: RdpCoreTS told of no end long before.
fn still_there(evidence: &Evidence, s: &Sighting, time: Timestamp) -> bool {
    !has(evidence, s, kind::TERMINATED) || time.since(s.end) < AFTERMATH_NS
}

fn give(sighting: &mut Sighting, role: Role, event: EventRef<'_>, at: At) {
    sighting.events.push(at);
    sighting.end = sighting.end.max(event.event.time);
    sighting.user = sighting.user.take().or_else(|| user(event));
    sighting.client.ip = sighting.client.ip.or_else(|| event.ip(field::CLIENT_IP));
    if role == Role::SessionBegins {
        sighting.session = sighting.session.or_else(|| event.int(field::SESSION_ID));
    }
}

fn alone(evidence: &Evidence, host: HostId, role: Role, event: EventRef<'_>, at: At) -> Sighting {
    let mut sighting = Sighting {
        view: View::Server,
        source: at.source,
        client: Peer::default(),
        server: Peer {
            host: Some(host),
            name: Some(evidence.hosts.name(host).to_owned()),
            ..Peer::default()
        },
        user: None,
        start: event.event.time,
        end: event.event.time,
        events: Vec::new(),
        session: None,
        fingerprints: Vec::new(),
        midstream: false,
        count: 1,
    };
    give(&mut sighting, role, event, at);
    sighting
}

/// Logons of the network type are every file share's too: they never make a sighting, but one from the same address in the
/// same seconds is NLA's.
pub fn is_network_logon(event: EventRef<'_>) -> bool {
    event.int(field::LOGON_TYPE) == Some(NETWORK)
}

/// `DOMAIN\user` of a record.
pub fn user(event: EventRef<'_>) -> Option<String> {
    account(event.text(field::DOMAIN), event.text(field::USER))
}
