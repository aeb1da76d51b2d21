//! What can be typed behind `rdpwhy sniff`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::args::Color;

/// Shown below the help.
pub const EXAMPLES: &str = "\
Examples:
  sudo rdpwhy sniff -i eth0                              until Ctrl-C
  sudo rdpwhy sniff -i any --for 10m -w failed.pcapng    and keep the packets of what failed
  ssh router tcpdump -U -s 0 -w - port 3389 | rdpwhy sniff -
  rdpwhy sniff -r trace.pcapng                           as if it happened now
  rdpwhy sniff -i eth0 --format jsonl --on-fail /usr/local/bin/page-me
  rdpwhy sniff --list                                    network interfaces";

/// `rdpwhy sniff`.
#[derive(Debug, Args)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is an option that is given or not"
)]
pub struct Sniff {
    /// `-` reads a capture from standard input while it arrives
    #[arg(value_name = "-", value_parser = ["-"], conflicts_with_all = ["interface", "read", "list"],
          required_unless_present_any = ["interface", "read", "list"])]
    pub pipe: Option<String>,

    /// Network interface to listen on, several times for several; `any` for all
    #[arg(short, long, value_name = "IFACE", conflicts_with = "read")]
    pub interface: Vec<String>,

    /// Read a capture file as if its packets came now
    #[arg(short, long, value_name = "FILE")]
    pub read: Option<PathBuf>,

    /// List the network interfaces and stop
    #[arg(long)]
    pub list: bool,

    /// Port of RDP, several times for several; `any` watches all ports for RDP's bytes
    #[arg(short, long, value_name = "PORT", value_parser = port, help_heading = "Packets")]
    pub port: Vec<Port>,

    /// See only what this machine sends and receives
    #[arg(long, requires = "interface", help_heading = "Packets")]
    pub no_promiscuous: bool,

    /// Bytes kept of each packet; handshakes need all of it
    #[arg(long, value_name = "BYTES", default_value_t = 65_535, value_parser = clap::value_parser!(i32).range(256..=262_144),
          help_heading = "Packets")]
    pub snap: i32,

    /// MiB that the kernel holds for packets that are not read yet
    #[arg(long, value_name = "MIB", default_value_t = 16, value_parser = clap::value_parser!(i32).range(1..=1024),
          help_heading = "Packets")]
    pub buffer: i32,

    /// Become this user once the interfaces are open; by default whoever called sudo, else nobody
    #[arg(
        long,
        value_name = "USER",
        requires = "interface",
        help_heading = "Packets"
    )]
    pub user: Option<String>,

    /// TLS secrets in the NSS key log format, to look into encrypted connections
    #[arg(long, value_name = "FILE", help_heading = "Evidence")]
    pub keylog: Vec<PathBuf>,

    /// Folder of event logs that are being written: their new records are joined to what the packets tell
    #[arg(long, value_name = "FOLDER", help_heading = "Evidence")]
    pub logs: Option<PathBuf>,

    /// Folder of cause files to use beside the built-in ones
    #[arg(long, value_name = "FOLDER", help_heading = "Evidence")]
    pub knowledge: Option<PathBuf>,

    /// Stop after this time: 90s, 10m, 2h
    #[arg(long = "for", value_name = "DURATION", help_heading = "Output")]
    pub duration: Option<String>,

    /// Write packets to FILE, as pcapng
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub write: Option<PathBuf>,

    /// Which packets are written
    #[arg(long, value_enum, default_value_t = Keep::Failed, requires = "write", help_heading = "Output")]
    pub keep: Keep,

    /// Begin a new file after so many bytes (100M) or so long (1h); may be given once for each
    #[arg(
        long,
        value_name = "SIZE|TIME",
        requires = "write",
        help_heading = "Output"
    )]
    pub rotate: Vec<String>,

    /// Files kept when rotating; older ones are removed
    #[arg(
        long,
        value_name = "N",
        default_value_t = 10,
        requires = "rotate",
        help_heading = "Output"
    )]
    pub files: usize,

    /// Program to run for each failed connection, with its line as JSON on standard input
    ///
    /// Blanks separate its arguments; no shell is involved.
    #[arg(long, value_name = "COMMAND", help_heading = "Output")]
    pub on_fail: Option<String>,

    /// How the lines are written
    #[arg(long, value_enum, default_value_t = Format::Text, help_heading = "Output")]
    pub format: Format,

    /// Tell connections that went well, too
    #[arg(long, help_heading = "Output")]
    pub all: bool,

    /// Replace users, hosts and addresses, the same one by the same, so that the result can be passed on
    ///
    /// The packets that --write keeps stay as they were. What is told is lines, on a terminal too.
    #[arg(long, help_heading = "Output")]
    pub redact: bool,

    /// Plain lines on a terminal, too
    #[arg(long, help_heading = "Output")]
    pub plain: bool,

    /// Zone that times are shown in (Europe/Berlin); UTC by default
    #[arg(long, value_name = "ZONE", help_heading = "Output")]
    pub tz: Option<String>,

    /// Colours
    #[arg(long, value_enum, default_value_t = Color::Auto, help_heading = "Output")]
    pub color: Color,
}

/// How the lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people; a live view on a terminal
    Text,
    /// One JSON object a line: schema rdpwhy.sniff/1
    Jsonl,
}

/// Which packets are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Keep {
    /// Those of connections that failed or were lost
    Failed,
    /// All that were seen
    All,
}

/// A port of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// This one.
    Number(u16),
    /// Any, if RDP is spoken on it.
    Any,
}

fn port(text: &str) -> Result<Port, String> {
    match text.parse::<u16>() {
        Ok(n) if n > 0 => Ok(Port::Number(n)),
        _ if text.eq_ignore_ascii_case("any") => Ok(Port::Any),
        _ => Err("a port from 1 to 65535, or any".to_owned()),
    }
}
