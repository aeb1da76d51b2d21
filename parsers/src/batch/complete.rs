//! Events that become whole only when another file was read.

use super::EventBatch;
use super::values::{Known, Values};
use crate::event::Value;
use crate::kind::{Field, Kind};

impl EventBatch {
    /// Gives the event at `index` those of the values that it has no value for.
    pub(crate) fn fill_in<'a>(
        &mut self,
        index: usize,
        values: impl Iterator<Item = (Field, Value<'a>)>,
    ) {
        let Some(theirs) = self.events.get(index).map(|e| e.values) else {
            return;
        };
        // Values are added to the last event only, so the event gets them anew.
        let mut whole = Values::default();
        let mut place = whole.next();
        for (field, value) in self.values.of(theirs) {
            whole.add(&mut place, field, value);
        }
        for (field, value) in values {
            whole.add(&mut place, field, value);
        }
        let place = self.values.take(&whole, place, &mut Known::default());
        if let Some(event) = self.events.get_mut(index) {
            event.values = place;
        }
    }

    /// Without the events of this kind.
    pub(crate) fn without(mut self, kind: Kind) -> Self {
        let mut kept = 0;
        let place = |e: &crate::event::Event| {
            (e.kind != kind).then(|| {
                kept += 1;
                kept - 1
            })
        };
        let places: Vec<Option<usize>> = self.events.iter().map(place).collect();
        let mut rest = Self::default();
        rest.append_some(&mut self, &places);
        rest
    }
}
