//! What a stream of tokens looks like, apart from its texts: so that the thousandth of its kind is recognised, not read.
//!
//! The same template stands in every chunk with other offsets, and forwarded records repeat the same elements with other
//! texts. A shape is learnt from one of them: its tokens, the names of its elements, attributes and data. Another stream that
//! has them all in the same order says the same, with its own texts in the same places.

use super::bytes::{Odd, Span, slice, u8_at, u16_at, u32_at};
use super::token::{Source, Stream, is};

/// Most tokens of a shape; the richest events of Windows have some three hundred.
const MOST_TOKENS: usize = 1024;

/// One token, as far as it must be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Op {
    /// Its first byte.
    token: u8,
    /// Slot, type and dependency, where it has them.
    slot: (u16, u8),
    /// Its name, or a text that must be the same: in [`Shape::text`].
    text: Span,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Nothing but the token.
    Alone,
    /// An element or attribute of this name.
    Named,
    /// This very text.
    Same,
    /// Any text that says something.
    Hole,
    /// A text that says nothing.
    Empty,
    /// A substitution.
    Slot,
}

/// A stream without its texts.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    ops: Vec<Op>,
    text: Vec<u8>,
}

/// How far a shape reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// To the end of the stream.
    End,
    /// To the end of the element with this nesting, the outermost being 1.
    Close(u8),
}

impl Shape {
    /// Learns the shape of a stream from its place on, and where its texts are; `None` when it has tokens that no shape holds.
    pub(super) fn learn(stream: &Stream<'_>, until: Until, holes: &mut Vec<Span>) -> Option<Self> {
        let mut shape = Self::default();
        let mut at = stream.at;
        let (mut depth, mut data, mut name) = (0_u8, false, false);
        holes.clear();
        loop {
            let mut op = shape.token(stream, &mut at).ok()?;
            match op.token & !0x40 {
                0x01 => {
                    depth = depth.checked_add(1)?;
                    data = is_named(&shape, op, "Data");
                }
                0x06 => name = data && is_named(&shape, op, "Name"),
                0x02..=0x04 => name = false,
                _ => {}
            }
            if op.what == What::Hole {
                if name {
                    op.what = What::Same;
                    let text = op.text.of(stream.data).to_vec();
                    op.text = shape.keep(&text)?;
                } else {
                    holes.push(op.text);
                    op.text = Span::default();
                }
            }
            shape.ops.push(op);
            if shape.ops.len() > MOST_TOKENS {
                return None;
            }
            if matches!(op.token, 0x03 | 0x04) {
                if until == Until::Close(depth) {
                    return Some(shape);
                }
                depth = depth.saturating_sub(1);
            }
            if op.token == 0 {
                return (until == Until::End).then_some(shape);
            }
        }
    }

    /// Whether a stream has this shape from its place on: where it ends then, with its texts in `holes`.
    pub(super) fn fits(&self, stream: &Stream<'_>, holes: &mut Vec<Span>) -> Option<usize> {
        holes.clear();
        let mut at = stream.at;
        for op in &self.ops {
            let found = read(stream, &mut at).ok()?;
            if found.token != op.token || found.slot != op.slot {
                return None;
            }
            match op.what {
                What::Hole if found.what == What::Hole => holes.push(found.text),
                What::Same | What::Named => {
                    let same = found.text.len == op.text.len
                        && found.text.of(stream.data) == op.text.of(&self.text);
                    if !same {
                        return None;
                    }
                }
                what if what == found.what => {}
                _ => return None,
            }
        }
        Some(at)
    }

    fn token(&mut self, stream: &Stream<'_>, at: &mut usize) -> Result<Op, Odd> {
        let mut op = read(stream, at)?;
        if op.what == What::Named {
            let name = op.text.of(stream.data).to_vec();
            op.text = self.keep(&name).ok_or(Odd("very many names"))?;
        }
        Ok(op)
    }

    fn keep(&mut self, text: &[u8]) -> Option<Span> {
        let span = Span::new(self.text.len(), text.len()).ok()?;
        self.text.extend(text);
        Some(span)
    }
}

fn is_named(shape: &Shape, op: Op, name: &str) -> bool {
    is(&shape.text, op.text, name)
}

/// Reads the token at `at`. Sizes of elements are left out: they count the names that stand in a stream, which is where they
/// were used first.
fn read(stream: &Stream<'_>, at: &mut usize) -> Result<Op, Odd> {
    let data = stream.data;
    let mut op = Op {
        token: 0,
        slot: (0, 0),
        text: Span::default(),
        what: What::Alone,
    };
    if *at >= stream.end() {
        return Ok(op);
    }
    op.token = u8_at(data, *at)?;
    *at += 1;
    match op.token {
        0x00 | 0x02..=0x04 => {}
        0x01 | 0x41 => {
            if stream.is_definition() {
                op.slot.0 = u16_at(data, *at)?;
                *at += 2;
            }
            *at += 4;
            op.text = name(stream, at)?;
            op.what = What::Named;
            if op.token == 0x41 {
                *at += 4;
            }
        }
        0x06 | 0x46 => {
            op.text = name(stream, at)?;
            op.what = What::Named;
        }
        0x05 | 0x45 => {
            if u8_at(data, *at)? != 0x01 {
                return Err(Odd("a literal that is no text"));
            }
            let len = usize::from(u16_at(data, *at + 1)?) * 2;
            let text = slice(data, *at + 3, len)?;
            op.what = if text.is_empty() || text.starts_with(&[0, 0]) {
                What::Empty
            } else {
                What::Hole
            };
            op.text = Span::new(*at + 3, len)?;
            *at += 3 + len;
        }
        0x0D | 0x0E if stream.is_definition() => {
            op.slot = (u16_at(data, *at)?, u8_at(data, *at + 2)?);
            op.what = What::Slot;
            *at += 3;
        }
        // The header of a fragment.
        0x0F => {
            op.slot.0 = u16_at(data, *at)?;
            *at += 3;
        }
        _ => return Err(Odd("a rare token")),
    }
    if *at > stream.end() {
        return Err(Odd("a token beyond its stream"));
    }
    Ok(op)
}

/// The name at `at`: see [`Stream`]. What it is made of is known from the shape.
fn name(stream: &Stream<'_>, at: &mut usize) -> Result<Span, Odd> {
    let data = stream.data;
    let place = u32_at(data, *at)? as usize;
    *at += 4;
    let start = place.saturating_add(6);
    let len = usize::from(u16_at(data, start)?) * 2;
    // A NUL stands behind it.
    slice(data, start + 2, len + 2)?;
    if place == *at {
        *at += 6 + 2 + len + 2;
    }
    Span::new(start + 2, len)
}

/// A value of a shape: as it was learnt, or with the text that stands in its place.
pub(super) fn moved(source: Source, learnt: &[Span], holes: &[Span]) -> Option<Source> {
    match source {
        Source::Text(span) => {
            let nth = learnt.iter().position(|hole| *hole == span)?;
            holes.get(nth).copied().map(Source::Text)
        }
        other => Some(other),
    }
}
