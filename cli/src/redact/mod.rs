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

use std::collections::BTreeMap;

use rdpwhy_analyzer::Knowledge;
use rdpwhy_analyzer::report::{Endpoint, Report};

use address::Addresses;
use label::Labels;
use names::Names;

/// Replaces what tells who and where.
pub fn redact(report: &mut Report, knowledge: &Knowledge) {
    let names = Names::of(report, knowledge);
    let mut addresses = Addresses::default();
    let mut labels = Labels::default();
    for source in &mut report.sources {
        source.path = labels.redacted(&source.path);
        // The bytes' hash would tell whoever has the file which one it is.
        source.sha256 = None;
        replace(source.host.as_mut(), &names);
    }
    for coverage in &mut report.coverage {
        coverage.host = names.name(&coverage.host);
    }
    for attempt in &mut report.attempts {
        for end in [&mut attempt.client, &mut attempt.server] {
            endpoint(end, &names, &mut addresses);
        }
        replace(attempt.user.as_mut(), &names);
    }
    for verdict in &mut report.verdicts {
        replace(verdict.host.as_mut(), &names);
        replace(
            verdict.remedy.as_mut().and_then(|r| r.host.as_mut()),
            &names,
        );
    }
    texts::each(report, &mut |text| {
        *text = names.sentence(&addresses.redacted(text));
    });
    ids(report);
    report.identities = rdpwhy_analyzer::identities::Identities::default();
}

fn replace(name: Option<&mut String>, names: &Names) {
    if let Some(name) = name {
        *name = names.name(name);
    }
}

fn endpoint(end: &mut Endpoint, names: &Names, addresses: &mut Addresses) {
    if let Some(ip) = &mut end.ip {
        *ip = addresses.redacted(ip);
    }
    replace(end.host.as_mut(), names);
}

/// Ids are hashes of addresses, names and times, and who guesses those can check the guess: they are numbered instead.
fn ids(report: &mut Report) {
    let mut new: BTreeMap<String, String> = BTreeMap::new();
    for (n, attempt) in report.attempts.iter().enumerate() {
        new.insert(attempt.id.clone(), format!("a-{:012x}", n + 1));
    }
    for (n, verdict) in report.verdicts.iter().enumerate() {
        new.insert(verdict.id.clone(), format!("v-{:012x}", n + 1));
    }
    texts::ids(report, &mut |id| {
        if let Some(new) = new.get(id) {
            id.clone_from(new);
        }
    });
}

#[cfg(test)]
mod tests;
