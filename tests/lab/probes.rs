//! Servers in all states, and what `rdpwhy probe` must say of them from the client's computer.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::net::{Net, SERVER};
use crate::peers::Bench;
use crate::play::{Rule, Server, Step, happens, serve};
use crate::program;

use Server::{Nobody, Shadow, Xrdp};

/// One server.
pub struct Probed {
    pub name: &'static str,
    server: Server,
    before: &'static [Step],
    /// One of these causes, or none with the log named that would tell; nothing here: no failure.
    wanted: &'static [&'static str],
    /// A question, a place in its answer, and what stands there.
    tells: &'static [(&'static str, &'static str, &'static str)],
}

const USUAL: Probed = Probed {
    name: "",
    server: Xrdp(&[]),
    before: &[],
    wanted: &[],
    tells: &[],
};

pub const ALL: &[Probed] = &[
    Probed {
        name: "probe: xrdp as it is installed",
        tells: &[
            ("mstsc", "/selected", "1"),
            ("mstsc", "/tls", "1.3"),
            ("tls-1.2", "/tls", "1.2"),
        ],
        ..USUAL
    },
    Probed {
        name: "probe: network level authentication",
        server: Shadow("nla"),
        tells: &[
            ("rdp", "/failure", "5"),
            ("tls", "/failure", "5"),
            ("nla", "/selected", "2"),
        ],
        ..USUAL
    },
    Probed {
        name: "probe: an expired certificate",
        server: Xrdp(&[
            ("certificate", "FOLDER/expired.pem"),
            ("key_file", "FOLDER/expired.key"),
        ]),
        tells: &[
            ("tls-1.2", "/tls", "1.2"),
            ("tls-1.2", "/certificate", "lab.example"),
        ],
        ..USUAL
    },
    Probed {
        name: "probe: TLS 1.0 and nothing newer",
        server: Xrdp(&[
            ("ssl_protocols", "TLSv1"),
            ("tls_ciphers", "ALL:@SECLEVEL=0"),
            ("security_layer", "tls"),
        ]),
        wanted: &["tls-version-mismatch"],
        // A hello without TLS 1.3 names the newest version, and a server may choose an older one.
        tells: &[
            ("mstsc", "/alert", "70"),
            ("tls-1.3", "/alert", "70"),
            ("tls-1.2", "/tls", "1.0"),
            ("tls-1.0", "/tls", "1.0"),
        ],
        ..USUAL
    },
    Probed {
        name: "probe: a closed port",
        server: Nobody,
        wanted: &["rdp-service-down", "rdp-port-changed"],
        tells: &[("mstsc", "/closed", "refused")],
        ..USUAL
    },
    Probed {
        name: "probe: a firewall that drops",
        before: &[Step::Filter(Rule {
            on: "s",
            hook: "input",
            rule: "tcp dport 3389 drop",
        })],
        wanted: &["port-blocked"],
        tells: &[("mstsc", "/connect_ms", "null")],
        ..USUAL
    },
];

/// Asks, and says whether the answer is right, with a few words about it.
pub fn play(
    probed: &Probed,
    net: &Net,
    bench: &Bench,
    number: usize,
) -> Result<(bool, String), String> {
    let server = serve(&probed.server, net, bench, number)?;
    for step in probed.before {
        happens(step, net, server.as_ref(), None)?;
    }
    // Who connects how often: a server in trouble must not be made worse.
    net.run("c", "nft add table inet count")?;
    net.run(
        "c",
        "nft add chain inet count output { type filter hook output priority 0 ; }",
    )?;
    net.run(
        "c",
        "nft add rule inet count output ct state new tcp dport 3389 tcp flags & (syn|ack) == syn counter",
    )?;
    let file = bench.folder.join(format!("{number}-probe.pcapng"));
    let path = file.display().to_string();
    let options = ["--format", "json", "--patience", "6", "-w", &path];
    let told = program(
        Some((net, "c")),
        &[&["probe", SERVER], &options[..]].concat(),
    )?;
    let counted = net.run("c", "nft list table inet count")?;
    let connections = counted
        .split("packets ")
        .nth(1)
        .and_then(|rest| rest.split(' ').next()?.parse::<usize>().ok());
    judged(probed, &told, connections, &file)
}

fn judged(
    probed: &Probed,
    told: &Value,
    connections: Option<usize>,
    file: &Path,
) -> Result<(bool, String), String> {
    let none = Vec::new();
    let questions = told["questions"].as_array().unwrap_or(&none);
    let by_name: BTreeMap<&str, &Value> = questions
        .iter()
        .filter_map(|q| Some((q["asks"].as_str()?, q)))
        .collect();
    let mut wrong = Vec::new();
    for (asks, place, words) in probed.tells {
        let question = by_name.get(asks).copied().unwrap_or(&Value::Null);
        let found = question["answer"]
            .pointer(place)
            .or_else(|| question.pointer(place));
        let found = found.unwrap_or(&Value::Null).to_string();
        if !found.contains(words) {
            wrong.push(format!("{asks}{place} is {found}, not {words}"));
        }
    }
    let causes = failures(&told["report"]);
    let right = match causes.as_slice() {
        [] => probed.wanted.is_empty(),
        some if probed.wanted.is_empty() => some.is_empty(),
        some => some
            .iter()
            .all(|c| c.is_empty() || probed.wanted.contains(&c.as_str())),
    };
    if !right {
        wrong.push(format!("blames {causes:?}"));
    }
    let again = program(
        None,
        &["diagnose", &file.display().to_string(), "--format", "json"],
    )?;
    if failures(&again) != causes {
        wrong.push(format!(
            "diagnose says {:?} of the same packets",
            failures(&again)
        ));
    }
    if !connections.is_some_and(|n| n <= questions.len() || !probed.before.is_empty()) {
        wrong.push(format!(
            "{connections:?} connections for {} questions",
            questions.len()
        ));
    }
    let text = format!("{} questions; {}", questions.len(), causes.join(", "));
    if wrong.is_empty() {
        return Ok((true, text));
    }
    Ok((false, format!("{text}; {}", wrong.join("; "))))
}

/// Causes of what failed, in a report; empty for a failure without one.
pub fn failures(report: &Value) -> Vec<String> {
    let verdicts = report["verdicts"].as_array().cloned().unwrap_or_default();
    let mut causes: Vec<String> = verdicts
        .iter()
        .filter(|v| v["severity"] == "failure")
        .map(|v| v["cause"].as_str().unwrap_or_default().to_owned())
        .collect();
    causes.sort();
    causes.dedup();
    causes
}
