//! A batch made again from what was kept of it elsewhere, in a table or a file.
//!
//! Logs are made with [`EventBatch::log`] and filled in [`EventBatch::logs`], values through [`Filling`];
//! what only readers know of an event (who wrote it, whether it was recovered) is told here.

use crate::batch::{EventBatch, Filling, Gap};
use crate::catalog;
use crate::event::Guid;
use crate::kind::Kind;
use crate::time::Timestamp;

/// An event as it was kept; its values follow through the [`Filling`], in their old order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kept<'a> {
    /// What happened.
    pub kind: Kind,
    /// Number of its log: index into [`EventBatch::logs`].
    pub log: u32,
    /// When, in its source's own clock.
    pub time: Timestamp,
    /// EventRecordID, or number of the packet.
    pub place: u64,
    /// The record's correlation id.
    pub activity: Guid,
    /// Provider as the record spelt it, and event id; none for a packet.
    pub origin: Option<(&'a str, u32)>,
    /// Whether the record lay outside the live part of its file.
    pub recovered: bool,
}

impl EventBatch {
    /// Adds an event that was kept. A provider and id that the catalogue does not describe (any more) are left away.
    pub fn restore(&mut self, kept: &Kept<'_>) -> Filling<'_> {
        let origin = kept.origin.and_then(|(provider, id)| {
            catalog::lookup(provider, id).map(|spec| self.origin(provider, id, spec))
        });
        if kept.recovered {
            self.recovered_events
                .insert((kept.log, kept.place, kept.time));
        }
        self.push(kept.kind, kept.log, kept.time, kept.place, kept.activity);
        self.originates(origin.unwrap_or(u16::MAX));
        self.more()
    }
}

impl Gap {
    /// A reason of [`Gap::why`] by its name; `None` where there is no such reason.
    pub fn reason(name: &str) -> Option<&'static str> {
        ["log-cleared", "rolled-over", "records-missing"]
            .into_iter()
            .find(|reason| *reason == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Value;
    use crate::kind::Field;

    #[test]
    fn what_was_kept_is_the_same_again() {
        let spec = catalog::all().first().expect("the catalogue has events");
        let mut batch = EventBatch::default();
        let log = batch.log("SRV01", "System");
        let kept = Kept {
            kind: spec.kind,
            log,
            time: Timestamp(17),
            place: u64::MAX,
            activity: Guid(3),
            origin: Some((spec.provider_name, spec.id)),
            recovered: true,
        };
        let field = Field::all().next().expect("the catalogue has fields");
        batch.restore(&kept).int(field, -1);
        batch.restore(&Kept {
            origin: None,
            recovered: false,
            time: Timestamp(18),
            ..kept
        });
        let events: Vec<_> = batch.iter().collect();
        let [first, second] = events.as_slice() else {
            unreachable!("two were kept");
        };
        assert_eq!(first.origin().map(|o| o.id), Some(spec.id));
        assert_eq!(first.get(field), Some(Value::Int(-1)));
        assert!(first.is_recovered());
        assert_eq!(first.event.place, u64::MAX);
        assert!(second.origin().is_none());
        assert!(!second.is_recovered());
    }

    #[test]
    fn every_reason_that_readers_give_has_a_name() {
        for reason in ["log-cleared", "rolled-over", "records-missing"] {
            assert_eq!(Gap::reason(reason), Some(reason));
        }
        assert_eq!(Gap::reason("eaten"), None);
    }
}
