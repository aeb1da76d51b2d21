//! A finished connection as events: `tcp.opened` first, its steps, `tcp.closed`, `flow.measured`.

use super::close::{Closing, Surroundings, closing, last_unacknowledged, lost_at_end};
use super::endpoint::Side;
use super::flow::Flow;
use super::stream::Place;
use super::vocabulary::{field, kind};
use crate::batch::{EventBatch, Filling};
use crate::event::Guid;
use crate::kind::{Field, Kind};

const MILLISECOND: i64 = 1_000_000;

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
    if let Some(talk) = &mut flow.talk {
        talk.finish(around.keys);
    }
    opened(&flow, batch, log);
    let end = closing(&flow, around);
    establishing(&flow, batch, log, &end, around);
    let after = flow.talk.as_ref().and_then(|t| t.story.last());
    let waiting = flow.talk.as_ref().and_then(|t| {
        t.requested
            .filter(|_| t.answered.is_none() && !t.foreign[1])
    });
    let mut talk = flow.talk.take();
    if let Some(talk) = &mut talk {
        let story = std::mem::replace(&mut talk.story, super::story::Story::new(flow.number));
        batch.append(story.into_batch());
    }
    flow.talk = talk;
    if let Some(requested) = waiting
        .filter(|_| flow.end(Side::Server).bytes == 0 && !one_way(&flow).starts_with("client"))
    {
        let waited = end.place.time.max(flow.last.time).since(requested.time) / MILLISECOND;
        tell(batch, log, &flow, kind::X224_UNANSWERED, requested).count(field::WAITED_MS, waited);
    }
    closed(&flow, batch, log, &end, after);
    measured(&flow, batch, log, &end, around);
}

/// Side that alone was captured.
fn one_way(flow: &Flow) -> &'static str {
    let refused = flow.established.is_none() && !flow.midstream;
    match (
        flow.end(Side::Client).packets,
        flow.end(Side::Server).packets,
    ) {
        (_, 0) if !refused => "client",
        (0, _) => "server",
        _ => "",
    }
}

fn opened(flow: &Flow, batch: &mut EventBatch, log: u32) {
    let client = flow.end(Side::Client);
    let mut step = tell(batch, log, flow, kind::TCP_OPENED, flow.opened);
    step.0
        .ip(field::CLIENT_IP, flow.client.ip())
        .int(field::CLIENT_PORT, i64::from(flow.client.port()))
        .ip(field::SERVER_IP, flow.server.ip())
        .int(field::SERVER_PORT, i64::from(flow.server.port()))
        .flag(field::MIDSTREAM, flow.midstream)
        .text(field::ONE_WAY, one_way(flow));
    step.count(field::SYN_COUNT, flow.syn_count)
        .maybe(field::FIRST_TTL, client.first_ttl)
        .maybe(field::MSS, client.mss);
}

fn establishing(
    flow: &Flow,
    batch: &mut EventBatch,
    log: u32,
    end: &Closing,
    around: &Surroundings<'_>,
) {
    if let Some(place) = flow.established {
        if !flow.midstream {
            let rtt = flow.rtt.map(|r| r / 1000);
            tell(batch, log, flow, kind::TCP_ESTABLISHED, place).maybe(field::RTT_US, rtt);
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
        "silence" if flow.end(Side::Server).packets == 0 => {
            let span = around
                .capture_end
                .since(flow.opened.time)
                .min(flow.last_syn.since(flow.opened.time).max(0));
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
    step.maybe(field::TTL, end.ttl)
        .maybe(field::USUAL_TTL, end.usual_ttl)
        .count(field::IDLE_MS, end.idle / MILLISECOND);
}

fn measured(
    flow: &Flow,
    batch: &mut EventBatch,
    log: u32,
    end: &Closing,
    around: &Surroundings<'_>,
) {
    let (client, server) = (flow.end(Side::Client), flow.end(Side::Server));
    let segments = u64::from(client.segments) + u64::from(server.segments);
    let repeated = u64::from(client.retransmissions) + u64::from(server.retransmissions);
    let one_way = !one_way(flow).is_empty();
    let mut m = tell(batch, log, flow, kind::FLOW_MEASURED, flow.last);
    m.count(field::PACKETS_CLIENT, client.packets)
        .count(field::PACKETS_SERVER, server.packets)
        .count(field::BYTES_CLIENT, client.bytes)
        .count(field::BYTES_SERVER, server.bytes)
        .count(
            field::DURATION_MS,
            flow.last.time.since(flow.opened.time) / MILLISECOND,
        )
        .maybe(field::RTT_US, flow.rtt.map(|r| r / 1000))
        .count(field::RETRANSMISSIONS_CLIENT, client.retransmissions)
        .count(field::RETRANSMISSIONS_SERVER, server.retransmissions)
        .count(field::SEGMENTS_CLIENT, client.segments)
        .count(field::SEGMENTS_SERVER, server.segments)
        .count(
            field::RETRANSMISSION_PERMILLE,
            repeated * 1000 / segments.max(1),
        )
        .count(field::RTO_BACKOFF, client.backoff.max(server.backoff))
        .count(field::LARGEST_ACKED_CLIENT, client.largest_acked)
        .count(field::LARGEST_ACKED_SERVER, server.largest_acked)
        .count(
            field::LARGEST_LOST_CLIENT,
            if one_way { 0 } else { client.largest_lost() },
        )
        .count(
            field::LARGEST_LOST_SERVER,
            if one_way { 0 } else { server.largest_lost() },
        )
        .count(field::HOLE_BYTES_CLIENT, client.hole_bytes())
        .count(field::HOLE_BYTES_SERVER, server.hole_bytes())
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
        .count(
            field::GAP_BYTES,
            if one_way {
                0
            } else {
                client.gap_bytes + server.gap_bytes
            },
        )
        .count(field::IDLE_MAX_MS, flow.idle_max / MILLISECOND)
        .count(field::IDLE_BEFORE_END_MS, end.idle / MILLISECOND)
        .count(field::KEEPALIVES, client.keepalives + server.keepalives)
        .maybe(field::MSS_CLIENT, client.mss)
        .maybe(field::MSS_SERVER, server.mss)
        .maybe(field::TTL_CLIENT, client.usual_ttl())
        .maybe(field::TTL_SERVER, server.usual_ttl());
    m.0.text(
        field::LAST_UNACKED_BY,
        last_unacknowledged(flow).map_or("", |(side, _, _)| side.name()),
    )
    .flag(field::LOST_AT_END, lost_at_end(flow, around.capture_end))
    .flag(field::ICMP_TOO_BIG, flow.too_big);
    let silence = flow.unanswered_since.map_or(0, |since| {
        end.place.time.max(flow.last.time).since(since).max(0)
    });
    m.count(field::SERVER_SILENCE_MS, silence / MILLISECOND);
    if let Some(talk) = &flow.talk {
        let answer = talk
            .requested
            .zip(talk.answered)
            .map(|(asked, answered)| answered.time.since(asked.time) / MILLISECOND);
        let [app_client, app_server] = talk.app_records;
        let [data_client, data_server] = talk.data_after_tls;
        m.maybe(field::X224_ANSWER_MS, answer)
            .count(field::CLIENT_DATA_AFTER_TLS, data_client)
            .count(field::SERVER_DATA_AFTER_TLS, data_server)
            .count(field::APP_RECORDS_CLIENT, app_client)
            .count(field::APP_RECORDS_SERVER, app_server);
    }
}

/// Whether the side that ended it had said goodbye with close_notify, or either side with an MCS Disconnect Provider
/// Ultimatum: a server announces the end of a session that the user closed, and leaves the closing to the client.
fn announced(flow: &Flow, end: &Closing) -> bool {
    let Some(talk) = &flow.talk else { return false };
    let [client, server] = talk.tls.goodbye;
    let notify = match end.by {
        "client" => client,
        "server" => server,
        _ => return false,
    };
    notify.is_some_and(|frame| frame <= end.place.frame) || talk.sequence.disconnected != [false; 2]
}
