//! RDP over UDP: who asked for it, and whether anybody answered.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use foldhash::quality::RandomState;

use super::dialogue::story::hex;
use super::frame::packet::{Datagram, Packet};
use super::tcp::stream::Place;
use super::vocabulary::{field, kind};
use crate::batch::EventBatch;
use crate::event::Guid;
use crate::rdp::rdpeudp::{Syn, syn};

/// UDP connections kept; each session opens one or two.
const MOST_CHANNELS: usize = 16_384;

struct Channel {
    number: u64,
    opened: Place,
    last: Place,
    asked: Syn,
    syn_count: u32,
    answered: bool,
}

/// All side channels of a capture.
#[derive(Default)]
pub(crate) struct Channels {
    /// By client and server.
    open: HashMap<(SocketAddr, SocketAddr), Channel, RandomState>,
    made: u64,
}

impl Channels {
    /// Takes a datagram.
    pub(crate) fn datagram(&mut self, packet: &Packet<'_>, datagram: &Datagram<'_>) {
        let source = SocketAddr::new(packet.source, datagram.source_port);
        let destination = SocketAddr::new(packet.destination, datagram.destination_port);
        let place = Place {
            frame: packet.frame,
            time: packet.time,
        };
        if let Some(channel) = self.open.get_mut(&(destination, source)) {
            // Any datagram back is an answer.
            channel.answered = true;
            return;
        }
        let Some(asked) = syn(datagram.payload).filter(|s| !s.answer) else {
            return;
        };
        if let Some(channel) = self.open.get_mut(&(source, destination)) {
            channel.syn_count += 1;
            channel.last = place;
        } else if self.open.len() < MOST_CHANNELS {
            self.made += 1;
            let channel = Channel {
                number: self.made,
                opened: place,
                last: place,
                asked,
                syn_count: 1,
                answered: false,
            };
            self.open.insert((source, destination), channel);
        }
    }

    /// Tells them all; `flow` numbers continue behind those of the TCP connections.
    pub(crate) fn tell(
        &self,
        batch: &mut EventBatch,
        log: u32,
        behind: u64,
        of: &dyn Fn(IpAddr, IpAddr) -> bool,
    ) {
        let of = |(client, server): &(SocketAddr, SocketAddr)| of(client.ip(), server.ip());
        let mut all: Vec<_> = self.open.iter().filter(|(ends, _)| of(ends)).collect();
        all.sort_by_key(|(_, c)| c.number);
        for ((client, server), c) in all {
            let flow = i64::try_from(behind.saturating_add(c.number)).unwrap_or(i64::MAX);
            let mut step = batch.push(
                kind::UDP_OPENED,
                log,
                c.opened.time,
                c.opened.frame,
                Guid::default(),
            );
            step.int(field::FLOW, flow)
                .ip(field::CLIENT_IP, client.ip())
                .int(field::CLIENT_PORT, i64::from(client.port()))
                .ip(field::SERVER_IP, server.ip())
                .int(field::SERVER_PORT, i64::from(server.port()))
                .int(field::SYN_COUNT, i64::from(c.syn_count))
                .flag(field::ANSWERED, c.answered)
                .int(field::VERSION, i64::from(c.asked.version))
                .text(
                    field::CORRELATION_ID,
                    &c.asked
                        .correlation_id
                        .map(|id| hex(&id))
                        .unwrap_or_default(),
                )
                .text(
                    field::COOKIE_HASH,
                    &c.asked.cookie_hash.map(|h| hex(&h)).unwrap_or_default(),
                );
            if !c.answered {
                let mut step = batch.push(
                    kind::UDP_UNANSWERED,
                    log,
                    c.last.time,
                    c.last.frame,
                    Guid::default(),
                );
                step.int(field::FLOW, flow)
                    .int(field::SYN_COUNT, i64::from(c.syn_count))
                    .int(field::SPAN_MS, c.last.time.since(c.opened.time) / 1_000_000);
            }
        }
    }
}
