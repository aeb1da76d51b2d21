//! Packet captures to events: who ended a connection, how, and after which step.
//!
//! ```text
//! bytes → file (blocks) → decode (link, tunnels, fragments) → table (flows) → endpoint (TCP health)
//!                                                                           → stream → framer → talk (TLS, RDP steps)
//!                                              flow over → close (who, how) → report (events)
//! ```
//!
//! A packet is no event: a connection tells its steps and its end when it is over, or when the capture is.

mod arp;
mod dialogue;
mod file;
mod frame;
mod report;
mod tcp;
mod udp;
mod vocabulary;
mod watch;

pub use file::looks_like;
pub use tcp::table::Ports;
pub use watch::{Ends, Phase, Seen, Told, UnderWay, Watch};

use crate::batch::EventBatch;
use crate::read_at::ReadAt;
use crate::tls::keylog::KeyLog;
use arp::Stations;
use file::{Blocks, Frame, Item};
use frame::packet::Body;
use frame::{Decoded, Decoder};
use tcp::table::{Desk, MOST_DEFECTS, Table};
use udp::Channels;

/// How much of a file is read at a time.
const CHUNK: usize = 256 << 10;

/// Reads one capture: push its bytes in any split, then ask for what they told.
pub struct Reader {
    blocks: Blocks,
    inside: Inside,
}

/// What lies behind the blocks; apart, so that both can be borrowed.
struct Inside {
    decoder: Decoder,
    table: Table,
    channels: Channels,
    stations: Stations,
    keys: KeyLog,
    batch: EventBatch,
    log: u32,
}

impl Reader {
    /// A reader that decrypts with these secrets, and with those that the capture brings along.
    pub fn new(keylog: Option<&KeyLog>) -> Self {
        Self {
            blocks: Blocks::new(),
            inside: Inside::new(Table::new(), keylog),
        }
    }

    /// Takes the next bytes of the file.
    pub fn push(&mut self, bytes: &[u8]) {
        let inside = &mut self.inside;
        self.blocks.push(bytes, &mut |item| inside.item(item));
    }

    /// All that the capture told.
    pub fn finish(self) -> EventBatch {
        let Self { blocks, mut inside } = self;
        blocks.finish(&mut |item| inside.item(item));
        inside.finish()
    }
}

/// Reads a whole capture.
pub fn read(source: &dyn ReadAt, keylog: Option<&KeyLog>) -> EventBatch {
    let mut reader = Reader::new(keylog);
    let Reader { blocks, inside } = &mut reader;
    let mut at = 0;
    loop {
        match source.fill_at(at, blocks.room(CHUNK)) {
            Ok(0) => break,
            Ok(n) => {
                blocks.take(n, &mut |item| inside.item(item));
                at += n as u64;
            }
            Err(e) => {
                inside
                    .batch
                    .defect(format!("byte {at}"), format!("cannot be read: {e}"), 0);
                break;
            }
        }
    }
    reader.finish()
}

impl Inside {
    fn new(table: Table, keylog: Option<&KeyLog>) -> Self {
        let mut batch = EventBatch::default();
        let log = batch.log("", "capture");
        Self {
            decoder: Decoder::new(),
            table,
            channels: Channels::default(),
            stations: Stations::default(),
            keys: keylog.cloned().unwrap_or_default(),
            batch,
            log,
        }
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        self.batch.saw(self.log, frame.time, frame.number);
        let Self {
            decoder,
            table,
            channels,
            stations,
            keys,
            batch,
            log,
        } = self;
        let mut desk = Desk {
            batch,
            log: *log,
            keys,
        };
        decoder.decode(frame, &mut |decoded| match decoded {
            Decoded::Arp(claim) => stations.claim(claim),
            Decoded::Packet(packet) => match &packet.body {
                Body::Tcp(segment) => table.segment(&packet, segment, &mut desk),
                Body::Udp(datagram) => channels.datagram(&packet, datagram),
                Body::Icmp(error) => table.icmp(&packet, error, &mut desk),
            },
        });
    }

    fn item(&mut self, item: Item<'_>) {
        match item {
            Item::Frame(frame) => self.frame(&frame),
            Item::Secrets(text) => self.keys.add(text),
            Item::Defect(at, what, lost) => {
                if self.batch.defects.len() < MOST_DEFECTS {
                    self.batch.defect(at, what, lost);
                } else {
                    self.table.more_defects += 1;
                }
            }
        }
    }

    fn finish(mut self) -> EventBatch {
        self.table.finish(&mut Desk {
            batch: &mut self.batch,
            log: self.log,
            keys: &self.keys,
        });
        self.channels
            .tell(&mut self.batch, self.log, self.table.made());
        self.stations.tell(&mut self.batch, self.log);
        if self.table.condensed > 0 {
            let what = "more half-open connections at a time than are kept, the oldest are not told one by one";
            self.batch.defect("capture", what, self.table.condensed);
        }
        let dropped = self.decoder.dropped_fragments();
        if dropped > 0 {
            let what = "more IP fragments at a time than are kept, the oldest are dropped";
            self.batch.defect("capture", what, dropped);
        }
        let contradicting = self.decoder.contradicting_fragments();
        if contradicting > 0 {
            let what =
                "IP fragments lie across earlier ones or say otherwise; the first copy was read";
            self.batch.defect("capture", what, contradicting);
        }
        if self.channels.gone > 0 {
            let what = "more UDP connections than are kept, the oldest are not told";
            self.batch.defect("capture", what, self.channels.gone);
        }
        if self.decoder.too_deep > 0 {
            let what = "packets inside more tunnels than are followed";
            self.batch.defect("capture", what, self.decoder.too_deep);
        }
        if self.table.more_defects > 0 {
            let what = format!("{} more defects", self.table.more_defects);
            self.batch.defect("capture", what, 0);
        }
        let untold = self.table.untold();
        if untold > 0 {
            let what = "more connections than are told one by one, the rest is left out";
            self.batch.defect("capture", what, untold);
        }
        self.batch
    }
}
