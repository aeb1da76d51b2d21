//! A finished connection as events: `tcp.opened` first, its steps, `tcp.closed`, `flow.measured`.

use super::tcp::close::{Closing, Surroundings, closing, last_unacknowledged, lost_at_end};
use super::tcp::endpoint::Endpoint;
use super::tcp::flow::Flow;
use super::tcp::side::{Pair, Side};
use super::tcp::stream::Place;
use super::vocabulary::{field, kind};
use crate::batch::{EventBatch, Filling};
use crate::event::Guid;
use crate::kind::{Field, Kind};

const MILLISECOND: i64 = 1_000_000;
const MICROSECOND: i64 = 1_000;

fn tell<'a>(
    batch: &'a mut EventBatch,
    log: u32,
    flow: &Flow,
    kind: Kind,
    place: Place,
) -> Flowing<'a> {
    let mut filling = batch.push(kind, log, place.time, place.frame, Guid::default());
    filling.int(field::FLOW, i64::try_from(flow.number).unwrap_or(i64::MAX));
    Flowing(filling)
}

/// Adds numbers of any width.
struct Flowing<'a>(Filling<'a>);

impl Flowing<'_> {
    fn count(&mut self, field: Field, n: impl TryInto<i64>) -> &mut Self {
        self.0.int(field, n.try_into().unwrap_or(i64::MAX));
        self
    }

    fn maybe(&mut self, field: Field, n: Option<impl TryInto<i64>>) -> &mut Self {
        if let Some(n) = n {
            self.count(field, n);
        }
        self
    }
}

/// Writes one connection.
pub(crate) fn write(mut flow: Flow, batch: &mut EventBatch, log: u32, around: &Surroundings<'_>) {
    if let Some(dialogue) = &mut flow.dialogue {
        dialogue.finish(around.keys);
    }
    flow.settle();
    let end = closing(&flow, around);
    let reached = flow.dialogue.as_ref().and_then(|d| d.story.last());
    opened(&flow, batch, log);
    establishing(&flow, batch, log, &end);
    if let Some(dialogue) = &mut flow.dialogue {
        batch.append(dialogue.story.take());
    }
    unanswered(&flow, batch, log, &end);
    closed(&flow, batch, log, &end, reached);
    measured(&flow, batch, log, &end, around);
}

/// A request that the server, though it was there, gave no byte for.
fn unanswered(flow: &Flow, batch: &mut EventBatch, log: u32, end: &Closing) {
    let requested = flow.dialogue.as_ref().and_then(|d| d.requested);
    let silent = match flow.one_way() {
        // The client's acknowledgements tell how much came, if the first of them is that of the opening.
        Some(Side::Client) => !flow.midstream && flow.ends.server.arrived().is_some_and(|n| n <= 1),
        _ => flow.ends.server.bytes == 0,
    };
    if let Some(place) = requested.filter(|_| silent) {
        let waited = end.place.time.max(flow.last.time).since(place.time);
        tell(batch, log, flow, kind::X224_UNANSWERED, place)
            .count(field::WAITED_MS, waited / MILLISECOND);
    }
}

fn opened(flow: &Flow, batch: &mut EventBatch, log: u32) {
    let client = &flow.ends.client;
    let mut step = tell(batch, log, flow, kind::TCP_OPENED, flow.opened);
    step.0
        .ip(field::CLIENT_IP, flow.client.ip())
        .int(field::CLIENT_PORT, i64::from(flow.client.port()))
        .ip(field::SERVER_IP, flow.server.ip())
        .int(field::SERVER_PORT, i64::from(flow.server.port()))
        .flag(field::MIDSTREAM, flow.midstream)
        .text(field::ONE_WAY, flow.one_way().map_or("", Side::name));
    step.count(field::SYN_COUNT, flow.syn_count)
        .maybe(field::FIRST_TTL, client.first_ttl)
        .maybe(field::MSS, client.mss)
        .maybe(field::ISN_CLIENT, client.isn)
        .maybe(field::ISN_SERVER, flow.ends.server.isn);
}

fn establishing(flow: &Flow, batch: &mut EventBatch, log: u32, end: &Closing) {
    if let Some(place) = flow.established {
        if !flow.midstream {
            let rtt = flow.rtt.map(|r| r / MICROSECOND);
            let answer = flow
                .syn_ack
                .filter(|_| flow.syn_count == 1)
                .map(|answer| answer.time.since(flow.opened.time) / MICROSECOND);
            tell(batch, log, flow, kind::TCP_ESTABLISHED, place)
                .maybe(field::RTT_US, rtt)
                .maybe(field::ANSWER_US, answer);
        }
        return;
    }
    match end.how {
        "refused" => {
            let mut step = tell(batch, log, flow, kind::TCP_REFUSED, end.place);
            step.0
                .text(field::HOW, "rst")
                .ip(field::FROM_IP, flow.server.ip());
            step.maybe(field::TTL, end.ttl);
        }
        "icmp" => {
            let from = flow.unreachable.map_or(flow.server.ip(), |u| u.from);
            let mut step = tell(batch, log, flow, kind::TCP_REFUSED, end.place);
            step.0.text(field::HOW, "icmp").ip(field::FROM_IP, from);
            step.maybe(field::TTL, end.ttl);
        }
        "silence" if flow.ends.server.packets == 0 => {
            let span = flow.last_syn.since(flow.opened.time).max(0);
            tell(batch, log, flow, kind::TCP_UNANSWERED, flow.opened)
                .count(field::SYN_COUNT, flow.syn_count)
                .count(field::SPAN_MS, span / MILLISECOND);
        }
        _ => {}
    }
}

fn closed(flow: &Flow, batch: &mut EventBatch, log: u32, end: &Closing, after: Option<Kind>) {
    let reached = match after {
        Some(kind) => kind,
        None if flow.established.is_some() => kind::TCP_ESTABLISHED,
        None => kind::TCP_OPENED,
    };
    let mut step = tell(batch, log, flow, kind::TCP_CLOSED, end.place);
    step.0
        .text(field::BY, end.by)
        .text(field::HOW, end.how)
        .flag(field::FORGED, end.forged.is_some())
        .text(field::FORGED_WHY, end.forged.as_deref().unwrap_or_default())
        .flag(field::ANNOUNCED, announced(flow, end))
        .text(field::AFTER, reached.name());
    if let Some(side) = end.named {
        step.0.text(field::NAMED, side.name());
    }
    step.maybe(field::TTL, end.ttl)
        .maybe(field::USUAL_TTL, end.usual_ttl)
        .count(field::IDLE_MS, end.idle / MILLISECOND);
}

/// Figures of one end.
struct Columns {
    packets: Field,
    bytes: Field,
    segments: Field,
    retransmissions: Field,
    largest_acked: Field,
    largest_lost: Field,
    hole_bytes: Field,
    mss: Field,
    ttl: Field,
    data_after_tls: Field,
    app_records: Field,
}

const COLUMNS: Pair<Columns> = Pair {
    client: Columns {
        packets: field::PACKETS_CLIENT,
        bytes: field::BYTES_CLIENT,
        segments: field::SEGMENTS_CLIENT,
        retransmissions: field::RETRANSMISSIONS_CLIENT,
        largest_acked: field::LARGEST_ACKED_CLIENT,
        largest_lost: field::LARGEST_LOST_CLIENT,
        hole_bytes: field::HOLE_BYTES_CLIENT,
        mss: field::MSS_CLIENT,
        ttl: field::TTL_CLIENT,
        data_after_tls: field::CLIENT_DATA_AFTER_TLS,
        app_records: field::APP_RECORDS_CLIENT,
    },
    server: Columns {
        packets: field::PACKETS_SERVER,
        bytes: field::BYTES_SERVER,
        segments: field::SEGMENTS_SERVER,
        retransmissions: field::RETRANSMISSIONS_SERVER,
        largest_acked: field::LARGEST_ACKED_SERVER,
        largest_lost: field::LARGEST_LOST_SERVER,
        hole_bytes: field::HOLE_BYTES_SERVER,
        mss: field::MSS_SERVER,
        ttl: field::TTL_SERVER,
        data_after_tls: field::SERVER_DATA_AFTER_TLS,
        app_records: field::APP_RECORDS_SERVER,
    },
};

/// Segment size where neither end announced one: Ethernet's.
const USUAL_MSS: u16 = 1460;

fn measured(
    flow: &Flow,
    batch: &mut EventBatch,
    log: u32,
    end: &Closing,
    around: &Surroundings<'_>,
) {
    let Pair { client, server } = &flow.ends;
    let one_way = flow.one_way().is_some();
    let segments = u64::from(client.segments) + u64::from(server.segments);
    let repeated = u64::from(client.retransmissions) + u64::from(server.retransmissions);
    let mut m = tell(batch, log, flow, kind::FLOW_MEASURED, flow.last);
    for side in Side::BOTH {
        let (e, of) = (&flow.ends[side], &COLUMNS[side]);
        // The receiver says how long a segment may be; what is longer was cut later, by the sender's network card.
        let mss = u32::from(flow.ends[side.other()].mss.or(e.mss).unwrap_or(USUAL_MSS));
        m.count(of.packets, e.packets)
            .count(of.bytes, e.bytes)
            .count(of.segments, e.segments)
            .count(of.retransmissions, e.retransmissions)
            .count(of.largest_acked, e.ledger.largest_acknowledged.min(mss))
            .count(of.largest_lost, e.ledger.largest_lost().min(mss))
            .count(of.hole_bytes, e.ledger.hole_bytes())
            .maybe(of.mss, e.mss)
            .maybe(of.ttl, e.usual_ttl());
        if let Some(dialogue) = &flow.dialogue {
            m.count(of.data_after_tls, dialogue.data.bytes[side])
                .count(of.app_records, dialogue.data.records[side]);
        }
    }
    let gap_bytes = if one_way {
        0
    } else {
        client.gap_bytes() + server.gap_bytes()
    };
    let silence = flow.unanswered_since.map_or(0, |since| {
        end.place.time.max(flow.last.time).since(since).max(0)
    });
    m.count(
        field::DURATION_MS,
        flow.last.time.since(flow.opened.time) / MILLISECOND,
    )
    .maybe(field::RTT_US, flow.rtt.map(|r| r / MICROSECOND))
    .count(
        field::RETRANSMISSION_PERMILLE,
        repeated * 1000 / segments.max(1),
    )
    .count(field::RTO_BACKOFF, client.backoff.max(server.backoff))
    .count(
        field::ZERO_WINDOWS,
        client.zero_windows + server.zero_windows,
    )
    .count(
        field::OUT_OF_ORDER,
        client.out_of_order + server.out_of_order,
    )
    .count(
        field::DUPLICATE_ACKS,
        client.duplicate_acks + server.duplicate_acks,
    )
    .count(
        field::DUPLICATE_FRAMES,
        client.duplicate_frames + server.duplicate_frames,
    )
    .count(field::KEEPALIVES, client.keepalives + server.keepalives)
    .count(field::GAP_BYTES, gap_bytes)
    .count(field::IDLE_MAX_MS, flow.idle_max / MILLISECOND)
    .count(field::IDLE_BEFORE_END_MS, end.idle / MILLISECOND)
    .count(field::SERVER_SILENCE_MS, silence / MILLISECOND);
    // The side that was not captured speaks through what the other one acknowledges.
    let spoke = |unseen: &Endpoint| unseen.advanced.unwrap_or(flow.opened.time);
    let quiet = flow
        .one_way()
        .map(|seen| end.place.time.since(spoke(&flow.ends[seen.other()])));
    m.maybe(
        field::UNSEEN_QUIET_MS,
        quiet.map(|q| q.max(0) / MILLISECOND),
    );
    let answer = flow
        .dialogue
        .as_ref()
        .and_then(|d| Some(d.answered?.time.since(d.requested?.time)));
    m.maybe(field::X224_ANSWER_MS, answer.map(|a| a / MILLISECOND));
    m.0.text(
        field::LAST_UNACKED_BY,
        last_unacknowledged(flow).map_or("", |(side, ..)| side.name()),
    )
    .flag(field::LOST_AT_END, lost_at_end(flow, around.capture_end))
    .flag(field::ICMP_TOO_BIG, flow.too_big);
}

/// Whether the side that ended it had said goodbye with close_notify, or either side with an MCS Disconnect Provider
/// Ultimatum: a server announces the end of a session that the user closed, and leaves the closing to the client.
fn announced(flow: &Flow, end: &Closing) -> bool {
    let Some(dialogue) = &flow.dialogue else {
        return false;
    };
    let side = Side::BOTH.into_iter().find(|side| side.name() == end.by);
    let notify = side.and_then(|side| dialogue.tls.goodbye[side]);
    side.is_some()
        && (notify.is_some_and(|frame| frame <= end.place.frame)
            || dialogue.sequence.disconnected.any(|d| *d))
}
