//! What is longer than the terminal goes through the user's pager, as `git` does it: `RDPWHY_PAGER`, else `PAGER`, else
//! `less`; `cat` or nothing means none.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::process::{Child, Command, Stdio};

/// Commands whose whole output is there at its end. What comes line by line, or asks for a folder, is no text to page.
const PAGED: [&str; 5] = ["diagnose", "timeline", "explain", "knowledge", "diff"];
/// What `less` needs: leave at once what fits, pass colours through, leave the text on the screen.
const LESS: &str = "FRX";

/// The program to page with, and its arguments; `None` for none.
pub fn program(variable: impl Fn(&str) -> Option<String>) -> Option<Vec<String>> {
    let chosen = ["RDPWHY_PAGER", "PAGER"].into_iter().find_map(variable);
    let chosen = match chosen {
        Some(chosen) => chosen,
        None if cfg!(windows) => return None,
        None => "less".to_owned(),
    };
    let words: Vec<String> = chosen.split_whitespace().map(str::to_owned).collect();
    match words.first().map(String::as_str) {
        None | Some("cat") => None,
        Some(_) => Some(words),
    }
}

/// Whether the command of these arguments writes a text for a pager.
pub fn applies<S: AsRef<OsStr>>(args: &[S]) -> bool {
    let command = args.get(1).and_then(|a| a.as_ref().to_str());
    command.is_some_and(|c| PAGED.contains(&c))
}

/// Standard output that waits whether it gets longer than the terminal.
pub struct Paged<W> {
    out: W,
    pager: Vec<String>,
    rows: usize,
    state: State,
}

enum State {
    Waiting(Vec<u8>),
    Paging(Child),
    Direct,
}

impl<W: Write> Paged<W> {
    /// Pages what has more lines than `rows`; without a pager nothing waits.
    pub fn new(out: W, pager: Option<Vec<String>>, rows: usize) -> Self {
        let state = match pager {
            Some(_) => State::Waiting(Vec::new()),
            None => State::Direct,
        };
        Self {
            out,
            pager: pager.unwrap_or_default(),
            rows,
            state,
        }
    }

    /// Writes what waited, or waits until the reader has left the pager.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(mut self) -> io::Result<()> {
        match self.state {
            State::Waiting(text) => self.out.write_all(&text)?,
            State::Paging(mut child) => {
                drop(child.stdin.take());
                child.wait()?;
            }
            State::Direct => {}
        }
        self.out.flush()
    }

    fn start(&self) -> Option<Child> {
        let (program, args) = self.pager.split_first()?;
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped());
        if std::env::var_os("LESS").is_none() {
            command.env("LESS", LESS);
        }
        let child = command.spawn().ok()?;
        // The terminal sends Ctrl-C to both; the pager knows what to do with it.
        let _ = ctrlc::set_handler(|| {});
        Some(child)
    }
}

impl<W: Write> Write for Paged<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let State::Waiting(text) = &mut self.state {
            text.extend_from_slice(bytes);
            let lines = text.split(|b| *b == b'\n').count();
            if lines <= self.rows {
                return Ok(bytes.len());
            }
            let text = std::mem::take(text);
            self.state = match self.start() {
                Some(child) => State::Paging(child),
                None => State::Direct,
            };
            self.write_all(&text)?;
            return Ok(bytes.len());
        }
        match &mut self.state {
            State::Paging(child) => match &mut child.stdin {
                Some(pipe) => pipe.write(bytes),
                None => Ok(bytes.len()),
            },
            _ => self.out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.state {
            State::Waiting(_) => Ok(()),
            State::Paging(child) => child.stdin.as_mut().map_or(Ok(()), Write::flush),
            State::Direct => self.out.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_users_choice() {
        let with = |ours: Option<&'static str>, all: Option<&'static str>| {
            program(move |name| {
                let value = if name == "PAGER" { all } else { ours };
                value.map(str::to_owned)
            })
        };
        assert_eq!(with(None, Some("most -s")), Some(words("most -s")));
        assert_eq!(with(Some("less -S"), Some("most")), Some(words("less -S")));
        assert_eq!(with(Some("cat"), Some("most")), None);
        assert_eq!(with(None, Some("")), None);
        assert_eq!(with(None, None).is_some(), !cfg!(windows));
        assert!(applies(&["rdpwhy", "diagnose", "x"]));
        assert!(!applies(&["rdpwhy", "sniff", "-"]));
    }

    #[test]
    fn what_fits_is_written_as_it_is() {
        let mut out = Vec::new();
        let mut paged = Paged::new(&mut out, Some(words("false")), 3);
        paged.write_all(b"one\ntwo\n").unwrap();
        paged.flush().unwrap();
        paged.finish().unwrap();
        assert_eq!(out, b"one\ntwo\n");
    }

    #[test]
    fn without_the_pager_nothing_is_lost() {
        let mut out = Vec::new();
        let mut paged = Paged::new(&mut out, Some(words("no-such-pager-here")), 2);
        paged.write_all(b"one\ntwo\n").unwrap();
        paged.write_all(b"three\n").unwrap();
        paged.finish().unwrap();
        assert_eq!(out, b"one\ntwo\nthree\n");
    }

    #[cfg(unix)]
    #[test]
    fn what_is_longer_goes_through_the_pager() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("seen");
        let mut out = Vec::new();
        // tee would also write to the test's own output.
        let pager = vec!["dd".to_owned(), format!("of={}", file.display())];
        let mut paged = Paged::new(&mut out, Some(pager), 2);
        for line in 0..100 {
            writeln!(paged, "line {line}").unwrap();
        }
        paged.finish().unwrap();
        assert!(out.is_empty());
        let seen = std::fs::read_to_string(&file).unwrap();
        assert_eq!(seen.lines().count(), 100);
    }
}
