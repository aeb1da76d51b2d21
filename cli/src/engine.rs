//! The one place that calls the analyzer.

use std::path::Path;

use rdpwhy_analyzer::knowledge::Checked;
use rdpwhy_analyzer::report::Report;
use rdpwhy_analyzer::{Knowledge, Options, Source, Timeline};

use crate::input::{Input, KeyLog};

/// The built-in causes, with those of a folder beside them if one is given.
///
/// # Errors
/// What cannot be read, or all mistakes with file and line, one a line.
pub fn knowledge(folder: Option<&Path>) -> Result<Knowledge, String> {
    match folder {
        None => Knowledge::embedded().map_err(|e| e.to_string()),
        Some(folder) => check(folder).map(|c| c.knowledge).map_err(|e| e.join("\n")),
    }
}

/// Checks a folder of cause files, `<stage>/<id>.toml`, beside the built-in ones.
///
/// # Errors
/// What cannot be read, or all mistakes with file and line.
pub fn check(folder: &Path) -> Result<Checked, Vec<String>> {
    let files = cause_files(folder).map_err(|e| vec![e])?;
    let files = files.iter().map(|(p, t)| (p.as_str(), t.as_str()));
    rdpwhy_analyzer::knowledge::check(files)
        .map_err(|mistakes| mistakes.iter().map(ToString::to_string).collect())
}

/// Path and text of each cause file, sorted.
pub fn cause_files(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let told = |path: &Path, e: &std::io::Error| format!("{}: {e}", path.display());
    let mut files = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(dir) = todo.pop() {
        for entry in std::fs::read_dir(&dir).map_err(|e| told(&dir, &e))? {
            let path = entry.map_err(|e| told(&dir, &e))?.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "toml") {
                let text = std::fs::read_to_string(&path).map_err(|e| told(&path, &e))?;
                files.push((path.display().to_string().replace('\\', "/"), text));
            }
        }
    }
    if files.is_empty() {
        let folder = folder.display();
        return Err(format!("{folder}: there is no cause file (.toml) in it"));
    }
    files.sort();
    Ok(files)
}

/// Analyses the evidence.
///
/// # Errors
/// When a built-in data file is wrong, which the tests exclude.
pub fn analyze(
    inputs: Vec<Input>,
    key_logs: Vec<KeyLog>,
    options: &Options,
    knowledge: &Knowledge,
    progress: &dyn rdpwhy_analyzer::Progress,
) -> Result<Report, String> {
    let (sources, secrets) = evidence(inputs, key_logs);
    rdpwhy_analyzer::analyze(sources, &secrets, knowledge, options, progress)
        .map_err(|e| e.to_string())
}

/// Tells the evidence event by event; `tell` gets the timeline.
///
/// # Errors
/// When a built-in data file is wrong, which the tests exclude.
pub fn timeline<T>(
    inputs: Vec<Input>,
    key_logs: Vec<KeyLog>,
    options: &Options,
    knowledge: &Knowledge,
    progress: &dyn rdpwhy_analyzer::Progress,
    tell: impl FnOnce(&Timeline<'_>) -> T,
) -> Result<T, String> {
    let (sources, secrets) = evidence(inputs, key_logs);
    rdpwhy_analyzer::timeline(sources, &secrets, knowledge, options, progress, tell)
        .map_err(|e| e.to_string())
}

/// Analyses the evidence and tells it event by event; `tell` gets the report and the timeline.
///
/// # Errors
/// When a built-in data file is wrong, which the tests exclude.
pub fn report_and_timeline<T>(
    inputs: Vec<Input>,
    key_logs: Vec<KeyLog>,
    options: &Options,
    knowledge: &Knowledge,
    progress: &dyn rdpwhy_analyzer::Progress,
    tell: impl FnOnce(Report, &Timeline<'_>) -> T,
) -> Result<T, String> {
    let (sources, secrets) = evidence(inputs, key_logs);
    rdpwhy_analyzer::report_and_timeline(sources, &secrets, knowledge, options, progress, tell)
        .map_err(|e| e.to_string())
}

fn evidence(inputs: Vec<Input>, key_logs: Vec<KeyLog>) -> (Vec<Source>, Vec<Vec<u8>>) {
    let source = |i: Input| Source {
        label: i.label,
        bytes: i.bytes,
    };
    let secrets = key_logs.into_iter().map(|k| k.text.into_bytes());
    (inputs.into_iter().map(source).collect(), secrets.collect())
}
