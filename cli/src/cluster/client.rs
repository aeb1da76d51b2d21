//! `rdpwhy fleet --cluster`: hosts go out, their lines come back and are told as if they had been made here.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rdpwhy_lake::cluster::{Address, Fleet as Hosts, Heard, Host as Sent, MESSAGE};
use rdpwhy_lake::store::{Listed, Place};

use super::analyst::Analyst;
use super::sent::{Answer, Host, Job};
use crate::fleet::Fleet;
use crate::fleet::units::{Stamp, Unit, Units, units};
use crate::fleet::worker::Worker;
use crate::input::KeyLog;
use crate::lake::stop;
use crate::speaker::Stop;

/// Ends of the names of archives, of which one alone may hold many hosts.
const ARCHIVES: [&str; 7] = [".zip", ".7z", ".tar", ".gz", ".tgz", ".zst", ".tzst"];

/// The hosts below paths and addresses. In an object store a host is a folder, or an object that is an archive or a log.
///
/// # Errors
/// An address that cannot be listed.
pub fn hosts(paths: &[PathBuf], depth: usize) -> Result<Units, Stop> {
    let is_address = |p: &PathBuf| p.to_str().is_some_and(Place::is_address);
    let (far, near): (Vec<PathBuf>, Vec<PathBuf>) = paths.iter().cloned().partition(is_address);
    let mut found = if near.is_empty() {
        Units::default()
    } else {
        units(&near, depth)
    };
    for address in far.iter().filter_map(|p| p.to_str()) {
        found.units.extend(below(address, depth)?);
    }
    found.units.sort_by(|a, b| a.label.cmp(&b.label));
    found.units.dedup_by(|a, b| a.label == b.label);
    Ok(found)
}

fn below(address: &str, depth: usize) -> Result<Vec<Unit>, Stop> {
    let listed = rdpwhy_lake::wait(None, async { Place::parse(address)?.list().await });
    let listed = listed.map_err(|e| stop(&e))?;
    let address = address.trim_end_matches('/');
    let mut hosts: BTreeMap<String, Vec<&Listed>> = BTreeMap::new();
    for object in &listed {
        let mut parts: Vec<&str> = object.path.split('/').collect();
        parts.truncate(depth.max(1));
        let name = parts.join("/");
        let label = if name.is_empty() {
            address.to_owned()
        } else {
            format!("{address}/{name}")
        };
        hosts.entry(label).or_default().push(object);
    }
    let unit = |(label, objects): (String, Vec<&Listed>)| {
        let stamp = |o: &&Listed| Stamp {
            path: if o.path.is_empty() {
                address.to_owned()
            } else {
                format!("{address}/{}", o.path)
            },
            size: o.bytes,
            modified: o.modified,
            sha256: None,
        };
        let stamps: Vec<Stamp> = objects.iter().map(stamp).collect();
        let lower = label.to_ascii_lowercase();
        Unit {
            // The user named an archive himself: it may hold many hosts.
            many: label == address && ARCHIVES.iter().any(|end| lower.ends_with(end)),
            paths: Vec::new(),
            files: stamps.len() as u64,
            bytes: stamps.iter().map(|s| s.size).sum(),
            from: Some((label.clone(), stamps)),
            label,
        }
    };
    Ok(hosts.into_iter().map(unit).collect())
}

/// Has a cluster work on the hosts that are not in the journal. What happened beside is returned.
///
/// # Errors
/// A cluster that cannot be reached or cannot do it.
pub fn fleet(
    cluster: &str,
    args: &Fleet,
    key_logs: &[KeyLog],
    worker: &Worker<'_>,
    stopped: &(dyn Fn() -> bool + Sync),
    take: &(dyn Fn(usize, Vec<Stamp>, Vec<u8>) + Sync),
) -> Result<Vec<String>, Stop> {
    let address = Address::parse(cluster).map_err(|e| stop(&e))?;
    let job = Job::new(args, key_logs).map_err(Stop::usage)?;
    let job = serde_json::to_string(&job).map_err(|e| Stop::usage(e.to_string()))?;
    if job.len() > MESSAGE as usize / 8 {
        return Err(Stop::usage(format!(
            "the key logs are too large to be sent along with every piece of work ({} MiB): lay them beside the hosts' evidence",
            job.len() >> 20
        )));
    }
    let mut todo = Vec::new();
    for (n, unit) in worker.units.iter().enumerate() {
        if stopped() {
            return Ok(Vec::new());
        }
        if let Some((stamps, lines)) = worker.known(unit, &unit.stamps()) {
            take(n, stamps, lines);
            worker.progress.host(unit.files);
            worker.progress.bytes(unit.bytes);
            continue;
        }
        todo.push(Sent {
            number: n as u64,
            text: serde_json::to_string(&Host::new(unit)).unwrap_or_default(),
            bytes: unit.bytes,
        });
    }
    let ears = Ears {
        worker,
        stopped,
        take,
        told: Mutex::default(),
    };
    if !todo.is_empty() {
        let hosts = Hosts::new(&address, Arc::new(Analyst::default())).map_err(|e| stop(&e))?;
        rdpwhy_lake::wait(None, hosts.run(&job, todo, &ears)).map_err(|e| stop(&e))?;
    }
    Ok(ears
        .told
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner))
}

/// Takes in what comes back.
struct Ears<'a> {
    worker: &'a Worker<'a>,
    stopped: &'a (dyn Fn() -> bool + Sync),
    take: &'a (dyn Fn(usize, Vec<Stamp>, Vec<u8>) + Sync),
    told: Mutex<Vec<String>>,
}

impl Heard for Ears<'_> {
    fn take(&self, number: u64, answer: &[u8]) {
        let n = usize::try_from(number).unwrap_or(usize::MAX);
        let Some(unit) = self.worker.units.get(n) else {
            return;
        };
        let split = answer
            .iter()
            .position(|b| *b == b'\n')
            .unwrap_or(answer.len());
        let (head, lines) = answer.split_at(split);
        let files = serde_json::from_slice::<Answer>(head).map_or_else(|_| Vec::new(), |a| a.files);
        let lines = lines.strip_prefix(b"\n").unwrap_or(lines);
        (self.take)(n, stamps(unit, files), lines.to_vec());
        self.worker.progress.host(unit.files);
        self.worker.progress.bytes(unit.bytes);
    }

    fn tell(&self, what: &str) {
        self.worker.progress.source(what);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.push(format!("rdpwhy: {what}"));
    }

    fn stopped(&self) -> bool {
        (self.stopped)()
    }
}

/// A host's files as the journal has them: those behind an address as they were listed, since a copy of them has another time.
fn stamps(unit: &Unit, files: Vec<Stamp>) -> Vec<Stamp> {
    let Some((_, listed)) = &unit.from else {
        return files;
    };
    let hash = |s: &Stamp| {
        let same = files.iter().find(|f| f.path == s.path && f.size == s.size);
        same.and_then(|f| f.sha256.clone())
    };
    let stamp = |s: &Stamp| Stamp {
        sha256: hash(s),
        ..s.clone()
    };
    listed.iter().map(stamp).collect()
}
