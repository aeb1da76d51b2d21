//! How much application data flowed, and when that alone says that a session runs.

use crate::pcap::tcp::side::{Pair, Side};

/// Records each way after which a connection caught in the middle counts as a running session.
const MIDSTREAM_RECORDS: u32 = 2;
/// Bytes of one side after which it does: CredSSP and MCS stay below, Kerberos tickets included.
const MIDSTREAM_BYTES: u64 = 12 << 10;
/// Records of one side after which a session is assumed, where only that side was captured: a handshake with CredSSP, MCS
/// and activation needs fewer.
const ONE_WAY_RECORDS: u32 = 12;

/// Application data of both sides.
#[derive(Clone, Default)]
pub(crate) struct DataCount {
    /// Records (PDUs, where there is no TLS).
    pub records: Pair<u32>,
    /// Bytes of TLS records.
    pub bytes: Pair<u64>,
}

impl DataCount {
    /// Adds a record.
    pub(crate) fn count(&mut self, side: Side, length: usize) {
        self.records[side] = self.records[side].saturating_add(1);
        self.bytes[side] += length as u64;
    }

    /// Whether there is too much of it for a connection sequence.
    pub(crate) fn is_session(&self) -> bool {
        self.records.all(|n| *n >= MIDSTREAM_RECORDS)
            || self.records.any(|n| is_one_way_session(*n))
            || self.bytes.any(|n| *n >= MIDSTREAM_BYTES)
    }
}

/// Whether so many records of one side alone mean a session.
pub(crate) fn is_one_way_session(records: u32) -> bool {
    records >= ONE_WAY_RECORDS
}
