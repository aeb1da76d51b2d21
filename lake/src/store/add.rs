//! Adding evidence: everything, or nothing.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use tempfile::TempDir;

use super::manifest::{Input, Manifest, NAME, sync_folder};
use super::part::{Written, write_sorted};
use crate::case::Case;
use crate::error::LakeError;
use crate::schema::Table;

/// Bytes of rows that are held before they are written.
const HELD: usize = 256 << 20;
/// Reasons listed of one input.
const MOST_PROBLEMS: usize = 20;
const ASIDE: &str = ".aside-";

/// A store that is being added to. Dropped without [`Adder::commit`], it leaves the store as it was.
pub struct Adder {
    store: PathBuf,
    manifest: Manifest,
    known: BTreeMap<String, String>,
    aside: TempDir,
    held: [Vec<RecordBatch>; 3],
    held_bytes: usize,
    /// Whether anything was added.
    news: bool,
    limit: usize,
    written: Vec<Written>,
    folders: u32,
    /// Told of each step; what it returns can stop the work there, which the tests need.
    watch: fn(Step) -> std::io::Result<()>,
    /// Released last.
    _lock: File,
}

/// A step after which the machine may stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Rows of a few cases lie aside.
    Written,
    /// One file is at its place.
    Placed,
    /// The new manifest is next.
    Complete,
}

/// What became of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Added {
    /// It will be in the store.
    New,
    /// It is there already, under this name.
    Known(String),
}

/// What adding did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Cases in the store now.
    pub inputs: usize,
    /// Files in the store now.
    pub parts: usize,
}

impl Adder {
    /// Opens a store to add to it, and makes it where there is none. Sweeps away what a run that broke down left.
    ///
    /// # Errors
    /// A folder that is no store and not empty, a store of another version, one that somebody else is adding to.
    pub fn open(store: &Path) -> Result<Self, LakeError> {
        Self::watched(store, |_| Ok(()), HELD)
    }

    pub(super) fn watched(
        store: &Path,
        watch: fn(Step) -> std::io::Result<()>,
        limit: usize,
    ) -> Result<Self, LakeError> {
        fs::create_dir_all(store).map_err(LakeError::io(store))?;
        if Manifest::read(store)?.is_none() && !is_ours(store)? {
            return Err(LakeError::NoStore(store.display().to_string()));
        }
        let path = store.join(".lock");
        let lock = File::options()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&path)
            .map_err(LakeError::io(&path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(LakeError::Busy(store.to_owned())),
            Err(TryLockError::Error(e)) => return Err(LakeError::io(path)(e)),
        }
        // Only now nobody else can write another one.
        let manifest = Manifest::read(store)?.unwrap_or_default();
        sweep(store, &manifest)?;
        let aside = tempfile::Builder::new().prefix(ASIDE).tempdir_in(store);
        let known = manifest.inputs.iter();
        Ok(Self {
            known: known.map(|i| (i.id.clone(), i.unit.clone())).collect(),
            store: store.to_owned(),
            manifest,
            aside: aside.map_err(LakeError::io(store))?,
            held: [const { Vec::new() }; 3],
            held_bytes: 0,
            news: false,
            limit,
            written: Vec::new(),
            folders: 0,
            watch,
            _lock: lock,
        })
    }

    /// The name under which evidence of this id is in the store.
    pub fn knows(&self, input: &str) -> Option<&str> {
        self.known.get(input).map(String::as_str)
    }

    /// Adds a case, unless it is there.
    ///
    /// # Errors
    /// What cannot be written.
    pub fn add(&mut self, case: &Case) -> Result<Added, LakeError> {
        if let Some(unit) = self.known.get(&case.input) {
            return Ok(Added::Known(unit.clone()));
        }
        self.known.insert(case.input.clone(), case.label.clone());
        self.news = true;
        let mut rows = [0; 3];
        let tables = Table::ALL.iter().zip(&mut self.held).zip(&mut rows);
        for ((table, held), rows) in tables {
            let batch = case.table(*table);
            *rows = batch.num_rows() as u64;
            self.held_bytes += batch.get_array_memory_size();
            held.push(batch.clone());
        }
        self.manifest.inputs.push(Input {
            id: case.input.clone(),
            unit: case.label.clone(),
            judged_by: env!("CARGO_PKG_VERSION").to_owned(),
            files: case.files.clone(),
            rows,
            problems: case.problems.iter().take(MOST_PROBLEMS).cloned().collect(),
            more_problems: case.problems.len().saturating_sub(MOST_PROBLEMS) as u64,
        });
        if self.held_bytes >= self.limit {
            self.flush()?;
        }
        Ok(Added::New)
    }

    /// Writes what is held aside.
    fn flush(&mut self) -> Result<(), LakeError> {
        self.held_bytes = 0;
        self.folders += 1;
        let aside = self.aside.path().join(self.folders.to_string());
        fs::create_dir(&aside).map_err(LakeError::io(&aside))?;
        for (table, held) in Table::ALL.into_iter().zip(&mut self.held) {
            let rows = std::mem::take(held);
            self.written.extend(write_sorted(table, &rows, &aside)?);
        }
        self.step(Step::Written)
    }

    /// Makes all of it count.
    ///
    /// # Errors
    /// What cannot be written; the store is then as it was.
    pub fn commit(mut self) -> Result<Outcome, LakeError> {
        if !self.news {
            return Ok(self.unchanged());
        }
        self.flush()?;
        let paths = self.manifest.paths();
        // Rows that are the same to the byte are in the store already.
        let new: Vec<&Written> = self
            .written
            .iter()
            .filter(|w| !paths.contains(w.part.path.as_str()))
            .collect();
        let mut parts = self.manifest.parts.clone();
        for written in new {
            written.place(&self.store)?;
            parts.push(written.part.clone());
            self.step(Step::Placed)?;
        }
        parts.sort();
        parts.dedup();
        self.manifest.parts = parts;
        env!("CARGO_PKG_VERSION").clone_into(&mut self.manifest.written_by);
        sync_folder(&self.store)?;
        self.step(Step::Complete)?;
        self.manifest.write(&self.store)?;
        Ok(Outcome {
            inputs: self.manifest.inputs.len(),
            parts: self.manifest.parts.len(),
        })
    }

    /// Nothing was added. Where there was no store, there is none.
    fn unchanged(self) -> Outcome {
        let outcome = Outcome {
            inputs: self.manifest.inputs.len(),
            parts: self.manifest.parts.len(),
        };
        let store = self.store.clone();
        let made = outcome == Outcome::default();
        drop(self);
        if made {
            // What is not empty stays.
            let _ = fs::remove_file(store.join(".lock"));
            let _ = fs::remove_dir(store);
        }
        outcome
    }

    fn step(&self, step: Step) -> Result<(), LakeError> {
        (self.watch)(step).map_err(LakeError::io(&self.store))
    }
}

/// Whether a folder without a manifest is empty, or holds only what a run that broke down before its first one left.
fn is_ours(store: &Path) -> Result<bool, LakeError> {
    let ours = |name: &str| {
        name == ".lock"
            || name == format!(".{NAME}.new")
            || name.starts_with(ASIDE)
            || Table::ALL.iter().any(|t| t.name() == name)
    };
    let mut names = Vec::new();
    for entry in fs::read_dir(store).map_err(LakeError::io(store))? {
        let entry = entry.map_err(LakeError::io(store))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    // A folder of somebody's with a folder "event" in it is not ours: the lock is made before anything else.
    let locked = names.iter().any(|n| n == ".lock");
    Ok(names.is_empty() || locked && names.iter().all(|n| ours(n)))
}

/// Removes what does not count.
fn sweep(store: &Path, manifest: &Manifest) -> Result<(), LakeError> {
    for path in strays(store, manifest)? {
        let gone = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        gone.map_err(LakeError::io(path))?;
    }
    Ok(())
}

/// What lies in a store and does not count: leftovers, and Parquet files that no manifest names.
pub(super) fn strays(store: &Path, manifest: &Manifest) -> Result<Vec<PathBuf>, LakeError> {
    let list = |folder: &Path| -> Result<Vec<PathBuf>, LakeError> {
        match fs::read_dir(folder) {
            Ok(entries) => entries
                .map(|e| e.map(|e| e.path()).map_err(LakeError::io(folder)))
                .collect(),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(LakeError::io(folder)(e)),
        }
    };
    let name = |path: &Path| {
        let name = path.file_name().unwrap_or_default();
        name.to_string_lossy().into_owned()
    };
    let mut strays: Vec<PathBuf> = list(store)?
        .into_iter()
        .filter(|p| name(p).starts_with(ASIDE) || name(p) == format!(".{NAME}.new"))
        .collect();
    let known = manifest.paths();
    for table in Table::ALL {
        for day in list(&store.join(table.name()))? {
            for file in list(&day)? {
                let path = format!("{}/{}/{}", table.name(), name(&day), name(&file));
                let is_part = file.extension().is_some_and(|e| e == "parquet");
                if is_part && !known.contains(path.as_str()) {
                    strays.push(file);
                }
            }
        }
    }
    strays.sort();
    Ok(strays)
}

#[cfg(test)]
mod tests;
