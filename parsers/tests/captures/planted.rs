//! Packets that somebody else wrote into a connection: resets, alerts, ICMP errors, other bytes for the same place. What the
//! ends did tells whether they took them; what cannot be told apart is said.

use rdpwhy_fixtures::time::{Span, Time};
use rdpwhy_fixtures::wire::tls::{self, Version};
use rdpwhy_fixtures::wire::{Capture, Frame, Side};
use rdpwhy_parsers::EventBatch;

use super::flows::{Flow, flows};
use super::play::{Play, healthy, read};

const IP: usize = 14;
const TCP: usize = 34;
const RST: u8 = 0x04;
const PSH_ACK: u8 = 0x18;

fn told(mut frames: Vec<Frame>) -> (Flow, EventBatch) {
    frames.sort_by_key(|f| f.time);
    let capture = Capture {
        frames,
        secrets: None,
    };
    let batch = read(&capture.to_pcap());
    let mut all = flows(&batch);
    assert_eq!(all.len(), 1, "{all:?}");
    (all.remove(0), batch)
}

fn of(frame: &Frame, side: Side) -> bool {
    let to_server = frame.bytes[TCP + 2..TCP + 4] == 3389u16.to_be_bytes();
    to_server == (side == Side::Client)
}

fn number(frame: &Frame, at: usize) -> u32 {
    u32::from_be_bytes(frame.bytes[at..at + 4].try_into().unwrap())
}

/// A packet in the name of a side, made after the frames up to `nth` of a connection: flags, sequence number off by so much,
/// TTL, payload.
fn planted(
    frames: &[Frame],
    nth: usize,
    side: Side,
    (flags, off, ttl): (u8, u32, u8),
    payload: &[u8],
) -> Frame {
    let before = frames[..=nth].iter().rfind(|f| of(f, side)).unwrap();
    let head = TCP + usize::from(before.bytes[TCP + 12] >> 4) * 4;
    let sent = u32::try_from(before.bytes.len() - head).unwrap();
    let counts = u32::from(before.bytes[TCP + 13] & 0x03 != 0); // SYN and FIN count one
    let seq = number(before, TCP + 4)
        .wrapping_add(sent + counts)
        .wrapping_add(off);
    let mut bytes = before.bytes[..TCP + 20].to_vec();
    bytes[TCP + 12] = 0x50;
    bytes[TCP + 13] = flags;
    bytes[TCP + 4..TCP + 8].copy_from_slice(&seq.to_be_bytes());
    bytes.extend(payload);
    let total = u16::try_from(bytes.len() - IP).unwrap();
    bytes[IP + 2..IP + 4].copy_from_slice(&total.to_be_bytes());
    bytes[IP + 4] ^= 0x5a;
    bytes[IP + 8] = ttl;
    Frame {
        time: frames[nth].time + Span::micros(10),
        bytes,
    }
}

/// A session of five minutes that its user ends.
fn session() -> Vec<Frame> {
    let mut play = Play::opened(Version::Tls12);
    play.secured(8).authenticated().server(4).session();
    for _ in 0..30 {
        play.tcp.wait(Span::seconds(10));
        play.client(40).server(300);
    }
    play.goodbye(Side::Client);
    play.tcp.close(Side::Client);
    play.frames()
}

fn essence(flow: &Flow) -> (&str, &str, &str) {
    (flow.stage, &flow.by, &flow.how)
}

fn defects(batch: &EventBatch) -> Vec<&str> {
    batch.defects.iter().map(|d| &*d.what).collect()
}

/// Wherever it stands and whatever it has right: both ends went on, so neither took it.
#[test]
fn a_reset_that_nobody_heeds_ends_nothing() {
    let frames = session();
    let (good, _) = told(frames.clone());
    assert_eq!(essence(&good), ("session", "client", "fin"));
    for (side, own_ttl) in [(Side::Client, 127), (Side::Server, 128)] {
        for off in [0, 700, 200_000, 0x8000_0000] {
            for ttl in [own_ttl, 53] {
                for nth in [12, 30, 60] {
                    let mut spoilt = frames.clone();
                    spoilt.push(planted(&frames, nth, side, (RST, off, ttl), &[]));
                    let (flow, _) = told(spoilt);
                    assert_eq!(essence(&flow), essence(&good), "{side:?} {off} {ttl} {nth}");
                }
            }
        }
    }
}

/// Just before the true end only the sequence number tells.
#[test]
fn a_reset_with_a_number_that_its_end_cannot_have_is_not_the_end() {
    let frames = healthy().frames();
    let (good, _) = told(frames.clone());
    let nth = frames.len() - 8;
    let mut spoilt = frames.clone();
    spoilt.push(planted(
        &frames,
        nth,
        Side::Server,
        (RST, 0x1000_0000, 128),
        &[],
    ));
    assert_eq!(essence(&told(spoilt).0), essence(&good));
}

#[test]
fn many_resets_leave_room_for_the_true_end() {
    let frames = session();
    let mut spoilt = frames.clone();
    for nth in 20..80 {
        spoilt.push(planted(&frames, nth, Side::Server, (RST, 90_000, 128), &[]));
    }
    assert_eq!(essence(&told(spoilt).0), ("session", "client", "fin"));
}

/// What the ends do not survive is an end, and named after whom it comes from.
#[test]
fn a_reset_that_both_ends_take_is_the_end() {
    let mut play = Play::opened(Version::Tls12);
    play.secured(8).authenticated().server(4).session();
    play.tcp.wait(Span::seconds(10));
    play.tcp.forged_reset(Side::Server, 53);
    let flow = play.told();
    assert_eq!(essence(&flow), ("session", "middlebox", "rst"));
}

/// A fatal alert in clear, in the server's name, right where the server's next bytes belong.
#[test]
fn a_planted_alert_is_not_the_servers_word() {
    let mut play = Play::opened(Version::Tls12);
    play.request(0x0b).confirm(2).client_hello().server_flight();
    play.finished().authenticated().server(4).session();
    play.goodbye(Side::Client);
    play.tcp.close(Side::Client);
    let frames = play.frames();
    // The server's flight is the last that it says before it answers the client's Finished.
    let finished = |f: &Frame| of(f, Side::Server) && f.bytes.get(TCP + 20) == Some(&20);
    let ready = frames.iter().position(finished).unwrap();
    let alert = tls::alert(Version::Tls12, 40);
    let with = |ttl: u8| {
        let mut spoilt = frames.clone();
        let planted = planted(&frames, ready - 1, Side::Server, (PSH_ACK, 0, ttl), &alert);
        spoilt.push(planted);
        told(spoilt)
    };
    let (flow, batch) = with(53);
    assert_eq!(flow.get("tls.alerted", "alert"), "", "{flow:?}");
    assert_ne!(flow.how, "alert");
    assert!(
        defects(&batch).iter().any(|d| d.contains("not believed")),
        "{:?}",
        batch.defects
    );
    // With the server's own TTL nothing but the true bytes, which follow, tell that one of the two is not the server's.
    let (_, batch) = with(128);
    assert!(
        defects(&batch).iter().any(|d| d.contains("other contents")),
        "{:?}",
        batch.defects
    );
}

/// An alert of the server itself is believed.
#[test]
fn a_true_alert_is_believed() {
    let mut play = Play::opened(Version::Tls12);
    play.request(0x0b).confirm(2).client_hello();
    play.tcp.send(Side::Server, &tls::alert(Version::Tls12, 40));
    play.tcp.close(Side::Server);
    let flow = play.told();
    assert_eq!(flow.get("tls.alerted", "alert"), "40");
    assert_eq!(essence(&flow), ("tls", "server", "alert"));
}

/// Repetitions say the same, also where they are cut otherwise, and a keep-alive's byte says nothing.
#[test]
fn what_is_only_repeated_is_no_contradiction() {
    let frames = session();
    let mut again = frames.clone();
    for (n, frame) in frames.iter().enumerate() {
        let head = TCP + usize::from(frame.bytes[TCP + 12] >> 4) * 4;
        if frame.bytes.len() > head + 40 {
            let mut second = frame.clone();
            second.bytes[IP + 4] ^= 0x77;
            second.time = second.time + Span::micros(5);
            // Without its last 20 bytes every other time.
            if n % 2 == 0 {
                second.bytes.truncate(frame.bytes.len() - 20);
                let total = u16::try_from(second.bytes.len() - IP).unwrap();
                second.bytes[IP + 2..IP + 4].copy_from_slice(&total.to_be_bytes());
            }
            again.push(second);
        }
    }
    let keepalive = |nth| planted(&frames, nth, Side::Client, (0x10, u32::MAX, 127), &[0]);
    again.push(keepalive(frames.len() / 2));
    let (_, batch) = told(again);
    assert_eq!(defects(&batch), [""; 0]);
}

/// One copy says this, the other that: whichever comes first is read, and that there were two is said.
#[test]
fn two_copies_that_differ_are_told() {
    let frames = healthy().frames();
    let hello = frames
        .iter()
        .position(|f| f.bytes.get(TCP + 20..TCP + 22) == Some(&[22, 3]))
        .unwrap();
    let mut other = frames[hello].clone();
    let length = other.bytes.len();
    other.bytes[length - 30] ^= 1;
    other.bytes[IP + 4] ^= 0x77;
    for earlier in [true, false] {
        let mut spoilt = frames.clone();
        let micros = if earlier { -3 } else { 3 };
        other.time = Time(frames[hello].time.0 + micros * 1000);
        spoilt.push(other.clone());
        let (_, batch) = told(spoilt);
        assert!(
            defects(&batch).iter().any(|d| d.contains("other contents")),
            "{:?}",
            batch.defects
        );
    }
}

const SYN: u8 = 0x02;

/// A request to open the connection anew, in the client's name: the client goes on with the one that there is.
#[test]
fn a_planted_request_to_open_ends_nothing() {
    let frames = session();
    let (good, _) = told(frames.clone());
    for nth in [12, 30, 60] {
        for times in [1, 5] {
            let mut spoilt = frames.clone();
            for n in 0..times {
                let mut syn = planted(&frames, nth, Side::Client, (SYN, 0x0123_4567, 127), &[]);
                syn.bytes[IP + 4] ^= n;
                spoilt.push(syn);
            }
            assert_eq!(essence(&told(spoilt).0), essence(&good), "{nth} {times}");
        }
    }
}

/// The frames of another connection of the same ports, later.
fn later(mut play: Play, seconds: i64) -> Vec<Frame> {
    play.tcp.wait(Span::seconds(1));
    let mut frames = play.frames();
    for frame in &mut frames {
        frame.time = frame.time + Span::seconds(seconds);
        // The seed is the same, so are the numbers: others stand for the next connection.
        frame.bytes[TCP + 4] ^= 0x40;
        if frame.bytes[TCP + 13] & 0x10 != 0 {
            frame.bytes[TCP + 8] ^= 0x40;
        }
    }
    frames
}

/// A client that lost its connection, as by a power cut, and uses the port again: the answer to its request tells.
#[test]
fn a_client_that_comes_back_opens_another_connection() {
    let lost = || {
        let mut play = Play::opened(Version::Tls12);
        play.secured(8).authenticated().server(4).session();
        play.frames()
    };
    let both = |second: Play| {
        let mut frames = lost();
        frames.extend(later(second, 300));
        let capture = Capture {
            frames,
            secrets: None,
        };
        flows(&read(&capture.to_pcap()))
    };
    let mut accepted = Play::opened(Version::Tls12);
    accepted.secured(8).authenticated().server(4).session();
    accepted.tcp.close(Side::Client);
    let all = both(accepted);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!((all[0].stage, &*all[0].by), ("session", "nobody"));
    assert_eq!(essence(&all[1]), ("session", "client", "fin"));

    let mut refused = Play::new(Version::Tls12, 3389);
    refused.tcp.open_refused(1);
    let all = both(refused);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(essence(&all[1]), ("tcp", "server", "refused"));

    let mut unanswered = Play::new(Version::Tls12, 3389);
    unanswered.tcp.open_unanswered(3);
    let all = both(unanswered);
    assert_eq!(all.len(), 2, "{all:?}");
    assert_eq!(essence(&all[1]), ("tcp", "nobody", "silence"));
    assert_eq!(all[1].int("tcp.opened", "syn_count"), 4);
}
