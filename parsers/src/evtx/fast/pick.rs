//! The values that an event wants, taken out of a payload.

use std::ops::Range;

use super::bytes::{Odd, Span};
use super::frame::instance_token;
use super::instance::{self, Instance, Value, kind};
use super::outline::{Outline, Part, Payload};
use super::payload::Names;
use super::shape::{self, Shapes, Until};
use super::token::{Source, Stream};
use super::value;
use crate::batch::Filling;
use crate::catalog::EventSpec;
use crate::raw::decode;

/// Most payload templates of a chunk that are remembered.
const MOST_PLANS: usize = 256;

/// A value that is asked for.
#[derive(Debug, Clone, Copy)]
struct Ask {
    /// Which of the fields of the data file.
    field: usize,
    part: Part,
}

/// What a data file asks of a template.
struct Plan {
    /// Where the template's element begins.
    template: usize,
    spec: &'static EventSpec,
    picked: Picked,
}

/// What a data file asks of payloads, by their shapes, beyond a chunk.
struct Asked {
    spec: &'static EventSpec,
    inside: bool,
    shapes: Shapes<Known>,
}

/// What a data file asks of payloads of a shape.
struct Known {
    learnt: Vec<Span>,
    asks: Vec<Ask>,
    rows: Vec<Part>,
}

/// Most events of which shapes of payloads are remembered.
const MOST_KNOWN: usize = 256;
/// Most shapes for the same event: texts that are there or not make many of one.
const MOST_ALIKE: usize = 16;

/// Reads payloads. Remembers, for one chunk, where templates hold what is asked for.
#[derive(Default)]
pub(super) struct Picker {
    names: Names,
    values: Vec<Value>,
    asks: Vec<Ask>,
    /// Parts whose order is their name.
    rows: Vec<Part>,
    plans: Vec<Plan>,
    known: Vec<Asked>,
    holes: Vec<Span>,
    text: String,
}

/// What is asked of a payload, as places in [`Picker`].
#[derive(Debug, Clone, Default)]
pub(super) struct Picked {
    asks: Range<usize>,
    row: Range<usize>,
}

impl Picker {
    /// Forgets the last chunk.
    pub(super) fn clear(&mut self) {
        self.plans.clear();
        self.asks.clear();
        self.rows.clear();
    }

    /// Finds what `spec` asks for in a record. `stream` is the record's, or its template's; `instance` the record's
    /// instance of that template, and `payload` its value that holds the payload, where that is known.
    pub(super) fn pick(
        &mut self,
        spec: &'static EventSpec,
        outline: &Outline,
        stream: Stream<'_>,
        instance: Option<&Instance>,
        payload: Option<Value>,
    ) -> Result<Picked, Odd> {
        let data = stream.data;
        // Nearly always nothing else of the frame's values is of interest.
        if let (Payload::Slot { part, inside }, Some(value)) = (outline.payload, payload)
            && part.depends.is_none()
        {
            return self.payload(spec, data, value, inside);
        }
        self.values.clear();
        if let Some(instance) = instance {
            instance.list(data, &mut self.values)?;
        }
        match outline.payload {
            Payload::Absent => Ok(Picked::default()),
            Payload::Here(at) => {
                let plan = instance.map(|_| at);
                self.plan(spec, plan, |names| {
                    names.read_here(&mut stream.moved_to(at))
                })
            }
            Payload::Instance(at) => {
                let instance = Instance::read(data, at)?;
                instance.list(data, &mut self.values)?;
                self.template(spec, data, &instance, false)
            }
            Payload::Slot { part, inside } => {
                let slot = match part.source {
                    Source::Slot(slot) => self.values.get(usize::from(slot)).copied(),
                    _ => None,
                };
                match slot {
                    Some(value) if !self.left_out(part) => self.payload(spec, data, value, inside),
                    _ => Ok(Picked::default()),
                }
            }
        }
    }

    /// Finds what `spec` asks for in a payload that stands in a slot.
    fn payload(
        &mut self,
        spec: &'static EventSpec,
        data: &[u8],
        value: Value,
        inside: bool,
    ) -> Result<Picked, Odd> {
        if value.len > 0 && value.kind == kind::BINXML {
            self.fragment(spec, data, value, inside)
        } else if value.is_null() {
            Ok(Picked::default())
        } else {
            Err(Odd("a payload that is no BinXML"))
        }
    }

    /// Finds what `spec` asks for in a record of elements whose system part ends at `system_end`.
    pub(super) fn pick_elements(
        &mut self,
        spec: &'static EventSpec,
        stream: Stream<'_>,
        system_end: usize,
    ) -> Result<Picked, Odd> {
        let rest = stream.moved_to(system_end);
        self.values.clear();
        if let Some(picked) = self.recall(spec, &rest, false) {
            return Ok(picked);
        }
        let mut whole = stream;
        let outline = Outline::read(&mut whole)?;
        let picked = self.pick(spec, &outline, whole, None, None)?;
        self.learn(spec, &rest, false, &picked);
        Ok(picked)
    }

    /// What `spec` asks of this stream, if one of its shape was met before.
    fn recall(
        &mut self,
        spec: &'static EventSpec,
        stream: &Stream<'_>,
        inside: bool,
    ) -> Option<Picked> {
        let mut asked = self.known.iter();
        let asked = asked.find(|k| std::ptr::eq(k.spec, spec) && k.inside == inside)?;
        let holes = &mut self.holes;
        let (_, known) = asked.shapes.find(stream, holes)?;
        let (start, row) = (self.asks.len(), self.rows.len());
        for ask in &known.asks {
            let source = shape::moved(ask.part.source, &known.learnt, holes)?;
            let part = Part { source, ..ask.part };
            self.asks.push(Ask { part, ..*ask });
        }
        self.rows.extend(&known.rows);
        Some(Picked {
            asks: start..self.asks.len(),
            row: row..self.rows.len(),
        })
    }

    /// Remembers what was picked of a stream of this shape.
    fn learn(
        &mut self,
        spec: &'static EventSpec,
        stream: &Stream<'_>,
        inside: bool,
        picked: &Picked,
    ) {
        let same = |k: &Asked| std::ptr::eq(k.spec, spec) && k.inside == inside;
        let nth = self.known.iter().position(same).unwrap_or_else(|| {
            if self.known.len() < MOST_KNOWN {
                let shapes = Shapes::new(MOST_ALIKE);
                self.known.push(Asked {
                    spec,
                    inside,
                    shapes,
                });
            }
            self.known.len() - 1
        });
        let Some(asked) = self.known.get_mut(nth).filter(|k| same(k)) else {
            return;
        };
        let asks = self.asks.get(picked.asks.clone()).unwrap_or_default();
        let rows = self.rows.get(picked.row.clone()).unwrap_or_default();
        asked.shapes.learn(stream, Until::End, |holes| {
            let moves = |ask: &Ask| shape::moved(ask.part.source, holes, holes).is_some();
            asks.iter().all(moves).then(|| Known {
                learnt: holes.to_vec(),
                asks: asks.to_vec(),
                rows: rows.to_vec(),
            })
        });
    }

    /// A payload in a slot: an instance of its own template, or elements.
    fn fragment(
        &mut self,
        spec: &'static EventSpec,
        data: &[u8],
        value: Value,
        inside: bool,
    ) -> Result<Picked, Odd> {
        let start = value.at as usize;
        let end = start + usize::from(value.len);
        let Some(token) = instance_token(data, start, end)? else {
            self.values.clear();
            let mut stream = Stream::inline(data, start, end);
            return self.plan(spec, None, |names| names.read(&mut stream, inside));
        };
        let instance = Instance::read(data, token)?;
        let after = instance.list(data, &mut self.values)?;
        instance::ends(data, after, end)?;
        self.template(spec, data, &instance, inside)
    }

    fn template(
        &mut self,
        spec: &'static EventSpec,
        data: &[u8],
        instance: &Instance,
        inside: bool,
    ) -> Result<Picked, Odd> {
        if self
            .values
            .iter()
            .any(|v| v.kind == kind::BINXML && v.len > 0)
        {
            return Err(Odd("BinXML inside a payload"));
        }
        let (start, end) = instance::body(data, instance.definition)?;
        if let Some(picked) = self.planned(spec, start) {
            return Ok(picked);
        }
        let stream = Stream::definition(data, start, end);
        if let Some(picked) = self.recall(spec, &stream, inside) {
            self.note(spec, start, &picked)?;
            return Ok(picked);
        }
        let picked = self.plan(spec, Some(start), |names| {
            names.read(&mut stream.moved_to(start), inside)
        })?;
        self.learn(spec, &stream, inside, &picked);
        Ok(picked)
    }

    /// What `spec` asks of a template that was looked at in this chunk.
    fn planned(&self, spec: &'static EventSpec, template: usize) -> Option<Picked> {
        let mut plans = self.plans.iter();
        let plan = plans.find(|p| p.template == template && std::ptr::eq(p.spec, spec))?;
        Some(plan.picked.clone())
    }

    fn note(
        &mut self,
        spec: &'static EventSpec,
        template: usize,
        picked: &Picked,
    ) -> Result<(), Odd> {
        if self.plans.len() >= MOST_PLANS {
            return Err(Odd("very many templates"));
        }
        self.plans.push(Plan {
            template,
            spec,
            picked: picked.clone(),
        });
        Ok(())
    }

    /// What `spec` asks of a template that starts at an offset; of elements without template each time anew.
    fn plan(
        &mut self,
        spec: &'static EventSpec,
        template: Option<usize>,
        read: impl FnOnce(&mut Names) -> Result<(), Odd>,
    ) -> Result<Picked, Odd> {
        if let Some(picked) = template.and_then(|at| self.planned(spec, at)) {
            return Ok(picked);
        }
        read(&mut self.names)?;
        let start = self.asks.len();
        for (field, spec) in spec.fields.iter().enumerate() {
            for name in spec.from.split('|') {
                let part = self.names.find(name)?;
                if part.source != Source::Absent {
                    self.asks.push(Ask { field, part });
                }
            }
        }
        let row = self.rows.len();
        self.rows.extend(self.names.row());
        let picked = Picked {
            asks: start..self.asks.len(),
            row: row..self.rows.len(),
        };
        if let Some(template) = template {
            self.note(spec, template, &picked)?;
        }
        Ok(picked)
    }

    fn value(&self, slot: u16) -> Value {
        let value = self.values.get(usize::from(slot)).copied();
        value.unwrap_or_default()
    }

    fn left_out(&self, part: Part) -> bool {
        part.depends
            .and_then(|slot| self.values.get(usize::from(slot)))
            .is_some_and(|v| v.is_null())
    }

    /// Decodes what was picked last.
    pub(super) fn decode(
        &mut self,
        picked: &Picked,
        spec: &'static EventSpec,
        data: &[u8],
        to: &mut Filling<'_>,
    ) -> Result<(), Odd> {
        for part in self.rows.get(picked.row.clone()).unwrap_or_default() {
            let array = match part.source {
                Source::Slot(slot) => self.value(slot).kind & kind::ARRAY != 0,
                _ => false,
            };
            if array || self.left_out(*part) {
                return Err(Odd("unnamed data that moves others"));
            }
        }
        let mut done = usize::MAX;
        for ask in self.asks.get(picked.asks.clone()).unwrap_or_default() {
            if ask.field == done || self.left_out(ask.part) {
                continue;
            }
            let Some(field) = spec.fields.get(ask.field) else {
                continue;
            };
            // A number that is asked for as one needs no text in between.
            if let Source::Slot(slot) = ask.part.source
                && let Some(n) = value::whole(self.value(slot), data)
                && let Some(said) = decode::whole(field, n, to)
            {
                if said {
                    done = ask.field;
                }
                continue;
            }
            self.text.clear();
            match ask.part.source {
                Source::Absent => continue,
                Source::Text(span) => value::utf16(span.of(data), &mut self.text)?,
                Source::Slot(slot) => value::text(self.value(slot), data, &mut self.text)?,
                Source::Item(slot, nth) => {
                    value::item(self.value(slot), nth, data, &mut self.text)?;
                }
                Source::Mixed => return Err(Odd("a value of several pieces")),
            }
            if decode::add(field, trimmed(&self.text), to) {
                done = ask.field;
            }
        }
        Ok(())
    }
}

/// A text without white space around it; most have none.
fn trimmed(text: &str) -> &str {
    match text.as_bytes() {
        [b'!'..=b'~'] | [b'!'..=b'~', .., b'!'..=b'~'] => text,
        _ => text.trim(),
    }
}
