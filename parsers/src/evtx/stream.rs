//! The events of a log while it is read, for whoever needs each of them once and none of them later.
//!
//! What is kept of a log is eight bytes for each event, by which a copy is told, and the records that lay outside its live
//! part: whether such a record is an old copy of a live one is known when all of the live part was read.

use std::collections::HashSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use crate::batch::EventBatch;
use crate::continuity::Trail;
use crate::event::{EventRef, Sink, Value};

/// Takes the pieces of one log in their order.
#[derive(Default)]
pub struct Stream {
    rest: EventBatch,
    /// Hashes of the events that were told. That two that differ share one is not to be expected: among ten million events
    /// the odds are about 1 in 370,000.
    told: HashSet<u64>,
}

impl Stream {
    /// Tells the live events of the next piece.
    pub fn piece(&mut self, mut piece: EventBatch, tell: Sink<'_>) {
        let recovered: HashSet<usize> =
            (piece.trails.iter().flat_map(Trail::recovered_events)).collect();
        let mut kept = 0;
        let mut places: Vec<Option<usize>> = Vec::with_capacity(piece.events.len());
        for (at, event) in piece.iter().enumerate() {
            let is_late = recovered.contains(&at);
            let is_new = self.told.insert(hash(event, is_late));
            if is_new && !is_late {
                tell(event);
            }
            let keep = is_new && is_late;
            places.push(keep.then_some(kept));
            kept += usize::from(keep);
        }
        self.rest.append_some(&mut piece, &places);
    }

    /// Tells what was recovered and is no copy. What is left are the logs, the defects and the counts; gaps are not complete,
    /// since they are told by events, too.
    pub fn finish(mut self, tell: Sink<'_>) -> EventBatch {
        super::finish(&mut self.rest);
        self.rest.iter().for_each(tell);
        self.rest.forget_events();
        self.rest
    }
}

fn hash(event: EventRef<'_>, recovered: bool) -> u64 {
    // Its keys are constant: a run that is repeated tells the same.
    let mut hasher = DefaultHasher::new();
    let log = event.log();
    log.map(|l| (&l.host, &l.channel)).hash(&mut hasher);
    let e = event.event;
    (e.kind, e.time, e.place, e.activity, recovered).hash(&mut hasher);
    for (field, value) in event.fields() {
        field.hash(&mut hasher);
        match value {
            Value::Int(n) => n.hash(&mut hasher),
            Value::Flag(b) => b.hash(&mut hasher),
            Value::Ip(ip) => ip.hash(&mut hasher),
            Value::Text(text) => text.hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Guid;
    use crate::kind::{Field, Kind};
    use crate::time::Timestamp;

    fn piece(events: &[(u64, &str)]) -> EventBatch {
        let mut batch = EventBatch::default();
        let log = batch.log("A", "Security");
        for (number, user) in events {
            batch.saw(log, Timestamp(7), *number);
            let kind = Kind::of("logon.failed");
            let mut filling = batch.push(kind, log, Timestamp(7), *number, Guid::default());
            filling.text(Field::of("user"), user);
        }
        batch
    }

    #[test]
    fn each_event_is_told_once_and_nothing_is_kept() {
        let mut stream = Stream::default();
        let mut told = Vec::new();
        let mut tell = |e: EventRef<'_>| {
            let user = e.text(Field::of("user")).unwrap_or_default().to_owned();
            told.push((e.event.place, user));
        };
        stream.piece(piece(&[(1, "ana"), (1, "ana"), (2, "bob")]), &mut tell);
        stream.piece(piece(&[(2, "bob"), (1, "eve")]), &mut tell);
        let rest = stream.finish(&mut tell);
        let names = [(1, "ana"), (2, "bob"), (1, "eve")];
        assert_eq!(told, names.map(|(n, u)| (n, u.to_owned())));
        assert_eq!((rest.events.len(), rest.logs[0].records), (0, 5));
    }
}
