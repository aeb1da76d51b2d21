//! How evidence comes in: this crate opens no evidence files itself.

use std::path::PathBuf;

use rdpwhy_analyzer::Source;

/// Evidence that is judged together: a case, or one host of many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// What it is called.
    pub label: String,
    /// Its files, folders and archives.
    pub paths: Vec<PathBuf>,
    /// Whether it is an archive that may hold many hosts.
    pub many: bool,
    /// Bytes of its files.
    pub bytes: u64,
}

/// A unit whose files are open.
#[derive(Default)]
pub struct Opened {
    /// What it is called: the unit, or one host of it.
    pub label: String,
    /// Its logs and captures.
    pub sources: Vec<Source>,
    /// Its key logs, in the NSS format.
    pub secrets: Vec<Vec<u8>>,
    /// What could not be opened, a line each.
    pub problems: Vec<String>,
}

/// Opens evidence.
pub trait Opener: Send + Sync {
    /// Opens a unit; more than one comes out of an archive of many hosts.
    fn open(&self, unit: &Unit) -> Vec<Opened>;
}
