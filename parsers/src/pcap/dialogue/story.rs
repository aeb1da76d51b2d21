//! What one connection told so far: its steps as events, in the order of the packets that showed them.

use crate::batch::{EventBatch, Filling};
use crate::event::Guid;
use crate::kind::Kind;
use crate::pcap::tcp::stream::Place;
use crate::pcap::vocabulary::field;

/// Steps of one connection that are kept; a peer that repeats itself for ever adds nothing.
const MOST_STEPS: usize = 256;
/// Defects of one connection that are told; whoever sends nonsense sends more of it.
const MOST_DEFECTS: usize = 4;

/// The steps of one connection.
#[derive(Clone)]
pub(crate) struct Story {
    batch: EventBatch,
    log: u32,
    flow: i64,
    last: Option<Kind>,
}

impl Story {
    pub(crate) fn new(flow: u64) -> Self {
        let mut batch = EventBatch::default();
        let log = batch.log("", "capture");
        Self {
            batch,
            log,
            flow: i64::try_from(flow).unwrap_or(i64::MAX),
            last: None,
        }
    }

    /// Adds a step; its values follow.
    pub(crate) fn tell(&mut self, kind: Kind, place: Place) -> Filling<'_> {
        if self.batch.events.len() >= MOST_STEPS {
            // Later steps of so long a story overwrite each other: the last one stays true.
            self.batch.events.pop();
        }
        self.last = Some(kind);
        let mut filling = self
            .batch
            .push(kind, self.log, place.time, place.frame, Guid::default());
        filling.int(field::FLOW, self.flow);
        filling
    }

    /// Notes that something in this packet is not as the specifications have it.
    pub(crate) fn defect(&mut self, place: Place, what: &str) {
        let known = self.batch.defects.iter().any(|d| d.what == what);
        if !known && self.batch.defects.len() < MOST_DEFECTS {
            self.batch
                .defect(format!("packet {}", place.frame), what, 0);
        }
    }

    pub(crate) fn told(&self, kind: Kind) -> bool {
        self.batch.events.iter().any(|e| e.kind == kind)
    }

    /// Takes back what turned out to be something else.
    pub(crate) fn retract(&mut self, kind: Kind) {
        self.batch.events.retain(|e| e.kind != kind);
    }

    /// Kinds of the steps told, in their order.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = Kind> + '_ {
        self.batch.events.iter().map(|e| e.kind)
    }

    /// Kind of the step told last.
    pub(crate) fn last(&self) -> Option<Kind> {
        self.last
    }

    /// All steps, leaving none.
    pub(crate) fn take(&mut self) -> EventBatch {
        std::mem::take(&mut self.batch)
    }
}

/// Text from a peer as far as it is printable; the rest as dots, and never long.
pub(crate) fn printable(bytes: &[u8]) -> String {
    let shown = bytes.get(..bytes.len().min(128)).unwrap_or_default();
    shown
        .iter()
        .map(|b| {
            if (0x20..0x7f).contains(b) {
                char::from(*b)
            } else {
                '.'
            }
        })
        .collect()
}

/// Bytes in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}
