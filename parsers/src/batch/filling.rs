//! Adding values to an event.

use std::net::IpAddr;

use super::EventBatch;
use crate::event::Value;
use crate::kind::Field;

/// Adds values to the event pushed last. A field keeps its first value: the catalogue names the better source of a value
/// first.
pub struct Filling<'a> {
    pub(super) batch: &'a mut EventBatch,
}

impl Filling<'_> {
    /// A number.
    pub fn int(&mut self, field: Field, n: i64) -> &mut Self {
        self.add(field, Value::Int(n))
    }

    /// A yes or no.
    pub fn flag(&mut self, field: Field, b: bool) -> &mut Self {
        self.add(field, Value::Flag(b))
    }

    /// An address; IPv4-mapped IPv6 becomes IPv4.
    pub fn ip(&mut self, field: Field, ip: IpAddr) -> &mut Self {
        self.add(field, Value::Ip(ip))
    }

    /// A text; empty texts are not kept.
    pub fn text(&mut self, field: Field, text: &str) -> &mut Self {
        self.add(field, Value::Text(text))
    }

    /// Whatever it is.
    pub(crate) fn add(&mut self, field: Field, value: Value<'_>) -> &mut Self {
        let batch = &mut *self.batch;
        if let Some(event) = batch.events.last_mut() {
            batch.values.add(&mut event.values, field, value);
        }
        self
    }
}
