//! RDP over UDP: who asked for it, and whether anybody answered.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use foldhash::quality::RandomState;

use super::dialogue::story::hex;
use super::frame::packet::{Datagram, Packet};
use super::tcp::stream::Place;
use super::vocabulary::{field, kind};
use crate::batch::EventBatch;
use crate::event::Guid;
use crate::rdp::rdpeudp::{Syn, syn};
use crate::time::Timestamp;

/// UDP connections kept; each session opens one or two. Those that were quiet for longest give way, so that a run of weeks
/// knows those of today.
const MOST_CHANNELS: usize = 16_384;
/// The latest ones between a client and a server that are told beside a connection of today.
const OF_PAIR: usize = 64;
/// A SYN so long after the last datagram between the same ports opens another connection: one that is in use is never quiet
/// for so long, and no request is repeated so late.
const ANEW: i64 = 120_000_000_000;

struct Channel {
    client: SocketAddr,
    server: SocketAddr,
    opened: Place,
    last: Place,
    /// Its last datagram, from either side.
    heard: Timestamp,
    asked: Syn,
    syn_count: u32,
    answered: bool,
}

/// Server, client, and its number.
type Key = (IpAddr, IpAddr, u64);

/// All side channels of a capture.
#[derive(Default)]
pub(crate) struct Channels {
    kept: BTreeMap<Key, Channel>,
    /// The latest one by client and server.
    open: HashMap<(SocketAddr, SocketAddr), Key, RandomState>,
    made: u64,
    /// How many gave way.
    pub(crate) gone: u64,
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
        if let Some(channel) = self.latest(destination, source) {
            // Any datagram back is an answer.
            channel.answered = true;
            channel.heard = place.time;
            return;
        }
        let asked = syn(datagram.payload).filter(|s| !s.answer);
        if let Some(channel) = self.latest(source, destination) {
            let anew = place.time.since(channel.heard) > ANEW;
            channel.heard = place.time;
            if asked.is_none() {
                return;
            }
            if !anew {
                channel.syn_count += 1;
                channel.last = place;
                return;
            }
        }
        let Some(asked) = asked else { return };
        if self.kept.len() >= MOST_CHANNELS {
            self.make_room();
        }
        self.made += 1;
        let key = (destination.ip(), source.ip(), self.made);
        self.kept.insert(
            key,
            Channel {
                client: source,
                server: destination,
                opened: place,
                last: place,
                heard: place.time,
                asked,
                syn_count: 1,
                answered: false,
            },
        );
        self.open.insert((source, destination), key);
    }

    fn latest(&mut self, client: SocketAddr, server: SocketAddr) -> Option<&mut Channel> {
        let key = self.open.get(&(client, server))?;
        self.kept.get_mut(key)
    }

    /// A quarter of them, those that were quiet for longest, are given up.
    fn make_room(&mut self) {
        let mut by_age: Vec<_> = self.kept.iter().map(|(k, c)| (c.heard, k.2, *k)).collect();
        by_age.sort_unstable();
        by_age.truncate(MOST_CHANNELS / 4);
        for (.., key) in by_age {
            let Some(c) = self.kept.remove(&key) else {
                continue;
            };
            self.gone += 1;
            if self.open.get(&(c.client, c.server)) == Some(&key) {
                self.open.remove(&(c.client, c.server));
            }
        }
    }

    /// Tells them all; `flow` numbers continue behind those of the TCP connections.
    pub(crate) fn tell(&self, batch: &mut EventBatch, log: u32, behind: u64) {
        tell(self.kept.iter().collect(), batch, log, behind);
    }

    /// Tells the latest ones of each of these clients to a server.
    pub(crate) fn tell_of(
        &self,
        (server, clients): (IpAddr, &BTreeSet<IpAddr>),
        batch: &mut EventBatch,
        log: u32,
        behind: u64,
    ) {
        let of = |client: &IpAddr| {
            let all = (server, *client, 0)..=(server, *client, u64::MAX);
            self.kept.range(all).rev().take(OF_PAIR)
        };
        tell(clients.iter().flat_map(of).collect(), batch, log, behind);
    }
}

fn tell(mut channels: Vec<(&Key, &Channel)>, batch: &mut EventBatch, log: u32, behind: u64) {
    channels.sort_by_key(|((.., number), _)| *number);
    for ((.., number), c) in channels {
        let flow = i64::try_from(behind.saturating_add(*number)).unwrap_or(i64::MAX);
        let mut step = batch.push(
            kind::UDP_OPENED,
            log,
            c.opened.time,
            c.opened.frame,
            Guid::default(),
        );
        step.int(field::FLOW, flow)
            .ip(field::CLIENT_IP, c.client.ip())
            .int(field::CLIENT_PORT, i64::from(c.client.port()))
            .ip(field::SERVER_IP, c.server.ip())
            .int(field::SERVER_PORT, i64::from(c.server.port()))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pcap::frame::packet::Body;

    const SECOND: i64 = 1_000_000_000;

    fn end(number: u32, port: u16) -> SocketAddr {
        let [_, b, c, d] = number.to_be_bytes();
        ([10, b, c, d], port).into()
    }

    fn send(channels: &mut Channels, from: SocketAddr, to: SocketAddr, time: i64, payload: &[u8]) {
        let packet = Packet {
            frame: 1,
            time: Timestamp(time),
            source: from.ip(),
            destination: to.ip(),
            ttl: 128,
            id: None,
            body: Body::Udp(Datagram {
                source_port: from.port(),
                destination_port: to.port(),
                payload,
            }),
        };
        if let Body::Udp(datagram) = &packet.body {
            channels.datagram(&packet, datagram);
        }
    }

    fn request() -> Vec<u8> {
        let mut bytes = vec![0xff; 4];
        bytes.extend([0, 64, 0, 1, 0, 0, 0, 7, 4, 208, 4, 208]);
        bytes.resize(1232, 0);
        bytes
    }

    #[test]
    fn those_of_today_are_known_after_weeks() {
        let (mut channels, server) = (Channels::default(), end(9, 3389));
        let days = 60_000;
        for n in 0..days {
            let client = end(256 + n, 50_000);
            send(
                &mut channels,
                client,
                server,
                i64::from(n) * 60 * SECOND,
                &request(),
            );
        }
        assert!(channels.kept.len() <= MOST_CHANNELS);
        assert_eq!(channels.kept.len(), channels.open.len());
        let kept = u64::try_from(channels.kept.len()).expect("small");
        assert_eq!(kept + channels.gone, u64::from(days));
        let told = |client: SocketAddr| {
            let mut batch = EventBatch::default();
            let log = batch.log("", "capture");
            let clients = [client.ip()].into();
            channels.tell_of((server.ip(), &clients), &mut batch, log, 0);
            batch.events.len()
        };
        assert_eq!(told(end(256 + days - 1, 50_000)), 2, "asked and unanswered");
        assert_eq!(told(end(256, 50_000)), 0);
    }

    #[test]
    fn ports_that_are_used_again_are_another_connection() {
        let (mut channels, client, server) = (Channels::default(), end(5, 50_000), end(9, 3389));
        send(&mut channels, client, server, 0, &request());
        send(&mut channels, client, server, SECOND, &request());
        send(&mut channels, server, client, SECOND, &[0; 40]);
        // It runs for an hour, and a day later the same port is used again.
        for minute in 1..60 {
            send(
                &mut channels,
                client,
                server,
                minute * 60 * SECOND,
                &[0; 40],
            );
        }
        send(&mut channels, client, server, 86_400 * SECOND, &request());
        let told: Vec<_> = channels
            .kept
            .values()
            .map(|c| (c.syn_count, c.answered))
            .collect();
        assert_eq!(told, [(2, true), (1, false)]);
    }
}
