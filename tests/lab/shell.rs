//! Programs: run to their end, or kept running and ended with the value that holds them.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Runs a command of words separated by blanks; what it said, if it failed.
pub fn run(command: &str) -> Result<String, String> {
    let mut words = command.split_whitespace();
    let program = words.next().unwrap_or_default();
    let told = Command::new(program)
        .args(words)
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("{command}: {e}"))?;
    if told.status.success() {
        return Ok(String::from_utf8_lossy(&told.stdout).into_owned());
    }
    let mut text = format!("{command}: {}", told.status);
    let _ = write!(text, "\n{}", String::from_utf8_lossy(&told.stderr));
    Err(text)
}

/// Whether a program is installed.
pub fn there(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin"].map(std::path::PathBuf::from);
    std::env::split_paths(&path)
        .chain(more)
        .any(|folder| folder.join(program).is_file())
}

/// A program that runs in the background; it is killed when this goes.
pub struct Running(pub Child);

impl Running {
    /// Starts it with its output in a file.
    pub fn start(mut command: Command, log: &Path) -> Result<Self, String> {
        let out = File::create(log).map_err(|e| format!("{}: {e}", log.display()))?;
        let err = out.try_clone().map_err(|e| e.to_string())?;
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let started = command.spawn();
        started.map(Self).map_err(|e| format!("{command:?}: {e}"))
    }

    /// Sends it a signal by name: TERM, KILL, INT.
    pub fn signal(&self, name: &str) {
        let _ = run(&format!("kill -{name} {}", self.0.id()));
    }

    /// Waits for its end.
    pub fn wait(&mut self, patience: Duration) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if matches!(self.0.try_wait(), Ok(Some(_))) {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
