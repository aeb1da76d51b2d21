//! `mutations [--count N] [--from N] [--samples FOLDER]`: damages evidence and runs the whole program over it.
//!
//! A worker process does the runs, so that a crash, a hang or a lack of memory costs one run and is counted. The same
//! number gives the same damage; `mutations --write FOLDER --from N` lays out what run N was about.
//!
//! Exit status 0: no panic, no crash, no run over its time or memory, every exit status and report as promised.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so best by stopping"
)]

mod subject;
mod watch;
mod worker;

use std::path::PathBuf;
use std::process::ExitCode;

/// What can be asked for.
#[derive(Debug, Clone)]
pub struct Arguments {
    /// First mutation.
    pub from: u64,
    /// How many.
    pub count: u64,
    /// Folder of real files.
    pub samples: Option<PathBuf>,
    /// Where to lay out the evidence of the first mutation instead of running anything.
    pub write: Option<PathBuf>,
    /// This is the worker.
    pub worker: bool,
}

impl Arguments {
    fn read() -> Self {
        let mut read = Self {
            from: 0,
            count: 20_000,
            samples: None,
            write: None,
            worker: false,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || {
                words
                    .next()
                    .unwrap_or_else(|| panic!("{word} needs a value"))
            };
            match word.as_str() {
                "--from" => read.from = value().parse().expect("a number"),
                "--count" => read.count = value().parse().expect("a number"),
                "--samples" => read.samples = Some(value().into()),
                "--write" => read.write = Some(value().into()),
                "--worker" => read.worker = true,
                _ => panic!("unknown argument {word}"),
            }
        }
        if read.samples.is_none() {
            read.samples = rdpwhy_tests::evidence::samples();
        }
        read
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::read();
    if let Some(folder) = &arguments.write {
        let subjects = subject::all(arguments.samples.as_deref());
        let mutation = subject::mutation(&subjects, arguments.from);
        mutation.put(folder);
        println!("{}", mutation.name());
        return ExitCode::SUCCESS;
    }
    if arguments.worker {
        worker::work(&arguments);
        return ExitCode::SUCCESS;
    }
    watch::watch(&arguments)
}
