//! Runs a program for each connection that failed, with what is known of it on its standard input. Never through a shell:
//! what stands in a verdict was chosen by strangers.

use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Verdicts that may wait for the program; with more of them, those that come are left out and counted.
const WAITING: usize = 64;
/// How long the program may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the end of the run waits for it.
const PATIENCE_AT_END: Duration = Duration::from_secs(5);

/// The program and those who wait for it.
pub struct OnFail {
    to: Option<SyncSender<Vec<u8>>>,
    worker: Option<JoinHandle<()>>,
    /// Verdicts for which the program was not run, because too many waited.
    pub left_out: u64,
}

impl OnFail {
    /// Checks the command; blanks separate its words.
    ///
    /// # Errors
    /// When it is empty.
    pub fn new(command: &str) -> Result<Self, String> {
        let mut words = command.split_whitespace().map(str::to_owned);
        let Some(program) = words.next() else {
            return Err("--on-fail: names no program".to_owned());
        };
        let arguments: Vec<String> = words.collect();
        let (to, from) = sync_channel(WAITING);
        let worker = thread::spawn(move || work(&program, &arguments, &from));
        Ok(Self {
            to: Some(to),
            worker: Some(worker),
            left_out: 0,
        })
    }

    /// Has it run for this verdict.
    pub fn run(&mut self, json: Vec<u8>) {
        let sent = self.to.as_ref().map(|to| to.try_send(json));
        if matches!(sent, Some(Err(TrySendError::Full(_)))) {
            self.left_out += 1;
        }
    }

    /// Waits a little for those that are still to run.
    pub fn finish(mut self) {
        self.to = None;
        let begun = Instant::now();
        if let Some(worker) = self.worker.take() {
            while !worker.is_finished() && begun.elapsed() < PATIENCE_AT_END {
                thread::sleep(Duration::from_millis(20));
            }
        }
    }
}

fn work(program: &str, arguments: &[String], from: &Receiver<Vec<u8>>) {
    for json in from {
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn();
        match child {
            Ok(child) => wait(program, child, json),
            // Nobody reads the result of a thread; standard error is where a person would look.
            Err(e) => complain(program, &format!("cannot be run: {e}")),
        }
    }
}

fn wait(program: &str, mut child: Child, json: Vec<u8>) {
    if let Some(mut stdin) = child.stdin.take() {
        // A program that reads nothing must not hold everything up, so it is fed from the side.
        thread::spawn(move || {
            let _ = stdin.write_all(&json);
        });
    }
    let begun = Instant::now();
    loop {
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return,
            Ok(Some(status)) => return complain(program, &format!("ended with {status}")),
            Ok(None) if begun.elapsed() < PATIENCE => thread::sleep(Duration::from_millis(20)),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return complain(program, "took longer than 30 s and was ended");
            }
            Err(e) => return complain(program, &e.to_string()),
        }
    }
}

fn complain(program: &str, what: &str) {
    let _ = writeln!(std::io::stderr(), "rdpwhy: --on-fail {program}: {what}");
}
