//! What a capture shows beside the TCP connections: UDP side channels, ARP, ICMP, floods.

use rdpwhy_fixtures::time::{Span, Time};
use rdpwhy_fixtures::wire::tls::Version;
use rdpwhy_fixtures::wire::{Capture, Frame, Ip, Link, Side, udp_frame};
use rdpwhy_parsers::{EventBatch, Field, Kind};

use super::flows::flows;
use super::play::{Play, START, read};

const CLIENT: [u8; 4] = [10, 0, 0, 5];
const SERVER: [u8; 4] = [10, 0, 0, 9];

fn frames(frames: Vec<Frame>) -> EventBatch {
    read(
        &Capture {
            frames,
            secrets: None,
        }
        .to_pcapng(),
    )
}

fn count(batch: &EventBatch, kind: &str) -> usize {
    let kind = Kind::named(kind).unwrap();
    batch.events.iter().filter(|e| e.kind == kind).count()
}

fn link() -> Link {
    Link {
        from: [2; 6],
        to: [3; 6],
        vlan: None,
    }
}

/// An RDP-UDP SYN of a client, or the server's answer.
fn syn(answer: bool) -> Vec<u8> {
    let mut d = if answer {
        vec![0, 0, 0, 7, 0, 64, 0x10, 0x05]
    } else {
        vec![0xff, 0xff, 0xff, 0xff, 0, 64, 0x10, 0x01]
    };
    d.extend([0, 0, 0, 9, 4, 0xd0, 4, 0xd0, 0, 1, 0, 2]);
    d.resize(1232, 0);
    d
}

fn udp(seconds: i64, answer: bool) -> Frame {
    let ((from, from_port), (to, to_port)) = if answer {
        ((SERVER, 3389), (CLIENT, 50_200))
    } else {
        ((CLIENT, 50_200), (SERVER, 3389))
    };
    let ip = Ip {
        from: from.into(),
        to: to.into(),
        ttl: 127,
        id: 1,
    };
    Frame {
        time: START + Span::seconds(seconds),
        bytes: udp_frame(&link(), &ip, from_port, to_port, &syn(answer)),
    }
}

#[test]
fn a_udp_channel_is_answered_or_not() {
    let batch = frames(vec![udp(0, false), udp(1, false), udp(2, false)]);
    assert_eq!(
        (count(&batch, "udp.opened"), count(&batch, "udp.unanswered")),
        (1, 1)
    );
    let opened = batch.iter().next().unwrap();
    assert_eq!(opened.int(Field::named("syn_count").unwrap()), Some(3));
    assert_eq!(opened.int(Field::named("version").unwrap()), Some(2));

    let batch = frames(vec![udp(0, false), udp(0, true)]);
    assert_eq!(
        (count(&batch, "udp.opened"), count(&batch, "udp.unanswered")),
        (1, 0)
    );
}

fn arp(seconds: i64, station: u8) -> Frame {
    let mut bytes = [[0xff; 6], [station; 6]].concat();
    bytes.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    bytes.extend([station; 6]);
    bytes.extend(SERVER);
    bytes.extend([0; 6]);
    bytes.extend(CLIENT);
    Frame {
        time: START + Span::seconds(seconds),
        bytes,
    }
}

#[test]
fn two_stations_in_turns_are_a_conflict_and_a_failover_is_not() {
    assert_eq!(
        count(
            &frames(vec![arp(0, 2), arp(1, 4), arp(2, 2), arp(3, 4)]),
            "arp.conflict"
        ),
        1
    );
    assert_eq!(
        count(
            &frames(vec![arp(0, 2), arp(1, 2), arp(2, 4), arp(3, 4)]),
            "arp.conflict"
        ),
        0
    );
}

/// An ICMP error of `router` about this frame's packet.
fn icmp(about: &Frame, router: [u8; 4], kind: u8, code: u8) -> Frame {
    let ip = Ip {
        from: router.into(),
        to: CLIENT.into(),
        ttl: 63,
        id: 1,
    };
    let mut bytes = udp_frame(&link(), &ip, 0, 0, &[]);
    bytes.truncate(34);
    bytes.extend([kind, code, 0, 0, 0, 0, 0, 0]);
    bytes.extend(&about.bytes[14..]);
    let total = u16::try_from(bytes.len() - 14).unwrap().to_be_bytes();
    bytes[16..18].copy_from_slice(&total);
    bytes[23] = 1;
    Frame {
        time: about.time + Span::millis(5),
        bytes,
    }
}

#[test]
fn an_icmp_error_refuses_a_connection() {
    for (router, by) in [([10, 0, 0, 1], "middlebox"), (SERVER, "server")] {
        let mut play = Play::new(Version::Tls12, 3389);
        play.tcp.open_unanswered(0);
        let mut all = play.frames();
        all.push(icmp(&all[0], router, 3, 13));
        let told = flows(&frames(all));
        assert_eq!((told[0].by.as_str(), told[0].how.as_str()), (by, "icmp"));
        assert_eq!(told[0].get("tcp.refused", "how"), "icmp");
    }
}

/// Who is not on the way knows addresses and ports, perhaps, but not what was sent (RFC 5927 §4.1).
#[test]
fn an_icmp_error_about_what_nobody_sent_is_not_heard() {
    let mut play = Play::new(Version::Tls12, 3389);
    play.tcp.open_unanswered(3);
    let frames_of = play.frames();
    let mut forged = icmp(&frames_of[0], [10, 0, 0, 1], 3, 13);
    // Outer Ethernet and IP, ICMP, quoted IP, quoted ports.
    let seq = 14 + 20 + 8 + 20 + 4;
    forged.bytes[seq] ^= 0x40;
    let mut all = frames_of.clone();
    all.push(forged);
    let told = flows(&frames(all));
    assert_eq!(
        (told[0].by.as_str(), told[0].how.as_str()),
        ("nobody", "silence")
    );
}

#[test]
fn a_router_that_asks_for_smaller_packets_is_heard() {
    let mut play = Play::opened(Version::Tls12);
    play.secured(1).session();
    let mut all = play.frames();
    let last = all.last().unwrap().clone();
    all.push(icmp(&last, [10, 0, 0, 1], 3, 4));
    assert_eq!(
        flows(&frames(all))[0].get("flow.measured", "icmp_too_big"),
        "true"
    );
}

#[test]
fn a_flood_is_condensed_and_said_so() {
    let mut play = Play::new(Version::Tls12, 3389);
    play.tcp.open_unanswered(0);
    let one = play.frames().remove(0);
    let flood = (0..40_000_u32).map(|n| {
        let mut frame = Frame {
            time: Time(one.time.0 + i64::from(n) * 1_000_000),
            bytes: one.bytes.clone(),
        };
        let [_, a, b, c] = n.to_be_bytes();
        frame.bytes[27..30].copy_from_slice(&[a + 1, b, c]);
        frame
    });
    let mut healthy = Play::new(Version::Tls12, 3389);
    healthy.tcp.wait(Span::seconds(20));
    healthy.tcp.open();
    healthy.secured(1).session();
    healthy.tcp.close(Side::Client);
    let batch = frames(flood.chain(healthy.frames()).collect());
    let told = flows(&batch);
    assert!(told.len() < 40_000 && told.len() > 1000);
    assert!(
        told.iter().any(|f| f.stage == "session"),
        "the user's own connection stays"
    );
    assert_eq!(batch.defects.len(), 1);
    assert_eq!(
        batch.defects[0].lost + u64::try_from(told.len()).unwrap(),
        40_001
    );
}
