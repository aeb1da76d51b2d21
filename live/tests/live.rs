//! What is said while packets arrive: when, and how it changes.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so best by stopping"
)]

use rdpwhy_analyzer::Knowledge;
use rdpwhy_fixtures::seed::Seed;
use rdpwhy_fixtures::time::{Span, Time};
use rdpwhy_fixtures::wire::{Capture, Conversation, Endpoint, Frame, Side, x224};
use rdpwhy_live::store::{NEIGHBOURS, Store};
use rdpwhy_live::{Engine, Line, Said, Setup, State};
use rdpwhy_parsers::pcap::{Phase, Told};
use rdpwhy_parsers::{EventBatch, Timestamp};

const START: Time = Time(1_790_000_000_000_000_000);
const SECOND: i64 = 1_000_000_000;

fn at(nanoseconds: i64) -> Timestamp {
    Timestamp(1_790_000_000_000_000_000).plus(nanoseconds)
}

fn connection(port: u16, begins: Span) -> Conversation {
    let end = |last: u8, port| Endpoint {
        mac: [2, 0, 0, 0, 0, last],
        ip: [10, 0, 0, last].into(),
        port,
        ttl: 128,
        mss: 1460,
    };
    let mut seed = Seed::of("live");
    let mut tcp = Conversation::new(
        end(5, port),
        end(9, 3389),
        START,
        Span::millis(20),
        &mut seed,
    );
    tcp.wait(begins);
    tcp
}

fn engine() -> Engine {
    let knowledge = Knowledge::embedded().expect("embedded causes are checked");
    Engine::new(Setup::default(), knowledge)
}

fn push(engine: &mut Engine, frames: Vec<Frame>) {
    let capture = Capture {
        frames,
        ..Capture::default()
    };
    engine
        .push(&capture.to_pcap(), &mut |_| {})
        .expect("embedded data is checked");
}

fn said(lines: Vec<Line>) -> Vec<Said> {
    let of = |line| match line {
        Line::Attempt(said) => Some(*said),
        _ => None,
    };
    lines.into_iter().filter_map(of).collect()
}

/// Lets time go on in small steps, as a network card does, and tells when each line came, seconds after the start.
fn watch(engine: &mut Engine, from: i64, until: i64) -> Vec<(f64, Said)> {
    let mut heard = Vec::new();
    let mut now = from;
    while now <= until {
        engine.pass(at(now)).expect("embedded data is checked");
        #[allow(clippy::cast_precision_loss, reason = "a few seconds")]
        let seconds = now as f64 / SECOND as f64;
        heard.extend(said(engine.lines()).into_iter().map(|s| (seconds, s)));
        now += SECOND / 10;
    }
    heard
}

#[test]
fn a_refused_negotiation_is_told_within_a_second() {
    let mut tcp = connection(50_001, Span::millis(0));
    tcp.open();
    tcp.send(Side::Client, &x224::request(Some("ana"), Some(1), 0));
    tcp.send(Side::Server, &x224::failure(5));
    tcp.close(Side::Server);
    let frames = tcp.into_frames();
    let end = frames.iter().map(|f| f.time.0).max().expect("frames") - START.0;
    let mut engine = engine();
    push(&mut engine, frames);
    let heard = watch(&mut engine, end, end + 2 * SECOND);
    let (when, said) = heard.first().expect("a line");
    assert_eq!(said.state, State::Failed);
    let cause = said.verdict.as_ref().and_then(|v| v.cause.as_deref());
    assert_eq!(cause, Some("nla-required"));
    #[allow(clippy::cast_precision_loss, reason = "a few seconds")]
    let late = when - end as f64 / SECOND as f64;
    assert!(late < 1.0, "{late} s");
    assert_eq!(heard.len(), 1, "said once");
}

#[test]
fn a_request_that_nobody_answers_is_told_when_it_is_given_up() {
    let mut first = connection(50_002, Span::millis(0));
    first.open();
    let syn = first.into_frames().into_iter().next().expect("a SYN");
    let again = |seconds: i64| Frame {
        time: Time(syn.time.0 + seconds * SECOND),
        ..syn.clone()
    };
    let frames = vec![syn.clone(), again(1), again(3)];
    let mut engine = engine();
    push(&mut engine, frames);
    let heard = watch(&mut engine, 3 * SECOND, 14 * SECOND);
    let (when, said) = heard.first().expect("a line");
    assert_eq!(
        (said.state, said.attempt.closed_how),
        (State::Failed, "silence")
    );
    // The next one was due after four seconds more.
    assert!((7.0..=12.0).contains(when), "{when} s");
}

#[test]
fn what_a_client_closes_without_a_word_waits_for_a_retry() {
    let probe = || {
        let mut tcp = connection(50_003, Span::millis(0));
        tcp.open();
        tcp.send(Side::Client, &x224::request(Some("ana"), Some(3), 0));
        tcp.send(Side::Server, &x224::confirm(1, 0x1f));
        tcp.close(Side::Client);
        tcp.into_frames()
    };
    let mut engine = engine();
    push(&mut engine, probe());
    let heard = watch(&mut engine, SECOND, 130 * SECOND);
    let states: Vec<State> = heard.iter().map(|(_, s)| s.state).collect();
    assert_eq!(states, [State::Waiting, State::Cancelled]);
    let (waiting, given_up) = (&heard[0].1, &heard[1].1);
    assert_eq!(waiting.revises, None);
    assert_eq!(given_up.revises.as_ref(), Some(&waiting.id));
    assert_eq!(given_up.because, Some("no retry came"));
}

/// One connection of a client, as the store gets it.
fn told(flow: u64, client: u8) -> Told {
    let opened = Timestamp(i64::try_from(flow).expect("small"));
    Told {
        flow,
        phase: Phase::Settled,
        at: opened,
        client: ([10, 0, 0, client], 50_000).into(),
        server: ([10, 0, 1, 1], 3389).into(),
        opened,
        batch: EventBatch::default(),
    }
}

#[test]
fn who_floods_does_not_push_users_out() {
    let mut store = Store::default();
    store.put(told(0, 5));
    for flow in 1..100_000 {
        store.put(told(flow, 66));
    }
    assert!(store.len() < 20_000, "{} kept", store.len());
    assert_eq!(store.len() as u64 + store.retired, 100_000);
    assert!(
        store.get(0).is_some(),
        "the user's connection is still there"
    );
    let clients = [[10, 0, 0, 5].into()].into();
    let near = store.neighbours(([10, 0, 1, 1], 3389).into(), &[], &clients);
    assert_eq!(near.len(), NEIGHBOURS + 1);
}
