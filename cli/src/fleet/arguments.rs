//! What can be typed behind `rdpwhy fleet`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::{Hash, ProgressMode, Reading, Span, memory, threads};

/// Shown below the help.
pub const EXAMPLES: &str = "\
What a host is:
  a folder or archive in PATH, with all below it; or, of logs that lie in PATH themselves, those of one computer.
  A PATH that is an archive is taken apart by computer.

Exit status:
  0  analysed, and no connection failed        3  no host could be read
  1  connections failed, and a cause is named  4  connections failed and none is explained
  2  wrong usage, or the result cannot be written
  130  broken off; what was done is written

Examples:
  rdpwhy fleet collections/                                    all hosts, one summary
  rdpwhy fleet collections/ --results hosts.jsonl              and each host's result in a file
  rdpwhy fleet collections/ --results hosts.jsonl --resume     go on after an interruption, or take up what is new
  rdpwhy fleet collections/ --format csv -o causes.csv
  rdpwhy fleet collections/ --format jsonl | jq 'select(.cause == \"nla-required\").unit'";

/// `--max-memory` where nothing is said.
pub const MEMORY: u64 = 1 << 30;

/// `rdpwhy fleet`.
#[derive(Debug, Args)]
pub struct Fleet {
    /// Folder of hosts: one folder or archive each, or the logs of many side by side
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// How the summary is written; jsonl: every host's results, then the summary, a line each
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// Write it to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write every host's results to FILE as soon as they are there, a line each, in the order of the hosts
    #[arg(long, value_name = "FILE")]
    pub results: Option<PathBuf>,

    /// Keep the hosts in --results that have not changed since, by the journal beside it
    #[arg(long, requires = "results")]
    pub resume: bool,

    /// Hosts are so many folders below PATH
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub depth: usize,

    /// When.
    #[command(flatten)]
    pub span: Span,

    /// How.
    #[command(flatten)]
    pub reading: Reading,

    /// Folder of cause files to use beside the built-in ones
    #[arg(long, value_name = "FOLDER", help_heading = "Evidence")]
    pub knowledge: Option<PathBuf>,

    /// Hash every file while it is read
    #[arg(long, value_enum, value_name = "METHOD", help_heading = "Evidence")]
    pub hash: Option<Hash>,

    /// Write hash and name of every file to FILE, as sha256sum does
    #[arg(
        long,
        value_name = "FILE",
        requires = "hash",
        help_heading = "Evidence"
    )]
    pub manifest: Option<PathBuf>,

    /// How progress is told on standard error
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto, help_heading = "Output")]
    pub progress: ProgressMode,

    /// Replace users, hosts and addresses, the same one by the same for all hosts, so that the result can be passed on
    ///
    /// What results are of is then kept nowhere, so that such a run cannot be resumed. Read the result before it leaves the
    /// house: free text in a record can hold anything.
    #[arg(long, conflicts_with_all = ["resume", "manifest"], help_heading = "Output")]
    pub redact: bool,

    /// Threads; all processors by default
    #[arg(short = 'j', long, value_name = "N", value_parser = threads, help_heading = "Output")]
    pub threads: Option<usize>,

    /// Memory that the hosts in hand may take together, about; a single larger one is analysed alone
    #[arg(long, value_name = "SIZE", value_parser = memory, default_value = "1G", help_heading = "Output")]
    pub max_memory: u64,

    /// Have a cluster do it: the address of its scheduler
    ///
    /// Its executors read the evidence: PATH is the same folder for all of them, or an address such as s3://bucket/folder.
    #[cfg(feature = "cluster")]
    #[arg(long, value_name = "df://HOST:PORT", help_heading = "Output")]
    pub cluster: Option<String>,
}

/// How the summary is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs: schema rdpwhy.fleet/1
    Json,
    /// For spreadsheets: one row per finding
    Csv,
    /// For programs: one object per host and verdict, then the summary
    Jsonl,
}
