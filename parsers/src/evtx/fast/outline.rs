//! The frame that all records share: where an `Event` says who wrote it, when, and where its payload begins.

use super::bytes::{Odd, Span};
use super::instance::Instance;
use super::shape;
use super::token::{Source, Stream, Token, is};

/// A part of `System`: where its value comes from, and the slot without which its element is left out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    pub(super) source: Source,
    pub(super) depends: Option<u16>,
}

/// What of `System` is looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct System {
    /// `Provider/@Name`.
    pub(super) provider: Part,
    /// `Provider/@EventSourceName`.
    pub(super) source_name: Part,
    /// `Channel`.
    pub(super) channel: Part,
    /// `Computer`.
    pub(super) computer: Part,
    /// `EventID`.
    pub(super) id: Part,
    /// `EventRecordID`.
    pub(super) number: Part,
    /// `TimeCreated/@SystemTime`.
    pub(super) time: Part,
    /// `Correlation/@ActivityID`.
    pub(super) activity: Part,
}

impl System {
    pub(super) fn parts(&self) -> [Part; 8] {
        [
            self.provider,
            self.source_name,
            self.channel,
            self.computer,
            self.id,
            self.number,
            self.time,
            self.activity,
        ]
    }
}

impl System {
    /// The same with other texts: see [`shape`](super::shape). `None` when a text is none of those that may differ.
    pub(super) fn moved(&self, learnt: &[Span], holes: &[Span]) -> Option<Self> {
        let part = |part: Part| {
            shape::moved(part.source, learnt, holes).map(|source| Part { source, ..part })
        };
        Some(Self {
            provider: part(self.provider)?,
            source_name: part(self.source_name)?,
            channel: part(self.channel)?,
            computer: part(self.computer)?,
            id: part(self.id)?,
            number: part(self.number)?,
            time: part(self.time)?,
            activity: part(self.activity)?,
        })
    }
}

/// Where the payload is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Payload {
    /// There is none.
    #[default]
    Absent,
    /// A substitution holds it; `inside`: as the content of `UserData`, which stands in the frame.
    Slot { part: Part, inside: bool },
    /// Its element begins here, in the same stream.
    Here(usize),
    /// A template instance whose token ends here.
    Instance(usize),
}

/// The frame of a record, or of all records of a template.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outline {
    pub(super) system: System,
    pub(super) payload: Payload,
}

impl Outline {
    /// Reads a stream that holds one `Event` and nothing else.
    pub(super) fn read(stream: &mut Stream<'_>) -> Result<Self, Odd> {
        stream.skip_header()?;
        let mut outline = Self::default();
        match stream.next()? {
            Token::Open { name, .. } if is(stream.data, name, "Event") => {}
            _ => return Err(Odd("a record that is no event")),
        }
        let mut system = false;
        if stream.attributes(|_, _| Ok(()))? {
            while outline.child(stream, &mut system)? {}
        }
        match stream.next()? {
            Token::End if system => Ok(outline),
            Token::End => Err(Odd("an event without its system part")),
            _ => Err(Odd("something behind an event")),
        }
    }

    /// Reads what stands next inside `Event`; `false` at its end.
    fn child(&mut self, stream: &mut Stream<'_>, system: &mut bool) -> Result<bool, Odd> {
        let at = stream.at;
        match stream.next()? {
            Token::Open { name, depends } => {
                if is(stream.data, name, "System") {
                    if std::mem::replace(system, true) || depends.is_some() {
                        return Err(Odd("an odd system part"));
                    }
                    self.system = read_system(stream)?;
                } else if is(stream.data, name, "EventData") {
                    if depends.is_some() {
                        return Err(Odd("event data that may be left out"));
                    }
                    self.payload(Payload::Here(at))?;
                    stream.skip(1)?;
                } else if is(stream.data, name, "UserData") {
                    self.user_data(stream, at, depends)?;
                } else {
                    stream.skip(1)?;
                }
            }
            Token::Content(Source::Absent) => {}
            Token::Content(source @ Source::Slot(_)) => self.payload(Payload::Slot {
                part: Part {
                    source,
                    depends: None,
                },
                inside: false,
            })?,
            Token::Instance => {
                self.payload(Payload::Instance(stream.at))?;
                let instance = Instance::read(stream.data, stream.at)?;
                let mut values = Vec::new();
                let end = instance.list(stream.data, &mut values)?;
                stream.jump(end)?;
            }
            Token::Close => return Ok(false),
            _ => return Err(Odd("an odd event")),
        }
        Ok(true)
    }

    fn payload(&mut self, payload: Payload) -> Result<(), Odd> {
        if !matches!(self.payload, Payload::Absent) {
            return Err(Odd("two payloads"));
        }
        self.payload = payload;
        Ok(())
    }

    /// `UserData` with its element, or with a substitution that will be its element.
    fn user_data(
        &mut self,
        stream: &mut Stream<'_>,
        at: usize,
        depends: Option<u16>,
    ) -> Result<(), Odd> {
        let mut peek = *stream;
        let content = peek.attributes(|_, _| Ok(()))?;
        let first = if content { peek.next()? } else { Token::End };
        if let Token::Content(source @ Source::Slot(_)) = first {
            *stream = peek;
            return match stream.next()? {
                Token::Close => self.payload(Payload::Slot {
                    part: Part { source, depends },
                    inside: true,
                }),
                _ => Err(Odd("odd user data")),
            };
        }
        if depends.is_some() {
            return Err(Odd("user data that may be left out"));
        }
        self.payload(Payload::Here(at))?;
        stream.skip(1)
    }
}

/// Reads the children of `System`, which was opened last.
fn read_system(stream: &mut Stream<'_>) -> Result<System, Odd> {
    let mut system = System::default();
    if !stream.attributes(|_, _| Ok(()))? {
        return Ok(system);
    }
    let data = stream.data;
    loop {
        let (name, depends) = match stream.next()? {
            Token::Open { name, depends } => (name, depends),
            Token::Content(Source::Absent) => continue,
            Token::Close => return Ok(system),
            _ => return Err(Odd("an odd system part")),
        };
        // The first letter tells which names to compare with: this runs for every template of every chunk.
        let content = match name.of(data).first() {
            Some(b'P') if is(data, name, "Provider") => {
                let (provider, source_name) = (&mut system.provider, &mut system.source_name);
                attributes(
                    stream,
                    depends,
                    &mut [("Name", provider), ("EventSourceName", source_name)],
                )?;
                continue;
            }
            Some(b'T') if is(data, name, "TimeCreated") => {
                attributes(stream, depends, &mut [("SystemTime", &mut system.time)])?;
                continue;
            }
            Some(b'C') if is(data, name, "Correlation") => {
                attributes(stream, depends, &mut [("ActivityID", &mut system.activity)])?;
                continue;
            }
            Some(b'E') if is(data, name, "EventID") => &mut system.id,
            Some(b'E') if is(data, name, "EventRecordID") => &mut system.number,
            Some(b'C') if is(data, name, "Channel") => &mut system.channel,
            Some(b'C') if is(data, name, "Computer") => &mut system.computer,
            _ => {
                stream.skip(2)?;
                continue;
            }
        };
        let source = if stream.attributes(|_, _| Ok(()))? {
            stream.leaf()?
        } else {
            Source::Absent
        };
        set(content, source, depends)?;
    }
}

/// Takes attributes of the element that was opened last, and steps over its content.
fn attributes(
    stream: &mut Stream<'_>,
    depends: Option<u16>,
    wanted: &mut [(&str, &mut Part)],
) -> Result<(), Odd> {
    let data = stream.data;
    let content = stream.attributes(|name, source| {
        match wanted.iter_mut().find(|(n, _)| is(data, name, n)) {
            Some((_, part)) => set(part, source, depends),
            None => Ok(()),
        }
    })?;
    if content && stream.leaf()? != Source::Absent {
        return Err(Odd("a system element with an odd content"));
    }
    Ok(())
}

fn set(part: &mut Part, source: Source, depends: Option<u16>) -> Result<(), Odd> {
    if part.source != Source::Absent {
        return Err(Odd("a system element that stands twice"));
    }
    if source == Source::Mixed {
        return Err(Odd("a system element of several pieces"));
    }
    *part = Part { source, depends };
    Ok(())
}
