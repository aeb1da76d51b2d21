//! The narrow waist: one fact with its time, its place and its values.

use std::net::IpAddr;

use crate::batch::{EventBatch, Log, Origin, Place};
use crate::kind::{Field, Kind};
use crate::time::Timestamp;

/// A GUID as a number, bytes in the order they are printed. Zero means "none": Windows writes both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Guid(pub u128);

impl Guid {
    /// Reads `{F4202F30-…}` with or without braces, in any case. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('{').trim_end_matches('}');
        let mut digits = 0;
        let mut number = 0u128;
        for c in text.chars().filter(|c| *c != '-') {
            number = number.checked_shl(4)? | u128::from(c.to_digit(16)?);
            digits += 1;
        }
        (digits == 32).then_some(Self(number))
    }

    /// Whether this is the zero GUID, which stands for "no activity".
    pub fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// One value of an event. Texts live in the batch's arena.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// A number; statuses are unsigned 32-bit numbers, times are nanoseconds since 1970.
    Int(i64),
    /// Yes or no.
    Flag(bool),
    /// An address, IPv4-mapped IPv6 already reduced to IPv4.
    Ip(IpAddr),
    /// Text as it stood in the evidence: may hold anything, so it is shown through the report's sanitiser only.
    Text(&'a str),
}

impl<'a> Value<'a> {
    /// The number, if it is one.
    pub fn as_int(self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(n),
            _ => None,
        }
    }

    /// The address, if it is one.
    pub fn as_ip(self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(ip),
            _ => None,
        }
    }

    /// The text, if it is one.
    pub fn as_text(self) -> Option<&'a str> {
        match self {
            Self::Text(t) => Some(t),
            _ => None,
        }
    }

    /// The yes or no, if it is one.
    pub fn as_flag(self) -> Option<bool> {
        match self {
            Self::Flag(b) => Some(b),
            _ => None,
        }
    }
}

/// One fact. 48 bytes; its values lie in the batch that holds it.
#[derive(Debug, Clone)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// Which of the batch's origins it has: see [`EventRef::origin`].
    pub(crate) origin: u16,
    /// Which of the batch's logs it stands in: host and channel, or the capture.
    pub log: u32,
    /// When, in the source's own clock.
    pub time: Timestamp,
    /// EventRecordID in a log, 1-based frame number in a capture.
    pub place: u64,
    /// The record's correlation id.
    pub activity: Guid,
    /// Where its values are.
    pub(crate) values: Place,
}

impl Event {
    /// Whether all but the values is the same.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let all = |e: &Self| (e.kind, e.origin, e.log, e.time, e.place, e.activity);
        all(self) == all(other)
    }
}

/// An event together with the batch that holds its values.
#[derive(Clone, Copy)]
pub struct EventRef<'a> {
    /// Where the values are.
    pub batch: &'a EventBatch,
    /// The event.
    pub event: &'a Event,
}

/// Hears each event while a source is read.
pub type Sink<'a> = &'a mut dyn FnMut(EventRef<'_>);

impl<'a> EventRef<'a> {
    /// The log (host and channel) or capture that it stands in.
    pub fn log(self) -> Option<&'a Log> {
        self.batch.logs.get(self.event.log as usize)
    }

    /// Provider and event id of the record; none for a packet.
    pub fn origin(self) -> Option<&'a Origin> {
        self.batch.origins.get(usize::from(self.event.origin))
    }

    /// Whether the record lay outside the live part of its file.
    pub fn is_recovered(self) -> bool {
        self.batch.is_recovered(self.event)
    }

    /// The value of a field.
    pub fn get(self, field: Field) -> Option<Value<'a>> {
        self.batch.value(self.event, field)
    }

    /// The number in a field.
    pub fn int(self, field: Field) -> Option<i64> {
        self.get(field).and_then(Value::as_int)
    }

    /// The address in a field.
    pub fn ip(self, field: Field) -> Option<IpAddr> {
        self.get(field).and_then(Value::as_ip)
    }

    /// The text in a field.
    pub fn text(self, field: Field) -> Option<&'a str> {
        self.get(field).and_then(Value::as_text)
    }

    /// The yes or no in a field; absent is no.
    pub fn flag(self, field: Field) -> bool {
        self.get(field).and_then(Value::as_flag).unwrap_or(false)
    }

    /// All values in the order they were read.
    pub fn fields(self) -> impl Iterator<Item = (Field, Value<'a>)> {
        self.batch.values(self.event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guid_reads_both_spellings_and_refuses_others() {
        let a = Guid::parse("{F4202F30-8C5A-4D3B-9D38-0123456789AB}");
        assert_eq!(a, Guid::parse("f4202f308c5a4d3b9d380123456789ab"));
        assert!(a.is_some());
        assert_eq!(Guid::parse("{F4202F30}"), None);
        assert_eq!(Guid::parse("not a guid, not at all, no hex!!"), None);
    }
}
