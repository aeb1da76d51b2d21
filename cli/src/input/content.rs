//! What a file holds, told from its first bytes. Names and suffixes are never asked: evidence is renamed on its way.

use rdpwhy_parsers::{export, monitor};

/// How many leading bytes [`recognise`] wants; fewer are fine for short files. Exports need the most: the first record must
/// show what it is.
pub const HEAD: usize = export::HEAD;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// A Windows event log, an export of one or a packet capture: the analyzer reads it.
    Evidence,
    /// TLS secrets as clients write them for `SSLKEYLOGFILE`.
    KeyLog,
    /// Members with names, read from the end of the file.
    Zip,
    /// Members with names, read from the end of the file.
    SevenZip,
    /// Members with names, one after the other.
    Tar,
    /// One compressed stream.
    Gzip,
    /// One compressed stream.
    Zstandard,
    /// No byte.
    Empty,
    /// Nothing that helps here.
    Other(Guess),
}

/// What an unsupported file probably is, for the message about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guess {
    /// Noun phrase: `an ETL trace`.
    pub what: &'static str,
    /// How to make evidence of it, when there is a way.
    pub advice: Option<&'static str>,
}

/// Magic bytes at an offset, and what they tell.
type Magic = (usize, &'static [u8], Content);

const SUPPORTED: &[Magic] = &[
    (0, b"ElfFile\0", Content::Evidence),
    // An event log whose header was lost, as carving and torn copies leave it: its chunks still read.
    (0, b"ElfChnk\0", Content::Evidence),
    (4096, b"ElfChnk\0", Content::Evidence),
    // libpcap: micro- and nanoseconds, both byte orders, and Kuznetzov's variant.
    (0, b"\xd4\xc3\xb2\xa1", Content::Evidence),
    (0, b"\xa1\xb2\xc3\xd4", Content::Evidence),
    (0, b"\x4d\x3c\xb2\xa1", Content::Evidence),
    (0, b"\xa1\xb2\x3c\x4d", Content::Evidence),
    (0, b"\x34\xcd\xb2\xa1", Content::Evidence),
    (0, b"\xa1\xb2\xcd\x34", Content::Evidence),
    // pcapng: the section header block's type reads the same in both byte orders.
    (0, b"\x0a\x0d\x0d\x0a", Content::Evidence),
    (0, b"PK\x03\x04", Content::Zip),
    (0, b"PK\x05\x06", Content::Zip),
    (0, b"PK\x07\x08", Content::Zip),
    (0, b"7z\xbc\xaf\x27\x1c", Content::SevenZip),
    (0, b"\x1f\x8b\x08", Content::Gzip),
    (0, b"\x28\xb5\x2f\xfd", Content::Zstandard),
    (257, b"ustar", Content::Tar),
];

const UNSUPPORTED: &[(usize, &[u8], Guess)] = &[
    (
        4,
        b"LfLe",
        Guess {
            what: "an event log of Windows XP or Server 2003",
            advice: Some("convert it on Windows: wevtutil epl OLD.evt NEW.evtx /lf:true"),
        },
    ),
    (
        0,
        b"GMBU",
        Guess {
            what: "a Network Monitor capture",
            advice: Some("convert it with Wireshark: editcap -F pcapng IN.cap OUT.pcapng"),
        },
    ),
    (
        0,
        b"snoop\0\0\0",
        Guess {
            what: "a snoop capture",
            advice: Some("convert it with Wireshark: editcap -F pcapng IN.snoop OUT.pcapng"),
        },
    ),
    (
        0,
        b"\xfd7zXZ\0",
        Guess {
            what: "an xz archive",
            advice: Some("unpack it first"),
        },
    ),
    (
        0,
        b"BZh",
        Guess {
            what: "a bzip2 archive",
            advice: Some("unpack it first"),
        },
    ),
    (
        0,
        b"Rar!",
        Guess {
            what: "a RAR archive",
            advice: Some("unpack it first"),
        },
    ),
    (
        0,
        b"MSCF",
        Guess {
            what: "a cabinet",
            advice: Some("unpack it first: expand -F:* IN.cab FOLDER"),
        },
    ),
    (
        0,
        b"MZ",
        Guess {
            what: "a Windows program",
            advice: None,
        },
    ),
    (
        0,
        b"regf",
        Guess {
            what: "a registry hive",
            advice: None,
        },
    ),
    (
        0,
        b"%PDF",
        Guess {
            what: "a PDF",
            advice: None,
        },
    ),
    (
        0,
        b"SQLite format 3",
        Guess {
            what: "an SQLite database",
            advice: None,
        },
    ),
];

const ETL: Guess = Guess {
    what: "an ETL trace",
    advice: Some(
        "convert it on Windows: pktmon etl2pcap IN.etl -o OUT.pcapng (a netsh trace: with the etl2pcapng tool)",
    ),
};
const TEXT: Guess = Guess {
    what: "text",
    advice: None,
};
const BINARY: Guess = Guess {
    what: "neither an event log nor a capture",
    advice: None,
};

/// Labels with which lines of a key log begin (NSS key log format, TLS 1.2 and 1.3).
const KEY_LOG_LABELS: &[&[u8]] = &[
    b"CLIENT_RANDOM ",
    b"CLIENT_HANDSHAKE_TRAFFIC_SECRET ",
    b"SERVER_HANDSHAKE_TRAFFIC_SECRET ",
    b"CLIENT_TRAFFIC_SECRET_0 ",
    b"SERVER_TRAFFIC_SECRET_0 ",
    b"CLIENT_EARLY_TRAFFIC_SECRET ",
    b"EXPORTER_SECRET ",
    b"EARLY_EXPORTER_SECRET ",
    b"RSA ",
];

/// Tells what a file holds from its first bytes ([`HEAD`] of them, or all there are).
pub fn recognise(head: &[u8]) -> Content {
    if head.is_empty() {
        return Content::Empty;
    }
    let at = |offset: usize, magic: &[u8]| {
        head.get(offset..)
            .is_some_and(|rest| rest.starts_with(magic))
    };
    if let Some((_, _, content)) = SUPPORTED
        .iter()
        .find(|(offset, magic, _)| at(*offset, magic))
    {
        return *content;
    }
    if is_skippable_zstandard_frame(head) {
        return Content::Zstandard;
    }
    if is_key_log(head) {
        return Content::KeyLog;
    }
    if let Some((_, _, guess)) = UNSUPPORTED
        .iter()
        .find(|(offset, magic, _)| at(*offset, magic))
    {
        return Content::Other(*guess);
    }
    if export::looks_like(head).is_some() || monitor::looks_like(head).is_some() {
        return Content::Evidence;
    }
    Content::Other(if is_etl(head) {
        ETL
    } else if std::str::from_utf8(head).map_or_else(|e| e.error_len().is_none(), |_| true)
        && !head.contains(&0)
    {
        TEXT
    } else {
        BINARY
    })
}

/// RFC 8878 section 3.1.2: 0x184D2A50 to 0x184D2A5F, little-endian; `pzstd` begins its files so.
fn is_skippable_zstandard_frame(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// A comment or empty line may stand before the first secret, so the first line that says something decides.
fn is_key_log(head: &[u8]) -> bool {
    head.split(|b| *b == b'\n')
        .map(<[u8]>::trim_ascii)
        .find(|line| !line.is_empty() && !line.starts_with(b"#"))
        .is_some_and(|line| {
            KEY_LOG_LABELS.iter().any(|label| {
                line.strip_prefix(*label)
                    .is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_hexdigit))
            })
        })
}

/// An ETL file begins with a WMI_BUFFER_HEADER of 72 bytes, whose first number is the buffer's size, and goes on with a
/// SYSTEM_TRACE_HEADER: version 2, type 1 (32 bit) or 2 (64 bit), flags 0xC0.
fn is_etl(head: &[u8]) -> bool {
    let size = head.first_chunk::<4>().map(|b| u32::from_le_bytes(*b));
    size.is_some_and(|n| n.is_power_of_two() && n >= 1024)
        && matches!(head.get(72..76), Some([0x02, 0x00, 0x01 | 0x02, 0xc0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(head: &[u8]) -> &'static str {
        match recognise(head) {
            Content::Other(guess) => guess.what,
            other => panic!("recognised as {other:?}"),
        }
    }

    #[test]
    fn evidence_is_told_by_its_magic() {
        assert_eq!(recognise(b"ElfFile\0\0\0"), Content::Evidence);
        assert_eq!(recognise(b"\x0a\x0d\x0d\x0a\x1c\0\0\0"), Content::Evidence);
        assert_eq!(recognise(b"\xd4\xc3\xb2\xa1\x02\0"), Content::Evidence);
        assert_eq!(
            recognise(b"\xef\xbb\xbf<?xml version='1.0'?>\n<Events><Event xmlns="),
            Content::Evidence
        );
        let mut tar = vec![b'a'; 512];
        tar.splice(257..262, *b"ustar");
        assert_eq!(recognise(&tar), Content::Tar);
    }

    #[test]
    fn key_logs_may_begin_with_comments() {
        assert_eq!(
            recognise(b"# SSL/TLS secrets log file\r\n\r\nCLIENT_RANDOM 52ab 01"),
            Content::KeyLog
        );
        assert_eq!(guess(b"CLIENT_RANDOM is a label of key logs"), "text");
        assert_eq!(guess(b"# nothing\n"), "text");
    }

    #[test]
    fn neighbours_are_named() {
        let mut etl = vec![0; 200];
        etl.splice(0..4, 0x1_0000_u32.to_le_bytes());
        etl.splice(72..76, [2, 0, 2, 0xc0]);
        assert_eq!(guess(&etl), "an ETL trace");
        assert_eq!(
            guess(b"\x30\0\0\0LfLe\x01\0\0\0"),
            "an event log of Windows XP or Server 2003"
        );
        assert_eq!(
            guess(b"\0\x01\x02\x03"),
            "neither an event log nor a capture"
        );
    }
}
