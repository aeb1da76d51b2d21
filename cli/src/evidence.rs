//! What every command that reads evidence does first and last: finds it, says what could not be read, and puts its text
//! where it was asked for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};

use rdpwhy_analyzer::report::Report;

use crate::args::{ProgressMode, Reading};
use crate::input::content::{Content, recognise};
use crate::input::{self, Found, Input, KeyLog, Problem};
use crate::output::Output;
use crate::progress::{Mode, Progress};
use crate::speaker::{Speaker, Stop, cannot_write};
use crate::{NOTHING_READ, put};

/// Where evidence is, and how it is opened.
pub(crate) struct Wanted<'a> {
    pub paths: &'a [PathBuf],
    pub reading: &'a Reading,
    pub progress: ProgressMode,
}

/// What was found there; nothing is read yet.
pub(crate) struct Gathered {
    pub inputs: Vec<Input>,
    pub key_logs: Vec<KeyLog>,
    pub problems: Vec<Problem>,
    pub ignored: BTreeMap<&'static str, u64>,
    pub progress: Progress,
}

/// Finds the evidence.
///
/// # Errors
/// A key log that cannot be read, or no evidence at all.
pub(crate) fn gather(wanted: &Wanted<'_>, say: &mut Speaker<'_>) -> Result<Gathered, Stop> {
    let mut key_logs = Vec::new();
    let reading = wanted.reading;
    for path in &reading.keylog {
        key_logs.push(key_log(path)?);
    }
    let progress = Progress::new(
        Mode::of(wanted.progress, say.surroundings.progress),
        say.surroundings.charset,
    );
    let Found {
        inputs,
        key_logs: more,
        problems,
        ignored,
    } = input::collect(
        wanted.paths,
        &input::Options {
            password: reading.password.as_deref(),
            temporary: reading.temporary(),
            memory: input::MEMORY,
            open_files: input::OPEN_FILES,
            carve: reading.carve,
            watch: &|label| progress.source(label),
        },
    );
    key_logs.extend(more);
    if inputs.is_empty() {
        progress.finish();
        return Err(nothing(wanted.paths, &problems, &ignored, say));
    }
    progress.total(
        0,
        inputs.len() as u64,
        inputs.iter().map(|i| i.bytes.size()).sum(),
    );
    Ok(Gathered {
        inputs,
        key_logs,
        problems,
        ignored,
        progress,
    })
}

/// A file that `--keylog` names.
///
/// # Errors
/// When it cannot be read, or is no key log.
pub(crate) fn key_log(path: &Path) -> Result<KeyLog, Stop> {
    let label = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|e| Stop::usage(format!("--keylog {label}: {e}")))?;
    let head = bytes.get(..input::content::HEAD).unwrap_or(&bytes);
    if recognise(head) != Content::KeyLog {
        return Err(Stop::usage(format!(
            "--keylog {label}: is no key log: expected lines such as CLIENT_RANDOM …"
        )));
    }
    Ok(KeyLog {
        label,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    })
}

/// Says why there is nothing to analyse.
fn nothing(
    paths: &[PathBuf],
    problems: &[Problem],
    ignored: &BTreeMap<&'static str, u64>,
    say: &mut Speaker<'_>,
) -> Stop {
    for problem in problems {
        say.warning(problem);
    }
    let looked_at: u64 = ignored.values().sum();
    let mut what = String::from("no event log and no capture could be read");
    if looked_at > 0 {
        let kinds: Vec<String> = ignored
            .iter()
            .map(|(kind, n)| format!("{n} × {kind}"))
            .collect();
        let files = if looked_at == 1 { "file" } else { "files" };
        let _ = write!(
            what,
            "; looked at {looked_at} other {files}: {}",
            kinds.join(", ")
        );
    } else if problems.is_empty() {
        let paths: Vec<String> = paths.iter().map(|p| p.display().to_string()).collect();
        let _ = write!(what, ": {} holds no file", paths.join(", "));
    }
    Stop {
        what,
        status: NOTHING_READ,
    }
}

/// Whether none of a report's sources held anything.
pub(crate) fn is_unreadable(report: &Report) -> bool {
    let mut sources = report.sources.iter();
    sources.all(|s| s.records == 0 && !s.defects.is_empty())
}

/// The exit status that a report stands for.
pub(crate) fn status(report: &Report) -> u8 {
    if is_unreadable(report) {
        NOTHING_READ
    } else {
        report.exit_status()
    }
}

/// Where the text goes: a file, opened before the work begins, or standard output.
pub(crate) struct Destination<'a>(Option<(Output, &'a Path)>);

impl<'a> Destination<'a> {
    /// As `-o FILE` says; `-` is standard output.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub(crate) fn open(path: Option<&'a Path>) -> Result<Self, Stop> {
        let path = path.filter(|p| *p != Path::new("-"));
        let open = |path| match Output::open(path) {
            Ok(output) => Ok((output, path)),
            Err(e) => Err(cannot_write(path, &e)),
        };
        Ok(Self(path.map(open).transpose()?))
    }

    pub(crate) fn is_file(&self) -> bool {
        self.0.is_some()
    }

    /// Puts there what comes piece by piece, as long as it is wanted: `write` gets where it goes.
    ///
    /// # Errors
    /// Those of `write`, and when the file cannot be put in its place.
    #[cfg(feature = "lake")]
    pub(crate) fn fill(
        self,
        out: &mut dyn Write,
        write: impl FnOnce(&mut dyn Write) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        match self.0 {
            Some((mut output, path)) => {
                write(&mut output)?;
                output.finish().map_err(|e| cannot_write(path, &e))
            }
            None => write(out),
        }
    }

    /// Puts the text there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(self, text: &str, out: &mut dyn Write) -> Result<(), Stop> {
        match self.0 {
            Some((output, path)) => output
                .write(text.as_bytes())
                .map_err(|e| cannot_write(path, &e)),
            None => put(out, text.as_bytes())
                .map_err(|e| Stop::usage(format!("standard output cannot be written: {e}"))),
        }
    }
}
