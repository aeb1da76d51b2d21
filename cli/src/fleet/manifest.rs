//! Hashes of the files as they were handed over, for the chain of custody: a list that `sha256sum --check` reads.

use std::fs::File;
use std::io::{self, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use rdpwhy_analyzer::report::Report;
use sha2::{Digest as _, Sha256};

use super::names::Names;
use super::units::Stamp;
use crate::input::content::{Content, HEAD, recognise};

/// The list of hashes. Of an archive it holds the archive's own; those of its members stand in the reports.
pub struct Manifest {
    path: PathBuf,
    file: BufWriter<File>,
}

type Failed = (PathBuf, io::Error);

impl Manifest {
    /// Begins it.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn open(path: &Path) -> Result<Self, Failed> {
        let file = File::create(path).map_err(|e| (path.to_owned(), e))?;
        Ok(Self {
            path: path.to_owned(),
            file: BufWriter::new(file),
        })
    }

    /// Adds a host's files.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn add(&mut self, stamps: &[Stamp]) -> Result<(), Failed> {
        for stamp in stamps {
            let written = self.file.write_all(entry(stamp).as_bytes());
            written.map_err(|e| (self.path.clone(), e))?;
        }
        Ok(())
    }

    /// Writes what is left.
    ///
    /// # Errors
    /// What the system says, with the path.
    pub fn finish(mut self) -> Result<(), Failed> {
        let done = self
            .file
            .flush()
            .and_then(|()| self.file.get_ref().sync_all());
        done.map_err(|e| (self.path, e))
    }
}

/// `hash  path` and a line break; names with line breaks are escaped as coreutils do.
fn entry(stamp: &Stamp) -> String {
    let (mark, name) = escaped(&stamp.path);
    match &stamp.sha256 {
        Some(hash) => format!("{mark}{hash}  {name}\n"),
        // A comment for sha256sum.
        None => format!("# could not be read: {name}\n"),
    }
}

fn escaped(path: &str) -> (&'static str, String) {
    if path.contains(['\\', '\n', '\r']) {
        let name = path
            .replace('\\', "\\\\")
            .replace('\n', "\\n")
            .replace('\r', "\\r");
        ("\\", name)
    } else {
        ("", path.to_owned())
    }
}

/// Takes over the hashes of files that were hashed while they were read. What a compressed file holds has the same name, but
/// another hash.
pub fn add(stamps: &mut [Stamp], names: &Names, report: &Report) {
    for stamp in stamps {
        let called = names.of(stamp.path.clone());
        let read = report
            .sources
            .iter()
            .find(|s| s.path == called && s.bytes == stamp.size);
        if let Some(source) = read
            && is_plain(Path::new(&stamp.path))
        {
            stamp.sha256.clone_from(&source.sha256);
        }
    }
}

fn is_plain(path: &Path) -> bool {
    let mut head = Vec::new();
    let file = File::open(path).map(|f| f.take(HEAD as u64));
    let read = file.and_then(|mut f| f.read_to_end(&mut head));
    read.is_ok() && recognise(&head) == Content::Evidence
}

/// Hashes the files that were not read through: archives, and what is no evidence.
pub fn complete(stamps: &mut [Stamp]) {
    for stamp in stamps.iter_mut().filter(|s| s.sha256.is_none()) {
        stamp.sha256 = hash_of(stamp);
    }
}

/// The hash of a file as it is now.
pub fn hash_of(stamp: &Stamp) -> Option<String> {
    let mut file = File::open(&stamp.path).ok()?;
    let mut block = vec![0; 256 << 10];
    let mut hash = Sha256::new();
    loop {
        match file.read(&mut block) {
            Ok(0) => break,
            Ok(n) => hash.update(block.get(..n)?),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return None,
        }
    }
    Some(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_those_of_sha256sum() {
        let stamp = |path: &str, sha256: Option<&str>| Stamp {
            path: path.into(),
            size: 0,
            modified: 0,
            sha256: sha256.map(str::to_owned),
        };
        assert_eq!(entry(&stamp("a b", Some("00ff"))), "00ff  a b\n");
        assert_eq!(entry(&stamp("a\nb", Some("00ff"))), "\\00ff  a\\nb\n");
        assert_eq!(entry(&stamp("a", None)), "# could not be read: a\n");
    }
}
