//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    #[command(after_help = EXAMPLES, after_long_help = EXIT_AND_EXAMPLES)]
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

const EXAMPLES: &str = "\
Examples:
  rdpwhy diagnose case-114/                            everything in a folder, archives included
  rdpwhy diagnose System.evtx trace.pcapng             two files
  rdpwhy diagnose evidence.zip --around '2026-11-21 08:14' --tz Europe/Berlin
  rdpwhy diagnose case-114/ --code 0x904/0x7 --at 2026-11-21T08:14Z --server srv1 --user ana
  rdpwhy diagnose case-114/ --user ana --format json | jq '.verdicts[].title'
  zstd -dc trace.pcap.zst | rdpwhy diagnose -

See --help for the exit status.";

const EXIT_AND_EXAMPLES: &str = "\
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
    #[arg(long, value_enum, default_value_t = crate::export::Format::Text)]
    pub format: crate::export::Format,

    /// Write the result to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write it to FILE in another form as well; can be given several times
    #[arg(long, value_name = "FORMAT=FILE", value_parser = crate::export::export::<crate::export::Format>)]
    pub export: Vec<crate::export::Export<crate::export::Format>>,

    /// When.
    #[command(flatten)]
    pub span: Span,

    /// Who.
    #[command(flatten)]
    pub only: Only,

    /// What the user saw.
    #[command(flatten)]
    pub seen: Seen,

    /// TLS secrets in the NSS key log format, to look into encrypted connections
    ///
    /// Key logs among the paths and secrets inside a pcapng file are used without this.
    #[arg(long, value_name = "FILE", help_heading = "Evidence")]
    pub keylog: Vec<PathBuf>,

    /// Password of encrypted archives
    #[arg(long, value_name = "PASSWORD", help_heading = "Evidence")]
    pub password: Option<String>,

    /// Search files of other kinds (disk images, unallocated space) for pieces of event logs
    #[arg(long, help_heading = "Evidence")]
    pub carve: bool,

    /// Folder for unpacked members of more than 64 MiB
    #[arg(long, value_name = "FOLDER", help_heading = "Evidence")]
    pub temp: Option<PathBuf>,

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

/// The span of time to look at.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Span of time (RFC 3339, or local time with --tz)")]
pub struct Span {
    /// From this moment on
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,

    /// Up to this moment
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,

    /// Around this moment
    #[arg(long, value_name = "TIME", conflicts_with_all = ["since", "until"])]
    pub around: Option<String>,

    /// How far around: 90s, 5m, 2h
    #[arg(
        long,
        value_name = "DURATION",
        requires = "around",
        default_value = "5m"
    )]
    pub window: String,

    /// Zone of times without one (Europe/Berlin); the text report then shows times in it
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,
}

/// Which attempts to look at.
#[derive(Debug, Args)]
#[command(next_help_heading = "Only connections")]
pub struct Only {
    /// With this host on either side
    #[arg(long, value_name = "HOST")]
    pub host: Option<String>,

    /// From this client, name or address
    #[arg(long, value_name = "CLIENT")]
    pub client: Option<String>,

    /// To this server, name or address
    #[arg(long, value_name = "SERVER")]
    pub server: Option<String>,

    /// By this user
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
}

/// What a user saw on the screen.
#[derive(Debug, Args)]
#[command(next_help_heading = "What the user saw")]
pub struct Seen {
    /// Codes that mstsc showed: 0x904/0x7, or 2308; with --client, --server and --user as far as they are known
    ///
    /// Becomes evidence of the failed try that fits best, and only that try is reported.
    #[arg(long, value_name = "CODE[/EXTENDED]", requires = "at")]
    pub code: Option<String>,

    /// About when
    #[arg(long, value_name = "TIME", requires = "code")]
    pub at: Option<String>,
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs: schema rdpwhy.report/1
    Json,
    /// For tickets
    Markdown,
}

/// When to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Into pipes and files as well
    Always,
    /// Not at all
    Never,
}

/// How files are hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hash {
    /// SHA-256
    Sha256,
}

/// How progress is told on standard error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProgressMode {
    /// A bar on a terminal, else nothing
    Auto,
    /// A line every few seconds
    Plain,
    /// The same for programs: an object a line
    Json,
    /// Not at all
    None,
}

/// Reads a size: a number of bytes, or of KiB, MiB, GiB with K, M, G behind it.
pub(crate) fn memory(text: &str) -> Result<u64, String> {
    let wrong = || "a size such as 512M or 2G".to_owned();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text
        .get(digits.len()..)
        .unwrap_or_default()
        .to_ascii_uppercase()
        .as_str()
    {
        "" => 0,
        "K" | "KB" | "KIB" => 10,
        "M" | "MB" | "MIB" => 20,
        "G" | "GB" | "GIB" => 30,
        _ => return Err(wrong()),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number
        .checked_mul(1 << shift)
        .filter(|n| *n > 0)
        .ok_or_else(wrong)
}

pub(crate) fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a number of threads, 1 or more".to_owned()),
        Ok(n) => Ok(n),
    }
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
