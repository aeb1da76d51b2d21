//! What happens to evidence on its way: cut copies, bad sectors, bits that flip, pieces in the wrong order.

use std::ops::Range;

use rdpwhy_fixtures::seed::Seed;

/// Bytes that a disk loses at once.
const SECTOR: usize = 512;
/// Length of an event log's chunk.
const CHUNK: usize = 65_536;
/// Length of an event log's header.
const FILE_HEADER: usize = 4096;
/// Where a chunk says at which offset its free space begins.
const FREE_SPACE: usize = 48;
/// First bytes of a record.
const RECORD: &[u8] = b"**\0\0";
/// Lengths and counts that lie.
const LIES: [u32; 10] = [
    0,
    1,
    0x17,
    0x7f,
    0xff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
];

/// A kind of damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    /// The end is missing.
    Truncated,
    /// One to four sectors are zero.
    ZeroedSectors,
    /// One to sixteen bits are wrong.
    FlippedBits,
    /// A stretch is filled with noise.
    Noise,
    /// Two blocks of 64 KiB (fewer in small files) changed places.
    Swapped,
    /// A block is there twice.
    Duplicated,
    /// A stretch is gone.
    Removed,
    /// Foreign bytes stand in between.
    Inserted,
    /// A 16- or 32-bit number is one that lies.
    WrongLength,
    /// Foreign bytes follow the end.
    GarbageAppended,
    /// A chunk's free space begins before its last records: the header of an earlier moment.
    StaleFreeSpace,
    /// A record's size is wrong.
    WrongRecordSize,
    /// A chunk's checksums are wrong.
    WrongChecksums,
    /// A chunk's signature is gone.
    NoChunkSignature,
    /// The file's header is gone.
    NoFileHeader,
}

impl Damage {
    /// All kinds.
    pub const ALL: [Self; 15] = [
        Self::Truncated,
        Self::ZeroedSectors,
        Self::FlippedBits,
        Self::Noise,
        Self::Swapped,
        Self::Duplicated,
        Self::Removed,
        Self::Inserted,
        Self::WrongLength,
        Self::GarbageAppended,
        Self::StaleFreeSpace,
        Self::WrongRecordSize,
        Self::WrongChecksums,
        Self::NoChunkSignature,
        Self::NoFileHeader,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Truncated => "end cut off",
            Self::ZeroedSectors => "sectors zeroed",
            Self::FlippedBits => "bits flipped",
            Self::Noise => "stretch overwritten with noise",
            Self::Swapped => "chunks swapped",
            Self::Duplicated => "chunk doubled",
            Self::Removed => "bytes missing",
            Self::Inserted => "foreign bytes inserted",
            Self::WrongLength => "number replaced by one that lies",
            Self::GarbageAppended => "garbage appended",
            Self::StaleFreeSpace => "free space before live records",
            Self::WrongRecordSize => "record size wrong",
            Self::WrongChecksums => "checksums wrong",
            Self::NoChunkSignature => "chunk signature gone",
            Self::NoFileHeader => "file header zeroed",
        }
    }

    /// Does it, at places that the seed chooses. Damage that is particular to event logs leaves other bytes as they are.
    pub fn apply(self, bytes: &mut Vec<u8>, seed: &mut Seed) {
        match self {
            Self::Truncated => bytes.truncate(below(seed, bytes.len())),
            Self::ZeroedSectors => {
                for _ in 0..=below(seed, 4) {
                    let start = below(seed, bytes.len()) / SECTOR * SECTOR;
                    fill(bytes, start..start + SECTOR, 0);
                }
            }
            Self::FlippedBits => {
                for _ in 0..=below(seed, 16) {
                    let (at, bit) = (below(seed, bytes.len()), below(seed, 8));
                    if let Some(byte) = bytes.get_mut(at) {
                        *byte ^= 1 << bit;
                    }
                }
            }
            Self::Noise => {
                let at = below(seed, bytes.len());
                let length = (1 + below(seed, 2000)).min(bytes.len() - at);
                let noise = seed.bytes(length);
                bytes.splice(at..at + length, noise);
            }
            Self::Swapped => swap(bytes, seed),
            Self::Duplicated => {
                let block = block(bytes, seed);
                let (to, copy) = (block.end, bytes.get(block).unwrap_or_default().to_vec());
                bytes.splice(to..to, copy);
            }
            Self::Removed => {
                let at = below(seed, bytes.len());
                let length = (1 + below(seed, 3000)).min(bytes.len() - at);
                bytes.drain(at..at + length);
            }
            Self::Inserted => {
                let at = below(seed, bytes.len());
                let length = 1 + below(seed, 3000);
                let noise = seed.bytes(length);
                bytes.splice(at..at, noise);
            }
            Self::WrongLength => {
                let lie = LIES[below(seed, LIES.len())];
                let lie = if seed.next_u32().is_multiple_of(2) {
                    lie
                } else {
                    lie.swap_bytes()
                };
                let width = if seed.next_u32().is_multiple_of(2) {
                    2
                } else {
                    4
                };
                let at = below(seed, bytes.len());
                put(bytes, at, &lie.to_le_bytes()[..width]);
            }
            Self::GarbageAppended => {
                let length = 1 + below(seed, 10_000);
                bytes.extend(seed.bytes(length));
            }
            Self::StaleFreeSpace => {
                if let Some(chunk) = chunk(bytes, seed) {
                    // Where some record of the chunk begins.
                    let records = records(bytes, chunk..chunk + CHUNK);
                    if let Some(record) = seed.pick(&records) {
                        let offset = u32::try_from(record - chunk).unwrap();
                        put(bytes, chunk + FREE_SPACE, &offset.to_le_bytes());
                    }
                }
            }
            Self::WrongRecordSize => {
                if let Some(record) = seed.pick(&records(bytes, 0..bytes.len())) {
                    let lie = LIES[below(seed, LIES.len())];
                    put(bytes, record + 4, &lie.to_le_bytes());
                }
            }
            Self::WrongChecksums => {
                if let Some(chunk) = chunk(bytes, seed) {
                    let noise = seed.bytes(4);
                    put(bytes, chunk + 52, &noise);
                    put(bytes, chunk + 124, &noise);
                }
            }
            Self::NoChunkSignature => {
                if let Some(chunk) = chunk(bytes, seed) {
                    fill(bytes, chunk..chunk + 8, 0);
                }
            }
            Self::NoFileHeader => fill(bytes, 0..FILE_HEADER, 0),
        }
    }
}

/// One to three kinds of damage, as the seed chooses; returns which.
pub fn damaged(bytes: &mut Vec<u8>, seed: &mut Seed) -> Vec<Damage> {
    let mut done = Vec::new();
    for _ in 0..=below(seed, 3) {
        let kind = Damage::ALL[below(seed, Damage::ALL.len())];
        kind.apply(bytes, seed);
        done.push(kind);
    }
    done
}

/// A number below `limit`; 0 when there is none.
pub fn below(seed: &mut Seed, limit: usize) -> usize {
    let limit = u64::try_from(limit).unwrap().max(1);
    usize::try_from(seed.next_u64() % limit).unwrap()
}

/// Places of the records' first bytes.
pub fn records(bytes: &[u8], within: Range<usize>) -> Vec<usize> {
    let end = within.end.min(bytes.len());
    let stretch = bytes.get(within.start..end).unwrap_or_default();
    let starts = stretch.windows(RECORD.len()).enumerate();
    let starts = starts.filter(|(_, window)| *window == RECORD);
    starts.map(|(at, _)| within.start + at).collect()
}

/// Start of one of an event log's chunks.
fn chunk(bytes: &[u8], seed: &mut Seed) -> Option<usize> {
    let chunks = (bytes.len().checked_sub(FILE_HEADER)? / CHUNK).max(1);
    let start = FILE_HEADER + CHUNK * below(seed, chunks);
    bytes
        .get(start..)?
        .starts_with(b"ElfChnk\0")
        .then_some(start)
}

/// A chunk, or an eighth of what has none.
fn block(bytes: &[u8], seed: &mut Seed) -> Range<usize> {
    let (header, length) = if bytes.starts_with(b"ElfFile\0") {
        (FILE_HEADER.min(bytes.len()), CHUNK)
    } else {
        (0, (bytes.len() / 8).clamp(1, CHUNK))
    };
    let count = (bytes.len() - header).div_ceil(length);
    let start = (header + below(seed, count) * length).min(bytes.len());
    start..(start + length).min(bytes.len())
}

fn swap(bytes: &mut Vec<u8>, seed: &mut Seed) {
    let (one, other) = (block(bytes, seed), block(bytes, seed));
    let (first, second) = if one.start <= other.start {
        (one, other)
    } else {
        (other, one)
    };
    if first.end <= second.start {
        let front = bytes[first.clone()].to_vec();
        let back = bytes[second.clone()].to_vec();
        bytes.splice(second, front);
        bytes.splice(first, back);
    }
}

fn fill(bytes: &mut [u8], range: Range<usize>, with: u8) {
    let end = range.end.min(bytes.len());
    if let Some(stretch) = bytes.get_mut(range.start..end) {
        stretch.fill(with);
    }
}

fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    if let Some(to) = bytes.get_mut(at..at + what.len()) {
        to.copy_from_slice(what);
    }
}
