//! `rdpwhy explain`: what people type leads to what they look for.

use rdpwhy_analyzer::explain::explain as look_up;
use serde_json::Value;

use crate::program::{Run, knowledge, list, rdpwhy, text};

fn explain(what: &str) -> Run {
    let words = what.split(' ').collect::<Vec<_>>();
    rdpwhy(&[&["explain", "--json"], words.as_slice()].concat())
}

/// The readings, each by its kind and its name.
fn readings(what: &str) -> Vec<(String, String)> {
    let run = explain(what);
    assert_eq!(run.status, 0, "{what}: {}", run.err);
    let report = run.report();
    assert_eq!(text(&report, "/schema"), "rdpwhy.explain/1");
    let name = |r: &Value| {
        let of = |key: &str| r.get(key).and_then(Value::as_str);
        let name = of("name").or(of("event")).or(of("cause")).or(of("meaning"));
        name.unwrap_or_default().to_owned()
    };
    list(&report, "/readings")
        .iter()
        .map(|r| (text(r, "/reading").to_owned(), name(r)))
        .collect()
}

/// Ids of the causes that a reading leads to.
fn leads(what: &str) -> Vec<String> {
    let report = explain(what).report();
    list(&report, "/readings/0/leads")
        .iter()
        .filter(|l| text(l, "/role") != "excluding")
        .map(|l| text(l, "/cause").to_owned())
        .collect()
}

#[test]
fn one_code_in_all_its_spellings() {
    let first = |what| readings(what).swap_remove(0).1;
    for what in ["0x904", "2308", "904", "0X904", "mstsc 0x904"] {
        assert_eq!(
            first(what),
            "disconnectReasonAtClientWinsockFDCLOSE",
            "{what}"
        );
    }
    for what in ["0x8009030d", "8009030D", "2148074253", "-2146893043"] {
        assert_eq!(first(what), "SEC_E_UNKNOWN_CREDENTIALS", "{what}");
    }
    for what in [
        "alert 40",
        "handshake_failure",
        "handshake failure",
        "TLS alert 40",
    ] {
        assert_eq!(first(what), "handshake_failure", "{what}");
    }
    for what in ["KDC_ERR_PREAUTH_FAILED", "kerberos 0x18", "0x18"] {
        assert_eq!(first(what), "KDC_ERR_PREAUTH_FAILED", "{what}");
    }
    for what in ["errinfo 7", "ERRINFO_SERVER_DENIED_CONNECTION"] {
        assert_eq!(first(what), "ERRINFO_SERVER_DENIED_CONNECTION", "{what}");
    }
    assert_eq!(first("negotiation failure 5"), "HYBRID_REQUIRED_BY_SERVER");
    assert_eq!(first("0xC000006A"), "STATUS_WRONG_PASSWORD");
    for what in ["Schannel/36870", "36870", "schannel 36870", "System/36870"] {
        assert_eq!(first(what), "tls.key-inaccessible", "{what}");
    }
    for what in ["RdpCoreTS 131", "RdpCoreTS/131"] {
        assert_eq!(first(what), "connection.accepted", "{what}");
    }
    assert_eq!(first("packet-loss"), "packet-loss");
}

/// A number that several registries know is read in all of them.
#[test]
fn a_bare_number_has_many_readings() {
    let names: Vec<String> = readings("5").into_iter().map(|(_, name)| name).collect();
    for name in [
        "exDiscReasonReplacedByOtherConnection",
        "HYBRID_REQUIRED_BY_SERVER",
        "ERROR_ACCESS_DENIED",
    ] {
        assert!(
            names.iter().any(|n| n == name),
            "{name} is not in {names:?}"
        );
    }
}

#[test]
fn codes_and_events_lead_to_causes() {
    assert_eq!(leads("negotiation failure 5"), ["nla-required"]);
    assert!(leads("0xC000006A").contains(&"wrong-credentials".to_owned()));
    assert!(leads("36870").contains(&"private-key-access-denied".to_owned()));
    assert!(leads("0x8009030d").contains(&"private-key-access-denied".to_owned()));
    assert!(leads("0x204").contains(&"port-blocked".to_owned()));
}

/// The socket was closed: no denial, and who closed it is what to ask.
#[test]
fn the_pair_that_everybody_asks_for() {
    for what in ["0x904/0x7", "904/7", "0x904 0x7", "0x904 / 0x7", "2308/7"] {
        let report = explain(what).report();
        assert_eq!(text(&report, "/readings/0/reading"), "dialog", "{what}");
        let meaning = text(&report, "/readings/0/meaning");
        assert!(meaning.contains("not a diagnosis"), "{meaning}");
        let shown: Vec<&str> = list(&report, "/readings/0/neighbours")
            .iter()
            .map(|n| text(n, "/shows"))
            .collect();
        for neighbour in [
            "0x104",
            "0x204",
            "0x108",
            "0x3 / 0x7",
            "0x1B07",
            "0x904 / 0x0",
        ] {
            assert!(
                shown.contains(&neighbour),
                "{neighbour} is not in {shown:?}"
            );
        }
        assert!(leads(what).contains(&"private-key-access-denied".to_owned()));
    }
}

#[test]
fn what_nobody_knows_is_said_to_be_unknown() {
    for (what, hint) in [
        ("0xdeadbeef", "no table"),
        ("paket-loss", "packet-loss"),
        ("handshake_failur", "handshake_failure"),
        ("zebra", "knowledge list"),
    ] {
        let run = explain(what);
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{what}");
        assert!(run.err.contains(hint), "{what}: {}", run.err);
    }
}

/// Everything that is known can be asked for by its name, in text as well.
#[test]
fn every_cause_code_and_record_explains() {
    let causes = rdpwhy(&["knowledge", "list", "--json"]).report();
    for cause in list(&causes, "/causes") {
        let id = text(cause, "/id");
        let run = rdpwhy(&["explain", id, "--all"]);
        assert_eq!(run.status, 0, "{id}: {}", run.err);
        // Commands have braces of their own.
        for placeholder in [
            "{server}",
            "{client}",
            "{host}",
            "{user}",
            "{error}",
            "{attempts}",
        ] {
            assert!(!run.out.contains(placeholder), "{id}: {}", run.out);
        }
    }
    for spec in rdpwhy_parsers::catalog::all() {
        let id = spec.id.to_string();
        let found = look_up(std::slice::from_ref(&id), knowledge());
        assert!(
            found.is_ok_and(|e| !e.readings.is_empty()),
            "{} {id}",
            spec.provider_name
        );
    }
}
