//! What can be typed behind `rdpwhy report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::{Only, Reading, Seen, Span, threads};

/// Shown below the help.
pub const EXAMPLES: &str = "\
Examples:
  rdpwhy report case-114/ -o report.html
  rdpwhy report evidence.zip --around '2026-11-21 08:14' --tz Europe/Berlin -o report.html
  rdpwhy report case-114/ --checklist -o checklist.html            one page to print per verdict
  rdpwhy report case-114/ --checklist --format markdown -o todo.md
  rdpwhy report case-114/ --redact -o for-the-vendor.html";

/// `rdpwhy report`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// File, folder (searched through), archive (zip, 7z, tar, gz, zst), or - for standard input
    ///
    /// What a file holds is told by its content, never by its name.
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// Write the report to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write checklists instead: for each verdict the steps to take, on one page to print
    #[arg(long)]
    pub checklist: bool,

    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Html)]
    pub format: Format,

    /// Replace users, hosts and addresses, the same one by the same, so that the result can be passed on
    ///
    /// Read the result before it leaves the house: free text in a record can hold anything.
    #[arg(long)]
    pub redact: bool,

    /// When.
    #[command(flatten)]
    pub span: Span,

    /// Who.
    #[command(flatten)]
    pub only: Only,

    /// What the user saw.
    #[command(flatten)]
    pub seen: Seen,

    /// How.
    #[command(flatten)]
    pub reading: Reading,

    /// Folder of cause files to use beside the built-in ones
    #[arg(long, value_name = "FOLDER", help_heading = "Evidence")]
    pub knowledge: Option<PathBuf>,

    /// Threads; all processors by default
    #[arg(short = 'j', long, value_name = "N", value_parser = threads, help_heading = "Output")]
    pub threads: Option<usize>,
}

/// How the report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One file that needs nothing else, for a browser and for paper
    Html,
    /// For tickets
    Markdown,
}
