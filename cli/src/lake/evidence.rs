//! Files, folders and archives as the lake asks for them.

use std::path::PathBuf;

use rdpwhy_analyzer::Source;
use rdpwhy_lake::{Opened, Opener, Unit};

use super::Reading;
use super::remote::{self, Fetched};
use crate::fleet::names::Names;
use crate::fleet::units::units;
use crate::fleet::worker::by_computer;
use crate::input::{self, Input, walk};
use crate::speaker::{Speaker, Stop};

/// Bytes of archive members that one case keeps in memory; several are in hand at a time.
const MEMORY: usize = 64 << 20;
/// Files of one case that stay open.
const OPEN_FILES: usize = 64;

/// Opens evidence.
#[derive(Default)]
pub struct Files {
    /// In the NSS format, for all cases.
    pub key_logs: Vec<Vec<u8>>,
    /// Of archives.
    pub password: Option<String>,
    /// Folder for what does not fit in memory.
    pub temporary: PathBuf,
    names: Names,
}

/// Evidence that was named on the command line.
pub struct Named {
    /// What is judged together.
    pub units: Vec<Unit>,
    /// Opens it.
    pub files: Files,
    /// Keeps what was brought from elsewhere.
    _fetched: Fetched,
}

impl Files {
    /// As the arguments say.
    pub fn of(reading: &Reading) -> Result<Self, Stop> {
        let mut key_logs = Vec::new();
        for path in &reading.keylog {
            key_logs.push(crate::evidence::key_log(path)?.text.into_bytes());
        }
        Ok(Self {
            key_logs,
            password: reading.password.clone(),
            temporary: reading.temporary(),
            names: Names::default(),
        })
    }
}

impl Opener for Files {
    fn open(&self, unit: &Unit) -> Vec<Opened> {
        let found = input::collect(
            &unit.paths,
            &input::Options {
                password: self.password.as_deref(),
                temporary: self.temporary.clone(),
                memory: MEMORY,
                open_files: OPEN_FILES,
                carve: false,
                watch: &|_| {},
            },
        );
        let secrets: Vec<Vec<u8>> = found
            .key_logs
            .into_iter()
            .map(|k| k.text.into_bytes())
            .chain(self.key_logs.iter().cloned())
            .collect();
        let told = |p: &input::Problem| self.names.of(format!("{}: {}", p.path, p.what));
        let mut problems: Vec<String> = found.problems.iter().map(told).collect();
        if found.inputs.is_empty() && problems.is_empty() {
            problems.push(format!("{}: no event log and no capture in it", unit.label));
        }
        let groups = if unit.many {
            by_computer(&unit.label, found.inputs)
        } else {
            vec![(unit.label.clone(), found.inputs)]
        };
        let source = |input: Input| Source {
            label: self.names.of(input.label),
            bytes: input.bytes,
        };
        let opened = |(label, inputs): (String, Vec<Input>)| Opened {
            label,
            sources: inputs.into_iter().map(source).collect(),
            secrets: secrets.clone(),
            // Those of an archive of many hosts are told once.
            problems: std::mem::take(&mut problems),
        };
        groups.into_iter().map(opened).collect()
    }
}

/// Finds what the paths and addresses stand for: one case, or hosts.
pub fn named(paths: &[PathBuf], reading: &Reading, say: &mut Speaker<'_>) -> Result<Named, Stop> {
    let fetched = remote::fetch(paths, &reading.temporary(), say)?;
    let mut files = Files::of(reading)?;
    files.names = Names(fetched.names());
    let units = if reading.by_host {
        hosts(&fetched.paths, reading, &mut files, say)?
    } else {
        vec![case(&fetched.paths, &files)]
    };
    Ok(Named {
        units,
        files,
        _fetched: fetched,
    })
}

fn case(paths: &[PathBuf], files: &Files) -> Unit {
    let label = |p: &PathBuf| files.names.of(walk::label_of(p));
    let labels: Vec<String> = paths.iter().map(label).collect();
    let label = match labels.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first, last] => format!("{first}, {last}"),
        [first, .., last] => format!("{first} … {last}"),
    };
    let (found, _) = walk::files(paths);
    let sizes = found
        .iter()
        .map(|f| std::fs::metadata(&f.path).map_or(0, |d| d.len()));
    Unit {
        label,
        paths: paths.to_vec(),
        many: false,
        bytes: sizes.sum(),
    }
}

fn hosts(
    paths: &[PathBuf],
    reading: &Reading,
    files: &mut Files,
    say: &mut Speaker<'_>,
) -> Result<Vec<Unit>, Stop> {
    let found = units(paths, reading.depth);
    for problem in &found.problems {
        say.warning(problem);
    }
    for path in &found.key_logs {
        let text = crate::evidence::key_log(path)?.text;
        files.key_logs.push(text.into_bytes());
    }
    let unit = |u: crate::fleet::units::Unit| Unit {
        label: files.names.of(u.label),
        paths: u.paths,
        many: u.many,
        bytes: u.bytes,
    };
    let units: Vec<Unit> = found.units.into_iter().map(unit).collect();
    if units.is_empty() {
        return Err(Stop {
            what: "no host was found: neither a folder nor an archive nor a log in it".to_owned(),
            status: crate::NOTHING_READ,
        });
    }
    Ok(units)
}
