//! `--redact`: a report that can be passed on. Users, computers, domains, networks, addresses, folders and file names are
//! replaced, the same one by the same in the whole report, whatever it is rendered as.
//!
//! What is a name is told by the evidence's own fields ([`Identities`](rdpwhy_analyzer::identities::Identities)) and by the
//! report's. Addresses and security identifiers are known by their form. Names that are also words of this project's own
//! texts ("server", "admin") are replaced where they stand as names, and left in sentences, where they tell nothing.

mod address;
mod label;
mod names;
pub(crate) mod texts;

use std::cell::RefCell;
use std::collections::BTreeMap;

use rdpwhy_analyzer::Knowledge;
use rdpwhy_analyzer::identities::Identities;
use rdpwhy_analyzer::report::{AttemptReport, Endpoint, Report, VerdictReport};
use rdpwhy_analyzer::timeline;

use address::Addresses;
use label::Labels;
use names::Names;

/// Replaces what tells who and where. What is told beside the report goes through the same [`Veil`].
pub fn redact(report: &mut Report, knowledge: &Knowledge) -> Veil {
    let mut veil = Veil::new(knowledge);
    veil.report(report);
    veil
}

/// What stands for whom. It grows with what it is shown, and what stands for somebody once does so from then on.
pub struct Veil {
    names: Names,
    addresses: RefCell<Addresses>,
    labels: RefCell<Labels>,
    ids: BTreeMap<String, String>,
    attempts: usize,
    verdicts: usize,
}

impl Veil {
    /// Nobody is known yet.
    pub fn new(knowledge: &Knowledge) -> Self {
        Self {
            names: Names::new(knowledge),
            addresses: RefCell::default(),
            labels: RefCell::default(),
            ids: BTreeMap::new(),
            attempts: 0,
            verdicts: 0,
        }
    }

    /// Takes note of whom the evidence names.
    pub fn learn(&mut self, identities: &Identities) {
        self.names.learn(identities);
    }

    /// Redacts a whole report.
    pub fn report(&mut self, report: &mut Report) {
        self.learn(&named(report));
        let replaced = |report: &mut Report| {
            for source in &mut report.sources {
                source.path = self.path(&source.path);
                // The bytes' hash would tell whoever has the file which one it is.
                source.sha256 = None;
                self.replace(source.host.as_mut());
            }
            for coverage in &mut report.coverage {
                coverage.host = self.name(&coverage.host);
            }
            for attempt in &mut report.attempts {
                self.ends(attempt);
            }
            for verdict in &mut report.verdicts {
                self.hosts(verdict);
            }
            texts::each(report, &mut |text| *text = self.text(text));
        };
        replaced(report);
        // Ids are hashes of addresses, names and times, and who guesses those can check the guess: they are numbered instead.
        for attempt in &report.attempts {
            self.number(&attempt.id);
        }
        for verdict in &report.verdicts {
            self.number(&verdict.id);
        }
        texts::ids(report, &mut |id| {
            if let Some(new) = self.known_id(id) {
                *id = new;
            }
        });
        report.identities = Identities::default();
    }

    /// Redacts an attempt, and the verdict that is told with it.
    pub fn attempt(&mut self, attempt: &mut AttemptReport, verdict: Option<&mut VerdictReport>) {
        let mut known = Identities::default();
        name_attempt(&mut known, attempt);
        if let Some(v) = &verdict {
            known.host(v.host.as_deref().unwrap_or_default());
        }
        self.learn(&known);
        self.ends(attempt);
        texts::attempt(attempt, &mut |text| *text = self.text(text));
        texts::ids_of_attempt(attempt, &mut |id| *id = self.number(id));
        if let Some(v) = verdict {
            self.hosts(v);
            texts::verdict(v, &mut |text| *text = self.text(text));
            texts::ids_of_verdict(v, &mut |id| *id = self.number(id));
        }
    }

    /// What stands for an id, which is numbered if it is new. What follows a `/` in it is kept.
    pub fn number(&mut self, id: &str) -> String {
        let (id, tail) = match id.split_once('/') {
            Some((id, tail)) => (id, format!("/{tail}")),
            None => (id, String::new()),
        };
        if !self.ids.contains_key(id) {
            let (sort, n) = match id.get(..1) {
                Some("v") => ("v", &mut self.verdicts),
                _ => ("a", &mut self.attempts),
            };
            *n += 1;
            self.ids.insert(id.to_owned(), format!("{sort}-{n:012x}"));
        }
        let new = self.ids.get(id).map_or("", String::as_str);
        format!("{new}{tail}")
    }

    /// What stands for an id, if it was met before.
    pub fn known_id(&self, id: &str) -> Option<String> {
        self.ids.get(id).cloned()
    }

    fn ends(&self, attempt: &mut AttemptReport) {
        for end in [&mut attempt.client, &mut attempt.server] {
            self.endpoint(end);
        }
        self.replace(attempt.user.as_mut());
    }

    fn hosts(&self, verdict: &mut VerdictReport) {
        self.replace(verdict.host.as_mut());
        self.replace(verdict.remedy.as_mut().and_then(|r| r.host.as_mut()));
    }

    fn endpoint(&self, end: &mut Endpoint) {
        if let Some(ip) = &mut end.ip {
            *ip = self.address(ip);
        }
        self.replace(end.host.as_mut());
    }

    fn replace(&self, name: Option<&mut String>) {
        if let Some(name) = name {
            *name = self.address(&self.name(name));
        }
    }

    /// What stands for an address, and for each in a text.
    pub fn address(&self, text: &str) -> String {
        self.addresses.borrow_mut().redacted(text)
    }

    /// What stands for a name in a field of its own.
    pub fn name(&self, name: &str) -> String {
        self.names.name(name)
    }

    /// A text with every name and address replaced.
    pub fn text(&self, text: &str) -> String {
        self.names.sentence(&self.address(text))
    }

    /// What stands for a path.
    pub fn path(&self, path: &str) -> String {
        self.labels.borrow_mut().redacted(path)
    }
}

impl timeline::Veil for Veil {
    fn name(&self, name: &str) -> String {
        self.name(name)
    }

    fn text(&self, text: &str) -> String {
        self.text(text)
    }

    fn path(&self, path: &str) -> String {
        self.path(path)
    }

    fn id(&self, id: &str) -> String {
        // What the report leaves out has no number there.
        self.ids.get(id).cloned().unwrap_or_default()
    }
}

/// Everything that a report and its evidence name.
fn named(report: &Report) -> Identities {
    let mut known = report.identities.clone();
    for host in report.sources.iter().filter_map(|s| s.host.as_ref()) {
        known.host(host);
    }
    for coverage in &report.coverage {
        known.host(&coverage.host);
    }
    for attempt in &report.attempts {
        name_attempt(&mut known, attempt);
    }
    for verdict in &report.verdicts {
        known.host(verdict.host.as_deref().unwrap_or_default());
    }
    known
}

fn name_attempt(known: &mut Identities, attempt: &AttemptReport) {
    for end in [&attempt.client, &attempt.server] {
        known.host(end.host.as_deref().unwrap_or_default());
    }
    known.user(attempt.user.as_deref().unwrap_or_default());
}

#[cfg(test)]
mod tests;
