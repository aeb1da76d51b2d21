//! What can be typed.

mod diagnose;
mod shared;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub use diagnose::Diagnose;
pub use shared::{Color, Format, Hash, Only, ProgressMode, Reading, Seen, Span};
pub(crate) use shared::{memory, threads};

/// The program's arguments.
#[derive(Debug, Parser)]
#[command(
    name = "rdpwhy",
    version,
    about,
    max_term_width = 100,
    arg_required_else_help = true
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell why RDP connections failed, from event logs and packet captures
    #[command(after_help = diagnose::EXAMPLES, after_long_help = diagnose::EXIT_AND_EXAMPLES)]
    Diagnose(Box<Diagnose>),
    /// Tell it of many hosts in one run, and what they have in common
    #[command(after_help = crate::fleet::EXAMPLES)]
    Fleet(Box<crate::fleet::Fleet>),
    /// Tell what happened, event by event, on one clock for all logs and captures
    #[command(after_help = crate::timeline::EXAMPLES)]
    Timeline(Box<crate::timeline::Arguments>),
    /// Tell which verdicts appeared, went or changed between two runs
    #[command(after_help = crate::diff::EXAMPLES)]
    Diff(Box<crate::diff::Diff>),
    /// Write the events of each file as lines of JSON and judge nothing, for programs that bring their own engine
    #[command(after_help = crate::parse::EXAMPLES)]
    Parse(Box<crate::parse::Parse>),
    /// Write one HTML file for the person who has to fix it: verdicts, ladders, timeline, flowcharts, checklists
    #[command(after_help = crate::report::EXAMPLES)]
    Report(Box<crate::report::Arguments>),
    /// Write a PowerShell script that collects evidence, tests a server, or mends a cause
    #[command(after_help = crate::script::EXAMPLES)]
    Script(Box<crate::script::Script>),
    /// Write a small example case into a folder and diagnose it
    #[command(after_help = DEMO)]
    Demo(Demo),
    /// Watch connections while they happen, and tell within a second why one died
    #[command(after_help = crate::sniff::EXAMPLES)]
    Sniff(Box<crate::sniff::Sniff>),
    /// Ask a server what a client would ask, up to the point where a password would be needed
    #[command(after_help = crate::probe::EXAMPLES)]
    Probe(Box<crate::probe::Probe>),
    /// Keep the events, connections and verdicts of many cases as Parquet files
    #[cfg(feature = "lake")]
    #[command(subcommand, after_help = crate::lake::STORE_EXAMPLES)]
    Store(crate::lake::Store),
    /// Ask stores and evidence with SQL
    #[cfg(feature = "lake")]
    #[command(after_help = crate::lake::SQL_EXAMPLES)]
    Sql(Box<crate::lake::Sql>),
    /// Run a node of a cluster, which rdpwhy fleet and rdpwhy sql can send their work to
    #[cfg(feature = "cluster")]
    #[command(subcommand, after_help = crate::cluster::EXAMPLES)]
    Cluster(crate::cluster::Cluster),
    /// Tell what a code, an event or a cause means, and where it leads; needs no evidence
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(Explain),
    /// List and check cause files, or begin a new one
    #[command(subcommand)]
    Knowledge(KnowledgeCommand),
    /// Print the JSON Schema of what this program writes for programs
    #[command(after_help = crate::schema::EXAMPLES)]
    Schema(crate::schema::Schema),
    /// Print a shell's completions
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page
    Man,
}

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  rdpwhy explain 0x904/0x7                 both numbers of mstsc's error dialog; 904/7 will do
  rdpwhy explain 0x8009030d                a status in hex or decimal
  rdpwhy explain Schannel/36870            a record; 36870 alone will do
  rdpwhy explain alert 40                  a number of a kind: alert, errinfo, kerberos, negotiation failure …
  rdpwhy explain KDC_ERR_PREAUTH_FAILED    a name
  rdpwhy explain private-key-access-denied a cause: its signs, its fix, what looks alike";

/// `rdpwhy explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Code, event or cause
    #[arg(value_name = "WHAT", required = true, allow_negative_numbers = true)]
    pub what: Vec<String>,

    /// Write it for programs: schema rdpwhy.explain/1
    #[arg(long)]
    pub json: bool,

    /// Show every cause in full
    #[arg(long)]
    pub all: bool,

    /// Folder of cause files to use beside the built-in ones
    #[arg(long, value_name = "FOLDER")]
    pub knowledge: Option<PathBuf>,

    /// Colours
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// `rdpwhy knowledge`.
#[derive(Debug, Subcommand)]
pub enum KnowledgeCommand {
    /// List all causes: id, stage, side, whether mstsc shows 0x904/0x7, title
    List {
        /// Write it for programs: schema rdpwhy.causes/1
        #[arg(long)]
        json: bool,
        /// Folder of cause files to list beside the built-in ones
        #[arg(long, value_name = "FOLDER")]
        knowledge: Option<PathBuf>,
    },
    /// Check a folder of cause files and tell every mistake with its file and line
    Check {
        /// Folder with `STAGE/ID.toml`
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
    },
    /// Print a cause file with comments, to begin a new one from
    Template,
}

const DEMO: &str = "\
Example:
  rdpwhy demo --out try-it
  rdpwhy report try-it -o report.html";

/// `rdpwhy demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Folder for the case; made when it is not there
    #[arg(long, value_name = "FOLDER", default_value = "rdpwhy-demo")]
    pub out: PathBuf,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_arguments_are_consistent() {
        Arguments::command().debug_assert();
    }
}
