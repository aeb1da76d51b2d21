//! What all hosts together tell: counted line by line, so that a run that was taken up again tells the same.

use std::collections::{BTreeMap, BTreeSet};

use super::line::{Host, Line, Verdict};
use super::told::{Attacker, Blamed, Cause, Day, Shared, Summary, Unreadable};

/// Clients that must fail at a server before it is worth a word of its own.
const MANY_CLIENTS: usize = 3;
/// Hosts at which one stranger must have tried.
const MANY_HOSTS: usize = 2;
/// Hosts before whose failures the same change must lie.
const SAME_CHANGE: usize = 2;
/// Strangers that are counted: beyond that new ones are only counted as many.
const MOST_SOURCES: usize = 200_000;

/// What is counted while hosts come in.
#[derive(Debug, Default)]
pub struct Tally {
    hosts: u64,
    status: BTreeMap<String, u64>,
    bytes: u64,
    records: u64,
    attempts: u64,
    tries: u64,
    ok: u64,
    failed: u64,
    dropped: u64,
    unreadable: Vec<Unreadable>,
    causes: BTreeMap<(bool, String), CauseCount>,
    servers: BTreeMap<String, ServerCount>,
    sources: BTreeMap<String, SourceCount>,
    sources_left_out: u64,
}

#[derive(Debug, Default)]
struct CauseCount {
    title: String,
    tries: u64,
    first: Option<String>,
    first_host: String,
    last: Option<String>,
    /// Unit, with the first moment of the cause there.
    hosts: BTreeMap<String, Option<String>>,
    /// What changed before, with the units where it did and its earliest moment.
    changes: BTreeMap<(String, String), (BTreeSet<String>, String)>,
}

#[derive(Debug, Default)]
struct ServerCount {
    clients: BTreeSet<String>,
    hosts: BTreeSet<String>,
    tries: u64,
    causes: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct SourceCount {
    hosts: u64,
    last_host: String,
    tries: u64,
    first: Option<String>,
    last: Option<String>,
}

/// Inconclusive verdicts are counted under this.
const NONE: &str = "";

impl Tally {
    /// Counts a line.
    pub fn add(&mut self, line: &Line) {
        match line {
            Line::Host(host) => self.host(host),
            Line::Verdict(verdict) => self.verdict(verdict),
        }
    }

    fn host(&mut self, h: &Host) {
        self.hosts += 1;
        *self.status.entry(h.status.clone()).or_default() += 1;
        self.bytes += h.bytes;
        self.records += h.records;
        self.attempts += h.attempts;
        self.tries += h.tries;
        self.ok += h.ok;
        self.failed += h.failed;
        self.dropped += h.dropped;
        if h.status == "unreadable" {
            let why = h.problems.first().cloned();
            self.unreadable.push(Unreadable {
                unit: h.unit.clone(),
                why: why.unwrap_or_else(|| "no event log and no capture in it".to_owned()),
            });
        }
    }

    fn verdict(&mut self, v: &Verdict) {
        let remark = v.severity == "remark";
        let id = v.cause.as_deref().unwrap_or(NONE);
        let cause = self.causes.entry((remark, id.to_owned())).or_default();
        if cause.title.is_empty() {
            cause.title = if v.cause.is_some() {
                v.title.clone()
            } else {
                "The evidence does not tell why".to_owned()
            };
        }
        cause.tries += v.tries;
        if earlier(v.first.as_ref(), cause.first.as_ref()) {
            cause.first.clone_from(&v.first);
            cause.first_host.clone_from(&v.unit);
        }
        cause.last = cause.last.take().max(v.last.clone());
        let seen = cause.hosts.entry(v.unit.clone()).or_default();
        if earlier(v.first.as_ref(), seen.as_ref()) {
            seen.clone_from(&v.first);
        }
        if remark {
            return self.strangers(v);
        }
        for change in &v.changes {
            let key = (
                change.event.clone().unwrap_or_default(),
                change.says.clone(),
            );
            let (hosts, first) = cause
                .changes
                .entry(key)
                .or_insert_with(|| (BTreeSet::new(), change.time.clone()));
            hosts.insert(v.unit.clone());
            if change.time < *first {
                first.clone_from(&change.time);
            }
        }
        for server in &v.servers {
            let s = self.servers.entry(server.name.to_lowercase()).or_default();
            s.tries += server.tries;
            s.hosts.insert(v.unit.clone());
            s.clients
                .extend(v.clients.iter().map(|c| c.name.to_lowercase()));
            s.causes.extend(v.cause.clone());
        }
    }

    fn strangers(&mut self, v: &Verdict) {
        for client in &v.clients {
            let name = client.ip.as_ref().unwrap_or(&client.name);
            if self.sources.len() >= MOST_SOURCES && !self.sources.contains_key(name) {
                self.sources_left_out += 1;
                continue;
            }
            let s = self.sources.entry(name.clone()).or_default();
            // A host's verdicts come one after the other.
            if s.last_host != v.unit {
                s.hosts += 1;
                s.last_host.clone_from(&v.unit);
            }
            s.tries += client.tries;
            if earlier(v.first.as_ref(), s.first.as_ref()) {
                s.first.clone_from(&v.first);
            }
            s.last = s.last.take().max(v.last.clone());
        }
    }

    /// The status with which the program ends: as of a single case, over all hosts.
    pub fn exit_status(&self) -> u8 {
        let any = |status: &str| self.status.contains_key(status);
        match (any("failing"), any("unexplained"), any("ok")) {
            (true, _, _) => 1,
            (_, true, _) => 4,
            (_, _, true) => 0,
            _ => crate::NOTHING_READ,
        }
    }

    /// All of it, of so many hosts.
    pub fn summary(&self, of: u64, interrupted: bool) -> Summary {
        Summary {
            schema: "rdpwhy.fleet/1",
            hosts: self.hosts,
            of,
            interrupted,
            status: self.status.clone(),
            bytes: self.bytes,
            records: self.records,
            attempts: self.attempts,
            tries: self.tries,
            ok: self.ok,
            failed: self.failed,
            dropped: self.dropped,
            causes: self.by_cause(),
            changes: self.by_change(),
            first_seen: self.by_day(),
            servers: self.by_server(),
            sources: self.by_source(),
            sources_left_out: self.sources_left_out,
            unreadable: self.unreadable.clone(),
        }
    }

    fn by_cause(&self) -> Vec<Cause> {
        let mut causes: Vec<Cause> = self
            .causes
            .iter()
            .map(|((remark, id), c)| Cause {
                cause: (id != NONE).then(|| id.clone()),
                title: c.title.clone(),
                severity: if *remark { "remark" } else { "failure" },
                host_count: c.hosts.len() as u64,
                tries: c.tries,
                first: c.first.clone(),
                first_host: c.first_host.clone(),
                last: c.last.clone(),
                hosts: c.hosts.keys().cloned().collect(),
            })
            .collect();
        causes.sort_by_key(|c| {
            let hosts = std::cmp::Reverse((c.host_count, c.tries));
            (
                c.severity == "remark",
                c.cause.is_none(),
                hosts,
                c.cause.clone(),
            )
        });
        causes
    }

    fn by_change(&self) -> Vec<Shared> {
        let failures = self.causes.iter().filter(|((remark, _), _)| !remark);
        let mut shared: Vec<Shared> = failures
            .flat_map(|((_, id), c)| {
                let hosts = c.hosts.len() as u64;
                let of_cause = c.changes.iter();
                of_cause
                    .filter(|(_, (units, _))| units.len() >= SAME_CHANGE)
                    .map(move |((event, says), (units, first))| Shared {
                        cause: id.clone(),
                        event: Some(event.clone()).filter(|e| !e.is_empty()),
                        says: says.clone(),
                        host_count: units.len() as u64,
                        of: hosts,
                        first: first.clone(),
                        hosts: units.iter().cloned().collect(),
                    })
            })
            .collect();
        shared.sort_by(|a, b| {
            (b.host_count.cmp(&a.host_count))
                .then_with(|| (&a.cause, &a.event, &a.says).cmp(&(&b.cause, &b.event, &b.says)))
        });
        shared
    }

    fn by_day(&self) -> Vec<Day> {
        let mut days: BTreeMap<(&str, &str), u64> = BTreeMap::new();
        for ((remark, id), c) in &self.causes {
            for first in c.hosts.values().flatten().filter(|_| !remark) {
                let day = first.get(..10).unwrap_or(first);
                *days.entry((day, id)).or_default() += 1;
            }
        }
        days.into_iter()
            .map(|((day, cause), host_count)| Day {
                day: day.to_owned(),
                cause: cause.to_owned(),
                host_count,
            })
            .collect()
    }

    fn by_server(&self) -> Vec<Blamed> {
        let mut servers: Vec<Blamed> = self
            .servers
            .iter()
            .filter(|(_, s)| s.clients.len() >= MANY_CLIENTS)
            .map(|(name, s)| Blamed {
                server: name.clone(),
                clients: s.clients.len() as u64,
                hosts: s.hosts.len() as u64,
                tries: s.tries,
                causes: s.causes.iter().cloned().collect(),
            })
            .collect();
        servers.sort_by(|a, b| {
            ((b.clients, b.tries).cmp(&(a.clients, a.tries))).then_with(|| a.server.cmp(&b.server))
        });
        servers
    }

    fn by_source(&self) -> Vec<Attacker> {
        let day = |t: &Option<String>| t.as_ref().and_then(|t| t.get(..10)).map(str::to_owned);
        let mut sources: Vec<Attacker> = self
            .sources
            .iter()
            .filter(|(_, s)| s.hosts >= MANY_HOSTS as u64)
            .map(|(name, s)| Attacker {
                source: name.clone(),
                hosts: s.hosts,
                tries: s.tries,
                first: day(&s.first),
                last: day(&s.last),
            })
            .collect();
        sources.sort_by(|a, b| {
            ((b.hosts, b.tries).cmp(&(a.hosts, a.tries))).then_with(|| a.source.cmp(&b.source))
        });
        sources
    }
}

/// Whether `a` is known and before `b`, or `b` is not known.
fn earlier(a: Option<&String>, b: Option<&String>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a < b,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

#[cfg(test)]
#[allow(clippy::panic, reason = "a test says what is wrong by panicking")]
mod tests {
    use super::super::line::{Change, Peer};
    use super::*;

    fn peer(name: &str, tries: u64) -> Peer {
        Peer {
            name: name.into(),
            ip: None,
            tries,
        }
    }

    fn verdict(unit: &str, severity: &str, cause: &str, day: u8) -> Verdict {
        Verdict {
            unit: unit.into(),
            host: Some(unit.into()),
            cause: Some(cause.into()),
            title: cause.to_uppercase(),
            severity: severity.into(),
            confidence: Some("certain".into()),
            id: "v-0".into(),
            first: Some(format!("2026-11-{day:02}T08:00:00.000000Z")),
            last: Some(format!("2026-11-{day:02}T09:00:00.000000Z")),
            attempts: 2,
            tries: 2,
            servers: vec![peer("RDS07", 2)],
            clients: vec![peer(&format!("client-of-{unit}"), 2)],
            more_peers: 0,
            last_good: None,
            changes: Vec::new(),
        }
    }

    fn summary(verdicts: Vec<Verdict>) -> Summary {
        let mut tally = Tally::default();
        for v in verdicts {
            tally.add(&Line::Verdict(v));
        }
        tally.summary(0, false)
    }

    #[test]
    fn one_update_on_many_hosts_is_one_finding() {
        let change = |says: &str| Change {
            time: "2026-11-02T03:00:00.000000Z".into(),
            event: Some("WindowsUpdateClient 19".into()),
            says: says.into(),
        };
        let hosts = (0..147).map(|n| {
            let mut v = verdict(&format!("h{n:03}"), "failure", "nla-required", 3);
            v.changes.push(change("KB5000001 was installed"));
            // What each host has of its own is no finding.
            v.changes.push(change(&format!("policy {n} was applied")));
            v
        });
        let mut all: Vec<Verdict> = hosts.collect();
        all.push(verdict("h900", "failure", "nla-required", 4));
        // The same cause again, in another spell of the same host.
        all.push(verdict("h000", "failure", "nla-required", 9));
        let s = summary(all);
        assert_eq!(s.causes.len(), 1);
        assert_eq!((s.causes[0].host_count, s.causes[0].tries), (148, 298));
        let [change] = s.changes.as_slice() else {
            panic!("{:?}", s.changes);
        };
        assert_eq!((change.host_count, change.of), (147, 148));
        assert_eq!(change.says, "KB5000001 was installed");
        let days: Vec<_> = s
            .first_seen
            .iter()
            .map(|d| (&*d.day, d.host_count))
            .collect();
        assert_eq!(days, [("2026-11-03", 147), ("2026-11-04", 1)]);
        let [server] = s.servers.as_slice() else {
            panic!("{:?}", s.servers);
        };
        assert_eq!(
            (&*server.server, server.clients, server.hosts),
            ("rds07", 148, 148)
        );
    }

    #[test]
    fn strangers_at_several_hosts_are_named() {
        let attacked = |unit: &str, source: &str| {
            let mut v = verdict(unit, "remark", "wrong-credentials", 5);
            v.clients = vec![peer(source, 40)];
            v
        };
        let s = summary(vec![
            attacked("a", "203.0.113.7"),
            attacked("a", "203.0.113.7"),
            attacked("b", "203.0.113.7"),
            attacked("b", "198.51.100.1"),
        ]);
        let told: Vec<_> = s
            .sources
            .iter()
            .map(|a| (&*a.source, a.hosts, a.tries))
            .collect();
        assert_eq!(told, [("203.0.113.7", 2, 120)]);
        assert!(
            s.changes.is_empty() && s.servers.is_empty(),
            "remarks blame nobody"
        );
    }
}
