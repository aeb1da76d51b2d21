//! What can be typed behind `rdpwhy timeline`.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use rdpwhy_analyzer::stage::Stage;

use crate::args::{Color, Only, Reading, Span, threads};
use crate::export::{Export, export};

/// Shown below the help.
pub const EXAMPLES: &str = "\
Examples:
  rdpwhy timeline case-114/ --around '2026-11-21 08:14' --tz Europe/Berlin
  rdpwhy timeline case-114/ --attempt a-3f9c1e27b04d --all
  rdpwhy timeline case-114/ --user ana --format csv -o ana.csv
  rdpwhy timeline evidence.zip --format timesketch-jsonl -o case.jsonl";

/// `rdpwhy timeline`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// File, folder (searched through), archive (zip, 7z, tar, gz, zst), or - for standard input
    ///
    /// What a file holds is told by its content, never by its name.
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// How the timeline is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// Write the timeline to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write it to FILE in another form as well; can be given several times
    #[arg(long, value_name = "FORMAT=FILE", value_parser = export::<Format>)]
    pub export: Vec<Export<Format>>,

    /// When.
    #[command(flatten)]
    pub span: Span,

    /// Who.
    #[command(flatten)]
    pub only: Only,

    /// Only events that prove this stage of a connection
    #[arg(long, value_parser = stage(), value_name = "STAGE", help_heading = "Only events")]
    pub stage: Option<Stage>,

    /// Only events of this attempt, by its id in the report
    #[arg(long, value_name = "ID", help_heading = "Only events")]
    pub attempt: Option<String>,

    /// How.
    #[command(flatten)]
    pub reading: Reading,

    /// Show every event on a line of its own, and count what is no event of ours
    #[arg(long, help_heading = "Output")]
    pub all: bool,

    /// Replace users, hosts and addresses, the same one by the same, so that the result can be passed on
    ///
    /// Read the result before it leaves the house: free text in a record can hold anything.
    #[arg(long, help_heading = "Output")]
    pub redact: bool,

    /// Colours
    #[arg(long, value_enum, default_value_t = Color::Auto, help_heading = "Output")]
    pub color: Color,

    /// Threads; all processors by default
    #[arg(short = 'j', long, value_name = "N", value_parser = threads, help_heading = "Output")]
    pub threads: Option<usize>,
}

/// How the timeline is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people: connections and what happened around them
    Text,
    /// One row per event
    Csv,
    /// One object per event
    Jsonl,
    /// For Timesketch
    TimesketchCsv,
    /// For Timesketch, with all values
    TimesketchJsonl,
    /// For Elastic: documents of the Elastic Common Schema, one a line
    Ecs,
    /// For Splunk's HTTP Event Collector: one event a line
    SplunkHec,
    /// For Timeline Explorer: the columns of Hayabusa's standard profile
    HayabusaCsv,
}

/// The stage of this word; the help lists the words.
fn stage() -> impl TypedValueParser<Value = Stage> {
    PossibleValuesParser::new(Stage::ALL.map(Stage::name))
        .try_map(|word| Stage::named(&word).ok_or("no stage"))
}
