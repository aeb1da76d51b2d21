//! Evidence that nobody here made: public logs and captures, and incidents with known answers, where `../shared/samples`
//! lies beside the project. The floors here are low; the scores proper are counted by programs of their own.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::contract::violations;
use crate::program::{diagnose, in_parallel, list, number, text};

/// The samples' folder, unless it is not there, which is said past the harness's capturing.
fn samples(below: &str) -> Option<PathBuf> {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples");
    let folder = shared.join(below);
    if folder.exists() {
        return Some(folder);
    }
    let _ = writeln!(
        std::io::stderr(),
        "skipped: ../shared/samples/{below} is not there"
    );
    None
}

fn report_on(path: &Path) -> (Value, u8) {
    let run = diagnose(&[path], &["--format", "json", "-j1"]);
    assert!(
        [0, 1, 4].contains(&run.status),
        "{}: {}",
        path.display(),
        run.err
    );
    let report = run.report();
    let broken = violations(&report, run.status);
    assert!(broken.is_empty(), "{}: {broken:?}", path.display());
    (report, run.status)
}

/// Causes named by verdicts of this severity.
fn causes<'a>(report: &'a Value, severity: &str) -> BTreeSet<&'a str> {
    let verdicts = list(report, "/verdicts").iter();
    let of = verdicts.filter(|v| text(v, "/severity") == severity);
    of.map(|v| text(v, "/cause")).collect()
}

/// A host on the internet, in three logs: guessers all day, and eight refusals of its own as a client.
#[test]
fn an_exposed_host_is_not_blamed_for_its_guessers() {
    let Some(folder) = samples("evtx/DESKTOP-1N4R894") else {
        return;
    };
    let (report, _) = report_on(&folder);
    assert_eq!(list(&report, "/sources").len(), 3);
    for source in list(&report, "/sources") {
        assert_eq!(text(source, "/host"), "DESKTOP-1N4R894");
    }
    // Guessing: failed tries, kept apart per address, under remarks.
    let remarks = causes(&report, "remark");
    let guessing = BTreeSet::from(["scan-traffic", "wrong-credentials"]);
    assert!(
        !remarks.is_empty() && remarks.is_subset(&guessing),
        "{remarks:?}"
    );
    let failed = list(&report, "/attempts").iter();
    let failed: Vec<_> = failed.filter(|a| text(a, "/outcome") == "failed").collect();
    let addresses: BTreeSet<_> = failed.iter().map(|a| text(a, "/client/ip")).collect();
    assert!(addresses.len() > 30, "{} addresses", addresses.len());
    // What it says of itself as a client is the only failure, and rests on its own eight records.
    assert_eq!(
        causes(&report, "failure"),
        BTreeSet::from(["credssp-oracle-remediation"])
    );
    let verdict = &list(&report, "/verdicts")[0];
    let cited = list(verdict, "/evidence").iter();
    let cited: u64 = cited.map(|e| number(e, "/times").max(1)).sum();
    assert_eq!(cited, 8);
    // The records that cannot be read are told, with their place.
    let lost = list(&report, "/sources")
        .iter()
        .flat_map(|s| list(s, "/defects"));
    let lost: Vec<_> = lost.filter(|d| number(d, "/lost") > 0).collect();
    assert!(
        lost.iter().all(|d| text(d, "/at").starts_with("chunk")),
        "{lost:?}"
    );
    assert!(!lost.is_empty());
}

/// Outcomes of the attempts on a capture.
fn outcomes(name: &str) -> Option<(Value, Vec<String>)> {
    let (report, _) = report_on(&samples("pcap")?.join(name));
    let attempts = list(&report, "/attempts").iter();
    let outcomes = attempts.map(|a| text(a, "/outcome").to_owned()).collect();
    Some((report, outcomes))
}

#[test]
fn recorded_sessions_that_worked_are_ok() {
    for name in [
        "rdp-nla-kerberos-auth1.pcapng",
        "rdp-no-nla-accepted1.pcapng",
        "rdp-restricted-admin-accepted1.pcapng",
        "zeek-rdp-proprietary-encryption.pcap",
        "zeek-rdp-to-ssl.pcap",
    ] {
        let Some((report, outcomes)) = outcomes(name) else {
            return;
        };
        assert_eq!(outcomes.last().map(String::as_str), Some("ok"), "{name}");
        assert!(
            outcomes.iter().all(|o| o == "ok" || o == "cancelled"),
            "{name}"
        );
        assert_eq!(list(&report, "/verdicts").len(), 0, "{name}");
    }
}

#[test]
fn a_server_that_insists_on_nla() {
    let Some((report, _)) = outcomes("rdp-no-nla-rejected1.pcapng") else {
        return;
    };
    let verdict = &list(&report, "/verdicts")[0];
    assert_eq!(text(verdict, "/cause"), "nla-required");
    assert_eq!(text(verdict, "/confidence"), "certain");
}

/// With the secrets in the capture a gateway's HTTPS is read, and what it said counts.
#[test]
fn a_gateway_that_refuses_is_told_from_one_that_works() {
    let Some((report, _)) = outcomes("rdp-rdg-no-kdc-proxy-ntlm-downgrade-failure.pcapng") else {
        return;
    };
    assert_eq!(causes(&report, "failure"), ["gateway-denied"].into());
    let Some((report, outcomes)) = outcomes("rdp-rdg-same-creds-kerberos-password-success1.pcapng")
    else {
        return;
    };
    assert_eq!(outcomes, ["ok"], "{report:#}");
    assert!(causes(&report, "failure").is_empty());
}

/// An exploit is nothing that the server did wrong; odd packets are no failure.
#[test]
fn other_traffic_is_no_fault_of_a_server() {
    for name in [
        "bluekeep.pcap",
        "ndpi-rdp.pcap",
        "ndpi-rdp_over_tls.pcap",
        "zeek-rdp-invalid-length.pcap",
        "zeek-rdp-x509.pcap",
        "zeek-rdpeudp-handshake-success.pcap",
    ] {
        let Some((report, _)) = outcomes(name) else {
            return;
        };
        let named = causes(&report, "failure");
        assert!(named.iter().all(|c| c.is_empty()), "{name}: {named:?}");
    }
}

/// What labels and reports have in common.
struct Scored {
    name: String,
    right: bool,
    blamed: Vec<String>,
}

/// Fails unless this share, in percent, is right, and nobody healthy is blamed.
fn floor(scored: &[Scored], percent: usize) {
    let blamed: Vec<_> = scored.iter().filter(|s| !s.blamed.is_empty()).collect();
    for s in &blamed {
        println!("{} blames {:?}", s.name, s.blamed);
    }
    let wrong = scored.iter().filter(|s| !s.right);
    let wrong: Vec<_> = wrong.map(|s| s.name.as_str()).collect();
    println!("not right: {wrong:?}");
    let right = scored.len() - wrong.len();
    assert!(
        right * 100 >= scored.len() * percent,
        "{right} of {}",
        scored.len()
    );
    assert!(blamed.is_empty());
}

fn texts<'a>(value: &'a Value, pointer: &str) -> BTreeSet<&'a str> {
    let texts = list(value, pointer).iter();
    texts.filter_map(Value::as_str).collect()
}

/// Whether the first verdict is one that the label accepts; an inconclusive one has to offer one of them.
fn acceptable(report: &Value, accept: &BTreeSet<&str>, inconclusive_ok: bool) -> bool {
    let first = list(report, "/verdicts").first();
    let Some(first) = first else {
        return accept.is_empty();
    };
    match text(first, "/cause") {
        "" => {
            let offered = list(first, "/alternatives").iter();
            let mut offered = offered.map(|a| text(a, "/cause"));
            accept.is_empty() || inconclusive_ok && offered.any(|c| accept.contains(c))
        }
        cause => accept.contains(cause),
    }
}

/// Healthy connections that a report calls failed or dropped, or that a verdict of severity failure covers.
fn blamed<'a>(report: &Value, healthy: impl Iterator<Item = (&'a str, u64)>) -> Vec<String> {
    let healthy: BTreeSet<_> = healthy.collect();
    let verdicts = list(report, "/verdicts").iter();
    let failures = verdicts.filter(|v| text(v, "/severity") == "failure");
    let failures = failures.filter(|v| !text(v, "/cause").is_empty());
    let covered: BTreeSet<_> = failures.flat_map(|v| texts(v, "/attempts")).collect();
    let attempts = list(report, "/attempts").iter();
    let ours = attempts.filter(|a| {
        let client = (text(a, "/client/ip"), number(a, "/client/port"));
        healthy.contains(&client)
    });
    let bad = ours.filter(|a| {
        let failed = matches!(text(a, "/outcome"), "failed" | "dropped");
        failed || covered.contains(text(a, "/id"))
    });
    bad.map(|a| format!("{}:{}", text(a, "/client/ip"), number(a, "/client/port")))
        .collect()
}

fn labels(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("labels.json")).unwrap()).unwrap()
}

#[test]
fn captures_of_real_peers() {
    let Some(folder) = samples("lab") else { return };
    let labels = labels(&folder);
    let scored = in_parallel(list(&labels, ""), |label| {
        let name = text(label, "/file");
        let (report, _) = report_on(&folder.join(name));
        let accept = texts(label, "/accept/accept");
        let inconclusive_ok = label.pointer("/accept/inconclusive_ok") == Some(&true.into());
        let healthy = list(label, "/healthy").iter();
        let tcp = healthy.filter(|c| text(c, "/proto") == "tcp");
        let clients = tcp.map(|c| (text(c, "/client"), number(c, "/client_port")));
        Scored {
            name: name.to_owned(),
            right: acceptable(&report, &accept, inconclusive_ok),
            blamed: blamed(&report, clients),
        }
    });
    floor(&scored, 60);
}

#[test]
fn incidents_told_by_logs() {
    let Some(folder) = samples("log-cases") else {
        return;
    };
    let labels = labels(&folder);
    let scored = in_parallel(list(&labels, "/cases"), |label| {
        let name = text(label, "/folder").to_owned();
        let (report, _) = report_on(&folder.join(&name));
        let accept = texts(label, "/expected/accept");
        let inconclusive_ok = label.pointer("/expected/inconclusive_ok") == Some(&true.into());
        let attempts = list(label, "/expected/attempts").iter();
        let healthy =
            attempts.filter(|a| text(a, "/role") == "healthy" && number(a, "/client/port") > 0);
        let clients = healthy.map(|a| (text(a, "/client/ip"), number(a, "/client/port")));
        Scored {
            right: acceptable(&report, &accept, inconclusive_ok),
            blamed: blamed(&report, clients),
            name,
        }
    });
    floor(&scored, 50);
}
