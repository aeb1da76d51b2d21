//! Files, folders and archives as the lake asks for them.

use std::path::PathBuf;

use rdpwhy_analyzer::Source;
use rdpwhy_lake::{Opened, Opener, Unit};

use super::Reading;
use crate::diagnose::{Speaker, Stop};
use crate::fleet::units::units;
use crate::fleet::worker::by_computer;
use crate::input::{self, Input, walk};

/// Opens evidence.
pub struct Files {
    pub key_logs: Vec<Vec<u8>>,
    pub password: Option<String>,
    pub temporary: PathBuf,
}

/// Bytes of archive members that one case keeps in memory; several are in hand at a time.
const MEMORY: usize = 64 << 20;
/// Files of one case that stay open.
const OPEN_FILES: usize = 64;

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
        let mut problems: Vec<String> = found
            .problems
            .iter()
            .map(|p| format!("{}: {}", p.path, p.what))
            .collect();
        if found.inputs.is_empty() && problems.is_empty() {
            problems.push(format!("{}: no event log and no capture in it", unit.label));
        }
        let groups = if unit.many {
            by_computer(&unit.label, found.inputs)
        } else {
            vec![(unit.label.clone(), found.inputs)]
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

fn source(input: Input) -> Source {
    Source {
        label: input.label,
        bytes: input.bytes,
    }
}

/// What the paths stand for: one case, or hosts.
pub fn cases(
    paths: &[PathBuf],
    reading: &Reading,
    say: &mut Speaker<'_>,
) -> Result<(Vec<Unit>, Vec<PathBuf>), Stop> {
    if !reading.by_host {
        let labels: Vec<String> = paths.iter().map(|p| walk::label_of(p)).collect();
        let label = match labels.as_slice() {
            [] => return Err(Stop::usage("no evidence is named")),
            [one] => one.clone(),
            [first, .., last] if labels.len() > 2 => format!("{first} … {last}"),
            [first, .., last] => format!("{first}, {last}"),
        };
        let case = Unit {
            label,
            paths: paths.to_vec(),
            many: false,
        };
        return Ok((vec![case], Vec::new()));
    }
    let found = units(paths, reading.depth);
    for problem in &found.problems {
        say.warning(problem);
    }
    let unit = |u: crate::fleet::units::Unit| Unit {
        label: u.label,
        paths: u.paths,
        many: u.many,
    };
    let units: Vec<Unit> = found.units.into_iter().map(unit).collect();
    if units.is_empty() {
        return Err(Stop {
            what: "no host was found: neither a folder nor an archive nor a log in it".to_owned(),
            status: crate::NOTHING_READ,
        });
    }
    Ok((units, found.key_logs))
}
