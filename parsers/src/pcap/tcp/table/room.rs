//! Which connections are kept: those that are over leave, and so do the quietest ones when there are too many.

use super::super::flow::Flow;
use super::super::key::Key;
use super::super::vigil::Heard;
use super::{Desk, Ports, Table};
use crate::time::Timestamp;

/// A connection that is neither over nor heard of for so long is told as it stands. Sessions are quiet for hours, and a
/// capture of weeks must not fill up with those whose end it missed.
const IDLE: i64 = 86_400_000_000_000;
/// Connections kept at a time. One costs about a KiB, some ten more while its handshake is read, and a hostile one at most
/// what a stream and a framer may hold for each side, about 160 KiB.
const MOST_FLOWS: usize = 32_768;
/// A connection that is over waits this long for stragglers: twice the usual maximum segment lifetime (RFC 9293 §3.4.2).
const STRAGGLERS: i64 = 120_000_000_000;
impl Table {
    /// Writes the connections that are over.
    pub(super) fn sweep(&mut self, desk: &mut Desk<'_>) {
        self.since_sweep = 0;
        let floor = Floor::at(self.now);
        let mut done: Vec<_> = self
            .flows
            .iter()
            .filter(|(_, f)| floor.is_below(f, &self.ports))
            .map(|(k, f)| (f.number, *k))
            .collect();
        done.sort_unstable_by_key(|(number, _)| *number);
        for (_, key) in done {
            if let Some(flow) = self.flows.remove(&key) {
                self.write(*flow, desk);
            }
        }
    }

    /// When the table is full, the connections that were quiet for longest give way, mere tries first.
    pub(super) fn make_room(&mut self, desk: &mut Desk<'_>) {
        if self.flows.len() < MOST_FLOWS {
            return;
        }
        let mut all: Vec<_> = self
            .flows
            .iter()
            .map(|(k, f)| {
                (
                    !f.is_half_open(),
                    self.ports.expected(f.server.port()),
                    f.last.time,
                    f.number,
                    *k,
                )
            })
            .collect();
        let order = |(open, rdp, last, number, _): &(bool, bool, Timestamp, u64, Key)| {
            (*open, *rdp, *last, *number)
        };
        // Of a full table only those that go need an order.
        if all.len() > MOST_FLOWS / 4 {
            all.select_nth_unstable_by_key(MOST_FLOWS / 4, order);
            all.truncate(MOST_FLOWS / 4);
        }
        all.sort_unstable_by_key(order);
        for (open, rdp, .., key) in all {
            let Some(flow) = self.flows.remove(&key) else {
                continue;
            };
            // What was told already gets its last word.
            if open || !rdp || flow.vigil.heard == Heard::End {
                self.write(*flow, desk);
            } else {
                self.condensed += 1;
            }
        }
    }
}

/// The moments up to which connections must have been heard not to be settled.
pub(super) struct Floor {
    /// Those that are over.
    over: Timestamp,
    /// All.
    idle: Timestamp,
}

impl Floor {
    /// Those of this moment.
    pub(super) fn at(now: Timestamp) -> Self {
        Self {
            over: now.plus(-STRAGGLERS),
            idle: now.plus(-IDLE),
        }
    }

    /// Whether nothing is expected of a connection any more.
    pub(super) fn is_below(&self, flow: &Flow, ports: &Ports) -> bool {
        // Of nearly all this one look tells it.
        if flow.last.time >= self.over {
            return false;
        }
        let done = flow.is_over() && (ports.expected(flow.server.port()) || !flow.is_half_open());
        done || flow.last.time < self.idle
    }
}
