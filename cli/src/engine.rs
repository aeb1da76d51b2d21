//! The one place that calls the analyzer.

use std::path::Path;

use rdpwhy_analyzer::report::{Report, SourceReport, Summary, Tool};
use rdpwhy_parsers::Timestamp;

use crate::input::{Input, KeyLog};
use crate::progress::Progress;

/// What the analysis is limited to.
#[derive(Debug, Default)]
pub struct Limits {
    /// Attempts from this moment on.
    pub since: Option<Timestamp>,
    /// Attempts up to this moment.
    pub until: Option<Timestamp>,
    /// With this host on either side.
    pub host: Option<String>,
    /// From this client.
    pub client: Option<String>,
    /// To this server.
    pub server: Option<String>,
    /// By this user.
    pub user: Option<String>,
    /// Threads.
    pub threads: Option<usize>,
}

/// Causes to use beside the built-in ones.
pub struct Knowledge;

/// Reads a folder of cause files.
pub fn knowledge(_folder: &Path) -> Result<Knowledge, String> {
    Ok(Knowledge)
}

/// Analyses the evidence.
pub fn analyze(
    inputs: Vec<Input>,
    _key_logs: Vec<KeyLog>,
    _limits: &Limits,
    _knowledge: Option<Knowledge>,
    progress: &Progress,
) -> Report {
    let sources = inputs
        .into_iter()
        .zip(0..)
        .map(|(input, id)| {
            progress.source(&input.label);
            progress.bytes(input.bytes.size());
            SourceReport {
                id,
                path: input.label,
                format: String::new(),
                host: None,
                side: None,
                sha256: None,
                bytes: input.bytes.size(),
                records: 0,
                events: 0,
                first: None,
                last: None,
                defects: Vec::new(),
            }
        })
        .collect();
    Report {
        schema: "rdpwhy.report/1",
        tool: Tool {
            name: "rdpwhy",
            version: env!("CARGO_PKG_VERSION"),
        },
        sources,
        coverage: Vec::new(),
        clocks: Vec::new(),
        attempts: Vec::new(),
        verdicts: Vec::new(),
        summary: Summary::default(),
    }
}
