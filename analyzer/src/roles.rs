//! Which side each host is on, from what its logs hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::evidence::Evidence;
use crate::hosts::HostId;
use crate::index::Index;
use rdpwhy_parsers::{Kind, catalog};

/// Roles of hosts.
#[derive(Debug, Default)]
pub struct Roles {
    sides: BTreeMap<HostId, &'static str>,
    /// Domain controllers.
    pub controllers: BTreeSet<HostId>,
}

impl Roles {
    /// From the sides of the events that each host wrote: a controller's and a gateway's are theirs alone; a host that
    /// accepted connections is a server even if it connects elsewhere too.
    pub fn new(evidence: &Evidence, index: &Index) -> Self {
        let mut kinds_of_side: BTreeMap<&'static str, BTreeSet<Kind>> = BTreeMap::new();
        for spec in catalog::all() {
            let of_side = kinds_of_side.entry(spec.side).or_default();
            of_side.insert(spec.kind);
            of_side.extend(spec.variants.iter().map(|v| v.kind));
        }
        let mut roles = Self::default();
        for host in evidence.hosts.iter() {
            let wrote = |side: &str, only: &[&str]| {
                kinds_of_side.get(side).is_some_and(|kinds| {
                    kinds.iter().any(|k| {
                        index.has(host, *k)
                            && (only.is_empty() || only.iter().any(|p| k.name().starts_with(p)))
                    })
                })
            };
            let controller = wrote("domain-controller", &["kerberos.", "kdc."]);
            if controller {
                roles.controllers.insert(host);
            }
            let side = if wrote("gateway", &["gateway."]) {
                "gateway"
            } else if wrote(
                "server",
                &[
                    "connection.",
                    "listener.",
                    "session.",
                    "logon.authenticated",
                ],
            ) {
                "server"
            } else if controller {
                "domain-controller"
            } else if wrote("client", &["client."]) {
                "client"
            } else if wrote("server", &[]) {
                "server"
            } else if wrote("client", &[]) {
                "client"
            } else {
                continue;
            };
            roles.sides.insert(host, side);
        }
        roles
    }

    /// server, client, gateway, domain-controller; none when nothing tells.
    pub fn side(&self, host: HostId) -> Option<&'static str> {
        self.sides.get(&host).copied()
    }
}
