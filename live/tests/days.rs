//! Runs of days: nothing grows without end, and no connection is lost or counted twice.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so best by stopping"
)]

use std::collections::HashSet;
use std::net::SocketAddr;

use rdpwhy_analyzer::Knowledge;
use rdpwhy_fixtures::seed::Seed;
use rdpwhy_fixtures::time::{Span, Time};
use rdpwhy_fixtures::wire::{Capture, Conversation, Endpoint, Frame, Side, x224};
use rdpwhy_live::store::Store;
use rdpwhy_live::{Engine, Line, Setup, State};
use rdpwhy_parsers::pcap::{Phase, Told};
use rdpwhy_parsers::{EventBatch, Timestamp};

const START: i64 = 1_790_000_000_000_000_000;
const SECOND: i64 = 1_000_000_000;

fn client(n: u64) -> SocketAddr {
    let [.., b, c, d] = n.to_be_bytes();
    ([10, b, c, d], 50_000).into()
}

fn told(flow: u64, phase: Phase) -> Told {
    let opened = Timestamp(i64::try_from(flow).expect("small"));
    Told {
        flow,
        phase,
        at: opened,
        client: client(flow),
        server: ([192, 168, 1, 1], 3389).into(),
        opened,
        batch: EventBatch::default(),
    }
}

#[test]
fn what_gave_way_and_goes_on_is_neither_lost_nor_counted_twice() {
    const ALL: u64 = 60_000;
    let mut store = Store::default();
    let mut forgotten = HashSet::new();
    // A session that runs all day, and crowds that come and go.
    store.put(told(0, Phase::Session));
    for flow in 1..ALL {
        store.put(told(flow, Phase::Ended));
        if let Some(earlier) = flow.checked_sub(20_000).filter(|n| *n > 0) {
            store.put(told(earlier, Phase::Settled));
        }
        for gone in store.forgotten() {
            assert!(forgotten.insert(gone), "{gone} was given up twice");
        }
        assert!(store.len() <= 16_384);
    }
    assert!(!forgotten.contains(&0), "the session goes on");
    let end = Told {
        at: Timestamp(i64::try_from(ALL).expect("small")),
        ..told(0, Phase::Ended)
    };
    assert!(store.put(end), "and its end is news");
    assert!(store.get(0).is_some());
    assert_eq!(store.len() as u64 + store.retired, ALL);
}

fn refused(n: u64, at: i64) -> Vec<Frame> {
    let end = |address: SocketAddr, last: u8| Endpoint {
        mac: [2, 0, 0, 0, 0, last],
        ip: address.ip(),
        port: address.port(),
        ttl: 128,
        mss: 1460,
    };
    let mut seed = Seed::of(&n.to_string());
    let server = ([192, 168, 1, 1], 3389).into();
    let mut tcp = Conversation::new(
        end(client(n), 5),
        end(server, 9),
        Time(at),
        Span::millis(2),
        &mut seed,
    );
    tcp.open();
    tcp.send(Side::Client, &x224::request(None, Some(1), 0));
    tcp.send(Side::Server, &x224::failure(5));
    tcp.close(Side::Server);
    tcp.into_frames()
}

#[test]
fn a_thousand_that_end_together_are_all_told() {
    const ALL: u64 = 1_000;
    let knowledge = Knowledge::embedded().expect("embedded causes are checked");
    let mut engine = Engine::new(Setup::default(), knowledge);
    let frames: Vec<Frame> = (0..ALL).flat_map(|n| refused(n, START)).collect();
    let capture = Capture {
        frames,
        ..Capture::default()
    };
    engine
        .push(&capture.to_pcap(), &mut |_| {})
        .expect("embedded data is checked");
    engine
        .pass(Timestamp(START + 2 * SECOND))
        .expect("embedded data is checked");
    let mut failed = HashSet::new();
    for line in engine.lines() {
        if let Line::Attempt(said) = line {
            assert_eq!(said.state, State::Failed);
            failed.insert(said.attempt.client.ip.clone());
        }
    }
    assert_eq!(failed.len() as u64, ALL, "each of them within a second");
    let (states, _) = engine.counts();
    assert_eq!(states.get(&State::Failed), Some(&ALL));
}
