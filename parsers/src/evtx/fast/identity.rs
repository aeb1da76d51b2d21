//! Who wrote a record: provider and log, as small numbers.
//!
//! A file has a few hundred of these at most and a million records, so names are looked up once and compared as bytes
//! afterwards.

use std::collections::HashMap;

use foldhash::quality::RandomState;

use super::bytes::Odd;
use super::instance::{Value, kind};
use super::value;
use crate::batch::EventBatch;
use crate::catalog::{self, EventSpec};

/// How many identities a template remembers before it asks the table again.
const REMEMBERED: usize = 8;

/// A provider and a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) provider: u32,
    pub(super) log: u32,
}

/// A provider, and what the catalogue wants of it.
struct Provider {
    name: String,
    /// By event id.
    wanted: Vec<Wanted>,
}

/// An event id that the catalogue describes.
struct Wanted {
    id: u32,
    spec: &'static EventSpec,
    /// Its number among the batch's origins.
    origin: Option<u16>,
}

/// A log, and its number in the batch.
struct Log {
    host: String,
    channel: String,
    number: Option<u32>,
}

/// Everybody met so far.
#[derive(Default)]
pub(super) struct Identities {
    known: HashMap<Vec<u8>, Who, RandomState>,
    providers: Vec<Provider>,
    logs: Vec<Log>,
    logs_by_name: HashMap<(String, String), u32>,
}

impl Identities {
    /// What the catalogue says about an event id of a provider.
    pub(super) fn wanted(&self, provider: u32, id: u32) -> Option<&'static EventSpec> {
        let wanted = &self.providers.get(provider as usize)?.wanted;
        let at = wanted.binary_search_by_key(&id, |w| w.id).ok()?;
        wanted.get(at).map(|w| w.spec)
    }

    /// The number of such an event's origin in the batch.
    pub(super) fn origin(&mut self, provider: u32, id: u32, batch: &mut EventBatch) -> u16 {
        let Some(Provider { name, wanted }) = self.providers.get_mut(provider as usize) else {
            return u16::MAX;
        };
        let at = wanted.binary_search_by_key(&id, |w| w.id).ok();
        let Some(found) = at.and_then(|at| wanted.get_mut(at)) else {
            return u16::MAX;
        };
        *found
            .origin
            .get_or_insert_with(|| batch.origin(name, id, found.spec))
    }

    /// The name of a provider.
    pub(super) fn provider(&self, number: u32) -> &str {
        self.providers
            .get(number as usize)
            .map_or("", |p| p.name.as_str())
    }

    /// The number of a log in the batch.
    pub(super) fn log(&mut self, number: u32, batch: &mut EventBatch) -> u32 {
        let Some(log) = self.logs.get_mut(number as usize) else {
            return u32::MAX;
        };
        *log.number
            .get_or_insert_with(|| batch.log(&log.host, &log.channel))
    }

    /// The number for these names: provider, event source, channel, computer.
    fn of(&mut self, names: [Value; 4], data: &[u8]) -> Result<Who, Odd> {
        let mut key = Vec::with_capacity(256);
        for name in names {
            key.extend(name.len.to_le_bytes());
            key.extend(name.of(data));
        }
        if let Some(who) = self.known.get(&key) {
            return Ok(*who);
        }
        let mut texts = [const { String::new() }; 4];
        for (text, name) in texts.iter_mut().zip(names) {
            if cut(name.of(data)) && name.kind == kind::TEXT {
                return Err(Odd("a name that goes on behind its end"));
            }
            value::text(name, data, text)?;
        }
        let [provider, source, channel, host] = texts;
        if provider.is_empty() {
            return Err(Odd("a record without a provider"));
        }
        let who = Who {
            provider: u32::try_from(self.providers.len()).map_err(|_| Odd("too many names"))?,
            log: self.log_named(host, channel)?,
        };
        self.providers.push(Provider::new(provider, &source));
        self.known.insert(key, who);
        Ok(who)
    }

    fn log_named(&mut self, host: String, channel: String) -> Result<u32, Odd> {
        let key = (host, channel);
        if let Some(number) = self.logs_by_name.get(&key) {
            return Ok(*number);
        }
        let number = u32::try_from(self.logs.len()).map_err(|_| Odd("too many names"))?;
        self.logs.push(Log {
            host: key.0.clone(),
            channel: key.1.clone(),
            number: None,
        });
        self.logs_by_name.insert(key, number);
        Ok(number)
    }
}

/// Whether something follows the first NUL of a text. A value that lies where another belongs looks like that.
fn cut(text: &[u8]) -> bool {
    let mut behind = text.as_chunks::<2>().0.iter().skip_while(|c| **c != [0, 0]);
    behind.any(|c| *c != [0, 0])
}

impl Provider {
    fn new(name: String, source: &str) -> Self {
        let of = |name: &str| {
            let name = name.to_ascii_lowercase();
            let all = catalog::all();
            let from = all.partition_point(|spec| spec.provider < name.as_str());
            all.iter()
                .skip(from)
                .take_while(move |spec| spec.provider == name)
                .map(|spec| Wanted {
                    id: spec.id,
                    spec,
                    origin: None,
                })
        };
        let mut wanted: Vec<_> = of(&name).collect();
        if !source.is_empty() {
            let own = wanted.len();
            for one in of(source) {
                if !wanted.iter().take(own).any(|w| w.id == one.id) {
                    wanted.push(one);
                }
            }
        }
        wanted.sort_by_key(|w| w.id);
        Self { name, wanted }
    }
}

/// The identities that records of one template of one chunk had last.
#[derive(Debug, Default)]
pub(super) struct Recent {
    list: Vec<([Value; 4], Who)>,
    oldest: usize,
}

impl Recent {
    /// The number for these names.
    pub(super) fn of(
        &mut self,
        names: [Value; 4],
        data: &[u8],
        all: &mut Identities,
    ) -> Result<Who, Odd> {
        let mut names = names;
        for name in &mut names {
            match name.kind {
                kind::TEXT => {}
                kind::NULL => name.len = 0,
                _ => return Err(Odd("a name that is no text")),
            }
        }
        let same = |known: &[Value; 4]| {
            known
                .iter()
                .zip(&names)
                .all(|(a, b)| a.len == b.len && (a.at == b.at || a.of(data) == b.of(data)))
        };
        if let Some((_, who)) = self.list.iter().find(|(known, _)| same(known)) {
            return Ok(*who);
        }
        let who = all.of(names, data)?;
        if self.list.len() < REMEMBERED {
            self.list.push((names, who));
        } else if let Some(place) = self.list.get_mut(self.oldest) {
            *place = (names, who);
            self.oldest = (self.oldest + 1) % REMEMBERED;
        }
        Ok(who)
    }
}
