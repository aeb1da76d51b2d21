//! What can be typed behind `rdpwhy diagnose`.

use std::path::PathBuf;

use clap::Args;

use super::shared::{Color, Hash, Only, ProgressMode, Reading, Seen, Span, threads};
use crate::export::{Export, Format, export};

/// Shown below the short help.
pub const EXAMPLES: &str = "\
Examples:
  rdpwhy diagnose case-114/                            everything in a folder, archives included
  rdpwhy diagnose System.evtx trace.pcapng             two files
  rdpwhy diagnose evidence.zip --around '2026-11-21 08:14' --tz Europe/Berlin
  rdpwhy diagnose case-114/ --code 0x904/0x7 --at 2026-11-21T08:14Z --server srv1 --user ana
  rdpwhy diagnose case-114/ --user ana --format json | jq '.verdicts[].title'
  zstd -dc trace.pcap.zst | rdpwhy diagnose -

See --help for the exit status.";

/// Shown below the long help.
pub const EXIT_AND_EXAMPLES: &str = "\
Exit status:
  0  analysed, and no connection failed
  1  connections failed, or will, and a cause is named
  2  wrong usage
  3  nothing could be read
  4  connections failed and none is explained; the report says what evidence would settle it

Examples:
  rdpwhy diagnose case-114/                            everything in a folder, archives included
  rdpwhy diagnose System.evtx trace.pcapng             two files
  rdpwhy diagnose evidence.zip --around '2026-11-21 08:14' --tz Europe/Berlin
  rdpwhy diagnose case-114/ --code 0x904/0x7 --at 2026-11-21T08:14Z --server srv1 --user ana
  rdpwhy diagnose case-114/ --user ana --format json | jq '.verdicts[].title'
  zstd -dc trace.pcap.zst | rdpwhy diagnose -";

/// `rdpwhy diagnose`.
#[derive(Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch that can be typed"
)]
pub struct Diagnose {
    /// File, folder (searched through), archive (zip, 7z, tar, gz, zst), or - for standard input
    ///
    /// What a file holds is told by its content, never by its name.
    #[cfg_attr(windows, arg(value_name = "PATH", required_unless_present = "here"))]
    #[cfg_attr(not(windows), arg(value_name = "PATH", required = true))]
    pub paths: Vec<PathBuf>,

    /// This machine's own logs, as they are now
    ///
    /// Some may be read by administrators only: which ones is said.
    #[cfg(windows)]
    #[arg(long)]
    pub here: bool,

    /// How the result is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// Write the result to FILE instead of standard output
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

    /// What the user saw.
    #[command(flatten)]
    pub seen: Seen,

    /// How.
    #[command(flatten)]
    pub reading: Reading,

    /// Folder of cause files to use beside the built-in ones
    #[arg(long, value_name = "FOLDER", help_heading = "Evidence")]
    pub knowledge: Option<PathBuf>,

    /// Show what is folded otherwise: every verdict in full, all evidence, all attempts
    #[arg(long, help_heading = "Output")]
    pub all: bool,

    /// Take every folder and archive in PATH for a host of its own: as rdpwhy fleet, which has more options
    ///
    /// --format json then writes a line per host and verdict.
    #[arg(long, help_heading = "Output",
        conflicts_with_all = ["export", "why_not", "all", "verbose", "host", "client", "server", "user", "code"])]
    pub by_host: bool,

    /// Hash every file while it is read; the report has it beside each source
    #[arg(long, value_enum, value_name = "METHOD", help_heading = "Evidence")]
    pub hash: Option<Hash>,

    /// How progress is told on standard error
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto, help_heading = "Output")]
    pub progress: ProgressMode,

    /// Replace users, hosts and addresses, the same one by the same, so that the result can be passed on
    ///
    /// Names and addresses that the evidence tells in their own fields are replaced wherever they occur, folders and file
    /// names too. Read the result before it leaves the house: free text in a record can hold anything.
    #[arg(long, help_heading = "Output")]
    pub redact: bool,

    /// Say for each verdict why it is not CAUSE
    #[arg(long, value_name = "CAUSE", help_heading = "Output")]
    pub why_not: Option<String>,

    /// Colours
    #[arg(long, value_enum, default_value_t = Color::Auto, help_heading = "Output")]
    pub color: Color,

    /// Threads; all processors by default
    #[arg(short = 'j', long, value_name = "N", value_parser = threads, help_heading = "Output")]
    pub threads: Option<usize>,

    /// Say on standard error what was read, what was not, and how long it took
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,
}
