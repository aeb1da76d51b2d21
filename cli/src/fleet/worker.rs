//! One host: from its paths to its lines.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rdpwhy_analyzer::identities::Identities;
use rdpwhy_analyzer::report::Report;
use rdpwhy_analyzer::{Knowledge, Options};

use super::gate::{Gate, Pass};
use super::journal::Earlier;
use super::line::{self, Line};
use super::manifest;
use super::names::Names;
use super::units::{Stamp, Unit, computer};
use super::veiled;
use crate::args::Reading;
use crate::engine;
use crate::input::content::HEAD;
use crate::input::{self, Found, Input, KeyLog, Problem};
use crate::interrupt;
use crate::progress::Progress;
use crate::render::json;

/// Files that all hosts in hand may have open together.
const OPEN_FILES: usize = 512;

/// What every host is analysed with.
pub struct Worker<'a> {
    pub units: &'a [Unit],
    pub earlier: Mutex<Earlier>,
    pub knowledge: &'a Knowledge,
    pub limits: &'a Options,
    pub key_logs: &'a [KeyLog],
    pub reading: &'a Reading,
    pub temporary: &'a Path,
    pub gate: &'a Gate,
    /// Bytes of archive members that one host may keep in memory.
    pub memory: usize,
    /// Hosts in hand at a time.
    pub parallel: usize,
    pub progress: &'a Progress,
    /// What evidence is called that lies elsewhere than where the user said.
    pub names: &'a Names,
    /// What could not be brought from there.
    pub missing: &'a [Problem],
}

impl Worker<'_> {
    /// Waits until there is room for a host.
    pub fn admit(&self, n: usize) -> Pass<'_> {
        self.gate.enter(self.units.get(n).map_or(0, |u| u.bytes))
    }

    /// The files and lines of a host; none when the work was broken off.
    pub fn work(&self, n: usize) -> Option<(Vec<Stamp>, Vec<u8>)> {
        let unit = self.units.get(n)?;
        let heard = OfUnit {
            progress: self.progress,
            left: AtomicU64::new(unit.bytes),
        };
        let stamps = unit.stamps();
        let done = self
            .known(unit, &stamps)
            .or_else(|| self.analyse(unit, stamps, &heard));
        self.progress.bytes(heard.left.load(Ordering::Relaxed));
        self.progress.host(unit.files);
        done
    }

    /// Lines that an earlier run wrote of the same files.
    pub fn known(&self, unit: &Unit, stamps: &[Stamp]) -> Option<(Vec<Stamp>, Vec<u8>)> {
        let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        let found = earlier.lines(&unit.label, stamps, manifest::hash_of);
        // What cannot be read back is done again.
        let (bytes, stamps) = found.ok().flatten()?;
        // A run that wants hashes takes none of one without.
        let hashed = !self.limits.hash || stamps.iter().all(|s| s.sha256.is_some());
        hashed.then_some((stamps, bytes))
    }

    fn analyse(
        &self,
        unit: &Unit,
        mut stamps: Vec<Stamp>,
        heard: &OfUnit<'_>,
    ) -> Option<(Vec<Stamp>, Vec<u8>)> {
        // Nothing a host holds may stop the others, not even a mistake of this program.
        let mut named = Identities::default();
        let lines = catch_unwind(AssertUnwindSafe(|| {
            self.lines(unit, &mut stamps, heard, &mut named)
        }));
        if interrupt::asked() {
            return None;
        }
        let lines = lines.unwrap_or_else(|_| {
            let why = "the analysis broke down: a mistake in this program, please report it";
            vec![line::unreadable(&unit.label, &[why.to_owned()])]
        });
        if self.limits.hash {
            manifest::complete(&mut stamps);
        }
        for stamp in &mut stamps {
            stamp.path = self.names.of(std::mem::take(&mut stamp.path));
        }
        let mut bytes = Vec::new();
        if self.limits.identities {
            bytes.extend(veiled::named(&named).into_bytes());
        }
        for line in &lines {
            // Lines hold nothing that does not serialise.
            bytes.extend(json::line(line).unwrap_or_default().into_bytes());
        }
        Some((stamps, bytes))
    }

    fn lines(
        &self,
        unit: &Unit,
        stamps: &mut [Stamp],
        heard: &OfUnit<'_>,
        named: &mut Identities,
    ) -> Vec<Line> {
        let found = input::collect(
            &unit.paths,
            &input::Options {
                password: self.reading.password.as_deref(),
                temporary: self.temporary.to_owned(),
                memory: self.memory,
                open_files: OPEN_FILES / self.parallel,
                carve: self.reading.carve,
                watch: &|label| self.progress.source(label),
            },
        );
        let Found {
            mut inputs,
            key_logs,
            mut problems,
            ignored,
        } = found;
        problems.extend_from_slice(self.missing);
        for input in &mut inputs {
            input.label = self.names.of(std::mem::take(&mut input.label));
        }
        for problem in &mut problems {
            problem.path = self.names.of(std::mem::take(&mut problem.path));
        }
        let key_logs: Vec<KeyLog> = key_logs.into_iter().chain(self.key_logs.to_vec()).collect();
        if inputs.is_empty() {
            let told = problems.iter().map(|p| format!("{}: {}", p.path, p.what));
            let mut told: Vec<String> = told.collect();
            if told.is_empty() {
                let kinds: Vec<String> =
                    ignored.iter().map(|(k, n)| format!("{n} × {k}")).collect();
                told.push(if kinds.is_empty() {
                    "there is no file in it".to_owned()
                } else {
                    format!(
                        "no event log and no capture in it, but {}",
                        kinds.join(", ")
                    )
                });
            }
            return vec![line::unreadable(&unit.label, &told)];
        }
        let groups = if unit.many {
            by_computer(&unit.label, inputs)
        } else {
            vec![(unit.label.clone(), inputs)]
        };
        let mut lines = Vec::new();
        for (nth, (label, inputs)) in groups.into_iter().enumerate() {
            let of_this: Vec<_> = problems.iter().filter(|_| nth == 0).cloned().collect();
            match self.report(inputs, &key_logs, heard) {
                Ok(mut report) => {
                    named.extend(std::mem::take(&mut report.identities));
                    manifest::add(stamps, self.names, &report);
                    lines.extend(line::lines(&label, &report, &of_this));
                }
                Err(why) => lines.push(line::unreadable(&label, &[why])),
            }
        }
        lines
    }

    fn report(
        &self,
        inputs: Vec<Input>,
        key_logs: &[KeyLog],
        heard: &OfUnit<'_>,
    ) -> Result<Report, String> {
        engine::analyze(
            inputs,
            key_logs.to_vec(),
            self.limits,
            self.knowledge,
            heard,
        )
    }
}

/// The members of an archive of many hosts by the computer whose they are; what names no computer comes first, together.
pub fn by_computer(label: &str, inputs: Vec<Input>) -> Vec<(String, Vec<Input>)> {
    let mut groups: BTreeMap<String, Vec<Input>> = BTreeMap::new();
    for input in inputs {
        let mut head = vec![0; HEAD];
        let n = input.bytes.fill_at(0, &mut head).unwrap_or(0);
        head.truncate(n);
        let name = computer(input.bytes.as_ref(), &head).unwrap_or_default();
        groups.entry(name).or_default().push(input);
    }
    // A capture beside the logs of one host belongs to it.
    if groups.len() <= 2 {
        let all = groups.into_values().flatten().collect();
        return vec![(label.to_owned(), all)];
    }
    let named = |(name, inputs): (String, Vec<Input>)| match name.as_str() {
        "" => (label.to_owned(), inputs),
        name => (format!("{label}: {name}"), inputs),
    };
    groups.into_iter().map(named).collect()
}

/// The progress of one host: what its archives hold is more than they are.
struct OfUnit<'a> {
    progress: &'a Progress,
    left: AtomicU64,
}

impl rdpwhy_analyzer::Progress for OfUnit<'_> {
    fn bytes(&self, n: u64) {
        let take = |left: u64| Some(left.saturating_sub(n));
        let before = self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        let left = before.unwrap_or_else(|left| left);
        self.progress.bytes(left.min(n));
    }

    fn source(&self, label: &str) {
        self.progress.source(label);
    }

    fn stopped(&self) -> bool {
        interrupt::asked()
    }
}
