//! The names of a payload's values, as [`RawRecord::get`](crate::raw::RawRecord::get) knows them.

use std::ops::Range;

use super::bytes::{Odd, Span};
use super::outline::Part;
use super::token::{DEEPEST, Source, Stream, Token, is};
use super::value::utf16;

/// Most names of a payload.
const MOST_NAMES: usize = 512;

/// Names with what they name.
#[derive(Debug, Default)]
pub(super) struct Names {
    text: String,
    list: Vec<(Range<usize>, Part)>,
    /// `Data` elements without a name.
    positional: Vec<Part>,
}

/// A `Data` element.
struct Data {
    name: Source,
    value: Part,
}

impl Names {
    /// Reads a stream that holds the payload's element. `inside`: the element is the one inside `UserData`.
    pub(super) fn read(&mut self, stream: &mut Stream<'_>, inside: bool) -> Result<(), Odd> {
        self.clear();
        stream.skip_header()?;
        let Token::Open { name, .. } = stream.next()? else {
            return Err(Odd("a payload that is no element"));
        };
        if inside {
            self.wrapper(stream, name)?;
        } else {
            self.root(stream, name)?;
        }
        match stream.next()? {
            Token::End => Ok(()),
            _ => Err(Odd("something behind a payload")),
        }
    }

    /// Reads the payload's element at the stream's place, which is inside `Event`.
    pub(super) fn read_here(&mut self, stream: &mut Stream<'_>) -> Result<(), Odd> {
        self.clear();
        match stream.next()? {
            Token::Open { name, .. } => self.root(stream, name),
            _ => Err(Odd("a payload that is no element")),
        }
    }

    fn clear(&mut self) {
        self.text.clear();
        self.list.clear();
        self.positional.clear();
    }

    /// What a name stands for, [`Source::Absent`] when there is no such name.
    pub(super) fn find(&self, name: &str) -> Result<Part, Odd> {
        if let Some(nth) = position(name) {
            return Ok(match self.positional.as_slice() {
                [
                    Part {
                        source: Source::Slot(slot),
                        depends,
                    },
                ] => Part {
                    source: Source::Item(*slot, nth),
                    depends: *depends,
                },
                parts => parts.get(usize::from(nth)).copied().unwrap_or_default(),
            });
        }
        let mut found = self
            .list
            .iter()
            .filter(|(n, _)| self.text.get(n.clone()) == Some(name));
        let first = found.next().map(|f| f.1).unwrap_or_default();
        match found.next() {
            None => Ok(first),
            Some(_) => Err(Odd("a name that stands twice")),
        }
    }

    /// `Data` elements without names that stand in a row: their order is their name, so an array or one that is left out
    /// would move those behind it.
    pub(super) fn row(&self) -> &[Part] {
        match self.positional.as_slice() {
            [] | [_] => &[],
            row => row,
        }
    }

    fn root(&mut self, stream: &mut Stream<'_>, name: Span) -> Result<(), Odd> {
        if is(stream.data, name, "EventData") {
            self.event_data(stream)
        } else if is(stream.data, name, "UserData") {
            self.user_data(stream)
        } else {
            stream.skip(1)
        }
    }

    /// `EventData`, whose start was opened.
    fn event_data(&mut self, stream: &mut Stream<'_>) -> Result<(), Odd> {
        let mut items = Vec::new();
        let mut siblings = Vec::new();
        if self.attributes(stream, 0..0)? {
            loop {
                match stream.next()? {
                    Token::Open { name, depends } if is(stream.data, name, "Data") => {
                        items.push(data_element(stream, depends)?);
                    }
                    Token::Open { name, depends } => {
                        let path = self.path(stream.data, 0..0, name, depends, &mut siblings)?;
                        self.element(stream, path, depends, 2)?;
                    }
                    Token::Content(Source::Absent) => {}
                    Token::Close => break,
                    _ => return Err(Odd("odd event data")),
                }
            }
        }
        self.data_elements(stream.data, items)
    }

    /// One `Data` with a name makes all others without one disappear; with none, their order counts.
    fn data_elements(&mut self, data: &[u8], items: Vec<Data>) -> Result<(), Odd> {
        let named = items.iter().filter(|d| d.name != Source::Absent).count();
        if named != 0 && named != items.len() {
            return Err(Odd("data with and without names"));
        }
        for Data { name, value } in items {
            match name {
                Source::Absent => self.positional.push(value),
                Source::Text(name) => {
                    let start = self.text.len();
                    utf16(name.of(data), &mut self.text)?;
                    let name = start..self.text.len();
                    let text = self.text.get(name.clone()).unwrap_or_default();
                    if text.starts_with("Data[") || text == "Data" || text.starts_with('#') {
                        return Err(Odd("data with a name of JSON's own"));
                    }
                    self.add(name, value)?;
                }
                _ => return Err(Odd("data whose name is a value")),
            }
        }
        if self.positional.len() > MOST_NAMES {
            return Err(Odd("very many values"));
        }
        Ok(())
    }

    /// `UserData`, whose start was opened: the one element inside it is only a wrapper.
    fn user_data(&mut self, stream: &mut Stream<'_>) -> Result<(), Odd> {
        if !stream.attributes(|_, _| Ok(()))? {
            return Ok(());
        }
        let mut wrapped = false;
        loop {
            match stream.next()? {
                Token::Open {
                    name,
                    depends: None,
                } if !std::mem::replace(&mut wrapped, true) => {
                    self.wrapper(stream, name)?;
                }
                Token::Content(Source::Absent) => {}
                Token::Close => return Ok(()),
                _ => return Err(Odd("odd user data")),
            }
        }
    }

    fn wrapper(&mut self, stream: &mut Stream<'_>, name: Span) -> Result<(), Odd> {
        if ["Data", "EventData", "UserData"]
            .iter()
            .any(|odd| is(stream.data, name, odd))
        {
            return Err(Odd("data inside user data"));
        }
        let before = self.list.len();
        let mut siblings = Vec::new();
        let mut value = Source::Absent;
        if self.attributes(stream, 0..0)? {
            loop {
                match stream.next()? {
                    Token::Open { name, depends } => {
                        let path = self.path(stream.data, 0..0, name, depends, &mut siblings)?;
                        self.element(stream, path, depends, 3)?;
                    }
                    Token::Content(Source::Absent) => {}
                    Token::Content(source) => value = source,
                    Token::Close => break,
                    _ => return Err(Odd("odd user data")),
                }
            }
        }
        // Text straight inside the wrapper takes the wrapper's name, unless something else stands there as well.
        if value != Source::Absent && self.list.len() == before {
            let mut none = Vec::new();
            let path = self.path(stream.data, 0..0, name, None, &mut none)?;
            self.add(
                path,
                Part {
                    source: Source::Mixed,
                    depends: None,
                },
            )?;
        }
        Ok(())
    }

    /// An element below the payload's own, whose start was opened.
    fn element(
        &mut self,
        stream: &mut Stream<'_>,
        path: Range<usize>,
        depends: Option<u16>,
        depth: u8,
    ) -> Result<(), Odd> {
        if depth > DEEPEST {
            return Err(Odd("elements nested deeply"));
        }
        let mut value = Source::Absent;
        let mut siblings = Vec::new();
        let before = self.list.len();
        if self.attributes(stream, path.clone())? {
            loop {
                match stream.next()? {
                    Token::Open { name, depends: own } => {
                        if depends.is_some() && own.is_some() && own != depends {
                            return Err(Odd("an element that depends on two values"));
                        }
                        let below =
                            self.path(stream.data, path.clone(), name, own, &mut siblings)?;
                        self.element(stream, below, own.or(depends), depth + 1)?;
                    }
                    Token::Content(Source::Absent) => {}
                    Token::Content(piece) if value == Source::Absent => value = piece,
                    Token::Content(_) => value = Source::Mixed,
                    Token::Close => break,
                    _ => return Err(Odd("an odd payload")),
                }
            }
        }
        for (_, part) in self.list.get_mut(before..).unwrap_or_default() {
            part.depends = part.depends.or(depends);
        }
        if value != Source::Absent && !siblings.is_empty() {
            value = Source::Mixed;
        }
        self.add(
            path,
            Part {
                source: value,
                depends,
            },
        )
    }

    /// Adds the attributes of the element that was opened last, below `path`; says whether content follows.
    fn attributes(&mut self, stream: &mut Stream<'_>, path: Range<usize>) -> Result<bool, Odd> {
        let data = stream.data;
        stream.attributes(|name, source| {
            let start = self.text.len();
            self.repeat(path.clone());
            self.text.push('@');
            utf16(name.of(data), &mut self.text)?;
            let part = Part {
                source,
                depends: None,
            };
            self.add(start..self.text.len(), part)
        })
    }

    /// The path of an element. Siblings of one name are numbered from the second one on.
    fn path(
        &mut self,
        data: &[u8],
        above: Range<usize>,
        name: Span,
        depends: Option<u16>,
        siblings: &mut Vec<(Span, bool)>,
    ) -> Result<Range<usize>, Odd> {
        let same = siblings.iter().filter(|(s, _)| s.of(data) == name.of(data));
        let (count, sure) = same.fold((0, true), |(n, sure), s| (n + 1, sure && s.1));
        if count > 0 && (!sure || depends.is_some()) {
            return Err(Odd("elements of one name that may be left out"));
        }
        if siblings.len() > MOST_NAMES {
            return Err(Odd("very many values"));
        }
        siblings.push((name, depends.is_none()));
        let start = self.text.len();
        if !above.is_empty() {
            self.repeat(above);
            self.text.push('/');
        }
        utf16(name.of(data), &mut self.text)?;
        if count > 0 {
            self.text.push('_');
            self.text.push_str(&count.to_string());
        }
        Ok(start..self.text.len())
    }

    /// Appends a name that is there already.
    fn repeat(&mut self, name: Range<usize>) {
        let text = self.text.get(name).unwrap_or_default().to_owned();
        self.text.push_str(&text);
    }

    fn add(&mut self, name: Range<usize>, part: Part) -> Result<(), Odd> {
        if self.list.len() >= MOST_NAMES {
            return Err(Odd("very many values"));
        }
        self.list.push((name, part));
        Ok(())
    }
}

/// A `Data` element, whose start was opened. Its other attributes are not looked at by anybody.
fn data_element(stream: &mut Stream<'_>, depends: Option<u16>) -> Result<Data, Odd> {
    let mut name = Source::Absent;
    let data = stream.data;
    let content = stream.attributes(|attribute, source| {
        if name == Source::Absent && is(data, attribute, "Name") {
            name = source;
        }
        Ok(())
    })?;
    let mut source = Source::Absent;
    if content {
        loop {
            match stream.next()? {
                Token::Content(Source::Absent) => {}
                Token::Content(piece) if source == Source::Absent => source = piece,
                Token::Content(_) => source = Source::Mixed,
                Token::Open { .. } => {
                    source = Source::Mixed;
                    stream.skip(3)?;
                }
                Token::Close => break,
                _ => return Err(Odd("odd event data")),
            }
        }
    }
    Ok(Data {
        name,
        value: Part { source, depends },
    })
}

/// `Data[2]` is 2.
fn position(name: &str) -> Option<u16> {
    name.strip_prefix("Data[")?.strip_suffix(']')?.parse().ok()
}
