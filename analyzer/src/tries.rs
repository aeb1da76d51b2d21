//! Several connections, one try: a probe before the prompt, a refusal and its retry, a pair; and which of the silent
//! early ends were failures.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rdpwhy_parsers::Timestamp;

use crate::attempt::{Attempt, Outcome};
use crate::crowd::TEN_MINUTES_NS;
use crate::evidence::Evidence;
use crate::facts::is_public;
use crate::hosts::HostId;
use crate::outcome::in_trouble;
use crate::reasons::{self, Class};
use crate::sighting::View;
use crate::stage::Stage;

const SECOND: i64 = 1_000_000_000;
/// mstsc probes, lets the person type a password or look at a certificate, and connects again: people take up to minutes.
const PROMPT_NS: i64 = 120 * SECOND;
/// A program that retries with another protocol, or connects twice, does so at once.
const AT_ONCE_NS: i64 = 3 * SECOND;
/// So many silent visits of one stranger within ten minutes are no test whether the port is open.
const KNOCKS: usize = 4;
/// Silent early ends of one client this near to each other, with no success between, are one trouble.
const SPELL_NS: i64 = 600 * SECOND;
/// So many silent early ends in a row, whoever they hit, are the server's trouble: two can be two probes given up.
const STREAK: usize = 3;

/// One client's connections to one server, in order.
type Pairs = BTreeMap<(ClientKey, ServerKey), Vec<usize>>;

/// Whoever it is, by the best name known.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClientKey {
    /// By address.
    Ip(IpAddr),
    /// By its own logs.
    Host(HostId),
    /// Nobody knows.
    Unknown,
}

/// The server by its logs, else by address, else by the name the client used; with the port dialled.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerKey {
    /// By its own logs.
    Host(HostId),
    /// By address and port.
    Ip(IpAddr, Option<u16>),
    /// By name.
    Name(String),
}

/// The client's key.
pub fn client_key(a: &Attempt) -> ClientKey {
    match (a.client.ip, a.client.host) {
        (Some(ip), _) => ClientKey::Ip(ip),
        (None, Some(host)) => ClientKey::Host(host),
        (None, None) => ClientKey::Unknown,
    }
}

/// The server's key.
pub fn server_key(a: &Attempt) -> ServerKey {
    match (a.server.host, a.server.ip) {
        (Some(host), _) => ServerKey::Host(host),
        (None, Some(ip)) => ServerKey::Ip(ip, a.server.port),
        (None, None) => ServerKey::Name(a.server.name.clone().unwrap_or_default().to_lowercase()),
    }
}

/// Links steps of one try and settles outcomes that only the neighbours tell. `attempts` are sorted by start.
pub fn link(evidence: &Evidence, attempts: &mut [Attempt]) {
    let mut pairs: Pairs = BTreeMap::new();
    for (i, a) in attempts.iter().enumerate() {
        pairs
            .entry((client_key(a), server_key(a)))
            .or_default()
            .push(i);
    }
    for ((client, _), list) in &pairs {
        if *client != ClientKey::Unknown {
            steps(evidence, attempts, list);
        }
    }
    follow_part_of(attempts);
    for list in pairs.values() {
        repeats(attempts, list);
        knocks(attempts, list);
    }
    streaks(attempts);
}

/// A step that ended without a session before a try that got one was a probe or a refused first offer.
fn steps(evidence: &Evidence, attempts: &mut [Attempt], list: &[usize]) {
    for (n, i) in list.iter().enumerate() {
        let Some(a) = attempts.get(*i) else { continue };
        if a.part_of.is_some()
            || a.stage == Stage::Session
            || matches!(a.outcome, Outcome::Ok | Outcome::Dropped)
        {
            continue;
        }
        // Who was told of an error after the logon had succeeded saw a failure, however well the next try went.
        let troubled = in_trouble(evidence, a) || told_after_logon(a) || left_by_server(a);
        let patience = if troubled { AT_ONCE_NS } else { PROMPT_NS };
        let later = list.get(n + 1..).unwrap_or_default();
        // Sorted by start, so the pause only grows.
        let patient = |b: &Attempt| b.start.since(a.end.min(b.start).max(a.start)) <= patience;
        let soon = later
            .iter()
            .copied()
            .take_while(|j| attempts.get(*j).is_some_and(patient));
        let success = soon.into_iter().find(|j| {
            attempts
                .get(*j)
                .is_some_and(|b| b.stage == Stage::Session && gentle(a, troubled, b))
        });
        if let Some(j) = success {
            if let Some(a) = attempts.get_mut(*i) {
                a.part_of = Some(j);
                a.outcome = Outcome::Cancelled;
            }
            continue;
        }
        // A program that was refused falls back to less at once: the fall-back's own refusal explains nothing.
        let fall_back = later.first().copied().filter(|j| {
            attempts.get(*j).is_some_and(|b| {
                let pause = b.start.since(a.end);
                troubled
                    && b.stage < a.stage
                    && b.outcome == Outcome::Failed
                    && pause.abs() <= AT_ONCE_NS
                    && b.part_of.is_none()
            })
        });
        if let Some(j) = fall_back {
            if let Some(b) = attempts.get_mut(j) {
                b.part_of = Some(*i);
            }
            continue;
        }
        // A program's pair of connections that both failed: one try, decided by the second.
        let pair = later.first().copied().filter(|j| {
            attempts.get(*j).is_some_and(|b| {
                b.start.since(a.end) <= AT_ONCE_NS / 3
                    && b.start.since(a.end) >= 0
                    && b.stage >= a.stage
                    && b.stage != Stage::Session
                    // What is still under way decides nothing yet.
                    && b.closed_how != "still-open"
                    && a.client.ip.is_some()
            })
        });
        if let (Some(j), Some(a)) = (pair, attempts.get_mut(*i))
            && a.stage >= Stage::X224
        {
            a.part_of = Some(j);
        }
    }
}

/// The client told its user of an error once the logon was through: no probe comes so far.
fn told_after_logon(a: &Attempt) -> bool {
    let told = a.codes.get("disconnect_reason").copied();
    a.stage > Stage::Authorization
        && told.is_some_and(|r| matches!(reasons::client(r), Class::Fault | Class::Network))
}

/// The server hung up on somebody who was through the logon and had waited: no probe comes so far, and no program falls back
/// from there.
fn left_by_server(a: &Attempt) -> bool {
    a.stage > Stage::Authorization
        && a.closed_by == "server"
        && a.seen_by(View::Wire)
        && a.end.since(a.start) > AT_ONCE_NS
}

/// Whether a retry after trouble was the same program trying another way: the first was refused in the negotiation, or it
/// was no trouble at all.
fn gentle(a: &Attempt, troubled: bool, b: &Attempt) -> bool {
    !troubled
        || a.stage <= Stage::X224
        || (b.start.since(a.start) <= AT_ONCE_NS && a.stage <= Stage::Credssp)
}

/// A step of a step belongs to what decided the try.
fn follow_part_of(attempts: &mut [Attempt]) {
    for i in (0..attempts.len()).rev() {
        let mut to = attempts.get(i).and_then(|a| a.part_of);
        // Links lead to later attempts; a link backwards (clocks disagree) is cut after as many hops as there are.
        let mut hops = 0;
        while let Some(next) = to
            .and_then(|t| attempts.get(t))
            .and_then(|a| a.part_of)
            .filter(|n| *n != i && hops < 8)
        {
            to = Some(next);
            hops += 1;
        }
        let decided = to.and_then(|t| attempts.get(t)).map(|d| d.outcome);
        if let Some(a) = attempts.get_mut(i) {
            a.part_of = to.filter(|t| *t != i);
            match decided {
                Some(Outcome::Ok | Outcome::Dropped | Outcome::Cancelled)
                    // What a gateway opened, it opened, whatever became of it.
                    if a.stage < Stage::Session && !a.seen_by(View::Gateway) =>
                {
                    a.outcome = Outcome::Cancelled;
                }
                Some(Outcome::Failed) if a.outcome == Outcome::Unknown => {
                    a.outcome = Outcome::Failed;
                }
                _ => {}
            }
        }
    }
}

/// A lone silent early end is what every probe looks like; the same client again and again without success is not.
fn repeats(attempts: &mut [Attempt], list: &[usize]) {
    let silent = |a: &Attempt| {
        a.outcome == Outcome::Unknown
            && a.stage < Stage::Session
            && a.part_of.is_none()
            && shows_an_end(a)
    };
    let mut hurt = Vec::new();
    for (n, i) in list.iter().enumerate() {
        let Some(a) = attempts.get(*i).filter(|a| silent(a)) else {
            continue;
        };
        let near = |j: &usize| {
            attempts.get(*j).is_some_and(|b| {
                let unhappy =
                    silent(b) || (b.outcome == Outcome::Failed && b.stage < Stage::Session);
                unhappy && b.start.since(a.start).abs() <= SPELL_NS
            })
        };
        let before = n.checked_sub(1).and_then(|p| list.get(p)).is_some_and(near);
        let after = list.get(n + 1).is_some_and(near);
        if before || after {
            hurt.push(*i);
        }
    }
    for i in hurt {
        if let Some(a) = attempts.get_mut(i) {
            a.outcome = Outcome::Failed;
        }
    }
}

/// Who opens the port from outside without a word is looking whether it is there; who does it again and again in a short
/// time is a scanner, or part of a flood, and none of it was given up on purpose.
fn knocks(attempts: &mut [Attempt], list: &[usize]) {
    let knock = |i: &usize| {
        let a = attempts.get(*i)?;
        let silent = a.outcome == Outcome::Cancelled
            && a.stage <= Stage::Tcp
            && a.part_of.is_none()
            && a.client.ip.is_some_and(is_public);
        silent.then_some((a.start, *i))
    };
    let knocks: Vec<(Timestamp, usize)> = list.iter().filter_map(knock).collect();
    // By start: with so many neighbours inside the distance on either side.
    let refused: Vec<usize> = (0..knocks.len())
        .filter_map(|n| {
            let (first, last) = (n.saturating_sub(KNOCKS - 1), n);
            let dense = (first..=last).any(|from| {
                let ends = knocks.get(from).zip(knocks.get(from + KNOCKS - 1));
                ends.is_some_and(|(a, b)| b.0.since(a.0) <= TEN_MINUTES_NS)
            });
            knocks.get(n).filter(|_| dense).map(|(_, i)| *i)
        })
        .collect();
    for i in refused {
        if let Some(a) = attempts.get_mut(i) {
            a.outcome = Outcome::Failed;
        }
    }
}

/// The evidence shows that it ended, and early; a record that only says "a socket came" does not, and what went on for
/// longer than anybody waits at a prompt was a session of which too little is seen.
fn shows_an_end(a: &Attempt) -> bool {
    let early = a.end > a.start && a.end.since(a.start) <= PROMPT_NS;
    a.stage >= Stage::X224 && a.closed_how != "still-open" && early
}

/// Many clients in a row that all ended early, and nobody got in between: the server's trouble.
fn streaks(attempts: &mut [Attempt]) {
    let mut by_server: BTreeMap<ServerKey, Vec<usize>> = BTreeMap::new();
    for (i, a) in attempts.iter().enumerate() {
        by_server.entry(server_key(a)).or_default().push(i);
    }
    for list in by_server.into_values() {
        let mut run: Vec<usize> = Vec::new();
        let mut runs: Vec<Vec<usize>> = Vec::new();
        for i in list {
            let Some(a) = attempts.get(i) else { continue };
            if a.stage == Stage::Session || a.outcome == Outcome::Ok {
                runs.push(std::mem::take(&mut run));
            } else if matches!(a.outcome, Outcome::Unknown | Outcome::Failed)
                && a.part_of.is_none()
                && shows_an_end(a)
            {
                run.push(i);
            }
        }
        runs.push(run);
        for run in runs.into_iter().filter(|r| r.len() >= STREAK) {
            for i in run {
                if let Some(a) = attempts
                    .get_mut(i)
                    .filter(|a| a.outcome == Outcome::Unknown)
                {
                    a.outcome = Outcome::Failed;
                }
            }
        }
    }
}
