//! The short way through a chunk: from the bytes of its records straight to events.
//!
//! Windows writes nearly every record as an instance of a template: a list of values whose meaning is the same for all
//! records of that template. So each template is looked at once per chunk, then a record is a few numbers at known places:
//! provider, channel, event id, record number, time. Only what the catalogue describes is opened further. Records that were
//! forwarded or exported stand as plain elements and are walked token by token.
//!
//! This reader is strict: it takes a chunk only whose checksums hold and in which it understands all that it looks at.
//! Anything else is [`Odd`], and then the whole chunk goes the general way, which knows how to resynchronise, carve and
//! guess. For a chunk that this reader takes, both ways give the same events, counts and logs; the one difference is that
//! the payload of a record that nobody asks for is not opened here, so a fault inside it (in a chunk with the right
//! checksum) stays unseen.
//!
//! Old records behind the live ones are left to the general reader as well, which then renders nothing but them.
//!
//! Nothing is added to the batch before the whole chunk is understood.

mod bytes;
mod frame;
mod identity;
mod instance;
mod outline;
mod payload;
mod pick;
mod token;
mod value;
mod walk;

use std::collections::HashMap;

use bytes::Odd;
use frame::{Frame, PARTS, instance_token};
use identity::{Identities, Recent, Who};
use instance::{Instance, Value, kind};
use outline::Outline;
use pick::Picker;
use token::Stream;
use walk::{Header, Record};

use crate::batch::EventBatch;
use crate::catalog::EventSpec;
use crate::continuity::Became;
use crate::event::Guid;
use crate::raw::complete;
use crate::time::Timestamp;

/// Most templates of records in one chunk. Real chunks have a dozen.
const MOST_FRAMES: usize = 256;
/// Bytes of templates that are read in one chunk, which holds 64 KiB: overlapping templates are nobody's.
const MOST_TEMPLATE_BYTES: usize = 1 << 20;

/// What a chunk gave, besides what is in the batch.
pub(super) struct Taken {
    /// How many records were read.
    pub(super) records: u64,
    /// Number of the first record in the file, as the header says.
    pub(super) first_number: u64,
    /// Number of the last record in the file, as the header says.
    pub(super) last_number: u64,
    /// Whether old records lie behind the live ones. They are not read here.
    pub(super) old_records: bool,
}

/// A record that was read, before it is counted.
struct Seen {
    time: Timestamp,
    number: u64,
    who: Who,
    id: u32,
    known: bool,
}

/// Reads chunks of one file, one after the other.
#[derive(Default)]
pub(super) struct Reader {
    identities: Identities,
    frames: Vec<Frame>,
    inline: Recent,
    picker: Picker,
    seen: Vec<Seen>,
    text: String,
    template_bytes: usize,
    unknown: HashMap<(u32, u32), u64>,
}

impl Reader {
    /// Reads a whole chunk into the batch; leaves the batch as it was when anything is odd.
    pub(super) fn take(&mut self, block: &[u8], batch: &mut EventBatch) -> Result<Taken, Odd> {
        let header = Header::read(block)?;
        self.frames.clear();
        self.inline = Recent::default();
        self.picker.clear();
        self.seen.clear();
        self.template_bytes = 0;
        let mark = batch.mark();
        let walked = walk::records(block, &header, |record| self.record(block, record, batch));
        let old_records = match walked {
            Ok(old_records) => old_records,
            Err(odd) => {
                batch.rewind(&mark);
                return Err(odd);
            }
        };
        self.commit(mark.events(), batch);
        Ok(Taken {
            records: self.seen.len() as u64,
            first_number: header.first_number,
            last_number: header.last_number,
            old_records,
        })
    }

    /// Hands over the counts of records that nobody asked for.
    pub(super) fn finish(self, batch: &mut EventBatch) {
        for ((provider, id), n) in self.unknown {
            let provider = self.identities.provider(provider).to_owned();
            *batch.unknown.entry((provider, id)).or_default() += n;
        }
    }

    /// Counts all records of a chunk, in their order, and gives its events their logs.
    fn commit(&mut self, first_event: usize, batch: &mut EventBatch) {
        let mut event = first_event;
        for seen in &self.seen {
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
    }

    fn record(&mut self, data: &[u8], record: Record, batch: &mut EventBatch) -> Result<(), Odd> {
        if let Some(token) = instance_token(data, record.start, record.end)? {
            let instance = Instance::read(data, token)?;
            let nth = self.frame(data, instance.definition)?;
            let frame = self.frames.get_mut(nth).ok_or(Odd("no frame"))?;
            let parts = frame.values(data, &instance, record.end)?;
            let names = [parts[0], parts[1], parts[2], parts[3]];
            let who = frame.recent.of(names, data, &mut self.identities)?;
            let (outline, stream) = (frame.outline, frame.stream(data)?);
            self.add(
                data,
                record,
                parts,
                who,
                |picker, spec| picker.pick(spec, &outline, stream, Some(&instance)),
                batch,
            )
        } else {
            let mut stream = Stream::inline(data, record.start, record.end);
            let outline = Outline::read(&mut stream)?;
            let mut parts = [Value::default(); PARTS];
            for (value, part) in parts.iter_mut().zip(outline.system.parts()) {
                *value = frame::located(part, &[])?.0;
            }
            let names = [parts[0], parts[1], parts[2], parts[3]];
            let who = self.inline.of(names, data, &mut self.identities)?;
            self.add(
                data,
                record,
                parts,
                who,
                |picker, spec| picker.pick(spec, &outline, stream, None),
                batch,
            )
        }
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
        self.frames.push(Frame::read(data, definition)?);
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
    ) -> Result<(), Odd> {
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
        self.seen.push(Seen {
            time,
            number,
            who,
            id,
            known: spec.is_some(),
        });
        Ok(())
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
