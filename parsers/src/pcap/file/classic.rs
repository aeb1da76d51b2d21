//! Classic pcap: one header, then records.

use super::{Captured, Next, u32_at};
use crate::time::Timestamp;

/// Longest frame that a record found behind damage may have: libpcap's largest snapshot length.
const LARGEST_FRAME: usize = 262_144;
/// Shortest one: an Ethernet header.
const SHORTEST_FRAME: usize = 14;
/// How far from the last record's time a record found behind damage may lie, seconds.
const NEAR: i64 = 86_400;

/// How the records of a file are written.
#[derive(Clone, Copy)]
pub(super) struct Classic {
    big: bool,
    nanoseconds: bool,
    /// Length of a record's header.
    header: usize,
    link: u32,
}

impl Classic {
    /// Byte order, resolution and record header by the magic number; the link type is not known yet.
    pub(super) fn magic(head: &[u8]) -> Option<Self> {
        let (big, nanoseconds, header) = match head.get(..4)? {
            [0xa1, 0xb2, 0xc3, 0xd4] => (true, false, 16),
            [0xd4, 0xc3, 0xb2, 0xa1] => (false, false, 16),
            [0xa1, 0xb2, 0x3c, 0x4d] => (true, true, 16),
            [0x4d, 0x3c, 0xb2, 0xa1] => (false, true, 16),
            // Kuznetzov's variant: eight more bytes per record.
            [0xa1, 0xb2, 0xcd, 0x34] => (true, false, 24),
            [0x34, 0xcd, 0xb2, 0xa1] => (false, false, 24),
            _ => return None,
        };
        Some(Self {
            big,
            nanoseconds,
            header,
            link: 0,
        })
    }

    /// Reads the file's header.
    pub(super) fn begin(head: &[u8]) -> Option<Self> {
        let magic = Self::magic(head)?;
        // The upper 16 bits tell the length of a frame check sequence.
        let link = u32_at(head, 20, magic.big)? & 0xffff;
        Some(Self { link, ..magic })
    }

    pub(super) fn next<'a>(&self, rest: &'a [u8], largest: usize) -> Next<'a> {
        let number = |at| u32_at(rest, at, self.big);
        let (Some(seconds), Some(fraction), Some(captured), Some(wire)) =
            (number(0), number(4), number(8), number(12))
        else {
            return Next::Short;
        };
        let captured = captured as usize;
        if captured > largest {
            return Next::Damaged(format!("record of {captured} bytes"));
        }
        let Some(data) = rest.get(self.header..self.header + captured) else {
            return Next::Short;
        };
        let nanoseconds = if self.nanoseconds {
            fraction
        } else {
            fraction.saturating_mul(1000)
        };
        let time = Some(Timestamp::from_unix(i64::from(seconds), nanoseconds));
        Next::Frame(
            Captured {
                time,
                link: self.link,
                data,
                wire_length: wire as usize,
            },
            self.header + captured,
        )
    }

    /// Whether two plausible records follow each other here.
    pub(super) fn resumes(&self, here: &[u8], last: Timestamp) -> bool {
        let second = self
            .plausible(here, last)
            .and_then(|length| here.get(length..));
        second.is_some_and(|here| self.plausible(here, last).is_some())
    }

    /// Length of the record, when its time and its lengths make sense.
    fn plausible(&self, here: &[u8], last: Timestamp) -> Option<usize> {
        let seconds = i64::from(u32_at(here, 0, self.big)?);
        let (captured, wire) = (
            u32_at(here, 8, self.big)? as usize,
            u32_at(here, 12, self.big)? as usize,
        );
        let near = (seconds - last.0 / 1_000_000_000).abs() <= NEAR;
        let lengths = (SHORTEST_FRAME..=LARGEST_FRAME).contains(&captured)
            && (captured..=LARGEST_FRAME).contains(&wire);
        (near && lengths).then_some(self.header + captured)
    }
}
