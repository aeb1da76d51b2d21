//! A capture that is still arriving: connections are told as they reach a session and as they end.
//!
//! The same machine as [`Reader`](super::Reader), which waits for the end of the capture: what is told last of a connection
//! here is what that one tells of it.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use super::Inside;
use super::file::{Blocks, Frame, Item};
use super::frame::packet::Body;
use super::frame::{Decoded, Decoder};
use super::tcp::table::{Desk, Ports, Table};
use crate::batch::EventBatch;
use crate::catalog;
use crate::kind::Kind;
use crate::time::Timestamp;
use crate::tls::keylog::KeyLog;

/// How far a connection is when it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// A session runs.
    Session,
    /// It ended, or went silent; stragglers may still say more.
    Ended,
    /// Nothing more will be told of it.
    Settled,
}

/// A connection as it stands.
#[derive(Debug)]
pub struct Told {
    /// Its number; what is told later under the same number replaces this.
    pub flow: u64,
    /// How far it is.
    pub phase: Phase,
    /// When it was told, by the clock of the capture.
    pub at: Timestamp,
    /// Who connected.
    pub client: SocketAddr,
    /// To whom.
    pub server: SocketAddr,
    /// Its first packet.
    pub opened: Timestamp,
    /// Its events.
    pub batch: EventBatch,
}

/// A connection that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// Its number.
    pub flow: u64,
    /// Who connected.
    pub client: SocketAddr,
    /// To whom.
    pub server: SocketAddr,
    /// Its first packet.
    pub opened: Timestamp,
    /// Its last packet.
    pub last: Timestamp,
    /// The stage that its last step entered.
    pub stage: &'static str,
}

/// One frame.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// LINKTYPE_ value of the interface.
    pub link: u32,
    /// Captured bytes.
    pub data: &'a [u8],
    /// Length on the wire.
    pub wire_length: usize,
}

impl<'a> Seen<'a> {
    fn frame(&self, number: u64) -> Frame<'a> {
        Frame {
            number,
            time: self.time,
            link: self.link,
            data: self.data,
            wire_length: self.wire_length.max(self.data.len()),
        }
    }
}

/// Tells which TCP connection a frame belongs to, or tells of.
pub struct Ends(Decoder);

impl Ends {
    /// One that has seen nothing; fragments need their first part.
    #[allow(clippy::new_without_default, reason = "it holds what it has seen")]
    pub fn new() -> Self {
        Self(Decoder::new())
    }

    /// Sender and receiver of a TCP segment, or of the one that an ICMP error is about.
    pub fn of(&mut self, seen: &Seen<'_>) -> Option<(SocketAddr, SocketAddr)> {
        let mut ends = None;
        self.0.decode(&seen.frame(0), &mut |decoded| {
            let Decoded::Packet(packet) = decoded else {
                return;
            };
            match &packet.body {
                Body::Tcp(s) => {
                    ends = Some((
                        SocketAddr::new(packet.source, s.source_port),
                        SocketAddr::new(packet.destination, s.destination_port),
                    ));
                }
                Body::Icmp(e) => {
                    ends = Some((
                        SocketAddr::new(e.source, e.source_port),
                        SocketAddr::new(e.destination, e.destination_port),
                    ));
                }
                Body::Udp(_) => {}
            }
        });
        ends
    }
}

/// Reads a capture while it arrives: push the bytes of a file or pipe in any split, or single frames.
pub struct Watch {
    blocks: Blocks,
    inside: Inside,
    frames: u64,
}

impl Watch {
    /// One for these ports, which decrypts with these secrets and with those that the capture brings along.
    pub fn new(ports: Ports, keylog: Option<&KeyLog>) -> Self {
        Self {
            blocks: Blocks::new(),
            inside: Inside::new(Table::watching(ports), keylog),
            frames: 0,
        }
    }

    /// Takes the next bytes of a file or pipe; `tap` sees each frame in them.
    pub fn push(&mut self, bytes: &[u8], tap: &mut dyn FnMut(&Seen<'_>)) {
        let inside = &mut self.inside;
        self.blocks.push(bytes, &mut |item| {
            if let Item::Frame(f) = &item {
                tap(&Seen {
                    time: f.time,
                    link: f.link,
                    data: f.data,
                    wire_length: f.wire_length,
                });
            }
            inside.item(item);
        });
    }

    /// Takes one frame from a network card.
    pub fn frame(&mut self, seen: &Seen<'_>) {
        self.frames += 1;
        self.inside.frame(&seen.frame(self.frames));
    }

    /// Says that it is now this late, whether or not packets came.
    pub fn pass(&mut self, now: Timestamp) {
        let Inside {
            table,
            batch,
            log,
            keys,
            ..
        } = &mut self.inside;
        let log = *log;
        table.pass(now, &mut Desk { batch, log, keys });
    }

    /// What was told since the last call, in its order.
    pub fn told(&mut self) -> Vec<Told> {
        self.inside.table.told()
    }

    /// Connections that are under way, by number.
    pub fn under_way(&self) -> Vec<UnderWay> {
        let mut all: Vec<_> = self
            .inside
            .table
            .under_way()
            .map(|f| {
                let told = f.dialogue.as_ref().map(|d| d.story.kinds());
                let stage = |kind: Kind| catalog::info(kind).and_then(|i| i.stage);
                UnderWay {
                    flow: f.number,
                    client: f.client,
                    server: f.server,
                    opened: f.opened.time,
                    last: f.last.time,
                    stage: told
                        .into_iter()
                        .flatten()
                        .filter_map(stage)
                        .last()
                        .unwrap_or("tcp"),
                }
            })
            .collect();
        all.sort_by_key(|u| u.flow);
        all
    }

    /// The moment up to which the capture was seen, once there was any.
    pub fn now(&self) -> Option<Timestamp> {
        Some(self.inside.table.now()).filter(|t| t.0 != i64::MIN)
    }

    /// What the capture as a whole told so far: its log with the span that it covers, and the facts that belong to
    /// no TCP connection: UDP side channels of these clients at this server, and addresses claimed twice.
    pub fn beside(&self, server: IpAddr, clients: &BTreeSet<IpAddr>) -> EventBatch {
        let Inside {
            channels,
            stations,
            batch,
            log,
            table,
            ..
        } = &self.inside;
        let mut beside = EventBatch::default();
        beside.log("", "capture");
        beside.logs.clone_from(&batch.logs);
        channels.tell_of((server, clients), &mut beside, *log, table.made());
        stations.tell(&mut beside, *log);
        beside
    }

    /// Packets seen.
    pub fn packets(&self) -> u64 {
        self.inside.batch.logs.first().map_or(0, |l| l.records)
    }

    /// Settles what is left, and gives what [`Watch::beside`] and [`Watch::told`] give then.
    pub fn finish(self) -> (Vec<Told>, EventBatch) {
        let Self {
            blocks, mut inside, ..
        } = self;
        blocks.finish(&mut |item| inside.item(item));
        let mut desk = Desk {
            batch: &mut inside.batch,
            log: inside.log,
            keys: &inside.keys,
        };
        inside.table.finish(&mut desk);
        let told = inside.table.told();
        (told, inside.finish())
    }
}
