//! Several captures of one connection: where each was made, and what one point saw that another, nearer to the sender,
//! did not.

use rdpwhy_parsers::{EventRef, Field, Timestamp};
use std::collections::BTreeMap;

use crate::attempt::Attempt;
use crate::evidence::{At, Evidence};
use crate::names::{field, kind};

/// Answer times nearer than this, in microseconds, do not tell two places apart: capture clocks are not finer.
const APART_US: i64 = 100;
/// A capture has to go on for so long, in nanoseconds, before what it lacks was not there.
const WATCHED_NS: i64 = 500_000_000;

/// One end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Who connected.
    Client,
    /// To whom.
    Server,
}

impl End {
    fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// One capture of a connection.
pub struct Point<'a> {
    evidence: &'a Evidence,
    /// First sign of it there, with its addresses.
    pub opened: EventRef<'a>,
    established: Option<EventRef<'a>>,
    measured: EventRef<'a>,
    closed: EventRef<'a>,
    closed_at: At,
}

/// All captures of a connection, in the order of their sources; none where there is one only, which nothing can be compared
/// with.
pub fn points<'a>(evidence: &'a Evidence, a: &Attempt) -> Vec<Point<'a>> {
    let flow = |at: &At| {
        let flow = evidence.event(*at)?.int(field::FLOW)?;
        evidence.host(*at).is_none().then_some((at.source, flow))
    };
    let mut all = a.events.iter().filter_map(flow);
    let first = all.next();
    if all.all(|f| Some(f) == first) {
        return Vec::new();
    }
    let mut flows: BTreeMap<(u32, i64), Vec<(At, EventRef<'a>)>> = BTreeMap::new();
    for at in a.events.iter().filter(|at| evidence.host(**at).is_none()) {
        if let Some(e) = evidence.event(*at)
            && let Some(flow) = e.int(field::FLOW)
        {
            flows.entry((at.source, flow)).or_default().push((*at, e));
        }
    }
    let point = |events: Vec<(At, EventRef<'a>)>| {
        let of = |k| events.iter().copied().find(|(_, e)| e.event.kind == k);
        let (closed_at, closed) = of(kind::TCP_CLOSED)?;
        Some(Point {
            evidence,
            opened: of(kind::TCP_OPENED)?.1,
            established: of(kind::TCP_ESTABLISHED).map(|(_, e)| e),
            measured: of(kind::FLOW_MEASURED)?.1,
            closed,
            closed_at,
        })
    };
    flows.into_values().filter_map(point).collect()
}

impl Point<'_> {
    /// Whether this point is nearer to an end than another; none when they look like the same place.
    fn is_nearer(&self, end: End, other: &Self) -> Option<bool> {
        let ttl = match end {
            End::Client => field::TTL_CLIENT,
            End::Server => field::TTL_SERVER,
        };
        // Each router takes one off.
        if let Some((mine, theirs)) = self.measured.int(ttl).zip(other.measured.int(ttl))
            && mine != theirs
        {
            return Some(mine > theirs);
        }
        // Bridges take nothing: the server's answer takes longer the further away it is seen.
        let answer = |p: &Self| p.established.and_then(|e| e.int(field::ANSWER_US));
        let (mine, theirs) = answer(self).zip(answer(other))?;
        let far = (mine - theirs).abs() >= APART_US;
        far.then_some((mine < theirs) == (end == End::Server))
    }

    /// Whether the capture was running at this moment of the common clock and long enough after, and lost nothing of the
    /// connection.
    fn watched(&self, moment: Timestamp) -> bool {
        let local = moment.plus(self.evidence.offset(self.closed_at));
        let source = self.evidence.sources.get(self.closed_at.source as usize);
        let running = source.is_some_and(|s| {
            s.batch
                .logs
                .iter()
                .any(|l| l.first <= local && local.plus(WATCHED_NS) <= l.last)
        });
        running && self.measured.int(field::GAP_BYTES).unwrap_or(0) == 0
    }

    fn how(&self) -> &str {
        self.closed.text(field::HOW).unwrap_or_default()
    }

    fn is_whole(&self) -> bool {
        !self.opened.flag(field::MIDSTREAM)
            && self.opened.text(field::TOLD_BY).is_none()
            && self
                .opened
                .text(field::ONE_WAY)
                .unwrap_or_default()
                .is_empty()
    }
}

/// The point nearest to an end: it saw that end's own address, before any translation. None unless all points can be put
/// in order.
pub fn nearest<'p, 'a>(points: &'p [Point<'a>], end: End) -> Option<&'p Point<'a>> {
    points.iter().find(|p| {
        points
            .iter()
            .all(|q| std::ptr::eq(*p, q) || p.is_nearer(end, q) == Some(true))
    })
}

/// A reset in the name of an end that a capture nearer to that end does not have, though it watched: neither end sent it.
pub fn reset_on_the_way(points: &[Point<'_>]) -> Option<At> {
    let made_on_the_way = |p: &&Point<'_>| {
        let end = match p.closed.text(field::NAMED) {
            Some("client") => End::Client,
            Some("server") => End::Server,
            _ => return false,
        };
        p.how() == "rst"
            && points.iter().any(|q| {
                q.is_nearer(end, p) == Some(true)
                    && q.watched(p.evidence.time(p.closed_at))
                    && match q.how() {
                        "still-open" | "silence" => true,
                        // Something between the two reset both ends.
                        "rst" => q.closed.text(field::NAMED).is_some_and(|n| n != end.name()),
                        _ => false,
                    }
            })
    };
    points.iter().find(made_on_the_way).map(|p| p.closed_at)
}

/// The end of whose bytes some passed one point and never came to the next.
pub fn swallowed(points: &[Point<'_>]) -> Option<&'static str> {
    let bytes = |p: &Point<'_>, f: Field| p.measured.int(f).unwrap_or(0);
    [
        (End::Client, field::BYTES_CLIENT),
        (End::Server, field::BYTES_SERVER),
    ]
    .into_iter()
    .find_map(|(end, f)| {
        let lost = points.iter().filter(|p| p.is_whole()).any(|p| {
            points.iter().filter(|q| q.is_whole()).any(|q| {
                p.is_nearer(end, q) == Some(true)
                    && bytes(p, f) > bytes(q, f)
                    && q.watched(p.evidence.time(p.closed_at))
            })
        });
        lost.then_some(end.name())
    })
}
