//! Which hosts the paths stand for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rdpwhy_parsers::{ReadAt, evtx};
use serde::{Deserialize, Serialize};

use crate::input::content::{Content, HEAD, recognise};
use crate::input::{FileSource, Problem, walk};

/// One host's evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// What it is called: its path, or the folder and the computer.
    pub label: String,
    /// Where its files are.
    pub paths: Vec<PathBuf>,
    /// Whether it is an archive that the user named, which may hold many hosts.
    pub many: bool,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Where it is when it is not here: an address, and the files there.
    pub from: Option<(String, Vec<Stamp>)>,
}

/// All hosts below the paths, by label, with what could not be listed.
#[derive(Debug, Default)]
pub struct Units {
    /// The hosts.
    pub units: Vec<Unit>,
    /// Key logs that lie beside them.
    pub key_logs: Vec<PathBuf>,
    /// What could not be listed.
    pub problems: Vec<Problem>,
}

/// A file as the journal remembers it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Its label.
    pub path: String,
    /// Its bytes.
    pub size: u64,
    /// When it was changed last, nanoseconds since 1970; 0 where nobody knows.
    pub modified: u64,
    /// SHA-256, where it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// Finds the hosts. Hosts are `depth` folders below a path that is a folder.
pub fn units(paths: &[PathBuf], depth: usize) -> Units {
    let mut found = Units::default();
    let mut paths: Vec<&PathBuf> = paths.iter().collect();
    paths.sort();
    for path in paths {
        match fs::metadata(path) {
            Err(e) => found
                .problems
                .push(walk::problem(&walk::label_of(path), &e)),
            Ok(data) if data.is_dir() => found.folder(path, depth),
            Ok(_) => found.add(walk::label_of(path), vec![path.clone()], true),
        }
    }
    found.units.sort_by(|a, b| a.label.cmp(&b.label));
    found.units.dedup_by(|a, b| a.label == b.label);
    found
}

impl Units {
    fn folder(&mut self, folder: &Path, depth: usize) {
        let label = walk::label_of(folder);
        let listed = fs::read_dir(folder).and_then(Iterator::collect::<std::io::Result<Vec<_>>>);
        let mut entries: Vec<PathBuf> = match listed {
            Ok(entries) => entries.into_iter().map(|e| e.path()).collect(),
            Err(e) => return self.problems.push(walk::problem(&label, &e)),
        };
        entries.sort();
        let mut loose: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        for path in entries {
            match fs::metadata(&path) {
                Ok(data) if data.is_dir() && depth > 1 => self.folder(&path, depth - 1),
                Ok(data) if data.is_dir() => self.add(walk::label_of(&path), vec![path], false),
                Ok(data) if data.is_file() => self.file(&label, path, &mut loose),
                // A link to nowhere and a pipe are nobody's evidence.
                Ok(_) => {}
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => self.unreadable(&path, &e),
            }
        }
        for (label, paths) in loose {
            self.add(label, paths, false);
        }
    }

    /// A host that cannot be opened is a host of which nothing can be read, and is told as such in its place.
    fn unreadable(&mut self, path: &Path, error: &std::io::Error) {
        self.problems
            .push(walk::problem(&walk::label_of(path), error));
    }

    fn file(&mut self, folder: &str, path: PathBuf, loose: &mut BTreeMap<String, Vec<PathBuf>>) {
        let mut head = vec![0; HEAD];
        let source = match FileSource::open(&path, true) {
            Ok(source) => source,
            Err(e) => return self.unreadable(&path, &e),
        };
        let n = match source.fill_at(0, &mut head) {
            Ok(n) => n,
            Err(e) => return self.unreadable(&path, &e),
        };
        head.truncate(n);
        match recognise(&head) {
            Content::KeyLog => self.key_logs.push(path),
            Content::Evidence => match computer(&source, &head) {
                // One log per host side by side, or a few of each: told by their records.
                Some(name) => loose
                    .entry(format!("{folder}: {name}"))
                    .or_default()
                    .push(path),
                None => self.add(walk::label_of(&path), vec![path], false),
            },
            Content::Empty | Content::Other(_) => {}
            _ => self.add(walk::label_of(&path), vec![path], false),
        }
    }

    fn add(&mut self, label: String, paths: Vec<PathBuf>, many: bool) {
        let (files, _) = walk::files(&paths);
        let sizes = files
            .iter()
            .map(|f| fs::metadata(&f.path).map_or(0, |d| d.len()));
        self.units.push(Unit {
            label,
            bytes: sizes.sum(),
            files: files.len() as u64,
            paths,
            many,
            from: None,
        });
    }
}

impl Unit {
    /// Its files as they are now, or as they were listed elsewhere.
    pub fn stamps(&self) -> Vec<Stamp> {
        if let Some((_, stamps)) = &self.from {
            return stamps.clone();
        }
        let (files, _) = walk::files(&self.paths);
        files
            .into_iter()
            .map(|f| {
                let data = fs::metadata(&f.path).ok();
                let modified = data
                    .as_ref()
                    .and_then(|d| d.modified().ok()?.duration_since(UNIX_EPOCH).ok())
                    .and_then(|d| u64::try_from(d.as_nanos()).ok());
                Stamp {
                    path: f.label,
                    size: data.map_or(0, |d| d.len()),
                    modified: modified.unwrap_or(0),
                    sha256: None,
                }
            })
            .collect()
    }
}

/// The computer that wrote the last records of an event log: a host that was renamed is called by its new name. None where
/// several did, as in a collector's log, and for anything else.
pub fn computer(source: &dyn ReadAt, head: &[u8]) -> Option<String> {
    if !evtx::looks_like(head) {
        return None;
    }
    let (plan, _) = evtx::plan(source);
    let last = (0..plan.len()).rev().take(3);
    let batches = last.map(|n| evtx::read_chunks(source, &plan, n..n + 1));
    let mut names = batches
        .map(|b| {
            let mut names: Vec<String> = b.logs.iter().map(|l| l.host.to_lowercase()).collect();
            names.retain(|n| !n.is_empty());
            names.sort();
            names.dedup();
            names
        })
        .find(|names| !names.is_empty())?;
    let name = names.pop()?;
    names.is_empty().then_some(name)
}
