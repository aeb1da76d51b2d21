//! Templates of records, each looked at once per chunk: where the values of the frame stand.

use super::bytes::{Odd, Span, slice, u8_at};
use super::identity::Recent;
use super::instance::{self, Instance, Value, fits, kind};
use super::outline::{Outline, Part, Payload};
use super::shape::{Shapes, Until};
use super::token::{Source, Stream};

/// What of the frame is looked at: [`System::parts`](super::outline::System::parts), in this order.
pub(super) const PARTS: usize = 8;

/// One template of records.
pub(super) struct Frame {
    /// Offset of its definition in the chunk.
    pub(super) definition: usize,
    /// What it says.
    pub(super) outline: Outline,
    /// Who wrote its records.
    pub(super) recent: Recent,
    /// Slots of the frame's own values come first: so many.
    head: usize,
    layout: Option<Layout>,
}

/// A template as it was in another chunk.
pub(super) struct Known {
    learnt: Vec<Span>,
    outline: Outline,
    head: usize,
}

/// Most templates of records that are remembered beyond a chunk.
pub(super) const MOST_KNOWN: usize = 256;

/// Where values stand for as long as the descriptors stay the same: lengths rarely change from record to record.
struct Layout {
    /// Offset of descriptors that have been looked at.
    descriptors: usize,
    /// Values of the frame, `at` counted from the first value; those of literals from the chunk's start.
    parts: [(Value, bool); PARTS],
    /// SIDs of the frame, whose length stands in them.
    sids: Vec<Value>,
    /// Bytes of the values of the frame.
    len: usize,
}

impl Frame {
    /// Reads the definition at this offset.
    pub(super) fn read(data: &[u8], definition: usize) -> Result<Self, Odd> {
        let (start, end) = instance::body(data, definition)?;
        let outline = Outline::read(&mut Stream::definition(data, start, end))?;
        let parts = outline.system.parts();
        let slots = parts.iter().flat_map(|p| {
            let own = match p.source {
                Source::Slot(slot) => Some(slot),
                _ => None,
            };
            [own, p.depends]
        });
        Ok(Self {
            definition,
            outline,
            recent: Recent::default(),
            head: slots.flatten().max().map_or(0, |s| usize::from(s) + 1),
            layout: None,
        })
    }

    /// Reads the definition at this offset, or knows it by its shape.
    pub(super) fn recall(
        data: &[u8],
        definition: usize,
        known: &mut Shapes<Known>,
        holes: &mut Vec<Span>,
    ) -> Result<Self, Odd> {
        let (start, end) = instance::body(data, definition)?;
        let stream = Stream::definition(data, start, end);
        if let Some((_, one)) = known.find(&stream, holes)
            && let Some(system) = one.outline.system.moved(&one.learnt, holes)
        {
            return Ok(Self {
                definition,
                outline: Outline {
                    system,
                    ..one.outline
                },
                recent: Recent::default(),
                head: one.head,
                layout: None,
            });
        }
        let frame = Self::read(data, definition)?;
        // Places of the payload would have to move as well.
        let still = matches!(
            frame.outline.payload,
            Payload::Absent | Payload::Slot { .. }
        );
        if still {
            known.learn(&stream, Until::End, |holes| {
                let moves = frame.outline.system.moved(holes, holes).is_some();
                moves.then(|| Known {
                    learnt: holes.to_vec(),
                    outline: frame.outline,
                    head: frame.head,
                })
            });
        }
        Ok(frame)
    }

    /// The stream of its definition.
    pub(super) fn stream<'a>(&self, data: &'a [u8]) -> Result<Stream<'a>, Odd> {
        let (start, end) = instance::body(data, self.definition)?;
        Ok(Stream::definition(data, start, end))
    }

    /// The values of the frame in this instance, which must fill the record up to `end`, and the one that holds the payload
    /// if it stands behind them.
    pub(super) fn values(
        &mut self,
        data: &[u8],
        instance: &Instance,
        end: usize,
    ) -> Result<([Value; PARTS], Option<Value>), Odd> {
        let head = self.head.min(instance.count);
        let seen = |at: usize| slice(data, at, head * 4);
        let known = match &self.layout {
            Some(layout) => seen(layout.descriptors)? == seen(instance.descriptors)?,
            None => false,
        };
        if !known {
            self.layout = Some(self.lay_out(data, instance, head)?);
        }
        let Some(layout) = &self.layout else {
            return Err(Odd("no layout"));
        };
        let base = u32::try_from(instance.values).map_err(|_| Odd("a value beyond the chunk"))?;
        for sid in &layout.sids {
            let at = Value {
                at: sid.at + base,
                ..*sid
            };
            fits(sid.kind, at.of(data))?;
        }
        let mut at = instance.values + layout.len;
        let (slot_of_payload, mut payload) = (self.payload_slot(), None);
        for slot in head..instance.count {
            let (len, kind) = instance.descriptor(data, slot)?;
            self.allows(slot, kind, len)?;
            fits(kind, slice(data, at, usize::from(len))?)?;
            if slot_of_payload == Some(slot) {
                let at = u32::try_from(at).map_err(|_| Odd("a value beyond the chunk"))?;
                payload = Some(Value { at, len, kind });
            }
            at += usize::from(len);
        }
        instance::ends(data, at, end)?;
        let parts = layout.parts.map(|(value, literal)| {
            let at = if literal { value.at } else { value.at + base };
            Value { at, ..value }
        });
        Ok((parts, payload))
    }

    /// The slot of the payload.
    fn payload_slot(&self) -> Option<usize> {
        match self.outline.payload {
            Payload::Slot {
                part:
                    Part {
                        source: Source::Slot(s),
                        ..
                    },
                ..
            } => Some(usize::from(s)),
            _ => None,
        }
    }

    /// BinXML stands in the payload's slot only.
    fn allows(&self, slot: usize, kind: u8, len: u16) -> Result<(), Odd> {
        if kind == kind::BINXML && len > 0 && self.payload_slot() != Some(slot) {
            return Err(Odd("BinXML in an odd slot"));
        }
        Ok(())
    }

    fn lay_out(&self, data: &[u8], instance: &Instance, head: usize) -> Result<Layout, Odd> {
        let mut values = Vec::with_capacity(head);
        let mut sids = Vec::new();
        let mut at = 0usize;
        for slot in 0..head {
            let (len, kind) = instance.descriptor(data, slot)?;
            self.allows(slot, kind, len)?;
            fits(kind, slice(data, instance.values + at, usize::from(len))?)?;
            let value = Value {
                at: u32::try_from(at).map_err(|_| Odd("a value beyond the chunk"))?,
                len,
                kind,
            };
            if kind == 0x13 {
                sids.push(value);
            }
            values.push(value);
            at += usize::from(len);
        }
        let mut parts = [(Value::default(), true); PARTS];
        for (place, part) in parts.iter_mut().zip(self.outline.system.parts()) {
            *place = located(part, &values)?;
        }
        Ok(Layout {
            descriptors: instance.descriptors,
            parts,
            sids,
            len: at,
        })
    }
}

/// The value of a part of the frame, and whether it is a literal.
pub(super) fn located(part: Part, values: &[Value]) -> Result<(Value, bool), Odd> {
    let value = |slot: u16| values.get(usize::from(slot)).copied();
    if part.depends.and_then(value).is_some_and(Value::is_null) {
        return Ok((Value::default(), true));
    }
    Ok(match part.source {
        Source::Absent => (Value::default(), true),
        Source::Text(span) => {
            let len = u16::try_from(span.len).map_err(|_| Odd("a long literal"))?;
            let literal = Value {
                at: span.at,
                len,
                kind: kind::TEXT,
            };
            (literal, true)
        }
        Source::Slot(slot) => value(slot).map_or((Value::default(), true), |v| (v, false)),
        Source::Item(..) | Source::Mixed => return Err(Odd("an odd part of the frame")),
    })
}

/// Whether a record is a template instance; its token then ends here.
pub(super) fn instance_token(data: &[u8], start: usize, end: usize) -> Result<Option<usize>, Odd> {
    let token = if u8_at(data, start)? == 0x0F {
        start + 4
    } else {
        start
    };
    Ok((token < end && u8_at(data, token)? == 0x0C).then_some(token + 1))
}
