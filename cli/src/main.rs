//! The program: the process around [`rdpwhy::run_in`].

use std::ffi::OsString;
use std::process::ExitCode;

use anstream::AutoStream;
use rdpwhy::pager::{self, Paged};
use rdpwhy::{Surroundings, USAGE};

fn main() -> ExitCode {
    let surroundings = Surroundings::of_this_process();
    let args: Vec<OsString> = std::env::args_os().collect();
    let pager = surroundings
        .rows
        .filter(|_| pager::applies(&args))
        .and_then(|_| pager::program(|name| std::env::var(name).ok()));
    // Whether there are colours is decided above; these only translate them for consoles that know no escapes.
    let out = AutoStream::always(std::io::stdout());
    let mut err = AutoStream::always(std::io::stderr());
    let mut out = Paged::new(out, pager, surroundings.rows.unwrap_or(usize::MAX));
    let status = rdpwhy::run_in(args, &mut out, &mut err, &surroundings);
    match out.finish() {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::from(USAGE),
        _ => ExitCode::from(status),
    }
}
