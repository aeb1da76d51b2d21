//! The same connection captured at several points: one attempt, one clock, and what only one point saw.

use rdpwhy_fixtures::seed::Seed;
use rdpwhy_fixtures::time::{Span, Time};
use rdpwhy_fixtures::wire::tls::{self, ClientHello, Version};
use rdpwhy_fixtures::wire::{Capture, Certificate, Conversation, Endpoint, Frame, Side, x224};
use serde_json::Value;

use crate::case::Evidence;
use crate::program::{analyze, list, number, text};

const START: Time = Time(1_790_000_000_000_000_000);
/// The client's own address and port, and what address translation makes of them.
const INSIDE: ([u8; 4], u16) = ([192, 168, 7, 5], 50_123);
const OUTSIDE: ([u8; 4], u16) = ([10, 0, 0, 5], 61_007);
const SERVER: [u8; 4] = [10, 0, 0, 9];
/// One way between the two points.
const WAY: i64 = 10_000_000;
const FIN: u8 = 1;
const RST: u8 = 4;

/// A connection beside the server, opened.
fn opened(seed: &mut Seed) -> Conversation {
    let end = |mac, ip: [u8; 4], port, ttl| Endpoint {
        mac: [2, 0, 0, 0, 0, mac],
        ip: ip.into(),
        port,
        ttl,
        mss: 1460,
    };
    let (client, server) = (end(5, OUTSIDE.0, OUTSIDE.1, 125), end(9, SERVER, 3389, 128));
    let mut talk = Conversation::new(client, server, START, Span(2 * WAY), seed);
    talk.open();
    talk
}

fn negotiates(talk: &mut Conversation, seed: &mut Seed) {
    talk.send(Side::Client, &x224::request(Some("ana"), Some(3), 0));
    talk.send(Side::Server, &x224::confirm(1, 0x1f));
    let hello = ClientHello::of_mstsc(Version::Tls12, "srv.example").to_record(seed);
    talk.send(Side::Client, &hello);
}

/// On to a running session over TLS without NLA.
fn reaches_session(talk: &mut Conversation, seed: &mut Seed) {
    let year = Span::seconds(365 * 86_400);
    let certificate = Certificate::self_signed("srv.example", Time(0), START + year);
    let flight = tls::server_flight(Version::Tls12, 0xc030, &[certificate], seed);
    talk.send(Side::Server, &flight);
    talk.send(Side::Client, &tls::client_finish(Version::Tls12, seed));
    talk.send(Side::Server, &tls::server_finish(Version::Tls12, seed));
    let client = |talk: &mut Conversation, seed: &mut Seed, plain| {
        talk.send(
            Side::Client,
            &tls::application_data(Version::Tls12, plain, seed),
        );
    };
    let server = |talk: &mut Conversation, seed: &mut Seed, plain| {
        talk.send(
            Side::Server,
            &tls::application_data(Version::Tls12, plain, seed),
        );
    };
    client(talk, seed, 460);
    server(talk, seed, 110);
    client(talk, seed, 12);
    client(talk, seed, 8);
    server(talk, seed, 11);
    for _ in 0..4 {
        client(talk, seed, 12);
        server(talk, seed, 15);
    }
    client(talk, seed, 350);
    server(talk, seed, 34);
    server(talk, seed, 420);
    for plain in [480, 36, 40] {
        client(talk, seed, plain);
    }
    for plain in [36, 40, 40, 40, 900] {
        server(talk, seed, plain);
    }
    client(talk, seed, 26);
    server(talk, seed, 1200);
    talk.wait(Span::seconds(4));
}

fn is_from_client(frame: &Frame) -> bool {
    frame.bytes[26..30] == OUTSIDE.0
}

fn flags(frame: &Frame) -> u8 {
    frame.bytes[47]
}

/// The same packets beside the client: two routers, one of them translating addresses, and the way lie between.
fn beside_client(frames: &[Frame], clock_ahead: Span) -> Vec<Frame> {
    let mut frames: Vec<Frame> = frames
        .iter()
        .map(|frame| {
            let mut bytes = frame.bytes.clone();
            let from_client = is_from_client(frame);
            let (ip, port) = if from_client { (26, 34) } else { (30, 36) };
            bytes[ip..ip + 4].copy_from_slice(&INSIDE.0);
            bytes[port..port + 2].copy_from_slice(&INSIDE.1.to_be_bytes());
            let (ttl, way) = if from_client { (3, -WAY) } else { (-2, WAY) };
            bytes[22] = bytes[22].saturating_add_signed(ttl);
            Frame {
                time: Time(frame.time.0 + way) + clock_ahead,
                bytes,
            }
        })
        .collect();
    frames.sort_by_key(|f| f.time);
    frames
}

/// Traffic of somebody else, so that a capture goes on after the connection.
fn later(seed: &mut Seed, capture: &mut Vec<Frame>) {
    let last = capture.iter().map(|f| f.time).max().unwrap();
    let end = |last, port| Endpoint {
        mac: [2, 0, 0, 0, 1, last],
        ip: [10, 0, 1, last].into(),
        port,
        ttl: 64,
        mss: 1460,
    };
    let start = last + Span::seconds(8);
    let mut talk = Conversation::new(end(1, 40_000), end(2, 80), start, Span::millis(1), seed);
    talk.open();
    capture.extend(talk.into_frames());
}

fn diagnosed(captures: Vec<(&str, Vec<Frame>)>) -> Value {
    let mut seed = Seed::of("later");
    let files = captures.into_iter().map(|(name, mut frames)| {
        later(&mut seed, &mut frames);
        let capture = Capture {
            frames,
            secrets: None,
        };
        (name.to_owned(), capture.to_pcap())
    });
    analyze(&Evidence(files.collect())).0
}

fn only_attempt(report: &Value) -> &Value {
    let attempts = list(report, "/attempts");
    assert_eq!(attempts.len(), 1, "{attempts:#?}");
    &attempts[0]
}

fn ended(a: &Value) -> [&str; 4] {
    ["/outcome", "/stage", "/closed_by", "/closed_how"].map(|p| text(a, p))
}

#[test]
fn address_translation_between_two_captures() {
    let mut seed = Seed::of("translated");
    let mut talk = opened(&mut seed);
    negotiates(&mut talk, &mut seed);
    reaches_session(&mut talk, &mut seed);
    talk.close(Side::Client);
    let server = talk.into_frames();
    let client = beside_client(&server, Span::seconds(37));
    let report = diagnosed(vec![("client.pcap", client), ("server.pcap", server)]);
    let a = only_attempt(&report);
    assert_eq!(ended(a), ["ok", "session", "client", "fin"]);
    // Each end has the address that the point nearest to it saw.
    assert_eq!(text(a, "/client/ip"), "192.168.7.5");
    assert_eq!(number(a, "/client/port"), u64::from(INSIDE.1));
    assert_eq!(text(a, "/server/ip"), "10.0.0.9");
    // The journey is no clock difference.
    let offsets = list(&report, "/clocks")
        .iter()
        .map(|c| c["offset_ms"].as_i64().unwrap());
    let offsets: Vec<_> = offsets.collect();
    assert_eq!(offsets, [0, -37_000]);
}

#[test]
fn without_a_client_hello_sequence_numbers_tell() {
    let mut seed = Seed::of("refused");
    let mut talk = opened(&mut seed);
    talk.send(Side::Client, &x224::request(None, Some(1), 0));
    talk.send(Side::Server, &x224::failure(5));
    talk.close(Side::Server);
    let server = talk.into_frames();
    let client = beside_client(&server, Span::seconds(0));
    let report = diagnosed(vec![("client.pcap", client), ("server.pcap", server)]);
    let a = only_attempt(&report);
    assert_eq!(
        ended(a),
        ["failed", "x224", "server", "negotiation-failure"]
    );
    assert_eq!(text(&report, "/verdicts/0/cause"), "nla-required");
}

#[test]
fn a_router_captured_on_both_sides() {
    let mut seed = Seed::of("router");
    let mut talk = opened(&mut seed);
    negotiates(&mut talk, &mut seed);
    reaches_session(&mut talk, &mut seed);
    talk.close(Side::Client);
    let outside = talk.into_frames();
    let mut both = beside_client(&outside, Span::seconds(0));
    both.extend(outside);
    both.sort_by_key(|f| f.time);
    let report = diagnosed(vec![("router.pcap", both)]);
    assert_eq!(ended(only_attempt(&report))[0], "ok");
}

/// Both resets carry the TTL of the end in whose name they come: only the other capture tells.
#[test]
fn a_reset_that_only_the_client_saw() {
    let mut seed = Seed::of("reset");
    let mut talk = opened(&mut seed);
    negotiates(&mut talk, &mut seed);
    reaches_session(&mut talk, &mut seed);
    talk.reset(Side::Server);
    let all = talk.into_frames();
    let client = beside_client(&all, Span::seconds(0));
    let mut server = all;
    server.retain(|f| flags(f) & (RST | FIN) == 0);
    // The client's capture alone: the server did it.
    let alone = diagnosed(vec![("client.pcap", client.clone())]);
    assert_eq!(
        ended(only_attempt(&alone)),
        ["dropped", "session", "server", "rst"]
    );
    let report = diagnosed(vec![("client.pcap", client), ("server.pcap", server)]);
    assert_eq!(
        ended(only_attempt(&report)),
        ["dropped", "session", "middlebox", "rst"]
    );
    let verdict = &list(&report, "/verdicts")[0];
    assert_eq!(text(verdict, "/cause"), "connection-reset-by-middlebox");
    let decisive = list(verdict, "/evidence").iter();
    let decisive: Vec<_> = decisive
        .filter(|e| text(e, "/role") == "decisive")
        .collect();
    assert_eq!(decisive.len(), 1, "{decisive:#?}");
    assert_eq!(
        number(decisive[0], "/source"),
        0,
        "the packet that only the client saw"
    );
}

/// A reset that both points saw came from the end that it names.
#[test]
fn a_reset_that_both_saw() {
    let mut seed = Seed::of("genuine");
    let mut talk = opened(&mut seed);
    negotiates(&mut talk, &mut seed);
    reaches_session(&mut talk, &mut seed);
    talk.reset(Side::Server);
    let server = talk.into_frames();
    let client = beside_client(&server, Span::seconds(0));
    let report = diagnosed(vec![("client.pcap", client), ("server.pcap", server)]);
    assert_eq!(
        ended(only_attempt(&report)),
        ["dropped", "session", "server", "rst"]
    );
    let causes = list(&report, "/verdicts").iter().map(|v| text(v, "/cause"));
    assert!(
        !causes
            .into_iter()
            .any(|c| c == "connection-reset-by-middlebox")
    );
}

/// The ClientHello leaves the client and is swallowed; both ends are reset.
#[test]
fn a_swallowed_client_hello() {
    let mut seed = Seed::of("swallowed");
    let mut talk = opened(&mut seed);
    negotiates(&mut talk, &mut seed);
    talk.reset(Side::Server);
    let mut client = beside_client(&talk.clone().into_frames(), Span::seconds(0));
    client.sort_by_key(|f| f.time);
    let mut server = talk.into_frames();
    server.retain(|f| !(is_from_client(f) && f.bytes.get(54) == Some(&22)));
    let mut reset = server.pop().unwrap();
    // In the client's name now.
    for (a, b) in [(26, 30), (34, 36)] {
        let width = if a == 26 { 4 } else { 2 };
        for n in 0..width {
            reset.bytes.swap(a + n, b + n);
        }
    }
    reset.bytes[22] = 125;
    server.push(reset);
    let report = diagnosed(vec![("client.pcap", client), ("server.pcap", server)]);
    assert_eq!(
        ended(only_attempt(&report)),
        ["failed", "tls", "middlebox", "rst"]
    );
    let verdict = &list(&report, "/verdicts")[0];
    assert_eq!(text(verdict, "/cause"), "connection-reset-by-middlebox");
}

/// A capture in files that follow each other: a connection goes on in the next one, whatever their names.
#[test]
fn a_connection_that_goes_on_in_the_next_file() {
    let mut seed = Seed::of("rotated");
    let mut talk = opened(&mut seed);
    negotiates(&mut talk, &mut seed);
    reaches_session(&mut talk, &mut seed);
    talk.wait(Span::seconds(40));
    let before = talk.clone().into_frames().len();
    talk.send(
        Side::Client,
        &tls::application_data(Version::Tls12, 40, &mut seed),
    );
    talk.send(
        Side::Server,
        &tls::application_data(Version::Tls12, 900, &mut seed),
    );
    talk.reset(Side::Server);
    let mut first = talk.into_frames();
    let second = first.split_off(before);
    for names in [["a", "b"], ["b", "a"]] {
        let file = |frames: &[Frame]| {
            let frames = frames.to_vec();
            Capture {
                frames,
                secrets: None,
            }
            .to_pcap()
        };
        let files = vec![
            (names[0].to_owned(), file(&first)),
            (names[1].to_owned(), file(&second)),
        ];
        let report = analyze(&Evidence(files)).0;
        assert_eq!(
            ended(only_attempt(&report)),
            ["dropped", "session", "server", "rst"]
        );
        for clock in list(&report, "/clocks") {
            assert_eq!(clock["offset_ms"], 0, "{clock}");
        }
    }
}

/// A session of which only the server's packets were captured, closed by the server: it lasted, so nobody failed.
#[test]
fn what_lasted_is_not_blamed_when_one_side_alone_was_captured() {
    let mut seed = Seed::of("one side alone");
    let mut talk = opened(&mut seed);
    negotiates(&mut talk, &mut seed);
    let year = Span::seconds(365 * 86_400);
    let certificate = Certificate::self_signed("srv.example", Time(0), START + year);
    let flight = tls::server_flight(Version::Tls12, 0xc030, &[certificate], &mut seed);
    talk.send(Side::Server, &flight);
    talk.send(Side::Client, &tls::client_finish(Version::Tls12, &mut seed));
    talk.send(Side::Server, &tls::server_finish(Version::Tls12, &mut seed));
    for plain in [110, 11] {
        let data = tls::application_data(Version::Tls12, plain, &mut seed);
        talk.send(Side::Server, &data);
    }
    talk.wait(Span::seconds(900));
    talk.close(Side::Server);
    let mut frames = talk.into_frames();
    frames.retain(|f| !is_from_client(f));
    let report = diagnosed(vec![("server.pcap", frames)]);
    assert_eq!(text(only_attempt(&report), "/outcome"), "unknown");
    assert!(list(&report, "/verdicts").is_empty(), "{report:#}");
}
