//! File formats, splits, cuts and damage between records.

use rdpwhy_fixtures::wire::Capture;
use rdpwhy_parsers::EventBatch;
use rdpwhy_parsers::pcap::looks_like;

use super::flows::{Flow, flows};
use super::play::{healthy, read, read_split};

fn capture() -> Capture {
    Capture {
        frames: healthy().frames(),
        secrets: None,
    }
}

/// All values with their kinds and places, for comparing batches.
fn all(batch: &EventBatch) -> Vec<String> {
    let fields = |e: rdpwhy_parsers::EventRef<'_>| format!("{:?}", e.fields().collect::<Vec<_>>());
    batch
        .iter()
        .map(|e| {
            format!(
                "{} {} {:?} {}",
                e.event.kind,
                e.event.place,
                e.event.time,
                fields(e)
            )
        })
        .collect()
}

/// The numbers of a little-endian classic file in the other byte order.
fn swapped(file: &[u8], nanoseconds: bool) -> Vec<u8> {
    let number = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let mut out = if nanoseconds {
        0xa1b2_3c4d_u32
    } else {
        0xa1b2_c3d4
    }
    .to_be_bytes()
    .to_vec();
    out.extend([0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0]);
    out.extend(number(20).to_be_bytes());
    let mut at = 24;
    while at < file.len() {
        let fraction = if nanoseconds {
            number(at + 4) * 1000
        } else {
            number(at + 4)
        };
        for n in [number(at), fraction, number(at + 8), number(at + 12)] {
            out.extend(n.to_be_bytes());
        }
        let length = number(at + 8) as usize;
        out.extend(&file[at + 16..at + 16 + length]);
        at += 16 + length;
    }
    out
}

#[test]
fn formats_and_byte_orders_tell_the_same() {
    let little = capture().to_pcap();
    let expected = all(&read(&little));
    assert!(!expected.is_empty());
    for (name, file) in [
        ("big-endian", swapped(&little, false)),
        ("nanoseconds", swapped(&little, true)),
    ] {
        assert!(looks_like(&file));
        assert_eq!(all(&read(&file)), expected, "{name}");
    }
    let kinds = |b: &EventBatch| {
        flows(b)
            .into_iter()
            .map(|f: Flow| (f.kinds, f.by))
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(&read(&capture().to_pcapng())), kinds(&read(&little)));
}

#[test]
fn every_split_tells_the_same() {
    for file in [capture().to_pcap(), capture().to_pcapng()] {
        let expected = all(&read(&file));
        for piece in [1, 2, 3, 7, 64, 1000, 65_536] {
            assert_eq!(
                all(&read_split(&file, piece)),
                expected,
                "pieces of {piece}"
            );
        }
    }
}

#[test]
fn sections_follow_each_other() {
    let file = capture().to_pcapng();
    let twice = [file.as_slice(), &file].concat();
    let (one, two) = (read(&file), read(&twice));
    assert_eq!(two.logs[0].records, 2 * one.logs[0].records);
    assert!(two.defects.is_empty());
}

#[test]
fn a_cut_file_gives_what_is_there_and_says_so() {
    let file = capture().to_pcap();
    let batch = read(&file[..file.len() - 5]);
    assert_eq!(batch.defects.len(), 1, "{:?}", batch.defects);
    assert_eq!(flows(&batch)[0].stage, "session");
    assert!(read(&[]).defects.is_empty());
    assert_eq!(
        read(b"this is no capture at all, by no means")
            .defects
            .len(),
        1
    );
}

#[test]
fn damage_costs_what_is_damaged() {
    for file in [capture().to_pcap(), capture().to_pcapng()] {
        let clean = read(&file).logs[0].records;
        let mut broken = file.clone();
        // Overwrite a stretch in the last third, where the session runs.
        let at = file.len() * 2 / 3;
        broken[at..at + 300].fill(0xee);
        let batch = read(&broken);
        assert!(
            batch.logs[0].records + 12 >= clean,
            "{} of {clean}",
            batch.logs[0].records
        );
        assert!(!batch.defects.is_empty());
        assert_eq!(flows(&batch)[0].by, "client");
    }
}

#[test]
fn files_are_known_by_their_beginning() {
    assert!(looks_like(&capture().to_pcap()[..12]) && looks_like(&capture().to_pcapng()[..12]));
    for other in [
        &b""[..],
        b"\xa1\xb2",
        b"ElfFile\0\0\0\0\0\0",
        b"\x0a\x0d\x0d\x0a12345678",
        b"PK\x03\x04aaaaaaaaaaaa",
    ] {
        assert!(!looks_like(other));
    }
}
