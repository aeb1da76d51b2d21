//! The evidence event by event, all sources on one clock.
//!
//! Entries are made when they are asked for: a folder of fifty hosts has millions of them, and most are folded or filtered.

use rdpwhy_parsers::{EventRef, Timestamp, catalog};
use std::collections::BTreeMap;

use crate::Judged;
use crate::assemble::{self, Parts};
use crate::attempt::Attempt;
use crate::evidence::{At, Evidence};
use crate::identities::is_identity;
use crate::matcher::peer_name;
use crate::names::field;
use crate::sentence;
use crate::sighting::{Peer, account, same_account};
use crate::stage::Stage;

/// Everything that was read, in the order of the common clock.
pub struct Timeline<'a> {
    judged: &'a Judged<'a>,
    ids: Vec<String>,
    /// Per attempt: the verdict that covers it.
    verdicts: BTreeMap<usize, usize>,
    order: Vec<(Timestamp, At)>,
    veiled: Option<Veiled<'a>>,
}

/// What is told instead of whom and what the evidence names.
pub trait Veil {
    /// Instead of what stands in a field of its own that holds a user, a computer, a domain or a network.
    fn name(&self, name: &str) -> String;
    /// Instead of a text that may hold such names and addresses.
    fn text(&self, text: &str) -> String;
    /// Instead of a source's path.
    fn path(&self, path: &str) -> String;
    /// Instead of an attempt's id.
    fn id(&self, id: &str) -> String;
}

/// A veil, and what it makes of what is told again and again.
struct Veiled<'a> {
    veil: &'a dyn Veil,
    /// Per source.
    paths: Vec<String>,
    /// By the name of the computer.
    hosts: BTreeMap<&'a str, String>,
    /// Per attempt.
    users: Vec<Option<String>>,
    /// Per attempt.
    ids: Vec<String>,
}

/// What to show.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// From this moment on.
    pub since: Option<Timestamp>,
    /// Up to this moment.
    pub until: Option<Timestamp>,
    /// Of this host's logs, or of connections with it on either side: name or address.
    pub host: Option<String>,
    /// Of this client.
    pub client: Option<String>,
    /// Of this server.
    pub server: Option<String>,
    /// Of this user.
    pub user: Option<String>,
    /// Of this stage of a connection.
    pub stage: Option<Stage>,
    /// Of this attempt.
    pub attempt: Option<String>,
}

/// One event.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// On the common clock.
    pub time: Timestamp,
    /// In its own source's clock.
    pub raw: Timestamp,
    /// Computer that wrote the record; none for a packet.
    pub host: Option<&'a str>,
    /// Channel; `capture` for a packet.
    pub channel: &'a str,
    /// Provider and event id of a record.
    pub origin: Option<(&'a str, u32)>,
    /// What happened, as a fact.
    pub kind: &'static str,
    /// server, client, gateway, domain-controller, any; wire for a packet.
    pub side: &'static str,
    /// Stage of a connection that it proves to have been entered.
    pub stage: Option<&'static str>,
    /// What the fact means, a sentence without its full stop.
    pub meaning: &'static str,
    /// The same with the values that matter.
    pub says: String,
    /// All its values, by name.
    pub values: Vec<(&'static str, String)>,
    /// Those that matter to people, by name, as they say them: `reason 14`.
    pub details: Vec<(&'static str, String)>,
    /// Path of the source.
    pub path: &'a str,
    /// EventRecordID, or number of the packet.
    pub place: u64,
    /// Whether the record lay outside the live part of its file.
    pub recovered: bool,
    /// Index of the attempt that it belongs to: see [`Timeline::attempt`].
    pub attempt: Option<usize>,
}

impl<'a> Entry<'a> {
    /// An event by itself: in its own source's clock, of no attempt.
    pub fn of(event: EventRef<'a>, path: &'a str) -> Self {
        let info = catalog::info(event.event.kind);
        let origin = event.origin();
        let log = event.log();
        Self {
            time: event.event.time,
            raw: event.event.time,
            host: log.map(|l| l.host.as_str()).filter(|h| !h.is_empty()),
            channel: log.map_or("", |l| l.channel.as_str()),
            origin: origin.map(|o| (o.provider.as_str(), o.id)),
            kind: event.event.kind.name(),
            side: origin.map_or("wire", |o| o.spec.side),
            stage: info.and_then(|i| i.stage),
            meaning: info.map_or("", |i| i.meaning).trim_end_matches('.'),
            says: sentence::describe(event),
            values: event
                .fields()
                .map(|(f, v)| (f.name(), sentence::show(v)))
                .collect(),
            details: sentence::values(event).collect(),
            path,
            place: event.event.place,
            recovered: event.is_recovered(),
            attempt: None,
        }
    }

    /// Puts a veil over what its texts and values name; host and path are the caller's.
    pub fn veil(&mut self, veil: &dyn Veil) {
        self.says = veil.text(&self.says);
        for (field, value) in self.values.iter_mut().chain(&mut self.details) {
            if is_identity(field) {
                *value = veil.name(value);
            }
            *value = veil.text(value);
        }
    }
}

/// One connection, or one try that only logs saw.
#[derive(Debug, Clone)]
pub struct Try<'a> {
    /// As in the report.
    pub id: &'a str,
    /// Address and port, or name.
    pub client: String,
    /// Address, or name.
    pub client_host: String,
    /// Whether anything tells who the client was.
    pub client_known: bool,
    /// Name, or address and port.
    pub server: String,
    /// `DOMAIN\user`.
    pub user: Option<&'a str>,
    /// First sign on the common clock.
    pub start: Timestamp,
    /// Last sign.
    pub end: Timestamp,
    /// Tries that this entry stands for.
    pub count: u64,
    /// ok, failed, dropped, cancelled, unknown.
    pub outcome: &'static str,
    /// Furthest stage entered.
    pub stage: Stage,
    /// client, server, middlebox, nobody, unknown.
    pub closed_by: &'static str,
    /// Cause that a verdict names for it.
    pub cause: Option<&'a str>,
    /// Whether the verdict is a remark.
    pub remark: bool,
}

/// How often an event was met in one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Count {
    /// Path of the source.
    pub path: String,
    /// `Provider/@Name`.
    pub provider: String,
    /// Event id.
    pub id: u32,
    /// Records in the live part of the file.
    pub live: u64,
    /// Records from outside of it.
    pub recovered: u64,
    /// Whether the catalogue describes it, so that it stands on the timeline.
    pub known: bool,
}

impl<'a> Timeline<'a> {
    pub(crate) fn new(judged: &'a Judged<'a>) -> Self {
        let parts = judged.parts;
        let mut order: Vec<(Timestamp, At)> = Vec::new();
        // The index has dropped what two files hold.
        for host in parts.evidence.hosts.iter() {
            order.extend(
                judged
                    .index
                    .of_host(host)
                    .iter()
                    .map(|(_, at)| (parts.evidence.time(*at), *at)),
            );
        }
        let elsewhere = parts
            .evidence
            .all()
            .filter(|at| parts.evidence.host(*at).is_none());
        order.extend(elsewhere.map(|at| (parts.evidence.time(at), at)));
        let place = |at: At| parts.evidence.event(at).map_or(0, |e| e.event.place);
        order.sort_by_key(|(time, at)| (*time, at.source, place(*at), at.index));
        let mut verdicts = BTreeMap::new();
        for (n, verdict) in parts.verdicts.iter().enumerate() {
            for attempt in &verdict.attempts {
                verdicts.entry(*attempt).or_insert(n);
            }
        }
        Self {
            judged,
            ids: assemble::attempt_ids(parts),
            verdicts,
            order,
            veiled: None,
        }
    }

    /// The same timeline, told through a veil. Filters still go by what the evidence says.
    pub fn veiled<'v>(&'v self, veil: &'v dyn Veil) -> Timeline<'v> {
        let parts = self.parts();
        let hosts = &parts.evidence.hosts;
        let sources = parts.evidence.sources.iter();
        let attempts = parts.attempts.iter();
        Timeline {
            judged: self.judged,
            ids: self.ids.clone(),
            verdicts: self.verdicts.clone(),
            order: self.order.clone(),
            veiled: Some(Veiled {
                veil,
                paths: sources.map(|s| veil.path(&s.label)).collect(),
                hosts: hosts
                    .iter()
                    .map(|h| (hosts.name(h), veil.name(hosts.name(h))))
                    .collect(),
                users: attempts
                    .map(|a| a.user.as_deref().map(|u| veil.name(u)))
                    .collect(),
                ids: self.ids.iter().map(|id| veil.id(id)).collect(),
            }),
        }
    }

    fn parts(&self) -> &'a Parts<'a> {
        self.judged.parts
    }

    /// The events that a filter lets through, in order.
    pub fn entries<'t>(&'t self, filter: &'t Filter) -> impl Iterator<Item = Entry<'t>> + 't {
        self.order
            .iter()
            .skip_while(move |(t, _)| filter.since.is_some_and(|since| *t < since))
            .take_while(move |(t, _)| filter.until.is_none_or(|until| *t <= until))
            .filter(move |(_, at)| self.keeps(filter, *at))
            .filter_map(move |(time, at)| self.entry(*time, *at))
    }

    /// The attempt of an index.
    pub fn attempt(&self, index: usize) -> Option<Try<'_>> {
        let a = self.parts().attempts.get(index)?;
        // The steps of a failed try share the verdict of what decided it.
        let verdict = self.verdicts.get(&index).or_else(|| {
            self.verdicts
                .get(&a.part_of?)
                .filter(|_| a.outcome.is_bad())
        });
        let verdict = verdict.and_then(|v| self.parts().verdicts.get(*v));
        let cause = verdict
            .and_then(|v| v.cause)
            .and_then(|c| self.parts().knowledge.causes.get(c));
        let veiled = self.veiled.as_ref();
        let name = |name: String| match veiled {
            Some(v) => v.veil.text(&v.veil.name(&name)),
            None => name,
        };
        Some(Try {
            id: veiled.map_or(&self.ids, |v| &v.ids).get(index)?,
            client: name(socket(&a.client)),
            client_host: name(peer_name(&a.client)),
            client_known: a.client.ip.is_some() || a.client.name.is_some(),
            server: name(peer_name(&a.server)),
            user: match veiled {
                Some(v) => v.users.get(index)?.as_deref(),
                None => a.user.as_deref(),
            },
            start: a.start,
            end: a.end,
            count: a.count,
            outcome: a.outcome.name(),
            stage: a.stage,
            closed_by: a.closed_by,
            cause: cause.map(|c| c.id.as_str()),
            remark: verdict.is_some_and(|v| v.severity == "remark"),
        })
    }

    /// Records per log, provider and id: those on the timeline, and those that no data file describes.
    pub fn counts(&self) -> Vec<Count> {
        let mut counts = Vec::new();
        for (n, source) in self.parts().evidence.sources.iter().enumerate() {
            let mut here: BTreeMap<(String, u32, bool), (u64, u64)> = BTreeMap::new();
            for event in source.batch.iter() {
                let Some(origin) = event.origin() else {
                    continue;
                };
                let (live, recovered) = here
                    .entry((origin.provider.clone(), origin.id, true))
                    .or_default();
                *(if event.is_recovered() {
                    recovered
                } else {
                    live
                }) += 1;
            }
            for ((provider, id), n) in &source.batch.unknown {
                here.entry((provider.clone(), *id, false)).or_default().0 += n;
            }
            for ((provider, id), n) in &source.batch.unknown_recovered {
                here.entry((provider.clone(), *id, false)).or_default().1 += n;
            }
            counts.extend(
                here.into_iter()
                    .map(|((provider, id, known), (live, recovered))| Count {
                        path: self.path(n).unwrap_or_default().to_owned(),
                        provider,
                        id,
                        live,
                        recovered,
                        known,
                    }),
            );
        }
        counts
    }

    /// The evidence that it tells, as it was read but for corrected clocks.
    pub fn evidence(&self) -> &'a Evidence {
        self.parts().evidence
    }

    /// One event. Unlike [`Timeline::entries`] this knows the copies too that two files hold of one record.
    pub fn at(&self, at: At) -> Option<Entry<'_>> {
        self.entry(self.parts().evidence.time(at), at)
    }

    /// First and last moment of all sources on the common clock, and the number of sources.
    pub fn extent(&self) -> (Option<Timestamp>, Option<Timestamp>, usize) {
        let at = |i: Option<&(Timestamp, At)>| i.map(|(t, _)| *t);
        (
            at(self.order.first()),
            at(self.order.last()),
            self.parts().evidence.sources.len(),
        )
    }

    /// The host that wrote all records, if there is one only and nothing else.
    pub fn only_host(&self) -> Option<&str> {
        let hosts = &self.parts().evidence.hosts;
        let mut all = hosts.iter();
        let only = all.next().filter(|_| all.next().is_none())?;
        Some(self.host(hosts.name(only)))
    }

    /// What a computer is called here.
    fn host<'t>(&'t self, name: &'t str) -> &'t str {
        let veiled = self.veiled.as_ref().and_then(|v| v.hosts.get(name));
        veiled.map_or(name, String::as_str)
    }

    /// What a source is called here.
    fn path(&self, source: usize) -> Option<&str> {
        match &self.veiled {
            Some(v) => v.paths.get(source).map(String::as_str),
            None => Some(&self.parts().evidence.sources.get(source)?.label),
        }
    }

    /// What could not be read: path, place, what, records lost.
    pub fn defects(&self) -> impl Iterator<Item = (&'a str, &'a rdpwhy_parsers::Defect)> {
        let sources = &self.parts().evidence.sources;
        sources
            .iter()
            .flat_map(|s| s.batch.defects.iter().map(|d| (s.label.as_str(), d)))
    }

    /// Whether there is an attempt of this id.
    pub fn has_attempt(&self, id: &str) -> bool {
        (0..self.ids.len()).any(|n| self.is_called(n, id))
    }

    /// Whether an attempt is called so: whoever asks may have read the id in a veiled report.
    fn is_called(&self, attempt: usize, id: &str) -> bool {
        let veiled = self.veiled.as_ref().map(|v| &v.ids);
        let mut ids = veiled.into_iter().chain([&self.ids]);
        ids.any(|ids| ids.get(attempt).is_some_and(|i| i == id))
    }

    fn entry(&self, time: Timestamp, at: At) -> Option<Entry<'_>> {
        let evidence = self.parts().evidence;
        let event = evidence.event(at)?;
        let mut entry = Entry {
            time,
            raw: evidence.raw_time(at),
            host: evidence.host(at).map(|h| self.host(evidence.hosts.name(h))),
            attempt: self.judged.owners.get(&at).copied(),
            ..Entry::of(event, self.path(at.source as usize)?)
        };
        if let Some(v) = &self.veiled {
            entry.veil(v.veil);
        }
        Some(entry)
    }

    fn keeps(&self, filter: &Filter, at: At) -> bool {
        let evidence = self.parts().evidence;
        let Some(event) = evidence.event(at) else {
            return false;
        };
        let owner = self.judged.owners.get(&at).copied();
        let attempt = owner.and_then(|o| self.parts().attempts.get(o));
        let host = evidence.host(at).map(|h| evidence.hosts.name(h));
        filter
            .attempt
            .as_ref()
            .is_none_or(|id| owner.is_some_and(|o| self.is_called(o, id)))
            && filter.stage.is_none_or(|s| {
                catalog::info(event.event.kind).and_then(|i| i.stage) == Some(s.name())
            })
            && filter.host.as_ref().is_none_or(|wanted| {
                host.is_some_and(|h| same_host(h, wanted))
                    || attempt
                        .is_some_and(|a| is_peer(&a.client, wanted) || is_peer(&a.server, wanted))
                    || ["client_ip", "server_ip", "client_host", "server_name"]
                        .iter()
                        .any(|f| says(event, f, wanted))
            })
            && filter.client.as_ref().is_none_or(|wanted| {
                attempt.is_some_and(|a| is_peer(&a.client, wanted))
                    || ["client_ip", "client_host"]
                        .iter()
                        .any(|f| says(event, f, wanted))
            })
            && filter.server.as_ref().is_none_or(|wanted| {
                attempt.is_some_and(|a| is_peer(&a.server, wanted))
                    || ["server_ip", "server_name"]
                        .iter()
                        .any(|f| says(event, f, wanted))
            })
            && filter
                .user
                .as_ref()
                .is_none_or(|wanted| user(event, attempt).is_some_and(|u| same_account(&u, wanted)))
    }
}

/// The account that an event names, or else its attempt.
fn user(event: EventRef<'_>, attempt: Option<&Attempt>) -> Option<String> {
    account(event.text(field::DOMAIN), event.text(field::USER)).or_else(|| attempt?.user.clone())
}

fn same_host(name: &str, wanted: &str) -> bool {
    let short = |n: &str| n.split('.').next().unwrap_or_default().to_lowercase();
    name.eq_ignore_ascii_case(wanted)
        || (short(name) == short(wanted) && !(name.contains('.') && wanted.contains('.')))
}

fn is_peer(peer: &Peer, wanted: &str) -> bool {
    peer.ip.is_some_and(|ip| ip.to_string() == wanted)
        || peer.name.as_ref().is_some_and(|n| same_host(n, wanted))
}

fn says(event: EventRef<'_>, name: &str, wanted: &str) -> bool {
    let value = rdpwhy_parsers::Field::named(name).and_then(|f| event.get(f));
    value.is_some_and(|v| {
        let value = sentence::show(v);
        value == wanted || (v.as_text().is_some() && same_host(&value, wanted))
    })
}

/// Address and port, or what else is known.
fn socket(peer: &Peer) -> String {
    match (peer.ip, peer.port) {
        (Some(ip), Some(port)) => std::net::SocketAddr::new(ip, port).to_string(),
        _ => peer_name(peer),
    }
}
