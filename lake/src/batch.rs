//! From lines back to sources: in any order, each line any number of times.

use std::collections::{BTreeMap, BTreeSet};

use rdpwhy_analyzer::evidence::SourceEvents;
use rdpwhy_parsers::{Defect, EventBatch, Field, Gap, Guid, Kept, Kind, Timestamp};

use crate::line::{Exact, Line};

/// Lines on their way to sources.
#[derive(Debug, Default)]
pub struct Sources<'a> {
    sources: BTreeMap<(String, String), Parts<'a>>,
}

/// The lines of one source, by their numbers.
#[derive(Debug, Default)]
struct Parts<'a> {
    source: Option<Line<'a>>,
    logs: BTreeMap<u32, Line<'a>>,
    defects: BTreeMap<u64, Line<'a>>,
    events: BTreeMap<u64, Line<'a>>,
}

impl<'a> Sources<'a> {
    /// Adds a line; a line that was added before is the same line.
    ///
    /// # Errors
    /// A text that is no such line.
    pub fn add(&mut self, text: &'a str) -> Result<(), String> {
        let line = Line::parse(text)?;
        let of = match &line {
            Line::Source { of, .. }
            | Line::Log { of, .. }
            | Line::Defect { of, .. }
            | Line::Event { of, .. } => of,
        };
        let key = (of.source.clone().into_owned(), of.hash.clone().into_owned());
        let parts = self.sources.entry(key).or_default();
        match &line {
            Line::Source { .. } => parts.source = Some(line),
            Line::Log { log, .. } => drop(parts.logs.insert(*log, line)),
            Line::Defect { n, .. } => drop(parts.defects.insert(*n, line)),
            Line::Event { n, .. } => drop(parts.events.insert(*n, line)),
        }
        Ok(())
    }

    /// The sources, by label.
    pub fn finish(self) -> Vec<SourceEvents> {
        self.sources
            .into_iter()
            .map(|((label, _), parts)| parts.source(label))
            .collect()
    }
}

impl Parts<'_> {
    fn source(self, label: String) -> SourceEvents {
        let mut made = SourceEvents {
            label,
            format: "unknown",
            bytes: 0,
            sha256: None,
            batch: EventBatch::default(),
        };
        // What this version of the program does not know, once each.
        let mut strange = BTreeSet::new();
        if let Some(Line::Source {
            format,
            bytes,
            sha256,
            recovered,
            unknown,
            unknown_recovered,
            ..
        }) = self.source
        {
            made.format = SourceEvents::format_named(&format);
            made.bytes = bytes;
            made.sha256 = sha256;
            made.batch.recovered = recovered;
            let counts = |c: Vec<(String, u32, u64)>| c.into_iter().map(|(p, id, n)| ((p, id), n));
            made.batch.unknown = counts(unknown).collect();
            made.batch.unknown_recovered = counts(unknown_recovered).collect();
        } else {
            strange.insert("its own row is missing".to_owned());
        }
        // The numbers that the logs have in this batch: rows of some may have been left out.
        let mut numbers = BTreeMap::new();
        for (number, line) in self.logs {
            numbers.insert(number, log(&mut made.batch, line, &mut strange));
        }
        for line in self.defects.into_values() {
            if let Line::Defect { at, what, lost, .. } = line {
                made.batch.defects.push(Defect { at, what, lost });
            }
        }
        for line in self.events.into_values() {
            event(&mut made.batch, &numbers, line, &mut strange);
        }
        for what in strange {
            made.batch.defect("table", what, 0);
        }
        made.batch.shrink();
        made
    }
}

fn log(batch: &mut EventBatch, line: Line<'_>, strange: &mut BTreeSet<String>) -> u32 {
    let Line::Log {
        host,
        channel,
        first,
        last,
        first_record,
        last_record,
        records,
        gaps,
        ..
    } = line
    else {
        return u32::MAX;
    };
    let number = batch.log(&host, &channel);
    if let Some(log) = batch.logs.get_mut(number as usize) {
        log.first = Timestamp(first);
        log.last = Timestamp(last);
        log.first_record = first_record;
        log.last_record = last_record;
        log.records = records;
        for (from, to, why) in gaps {
            match Gap::reason(&why) {
                Some(why) => log.gaps.push(Gap {
                    from: Timestamp(from),
                    to: Timestamp(to),
                    why,
                }),
                None => drop(strange.insert(format!("gaps for an unknown reason: {why}"))),
            }
        }
    }
    number
}

fn event(
    batch: &mut EventBatch,
    logs: &BTreeMap<u32, u32>,
    line: Line<'_>,
    strange: &mut BTreeSet<String>,
) {
    let Line::Event {
        log,
        time,
        place,
        kind,
        activity,
        origin,
        recovered,
        values,
        ..
    } = line
    else {
        return;
    };
    let Some(kind) = Kind::named(&kind) else {
        strange.insert(format!("events of an unknown kind: {kind}"));
        return;
    };
    let Some(log) = logs.get(&log).copied() else {
        strange.insert("events of a log whose row is missing".to_owned());
        return;
    };
    let kept = Kept {
        kind,
        log,
        time: Timestamp(time),
        place,
        activity: activity.and_then(|a| Guid::parse(&a)).unwrap_or_default(),
        origin: origin.as_ref().map(|(p, id)| (p.as_str(), *id)),
        recovered,
    };
    let mut filling = batch.restore(&kept);
    for (name, value) in &values {
        let Some(field) = Field::named(name) else {
            strange.insert(format!("values of an unknown name: {name}"));
            continue;
        };
        match value {
            Exact::Int(n) => filling.int(field, *n),
            Exact::Flag(b) => filling.flag(field, *b),
            Exact::Ip { ip } => filling.ip(field, *ip),
            Exact::Text(text) => filling.text(field, text),
        };
    }
}
