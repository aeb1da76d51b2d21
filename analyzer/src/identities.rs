//! Whom the evidence names: users, computers, domains and networks, so that a report can be made to forget them.

use std::collections::BTreeSet;

use rdpwhy_parsers::{EventRef, Value};
use serde::{Deserialize, Serialize};

use crate::evidence::Evidence;

/// Fields that hold an account, as `ana`, `CORP\ana` or `ana@corp.example`.
const ACCOUNTS: &[&str] = &["user", "by_user", "cookie", "user_hash", "user_sid"];
/// Fields that hold a computer's name, some with a service, a scheme or a path around it.
const COMPUTERS: &[&str] = &[
    "client_host",
    "server_name",
    "target",
    "sni",
    "time_source",
    "url",
    "subject",
    "issuer",
];
/// Fields that hold a domain.
const DOMAINS: &[&str] = &["domain"];
/// Kinds whose `name` is that of a network, and kinds whose `from` and `to` are computers.
const NETWORKS: &[&str] = &["network.", "wifi.", "vpn."];
const RENAMED: &str = "host.renamed";

/// Whether a field holds nothing but what names somebody or something.
pub fn is_identity(field: &str) -> bool {
    [ACCOUNTS, COMPUTERS, DOMAINS]
        .iter()
        .any(|list| list.contains(&field))
}

/// Names, as the evidence writes them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identities {
    /// Accounts without their domain.
    pub users: BTreeSet<String>,
    /// Computers.
    pub hosts: BTreeSet<String>,
    /// Domains, by NetBIOS and DNS name.
    pub domains: BTreeSet<String>,
    /// Networks: wireless, dial-up, profiles.
    pub networks: BTreeSet<String>,
}

impl Identities {
    /// All that the evidence names.
    pub fn of(evidence: &Evidence) -> Self {
        let mut found = Self::default();
        found.add(evidence);
        found
    }

    /// All that this evidence names, too.
    pub fn add(&mut self, evidence: &Evidence) {
        for log in evidence.sources.iter().flat_map(|s| &s.batch.logs) {
            self.host(&log.host);
        }
        for event in evidence.all().filter_map(|at| evidence.event(at)) {
            self.event(event);
        }
    }

    /// All that other evidence names, too.
    pub fn extend(&mut self, other: Self) {
        self.users.extend(other.users);
        self.hosts.extend(other.hosts);
        self.domains.extend(other.domains);
        self.networks.extend(other.networks);
    }

    /// Whom one event names.
    pub fn event(&mut self, event: EventRef<'_>) {
        let kind = event.event.kind.name();
        for (field, value) in event.fields() {
            let Value::Text(text) = value else { continue };
            match field.name() {
                name if ACCOUNTS.contains(&name) => self.user(text),
                name if COMPUTERS.contains(&name) => self.host(text),
                name if DOMAINS.contains(&name) => self.domain(text),
                "from" | "to" if kind == RENAMED => self.host(text),
                "name" if NETWORKS.iter().any(|n| kind.starts_with(n)) => {
                    insert(&mut self.networks, text);
                }
                _ => {}
            }
        }
    }

    /// An account, with its domain before or behind it.
    pub fn user(&mut self, text: &str) {
        let name = match text.rsplit_once('\\') {
            Some((domain, name)) => {
                self.domain(domain);
                name
            }
            None => text,
        };
        let name = match name.split_once('@') {
            Some((name, domain)) => {
                self.domain(domain);
                name
            }
            None => name,
        };
        // A computer's own account.
        match name.strip_suffix('$') {
            Some(computer) => self.host(computer),
            None => insert(&mut self.users, name),
        }
    }

    /// A computer: alone, as `TERMSRV/name`, `https://name/path`, `CN=name, O=…` or `name:port`.
    pub fn host(&mut self, text: &str) {
        for part in text.split(['/', ',', ';', '=', ':', ' ', '\\']) {
            let part = part.trim().trim_start_matches("*.");
            let is_name = part.contains(|c: char| c.is_alphabetic()) && part.len() > 2;
            if !is_name || SCAFFOLD.iter().any(|s| s.eq_ignore_ascii_case(part)) {
                continue;
            }
            insert(&mut self.hosts, part);
            if let Some((short, domain)) = part.split_once('.') {
                insert(&mut self.hosts, short);
                self.domain(domain);
            }
        }
    }

    /// A domain.
    pub fn domain(&mut self, text: &str) {
        insert(&mut self.domains, text);
        if let Some((short, _)) = text.split_once('.') {
            insert(&mut self.domains, short);
        }
    }
}

/// What stands around computers' names.
const SCAFFOLD: &[&str] = &[
    "termsrv", "host", "http", "https", "ldap", "file", "cn", "ou", "o", "dc", "local",
];

/// Names that are the same everywhere tell nothing about anybody.
const EVERYWHERE: &[&str] = &[
    "-",
    "system",
    "local service",
    "network service",
    "anonymous logon",
    "nt authority",
    "nt service",
    "window manager",
    "font driver host",
    "workgroup",
    "localhost",
    "administrator",
    "guest",
    "com",
    "net",
    "org",
    "lan",
    "builtin",
];

fn insert(to: &mut BTreeSet<String>, name: &str) {
    let name = name.trim();
    if !name.is_empty()
        && !EVERYWHERE.iter().any(|e| e.eq_ignore_ascii_case(name))
        && !to.contains(name)
    {
        to.insert(name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_out_of_what_stands_around_them() {
        let mut found = Identities::default();
        found.user("CORP\\ana");
        found.user("bo@branch.example");
        found.user("NT AUTHORITY\\SYSTEM");
        found.host("TERMSRV/RDS07.corp.example");
        found.host("CN=gate.example, O=Example");
        found.host("10.2.1.7:3389");
        let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(list(&found.users), "ana bo");
        assert_eq!(
            list(&found.hosts),
            "Example RDS07 RDS07.corp.example gate gate.example"
        );
        assert_eq!(
            list(&found.domains),
            "CORP branch branch.example corp corp.example example"
        );
    }
}
