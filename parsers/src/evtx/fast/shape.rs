//! What a stream of tokens looks like, apart from its texts: so that the thousandth of its kind is recognised, not read.
//!
//! The same template stands in every chunk with other offsets, and forwarded records repeat the same elements with other
//! texts. A shape is learnt from one of them: its tokens, the names of its elements, attributes and data. Another stream that
//! has them all in the same order says the same, with its own texts in the same places.
//!
//! All records begin alike. So shapes are kept as a tree in which those with the same beginning share it, and a stream is
//! walked through once, however many shapes there are.

use super::bytes::{Span, offset_at, slice};
use super::token::{Source, Stream, is};

/// Most tokens of a shape; the richest events of Windows have some three hundred.
const MOST_TOKENS: usize = 1024;
/// Tokens of a tree for each of its shapes, which share their beginnings.
const TOKENS_EACH: usize = 64;

/// One token, as far as it must be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Op {
    /// Its first byte.
    token: u8,
    what: What,
    /// Slot, type and dependency, where it has them.
    slot: (u16, u8),
    /// Its name, or a text that must be the same: in [`Shapes::text`].
    text: Span,
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

/// A token with what may come after it.
#[derive(Debug)]
struct Node {
    op: Op,
    next: Next,
    /// What may stand in its place as well.
    beside: Option<u32>,
}

/// What comes after a token.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// The first of the tokens that may follow.
    Token(u32),
    /// The shape is over: what is known of it.
    Known(u32),
    /// Nothing yet.
    Nothing,
}

/// Shapes, and what is known of each.
#[derive(Debug)]
pub(super) struct Shapes<T> {
    nodes: Vec<Node>,
    text: Vec<u8>,
    known: Vec<T>,
    most: usize,
}

/// How far a shape reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// To the end of the stream.
    End,
    /// To the end of the element with this nesting, the outermost being 1.
    Close(u8),
}

impl<T> Shapes<T> {
    /// No shapes, and room for so many.
    pub(super) fn new(most: usize) -> Self {
        Self {
            nodes: Vec::new(),
            text: Vec::new(),
            known: Vec::new(),
            most,
        }
    }

    /// What is known of streams like this one from its place on: where its shape ends, and its texts in `holes`.
    pub(super) fn find(&self, stream: &Stream<'_>, holes: &mut Vec<Span>) -> Option<(usize, &T)> {
        holes.clear();
        let mut at = stream.at;
        let mut first = 0;
        loop {
            let mut nth = Some(first);
            let next = loop {
                let node = self.nodes.get(nth? as usize)?;
                if let Some(next) = self.step(node.op, stream, at) {
                    at = next;
                    break node.next;
                }
                let mut next = at;
                if node.op.what == What::Hole
                    && let Some(found) = read(stream, &mut next)
                    && self.is(node.op, found, stream.data)
                {
                    holes.push(found.text);
                    at = next;
                    break node.next;
                }
                nth = node.beside;
            };
            match next {
                Next::Token(next) => first = next,
                Next::Known(known) => return Some((at, self.known.get(known as usize)?)),
                Next::Nothing => return None,
            }
        }
    }

    /// Where the next token is, if this one stands at `at`. For all but texts that may be others: what is expected is compared
    /// with the bytes as they are, which is cheaper than to read them first.
    #[inline]
    fn step(&self, op: Op, stream: &Stream<'_>, at: usize) -> Option<usize> {
        let data = stream.data;
        let end = stream.end();
        if at >= end {
            return (op.token == 0).then_some(at);
        }
        if *data.get(at)? != op.token {
            return None;
        }
        let mut next = at + 1;
        match op.what {
            What::Alone if op.token == 0x0F => {
                if number(data, next)? != op.slot.0 {
                    return None;
                }
                next += 3;
            }
            What::Alone => {}
            What::Slot => {
                let [low, high] = op.slot.0.to_le_bytes();
                if !stream.is_definition() || data.get(next..next + 3)? != [low, high, op.slot.1] {
                    return None;
                }
                next += 3;
            }
            What::Named => {
                let element = op.token & !0x40 == 0x01;
                if element {
                    if stream.is_definition() {
                        if number(data, next)? != op.slot.0 {
                            return None;
                        }
                        next += 2;
                    }
                    next += 4;
                }
                let place = offset_at(data, next).ok()?;
                next += 4;
                let len = op.text.len as usize;
                let start = place.saturating_add(6);
                // A NUL stands behind it.
                let there = data.get(start..start + 2 + len + 2)?;
                let (head, rest) = there.split_first_chunk()?;
                if usize::from(u16::from_le_bytes(*head)) * 2 != len
                    || rest.get(..len)? != op.text.of(&self.text)
                {
                    return None;
                }
                if place == next {
                    next += 6 + 2 + len + 2;
                }
                if op.token == 0x41 {
                    next += 4;
                }
            }
            What::Same | What::Empty => {
                let found = read(stream, &mut { at })?;
                if !self.is(op, found, data) {
                    return None;
                }
                next = at + 4 + found.text.len as usize;
            }
            What::Hole => return None,
        }
        (next <= end).then_some(next)
    }

    /// Whether a token that was read is this one.
    fn is(&self, op: Op, found: Op, data: &[u8]) -> bool {
        found.token == op.token
            && found.slot == op.slot
            && match op.what {
                What::Named | What::Same => {
                    found.text.len == op.text.len && found.text.of(data) == op.text.of(&self.text)
                }
                what => what == found.what,
            }
    }

    /// Learns the shape of a stream from its place on, unless it is known or has tokens that no shape holds. `tell` says what
    /// is to be known of it, and gets the places of its texts.
    pub(super) fn learn(
        &mut self,
        stream: &Stream<'_>,
        until: Until,
        tell: impl FnOnce(&[Span]) -> Option<T>,
    ) {
        let mut holes = Vec::new();
        if self.known.len() >= self.most {
            return;
        }
        let Some(ops) = tokens(stream, until, &mut holes) else {
            return;
        };
        if self.nodes.len() + ops.len() > MOST_TOKENS.max(self.most * TOKENS_EACH) {
            return;
        }
        if let Some(known) = tell(&holes) {
            self.insert(&ops, stream.data, known);
        }
    }

    fn insert(&mut self, ops: &[Op], data: &[u8], known: T) -> Option<()> {
        // The node whose `next` leads on; none at the root.
        let mut above: Option<usize> = None;
        for op in ops {
            let first = match above.and_then(|n| self.nodes.get(n)).map(|n| n.next) {
                None if self.nodes.is_empty() => None,
                None => Some(0),
                Some(Next::Token(first)) => Some(first),
                Some(Next::Nothing) => None,
                Some(Next::Known(_)) => return None,
            };
            let (mut nth, mut last) = (first, None);
            let same = loop {
                let Some(n) = nth else { break None };
                let node = self.nodes.get(n as usize)?;
                if node.op.what == op.what && self.is(node.op, *op, data) {
                    break Some(n as usize);
                }
                last = Some(n as usize);
                nth = node.beside;
            };
            above = Some(match same {
                Some(n) => n,
                None => self.grow(*op, data, above, last)?,
            });
        }
        let number = u32::try_from(self.known.len()).ok()?;
        let leaf = self.nodes.get_mut(above?)?;
        if matches!(leaf.next, Next::Nothing) {
            leaf.next = Next::Known(number);
            self.known.push(known);
        }
        Some(())
    }

    /// Adds a token below `above`, beside `last` if others stand there.
    fn grow(
        &mut self,
        mut op: Op,
        data: &[u8],
        above: Option<usize>,
        last: Option<usize>,
    ) -> Option<usize> {
        op.text = match op.what {
            What::Named | What::Same => {
                let span = Span::new(self.text.len(), op.text.len as usize).ok()?;
                self.text.extend(op.text.of(data));
                span
            }
            _ => Span::default(),
        };
        let new = self.nodes.len();
        let number = u32::try_from(new).ok()?;
        self.nodes.push(Node {
            op,
            next: Next::Nothing,
            beside: None,
        });
        match (last, above) {
            (Some(last), _) => self.nodes.get_mut(last)?.beside = Some(number),
            (None, Some(above)) => self.nodes.get_mut(above)?.next = Next::Token(number),
            (None, None) => {}
        }
        Some(new)
    }
}

/// The tokens of a shape, their texts still in the chunk, and the places of the texts that may be others.
fn tokens(stream: &Stream<'_>, until: Until, holes: &mut Vec<Span>) -> Option<Vec<Op>> {
    let mut ops = Vec::new();
    let mut at = stream.at;
    let (mut depth, mut data, mut name) = (0_u8, false, false);
    loop {
        let mut op = read(stream, &mut at)?;
        match op.token & !0x40 {
            0x01 => {
                depth = depth.checked_add(1)?;
                data = is(stream.data, op.text, "Data");
            }
            0x06 => name = data && is(stream.data, op.text, "Name"),
            0x02..=0x04 => name = false,
            _ => {}
        }
        if op.what == What::Hole {
            if name {
                op.what = What::Same;
            } else {
                holes.push(op.text);
            }
        }
        ops.push(op);
        if ops.len() > MOST_TOKENS {
            return None;
        }
        if matches!(op.token, 0x03 | 0x04) {
            if until == Until::Close(depth) {
                return Some(ops);
            }
            depth = depth.saturating_sub(1);
        }
        if op.token == 0 {
            return (until == Until::End).then_some(ops);
        }
    }
}

/// Reads the token at `at`; `None` for one that no shape holds. Sizes of elements are left out: they count the names that
/// stand in a stream, which is where they were used first.
#[inline]
fn read(stream: &Stream<'_>, at: &mut usize) -> Option<Op> {
    let data = stream.data;
    let mut op = Op {
        token: 0,
        what: What::Alone,
        slot: (0, 0),
        text: Span::default(),
    };
    let start = *at;
    if start >= stream.end() {
        return Some(op);
    }
    op.token = *data.get(start)?;
    let mut next = start + 1;
    match op.token {
        0x00 | 0x02..=0x04 => {}
        0x01 | 0x41 => {
            if stream.is_definition() {
                op.slot.0 = number(data, next)?;
                next += 2;
            }
            (op.text, next) = name(data, next + 4)?;
            op.what = What::Named;
            if op.token == 0x41 {
                next += 4;
            }
        }
        0x06 | 0x46 => {
            (op.text, next) = name(data, next)?;
            op.what = What::Named;
        }
        0x05 | 0x45 => {
            if *data.get(next)? != 0x01 {
                return None;
            }
            let len = usize::from(number(data, next + 1)?) * 2;
            let text = slice(data, next + 3, len).ok()?;
            op.what = if text.is_empty() || text.starts_with(&[0, 0]) {
                What::Empty
            } else {
                What::Hole
            };
            op.text = Span::new(next + 3, len).ok()?;
            next += 3 + len;
        }
        0x0D | 0x0E if stream.is_definition() => {
            op.slot = (number(data, next)?, *data.get(next + 2)?);
            op.what = What::Slot;
            next += 3;
        }
        // The header of a fragment.
        0x0F => {
            op.slot.0 = number(data, next)?;
            next += 3;
        }
        _ => return None,
    }
    *at = next;
    (next <= stream.end()).then_some(op)
}

#[inline]
fn number(data: &[u8], at: usize) -> Option<u16> {
    let bytes = data.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*bytes))
}

/// The name at `at` and what follows it: see [`Stream`]. What it is made of is known from the shape.
#[inline]
fn name(data: &[u8], at: usize) -> Option<(Span, usize)> {
    let place = offset_at(data, at).ok()?;
    let mut next = at + 4;
    let start = place.saturating_add(6);
    let len = usize::from(number(data, start)?) * 2;
    // A NUL stands behind it.
    slice(data, start + 2, len + 2).ok()?;
    if place == next {
        next += 6 + 2 + len + 2;
    }
    Some((Span::new(start + 2, len).ok()?, next))
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
