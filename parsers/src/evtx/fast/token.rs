//! The tokens of a BinXML stream (MS-EVEN6 2.2.12), as offsets into the chunk.
//!
//! Template definitions and inline records have the same tokens, except that an element of a definition names the slot
//! that it depends on. Only what Windows really writes is taken: elements, attributes, text and substitutions.

use super::bytes::{Odd, Span, offset_at, slice, u8_at, u16_at};

/// Longest element or attribute name: the longest in the manifests of Windows has 40 characters.
const LONGEST_NAME: usize = 64;
/// Characters that names are made of: letters, digits and a few signs.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0_u8;
    while byte < 0x80 {
        plain[byte as usize] =
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
        byte += 1;
    }
    plain
};
/// The dependency of an element that depends on nothing.
const NO_DEPENDENCY: u16 = 0xFFFF;
/// Deepest nesting of elements: Windows' own events need five.
pub(super) const DEEPEST: u8 = 24;

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Source {
    /// Nowhere: the element or attribute is empty or not there.
    #[default]
    Absent,
    /// Literal text, UTF-16LE.
    Text(Span),
    /// A substitution.
    Slot(u16),
    /// One item of a substitution that may be an array.
    Item(u16, u16),
    /// Several of these.
    Mixed,
}

impl Source {
    /// One more piece of the same value.
    fn add(&mut self, piece: Self) {
        *self = match self {
            Self::Absent => piece,
            _ => Self::Mixed,
        };
    }
}

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// An element begins; `depends` is the slot without whose value it is left out.
    Open { name: Span, depends: Option<u16> },
    /// Its attributes are over, content follows.
    CloseStart,
    /// Its attributes are over, and so is it.
    CloseEmpty,
    /// An element is over.
    Close,
    /// An attribute begins.
    Attribute(Span),
    /// Text or a substitution.
    Content(Source),
    /// A template instance begins behind this token.
    Instance,
    /// The stream is over.
    End,
}

/// A stream and the place in it.
#[derive(Clone, Copy)]
pub(super) struct Stream<'a> {
    /// The chunk.
    pub(super) data: &'a [u8],
    /// Offset of the next token.
    pub(super) at: usize,
    end: usize,
    definition: bool,
}

impl<'a> Stream<'a> {
    /// The body of a template definition.
    pub(super) fn definition(data: &'a [u8], at: usize, end: usize) -> Self {
        Self {
            data,
            at,
            end,
            definition: true,
        }
    }

    /// Elements without a template.
    pub(super) fn inline(data: &'a [u8], at: usize, end: usize) -> Self {
        Self {
            data,
            at,
            end,
            definition: false,
        }
    }

    /// The same stream at another place.
    pub(super) fn moved_to(self, at: usize) -> Self {
        Self { at, ..self }
    }

    /// Where it ends.
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Whether it is the body of a template definition.
    pub(super) fn is_definition(&self) -> bool {
        self.definition
    }

    /// Goes on at `at`, behind what another reader took.
    pub(super) fn jump(&mut self, at: usize) -> Result<(), Odd> {
        self.at = at;
        self.step(0)
    }

    /// Steps over the fragment header, if there is one.
    pub(super) fn skip_header(&mut self) -> Result<(), Odd> {
        if self.at < self.end && u8_at(self.data, self.at)? == 0x0F {
            self.step(4)?;
        }
        Ok(())
    }

    fn step(&mut self, by: usize) -> Result<(), Odd> {
        self.at = self.at.saturating_add(by);
        if self.at > self.end {
            return Err(Odd("a token beyond its stream"));
        }
        Ok(())
    }

    /// The next token.
    pub(super) fn next(&mut self) -> Result<Token, Odd> {
        if self.at == self.end {
            return Ok(Token::End);
        }
        let token = u8_at(self.data, self.at)?;
        self.step(1)?;
        Ok(match token {
            0x00 => Token::End,
            0x01 | 0x41 => return self.open(token & 0x40 != 0),
            0x02 => Token::CloseStart,
            0x03 => Token::CloseEmpty,
            0x04 => Token::Close,
            0x05 | 0x45 => Token::Content(self.text()?),
            0x06 | 0x46 => Token::Attribute(self.name()?),
            0x0C if !self.definition => Token::Instance,
            0x0D | 0x0E if self.definition => {
                let slot = u16_at(self.data, self.at)?;
                // The type that the template expects says nothing, but a wrong one says that this is no template.
                if !matches!(u8_at(self.data, self.at + 2)?, 0..=0x15 | 0x21 | 0x81..=0x95) {
                    return Err(Odd("a substitution of a rare type"));
                }
                self.step(3)?;
                Token::Content(Source::Slot(slot))
            }
            _ => return Err(Odd("a rare token")),
        })
    }

    fn open(&mut self, attributes: bool) -> Result<Token, Odd> {
        let mut depends = None;
        if self.definition {
            depends = Some(u16_at(self.data, self.at)?).filter(|d| *d != NO_DEPENDENCY);
            self.step(2)?;
        }
        self.step(4)?;
        let name = self.name()?;
        if attributes {
            self.step(4)?;
        }
        Ok(Token::Open { name, depends })
    }

    /// A name: an offset into the chunk. Where a name is used first, it stands right behind its offset.
    fn name(&mut self) -> Result<Span, Odd> {
        let at = offset_at(self.data, self.at)?;
        self.step(4)?;
        let start = at.saturating_add(6);
        let len = usize::from(u16_at(self.data, start)?);
        if len == 0 || len > LONGEST_NAME {
            return Err(Odd("a name of an odd length"));
        }
        let text = slice(self.data, start + 2, len * 2)?;
        u16_at(self.data, start + 2 + len * 2)?;
        let plain = |c: &[u8; 2]| c[1] == 0 && PLAIN.get(usize::from(c[0])) == Some(&true);
        if !text.as_chunks::<2>().0.iter().all(plain) {
            return Err(Odd("a name with odd characters"));
        }
        if at == self.at {
            self.step(6 + 2 + len * 2 + 2)?;
        }
        Span::new(start + 2, len * 2)
    }

    fn text(&mut self) -> Result<Source, Odd> {
        if u8_at(self.data, self.at)? != 0x01 {
            return Err(Odd("a literal that is no text"));
        }
        let len = usize::from(u16_at(self.data, self.at + 1)?) * 2;
        let at = self.at + 3;
        slice(self.data, at, len)?;
        self.step(3 + len)?;
        let span = Span::new(at, len)?;
        Ok(if span.of(self.data).starts_with(&[0, 0]) || len == 0 {
            Source::Absent
        } else {
            Source::Text(span)
        })
    }

    /// Reads the attributes of the element that was opened last; says whether content follows.
    pub(super) fn attributes(
        &mut self,
        mut each: impl FnMut(Span, Source) -> Result<(), Odd>,
    ) -> Result<bool, Odd> {
        let mut current: Option<(Span, Source)> = None;
        loop {
            let token = self.next()?;
            if let Token::Content(piece) = token {
                let Some((_, value)) = &mut current else {
                    return Err(Odd("a value before any attribute"));
                };
                if piece != Source::Absent {
                    value.add(piece);
                }
                continue;
            }
            if let Some((name, value)) = current.take() {
                each(name, value)?;
            }
            match token {
                Token::Attribute(name) => current = Some((name, Source::Absent)),
                Token::CloseStart => return Ok(true),
                Token::CloseEmpty => return Ok(false),
                _ => return Err(Odd("an element that does not close its start")),
            }
        }
    }

    /// Reads the content of an element that must hold no other, up to its end.
    pub(super) fn leaf(&mut self) -> Result<Source, Odd> {
        let mut value = Source::Absent;
        loop {
            match self.next()? {
                Token::Content(Source::Absent) => {}
                Token::Content(piece) => value.add(piece),
                Token::Close => return Ok(value),
                _ => return Err(Odd("an element where a value was expected")),
            }
        }
    }

    /// Steps over the element that was opened last, with all that is in it.
    pub(super) fn skip(&mut self, depth: u8) -> Result<(), Odd> {
        if depth > DEEPEST {
            return Err(Odd("elements nested deeply"));
        }
        if !self.attributes(|_, _| Ok(()))? {
            return Ok(());
        }
        loop {
            match self.next()? {
                Token::Content(_) => {}
                Token::Open { .. } => self.skip(depth + 1)?,
                Token::Close => return Ok(()),
                _ => return Err(Odd("an element that does not end")),
            }
        }
    }
}

/// Whether a name is this one.
pub(super) fn is(data: &[u8], name: Span, ascii: &str) -> bool {
    let text = name.of(data);
    text.len() == ascii.len() * 2
        && text
            .as_chunks::<2>()
            .0
            .iter()
            .zip(ascii.bytes())
            .all(|(c, a)| *c == [a, 0])
}
