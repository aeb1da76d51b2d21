//! The short way through a chunk: from the bytes of its records straight to events.
//!
//! Windows writes nearly every record as an instance of a template: a list of values whose meaning is the same for all
//! records of that template. So each template is looked at once per chunk, then a record is a few numbers at known places:
//! provider, channel, event id, record number, time. Only what the catalogue describes is opened further. Records that were
//! forwarded or exported stand as plain elements and are walked token by token.
//!
//! This reader is strict: what it does not wholly understand is [`Odd`] and goes the general way, which knows how to
//! resynchronise, carve and guess: an odd record alone, all from a damaged place on, old records behind the live ones. In a
//! chunk whose checksums do not vouch for its bytes, each record is looked at as a whole before it is believed (see
//! [`strict`]). They vouch for nothing where damage stands among the records, or where an old record has a number that a live
//! one has, too: whoever computed them did it over broken bytes. So both ways give the same events, counts, logs and defects;
//! the one difference is that in any other chunk with the right checksums the payload of a record that nobody asks for is not
//! opened here, and a fault inside it stays unseen.

mod bytes;
mod frame;
mod identity;
mod instance;
mod outline;
mod payload;
mod pick;
mod shape;
mod strict;
mod token;
mod value;
mod walk;

use std::collections::{HashMap, HashSet};

use foldhash::quality::RandomState;

use bytes::{Odd, Span};
use frame::{Frame, PARTS, instance_token};
use identity::{Identities, Recent, Who};
use instance::{Instance, Value, kind};
use outline::{Outline, System};
use pick::Picker;
use shape::{Shapes, Until};
use strict::Strict;
use token::Stream;
pub(super) use walk::Header;
use walk::{Met, Record, Walked};

use crate::batch::EventBatch;
use crate::catalog::EventSpec;
use crate::continuity::Became;
use crate::event::Guid;
use crate::raw::complete;
use crate::time::Timestamp;

/// Most templates of records in one chunk. Real chunks have a dozen.
const MOST_FRAMES: usize = 256;
/// Most shapes of system parts that are remembered.
const MOST_SYSTEMS: usize = 64;
/// Bytes of templates that are read in one chunk, which holds 64 KiB: overlapping templates are nobody's.
const MOST_TEMPLATE_BYTES: usize = 1 << 20;

/// What a chunk gave, besides what is in the batch and in [`Reader::steps`].
pub(super) struct Taken {
    /// What the chunk says of itself.
    pub(super) header: Header,
    /// How many live records were understood.
    pub(super) understood: u64,
    /// How many odd records and damaged places stand among them.
    pub(super) odd: usize,
    /// What is left to the general reader, if anything.
    pub(super) rest: Option<Rest>,
    /// How many events the batch had before.
    pub(super) first_event: usize,
}

/// What of a chunk was not read here, besides odd records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rest {
    /// Where the walk over the live records ended.
    pub(super) end: usize,
    /// Whether all live records were met; else there is damage at `end`.
    pub(super) all_met: bool,
    /// Whether anything from `end` on is worth a look: what lies behind the damage, or old records.
    pub(super) more: bool,
}

/// What stands in the chunk read last, one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// Where it begins.
    pub(super) at: usize,
    what: What,
}

#[derive(Debug, Clone, Copy)]
enum What {
    /// A live record that was read; the number in its header.
    Seen(Seen, u64),
    /// A live record that is odd, and not in the batch.
    Odd,
    /// No record; others follow it.
    Damage,
}

impl Step {
    /// The number of a record that was read; `None`: the general reader must look.
    pub(super) fn read(&self) -> Option<u64> {
        match self.what {
            What::Seen(_, id) => Some(id),
            What::Odd | What::Damage => None,
        }
    }

    /// Whether no record is here.
    pub(super) fn is_damage(&self) -> bool {
        matches!(self.what, What::Damage)
    }
}

/// A record that was read, before it is counted.
#[derive(Debug, Clone, Copy)]
struct Seen {
    time: Timestamp,
    number: u64,
    who: Who,
    id: u32,
    known: bool,
}

/// A system part of elements.
struct Forwarded {
    /// Where its texts stood when it was learnt.
    learnt: Vec<Span>,
    system: System,
}

/// Reads chunks of one file, one after the other.
pub(super) struct Reader {
    identities: Identities,
    frames: Vec<Frame>,
    /// Templates of records in earlier chunks.
    known: Shapes<frame::Known>,
    inline: Recent,
    /// System parts of records without a template.
    systems: Shapes<Forwarded>,
    holes: Vec<Span>,
    picker: Picker,
    strict: Strict,
    /// Whether checksums vouch for the chunk.
    proven: bool,
    steps: Vec<Step>,
    text: String,
    template_bytes: usize,
    unknown: HashMap<(u32, u32), u64, RandomState>,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            identities: Identities::default(),
            frames: Vec::new(),
            known: Shapes::new(frame::MOST_KNOWN),
            inline: Recent::default(),
            systems: Shapes::new(MOST_SYSTEMS),
            holes: Vec::new(),
            picker: Picker::default(),
            strict: Strict::default(),
            proven: false,
            steps: Vec::new(),
            text: String::new(),
            template_bytes: 0,
            unknown: HashMap::default(),
        }
    }
}

impl Reader {
    /// Reads what is understood of a whole chunk into the batch, where [`Reader::count`] must count it; leaves the batch as it
    /// was when the chunk's header makes no sense.
    pub(super) fn take(&mut self, block: &[u8], batch: &mut EventBatch) -> Result<Taken, Odd> {
        let header = Header::read(block)?;
        let first_event = batch.events.len();
        self.proven = header.proven;
        let mut walked = self.walk(block, &header, batch)?;
        if self.proven && self.doubtful(block, &walked) {
            batch.forget_events_from(first_event);
            self.proven = false;
            walked = self.walk(block, &header, batch)?;
        }
        let Walked { end, broken, old } = walked;
        let odd = self.steps.iter().filter(|s| s.read().is_none()).count();
        Ok(Taken {
            header,
            understood: (self.steps.len() - odd) as u64,
            odd,
            rest: (broken || old || odd > 0).then_some(Rest {
                end,
                all_met: !broken,
                more: broken || old,
            }),
            first_event,
        })
    }

    /// Walks over the live records of a chunk and reads them into the batch, which is as it was when that fails.
    fn walk(
        &mut self,
        block: &[u8],
        header: &Header,
        batch: &mut EventBatch,
    ) -> Result<Walked, Odd> {
        self.frames.clear();
        self.inline = Recent::default();
        self.picker.clear();
        self.strict.clear();
        self.template_bytes = 0;
        let mut steps = std::mem::take(&mut self.steps);
        steps.clear();
        let first_event = batch.events.len();
        let walked = walk::records(block, header, |met| match met {
            Met::Record(record) => {
                let mark = batch.mark();
                let what = if let Ok(seen) = self.record(block, record, batch) {
                    What::Seen(seen, record.number)
                } else {
                    batch.rewind(&mark);
                    What::Odd
                };
                let at = record.at;
                steps.push(Step { at, what });
            }
            Met::Damage(at) => steps.push(Step {
                at,
                what: What::Damage,
            }),
        });
        self.steps = steps;
        if walked.is_err() {
            batch.forget_events_from(first_event);
        }
        walked
    }

    /// Whether right checksums say nothing of the chunk just walked. Windows writes neither damage nor two records of one
    /// number: of two, the general reader takes the old one if the live one is broken, so it must be known whether it is.
    fn doubtful(&self, block: &[u8], walked: &Walked) -> bool {
        if walked.broken || self.steps.iter().any(Step::is_damage) {
            return true;
        }
        if !walked.old {
            return false;
        }
        let read: HashSet<u64, RandomState> = self.steps.iter().filter_map(Step::read).collect();
        walk::old(block, walked.end).any(|number| read.contains(&number))
    }

    /// What stands in the live part of the chunk read last.
    pub(super) fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Hands over the counts of records that nobody asked for.
    pub(super) fn finish(self, batch: &mut EventBatch) {
        for ((provider, id), n) in self.unknown {
            let provider = self.identities.provider(provider).to_owned();
            *batch.unknown.entry((provider, id)).or_default() += n;
        }
    }

    /// Counts all records of the chunk, in their order, and gives its events their logs. `odd` reads what was not: what it
    /// adds then stands in its place.
    pub(super) fn count(
        &mut self,
        taken: &Taken,
        batch: &mut EventBatch,
        mut odd: impl FnMut(&Step, &mut EventBatch),
    ) {
        let (mut event, own) = (taken.first_event, batch.events.len());
        let mut late = Vec::new();
        let steps = std::mem::take(&mut self.steps);
        for step in &steps {
            let What::Seen(seen, _) = &step.what else {
                let before = batch.events.len();
                odd(step, batch);
                late.extend((before..batch.events.len()).map(|_| event));
                continue;
            };
            let log = self.identities.log(seen.who.log, batch);
            batch.saw(log, seen.time, seen.number);
            if seen.known {
                if let Some(event) = batch.events.get_mut(event) {
                    event.log = log;
                }
                event += 1;
            } else {
                let kind = (seen.who.provider, seen.id);
                *self.unknown.entry(kind).or_default() += 1;
            }
            batch.trace(log, seen.time, seen.number, Became::Live);
        }
        self.steps = steps;
        batch.sort_in(own, &late);
    }

    fn record(&mut self, data: &[u8], record: Record, batch: &mut EventBatch) -> Result<Seen, Odd> {
        if let Some(token) = instance_token(data, record.start, record.end)? {
            let instance = Instance::read(data, token)?;
            let nth = self.frame(data, instance.definition)?;
            let frame = self.frames.get_mut(nth).ok_or(Odd("no frame"))?;
            let (parts, payload) = frame.values(data, &instance, record.end)?;
            if !self.proven {
                self.strict.instance(data, &instance, 0)?;
            }
            let names = [parts[0], parts[1], parts[2], parts[3]];
            let who = frame.recent.of(names, data, &mut self.identities)?;
            let (outline, stream) = (frame.outline, frame.stream(data)?);
            self.add(
                data,
                record,
                parts,
                who,
                |picker, spec| picker.pick(spec, &outline, stream, Some(&instance), payload),
                batch,
            )
        } else {
            let stream = Stream::inline(data, record.start, record.end);
            if !self.proven {
                self.strict.elements(stream)?;
            }
            let (system, end) = self.system(stream)?;
            let mut parts = [Value::default(); PARTS];
            for (value, part) in parts.iter_mut().zip(system.parts()) {
                *value = frame::located(part, &[])?.0;
            }
            let names = [parts[0], parts[1], parts[2], parts[3]];
            let who = self.inline.of(names, data, &mut self.identities)?;
            self.add(
                data,
                record,
                parts,
                who,
                |picker, spec| {
                    if let Some(end) = end {
                        return picker.pick_elements(spec, stream, end);
                    }
                    let mut stream = stream;
                    let outline = Outline::read(&mut stream)?;
                    picker.pick(spec, &outline, stream, None, None)
                },
                batch,
            )
        }
    }

    /// The system part of a record of elements, and where it ends if it has a shape.
    fn system(&mut self, stream: Stream<'_>) -> Result<(System, Option<usize>), Odd> {
        if let Some((end, known)) = self.systems.find(&stream, &mut self.holes)
            && let Some(system) = known.system.moved(&known.learnt, &self.holes)
        {
            return Ok((system, Some(end)));
        }
        let system = Outline::read(&mut stream.moved_to(stream.at))?.system;
        self.systems.learn(&stream, Until::Close(2), |holes| {
            system.moved(holes, holes).is_some().then(|| Forwarded {
                learnt: holes.to_vec(),
                system,
            })
        });
        let end = self.systems.find(&stream, &mut self.holes);
        Ok((system, end.map(|(end, _)| end)))
    }

    /// The place of the frame with this definition, read when it is new.
    fn frame(&mut self, data: &[u8], definition: usize) -> Result<usize, Odd> {
        if let Some(nth) = self.frames.iter().position(|f| f.definition == definition) {
            return Ok(nth);
        }
        let (start, end) = instance::body(data, definition)?;
        self.template_bytes += end - start;
        if self.frames.len() >= MOST_FRAMES || self.template_bytes > MOST_TEMPLATE_BYTES {
            return Err(Odd("very many templates"));
        }
        let frame = Frame::recall(data, definition, &mut self.known, &mut self.holes)?;
        self.frames.push(frame);
        Ok(self.frames.len() - 1)
    }

    /// Notes a record, and adds the event that the catalogue makes of it.
    fn add(
        &mut self,
        data: &[u8],
        record: Record,
        parts: [Value; PARTS],
        who: Who,
        pick: impl FnOnce(&mut Picker, &'static EventSpec) -> Result<pick::Picked, Odd>,
        batch: &mut EventBatch,
    ) -> Result<Seen, Odd> {
        let [.., id, number, time, activity] = parts;
        let id = self.number(id, data)?.ok_or(Odd("no event id"))? & 0xFFFF;
        let id = u32::try_from(id).map_err(|_| Odd("no event id"))?;
        let number = match self.number(number, data)? {
            None | Some(0) => record.number,
            Some(number) => number,
        };
        let time = self.time(time, data)?;
        let spec = self.identities.wanted(who.provider, id);
        if let Some(spec) = spec {
            let activity = self.activity(activity, data)?;
            let picked = pick(&mut self.picker, spec)?;
            let mut filling = batch.push(spec.kind, who.log, time, number, activity);
            self.picker.decode(&picked, spec, data, &mut filling)?;
            complete(spec, batch);
            let origin = self.identities.origin(who.provider, id, batch);
            batch.originates(origin);
        }
        Ok(Seen {
            time,
            number,
            who,
            id,
            known: spec.is_some(),
        })
    }

    /// A whole number, `None` for none.
    fn number(&mut self, value: Value, data: &[u8]) -> Result<Option<u64>, Odd> {
        match (value.kind, value.of(data)) {
            (0x06, &[a, b]) => Ok(Some(u16::from_le_bytes([a, b]).into())),
            (0x0A, bytes) => Ok(bytes.try_into().ok().map(u64::from_le_bytes)),
            (kind::NULL | kind::TEXT | 0x04 | 0x08, _) => {
                self.text.clear();
                value::text(value, data, &mut self.text)?;
                Ok(self.text.trim().parse().ok())
            }
            _ => Err(Odd("a number of a rare type")),
        }
    }

    /// When a record was written. The general reader knows what to do when it does not say so.
    fn time(&mut self, value: Value, data: &[u8]) -> Result<Timestamp, Odd> {
        let time = match (value.kind, value.of(data)) {
            (0x11, bytes) => bytes
                .try_into()
                .ok()
                .map(u64::from_le_bytes)
                .and_then(Timestamp::from_filetime),
            (kind::TEXT, bytes) => {
                self.text.clear();
                value::utf16(bytes, &mut self.text)?;
                Timestamp::parse(&self.text)
            }
            _ => None,
        };
        time.filter(|t| t.0 > 0)
            .ok_or(Odd("a record without a time"))
    }

    fn activity(&mut self, value: Value, data: &[u8]) -> Result<Guid, Odd> {
        match (value.kind, value.of(data)) {
            (0x0F, bytes) => {
                let bytes = bytes
                    .try_into()
                    .map_err(|_| Odd("a GUID of a wrong length"))?;
                Ok(Guid(value::guid_number(bytes)))
            }
            (kind::NULL, _) => Ok(Guid::default()),
            (kind::TEXT, bytes) => {
                self.text.clear();
                value::utf16(bytes, &mut self.text)?;
                Ok(Guid::parse(&self.text).unwrap_or_default())
            }
            _ => Err(Odd("an activity of a rare type")),
        }
    }
}

#[cfg(test)]
mod tests;
