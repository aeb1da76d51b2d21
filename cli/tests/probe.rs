//! `rdpwhy probe` against a server that says one thing: network level authentication is required, and goodbye.

#![allow(
    clippy::expect_used,
    reason = "a test that cannot go on says so best by stopping"
)]

use std::ffi::OsString;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::thread;

use serde_json::Value;

/// X.224 confirm with an RDP_NEG_FAILURE, HYBRID_REQUIRED_BY_SERVER (MS-RDPBCGR 2.2.1.2.2).
const REQUIRES_NLA: [u8; 19] = [
    3, 0, 0, 19, 14, 0xd0, 0, 0, 0x12, 0x34, 0, 3, 0, 8, 0, 5, 0, 0, 0,
];

/// A server at this machine's own address, since that of the loopback is no secret. It goes with the process.
fn server() -> Option<SocketAddr> {
    // Nothing is sent: a UDP socket only has to say from where it would (RFC 5737: an address for documentation).
    let way = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    let listener = way.and_then(|own| TcpListener::bind((own.ip(), 0)));
    let Ok(listener) = listener else {
        eprintln!("skipped: this machine has no address but that of its loopback");
        return None;
    };
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let mut request = [0; 512];
            if stream.read(&mut request).is_ok_and(|n| n > 0) {
                let _ = stream.write_all(&REQUIRES_NLA);
            }
        }
    });
    Some(address)
}

fn rdpwhy(args: &[&str]) -> (u8, String) {
    let args = [&["rdpwhy"], args].concat();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let args = args.iter().map(OsString::from);
    let status = rdpwhy::run(args, &mut out, &mut err);
    let err = String::from_utf8(err).expect("UTF-8");
    let out = String::from_utf8(out).expect("UTF-8");
    assert!(err.is_empty(), "{err}");
    (status, out)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn texts<'a>(value: &'a Value, list: &str, field: &str) -> Vec<&'a str> {
    let list = value.pointer(list).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(|v| v.get(field)?.as_str())
        .collect()
}

#[test]
fn every_question_has_its_answer_and_the_packets_tell_the_same() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().expect("folder");
    let capture = folder.path().join("probe.pcapng");
    let capture = capture.to_str().expect("UTF-8");
    let target = server.to_string();
    let asked = ["probe", &target, "--format", "json", "-w", capture];
    let (status, out) = rdpwhy(&asked);
    let found = json(&out);
    assert_eq!(found["address"], target);
    let questions = found["questions"].as_array().expect("a list");
    assert!(questions.len() >= 4, "{questions:#?}");
    for question in questions {
        assert_eq!(question["answer"]["failure"], 5, "{question}");
        assert!(question["connect_ms"].is_number(), "{question}");
    }
    let (again, out) = rdpwhy(&["diagnose", capture, "--format", "json"]);
    assert_eq!(again, status);
    let report = json(&out);
    let causes = |report: &Value| -> Vec<String> {
        let causes = texts(report, "/verdicts", "cause");
        causes.into_iter().map(str::to_owned).collect()
    };
    assert_eq!(causes(&report), causes(&found["report"]));
    assert_eq!(
        texts(&report, "/attempts", "stage"),
        texts(&found["report"], "/attempts", "stage")
    );
}

#[test]
fn a_redacted_answer_names_nobody() {
    let Some(server) = server() else { return };
    let target = server.to_string();
    let address = server.ip().to_string();
    let (open, plain) = rdpwhy(&["probe", &target]);
    assert!(plain.contains(&address), "{plain}");
    for format in ["text", "markdown", "json"] {
        let asked = ["probe", &target, "--redact", "--format", format];
        let (status, out) = rdpwhy(&asked);
        assert_eq!(status, open);
        assert!(!out.contains(&address), "{out}");
        assert!(
            out.to_lowercase().contains("refused") || format == "json",
            "{out}"
        );
    }
}
