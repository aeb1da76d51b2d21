//! Recorded captures with known truth, where they are there: `../shared/samples` beside the project.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::flows::{Flow, flows};
use super::play::read;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/samples")
}

/// All captures in these folders of the samples; `None`, said aloud, when there are none.
pub fn files(folders: &[&str]) -> Option<Vec<PathBuf>> {
    let mut found: Vec<_> = folders
        .iter()
        .flat_map(|name| {
            fs::read_dir(folder().join(name))
                .into_iter()
                .flatten()
                .flatten()
        })
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|e| e == "pcap" || e == "pcapng")
        })
        .collect();
    found.sort();
    if found.is_empty() {
        println!("skipped: no captures in {}", folder().display());
        return None;
    }
    Some(found)
}

fn told(name: &str) -> Vec<Flow> {
    flows(&read(&fs::read(folder().join(name)).unwrap()))
}

/// Sides that may have ended a connection by its label: the capture's word, and the first end visible for this connection.
fn closers(label: &Value, connection: &Value) -> Vec<String> {
    let facts = &connection["facts"];
    let resets = facts["rst"].as_array().into_iter().flatten();
    let alerts = facts["alerts"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|a| a["desc"] != 0);
    let all = std::iter::once(&facts["first_fin"])
        .chain(resets)
        .chain(alerts);
    let mut ends: Vec<_> = all
        .filter_map(|end| Some((end["t"].as_f64()?, end["by"].as_str()?)))
        .collect();
    ends.sort_by(|a, b| a.0.total_cmp(&b.0));
    match label["ended_by"].as_str().unwrap_or_default() {
        "timeout" => vec!["nobody".to_owned()],
        "middlebox" if ends.is_empty() => vec!["nobody".to_owned()], // the other side of it saw nothing
        "middlebox" => vec!["middlebox".to_owned()],
        by if ends.iter().any(|e| e.1 == by) => vec![by.to_owned()],
        _ => ends.first().map(|e| e.1.to_owned()).into_iter().collect(),
    }
}

fn is(flow: &Flow, connection: &Value) -> bool {
    let address = |ip: &str| connection[ip].as_str().map(str::to_owned);
    Some(&flow.client.0) == address("client").as_ref()
        && Some(&flow.server.0) == address("server").as_ref()
        && connection["client_port"] == flow.client.1
        && connection["server_port"] == flow.server.1
}

#[test]
fn lab_captures_tell_what_their_labels_say() {
    let Ok(labels) = fs::read(folder().join("lab/labels.json")) else {
        println!("skipped: no labels in {}", folder().display());
        return;
    };
    let labels: Value = serde_json::from_slice(&labels).unwrap();
    for label in labels.as_array().unwrap() {
        let name = label["file"].as_str().unwrap();
        let flows = told(&format!("lab/{name}"));
        let mut labelled = Vec::new();
        for group in ["affected", "healthy", "other_rdp"] {
            for connection in label[group]
                .as_array()
                .into_iter()
                .flatten()
                .filter(|c| c["proto"] == "tcp")
            {
                let port = &connection["client_port"];
                let mine: Vec<_> = flows.iter().filter(|f| is(f, connection)).collect();
                assert!(
                    !mine.is_empty(),
                    "{name}: {group} connection from port {port}"
                );
                let closers = closers(label, connection);
                if group == "affected" {
                    assert!(
                        mine.iter().any(|f| closers.contains(&f.by)),
                        "{name}: port {port} ended by {closers:?}, told {:?}",
                        mine[0].by
                    );
                }
                let whole = connection["facts"]["syn"] == 1;
                if group == "healthy" && whole {
                    assert!(
                        mine.iter().any(|f| f.stage == "session"),
                        "{name}: port {port} reached {}",
                        mine[0].stage
                    );
                }
                labelled.push(connection.clone());
            }
        }
        for flow in &flows {
            assert!(
                labelled.iter().any(|c| is(flow, c)),
                "{name}: {:?} is no RDP connection",
                flow.client
            );
        }
    }
}

#[test]
fn public_captures_tell_what_happened() {
    type End = (&'static str, &'static str, &'static str);
    let expected: [(&str, &[End]); 10] = [
        (
            "rdp-nla-kerberos-auth1.pcapng",
            &[("session", "client", "rst")],
        ),
        (
            "rdp-no-nla-accepted1.pcapng",
            &[("session", "client", "rst")],
        ),
        (
            "rdp-restricted-admin-accepted1.pcapng",
            &[("session", "client", "rst")],
        ),
        (
            "rdp-nla-ntlm-rejected1.pcapng",
            &[("credssp", "client", "rst"), ("x224", "client", "rst")],
        ),
        ("rdp-no-nla-rejected1.pcapng", &[("x224", "client", "rst")]),
        (
            "rdp-rdg-no-kdc-proxy-ntlm-downgrade-failure.pcapng",
            &[("credssp", "client", "fin")],
        ),
        (
            "rdp-rdg-same-creds-kerberos-password-success1.pcapng",
            &[("session", "client", "rst")],
        ),
        (
            "zeek-rdp-to-ssl.pcap",
            &[("credssp", "client", "fin"), ("session", "client", "fin")],
        ),
        (
            "zeek-rdp-proprietary-encryption.pcap",
            &[("x224", "client", "fin"), ("session", "client", "fin")],
        ),
        (
            "bluekeep.pcap",
            &[
                ("x224", "client", "fin"),
                ("session", "client", "fin"),
                ("mcs", "server", "fin"),
            ],
        ),
    ];
    if files(&["pcap"]).is_none() {
        return;
    }
    for (name, expected) in expected {
        let flows = told(&format!("pcap/{name}"));
        let told: Vec<_> = flows
            .iter()
            .map(|f| (f.stage, f.by.as_str(), f.how.as_str()))
            .collect();
        assert_eq!(told, expected, "{name}");
    }
    let refused = told("pcap/rdp-nla-ntlm-rejected1.pcapng");
    assert_eq!(refused[0].int("credssp.refused", "error"), 0x8009_0302);
    assert_eq!(refused[0].get("credssp.message", "mechanism"), "ntlm");
    assert_eq!(
        told("pcap/rdp-no-nla-rejected1.pcapng")[0].int("negotiation.failed", "code"),
        5
    );
    assert_eq!(
        told("pcap/rdp-nla-kerberos-auth1.pcapng")[0].int("authorization.answered", "result"),
        0
    );
}
