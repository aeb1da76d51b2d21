//! Who ended it, how, and after which step.

use rdpwhy_fixtures::time::Span;
use rdpwhy_fixtures::wire::tls::{self, Version};
use rdpwhy_fixtures::wire::{Capture, Frame, Side, datagram, x224};

use super::flows::{Flow, flows};
use super::play::{Play, healthy, read};

#[track_caller]
fn expect(flow: &Flow, stage: &str, by: &str, how: &str) {
    assert_eq!(
        (flow.stage, flow.by.as_str(), flow.how.as_str()),
        (stage, by, how),
        "{:?}",
        flow.kinds
    );
}

#[test]
fn a_session_that_the_user_ends() {
    let flow = healthy().told();
    expect(&flow, "session", "client", "fin");
    assert_eq!(flow.get("tcp.closed", "announced"), "true");
    assert_eq!(flow.get("authorization.answered", "inferred"), "true");
    assert_eq!(flow.get("tls.certificate", "expired"), "true");
    assert_eq!(flow.get("x224.requested", "cookie"), "ana");
    assert_eq!(flow.int("flow.measured", "retransmissions_client"), 0);
}

/// How often the table is looked through must not decide what belongs together: a capture of ten thousand packets is told
/// as one of ten.
#[test]
fn the_same_packets_long_after_the_end_are_another_connection() {
    for (pause, connections) in [(Span::seconds(60), 1), (Span::seconds(600), 2)] {
        let first = healthy().frames();
        let end = first.last().unwrap().time.0 - first[0].time.0;
        let again = first.iter().map(|f| Frame {
            time: f.time + Span(end) + pause,
            bytes: f.bytes.clone(),
        });
        let frames = first.iter().cloned().chain(again).collect();
        let file = Capture {
            frames,
            secrets: None,
        };
        let told = flows(&read(&file.to_pcap()));
        assert_eq!(
            told.len(),
            connections,
            "after {} s",
            pause.0 / 1_000_000_000
        );
        for flow in told {
            expect(&flow, "session", "client", "fin");
        }
    }
}

#[test]
fn sessions_by_every_way_of_security() {
    for (version, protocol) in [
        (Version::Tls12, 1),
        (Version::Tls13, 1),
        (Version::Tls13, 2),
        (Version::Tls12, 2),
        (Version::Tls13, 8),
    ] {
        let mut play = Play::opened(version);
        play.secured(protocol);
        if protocol != 1 {
            play.authenticated();
        }
        if protocol == 8 {
            play.server(4);
        }
        play.session();
        play.tcp.reset(Side::Client);
        let flow = play.told();
        expect(&flow, "session", "client", "rst");
        assert_eq!(
            flow.kinds.contains(&"credssp.started"),
            protocol != 1,
            "{version:?} {protocol}"
        );
        assert!(
            flow.kinds.contains(&"mcs.connect-initial"),
            "{version:?} {protocol}: {:?}",
            flow.kinds
        );
        assert_eq!(flow.get("tcp.closed", "forged"), "false");
    }
}

#[test]
fn the_server_closes_behind_the_client_hello() {
    for how in ["fin", "rst"] {
        let mut play = Play::opened(Version::Tls12);
        play.request(3).confirm(2).client_hello();
        if how == "fin" {
            play.tcp.close(Side::Server);
        } else {
            play.tcp.reset(Side::Server);
        }
        let flow = play.told();
        expect(&flow, "tls", "server", how);
        assert_eq!(flow.get("tcp.closed", "after"), "tls.client-hello");
    }
}

#[test]
fn an_alert_decides_whoever_closes_first() {
    let mut play = Play::opened(Version::Tls12);
    play.request(3).confirm(2).client_hello();
    play.tcp.send(Side::Server, &tls::alert(Version::Tls12, 70));
    play.tcp.close(Side::Client);
    let flow = play.told();
    expect(&flow, "tls", "server", "alert");
    assert_eq!(flow.get("tls.alerted", "alert"), "70");
}

#[test]
fn a_client_that_refuses_the_certificate_of_tls_13_hides_its_alert() {
    let mut play = Play::opened(Version::Tls13);
    play.request(3)
        .confirm(2)
        .client_hello()
        .server_flight()
        .goodbye(Side::Client);
    play.tcp.close(Side::Client);
    let flow = play.told();
    expect(&flow, "tls", "client", "alert");
    assert_eq!(flow.get("tls.alerted", "inferred"), "true");
}

#[test]
fn a_negotiation_failure_stays_x224() {
    let mut play = Play::opened(Version::Tls12);
    play.request(1);
    play.tcp.send(Side::Server, &x224::failure(5));
    play.tcp.close_answered_by_reset(Side::Client);
    let flow = play.told();
    expect(&flow, "x224", "client", "fin");
    assert_eq!(flow.get("negotiation.failed", "code"), "5");
}

#[test]
fn a_server_that_answers_nothing_and_one_that_answers_http() {
    let mut play = Play::opened(Version::Tls12);
    play.request(3);
    play.tcp.wait(Span::seconds(14));
    play.tcp.close(Side::Client);
    let flow = play.told();
    expect(&flow, "x224", "client", "fin");
    assert!(flow.int("x224.unanswered", "waited_ms") >= 14_000);

    let mut play = Play::opened(Version::Tls12);
    play.request(3);
    play.tcp.send(Side::Server, &datagram::http_bad_request());
    play.tcp.close(Side::Server);
    let flow = play.told();
    expect(&flow, "x224", "server", "fin");
    assert_eq!(flow.get("server.answered-otherwise", "looks_like"), "http");
    assert!(!flow.kinds.contains(&"x224.unanswered"));
}

#[test]
fn refused_and_unanswered() {
    let mut play = Play::new(Version::Tls12, 3389);
    play.tcp.open_refused(3);
    let flow = play.told();
    expect(&flow, "tcp", "server", "refused");
    assert_eq!(flow.int("tcp.opened", "syn_count"), 3);

    let mut play = Play::new(Version::Tls12, 3389);
    play.tcp.open_unanswered(3);
    let flow = play.told();
    expect(&flow, "tcp", "nobody", "silence");
    assert_eq!(
        (
            flow.int("tcp.unanswered", "syn_count"),
            flow.int("tcp.unanswered", "span_ms")
        ),
        (4, 7000)
    );
}

#[test]
fn a_forged_reset_is_known_by_its_ttl() {
    let mut play = Play::opened(Version::Tls12);
    play.request(3).confirm(2).client_hello();
    play.tcp.forged_reset(Side::Server, 53);
    let flow = play.told();
    expect(&flow, "tls", "middlebox", "rst");
    assert!(
        flow.get("tcp.closed", "forged_why")
            .starts_with("ttl 53 where this end has 128")
    );
}

#[test]
fn a_reset_after_long_silence_tells_the_silence() {
    let mut play = Play::opened(Version::Tls12);
    play.secured(1).session();
    play.tcp.wait(Span::seconds(1800));
    play.client(30);
    play.tcp.forged_reset(Side::Server, 60);
    let flow = play.told();
    expect(&flow, "session", "middlebox", "rst");
    assert!(flow.int("tcp.closed", "idle_ms") >= 1_800_000);
}

#[test]
fn a_fin_answered_in_the_peers_name_came_too_late() {
    let mut play = Play::opened(Version::Tls12);
    play.secured(1).session();
    play.tcp.wait(Span::seconds(600));
    play.tcp.half_close(Side::Client);
    play.tcp.forged_reset(Side::Server, 60);
    expect(&play.told(), "session", "middlebox", "rst");
}

#[test]
fn silence_behind_retransmissions() {
    let mut play = Play::opened(Version::Tls12);
    play.secured(1).session();
    play.tcp.send_into_the_void(Side::Server, &[0x17; 700], 5);
    let flow = play.told();
    expect(&flow, "session", "nobody", "silence");
    assert_eq!(flow.get("flow.measured", "last_unacked_by"), "server");
    assert_eq!(
        (
            flow.int("flow.measured", "rto_backoff"),
            flow.int("flow.measured", "largest_lost_server")
        ),
        (5, 700)
    );
}

#[test]
fn a_capture_that_ends_first() {
    let mut play = Play::opened(Version::Tls12);
    play.secured(1).session();
    expect(&play.told(), "session", "nobody", "still-open");
}

#[test]
fn a_port_used_again_is_another_connection() {
    let mut frames = healthy().frames();
    let mut second = Play::new(Version::Tls12, 3389);
    second.tcp.wait(Span::seconds(60));
    second.tcp.open();
    second.request(1);
    second.tcp.reset(Side::Server);
    // The seed is the same, so are the initial sequence numbers: another one stands for the next connection.
    let mut later = second.frames();
    for frame in &mut later {
        frame.bytes[38] ^= 0x40;
    }
    frames.extend(later);
    let all = flows(&read(
        &Capture {
            frames,
            secrets: None,
        }
        .to_pcap(),
    ));
    assert_eq!(all.len(), 2);
    expect(&all[0], "session", "client", "fin");
}

#[test]
fn rdp_is_known_by_its_bytes_and_nothing_else_is_told() {
    let mut play = Play::new(Version::Tls12, 33_890);
    play.tcp.open();
    play.request(3).confirm(1);
    play.tcp.close(Side::Server);
    expect(&play.told(), "x224", "server", "fin");

    let mut play = Play::new(Version::Tls12, 443);
    play.tcp.open();
    play.client_hello().server_flight().finished();
    play.tcp.reset(Side::Server);
    let file = Capture {
        frames: play.frames(),
        secrets: None,
    }
    .to_pcapng();
    assert!(flows(&read(&file)).is_empty());
}

#[test]
fn half_a_connection_is_told_from_where_it_begins() {
    // The capture starts behind the handshake.
    let frames = healthy().frames();
    let behind = frames.len() - 24;
    let all = flows(&read(
        &Capture {
            frames: frames[behind..].to_vec(),
            secrets: None,
        }
        .to_pcap(),
    ));
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].get("tcp.opened", "midstream"), "true");
    assert_eq!(all[0].server.1, 3389);
    expect(&all[0], "session", "client", "fin");
    // Only the server was captured.
    let from_server: Vec<_> = frames.into_iter().filter(|f| f.bytes[29] == 9).collect();
    let all = flows(&read(
        &Capture {
            frames: from_server,
            secrets: None,
        }
        .to_pcap(),
    ));
    assert_eq!(
        (all[0].get("tcp.opened", "one_way"), all[0].client.1),
        ("server", 50_123)
    );
    assert_eq!(all[0].get("tls.client-hello", "inferred"), "true");
}

#[test]
fn frames_seen_twice_are_counted_once() {
    let frames = healthy().frames();
    let once = flows(&read(
        &Capture {
            frames: frames.clone(),
            secrets: None,
        }
        .to_pcap(),
    ));
    let twice: Vec<_> = frames.into_iter().flat_map(|f| [f.clone(), f]).collect();
    let twice = flows(&read(
        &Capture {
            frames: twice,
            secrets: None,
        }
        .to_pcap(),
    ));
    assert_eq!(once[0].kinds, twice[0].kinds);
    assert_eq!(twice[0].int("flow.measured", "retransmissions_server"), 0);
    assert!(twice[0].int("flow.measured", "duplicate_frames") > 20);
}

#[test]
fn order_and_repetition_do_not_change_what_was_said() {
    let frames = healthy().frames();
    let straight = flows(&read(
        &Capture {
            frames: frames.clone(),
            secrets: None,
        }
        .to_pcap(),
    ));
    let mut shuffled = frames;
    // Neighbours of one sender change places, the times stay in order; and every seventh frame comes again much later.
    for at in 4..shuffled.len() - 6 {
        let (a, b) = (shuffled[at].bytes.clone(), shuffled[at + 1].bytes.clone());
        if a[29] == b[29] {
            shuffled[at].bytes = b;
            shuffled[at + 1].bytes = a;
        }
    }
    for at in (4..shuffled.len() - 6).step_by(7) {
        let again = Frame {
            time: shuffled[at + 6].time,
            bytes: shuffled[at].bytes.clone(),
        };
        shuffled.push(again);
    }
    let shuffled = flows(&read(
        &Capture {
            frames: shuffled,
            secrets: None,
        }
        .to_pcap(),
    ));
    assert_eq!(straight[0].stage, shuffled[0].stage);
    assert_eq!(
        (&straight[0].by, &straight[0].how),
        (&shuffled[0].by, &shuffled[0].how)
    );
    assert_eq!(
        straight[0].int("flow.measured", "bytes_server"),
        shuffled[0].int("flow.measured", "bytes_server")
    );
}
