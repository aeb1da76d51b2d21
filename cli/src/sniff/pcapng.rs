//! Writes packets as pcapng (draft-ietf-opsawg-pcapng): one section, an interface for each link type, nanoseconds.

use std::io::{self, Write};

use rdpwhy_parsers::pcap::Seen;

const SECTION: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const PACKET: u32 = 6;
/// `if_tsresol`: ten to the minus ninth seconds.
const RESOLUTION: [u8; 8] = [9, 0, 1, 0, 9, 0, 0, 0];
/// Version 1.0, section length unknown.
const VERSION: [u8; 12] = [1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// A file under way.
pub struct Writer<W> {
    out: W,
    links: Vec<u32>,
    /// Bytes written.
    pub written: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a section.
    ///
    /// # Errors
    /// What the file says.
    pub fn new(out: W) -> io::Result<Self> {
        let mut writer = Self {
            out,
            links: Vec::new(),
            written: 0,
        };
        let magic = 0x1a2b_3c4d_u32.to_le_bytes();
        writer.block(SECTION, &[&magic, &VERSION])?;
        Ok(writer)
    }

    /// Adds a packet.
    ///
    /// # Errors
    /// What the file says.
    pub fn packet(&mut self, seen: &Seen<'_>) -> io::Result<()> {
        let known = self.links.iter().position(|l| *l == seen.link);
        if known.is_none() {
            let link = u16::try_from(seen.link).unwrap_or(0).to_le_bytes();
            // Reserved, no snapshot length, resolution, end of options.
            self.block(INTERFACE, &[&link, &[0; 2], &[0; 4], &RESOLUTION, &[0; 4]])?;
            self.links.push(seen.link);
        }
        let interface = known.unwrap_or(self.links.len() - 1);
        let length = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
        let time = u64::try_from(seen.time.0).unwrap_or(0);
        let (high, low) = (time >> 32, time & 0xffff_ffff);
        let word = |n: u64| u32::try_from(n).unwrap_or(0).to_le_bytes();
        self.block(
            PACKET,
            &[
                &length(interface),
                &word(high),
                &word(low),
                &length(seen.data.len()),
                &length(seen.wire_length),
                seen.data,
            ],
        )
    }

    /// Hands everything to the system.
    ///
    /// # Errors
    /// What the file says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    fn block(&mut self, kind: u32, parts: &[&[u8]]) -> io::Result<()> {
        let body: usize = parts.iter().map(|p| p.len()).sum();
        let padding = body.next_multiple_of(4) - body;
        let total = u32::try_from(body + padding + 12).unwrap_or(u32::MAX);
        self.out.write_all(&kind.to_le_bytes())?;
        self.out.write_all(&total.to_le_bytes())?;
        for part in parts {
            self.out.write_all(part)?;
        }
        self.out.write_all(&[0; 3][..padding])?;
        self.out.write_all(&total.to_le_bytes())?;
        self.written += u64::from(total);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rdpwhy_parsers::Timestamp;
    use rdpwhy_parsers::pcap::{Reader, looks_like};

    #[test]
    fn what_is_written_can_be_read() {
        let mut file = Vec::new();
        let mut writer = Writer::new(&mut file).expect("memory");
        for (n, link) in [(1usize, 1), (2, 113), (3, 1)] {
            let seen = Seen {
                time: Timestamp(1_790_000_000_123_456_789),
                link,
                data: &vec![0; 13 + n],
                wire_length: 100,
            };
            writer.packet(&seen).expect("memory");
        }
        let written = writer.written;
        assert_eq!(written, file.len() as u64);
        assert!(looks_like(&file));
        let mut reader = Reader::new(None);
        reader.push(&file);
        let batch = reader.finish();
        assert!(batch.defects.is_empty(), "{:?}", batch.defects);
        let log = &batch.logs[0];
        assert_eq!(
            (log.records, log.first),
            (3, Timestamp(1_790_000_000_123_456_789))
        );
    }
}
