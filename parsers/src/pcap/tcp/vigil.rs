//! When a connection that is still under way is to be looked at again: its end is told soon, not when the capture is over.
//!
//! A FIN or a reset is an end at once, but what follows within a fraction of a second often says who really ended it. A
//! silence is an end only after the time that a TCP stack needs to give up.

use super::close::{WAITED_IN_VAIN, last_unacknowledged};
use super::flow::Flow;
use crate::time::Timestamp;

const SECOND: i64 = 1_000_000_000;
/// After a reset or the second FIN, the time for stragglers: a middlebox resets both ends, and not at the same moment.
const STRAGGLERS: i64 = 200_000_000;
/// After one FIN, an alert or an ICMP error, the time for the other side's answer.
const ANSWER: i64 = 450_000_000;

/// What was already told of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Default)]
pub(crate) enum Heard {
    #[default]
    Nothing,
    /// That a session runs.
    Session,
    /// How it ended.
    End,
}

/// What a connection is watched for.
#[derive(Clone, Copy, Default)]
pub(crate) struct Vigil {
    /// When it is looked at next.
    pub alarm: Option<Timestamp>,
    pub heard: Heard,
    /// Packets seen when its end was told.
    pub packets: u64,
}

/// How a connection stands at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// It ended; tell it.
    Ended,
    /// Look again then.
    Later(Timestamp),
    /// Nothing is awaited.
    Fine,
}

/// Packets of both ends.
pub(crate) fn packets(flow: &Flow) -> u64 {
    u64::from(flow.ends.client.packets) + u64::from(flow.ends.server.packets)
}

/// Looks at a connection.
pub(crate) fn look(flow: &Flow, now: Timestamp) -> Look {
    let due = [goodbye(flow), unanswered(flow), unacknowledged(flow)];
    match due.into_iter().flatten().min() {
        Some(due) if due <= now => Look::Ended,
        Some(due) => Look::Later(due),
        None => Look::Fine,
    }
}

/// Whether anything was seen that looks like an end.
pub(crate) fn ending(flow: &Flow) -> bool {
    flow.heeded().next().is_some()
        || flow.unreachable.is_some()
        || flow
            .dialogue
            .as_ref()
            .is_some_and(|d| d.tls.alert.is_some())
}

/// When its goodbye is complete enough to be told.
fn goodbye(flow: &Flow) -> Option<Timestamp> {
    if flow.is_over() {
        let last = flow.heeded().map(|s| s.place.time).max()?;
        return Some(last.plus(STRAGGLERS));
    }
    let alert = flow.dialogue.as_ref().and_then(|d| d.tls.alert);
    let first = [
        flow.heeded().next().map(|s| s.place.time),
        alert.map(|(_, place)| place.time),
        flow.unreachable
            .filter(|_| flow.is_half_open() && flow.syn_ack.is_none())
            .map(|u| u.place.time),
    ];
    first.into_iter().flatten().min().map(|t| t.plus(ANSWER))
}

/// When a request to open that nobody answers counts as given up: the pause to the next repetition doubles each time, and
/// whoever lets it pass has gone. After ten seconds it is worth telling even though the client goes on.
fn unanswered(flow: &Flow) -> Option<Timestamp> {
    if !flow.is_half_open() || flow.ends.server.packets > 0 || !flow.signals.is_empty() {
        return None;
    }
    let patient = flow.last_syn.plus(WAITED_IN_VAIN);
    let Some(doublings) = flow.syn_count.checked_sub(1).filter(|n| *n > 0) else {
        return Some(patient);
    };
    let steps = 1i64.checked_shl(doublings.min(20)).unwrap_or(1);
    let first_pause = flow.last_syn.since(flow.opened.time) / (steps - 1).max(1);
    let next = flow
        .last_syn
        .plus(first_pause.saturating_mul(steps).saturating_add(SECOND));
    let told = flow
        .opened
        .time
        .plus(WAITED_IN_VAIN)
        .max(flow.last_syn.plus(SECOND));
    Some(next.min(told).min(patient))
}

/// When data that nobody acknowledges means that the other end is gone.
fn unacknowledged(flow: &Flow) -> Option<Timestamp> {
    if flow.established.is_none() && !flow.midstream && flow.syn_ack.is_none() {
        return None;
    }
    last_unacknowledged(flow).map(|(_, since, _)| since.plus(WAITED_IN_VAIN))
}
