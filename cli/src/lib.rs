//! Files, terminal and exit codes; decides nothing about RDP.
//!
//! [`run`] is the whole program but for the process around it: arguments in, text and exit status out.

pub mod args;
mod asked;
#[cfg(feature = "cluster")]
mod cluster;
mod demo;
mod diagnose;
pub mod diff;
mod engine;
mod event_line;
mod evidence;
mod explain;
pub mod export;
pub mod fleet;
#[cfg(any(windows, test))]
mod here;
pub mod input;
mod interrupt;
mod knowledge;
#[cfg(feature = "lake")]
mod lake;
mod manual;
mod output;
pub mod pager;
pub mod parse;
mod probe;
mod progress;
mod redact;
pub mod render;
pub mod report;
pub mod schema;
pub mod script;
pub mod seen;
mod sniff;
pub mod span;
mod speaker;
mod surroundings;
pub mod timeline;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::Parser as _;

use args::{Arguments, Command};
pub use surroundings::Surroundings;

/// Exit status: wrong usage, which an output that cannot be written counts as.
pub const USAGE: u8 = 2;
/// Exit status: nothing could be read.
pub const NOTHING_READ: u8 = 3;

/// Runs the program as if its output were a pipe in a UTF-8 locale. The first argument is the program's name.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    out: &mut (dyn Write + Send),
    err: &mut dyn Write,
) -> u8 {
    run_in(args, out, err, &Surroundings::default())
}

/// Runs the program in given surroundings; returns the exit status.
pub fn run_in(
    args: impl IntoIterator<Item = OsString>,
    out: &mut (dyn Write + Send),
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    match Arguments::try_parse_from(args) {
        Ok(Arguments { command }) => match command {
            Command::Diagnose(args) => diagnose::diagnose(&args, out, err, surroundings),
            Command::Fleet(args) => fleet::fleet(&args, out, err, surroundings),
            Command::Timeline(args) => timeline::timeline(&args, out, err, surroundings),
            Command::Diff(args) => diff::diff(&args, out, err, surroundings),
            Command::Parse(args) => parse::parse(&args, out, err, surroundings),
            Command::Report(args) => report::report(&args, out, err, surroundings),
            Command::Script(args) => script::script(&args, out, err, surroundings),
            Command::Demo(args) => demo::demo(&args, out, err, surroundings),
            Command::Sniff(args) => sniff::sniff(&args, out, err, surroundings),
            Command::Probe(args) => probe::probe(&args, out, err, surroundings),
            #[cfg(feature = "lake")]
            Command::Store(command) => lake::store(&command, out, err, surroundings),
            #[cfg(feature = "lake")]
            Command::Sql(args) => lake::sql(&args, out, err, surroundings),
            #[cfg(feature = "cluster")]
            Command::Cluster(command) => cluster::cluster(&command, out, err, surroundings),
            Command::Explain(args) => explain::explain(&args, out, err, surroundings),
            Command::Knowledge(command) => knowledge::knowledge(&command, out, err, surroundings),
            Command::Schema(args) => schema::schema(&args, out, err, surroundings),
            Command::Completions { shell } => printed(out, &manual::completions(shell)),
            Command::Man => match manual::page() {
                Ok(page) => printed(out, &page),
                Err(_) => USAGE,
            },
        },
        Err(e) => {
            let text = e.render();
            let status = u8::try_from(e.exit_code()).unwrap_or(USAGE);
            // Help and version are what was asked for; everything else is a mistake.
            let written = if e.use_stderr() {
                err.write_all(text.to_string().as_bytes())
            } else if surroundings.colour {
                put(out, text.ansi().to_string().as_bytes())
            } else {
                put(out, text.to_string().as_bytes())
            };
            if written.is_err() { USAGE } else { status }
        }
    }
}

/// Writes it; the exit status.
fn printed(out: &mut dyn Write, bytes: &[u8]) -> u8 {
    if put(out, bytes).is_ok() { 0 } else { USAGE }
}

/// Writes all of it. A reader that has seen enough and closed its end (`| head`) is no error.
fn put(out: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}
