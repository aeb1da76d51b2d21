//! The values of events, kept small: a gigabyte of logs has millions of them.
//!
//! Each value takes four bytes; what does not fit stands in a table of its own, and a text that was met lately is not kept
//! twice. Events of one kind mostly have the same fields in the same order, so these are kept once for all of them, as a
//! layout. Only where there are few events, or where hardly two have the same fields, each keeps its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::event::Value;
use crate::kind::Field;

/// Layouts that are kept; real evidence has some hundred.
const MOST_LAYOUTS: usize = 4096;
/// Values up to which events keep their own fields: such batches are as many as there are connections under way.
const FEW: usize = 1024;
/// How many texts are remembered.
const REMEMBERED: usize = 1024;
/// Bytes of text up to which none are remembered.
const SMALL: usize = 4096;

/// How a value stands in four bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// A number from 0 up to 32 bits.
    Int,
    /// A place in [`Values::longs`].
    Long,
    /// 0 or 1.
    Flag,
    /// An IPv4 address.
    Ip4,
    /// A place in [`Values::addresses`].
    Ip6,
    /// A place in [`Values::ends`].
    Text,
}

/// The field of a value, and its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Column {
    field: Field,
    form: Form,
}

impl Column {
    /// As four bytes.
    fn word(self) -> u32 {
        u32::from(self.field.number()) | (self.form as u32) << 16
    }

    fn from_word(word: u32) -> Self {
        let form = match word >> 16 {
            0 => Form::Int,
            1 => Form::Long,
            2 => Form::Flag,
            3 => Form::Ip4,
            4 => Form::Ip6,
            _ => Form::Text,
        };
        let field = Field::numbered((word & 0xFFFF) as u16);
        Self { field, form }
    }
}

/// Where an event's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Place {
    /// Its first word.
    start: u32,
    /// Number of its layout; with [`OWN`] how many values it has, each behind its own column.
    layout: u32,
}

/// Marks an event that keeps its own fields.
const OWN: u32 = 1 << 31;

impl Place {
    /// How many values it has of its own fields; `None` with a layout.
    fn own(self) -> Option<usize> {
        (self.layout & OWN != 0).then_some((self.layout & !OWN) as usize)
    }
}

/// The same fields of many events. One layout grows out of another by a column.
#[derive(Debug, Clone, Default)]
struct Layout {
    columns: Box<[Column]>,
    longer: Vec<(Column, u32)>,
}

/// Values of events.
#[derive(Debug, Clone, Default)]
pub(super) struct Values {
    words: Vec<u32>,
    /// The first one is empty.
    layouts: Vec<Layout>,
    text: String,
    /// Where each text ends; it begins where the one before ended.
    ends: Vec<u32>,
    longs: Vec<i64>,
    addresses: Vec<Ipv6Addr>,
    /// Places in `ends` plus one, by a hash of the text: the same few names stand in thousands of records.
    lately: Vec<u32>,
}

/// A state of values to which they can be taken back.
pub(super) struct Mark {
    words: usize,
    text: usize,
    ends: usize,
    longs: usize,
    addresses: usize,
}

impl Values {
    /// The place of the next event, which has no values yet.
    pub(super) fn next(&self) -> Place {
        let start = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        let layout = if self.words.len() < FEW { OWN } else { 0 };
        Place { start, layout }
    }

    /// Adds a value to the event at `place`, which must be the last one. A field keeps its first value: the catalogue names
    /// the better source of a value first. What no longer fits is left out.
    pub(super) fn add(&mut self, place: &mut Place, field: Field, value: Value<'_>) {
        if self.has(*place, field) {
            return;
        }
        let stored = match value {
            Value::Int(n) => match u32::try_from(n) {
                Ok(n) => Some((Form::Int, n)),
                Err(_) => number(self.longs.len()).map(|at| {
                    self.longs.push(n);
                    (Form::Long, at)
                }),
            },
            Value::Flag(b) => Some((Form::Flag, b.into())),
            Value::Ip(ip) => match ip.to_canonical() {
                IpAddr::V4(ip) => Some((Form::Ip4, ip.to_bits())),
                IpAddr::V6(ip) => number(self.addresses.len()).map(|at| {
                    self.addresses.push(ip);
                    (Form::Ip6, at)
                }),
            },
            Value::Text("") => None,
            Value::Text(text) => self.keep(text).map(|at| (Form::Text, at)),
        };
        if let Some((form, word)) = stored {
            self.put(place, Column { field, form }, word);
        }
    }

    /// Adds a value that stands in four bytes.
    fn put(&mut self, place: &mut Place, column: Column, word: u32) {
        if place.own().is_none() {
            if let Some(longer) = self.longer(place.layout, column) {
                place.layout = longer;
                self.words.push(word);
                return;
            }
            self.make_own(place);
        }
        self.words.extend([column.word(), word]);
        place.layout += 1;
    }

    /// The layout with one column more; `None` where there are too many.
    fn longer(&mut self, layout: u32, column: Column) -> Option<u32> {
        if self.layouts.is_empty() {
            self.layouts.push(Layout::default());
        }
        let known = self.layouts.get(layout as usize)?;
        if let Some((_, longer)) = known.longer.iter().find(|(c, _)| *c == column) {
            return Some(*longer);
        }
        if self.layouts.len() >= MOST_LAYOUTS {
            return None;
        }
        let columns = known.columns.iter().copied().chain([column]).collect();
        let new = number(self.layouts.len())?;
        self.layouts.push(Layout {
            columns,
            longer: Vec::new(),
        });
        let known = self.layouts.get_mut(layout as usize)?;
        known.longer.push((column, new));
        Some(new)
    }

    /// Has the last event keep its own fields.
    fn make_own(&mut self, place: &mut Place) {
        let columns = self.shared(*place).to_vec();
        let words = self
            .words
            .split_off(self.words.len().min(place.start as usize));
        place.layout = OWN;
        for (column, word) in columns.into_iter().zip(words) {
            self.put(place, column, word);
        }
    }

    /// The shared fields of an event; none if it keeps its own.
    fn shared(&self, place: Place) -> &[Column] {
        let layout = place.own().is_none().then_some(place.layout as usize);
        let layout = layout.and_then(|nth| self.layouts.get(nth));
        layout.map_or(&[], |l| &l.columns)
    }

    /// The words of an event that keeps its own fields, each behind its column.
    fn own(&self, place: Place) -> &[[u32; 2]] {
        let start = place.start as usize;
        let words = place
            .own()
            .and_then(|count| self.words.get(start..start.saturating_add(count * 2)));
        words.unwrap_or_default().as_chunks::<2>().0
    }

    /// Whether an event has a value of this field.
    fn has(&self, place: Place, field: Field) -> bool {
        if place.own().is_none() {
            return self.shared(place).iter().any(|c| c.field == field);
        }
        let own = self.own(place).iter();
        own.map(|[column, _]| Column::from_word(*column))
            .any(|c| c.field == field)
    }

    /// The values of an event as they are kept.
    fn stored(&self, place: Place) -> impl Iterator<Item = (Column, u32)> {
        let shared = self.shared(place);
        let start = place.start as usize;
        let words = self.words.get(start..start.saturating_add(shared.len()));
        let words = words.unwrap_or_default();
        let own = self.own(place).iter();
        own.map(|[column, word]| (Column::from_word(*column), *word))
            .chain(shared.iter().copied().zip(words.iter().copied()))
    }

    /// The values of an event, in the order in which they were added.
    pub(super) fn of(&self, place: Place) -> impl Iterator<Item = (Field, Value<'_>)> {
        self.stored(place)
            .map(|(column, word)| (column.field, self.value(column.form, word)))
    }

    /// The value of a field of an event.
    pub(super) fn get(&self, place: Place, field: Field) -> Option<Value<'_>> {
        let (column, word) = if place.own().is_some() {
            let own = self.own(place).iter();
            own.map(|[column, word]| (Column::from_word(*column), *word))
                .find(|(c, _)| c.field == field)?
        } else {
            let columns = self.shared(place);
            let nth = columns.iter().position(|c| c.field == field)?;
            (
                *columns.get(nth)?,
                *self.words.get(place.start as usize + nth)?,
            )
        };
        Some(self.value(column.form, word))
    }

    fn value(&self, form: Form, word: u32) -> Value<'_> {
        match form {
            Form::Int => Value::Int(word.into()),
            Form::Long => Value::Int(self.longs.get(word as usize).copied().unwrap_or_default()),
            Form::Flag => Value::Flag(word != 0),
            Form::Ip4 => Value::Ip(IpAddr::V4(Ipv4Addr::from_bits(word))),
            Form::Ip6 => {
                let ip = self.addresses.get(word as usize).copied();
                Value::Ip(IpAddr::V6(ip.unwrap_or(Ipv6Addr::UNSPECIFIED)))
            }
            Form::Text => Value::Text(self.text(word)),
        }
    }

    fn text(&self, nth: u32) -> &str {
        let nth = nth as usize;
        let end = |nth: usize| self.ends.get(nth).map(|e| *e as usize);
        let from = nth.checked_sub(1).and_then(end).unwrap_or_default();
        let text = end(nth).and_then(|to| self.text.get(from..to));
        text.unwrap_or_default()
    }

    /// Puts a text among the others, unless it was put there lately. `None` when there is no room.
    fn keep(&mut self, text: &str) -> Option<u32> {
        if self.lately.is_empty() {
            // What small batches repeat is found when they are appended to a larger one.
            if self.text.len() < SMALL {
                return self.add_text(text);
            }
            self.lately = vec![0; REMEMBERED];
        }
        let slot = slot(text);
        if let Some(known) = self.lately.get(slot).and_then(|n| n.checked_sub(1))
            && self.text(known) == text
        {
            return Some(known);
        }
        let new = self.add_text(text)?;
        if let Some(place) = self.lately.get_mut(slot) {
            *place = new + 1;
        }
        Some(new)
    }

    fn add_text(&mut self, text: &str) -> Option<u32> {
        // 4 GiB of values in one piece of a source: pieces are split long before.
        let end = u32::try_from(self.text.len() + text.len()).ok()?;
        let new = number(self.ends.len())?;
        self.text.push_str(text);
        self.ends.push(end);
        Some(new)
    }

    /// How far values have come.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            words: self.words.len(),
            text: self.text.len(),
            ends: self.ends.len(),
            longs: self.longs.len(),
            addresses: self.addresses.len(),
        }
    }

    /// Takes back what was added since a mark.
    pub(super) fn rewind(&mut self, mark: &Mark) {
        self.words.truncate(mark.words);
        self.text.truncate(mark.text);
        self.ends.truncate(mark.ends);
        self.longs.truncate(mark.longs);
        self.addresses.truncate(mark.addresses);
    }

    /// Takes back the events from the one at `place` on; the others stand before it.
    pub(super) fn forget_from(&mut self, place: Place) {
        self.words.truncate(place.start as usize);
    }

    /// Takes over an event of `other`; `texts` and `layouts` are what is known by now of where its texts and layouts are here.
    pub(super) fn take(&mut self, other: &Self, theirs: Place, known: &mut Known) -> Place {
        let mut place = self.next();
        let layout = |known: &Known| known.layouts.get(theirs.layout as usize).copied();
        // Layouts that were met before need no look at each column.
        let same = match (place.own(), theirs.own()) {
            (None, None) => layout(known).filter(|n| *n > 0).map(|n| n - 1),
            _ => None,
        };
        for (column, word) in other.stored(theirs) {
            let word = match column.form {
                Form::Long => {
                    let n = other.longs.get(word as usize).copied();
                    self.longs.push(n.unwrap_or_default());
                    number(self.longs.len() - 1)
                }
                Form::Ip6 => {
                    let ip = other.addresses.get(word as usize).copied();
                    self.addresses.push(ip.unwrap_or(Ipv6Addr::UNSPECIFIED));
                    number(self.addresses.len() - 1)
                }
                Form::Text => known.text(word, || self.keep(other.text(word))),
                Form::Int | Form::Flag | Form::Ip4 => Some(word),
            };
            // Without room there is no text and no number: neither of them stands there.
            let word = word.unwrap_or(u32::MAX);
            if same.is_some() {
                self.words.push(word);
            } else {
                self.put(&mut place, column, word);
            }
        }
        match same {
            Some(layout) => place.layout = layout,
            None if place.own().is_none() && theirs.own().is_none() => {
                let at = theirs.layout as usize;
                if known.layouts.len() <= at {
                    known.layouts.resize(at + 1, 0);
                }
                if let Some(ours) = known.layouts.get_mut(at) {
                    *ours = place.layout + 1;
                }
            }
            None => {}
        }
        place
    }

    /// Gives back memory that was taken in advance.
    pub(super) fn shrink(&mut self) {
        self.words.shrink_to_fit();
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.lately = Vec::new();
    }

    /// Bytes of memory, about.
    pub(super) fn footprint(&self) -> usize {
        let layouts = self.layouts.iter();
        let columns: usize = layouts.map(|l| l.columns.len() * size_of::<Column>()).sum();
        self.words.capacity() * size_of::<u32>()
            + self.layouts.capacity() * size_of::<Layout>()
            + columns
            + self.text.capacity()
            + self.ends.capacity() * size_of::<u32>()
            + self.longs.capacity() * size_of::<i64>()
            + self.addresses.capacity() * size_of::<Ipv6Addr>()
    }
}

/// What is known of another batch's values while they are taken over.
#[derive(Default)]
pub(super) struct Known {
    /// Where each of its texts is here, plus one; 0 for one that was not met.
    texts: Vec<u32>,
    /// Which layout here is the same as each of its own, plus one.
    layouts: Vec<u32>,
}

impl Known {
    fn text(&mut self, nth: u32, keep: impl FnOnce() -> Option<u32>) -> Option<u32> {
        let at = nth as usize;
        if self.texts.len() <= at {
            self.texts.resize(at + 1, 0);
        }
        let known = self.texts.get_mut(at)?;
        if *known == 0 {
            *known = keep()? + 1;
        }
        Some(*known - 1)
    }
}

/// A place in a table, as long as it has a number and one more.
fn number(n: usize) -> Option<u32> {
    u32::try_from(n).ok().filter(|n| *n < OWN)
}

/// The place among the remembered texts where this one is looked for.
fn slot(text: &str) -> usize {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mix = |h: u64, n: u64| (h ^ n).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
    let hash = words
        .iter()
        .fold(text.len() as u64, |h, w| mix(h, u64::from_le_bytes(*w)));
    let tail = rest.iter().fold(0, |n, b| n << 8 | u64::from(*b));
    usize::try_from(mix(hash, tail) % REMEMBERED as u64).unwrap_or_default()
}

#[cfg(test)]
mod tests;
