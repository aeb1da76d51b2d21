//! The results file and the journal beside it: what is written, and of which files, so that a run can be taken up again.
//!
//! A host's lines are written, then its entry in the journal, with where the lines end. After a crash or a full disk the
//! file is cut back to the last end that the journal knows: nothing is written twice, and nothing is lost that was there.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::units::Stamp;

/// First line of a journal. `settings` are those that change results.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
struct Head {
    journal: String,
    version: String,
    settings: String,
}

/// A host whose lines are written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Entry {
    /// Its label.
    pub unit: String,
    /// Its files when it was analysed.
    pub files: Vec<Stamp>,
    /// Where its lines begin in the results.
    pub start: u64,
    /// Where they end.
    pub end: u64,
}

const SCHEMA: &str = "rdpwhy.fleet-journal/1";

/// The results file with its journal.
pub struct Results {
    path: PathBuf,
    file: File,
    journal: Option<File>,
    end: u64,
}

/// Lines of hosts from an earlier run, by label.
#[derive(Default)]
pub struct Earlier {
    entries: HashMap<String, Entry>,
    file: Option<File>,
}

/// The journal of these results.
pub fn journal_of(results: &Path) -> PathBuf {
    let mut name = results.as_os_str().to_owned();
    name.push(".journal");
    name.into()
}

impl Earlier {
    /// Reads what an earlier run left. Its results are moved into a temporary file first, from which they come back host by
    /// host.
    ///
    /// # Errors
    /// What the system says, and when the journal belongs to other settings.
    pub fn read(results: &Path, settings: &str, temporary: &Path) -> io::Result<Self> {
        let journal = match File::open(journal_of(results)) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(e),
        };
        let mut lines = BufReader::new(journal).lines();
        let head: Option<Head> = match lines.next() {
            Some(line) => serde_json::from_str(&line?).ok(),
            None => return Ok(Self::default()),
        };
        let same = |h: &Head| *h == Head::of(settings);
        if !head.as_ref().is_some_and(same) {
            let what = "the journal was written by another version or with other settings; without --resume all hosts are analysed anew";
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let mut from = match File::open(results) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(e),
        };
        let size = from.metadata()?.len();
        let mut entries = HashMap::new();
        for line in lines {
            // The last line may be torn; what it told of is then done again.
            let Ok(entry) = serde_json::from_str::<Entry>(&line?) else {
                break;
            };
            if entry.start <= entry.end && entry.end <= size {
                entries.insert(entry.unit.clone(), entry);
            }
        }
        let mut file = tempfile::tempfile_in(temporary)?;
        io::copy(&mut from, &mut file)?;
        Ok(Self {
            entries,
            file: Some(file),
        })
    }

    /// How many hosts there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The lines of a host whose files are the same still; `hash` computes a file's hash where only its time differs.
    pub fn lines(
        &mut self,
        unit: &str,
        files: &[Stamp],
        hash: impl Fn(&Stamp) -> Option<String>,
    ) -> io::Result<Option<(Vec<u8>, Vec<Stamp>)>> {
        let Some(entry) = self.entries.get(unit) else {
            return Ok(None);
        };
        let same = |(then, now): (&Stamp, &Stamp)| {
            then.path == now.path
                && then.size == now.size
                && (then.modified == now.modified
                    || then
                        .sha256
                        .as_ref()
                        .is_some_and(|h| hash(now).as_ref() == Some(h)))
        };
        if entry.files.len() != files.len() || !entry.files.iter().zip(files).all(same) {
            return Ok(None);
        }
        let Some(file) = &mut self.file else {
            return Ok(None);
        };
        let length = usize::try_from(entry.end - entry.start).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        file.seek(SeekFrom::Start(entry.start))?;
        file.read_exact(&mut bytes)?;
        // The hashes of then go on; the times are those of now.
        let stamps = files.iter().zip(&entry.files).map(|(now, then)| Stamp {
            sha256: then.sha256.clone(),
            ..now.clone()
        });
        Ok(Some((bytes, stamps.collect())))
    }
}

impl Head {
    fn of(settings: &str) -> Self {
        Self {
            journal: SCHEMA.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: settings.to_owned(),
        }
    }
}

impl Results {
    /// Begins the results anew. A device or pipe has no journal.
    ///
    /// # Errors
    /// What the system says.
    pub fn create(path: &Path, settings: &str) -> io::Result<Self> {
        // The journal first: one that tells of lines that are gone would be wrong.
        let journal = if is_regular(path) {
            let mut journal = File::create(journal_of(path))?;
            line(&mut journal, &Head::of(settings))?;
            Some(journal)
        } else {
            None
        };
        Self::open(path, journal)
    }

    /// Begins the results anew, and keeps no journal of which files they are of. One that lay there is removed: it told of
    /// lines that are gone.
    ///
    /// # Errors
    /// What the system says.
    pub fn without_journal(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(journal_of(path)) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        Self::open(path, None)
    }

    fn open(path: &Path, journal: Option<File>) -> io::Result<Self> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(is_regular(path))
            .open(path)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            journal,
            end: 0,
        })
    }

    /// Writes the lines of a host.
    ///
    /// # Errors
    /// What the system says; the file is then cut back to the host before, and the journal knows of no more.
    pub fn write(&mut self, unit: &str, files: Vec<Stamp>, lines: &[u8]) -> io::Result<()> {
        let start = self.end;
        let end = start + lines.len() as u64;
        let written = self.file.write_all(lines).and_then(|()| {
            let entry = Entry {
                unit: unit.to_owned(),
                files,
                start,
                end,
            };
            match &mut self.journal {
                Some(journal) => line(journal, &entry),
                None => Ok(()),
            }
        });
        match written {
            Ok(()) => self.end = end,
            Err(_) if self.journal.is_some() => {
                let _ = self.file.set_len(start);
                let _ = self.file.seek(SeekFrom::Start(start));
            }
            Err(_) => {}
        }
        written
    }

    /// Makes sure that all of it is on the disk.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(&mut self) -> io::Result<()> {
        match &self.journal {
            Some(journal) => {
                self.file.sync_all()?;
                journal.sync_all()
            }
            None => Ok(()),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn is_regular(path: &Path) -> bool {
    std::fs::metadata(path).map_or(true, |d| d.is_file())
}

/// Writes an object and a line break in one go, so that a line is there or is not.
fn line(to: &mut File, object: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec(object).map_err(io::Error::other)?;
    bytes.push(b'\n');
    to.write_all(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(modified: u64, sha256: Option<&str>) -> Vec<Stamp> {
        vec![Stamp {
            path: "a/System.evtx".into(),
            size: 7,
            modified,
            sha256: sha256.map(str::to_owned),
        }]
    }

    #[test]
    fn a_torn_end_is_done_again_and_changes_are_seen() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("results.jsonl");
        let mut results = Results::create(&path, "x").expect("created");
        results
            .write("a", stamp(1, Some("h")), b"one\n")
            .expect("a");
        results.write("b", stamp(1, None), b"two\n").expect("b");
        // As a crash leaves it: half a line of the next host, half an entry.
        let append = |path: &Path, bytes: &[u8]| {
            let mut file = OpenOptions::new().append(true).open(path).expect("there");
            file.write_all(bytes).expect("written");
        };
        append(&path, b"{\"typ");
        append(&journal_of(&path), b"{\"unit\":\"c\",\"fi");

        let mut earlier = Earlier::read(&path, "x", folder.path()).expect("reads");
        assert_eq!(earlier.len(), 2);
        let mut lines = |unit: &str, now: &[Stamp], hash: Option<&str>| {
            let hash = hash.map(str::to_owned);
            let found = earlier.lines(unit, now, |_| hash.clone()).expect("reads");
            found.map(|(bytes, _)| String::from_utf8(bytes).expect("text"))
        };
        assert_eq!(lines("a", &stamp(1, None), None).as_deref(), Some("one\n"));
        assert_eq!(lines("b", &stamp(1, None), None).as_deref(), Some("two\n"));
        assert_eq!(lines("c", &stamp(1, None), None), None);
        // Touched: by time changed, by hash not.
        assert_eq!(
            lines("a", &stamp(2, None), Some("h")).as_deref(),
            Some("one\n")
        );
        assert_eq!(lines("a", &stamp(2, None), Some("g")), None);
        assert_eq!(lines("b", &stamp(2, None), Some("h")), None);
        let other = Earlier::read(&path, "y", folder.path());
        assert!(other.is_err(), "other settings give other results");
    }
}
