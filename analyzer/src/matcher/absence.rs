//! What it means that nothing was found: it did not happen, or nobody recorded.

use rdpwhy_parsers::{Kind, Timestamp, catalog};

use super::blind::{Blind, CAPTURE, Whose, note};
use super::{Answer, HANDSHAKE_NS, LOOK_BACK_NS, Matcher, span};
use crate::attempt::Attempt;
use crate::hosts::HostId;
use crate::knowledge::{Absence, EventSign, Joined};
use crate::names::{field, kind};
use crate::sighting::View;

impl Matcher<'_> {
    /// Nothing was found: does that mean anything?
    pub(super) fn absence(&self, e: &EventSign, a: &Attempt) -> Answer {
        let mut unrecorded = Vec::new();
        for k in &e.kinds {
            let channels = catalog::channels(*k);
            if channels.is_empty() {
                if !self.wire_would_show(*k, a) {
                    let blind = Blind {
                        channels: CAPTURE,
                        whose: Whose::Server,
                    };
                    note(&mut unrecorded, [blind]);
                }
                continue;
            }
            let whose = match e.joined {
                Joined::Client => Whose::Client,
                Joined::Attempt if written_by_client(*k) => Whose::Client,
                Joined::Server | Joined::Attempt => Whose::Server,
                Joined::Directory => Whose::Directory,
                Joined::Gateway => Whose::Gateway,
            };
            let side = match whose {
                Whose::Client => Some(&a.client),
                Whose::Server => Some(&a.server),
                Whose::Directory | Whose::Gateway => None,
            };
            let blind = Blind { channels, whose };
            let Some(peer) = side else {
                let hosts: Vec<HostId> = match e.joined {
                    Joined::Directory => self.controllers.iter().copied().collect(),
                    _ => self
                        .evidence
                        .hosts
                        .iter()
                        .filter(|h| channels.iter().any(|c| self.coverage.has(*h, c)))
                        .collect(),
                };
                // Without such a host in the evidence there may be none at all, and the server's log says it, too.
                if !hosts.is_empty()
                    && !hosts
                        .iter()
                        .any(|h| self.covered(*h, channels, a.start, a.end))
                {
                    note(&mut unrecorded, [blind]);
                }
                continue;
            };
            let (from, to) = match e.window {
                Some(w) => span(w, a, 0),
                None => (a.start, a.end.min(a.start.plus(HANDSHAKE_NS))),
            };
            let from = from.max(a.start.plus(-LOOK_BACK_NS)).min(a.end);
            let covered = peer.host.is_some_and(|h| {
                self.covered(h, channels, from, to.max(from).min(a.end.max(from)))
            });
            if !covered || self.switched_off(*k, peer.host) || e.absence == Absence::ProvesNothing {
                note(&mut unrecorded, [blind]);
            }
        }
        // Where one of several kinds could not be recorded, it may have been that one.
        if unrecorded.is_empty() {
            Answer::Absent
        } else {
            Answer::Unknown(unrecorded)
        }
    }

    /// A capture shows a step of the handshake unless it begins later, or one direction is missing.
    pub(crate) fn wire_would_show(&self, k: Kind, a: &Attempt) -> bool {
        if !a.seen_by(View::Wire) {
            return false;
        }
        let opened = a
            .events
            .iter()
            .filter_map(|at| self.evidence.event(*at))
            .filter(|e| e.event.kind == kind::TCP_OPENED)
            // Where packets were kept, too, they tell.
            .min_by_key(|e| e.text(field::TOLD_BY).is_some());
        let Some(opened) = opened else { return false };
        // A monitor's log says what was, and seldom what was not.
        if opened.text(field::TOLD_BY).is_some() {
            return k == kind::TCP_OPENED;
        }
        let whole = matches!(k, kind::TCP_CLOSED | kind::FLOW_MEASURED | kind::TCP_OPENED);
        whole
            || (!opened.flag(field::MIDSTREAM)
                && opened.text(field::ONE_WAY).is_none_or(str::is_empty))
    }

    pub(crate) fn switched_off(&self, k: Kind, host: Option<HostId>) -> bool {
        self.off_by_default
            .iter()
            .filter(|g| g.contains(&k))
            .any(|group| !host.is_some_and(|h| group.iter().any(|k| self.index.has(h, *k))))
    }

    pub(crate) fn covered(
        &self,
        host: HostId,
        channels: &[&str],
        from: Timestamp,
        to: Timestamp,
    ) -> bool {
        let offset = self.offset(host);
        self.coverage
            .covers(host, channels, from.plus(offset), to.plus(offset))
    }

    pub(crate) fn offset(&self, host: HostId) -> i64 {
        self.evidence.host_offsets.get(&host).copied().unwrap_or(0)
    }
}

/// Kinds that only a client's logs have.
pub(crate) fn written_by_client(k: Kind) -> bool {
    catalog::info(k).is_some_and(|i| i.sides == ["client"])
}
