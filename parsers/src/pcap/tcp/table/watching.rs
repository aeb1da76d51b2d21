//! Telling connections while packets are still arriving.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::super::close::Surroundings;
use super::super::flow::Flow;
use super::super::key::Key;
use super::super::vigil::{self, Heard, Look};
use super::{Desk, Table};
use crate::batch::EventBatch;
use crate::pcap::report;
use crate::pcap::watch::{Phase, Told};
use crate::time::Timestamp;
use crate::tls::keylog::KeyLog;

/// What is told while the capture goes on.
#[derive(Default)]
pub(super) struct Watching {
    /// Connections to look at again, by moment and number.
    pub(super) alarms: BTreeSet<(Timestamp, u64, Key)>,
    pub(super) told: Vec<Told>,
}

impl Table {
    /// Tells what is new of a connection, and sets the alarm for its next look.
    pub(super) fn attend(&mut self, key: Key, desk: &Desk<'_>) {
        if self.watch.is_none() {
            return;
        }
        let Some(flow) = self.flows.get(&key).filter(|f| self.is_rdp(f)) else {
            return;
        };
        let mut vigil = flow.vigil;
        let packets = vigil::packets(flow);
        if vigil.heard == Heard::End {
            if vigil.packets == packets {
                return;
            }
            // It goes on: a forged reset, a late answer, or the rest of its goodbye.
            if flow.is_over() {
                return;
            }
            vigil.heard = Heard::Nothing;
        }
        // Most packets change nothing that is awaited: the alarm that is set will do.
        let awaits_session = vigil.heard == Heard::Nothing && flow.dialogue.is_some();
        if vigil.alarm.is_some_and(|due| due > self.now) && !awaits_session && !vigil::ending(flow)
        {
            return;
        }
        let mut news = None;
        if vigil.heard == Heard::Nothing && flow.in_session() {
            vigil.heard = Heard::Session;
            news = Some(Phase::Session);
        }
        let look = vigil::look(flow, self.now);
        if look == Look::Ended {
            vigil.heard = Heard::End;
            vigil.packets = packets;
            news = Some(Phase::Ended);
        }
        let snapshot = news.map(|phase| (Flow::clone(flow), phase));
        let alarm = match look {
            Look::Later(due) => Some(due),
            Look::Ended | Look::Fine => None,
        };
        let number = flow.number;
        // An alarm that is too early costs a look, one that is moved with each packet costs more.
        let keep = match (vigil.alarm, alarm) {
            (Some(set), Some(due)) => set <= due,
            (None, None) => true,
            _ => false,
        };
        if let Some(watch) = self.watch.as_mut().filter(|_| !keep) {
            if let Some(set) = vigil.alarm.take() {
                watch.alarms.remove(&(set, number, key));
            }
            if let Some(due) = alarm {
                watch.alarms.insert((due, number, key));
                vigil.alarm = Some(due);
            }
        }
        if let Some(flow) = self.flows.get_mut(&key) {
            flow.vigil = vigil;
        }
        if let Some((flow, phase)) = snapshot {
            self.tell(flow, phase, desk.keys);
        }
    }

    /// Tells a connection, or how it stands, by itself.
    pub(super) fn tell(&mut self, flow: Flow, phase: Phase, keys: &KeyLog) {
        let usual_ttl = |ip: IpAddr| self.ttls.get(&ip).copied();
        let around = Surroundings {
            usual_ttl: &usual_ttl,
            capture_end: self.now,
            keys,
        };
        let mut batch = EventBatch::default();
        let log = batch.log("", "capture");
        let (number, client, server) = (flow.number, flow.client, flow.server);
        let opened = flow.opened.time;
        if let Some(set) = flow.vigil.alarm.filter(|_| phase == Phase::Settled)
            && let (Some(watch), key) = (&mut self.watch, Key::of(client, server))
        {
            watch.alarms.remove(&(set, number, key));
        }
        report::write(flow, &mut batch, log, &around);
        batch.shrink();
        if let Some(watch) = &mut self.watch {
            watch.told.push(Told {
                flow: number,
                phase,
                at: self.now,
                client,
                server,
                opened,
                batch,
            });
        }
    }

    /// What was told since the last time, in its order.
    pub(crate) fn told(&mut self) -> Vec<Told> {
        self.watch
            .as_mut()
            .map(|w| std::mem::take(&mut w.told))
            .unwrap_or_default()
    }

    /// Connections that are under way, each as it stands.
    pub(crate) fn under_way(&self) -> impl Iterator<Item = &Flow> {
        self.flows
            .values()
            .map(Box::as_ref)
            .filter(|f| self.is_rdp(f) && f.vigil.heard != Heard::End)
    }
}
