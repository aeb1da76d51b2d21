//! Arguments that several commands have.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

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

/// How evidence is read.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Evidence")]
pub struct Reading {
    /// TLS secrets in the NSS key log format, to look into encrypted connections
    ///
    /// Key logs among the paths and secrets inside a pcapng file are used without this.
    #[arg(long, value_name = "FILE")]
    pub keylog: Vec<PathBuf>,

    /// Password of encrypted archives
    #[arg(long, value_name = "PASSWORD")]
    pub password: Option<String>,

    /// Search files of other kinds (disk images, unallocated space) for pieces of event logs
    #[arg(long)]
    pub carve: bool,

    /// Folder for unpacked members of more than 64 MiB
    #[arg(long, value_name = "FOLDER")]
    pub temp: Option<PathBuf>,
}

impl Reading {
    /// Where large members are unpacked: the system's own folder where none is given.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.temp.clone().unwrap_or_else(std::env::temp_dir)
    }
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
