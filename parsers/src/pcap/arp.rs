//! Two stations that claim one address.

use std::collections::HashMap;
use std::net::IpAddr;

use super::dialogue::story::hex;
use super::frame::packet::ArpClaim;
use super::vocabulary::{field, kind};
use crate::batch::EventBatch;
use crate::event::Guid;

/// Addresses remembered; a large broadcast domain has some thousand.
const MOST_ADDRESSES: usize = 16_384;
/// Changes of station that make a conflict. One is a failover or a replaced machine; going back and forth is not.
const CHANGES: u32 = 2;

struct Claimed {
    last: [u8; 6],
    before: [u8; 6],
    changes: u32,
    /// The claim that made it a conflict.
    conflict: Option<ArpClaim>,
}

/// Who claims which address.
#[derive(Default)]
pub(crate) struct Stations {
    by_ip: HashMap<IpAddr, Claimed>,
}

impl Stations {
    /// Takes a claim.
    pub(crate) fn claim(&mut self, claim: ArpClaim) {
        if let Some(known) = self.by_ip.get_mut(&claim.ip) {
            if known.last == claim.mac {
                return;
            }
            known.changes = if known.before == claim.mac || known.changes == 0 {
                known.changes + 1
            } else {
                1
            };
            known.before = std::mem::replace(&mut known.last, claim.mac);
            if known.changes >= CHANGES && known.conflict.is_none() {
                known.conflict = Some(claim);
            }
        } else {
            if self.by_ip.len() >= MOST_ADDRESSES {
                self.make_room();
            }
            self.by_ip.insert(
                claim.ip,
                Claimed {
                    last: claim.mac,
                    before: claim.mac,
                    changes: 0,
                    conflict: None,
                },
            );
        }
    }

    /// Those whose station never changed are forgotten, then all that are in no conflict, then all.
    fn make_room(&mut self) {
        let enough = MOST_ADDRESSES / 2;
        self.by_ip.retain(|_, c| c.changes > 0);
        if self.by_ip.len() > enough {
            self.by_ip.retain(|_, c| c.conflict.is_some());
        }
        if self.by_ip.len() > enough {
            self.by_ip.clear();
        }
    }

    /// Tells the conflicts.
    pub(crate) fn tell(&self, batch: &mut EventBatch, log: u32) {
        let mut conflicts: Vec<_> = self
            .by_ip
            .values()
            .filter_map(|c| {
                let claim = c.conflict.as_ref()?;
                Some((claim.frame, claim, c.before, c.last))
            })
            .collect();
        conflicts.sort_by_key(|(frame, ..)| *frame);
        for (_, claim, a, b) in conflicts {
            let (a, b) = if a <= b { (a, b) } else { (b, a) };
            batch
                .push(
                    kind::ARP_CONFLICT,
                    log,
                    claim.time,
                    claim.frame,
                    Guid::default(),
                )
                .ip(field::IP, claim.ip)
                .text(field::MAC_A, &hex(&a))
                .text(field::MAC_B, &hex(&b));
        }
    }
}
