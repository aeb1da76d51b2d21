//! Input that is wrong on purpose: lengths that do not fit, bytes sent twice with different content, sequence numbers that
//! wrap, floods. The analysis says where, keeps its memory, and goes on.

use std::net::Ipv4Addr;
use std::time::Instant;

use rdpwhy_fixtures::wire::{Capture, Frame, Side, x224};
use rdpwhy_parsers::EventBatch;
use rdpwhy_parsers::pcap::Reader;

use super::flows::{Flow, flows};
use super::play::{Play, START, healthy, read};
use rdpwhy_fixtures::wire::tls::Version;

/// Where the parts of an Ethernet, IPv4, TCP frame without IP options begin.
const IP: usize = 14;
const TCP: usize = 34;

fn capture(frames: Vec<Frame>) -> EventBatch {
    read(
        &Capture {
            frames,
            secrets: None,
        }
        .to_pcap(),
    )
}

fn told(frames: Vec<Frame>) -> Flow {
    let mut all = flows(&capture(frames));
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn from_client(frame: &Frame) -> bool {
    frame.bytes[TCP + 2..TCP + 4] == 3389u16.to_be_bytes()
}

fn number(frame: &Frame, at: usize) -> u32 {
    u32::from_be_bytes(frame.bytes[at..at + 4].try_into().unwrap())
}

fn set(frame: &mut Frame, at: usize, n: u32) {
    frame.bytes[at..at + 4].copy_from_slice(&n.to_be_bytes());
}

fn payload(frame: &Frame) -> usize {
    TCP + usize::from(frame.bytes[TCP + 12] >> 4) * 4
}

/// What of a connection does not depend on its sequence numbers.
fn essence(mut flow: Flow) -> Flow {
    flow.values
        .retain(|(_, field), _| !field.starts_with("isn_"));
    flow
}

#[test]
fn sequence_numbers_wrap_anywhere() {
    let original = healthy().frames();
    let expected = essence(told(original.clone()));
    let isn = |client| original.iter().find(|f| from_client(f) == client).unwrap();
    let (client, server) = (number(isn(true), TCP + 4), number(isn(false), TCP + 4));
    for before_wrap in [0, 1, 2, 40, 300, 517, 1500, 3000] {
        let shift = |isn: u32| 0u32.wrapping_sub(before_wrap).wrapping_sub(isn);
        let mut frames = original.clone();
        for frame in &mut frames {
            let (seq, ack) = if from_client(frame) {
                (shift(client), shift(server))
            } else {
                (shift(server), shift(client))
            };
            set(frame, TCP + 4, number(frame, TCP + 4).wrapping_add(seq));
            if frame.bytes[TCP + 13] & 0x10 != 0 {
                set(frame, TCP + 8, number(frame, TCP + 8).wrapping_add(ack));
            }
        }
        assert_eq!(essence(told(frames)), expected, "{before_wrap}");
    }
}

/// The first copy of a byte counts, as in most stacks: what a later overlapping segment says instead is not read.
#[test]
fn overlapping_segments_do_not_rewrite_what_was_said() {
    let original = healthy().frames();
    let expected = told(original.clone());
    let mut frames = Vec::new();
    for frame in original {
        let (at, length) = (payload(&frame), frame.bytes.len() - payload(&frame));
        frames.push(frame.clone());
        if length > 20 {
            // Half of the segment again, with other bytes, and one byte that is behind it.
            let mut again = frame;
            let half = at + length / 2;
            again.bytes.drain(at..half);
            for byte in &mut again.bytes[at..] {
                *byte = !*byte;
            }
            let seq = number(&again, TCP + 4).wrapping_add(u32::try_from(length / 2).unwrap());
            set(&mut again, TCP + 4, seq);
            let total = u16::try_from(again.bytes.len() - IP).unwrap();
            again.bytes[IP + 2..IP + 4].copy_from_slice(&total.to_be_bytes());
            again.bytes[IP + 4] ^= 0x55; // another packet, not the same one once more
            frames.push(again);
        }
    }
    let batch = capture(frames.clone());
    let what = batch.defects.iter().map(|d| &d.what);
    assert!(
        what.clone().any(|d| d.contains("other contents")),
        "{:?}",
        batch.defects
    );
    let flow = told(frames);
    assert_eq!(
        (flow.stage, &flow.by, &flow.how),
        (expected.stage, &expected.by, &expected.how)
    );
    for step in ["x224.requested", "tls.client-hello", "tls.certificate"] {
        let of = |f: &Flow| -> Vec<_> {
            let values = f.values.iter().filter(|((kind, _), _)| *kind == step);
            values.map(|(k, v)| (*k, v.clone())).collect()
        };
        assert_eq!(of(&flow), of(&expected));
    }
}

fn defects(batch: &EventBatch) -> Vec<String> {
    let told = batch.defects.iter();
    told.map(|d| format!("{}: {}", d.at, d.what)).collect()
}

/// What a connection tells of its defects when `spoil` changes its bytes.
fn spoilt(version: Version, spoil: impl Fn(usize, &mut Vec<u8>)) -> Vec<String> {
    let mut play = Play::opened(version);
    play.secured(8).authenticated().server(4).session();
    let mut frames = play.frames();
    for (n, frame) in frames.iter_mut().enumerate() {
        spoil(n + 1, &mut frame.bytes);
    }
    let batch = capture(frames);
    assert_eq!(flows(&batch).len(), 1);
    defects(&batch)
}

#[test]
fn a_sound_session_has_no_defects() {
    assert_eq!(spoilt(Version::Tls12, |_, _| ()), [""; 0]);
    assert_eq!(spoilt(Version::Tls13, |_, _| ()), [""; 0]);
}

/// The first frame whose payload begins so.
fn begins(bytes: &[u8], head: &[u8]) -> bool {
    bytes.get(54..).is_some_and(|p| p.starts_with(head))
}

#[test]
fn lengths_that_do_not_fit_are_defects_with_their_packet() {
    let negotiation = spoilt(Version::Tls12, |_, b| {
        if begins(b, &[3, 0, 0, 19, 14, 0xd0]) {
            b[54 + 13] = 9;
        }
    });
    assert_eq!(negotiation, ["packet 5: negotiation response is malformed"]);
    let hello = spoilt(Version::Tls12, |_, b| {
        if begins(b, &[22, 3, 1]) {
            b[54 + 5 + 4 + 34] = 255; // session id
        }
    });
    assert_eq!(
        hello,
        ["packet 6: lengths inside the ClientHello do not fit"]
    );
    let record = spoilt(Version::Tls12, |_, b| {
        if begins(b, &[22, 3, 1]) {
            b[54 + 4] = b[54 + 4].wrapping_sub(9);
        }
    });
    // Its last bytes are taken for a fast-path packet first.
    assert!(record[0].contains("no TLS record"), "{record:?}");
    let tpkt = spoilt(Version::Tls12, |_, b| {
        if begins(b, &[3, 0, 0, 19, 14, 0xd0]) {
            b[54 + 3] = 17;
        }
    });
    assert!(tpkt.iter().any(|d| d.contains("no TLS record")), "{tpkt:?}");
    let der = spoilt(Version::Tls12, |_, b| {
        if let Some(at) = b.windows(2).position(|w| w == [0x30, 0x82])
            && begins(b, &[22, 3, 3])
        {
            b[at + 2] = 0xff;
        }
    });
    assert!(der.iter().any(|d| d.contains("no readable DER")), "{der:?}");
}

#[test]
fn fragments_of_one_moment_are_not_kept_without_end() {
    let mut frames = Vec::new();
    for id in 0..20_000u16 {
        let mut bytes = vec![2; 14];
        bytes[12..14].copy_from_slice(&[8, 0]);
        bytes.extend([0x45, 0, 0, 44]);
        bytes.extend(id.to_be_bytes());
        // More fragments to come, 62 KiB behind the beginning.
        bytes.extend([0x3f, 0x00, 64, 6, 0, 0]);
        bytes.extend(Ipv4Addr::new(10, 0, 0, 5).octets());
        bytes.extend(Ipv4Addr::new(10, 0, 0, 9).octets());
        bytes.extend([7; 24]);
        frames.push(Frame { time: START, bytes });
    }
    let before = peak();
    let _ = capture(frames);
    if let (Some(before), Some(after)) = (before, peak()) {
        assert!(after - before < 96 << 10, "{} KiB more", after - before);
    }
}

/// The process' largest memory so far in KiB, where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|l| l.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// So many SYNs, each from an address and port of its own, pushed piece by piece: nothing but the reader holds memory.
fn flood(syns: u32) -> (EventBatch, std::time::Duration) {
    let mut play = Play::new(Version::Tls12, 3389);
    play.tcp.open();
    let syn = play.frames().remove(0);
    let head = Capture::default().to_pcap();
    let mut reader = Reader::new(None);
    reader.push(&head);
    let began = Instant::now();
    let mut piece = Vec::new();
    for n in 0..syns {
        let mut frame = syn.clone();
        set(&mut frame, IP + 12, 0x0b00_0000 | n);
        set(&mut frame, TCP + 4, n.wrapping_mul(0x9e37_79b9));
        let microseconds = n * 7;
        let length = u32::try_from(frame.bytes.len()).unwrap();
        for field in [
            1_790_000_000 + microseconds / 1_000_000,
            microseconds % 1_000_000,
            length,
            length,
        ] {
            piece.extend(field.to_le_bytes());
        }
        piece.extend(frame.bytes);
        if n % 256 == 255 {
            reader.push(&piece);
            piece.clear();
        }
    }
    reader.push(&piece);
    (reader.finish(), began.elapsed())
}

#[test]
fn a_flood_of_syns_is_counted() {
    let (batch, _) = flood(40_000);
    let told = flows(&batch).len();
    let lost: u64 = batch.defects.iter().map(|d| d.lost).sum();
    assert_eq!(told as u64 + lost, 40_000);
    assert!(told <= 32_768);
    assert_eq!(batch.defects.len(), 1, "{:?}", batch.defects);
}

/// `cargo test --release -p rdpwhy-parsers --test captures -- --ignored --nocapture millions`
#[test]
#[ignore = "for a release build: two millions of packets"]
fn millions_of_syns_take_linear_time_and_bounded_memory() {
    let (_, short) = flood(500_000);
    let before = peak();
    let (_, long) = flood(1_000_000);
    let after = peak();
    println!("500,000 in {short:?}, 1,000,000 in {long:?}, peak {before:?} then {after:?} KiB");
    assert!(long < short * 3, "{short:?} for half of it, {long:?}");
    if let (Some(before), Some(after)) = (before, after) {
        assert!(after < before * 5 / 4, "{before} KiB, then {after} KiB");
    }
}

/// A peer that sends its request byte by byte, backwards.
#[test]
fn bytes_that_come_backwards_are_put_in_order() {
    let mut play = Play::opened(Version::Tls12);
    play.tcp
        .send(Side::Client, &x224::request(Some("ana"), Some(11), 0));
    let mut frames = play.frames();
    let request = frames.pop().unwrap();
    let at = payload(&request);
    for n in (at..request.bytes.len()).rev() {
        let mut one = request.clone();
        one.bytes.truncate(at);
        one.bytes.push(request.bytes[n]);
        let seq = number(&one, TCP + 4).wrapping_add(u32::try_from(n - at).unwrap());
        set(&mut one, TCP + 4, seq);
        let total = u16::try_from(one.bytes.len() - IP).unwrap();
        one.bytes[IP + 2..IP + 4].copy_from_slice(&total.to_be_bytes());
        frames.push(one);
    }
    assert_eq!(told(frames).get("x224.requested", "cookie"), "ana");
}
