//! Ids: hashes of what an attempt or a verdict is, so that they are the same in every run.

use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::Parts;
use crate::attempt::Attempt;
use crate::pipeline;
use crate::sighting::Peer;

fn hash(prefix: &str, parts: &[String]) -> String {
    let mut hasher = Sha256::new();
    for p in parts {
        hasher.update((p.len() as u64).to_le_bytes());
        hasher.update(p.as_bytes());
    }
    let digest = hasher.finalize();
    digest
        .iter()
        .take(6)
        .fold(format!("{prefix}-"), |mut id, byte| {
            let _ = write!(id, "{byte:02x}");
            id
        })
}

/// Hashes of what an attempt is. Two tries of which nothing but the moment is known can be alike: later ones are counted.
pub(crate) fn attempt_ids(parts: &Parts<'_>) -> Vec<String> {
    let mut used = BTreeSet::new();
    // A file that holds a chunk again and again holds the same tries again and again.
    let mut alike: BTreeMap<String, u32> = BTreeMap::new();
    let peer = |p: &Peer| {
        let text = |t: Option<String>| t.unwrap_or_default();
        [
            text(p.ip.map(|ip| ip.to_string())),
            text(p.port.map(|p| p.to_string())),
            text(p.name.as_ref().map(|n| n.to_lowercase())),
        ]
    };
    let what = |a: &Attempt| {
        let mut what = Vec::from(peer(&a.client));
        what.extend(peer(&a.server));
        what.push(a.raw_start.0.to_string());
        what
    };
    let firsts = pipeline::map_all(parts.attempts, |a| hash("a", &what(a)));
    firsts
        .into_iter()
        .zip(parts.attempts)
        .map(|(first, a)| {
            if used.insert(first.clone()) {
                return first;
            }
            let again = alike.entry(first).or_insert(1);
            loop {
                *again += 1;
                let mut more = what(a);
                more.push(again.to_string());
                let id = hash("a", &more);
                if used.insert(id.clone()) {
                    return id;
                }
            }
        })
        .collect()
}

pub(crate) fn verdict_ids(parts: &Parts<'_>, attempts: &[String]) -> Vec<String> {
    let mut used = BTreeSet::new();
    parts
        .verdicts
        .iter()
        .map(|v| {
            let cause = v
                .cause
                .and_then(|c| parts.knowledge.causes.get(c))
                .map_or("", |c| c.id.as_str());
            let first = v
                .attempts
                .first()
                .and_then(|i| attempts.get(*i))
                .cloned()
                .unwrap_or_default();
            let what = [
                cause.to_owned(),
                v.host.to_lowercase(),
                first,
                v.severity.to_owned(),
            ];
            let mut id = hash("v", &what);
            while !used.insert(id.clone()) {
                id = hash("v", &[id]);
            }
            id
        })
        .collect()
}
