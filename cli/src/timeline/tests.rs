use std::ffi::OsString;
use std::fmt::Write as _;

use crate::run;

const CHANNEL: &str = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS";

/// One record as `wevtutil` writes it.
fn record(
    provider: &str,
    channel: &str,
    id: u32,
    number: u64,
    time: &str,
    activity: &str,
    data: &[(&str, &str)],
) -> String {
    let mut out = format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{provider}'/>\
         <EventID>{id}</EventID><TimeCreated SystemTime='2026-11-19T{time}Z'/><EventRecordID>{number}</EventRecordID>"
    );
    if !activity.is_empty() {
        let _ = write!(out, "<Correlation ActivityID='{{{activity}}}'/>");
    }
    let _ = write!(
        out,
        "<Channel>{channel}</Channel><Computer>SRV01.corp.example</Computer></System><EventData>"
    );
    for (name, value) in data {
        let _ = write!(out, "<Data Name='{name}'>{value}</Data>");
    }
    out + "</EventData></Event>\n"
}

/// A connection that RdpCoreTS tells of, a service crash, a burst of services, and a record that nobody describes.
fn log() -> String {
    let activity = "f4202f30-8c5a-4d3b-9d38-000000000000";
    let core = |id, number, time, data: &[(&str, &str)]| {
        record(
            CHANNEL,
            &format!("{CHANNEL}/Operational"),
            id,
            number,
            time,
            activity,
            data,
        )
    };
    let system = |provider, id, number, time, data: &[(&str, &str)]| {
        record(provider, "System", id, number, time, "", data)
    };
    let scm = "Service Control Manager";
    [
        core(
            131,
            1,
            "08:12:33.100",
            &[("ConnType", "TCP"), ("ClientIP", "198.51.100.23:50123")],
        ),
        core(65, 2, "08:12:33.101", &[("ConnectionName", "RDP-Tcp#1")]),
        core(140, 3, "08:12:35.500", &[("IPString", "198.51.100.23")]),
        core(103, 4, "08:12:35.900", &[("ReasonCode", "14")]),
        system(
            scm,
            7036,
            1,
            "08:20:00.000",
            &[
                ("param1", "=cmd"),
                ("param2", "x"),
                (
                    "Binary",
                    "4B00650079004900730 06F002F003100"
                        .replace(' ', "")
                        .as_str(),
                ),
            ],
        ),
        system(
            scm,
            7036,
            2,
            "08:20:01.000",
            &[("param1", "Spooler"), ("param2", "x")],
        ),
        system("Somebody", 99, 3, "08:20:02.000", &[]),
    ]
    .concat()
}

fn told(extra: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("export.xml");
    std::fs::write(&path, log()).expect("written");
    let mut args: Vec<OsString> = vec!["rdpwhy".into(), "timeline".into(), path.clone().into()];
    args.extend(extra.iter().map(OsString::from));
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let status = run(args, &mut out, &mut err);
    let err = String::from_utf8(err).expect("UTF-8");
    let out = String::from_utf8(out).expect("UTF-8");
    assert_eq!((status, err.as_str()), (0, ""), "{out}");
    out.replace(&path.display().to_string(), "export.xml")
}

#[test]
fn the_story() {
    insta::assert_snapshot!(told(&["--tz", "Europe/Berlin"]));
}

#[test]
fn everything() {
    insta::assert_snapshot!(told(&["--all"]));
}

#[test]
fn rows() {
    insta::assert_snapshot!(told(&["--format", "csv"]));
}

#[test]
fn objects() {
    insta::assert_snapshot!(told(&[
        "--format",
        "jsonl",
        "--all",
        "--until",
        "2026-11-19T08:12:34Z"
    ]));
}

#[test]
fn for_timesketch() {
    insta::assert_snapshot!(told(&["--format", "timesketch-csv", "--host", "SRV01"]));
    insta::assert_snapshot!(told(&[
        "--format",
        "timesketch-jsonl",
        "--stage",
        "credssp"
    ]));
}

#[test]
fn filters_choose_events() {
    let count = |extra: &[&str]| {
        let args: Vec<&str> = ["--format", "csv"].iter().chain(extra).copied().collect();
        told(&args).lines().count() - 1
    };
    assert_eq!(count(&[]), 6);
    assert_eq!(count(&["--since", "2026-11-19T08:20:00Z"]), 2);
    assert_eq!(
        count(&["--around", "2026-11-19T09:12:34+01:00", "--window", "1s"]),
        2
    );
    assert_eq!(count(&["--client", "198.51.100.23"]), 4);
    assert_eq!(count(&["--server", "srv01"]), 4);
    assert_eq!(count(&["--host", "srv02"]), 0);
    let first = told(&["--format", "jsonl", "--stage", "tcp"]);
    let object: serde_json::Value =
        serde_json::from_str(first.lines().next().expect("a line")).expect("JSON");
    let id = object["attempt"].as_str().expect("an id");
    assert_eq!(count(&["--attempt", id]), 4);
}
