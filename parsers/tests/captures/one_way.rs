//! Captures that hold one direction only: what the other side did shows in what this one acknowledges and repeats.

use rdpwhy_fixtures::time::Span;
use rdpwhy_fixtures::wire::tls::Version;
use rdpwhy_fixtures::wire::{Capture, Frame, Side};

use super::flows::{Flow, flows};
use super::play::{Play, read};

/// The connection as a capture of this side's packets shows it.
fn seen(of: Side, frames: Vec<Frame>) -> Flow {
    let last = match of {
        Side::Client => 5,
        Side::Server => 9,
    };
    let frames = frames.into_iter().filter(|f| f.bytes[29] == last).collect();
    let file = Capture {
        frames,
        secrets: None,
    };
    let mut all = flows(&read(&file.to_pcap()));
    assert_eq!(all.len(), 1);
    let flow = all.remove(0);
    let side = if of == Side::Client {
        "client"
    } else {
        "server"
    };
    assert_eq!(flow.get("tcp.opened", "one_way"), side);
    flow
}

fn secured() -> Play {
    let mut play = Play::opened(Version::Tls12);
    play.secured(1);
    play
}

#[test]
fn one_byte_acknowledged_and_no_more_is_the_others_goodbye() {
    for (left, other) in [(Side::Client, "client"), (Side::Server, "server")] {
        for captured in [Side::Client, Side::Server] {
            let mut play = secured();
            play.tcp.close(left);
            let flow = seen(captured, play.frames());
            assert_eq!((&*flow.by, &*flow.how), (other, "fin"), "{captured:?}");
        }
    }
}

#[test]
fn a_logon_without_the_servers_answers_is_no_connection_sequence() {
    let mut play = Play::opened(Version::Tls12);
    play.secured(2).client(57).server(295).client(690);
    play.tcp.close(Side::Server);
    let flow = seen(Side::Client, play.frames());
    assert!(flow.has("credssp.started"), "{:?}", flow.kinds);
    assert!(!flow.has("mcs.connect-initial"), "{:?}", flow.kinds);
    // Where the logon went well, the sequence behind it is found.
    let mut play = Play::opened(Version::Tls12);
    play.secured(2).authenticated().session();
    play.tcp.close(Side::Client);
    let flow = seen(Side::Client, play.frames());
    assert!(flow.has("mcs.connect-initial"), "{:?}", flow.kinds);
    // A client that had only TLS to offer begins with the sequence.
    let mut play = Play::opened(Version::Tls12);
    play.request(1).confirm(1).client_hello().server_flight();
    play.finished().session();
    play.tcp.close(Side::Client);
    let flow = seen(Side::Client, play.frames());
    assert!(!flow.has("credssp.started"), "{:?}", flow.kinds);
    assert!(flow.has("mcs.connect-initial"), "{:?}", flow.kinds);
}

#[test]
fn what_is_repeated_to_the_end_never_arrived() {
    for repetitions in [1, 5] {
        let mut play = secured();
        play.tcp
            .send_into_the_void(Side::Client, &[0x17; 300], repetitions);
        let flow = seen(Side::Client, play.frames());
        let lost = repetitions > 1;
        assert_eq!(flow.get("flow.measured", "lost_at_end"), lost.to_string());
        assert_eq!(flow.how, if lost { "silence" } else { "still-open" });
        assert_eq!(
            flow.int("flow.measured", "largest_lost_client"),
            if lost { 300 } else { 0 }
        );
    }
}

#[test]
fn a_client_that_acknowledges_nothing_had_no_answer() {
    let mut play = Play::opened(Version::Tls12);
    play.request(0x0b);
    play.tcp.close(Side::Client);
    let flow = seen(Side::Client, play.frames());
    assert!(flow.has("x224.unanswered"), "{:?}", flow.kinds);
    let mut play = Play::opened(Version::Tls12);
    play.request(0x0b).confirm(1);
    play.tcp.close(Side::Client);
    let flow = seen(Side::Client, play.frames());
    assert!(!flow.has("x224.unanswered"), "{:?}", flow.kinds);
}

#[test]
fn what_begins_behind_a_gap_is_no_answer_of_another_kind() {
    let frames = |without: &[usize]| {
        let mut play = Play::opened(Version::Tls12);
        play.secured(1);
        play.tcp.close(Side::Server);
        let mut n = 0;
        let server = |f: &Frame| f.bytes[29] == 9;
        let kept = |f: &Frame| {
            n += usize::from(server(f));
            server(f) && !without.contains(&n)
        };
        let mut kept = kept;
        play.frames()
            .into_iter()
            .filter(|f| kept(f))
            .collect::<Vec<_>>()
    };
    let whole = seen(Side::Server, frames(&[]));
    assert!(whole.has("x224.confirmed"), "{:?}", whole.kinds);
    // Of the server only the opening and what follows the confirm.
    for last in 2..5 {
        let lost: Vec<usize> = (2..=last).collect();
        let flow = seen(Side::Server, frames(&lost));
        assert!(!flow.has("server.answered-otherwise"), "{:?}", flow.kinds);
    }
}

/// A server whose large segments the capture never saw, and which gives up at their beginning or behind all of it.
fn gave_up(at_the_hole: bool) -> Flow {
    let until_hello = || {
        let mut play = Play::opened(Version::Tls12);
        play.request(1).confirm(1).client_hello();
        play
    };
    let mut play = until_hello();
    let known = play.tcp.now();
    play.tcp.send(Side::Server, &[0x16; 2920]);
    play.tcp.wait(Span::millis(40));
    let small = play.tcp.now();
    play.tcp.send(Side::Server, &[0x16; 21]);
    play.tcp.wait(Span::seconds(10));
    let end = play.tcp.now();
    let mut other = if at_the_hole { until_hello() } else { play };
    other.tcp.wait(Span(end.0 - other.tcp.now().0));
    other.tcp.reset(Side::Server);
    let mut play = until_hello();
    play.tcp.send(Side::Server, &[0x16; 2920]);
    play.tcp.wait(Span::millis(40));
    play.tcp.send(Side::Server, &[0x16; 21]);
    let mut frames = play.frames();
    frames.retain(|f| f.time < known || f.time >= small);
    frames.extend(other.frames().pop());
    seen(Side::Server, frames)
}

#[test]
fn who_gives_up_at_a_hole_had_no_acknowledgement_for_it() {
    let size = |flow: &Flow| flow.int("flow.measured", "largest_lost_server");
    let flow = gave_up(true);
    assert_eq!((&*flow.by, &*flow.how), ("server", "rst"));
    assert!(size(&flow) >= 1460, "{}", size(&flow));
    // What it does not come back to, the capture may have lost.
    assert_eq!(size(&gave_up(false)), 0);
}

#[test]
fn how_long_the_other_side_had_said_nothing_shows_in_what_is_acknowledged() {
    for (pause, quiet) in [(5_000, true), (2, false)] {
        let mut play = secured();
        play.client(40);
        play.tcp.wait(Span::millis(pause));
        play.tcp.close(Side::Server);
        let flow = seen(Side::Server, play.frames());
        let told = flow.int("flow.measured", "unseen_quiet_ms");
        assert_eq!(told >= 1_000, quiet, "{told}");
    }
}
