//! Who ended a connection first, and how.
//!
//! Not the last packet decides but the first that meant the end. A RST behind a FIN is how most stacks drop what still
//! comes, a FIN behind a fatal alert is its consequence, and a RST may come from neither end.

use std::net::IpAddr;

use super::flow::{Flow, Signal};
use super::forgery::forged;
use super::ledger::SENT_IN_VAIN;
use super::side::Side;
use super::stream::Place;
use crate::time::Timestamp;
use crate::tls::keylog::KeyLog;

/// Unanswered for so long, even a single segment does.
pub(super) const WAITED_IN_VAIN: i64 = 10_000_000_000;
/// SYNs of one connection after which silence is an answer.
const SYNS_IN_VAIN: u32 = 2;

/// Keep-alive probes without an answer after which the other end is gone.
const PROBES_IN_VAIN: u32 = 2;

/// The end of a connection.
pub(crate) struct Closing {
    pub by: &'static str,
    /// End in whose name the packet that ended it was sent.
    pub named: Option<Side>,
    pub how: &'static str,
    /// Why the packet that ended it is not from the side it names.
    pub forged: Option<String>,
    pub ttl: Option<u8>,
    pub usual_ttl: Option<u8>,
    pub idle: i64,
    pub place: Place,
}

/// What is known beyond the connection itself.
pub(crate) struct Surroundings<'a> {
    /// TTL that an address' other connections show.
    pub usual_ttl: &'a dyn Fn(IpAddr) -> Option<u8>,
    pub capture_end: Timestamp,
    pub keys: &'a KeyLog,
}

/// Decides.
pub(crate) fn closing(flow: &Flow, around: &Surroundings<'_>) -> Closing {
    if let Some(refused) = refused(flow, around) {
        return refused;
    }
    let alert = flow.dialogue.as_ref().and_then(|t| t.tls.alert);
    let first = flow.signals.first();
    match (alert, first) {
        (Some((side, place)), signal) if signal.is_none_or(|s| s.place.frame >= place.frame) => {
            let idle = idle(
                flow,
                place.time,
                flow.ends[side].heard.filter(|h| *h < place.time),
            );
            Closing {
                by: side.name(),
                named: Some(side),
                how: "alert",
                forged: None,
                ttl: None,
                usual_ttl: None,
                idle,
                place,
            }
        }
        (_, signal) => match (unseen(flow, signal), signal) {
            (Some(closing), _) => closing,
            (None, Some(signal)) => by_signal(flow, signal, around),
            (None, None) => silent(flow, around),
        },
    }
}

/// The end that was not captured said goodbye before anything else ended the connection.
fn unseen(flow: &Flow, signal: Option<&Signal>) -> Option<Closing> {
    let before = |place: &Place| signal.is_none_or(|s| place.frame <= s.place.frame);
    let (side, place) = flow.unseen_fin.filter(|(_, place)| before(place))?;
    Some(Closing {
        by: side.name(),
        named: Some(side),
        how: "fin",
        forged: None,
        ttl: None,
        usual_ttl: None,
        idle: 0,
        place,
    })
}

fn idle(flow: &Flow, end: Timestamp, heard: Option<Timestamp>) -> i64 {
    end.since(heard.unwrap_or(flow.opened.time)).max(0)
}

/// A connection that never opened.
fn refused(flow: &Flow, around: &Surroundings<'_>) -> Option<Closing> {
    let opened = flow.midstream || flow.syn_ack.is_some() || flow.established.is_some();
    if opened {
        return None;
    }
    if let Some(rst) = flow
        .signals
        .iter()
        .find(|s| s.rst && s.side == Side::Server)
    {
        let usual_ttl = (around.usual_ttl)(flow.server.ip());
        let forged = forged(rst, &flow.ends[Side::Server], usual_ttl);
        let by = if forged.is_some() {
            "middlebox"
        } else {
            "server"
        };
        return Some(Closing {
            by,
            named: Some(Side::Server),
            how: "refused",
            forged,
            ttl: Some(rst.ttl),
            usual_ttl,
            idle: 0,
            place: rst.place,
        });
    }
    if let Some(error) = flow.unreachable {
        let by = if error.from == flow.server.ip() {
            "server"
        } else {
            "middlebox"
        };
        return Some(Closing {
            by,
            named: None,
            how: "icmp",
            forged: None,
            ttl: Some(error.ttl),
            usual_ttl: None,
            idle: 0,
            place: error.place,
        });
    }
    if flow.signals.is_empty() && flow.ends[Side::Server].packets == 0 {
        let waited = around.capture_end.since(flow.last.time);
        let how = if flow.syn_count >= SYNS_IN_VAIN || waited >= WAITED_IN_VAIN {
            "silence"
        } else {
            "still-open"
        };
        return Some(Closing {
            by: "nobody",
            named: None,
            how,
            forged: None,
            ttl: None,
            usual_ttl: None,
            idle: waited.max(0),
            place: flow.last,
        });
    }
    None
}

fn by_signal(flow: &Flow, first: &Signal, around: &Surroundings<'_>) -> Closing {
    let mut signal = first;
    if !first.rst {
        // A FIN into a connection that something in between had forgotten: it is answered not by the peer but by a reset
        // in its name. The connection was dead before.
        let answer = flow.signals.iter().find(|s| s.side == first.side.other());
        if let Some(reset) = answer.filter(|s| s.rst && !s.answered_fin)
            && judge(flow, reset, around).0.is_some()
        {
            signal = reset;
        }
    }
    let idle = idle(flow, signal.place.time, signal.heard);
    if !signal.rst {
        let (ttl, usual_ttl) = (Some(signal.ttl), flow.ends[signal.side].usual_ttl());
        return Closing {
            by: signal.side.name(),
            named: Some(signal.side),
            how: "fin",
            forged: None,
            ttl,
            usual_ttl,
            idle,
            place: signal.place,
        };
    }
    if flow.ends[signal.side].unanswered_keepalives >= PROBES_IN_VAIN {
        // It asked whether anybody was there, and reset the connection because nobody was.
        return Closing {
            by: "nobody",
            named: None,
            how: "silence",
            forged: None,
            ttl: None,
            usual_ttl: None,
            idle,
            place: signal.place,
        };
    }
    let (forged, usual_ttl) = judge(flow, signal, around);
    let by = if forged.is_some() {
        "middlebox"
    } else {
        signal.side.name()
    };
    Closing {
        by,
        named: Some(signal.side),
        how: "rst",
        forged,
        ttl: Some(signal.ttl),
        usual_ttl,
        idle,
        place: signal.place,
    }
}

fn judge(flow: &Flow, rst: &Signal, around: &Surroundings<'_>) -> (Option<String>, Option<u8>) {
    let address = match rst.side {
        Side::Client => flow.client.ip(),
        Side::Server => flow.server.ip(),
    };
    let end = &flow.ends[rst.side];
    let usual = end.usual_ttl().or_else(|| (around.usual_ttl)(address));
    (forged(rst, end, usual), usual)
}

/// Nobody said goodbye.
fn silent(flow: &Flow, around: &Surroundings<'_>) -> Closing {
    let how = if lost_at_end(flow, around.capture_end) {
        "silence"
    } else {
        "still-open"
    };
    let idle = around.capture_end.since(flow.last.time).max(0);
    Closing {
        by: "nobody",
        named: None,
        how,
        forged: None,
        ttl: None,
        usual_ttl: None,
        idle,
        place: flow.last,
    }
}

/// Which end's last data stayed without acknowledgement: side, since when, sent how often.
pub(crate) fn last_unacknowledged(flow: &Flow) -> Option<(Side, Timestamp, u32)> {
    // Where one direction was not captured, nothing is ever acknowledged.
    let one_way = flow.ends[Side::Client].packets == 0 || flow.ends[Side::Server].packets == 0;
    if one_way && !flow.settled {
        return None;
    }
    let of = |side: Side| {
        flow.ends[side]
            .ledger
            .oldest()
            .map(|(since, sent)| (side, since, sent))
    };
    match (of(Side::Client), of(Side::Server)) {
        (Some(c), Some(s)) => Some(if c.2 >= s.2 { c } else { s }),
        (c, s) => c.or(s),
    }
}

/// Whether the connection ended with data that nobody acknowledged any more.
pub(crate) fn lost_at_end(flow: &Flow, capture_end: Timestamp) -> bool {
    // Nobody acknowledges what was under way when the other side said goodbye, however long the capture goes on.
    let goodbye = flow.signals.first().map(|s| s.place.time);
    let end = goodbye.map_or(capture_end, |t| t.min(capture_end));
    last_unacknowledged(flow)
        .is_some_and(|(_, since, sent)| sent >= SENT_IN_VAIN || end.since(since) >= WAITED_IN_VAIN)
}
