//! A host's lines, told through a veil.

use rdpwhy_analyzer::identities::Identities;

use super::line::{Host, Line, Peer, Verdict};
use crate::redact::Veil;
use crate::render::json;

/// Whom the evidence behind some lines names; such a line stands before them.
pub fn named(identities: &Identities) -> String {
    json::line(identities).unwrap_or_default()
}

/// The lines of one host with everybody replaced; lines that say whom the evidence names are taken note of and left out.
pub fn lines(veil: &mut Veil, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for text in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
        match serde_json::from_slice::<Line>(text) {
            Ok(line) => {
                let line = redacted(veil, line);
                out.extend(json::line(&line).unwrap_or_default().into_bytes());
            }
            Err(_) => {
                if let Ok(identities) = serde_json::from_slice(text) {
                    veil.learn(&identities);
                }
            }
        }
    }
    out
}

fn redacted(veil: &mut Veil, line: Line) -> Line {
    let mut known = Identities::default();
    match line {
        Line::Host(host) => {
            host.hosts.iter().for_each(|h| known.host(h));
            veil.learn(&known);
            Line::Host(Host {
                unit: unit(veil, &host.unit),
                hosts: host.hosts.iter().map(|h| name(veil, h)).collect(),
                problems: host.problems.iter().map(|p| problem(veil, p)).collect(),
                ..host
            })
        }
        Line::Verdict(verdict) => {
            let peers = verdict.servers.iter().chain(&verdict.clients);
            peers.for_each(|p| known.host(&p.name));
            known.host(verdict.host.as_deref().unwrap_or_default());
            veil.learn(&known);
            let id = veil.number(&verdict.id);
            let peers = |list: &[Peer]| -> Vec<Peer> {
                let one = |p: &Peer| Peer {
                    name: name(veil, &p.name),
                    ip: p.ip.as_ref().map(|ip| veil.address(ip)),
                    tries: p.tries,
                };
                list.iter().map(one).collect()
            };
            let mut changes = verdict.changes.clone();
            for change in &mut changes {
                change.says = veil.text(&change.says);
            }
            Line::Verdict(Verdict {
                unit: unit(veil, &verdict.unit),
                host: verdict.host.as_ref().map(|h| name(veil, h)),
                title: veil.text(&verdict.title),
                id,
                servers: peers(&verdict.servers),
                clients: peers(&verdict.clients),
                changes,
                ..verdict
            })
        }
    }
}

fn name(veil: &Veil, name: &str) -> String {
    veil.address(&veil.name(name))
}

/// Ends of the names of archives; what is called otherwise is a folder, or logs that lie side by side.
const ARCHIVES: [&str; 6] = [".zip", ".7z", ".tar", ".gz", ".tgz", ".zst"];

/// A folder, an archive, or an archive and a computer in it.
fn unit(veil: &Veil, unit: &str) -> String {
    if let Some((path, computer)) = unit.rsplit_once(": ") {
        return format!("{}: {}", self::unit(veil, path), name(veil, computer));
    }
    let lower = unit.to_ascii_lowercase();
    if ARCHIVES.iter().any(|end| lower.ends_with(end)) {
        return veil.path(unit);
    }
    veil.path(&format!("{}/", unit.trim_end_matches('/')))
        .trim_end_matches('/')
        .to_owned()
}

/// `path: what`, or `path: place: what`.
fn problem(veil: &Veil, problem: &str) -> String {
    match problem.split_once(": ") {
        Some((path, what)) => format!("{}: {}", veil.path(path), veil.text(what)),
        None => veil.text(problem),
    }
}
