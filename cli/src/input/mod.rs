//! From the PATHs of the command line to bytes with labels.
//!
//! A path is a file, a folder, an archive or `-`; what each holds is told by its content ([`content`]). Nothing here
//! fails as a whole: what cannot be read becomes a [`Problem`], and the rest goes on. The result does not depend on the
//! order of the paths.

mod archive;
mod carve;
pub mod content;
pub mod limits;
pub mod source;
pub use source::FileSource;
mod unpack;
pub(crate) mod walk;
mod zstandard;

use std::collections::BTreeMap;
use std::path::PathBuf;

use rdpwhy_parsers::ReadAt;

/// One event log or capture.
pub struct Input {
    /// Path as given, `/` as separator, `archive.zip!member` for members.
    pub label: String,
    /// Its bytes.
    pub bytes: Box<dyn ReadAt>,
}

/// Something that could not be read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Label of the file or member.
    pub path: String,
    /// What is wrong with it, lower case.
    pub what: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Problem {
    fn new(path: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            what: what.into(),
            advice: None,
        }
    }

    fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// Bytes of unpacked members that one case keeps in memory.
pub const MEMORY: usize = 512 << 20;

/// Files of one case that stay open. Beyond it they are opened for each read, which costs microseconds against reads of
/// 64 KiB and more; most systems stop a process at 1,024 open files, and a triage folder can hold more logs than that.
pub const OPEN_FILES: usize = 256;

/// TLS secrets found among the paths.
#[derive(Debug, Clone)]
pub struct KeyLog {
    /// Label of the file or member.
    pub label: String,
    /// Its text.
    pub text: String,
}

/// All that the paths hold.
#[derive(Default)]
pub struct Found {
    /// Evidence, sorted by label.
    pub inputs: Vec<Input>,
    /// Key logs, sorted by label.
    pub key_logs: Vec<KeyLog>,
    /// What could not be read, sorted by path.
    pub problems: Vec<Problem>,
    /// Files in folders and archives that are no evidence, counted by what they are.
    pub ignored: BTreeMap<&'static str, u64>,
}

/// How to read the paths.
pub struct Options<'a> {
    /// For encrypted archives.
    pub password: Option<&'a str>,
    /// Folder for what does not fit in memory.
    pub temporary: PathBuf,
    /// Bytes of unpacked members that are kept in memory; what is more goes to the temporary file.
    pub memory: usize,
    /// Files that stay open.
    pub open_files: usize,
    /// Whether files that hold nothing else are searched for pieces of event logs.
    pub carve: bool,
    /// Told the label of each file and member before it is read.
    pub watch: &'a dyn Fn(&str),
}

/// Reads the paths.
pub fn collect(paths: &[PathBuf], options: &Options<'_>) -> Found {
    let mut found = Found::default();
    let (files, problems) = walk::files(paths);
    found.problems = problems;
    unpack::Unpacker::new(options, &mut found).files(&files);
    name_apart(&mut found.inputs);
    found.inputs.sort_by(|a, b| a.label.cmp(&b.label));
    found.key_logs.sort_by(|a, b| a.label.cmp(&b.label));
    found.problems.sort();
    found
}

/// Looks into bytes at hand as [`collect`] does into a file of this name.
pub fn look_into(label: &str, bytes: Box<dyn ReadAt>, options: &Options<'_>) -> Found {
    let mut found = Found::default();
    unpack::Unpacker::new(options, &mut found).bytes(label, bytes);
    name_apart(&mut found.inputs);
    found
}

/// An archive may hold two members of one name (a collection appended to itself), and then a label would not say which.
fn name_apart(inputs: &mut [Input]) {
    let mut seen = BTreeMap::<String, u32>::new();
    for input in inputs {
        let n = seen.entry(input.label.clone()).or_default();
        *n += 1;
        if *n > 1 {
            input.label = format!("{} ({n})", input.label);
        }
    }
}
