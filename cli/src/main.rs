//! The program: the process around [`rdpwhy::run_in`].

use std::process::ExitCode;

use anstream::AutoStream;
use rdpwhy::Surroundings;

fn main() -> ExitCode {
    let surroundings = Surroundings::of_this_process();
    // Whether there are colours is decided above; these only translate them for consoles that know no escapes.
    let mut out = AutoStream::always(std::io::stdout());
    let mut err = AutoStream::always(std::io::stderr());
    ExitCode::from(rdpwhy::run_in(
        std::env::args_os(),
        &mut out,
        &mut err,
        &surroundings,
    ))
}
