//! Capture files as a push machine: bytes in any split in, frames and secrets out.
//!
//! Classic pcap (draft-ietf-opsawg-pcap) in both byte orders, with µs or ns, and pcapng (draft-ietf-opsawg-pcapng) with
//! several sections, interfaces, resolutions and offsets. Record headers are read here, because they come by the million
//! and are a handful of fixed numbers; blocks with options go through `pcap-parser`.

use pcap_parser::{Block, parse_block_be, parse_block_le};

use crate::time::Timestamp;

/// Largest block believed: a snapshot length is at most 256 KiB, secrets and comments some MiB. More is damage.
const LARGEST_BLOCK: usize = 16 << 20;
/// Most interfaces kept per section; a capture of every interface of a large host has some hundred.
const MOST_INTERFACES: usize = 4096;

/// One captured frame.
pub(crate) struct Frame<'a> {
    /// 1-based number in the file.
    pub number: u64,
    /// Capture time.
    pub time: Timestamp,
    /// LINKTYPE_ value of the interface.
    pub link: u32,
    /// Captured bytes.
    pub data: &'a [u8],
    /// Length on the wire, at least `data.len()`.
    pub wire_length: usize,
}

/// What a capture file holds.
pub(crate) enum Item<'a> {
    Frame(Frame<'a>),
    /// TLS key log text from a Decryption Secrets Block.
    Secrets(&'a [u8]),
    /// What could not be read: place, reason, frames lost.
    Defect(String, String, u64),
}

#[derive(Clone, Copy)]
struct Interface {
    link: u32,
    units_per_second: u64,
    offset_seconds: i64,
    snap: usize,
}

enum Format {
    /// Nothing read yet.
    Unknown,
    Pcap {
        big: bool,
        nanos: bool,
        header: usize,
        link: u32,
    },
    Pcapng {
        big: bool,
        interfaces: Vec<Interface>,
    },
    /// Not a capture, or damaged beyond the point where blocks can be found.
    Lost,
}

/// The push machine.
pub(crate) struct Blocks {
    format: Format,
    buffer: Vec<u8>,
    /// Bytes of the file before `buffer`.
    consumed: u64,
    frames: u64,
    last: Timestamp,
}

/// What stands at the beginning of the buffer.
enum Next {
    /// A block of this many bytes was read.
    Took(usize),
    /// It does not end within the buffer.
    Short,
    /// It cannot be a block.
    Damaged(String),
}

/// Whether these first bytes (8 are enough) begin a pcap or pcapng file.
pub fn looks_like(head: &[u8]) -> bool {
    pcap_magic(head).is_some() || (head.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) && head.len() >= 8)
}

/// Big-endian, nanoseconds, length of a record header.
fn pcap_magic(head: &[u8]) -> Option<(bool, bool, usize)> {
    match head.get(..4)? {
        [0xa1, 0xb2, 0xc3, 0xd4] => Some((true, false, 16)),
        [0xd4, 0xc3, 0xb2, 0xa1] => Some((false, false, 16)),
        [0xa1, 0xb2, 0x3c, 0x4d] => Some((true, true, 16)),
        [0x4d, 0x3c, 0xb2, 0xa1] => Some((false, true, 16)),
        // Kuznetzov's variant: eight more bytes per record.
        [0xa1, 0xb2, 0xcd, 0x34] => Some((true, false, 24)),
        [0x34, 0xcd, 0xb2, 0xa1] => Some((false, false, 24)),
        _ => None,
    }
}

pub(crate) fn u16_at(bytes: &[u8], at: usize, big: bool) -> Option<u16> {
    let b = bytes.get(at..at.checked_add(2)?)?.try_into().ok()?;
    Some(if big {
        u16::from_be_bytes(b)
    } else {
        u16::from_le_bytes(b)
    })
}

pub(crate) fn u32_at(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let b = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(if big {
        u32::from_be_bytes(b)
    } else {
        u32::from_le_bytes(b)
    })
}

impl Blocks {
    pub(crate) fn new() -> Self {
        Self {
            format: Format::Unknown,
            buffer: Vec::new(),
            consumed: 0,
            frames: 0,
            last: Timestamp(0),
        }
    }

    /// Takes the next bytes of the file and hands out what they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Item<'_>)) {
        if matches!(self.format, Format::Lost) {
            self.consumed += bytes.len() as u64;
            return;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.extend_from_slice(bytes);
        let mut at = 0;
        while let Some(rest) = buffer.get(at..).filter(|r| !r.is_empty()) {
            match self.next(rest, sink) {
                Next::Took(n) => at += n,
                Next::Short => break,
                Next::Damaged(what) => match self.resynchronise(rest) {
                    Some(skip) => {
                        sink(Item::Defect(
                            format!("byte {}", self.consumed + at as u64),
                            format!("{what}, {skip} bytes skipped"),
                            1,
                        ));
                        at += skip;
                    }
                    None => {
                        sink(Item::Defect(
                            format!("byte {}", self.consumed + at as u64),
                            format!("{what}, rest not read"),
                            0,
                        ));
                        self.format = Format::Lost;
                        at = buffer.len();
                    }
                },
            }
        }
        self.consumed += at as u64;
        buffer.drain(..at);
        self.buffer = buffer;
    }

    /// Says what an unfinished last block means.
    pub(crate) fn finish(self, sink: &mut dyn FnMut(Item<'_>)) {
        if !self.buffer.is_empty() {
            let what = format!(
                "file ends inside a block, {} bytes of it are there",
                self.buffer.len()
            );
            sink(Item::Defect(format!("byte {}", self.consumed), what, 1));
        }
    }

    fn next(&mut self, rest: &[u8], sink: &mut dyn FnMut(Item<'_>)) -> Next {
        match &mut self.format {
            Format::Unknown => self.begin(rest),
            Format::Pcap {
                big,
                nanos,
                header,
                link,
            } => {
                let (big, nanos, header, link) = (*big, *nanos, *header, *link);
                self.record(rest, big, nanos, header, link, sink)
            }
            Format::Pcapng { .. } => self.block(rest, sink),
            Format::Lost => Next::Took(rest.len()),
        }
    }

    fn begin(&mut self, rest: &[u8]) -> Next {
        if rest.len() < 24 {
            return Next::Short;
        }
        if let Some((big, nanos, header)) = pcap_magic(rest) {
            // The upper 16 bits tell the length of a frame check sequence.
            let link = u32_at(rest, 20, big).unwrap_or(0) & 0xffff;
            self.format = Format::Pcap {
                big,
                nanos,
                header,
                link,
            };
            return Next::Took(24);
        }
        if rest.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
            self.format = Format::Pcapng {
                big: false,
                interfaces: Vec::new(),
            };
            return Next::Took(0);
        }
        Next::Damaged("neither pcap nor pcapng".to_owned())
    }

    fn record(
        &mut self,
        rest: &[u8],
        big: bool,
        nanos: bool,
        header: usize,
        link: u32,
        sink: &mut dyn FnMut(Item<'_>),
    ) -> Next {
        let (Some(seconds), Some(fraction), Some(captured), Some(wire)) = (
            u32_at(rest, 0, big),
            u32_at(rest, 4, big),
            u32_at(rest, 8, big),
            u32_at(rest, 12, big),
        ) else {
            return Next::Short;
        };
        let captured = captured as usize;
        if captured > LARGEST_BLOCK {
            return Next::Damaged(format!("record of {captured} bytes"));
        }
        let Some(data) = rest.get(header..header + captured) else {
            return Next::Short;
        };
        let nanoseconds = if nanos {
            fraction
        } else {
            fraction.saturating_mul(1000)
        };
        let time = Timestamp::from_unix(i64::from(seconds), nanoseconds);
        self.frame(time, link, data, wire as usize, sink);
        Next::Took(header + captured)
    }

    fn frame(
        &mut self,
        time: Timestamp,
        link: u32,
        data: &[u8],
        wire: usize,
        sink: &mut dyn FnMut(Item<'_>),
    ) {
        self.frames += 1;
        self.last = time;
        sink(Item::Frame(Frame {
            number: self.frames,
            time,
            link,
            data,
            wire_length: wire.max(data.len()),
        }));
    }

    fn block(&mut self, rest: &[u8], sink: &mut dyn FnMut(Item<'_>)) -> Next {
        let Format::Pcapng { big, .. } = &mut self.format else {
            return Next::Short;
        };
        if rest.len() < 12 {
            return Next::Short;
        }
        if rest.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
            // A section decides its own byte order.
            *big = match rest.get(8..12) {
                Some([0x1a, 0x2b, 0x3c, 0x4d]) => true,
                Some([0x4d, 0x3c, 0x2b, 0x1a]) => false,
                _ => return Next::Damaged("section without byte order mark".to_owned()),
            };
        }
        let big = *big;
        let (kind, length) = (
            u32_at(rest, 0, big).unwrap_or(0),
            u32_at(rest, 4, big).unwrap_or(0) as usize,
        );
        if length < 12 || length % 4 != 0 || length > LARGEST_BLOCK {
            return Next::Damaged(format!("block 0x{kind:x} of {length} bytes"));
        }
        let Some(block) = rest.get(..length) else {
            return Next::Short;
        };
        if u32_at(block, length - 4, big) != Some(length as u32) {
            return Next::Damaged(format!("block 0x{kind:x} whose two lengths differ"));
        }
        match kind {
            // Enhanced Packet Block, and the obsolete Packet Block with its 16-bit interface number.
            6 => self.packet(block, big, u32_at(block, 8, big).unwrap_or(0), sink),
            2 => self.packet(
                block,
                big,
                u32::from(u16_at(block, 8, big).unwrap_or(0)),
                sink,
            ),
            _ => self.rare_block(block, big, sink),
        }
        Next::Took(length)
    }

    fn packet(&mut self, block: &[u8], big: bool, interface: u32, sink: &mut dyn FnMut(Item<'_>)) {
        let place = |n: u64| format!("packet {n}");
        let Format::Pcapng { interfaces, .. } = &self.format else {
            return;
        };
        let Some(interface) = interfaces.get(interface as usize).copied() else {
            self.frames += 1;
            sink(Item::Defect(
                place(self.frames),
                format!("names interface {interface}, which is not declared"),
                1,
            ));
            return;
        };
        let number = |at| u32_at(block, at, big).unwrap_or(0);
        let ticks = u64::from(number(12)) << 32 | u64::from(number(16));
        let (captured, wire) = (number(20) as usize, number(24) as usize);
        let Some(data) = captured
            .checked_add(28)
            .and_then(|end| block.get(28..end))
            .filter(|_| captured + 32 <= block.len())
        else {
            self.frames += 1;
            sink(Item::Defect(
                place(self.frames),
                format!("claims {captured} bytes in a block of {}", block.len()),
                1,
            ));
            return;
        };
        let nanos = i128::from(ticks) * 1_000_000_000
            / i128::from(interface.units_per_second.max(1))
            + i128::from(interface.offset_seconds) * 1_000_000_000;
        let time = Timestamp(i64::try_from(nanos).unwrap_or(i64::MAX));
        self.frame(time, interface.link, data, wire, sink);
    }

    /// Section headers, interface descriptions, simple packets, secrets; other blocks tell nothing about packets.
    fn rare_block(&mut self, block: &[u8], big: bool, sink: &mut dyn FnMut(Item<'_>)) {
        let parsed = if big {
            parse_block_be(block)
        } else {
            parse_block_le(block)
        };
        let Format::Pcapng { interfaces, .. } = &mut self.format else {
            return;
        };
        match parsed {
            Ok((_, Block::SectionHeader(_))) => interfaces.clear(),
            Ok((_, Block::InterfaceDescription(i))) if interfaces.len() < MOST_INTERFACES => {
                interfaces.push(Interface {
                    link: u32::try_from(i.linktype.0).unwrap_or(u32::MAX),
                    units_per_second: i.ts_resolution().unwrap_or(1_000_000),
                    offset_seconds: i.if_tsoffset,
                    snap: if i.snaplen == 0 {
                        usize::MAX
                    } else {
                        i.snaplen as usize
                    },
                })
            }
            Ok((_, Block::SimplePacket(p))) => {
                let Some(first) = interfaces.first().copied() else {
                    return;
                };
                let wire = p.origlen as usize;
                let data = p.data.get(..wire.min(first.snap)).unwrap_or(p.data);
                // A simple packet carries no time.
                let time = self.last;
                self.frame(time, first.link, data, wire, sink);
            }
            Ok((_, Block::DecryptionSecrets(d)))
                if d.secrets_type == pcap_parser::SecretsType::TlsKeyLog =>
            {
                let length = (d.secrets_len as usize).min(d.data.len());
                sink(Item::Secrets(d.data.get(..length).unwrap_or_default()));
            }
            Ok(_) => {}
            Err(_) => {
                let at = format!("byte {}", self.consumed);
                sink(Item::Defect(
                    at,
                    format!(
                        "block 0x{:x} cannot be read",
                        u32_at(block, 0, big).unwrap_or(0)
                    ),
                    0,
                ));
            }
        }
    }

    /// How many bytes to skip until blocks follow each other again: two plausible ones in a row.
    fn resynchronise(&self, rest: &[u8]) -> Option<usize> {
        (1..rest.len()).find(|skip| {
            let here = rest.get(*skip..).unwrap_or_default();
            match &self.format {
                Format::Pcap { big, header, .. } => self
                    .plausible_record(here, *big, *header)
                    .is_some_and(|next| {
                        here.get(next..)
                            .is_some_and(|h| self.plausible_record(h, *big, *header).is_some())
                    }),
                Format::Pcapng { big, .. } if self.consumed.wrapping_add(*skip as u64) % 4 == 0 => {
                    plausible_block(here, *big)
                }
                _ => false,
            }
        })
    }

    /// Length of the record, when its time is within a day of the last one and its lengths make sense.
    fn plausible_record(&self, here: &[u8], big: bool, header: usize) -> Option<usize> {
        let seconds = i64::from(u32_at(here, 0, big)?);
        let (captured, wire) = (
            u32_at(here, 8, big)? as usize,
            u32_at(here, 12, big)? as usize,
        );
        let near = (seconds - self.last.0 / 1_000_000_000).abs() <= 86_400;
        (near
            && (14..=262_144).contains(&captured)
            && (captured..=captured + 262_144).contains(&wire))
        .then_some(header + captured)
    }
}

/// An Enhanced Packet Block whose two lengths agree.
fn plausible_block(here: &[u8], big: bool) -> bool {
    let length = u32_at(here, 4, big).unwrap_or(0) as usize;
    u32_at(here, 0, big) == Some(6)
        && (32..LARGEST_BLOCK).contains(&length)
        && u32_at(here, length - 4, big) == u32::try_from(length).ok()
}
