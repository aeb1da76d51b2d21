//! Clocks that are off, that are set while the logs are written, that drift: the story stays the same.

use serde_json::Value;

use crate::case::Evidence;
use crate::program::{analyze, list, number, text};

/// A server whose clock is as `clock` says, captured, with healthy sessions and a failure each few minutes.
fn report(server: &str, client: &str, capture: bool) -> Value {
    let capture = if capture { "capture = \"server\"" } else { "" };
    let description = format!(
        r#"
title = "clocks"
day = "2026-11-21"
covers = ["06:00", "18:00"]
{capture}

[host.server]
name = "SRV1.corp.example"
ip = "10.2.1.11"
role = "server"
{server}

[host.client]
name = "WS7.corp.example"
ip = "10.2.8.7"
role = "client"
{client}

[[attempt]]
at = "07:00:03.118"
port = 50122
story = "session"
lasts_s = 300
times = 4
every_s = 1900

[[attempt]]
at = "11:20:03.118"
port = 51122
story = "key-inaccessible"
times = 3
every_s = 40

[[attempt]]
at = "12:40:07.400"
port = 52122
story = "session"
lasts_s = 700
times = 6
every_s = 3001
"#
    );
    analyze(&Evidence::described(&description)).0
}

/// What does not depend on clocks: who, when, how it ended.
fn story(report: &Value) -> Vec<String> {
    let all = list(report, "/attempts").iter();
    let mut story: Vec<String> = all
        .map(|a| {
            let (second, _) = text(a, "/started").split_once('.').unwrap();
            let witnesses = list(a, "/steps").len();
            format!(
                "{second} {} {} {} {witnesses}",
                a["client"]["port"],
                text(a, "/outcome"),
                text(a, "/stage"),
            )
        })
        .collect();
    story.sort();
    let causes = list(report, "/verdicts").iter();
    story.extend(causes.map(|v| format!("{} {}", text(v, "/cause"), text(v, "/confidence"))));
    story
}

/// The basis of a host's clock.
fn basis<'a>(report: &'a Value, folder: &str) -> &'a str {
    let mut sources = list(report, "/sources").iter();
    let source = sources
        .find(|s| text(s, "/path").starts_with(folder))
        .expect("a source of the host");
    let id = number(source, "/id");
    let mut clocks = list(report, "/clocks").iter();
    let clock = clocks.find(|c| number(c, "/source") == id);
    text(clock.expect("a clock"), "/basis")
}

fn told_alike(server: &str, client: &str, capture: bool) -> Value {
    let sound = report("", "", capture);
    assert!(story(&sound).len() > 12, "{sound:#}");
    let other = report(server, client, capture);
    pretty_assertions(&story(&sound), &story(&other), &other);
    other
}

fn pretty_assertions(one: &[String], two: &[String], report: &Value) {
    assert!(
        one == two,
        "expected\n  {}\nfound\n  {}\n{:#}",
        one.join("\n  "),
        two.join("\n  "),
        report["clocks"]
    );
}

const BACK: &str = "clock_ms = 10800000\nclock_steps = [{ at = \"10:00:00\", by_ms = -10800000 }]";

#[test]
fn a_server_clock_that_was_set_back_three_hours() {
    let told = told_alike(BACK, "", true);
    let basis = basis(&told, "server/");
    assert!(basis.contains("set back by 3 h 0 min"), "{basis}");
}

#[test]
fn a_server_clock_that_was_set_forward() {
    let forward = "clock_ms = -7200000\nclock_steps = [{ at = \"10:00:00\", by_ms = 7200000 }]";
    let told = told_alike(forward, "", true);
    let basis = basis(&told, "server/");
    assert!(basis.contains("set forward by 2 h 0 min"), "{basis}");
}

/// Without a capture the client's log is the other witness.
#[test]
fn a_client_clock_that_was_set_back() {
    let told = told_alike("", BACK, false);
    let basis = basis(&told, "client/");
    assert!(basis.contains("set back by 3 h 0 min"), "{basis}");
}

/// A machine that stood still and wakes sets its clock forward, too, and its records from before were right.
#[test]
fn time_that_passed_in_sleep_is_not_taken_out() {
    let description = |step: &str| {
        format!(
            r#"
[[record]]
at = "10:00:00"
source = "kernel-general"
id = 1
fields = [["NewTime:time", "2026-11-21T10:00:00Z"], ["OldTime:time", "{step}"], ["Reason", 1], ["ProcessName", 'C:\Windows\System32\svchost.exe'], ["ProcessID", 4]]
"#
        )
    };
    let report = |more: &str| {
        let text = format!(
            r#"
title = "sleep"
day = "2026-11-21"
covers = ["06:00", "18:00"]
capture = "server"

[host.server]
name = "SRV1.corp.example"
ip = "10.2.1.11"
role = "server"

[host.client]
name = "WS7.corp.example"
ip = "10.2.8.7"
role = "client"

[[attempt]]
at = "07:00:03.118"
port = 50122
story = "session"
lasts_s = 300
times = 2
every_s = 1900

[[attempt]]
at = "12:20:03.118"
port = 51122
story = "key-inaccessible"
times = 3
every_s = 40
{more}"#
        );
        analyze(&Evidence::described(&text)).0
    };
    let (slept, awake) = (report(&description("2026-11-21T08:30:00Z")), report(""));
    pretty_assertions(&story(&awake), &story(&slept), &slept);
    assert!(!basis(&slept, "server/").contains("set forward"));
}

/// Half a second in an hour: six seconds in half a day, more than any window between a client's record and a packet.
#[test]
fn a_server_clock_that_drifts() {
    let told = told_alike("drift_ppm = 300", "", true);
    let basis = basis(&told, "server/");
    assert!(basis.contains("gains"), "{basis}");
}

#[test]
fn a_client_clock_that_drifts() {
    let told = told_alike("", "drift_ppm = -300\nclock_ms = 4000", false);
    let basis = basis(&told, "client/");
    assert!(basis.contains("loses"), "{basis}");
}

/// Damage makes moments of any century; differences of differences are larger than a number holds.
#[test]
fn clocks_that_are_centuries_apart_are_no_trouble() {
    let plain = story(&report("", "", true));
    for (server, client) in [
        (
            "clock_ms = 7_300_000_000_000",
            "clock_ms = -9_000_000_000_000",
        ),
        (
            "clock_ms = -9_200_000_000_000",
            "clock_ms = 7_300_000_000_000",
        ),
    ] {
        let told = report(server, client, true);
        assert_eq!(list(&told, "/attempts").is_empty(), plain.is_empty());
    }
}
