//! Capture files as a push machine: bytes in any split in, frames and secrets out.
//!
//! Classic pcap (draft-ietf-opsawg-pcap) in both byte orders, with µs or ns, and pcapng (draft-ietf-opsawg-pcapng) with
//! several sections, interfaces, resolutions and offsets. Damage costs what is damaged: behind it, records are looked for.

mod classic;
mod pcapng;

use crate::time::Timestamp;
use classic::Classic;
use pcapng::Section;

/// Largest block believed: a snapshot length is at most 256 KiB, secrets and comments some MiB. More is damage.
const LARGEST_BLOCK: usize = 16 << 20;
/// Bytes of the file's beginning that decide what it is: the header of classic pcap.
const HEAD: usize = 24;
/// First bytes of a pcapng section, the same in both byte orders.
const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

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

/// A frame before it is counted.
struct Captured<'a> {
    /// Simple packets carry none.
    time: Option<Timestamp>,
    link: u32,
    data: &'a [u8],
    wire_length: usize,
}

/// What stands at the beginning of the bytes.
enum Next<'a> {
    /// A frame; bytes used.
    Frame(Captured<'a>, usize),
    /// Secrets; bytes used.
    Secrets(&'a [u8], usize),
    /// Something that tells nothing about packets; bytes used.
    Other(usize),
    /// A whole block that makes no sense: why, bytes used, frames lost.
    Unreadable(String, usize, u64),
    /// It does not end within the bytes.
    Short,
    /// It cannot be a block.
    Damaged(String),
}

enum Format {
    /// Nothing read yet.
    Unknown,
    Classic(Classic),
    Pcapng(Section),
    /// Not a capture, or damaged beyond the point where blocks can be found.
    Lost,
}

/// The push machine.
pub(crate) struct Blocks {
    format: Format,
    /// First the beginning of a block whose end did not come yet, then room for what comes next: it is read into here, so
    /// that a file's bytes are copied once, by the kernel.
    buffer: Vec<u8>,
    /// Bytes of the file at the beginning of `buffer`.
    held: usize,
    /// Bytes of the file before `buffer`.
    consumed: u64,
    frames: u64,
    last: Timestamp,
}

/// Whether these first bytes (12 are enough) begin a pcap or pcapng file.
pub fn looks_like(head: &[u8]) -> bool {
    Classic::magic(head).is_some()
        || (head.starts_with(&SECTION) && pcapng::byte_order(head).is_some())
}

pub(crate) fn u16_at(bytes: &[u8], at: usize, big: bool) -> Option<u16> {
    let b = *bytes.get(at..)?.first_chunk()?;
    Some(if big {
        u16::from_be_bytes(b)
    } else {
        u16::from_le_bytes(b)
    })
}

pub(crate) fn u32_at(bytes: &[u8], at: usize, big: bool) -> Option<u32> {
    let b = *bytes.get(at..)?.first_chunk()?;
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
            held: 0,
            consumed: 0,
            frames: 0,
            last: Timestamp(0),
        }
    }

    /// Takes the next bytes of the file and hands out what they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], sink: &mut dyn FnMut(Item<'_>)) {
        self.room(bytes.len()).copy_from_slice(bytes);
        self.take(bytes.len(), sink);
    }

    /// Where the next bytes of the file go, so many at most; [`Blocks::take`] follows.
    pub(crate) fn room(&mut self, most: usize) -> &mut [u8] {
        let end = self.held + most;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        self.buffer.get_mut(self.held..end).unwrap_or_default()
    }

    /// So many bytes were written to the room: hands out what they complete.
    pub(crate) fn take(&mut self, fresh: usize, sink: &mut dyn FnMut(Item<'_>)) {
        if matches!(self.format, Format::Lost) {
            return;
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let held = (self.held + fresh).min(buffer.len());
        let mut at = 0;
        while let Some(rest) = buffer.get(at..held).filter(|r| !r.is_empty()) {
            let place = self.consumed + at as u64;
            match self.next(rest) {
                Next::Frame(captured, used) => {
                    self.frames += 1;
                    self.last = captured.time.unwrap_or(self.last);
                    let Captured {
                        link,
                        data,
                        wire_length,
                        ..
                    } = captured;
                    let wire_length = wire_length.max(data.len());
                    sink(Item::Frame(Frame {
                        number: self.frames,
                        time: self.last,
                        link,
                        data,
                        wire_length,
                    }));
                    at += used;
                }
                Next::Secrets(text, used) => {
                    sink(Item::Secrets(text));
                    at += used;
                }
                Next::Other(used) => at += used,
                Next::Unreadable(what, used, lost) => {
                    self.frames += lost; // it has a number, though nothing else
                    sink(Item::Defect(format!("byte {place}"), what, lost));
                    at += used;
                }
                Next::Short => break,
                Next::Damaged(what) => at += self.skip_damage(rest, place, &what, sink),
            }
        }
        self.consumed += at as u64;
        buffer.copy_within(at..held, 0);
        self.held = held - at;
        self.buffer = buffer;
    }

    /// Says what an unfinished last block means.
    pub(crate) fn finish(self, sink: &mut dyn FnMut(Item<'_>)) {
        if self.held > 0 {
            let what = format!(
                "file ends inside a block, {} bytes of it are there",
                self.held
            );
            sink(Item::Defect(format!("byte {}", self.consumed), what, 1));
        }
    }

    fn next<'a>(&mut self, rest: &'a [u8]) -> Next<'a> {
        match &mut self.format {
            Format::Classic(classic) => classic.next(rest, LARGEST_BLOCK),
            Format::Pcapng(section) => section.next(rest, LARGEST_BLOCK),
            Format::Unknown if rest.len() < HEAD => Next::Short,
            Format::Unknown => {
                if let Some(classic) = Classic::begin(rest) {
                    self.format = Format::Classic(classic);
                    Next::Other(HEAD)
                } else if rest.starts_with(&SECTION) {
                    self.format = Format::Pcapng(Section::default());
                    Next::Other(0)
                } else {
                    Next::Damaged("neither pcap nor pcapng".to_owned())
                }
            }
            Format::Lost => Next::Other(rest.len()),
        }
    }

    /// Bytes to skip until two plausible records follow each other.
    fn skip_damage(
        &mut self,
        rest: &[u8],
        place: u64,
        what: &str,
        sink: &mut dyn FnMut(Item<'_>),
    ) -> usize {
        let found = (1..rest.len()).find(|skip| {
            let here = rest.get(*skip..).unwrap_or_default();
            match &self.format {
                Format::Classic(classic) => classic.resumes(here, self.last),
                Format::Pcapng(section) => section.resumes(here, LARGEST_BLOCK),
                Format::Unknown | Format::Lost => false,
            }
        });
        let (skipped, then) = if let Some(skip) = found {
            (skip, "read on behind it")
        } else {
            self.format = Format::Lost;
            (rest.len(), "the rest is not read")
        };
        sink(Item::Defect(
            format!("byte {place}"),
            format!("{what}; {skipped} bytes passed over, {then}"),
            1,
        ));
        skipped
    }
}
