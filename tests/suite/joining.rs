//! Who is who: records and packets of one connection find each other, and those of strangers do not.

use serde_json::Value;

use crate::case::Evidence;
use crate::program::{analyze, list, text};

/// A server, a client, and whatever else a test needs.
fn described(more: &str) -> Value {
    let description = format!(
        r#"
title = "joining"
day = "2026-11-21"
covers = ["06:00", "14:00"]

[host.server]
name = "SRV1.corp.example"
ip = "10.2.1.11"
role = "server"
{more}"#
    );
    analyze(&Evidence::described(&description)).0
}

fn attempts(report: &Value) -> &[Value] {
    list(report, "/attempts")
}

/// The attempts of a client, by its host name.
fn of_client<'a>(report: &'a Value, name: &str) -> Vec<&'a Value> {
    let all = attempts(report).iter();
    all.filter(|a| a["client"]["host"].as_str() == Some(name))
        .collect()
}

const COLLEAGUE_AND_CLIENT: &str = r#"
[host.colleague]
name = "WS9.corp.example"
ip = "10.2.1.9"
role = "outsider"

[host.client]
name = "WS7.corp.example"
ip = "10.2.8.7"
role = "client"
clock_ms = -10800000

[[attempt]]
at = "07:00:00"
port = 50140
story = "session"
lasts_s = 600
client = "colleague"
user = 'CORP\ben'

[[attempt]]
at = "10:00:03.118"
port = 50122
"#;

/// One try in a client's log whose clock nobody knows is not the stranger's session that happened to begin at that time of
/// that clock: the session went on for minutes after the client had given up.
#[test]
fn a_session_that_outlived_the_clients_end_is_not_its_try() {
    let report = described(&format!(
        "missing_logs = [\"System\"]\n{COLLEAGUE_AND_CLIENT}story = \"unanswered\"\n"
    ));
    let session = attempts(&report)
        .iter()
        .find(|a| text(a, "/outcome") == "ok")
        .expect("the colleague's session");
    assert!(
        session["client"]["host"].is_null() || text(session, "/client/host") == "WS9.corp.example",
        "{session:#}"
    );
    let ours = of_client(&report, "WS7.corp.example");
    assert_eq!(ours.len(), 1, "{report:#}");
    assert_eq!(text(ours[0], "/outcome"), "failed", "{:#}", ours[0]);
}

const GATEWAY: &str = r#"
[host.gateway]
name = "RDGW1.corp.example"
ip = "10.2.1.5"
role = "server"

[host.inside]
name = "RDGW1"
ip = "10.2.1.5"
role = "outsider"

[[attempt]]
at = "10:00:24.3"
port = 50122
client = "inside"
story = "key-inaccessible"
user = 'CORP\ana'

[[record]]
host = "gateway"
at = "10:00:24.0"
source = "gateway"
id = 200
fields = [["Username", 'CORP\ana'], ["IpAddress", "203.0.113.70"], ["AuthType", "NTLM"], ["ConnectionProtocol", "HTTP"], ["ErrorCode", 0]]

[[record]]
host = "gateway"
at = "10:00:24.1"
source = "gateway"
id = 300
fields = [["Username", 'CORP\ana'], ["IpAddress", "203.0.113.70"], ["Resource", "srv1.corp.example"], ["ErrorCode", 0]]

[[record]]
host = "gateway"
at = "10:00:24.6"
source = "gateway"
id = 302
fields = [["Username", 'CORP\ana'], ["IpAddress", "203.0.113.70"], ["Resource", "srv1.corp.example"], ["ConnectionProtocol", "HTTP"], ["ErrorCode", 0]]
"#;

/// The gateway let the user pass and the target refused: the try at the gateway names the target's connection as what
/// decided it, and that one carries the user and the gateway's name.
#[test]
fn a_gateways_try_leads_to_the_connection_behind_it() {
    let report = described(GATEWAY);
    let all = attempts(&report);
    let at_gateway = all
        .iter()
        .find(|a| text(a, "/server/host") == "RDGW1.corp.example")
        .expect("the try at the gateway");
    let behind = all
        .iter()
        .find(|a| text(a, "/server/host") == "SRV1.corp.example")
        .expect("the connection behind it");
    assert_eq!(at_gateway["part_of"], behind["id"], "{report:#}");
    assert_eq!(text(at_gateway, "/outcome"), "ok");
    assert_eq!(text(behind, "/client/host"), "RDGW1.corp.example");
    assert_eq!(text(behind, "/user"), "CORP\\ana");
    assert_eq!(text(behind, "/outcome"), "failed");
    assert_eq!(
        text(&report, "/verdicts/0/cause"),
        "private-key-access-denied"
    );
}

/// A client's own log beside it: the client's address is the one that the gateway saw, not the gateway's.
#[test]
fn a_client_behind_a_gateway_keeps_its_own_address() {
    let client = r#"
[host.client]
name = "WS7.corp.example"
ip = "203.0.113.70"
role = "client"

[[record]]
host = "client"
at = "10:00:23.8"
source = "rdpclient"
id = 1024
fields = [["Name", "Server Name"], ["Value", "srv1.corp.example"], ["CustomLevel", "Info"]]

[[record]]
host = "client"
at = "10:00:25.2"
source = "rdpclient"
id = 1026
fields = [["Name", "Disconnect Reason"], ["Value", "2308"], ["CustomLevel", "Info"]]
"#;
    let report = described(&format!("{GATEWAY}{client}"));
    let ours = of_client(&report, "WS7.corp.example");
    assert_eq!(ours.len(), 1, "{report:#}");
    assert_eq!(text(ours[0], "/client/ip"), "203.0.113.70");
    assert_eq!(text(ours[0], "/server/host"), "RDGW1.corp.example");
    let behind = of_client(&report, "RDGW1.corp.example");
    assert_eq!(behind.len(), 1, "{report:#}");
    assert_eq!(text(behind[0], "/client/ip"), "10.2.1.5");
}

/// The dialog's two numbers, typed by the user: they join the failed try of that time, and only that one is reported.
#[test]
fn the_users_own_words_join_the_try_they_are_about() {
    let folder = Evidence::described(&format!(
        r#"
title = "told"
day = "2026-11-21"
covers = ["06:00", "14:00"]
capture = "server"

[host.server]
name = "SRV1.corp.example"
ip = "10.2.1.11"
role = "server"
{}
missing_logs = ["Microsoft-Windows-TerminalServices-RDPClient/Operational"]
[[attempt]]
at = "11:00:03.118"
port = 50322
story = "key-inaccessible"
times = 2
every_s = 20
"#,
        r#"
[host.client]
name = "WS7.corp.example"
ip = "10.2.8.7"
role = "client""#
    ))
    .laid_out();
    let path = folder.path().to_str().unwrap();
    let words = |more: &[&str]| {
        let basic = ["diagnose", path, "--format", "json", "--code", "904/7"];
        crate::program::rdpwhy(&[&basic[..], more].concat())
    };
    let run = words(&["--at", "2026-11-21T11:02Z", "--client", "10.2.8.7"]);
    assert_eq!(run.status, 1, "{}", run.err);
    let report = run.report();
    let all = attempts(&report);
    assert_eq!(all.len(), 1, "{report:#}");
    assert_eq!(all[0]["client"]["port"], 50323);
    assert_eq!(all[0]["codes"]["disconnect_reason"], 0x904);
    assert_eq!(all[0]["codes"]["extended_reason"], 7);
    assert_eq!(
        text(&report, "/verdicts/0/cause"),
        "private-key-access-denied"
    );

    // Nobody else saw it: the words alone are a try, and no cause.
    let run = words(&[
        "--at",
        "2026-11-21T13:00Z",
        "--client",
        "WS99",
        "--server",
        "srv1",
    ]);
    assert_eq!(run.status, 4, "{}", run.err);
    let report = run.report();
    assert_eq!(attempts(&report).len(), 1, "{report:#}");
    assert_eq!(text(&report, "/attempts/0/client/host"), "WS99");
    assert!(report["verdicts"][0]["cause"].is_null(), "{report:#}");
    assert!(!list(&report, "/verdicts/0/missing").is_empty());

    let run = words(&[]);
    assert_eq!(run.status, 2, "a code without a time");
}
