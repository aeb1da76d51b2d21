//! The program under test, listening on the router.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::net::{Net, TAP};
use crate::shell::Running;

/// A line, and when it came, seconds since 1970.
pub struct Heard {
    pub line: Value,
    pub at: f64,
}

/// A run of `rdpwhy sniff`.
pub struct Sniffer {
    process: Running,
    lines: Receiver<Heard>,
}

impl Sniffer {
    /// Starts it and waits until it listens; packets of what fails go into a file.
    pub fn start(net: &Net, failed: &Path) -> Result<Self, String> {
        let (program, words) = crate::under_test()?;
        let mut command = net.on("r", &program);
        command
            .args(words)
            .args(["sniff", "-i", TAP, "--format", "jsonl", "-w"])
            .arg(failed)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|e| format!("rdpwhy: {e}"))?;
        let out = child.stdout.take().ok_or("no output")?;
        let (to, lines) = channel();
        thread::spawn(move || {
            for text in BufReader::new(out).lines().map_while(Result::ok) {
                let at = SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .unwrap_or_default();
                if let Ok(line) = serde_json::from_str(&text) {
                    let at = at.as_secs_f64();
                    if to.send(Heard { line, at }).is_err() {
                        return;
                    }
                }
            }
        });
        let process = Running(child);
        let first = lines
            .recv_timeout(Duration::from_secs(20))
            .map_err(|_| "rdpwhy did not begin to listen".to_owned())?;
        if first.line["type"] != "start" {
            return Err(format!("the first line is {}", first.line));
        }
        Ok(Self { process, lines })
    }

    /// Ends it as Ctrl-C does, and gives all that it said.
    pub fn stop(mut self) -> Vec<Heard> {
        self.process.signal("INT");
        self.process.wait(Duration::from_secs(20));
        let mut heard = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(500)) {
            heard.push(line);
        }
        heard
    }
}
