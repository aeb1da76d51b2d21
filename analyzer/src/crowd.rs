//! Who else connected, around each attempt: counted once for all, since a flood holds a hundred thousand attempts and each
//! of them has a hundred thousand neighbours.

use rdpwhy_parsers::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;
use std::net::IpAddr;
use std::ops::Range;

use crate::attempt::{Attempt, Outcome};
use crate::evidence::Evidence;
use crate::facts::is_public;
use crate::names::{field, kind};
use crate::stage::Stage;
use crate::tries::{ClientKey, ServerKey, client_key, server_key};

const SECOND: i64 = 1_000_000_000;
/// The neighbourhood that counts failing clients.
pub const TEN_MINUTES_NS: i64 = 600 * SECOND;
/// The neighbourhood that counts refused strangers.
const WEEK_NS: i64 = 7 * 86_400 * SECOND;
/// Idle times this near to each other, in per mille, are one timer.
const SAME_IDLE_PERMILLE: i64 = 50;
/// Fewer silent visits at an even interval are chance.
const PROBES: usize = 5;

/// Letters that mstsc's cookie keeps of a user's name (MS-RDPBCGR 2.2.1.1).
const COOKIE: usize = 9;

/// The name of an account as every witness knows it: the cookie has no domain, and a person may type it in three ways.
fn account(user: &str) -> String {
    let name = user.rsplit('\\').next().unwrap_or(user);
    name.split('@').next().unwrap_or(name).to_lowercase()
}

/// Attempts that have a server, or a client and a server, in common.
#[derive(Debug, Default)]
pub struct Row {
    /// By start, with their place among all attempts.
    list: Vec<(Timestamp, usize)>,
    /// Sums of counts before each place: all, failed or lost, good.
    all: Vec<u64>,
    bad: Vec<u64>,
    ok: Vec<u64>,
    /// Starts of those that got a session.
    sessions: Vec<Timestamp>,
    /// Starts of those whose TCP came up, by the server's port.
    accepted: BTreeMap<Option<u16>, Vec<Timestamp>>,
    /// Lost ones by their end.
    lost: Vec<(Timestamp, usize)>,
    /// Idle times before the end of lost ones, sorted.
    idle: Vec<i64>,
    /// Silent visits at an even interval, and nothing else.
    pub probes: bool,
}

impl Row {
    fn push(&mut self, i: usize, a: &Attempt, idle: Option<i64>) {
        let add = |sums: &mut Vec<u64>, n: u64| {
            let so_far = sums.last().copied().unwrap_or(0);
            if sums.is_empty() {
                sums.push(0);
            }
            sums.push(so_far.saturating_add(n));
        };
        self.list.push((a.start, i));
        add(&mut self.all, a.count);
        add(&mut self.bad, if a.outcome.is_bad() { a.count } else { 0 });
        add(
            &mut self.ok,
            if a.outcome == Outcome::Ok { a.count } else { 0 },
        );
        if a.stage == Stage::Session {
            self.sessions.push(a.start);
        }
        if a.stage > Stage::Tcp && a.count > 0 {
            self.accepted
                .entry(a.server.port)
                .or_default()
                .push(a.start);
        }
        if a.outcome == Outcome::Dropped {
            self.lost.push((a.end, i));
        }
        self.idle.extend(idle);
    }

    fn finish(&mut self, attempts: &[Attempt]) {
        self.lost.sort_unstable();
        self.idle.sort_unstable();
        self.probes = self.evenly_probed(attempts);
    }

    /// A client that comes at an even interval and never says anything: a load balancer's health check.
    fn evenly_probed(&self, attempts: &[Attempt]) -> bool {
        let silent = |i: usize| attempts.get(i).is_some_and(|a| a.stage <= Stage::Tcp);
        if self.list.len() < PROBES || !self.list.iter().all(|(_, i)| silent(*i)) {
            return false;
        }
        let mut pauses: Vec<i64> = self
            .list
            .windows(2)
            .filter_map(|w| Some(w.get(1)?.0.since(w.first()?.0)))
            .collect();
        pauses.sort_unstable();
        let middle = pauses.get(pauses.len() / 2).copied().unwrap_or(0);
        let even = pauses.iter().filter(|p| alike(**p, middle)).count();
        middle > 0 && even * 4 >= pauses.len() * 3
    }

    fn around(&self, moment: Timestamp, distance: i64) -> Range<usize> {
        let from = self
            .list
            .partition_point(|(t, _)| *t < moment.plus(-distance));
        let to = self
            .list
            .partition_point(|(t, _)| *t <= moment.plus(distance));
        from..to.max(from)
    }

    fn sum(&self, sums: &[u64], moment: Timestamp, distance: i64) -> i64 {
        let range = self.around(moment, distance);
        let at = |i: usize| sums.get(i).copied().unwrap_or(0);
        i64::try_from(at(range.end).saturating_sub(at(range.start))).unwrap_or(i64::MAX)
    }

    /// Tries that began this near to a moment.
    pub fn count(&self, moment: Timestamp, distance: i64) -> i64 {
        self.sum(&self.all, moment, distance)
    }

    /// Those of them that failed or were lost.
    pub fn count_bad(&self, moment: Timestamp, distance: i64) -> i64 {
        self.sum(&self.bad, moment, distance)
    }

    /// Those of them that went well.
    pub fn count_ok(&self, moment: Timestamp, distance: i64) -> i64 {
        self.sum(&self.ok, moment, distance)
    }

    /// Whether any went well, at any time.
    pub fn ok_ever(&self) -> bool {
        self.ok.last().is_some_and(|n| *n > 0)
    }

    /// Whether a TCP connection to this port came up this near to a moment.
    pub fn accepted(&self, port: Option<u16>, moment: Timestamp, distance: i64) -> bool {
        let list = self.accepted.get(&port).map_or(&[][..], Vec::as_slice);
        let next = list.partition_point(|t| *t < moment.plus(-distance));
        list.get(next).is_some_and(|t| *t <= moment.plus(distance))
    }

    /// Start of the next session after a moment.
    pub fn next_session(&self, moment: Timestamp) -> Option<Timestamp> {
        let next = self.sessions.partition_point(|t| *t <= moment);
        self.sessions.get(next).copied()
    }

    /// Places of those that were lost this near to a moment.
    pub fn lost(&self, moment: Timestamp, distance: i64) -> impl Iterator<Item = usize> {
        let from = self
            .lost
            .partition_point(|(t, _)| *t < moment.plus(-distance));
        self.lost
            .iter()
            .skip(from)
            .take_while(move |(t, _)| *t <= moment.plus(distance))
            .map(|(_, i)| *i)
    }

    /// Whether another one was idle for as long as this one before its end.
    pub fn same_idle(&self, mine: i64) -> bool {
        let from = self
            .idle
            .partition_point(|other| *other < mine && !alike(*other, mine));
        self.idle
            .iter()
            .skip(from)
            .take_while(|other| alike(**other, mine))
            .nth(1)
            .is_some()
    }
}

/// Whether a length of time is the second one's, as far as timers are exact.
fn alike(length: i64, of: i64) -> bool {
    (length - of).abs().saturating_mul(1_000) <= of.saturating_mul(SAME_IDLE_PERMILLE)
}

/// All attempts, by who met whom.
#[derive(Debug, Default)]
pub struct Crowd {
    by_server: BTreeMap<ServerKey, Row>,
    by_pair: BTreeMap<(ClientKey, ServerKey), Row>,
    users: BTreeMap<ClientKey, BTreeSet<String>>,
    /// Captures that show connections to an address.
    captures: BTreeMap<IpAddr, BTreeSet<u32>>,
    /// Of each attempt: whether its logon was refused.
    refused: Vec<bool>,
    /// Of each attempt: different clients that failed at its server within ten minutes.
    failing: Vec<usize>,
    /// Of each attempt: different addresses of the internet that were refused at its server within a week and never let in.
    strangers: Vec<usize>,
    /// Of each attempt: idle time before its end, milliseconds, if it was lost.
    idle: Vec<Option<i64>>,
}

impl Crowd {
    /// Counts attempts, which are sorted by start.
    pub fn new(evidence: &Evidence, attempts: &[Attempt]) -> Self {
        let mut crowd = Self::default();
        for (i, a) in attempts.iter().enumerate() {
            let (client, server) = (client_key(a), server_key(a));
            let idle = idle_before_loss(evidence, a);
            crowd.idle.push(idle);
            crowd
                .by_pair
                .entry((client.clone(), server.clone()))
                .or_default()
                .push(i, a, idle);
            crowd.by_server.entry(server).or_default().push(i, a, None);
            if let Some(user) = &a.user {
                crowd.users.entry(client).or_default().insert(account(user));
            }
            let refused = |k| matches!(k, kind::REFUSED_AT_NLA | kind::LOGON_FAILED);
            crowd
                .refused
                .push(a.signs().filter_map(|at| evidence.kind(at)).any(refused));
            if let Some(ip) = a.server.ip {
                let captures = a
                    .events
                    .iter()
                    .filter(|at| evidence.host(**at).is_none())
                    .map(|at| at.source);
                crowd.captures.entry(ip).or_default().extend(captures);
            }
        }
        crowd
            .by_server
            .values_mut()
            .chain(crowd.by_pair.values_mut())
            .for_each(|row| row.finish(attempts));
        crowd.failing = vec![0; attempts.len()];
        crowd.strangers = vec![0; attempts.len()];
        crowd.count_different(attempts);
        crowd
    }

    fn count_different(&mut self, attempts: &[Attempt]) {
        let let_in: BTreeSet<(ClientKey, ServerKey)> = attempts
            .iter()
            .filter(|a| a.outcome == Outcome::Ok || a.stage == Stage::Session)
            .map(|a| (client_key(a), server_key(a)))
            .collect();
        for row in self.by_server.values() {
            let of = |(t, i): &(Timestamp, usize)| Some((*t, *i, attempts.get(*i)?));
            let failing = row
                .list
                .iter()
                .filter_map(of)
                .filter(|(_, _, a)| a.outcome.is_bad())
                .map(|(t, _, a)| (t, client_key(a)));
            different(
                &row.list,
                &failing.collect::<Vec<_>>(),
                TEN_MINUTES_NS,
                &mut self.failing,
            );
            let strangers = row.list.iter().filter_map(of).filter_map(|(t, i, a)| {
                let ip = a.client.ip.filter(|ip| is_public(*ip))?;
                let never = self.refused.get(i) == Some(&true)
                    && !let_in.contains(&(client_key(a), server_key(a)));
                never.then_some((t, ip))
            });
            different(
                &row.list,
                &strangers.collect::<Vec<_>>(),
                WEEK_NS,
                &mut self.strangers,
            );
        }
    }

    /// Attempts at the same server.
    pub fn at_server(&self, server: &ServerKey) -> Option<&Row> {
        self.by_server.get(server)
    }

    /// Attempts of the same client at the same server.
    pub fn of_pair(&self, pair: &(ClientKey, ServerKey)) -> Option<&Row> {
        self.by_pair.get(pair)
    }

    /// Accounts that a client tried.
    pub fn users(&self, client: &ClientKey) -> usize {
        let Some(names) = self.users.get(client) else {
            return 0;
        };
        // A name that mstsc's cookie cut off stands right before those that it may be the beginning of.
        let after = names.iter().skip(1).map(Some).chain([None]);
        names
            .iter()
            .zip(after)
            .filter(|(name, next)| {
                name.chars().count() != COOKIE
                    || next.is_none_or(|next| !next.starts_with(name.as_str()))
            })
            .count()
    }

    /// Captures that show connections to an address.
    pub fn captures(&self, ip: IpAddr) -> impl Iterator<Item = u32> {
        self.captures.get(&ip).into_iter().flatten().copied()
    }

    /// Whether an attempt's logon was refused.
    pub fn refused(&self, i: usize) -> bool {
        self.refused.get(i) == Some(&true)
    }

    /// Different clients that failed at an attempt's server within ten minutes around it.
    pub fn failing(&self, i: usize) -> usize {
        self.failing.get(i).copied().unwrap_or(0)
    }

    /// Different strangers refused at an attempt's server within a week around it.
    pub fn strangers(&self, i: usize) -> usize {
        self.strangers.get(i).copied().unwrap_or(0)
    }

    /// How long an attempt was idle before it was lost, milliseconds.
    pub fn idle(&self, i: usize) -> Option<i64> {
        self.idle.get(i).copied().flatten()
    }
}

fn idle_before_loss(evidence: &Evidence, a: &Attempt) -> Option<i64> {
    if a.outcome != Outcome::Dropped {
        return None;
    }
    let measured = a
        .events
        .iter()
        .filter_map(|at| evidence.event(*at))
        .find(|e| e.event.kind == kind::FLOW_MEASURED)?;
    measured.int(field::IDLE_BEFORE_END_MS).filter(|ms| *ms > 0)
}

/// Writes to `counts`, for each attempt of `row`, how many different keys `keyed` (by time) has within a distance of it.
fn different<K: Eq + Hash + Clone>(
    row: &[(Timestamp, usize)],
    keyed: &[(Timestamp, K)],
    distance: i64,
    counts: &mut [usize],
) {
    let mut inside: HashMap<&K, usize> = HashMap::new();
    let (mut first, mut next) = (0, 0);
    for (start, i) in row {
        while let Some((_, key)) = keyed.get(next).filter(|(t, _)| *t <= start.plus(distance)) {
            *inside.entry(key).or_default() += 1;
            next += 1;
        }
        while let Some((_, key)) = keyed
            .get(first)
            .filter(|(t, _)| first < next && *t < start.plus(-distance))
        {
            if let Some(n) = inside.get_mut(key) {
                *n -= 1;
                if *n == 0 {
                    inside.remove(key);
                }
            }
            first += 1;
        }
        if let Some(count) = counts.get_mut(*i) {
            *count = inside.len();
        }
    }
}
