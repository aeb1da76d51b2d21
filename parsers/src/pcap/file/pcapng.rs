//! pcapng: blocks in sections, each with its own byte order and interfaces.
//!
//! Packet blocks are read here, because they come by the million and are a handful of fixed numbers; blocks with options go
//! through `pcap-parser`.

use pcap_parser::{Block, SecretsType, parse_block_be, parse_block_le};

use super::{Captured, Next, SECTION, u16_at, u32_at};
use crate::time::Timestamp;

/// Most interfaces kept per section; a capture of every interface of a large host has some hundred.
const MOST_INTERFACES: usize = 4096;
/// Resolution when an interface does not tell one.
const MICROSECONDS: u64 = 1_000_000;

/// Block types.
mod kind {
    pub(super) const PACKET: u32 = 2;
    pub(super) const ENHANCED_PACKET: u32 = 6;
}

#[derive(Clone, Copy)]
struct Interface {
    link: u32,
    units_per_second: u64,
    offset_seconds: i64,
    snap: usize,
}

/// The section being read.
#[derive(Default)]
pub(super) struct Section {
    big: bool,
    interfaces: Vec<Interface>,
}

/// Whether a section header is big-endian; `None` when its mark is neither.
pub(super) fn byte_order(block: &[u8]) -> Option<bool> {
    match block.get(8..12)? {
        [0x1a, 0x2b, 0x3c, 0x4d] => Some(true),
        [0x4d, 0x3c, 0x2b, 0x1a] => Some(false),
        _ => None,
    }
}

impl Interface {
    /// What a packet's time stamp means.
    fn moment(&self, ticks: u64) -> Timestamp {
        const SECOND: u64 = 1_000_000_000;
        let units = self.units_per_second.max(1);
        // Micro- or nanoseconds, as nearly always: no division of 128 bits for each packet.
        let simple = SECOND
            .is_multiple_of(units)
            .then(|| ticks.checked_mul(SECOND / units))
            .flatten()
            .and_then(|n| i64::try_from(n).ok())
            .filter(|_| self.offset_seconds == 0);
        let moment = simple.unwrap_or_else(|| {
            let nanoseconds = i128::from(ticks) * i128::from(SECOND) / i128::from(units)
                + i128::from(self.offset_seconds) * i128::from(SECOND);
            i64::try_from(nanoseconds).unwrap_or(i64::MAX)
        });
        Timestamp(moment)
    }
}

impl Section {
    pub(super) fn next<'a>(&mut self, rest: &'a [u8], largest: usize) -> Next<'a> {
        if rest.len() < 12 {
            return Next::Short;
        }
        if rest.starts_with(&SECTION) {
            let Some(big) = byte_order(rest) else {
                return Next::Damaged("section without byte order mark".to_owned());
            };
            self.big = big;
        }
        let kind = u32_at(rest, 0, self.big).unwrap_or(0);
        let told = u32_at(rest, 4, self.big).unwrap_or(0);
        let length = told as usize;
        if length < 12 || !length.is_multiple_of(4) || length > largest {
            return Next::Damaged(format!("block 0x{kind:x} of {length} bytes"));
        }
        let Some(block) = rest.get(..length) else {
            return Next::Short;
        };
        if u32_at(block, length - 4, self.big) != Some(told) {
            return Next::Damaged(format!("block 0x{kind:x} whose two lengths differ"));
        }
        match kind {
            kind::ENHANCED_PACKET => self.packet(block, u32_at(block, 8, self.big).unwrap_or(0)),
            // The obsolete block has a 16-bit interface number, and is the same otherwise.
            kind::PACKET => self.packet(block, u32::from(u16_at(block, 8, self.big).unwrap_or(0))),
            _ => self.rare(block, kind),
        }
    }

    fn packet<'a>(&self, block: &'a [u8], interface: u32) -> Next<'a> {
        let Some(interface) = self.interfaces.get(interface as usize) else {
            return Next::Unreadable(
                format!("packet of interface {interface}, which is not declared"),
                block.len(),
                1,
            );
        };
        let number = |at| u32_at(block, at, self.big).unwrap_or(0);
        let ticks = u64::from(number(12)) << 32 | u64::from(number(16));
        let captured = number(20) as usize;
        let Some(data) = block
            .get(28..block.len() - 4)
            .and_then(|body| body.get(..captured))
        else {
            return Next::Unreadable(
                format!("packet of {captured} bytes in a block of {}", block.len()),
                block.len(),
                1,
            );
        };
        let time = Some(interface.moment(ticks));
        Next::Frame(
            Captured {
                time,
                link: interface.link,
                data,
                wire_length: number(24) as usize,
            },
            block.len(),
        )
    }

    /// Section headers, interface descriptions, simple packets, secrets; other blocks tell nothing about packets.
    fn rare<'a>(&mut self, block: &'a [u8], kind: u32) -> Next<'a> {
        let parsed = if self.big {
            parse_block_be(block)
        } else {
            parse_block_le(block)
        };
        match parsed {
            Ok((_, Block::SectionHeader(_))) => self.interfaces.clear(),
            Ok((_, Block::InterfaceDescription(i))) if self.interfaces.len() < MOST_INTERFACES => {
                self.interfaces.push(Interface {
                    link: u32::try_from(i.linktype.0).unwrap_or(u32::MAX),
                    units_per_second: i.ts_resolution().unwrap_or(MICROSECONDS),
                    offset_seconds: i.if_tsoffset,
                    snap: if i.snaplen == 0 {
                        usize::MAX
                    } else {
                        i.snaplen as usize
                    },
                });
            }
            Ok((_, Block::SimplePacket(p))) => {
                let Some(interface) = self.interfaces.first() else {
                    return Next::Other(block.len());
                };
                let wire_length = p.origlen as usize;
                let data = p
                    .data
                    .get(..wire_length.min(interface.snap))
                    .unwrap_or(p.data);
                return Next::Frame(
                    Captured {
                        time: None,
                        link: interface.link,
                        data,
                        wire_length,
                    },
                    block.len(),
                );
            }
            Ok((_, Block::DecryptionSecrets(d))) if d.secrets_type == SecretsType::TlsKeyLog => {
                let text = d.data.get(..d.secrets_len as usize).unwrap_or(d.data);
                return Next::Secrets(text, block.len());
            }
            Ok(_) => {}
            Err(_) => {
                return Next::Unreadable(
                    format!("block 0x{kind:x} cannot be read"),
                    block.len(),
                    0,
                );
            }
        }
        Next::Other(block.len())
    }

    /// Whether a packet block whose two lengths agree stands here.
    pub(super) fn resumes(&self, here: &[u8], largest: usize) -> bool {
        let told = u32_at(here, 4, self.big);
        let length = told.unwrap_or(0) as usize;
        u32_at(here, 0, self.big) == Some(kind::ENHANCED_PACKET)
            && (32..largest).contains(&length)
            && u32_at(here, length - 4, self.big) == told
    }
}
