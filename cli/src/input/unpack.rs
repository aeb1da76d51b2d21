//! Looks into files, and into archives inside archives, until it stands before evidence.

use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use rdpwhy_parsers::ReadAt;

use super::archive;
use super::carve::carve;
use super::content::{Content, Guess, HEAD, recognise};
use super::limits::{Budget, Limit, MAX_DEPTH, MAX_KEY_LOG, Metered};
use super::source::{FileSource, Reader, Spool};
use super::walk::{File, Kind};
use super::zstandard::Zstandard;
use super::{Found, Input, KeyLog, Options, Problem};

/// What is said when a file that the user named is nothing for us.
const SUPPORTED: &str = "supported are event logs (.evtx), captures (pcap, pcapng), key logs, and zip, 7z, tar, gz and zst archives of them";

/// Where something lies.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    /// Its label.
    pub label: &'a str,
    /// Archives around it.
    pub depth: u32,
    /// Whether the user named this very file.
    pub named: bool,
}

/// Takes files and archives apart.
pub(super) struct Unpacker<'a> {
    pub options: &'a Options<'a>,
    pub budget: std::rc::Rc<Budget>,
    found: &'a mut Found,
    spool: Spool,
    open_files: usize,
}

impl<'a> Unpacker<'a> {
    pub fn new(options: &'a Options<'a>, found: &'a mut Found) -> Self {
        let spool = Spool::new(options.temporary.clone(), options.memory);
        Self {
            options,
            budget: std::rc::Rc::default(),
            found,
            spool,
            open_files: 0,
        }
    }

    /// Looks into each file.
    pub fn files(&mut self, files: &[File]) {
        for file in files {
            let at = At {
                label: &file.label,
                depth: 0,
                named: file.named,
            };
            (self.options.watch)(at.label);
            let done = match file.kind {
                Kind::Stream => self.standard_input_or_pipe(&file.path, at),
                Kind::File => {
                    FileSource::open(&file.path, self.open_files < self.options.open_files)
                        .and_then(|source| {
                            self.open_files += 1;
                            self.seekable(at, Box::new(source))
                        })
                }
            };
            if let Err(e) = done {
                self.failed(at.label, &e);
            }
        }
    }

    /// Looks into bytes at hand.
    pub fn bytes(&mut self, label: &str, bytes: Box<dyn ReadAt>) {
        let at = At {
            label,
            depth: 0,
            named: true,
        };
        if let Err(e) = self.seekable(at, bytes) {
            self.failed(label, &e);
        }
    }

    /// A stream has no size yet, so it is taken in whole first; then it is a file like any other.
    fn standard_input_or_pipe(&mut self, path: &Path, at: At<'_>) -> io::Result<()> {
        let mut reader: Box<dyn Read> = if path == Path::new("-") {
            Box::new(io::stdin().lock())
        } else {
            Box::new(std::fs::File::open(path)?)
        };
        self.budget.open(u64::MAX);
        let budget = std::rc::Rc::clone(&self.budget);
        let spooled = self.spool.take(&mut Metered {
            inner: &mut reader,
            budget: &budget,
        })?;
        if let Some(e) = &spooled.broken {
            self.failed(at.label, e);
        }
        self.seekable(at, spooled.bytes)
    }

    /// A file of another kind, in which pieces of event logs may lie.
    fn carve(&mut self, at: At<'_>, guess: Guess, bytes: Box<dyn ReadAt>) -> io::Result<()> {
        match carve(bytes)? {
            Ok(carved) => {
                let what = format!(
                    "{} chunks of event logs were carved from it: whether they were still part of a log is not known",
                    carved.len()
                );
                self.found.problems.push(Problem::new(at.label, what));
                self.found.inputs.push(Input {
                    label: at.label.to_owned(),
                    bytes: Box::new(carved),
                });
            }
            Err(_) => self.other(at, guess),
        }
        Ok(())
    }

    /// Something that can be read at any place.
    fn seekable(&mut self, at: At<'_>, bytes: Box<dyn ReadAt>) -> io::Result<()> {
        if at.depth == 0 {
            self.budget.open(bytes.size());
        }
        let mut head = [0; HEAD];
        let n = bytes.fill_at(0, &mut head)?;
        let content = recognise(head.get(..n).unwrap_or_default());
        match content {
            Content::Evidence => self.found.inputs.push(Input {
                label: at.label.to_owned(),
                bytes,
            }),
            Content::KeyLog => self.key_log(at, &mut Reader::new(&*bytes)),
            Content::Zip => archive::zip(self, at, &*bytes),
            Content::SevenZip => archive::seven_zip(self, at, &*bytes),
            Content::Tar | Content::Gzip | Content::Zstandard => {
                self.stream(
                    at,
                    content,
                    io::BufReader::with_capacity(256 << 10, Reader::new(&*bytes)),
                );
            }
            Content::Empty => self.other(
                at,
                Guess {
                    what: "empty (0 bytes)",
                    advice: None,
                },
            ),
            Content::Other(guess) if self.options.carve => self.carve(at, guess, bytes)?,
            Content::Other(guess) => self.other(at, guess),
        }
        Ok(())
    }

    /// A format that is read from the front.
    fn stream(&mut self, at: At<'_>, content: Content, mut reader: impl Read) {
        let budget = std::rc::Rc::clone(&self.budget);
        // Only tar gives its members names; behind gzip and Zstandard the file is the same file.
        match content {
            Content::Tar => archive::tar(self, at, &mut reader),
            Content::Gzip => {
                let mut plain = Metered {
                    inner: MultiGzDecoder::new(reader),
                    budget: &budget,
                };
                self.member(at, &mut plain);
            }
            Content::Zstandard => {
                let mut plain = Metered {
                    inner: Zstandard::new(reader),
                    budget: &budget,
                };
                self.member(at, &mut plain);
            }
            _ => {}
        }
    }

    /// A member, or what a compressed stream holds: looked at before it is taken in, because a triage collection is
    /// mostly registry and file tables, which need not be unpacked to their end.
    pub fn member(&mut self, at: At<'_>, reader: &mut dyn Read) {
        let at = At {
            depth: at.depth + 1,
            ..at
        };
        (self.options.watch)(at.label);
        if at.depth > MAX_DEPTH {
            return self.failed(at.label, &io::Error::other(Limit::Depth));
        }
        let mut head = Vec::new();
        // The torn-off end is told when the reader is read on; what came before it may be all that is needed.
        let broken = reader.take(HEAD as u64).read_to_end(&mut head).err();
        let content = recognise(&head);
        if let Some(e) = broken
            && (head.is_empty() || matches!(content, Content::Other(_)))
        {
            return self.failed(at.label, &e);
        }
        let whole = (&head[..]).chain(reader);
        match content {
            Content::Empty => self.other(
                at,
                Guess {
                    what: "empty (0 bytes)",
                    advice: None,
                },
            ),
            Content::Other(guess) => self.other(at, guess),
            Content::KeyLog => self.key_log(at, &mut { whole }),
            Content::Tar | Content::Gzip | Content::Zstandard => {
                let mut whole = whole;
                let whole: &mut dyn Read = &mut whole;
                self.stream(at, content, whole);
            }
            Content::Evidence | Content::Zip | Content::SevenZip => {
                match self.spool.take(&mut { whole }) {
                    Err(e) => self.failed(at.label, &e),
                    Ok(spooled) => {
                        if let Some(e) = &spooled.broken {
                            self.failed(at.label, e);
                        }
                        if let Err(e) = self.seekable(at, spooled.bytes) {
                            self.failed(at.label, &e);
                        }
                    }
                }
            }
        }
    }

    /// Whether the named member's archive ran into a limit that ends the archive, not just the member.
    pub fn exhausted(&self) -> bool {
        self.budget.is_exhausted()
    }

    /// Reports what an I/O error means for the file or member.
    pub fn failed(&mut self, label: &str, error: &io::Error) {
        let what = match (Limit::of(error), error.kind()) {
            (Some(limit), _) => limit.to_string(),
            (None, io::ErrorKind::UnexpectedEof) => "ends too early: it was cut off".to_owned(),
            (None, io::ErrorKind::PermissionDenied) => "no permission to read it".to_owned(),
            (None, _) => format!("cannot be read to its end: {error}"),
        };
        self.problem(Problem::new(label, what));
    }

    /// Adds a problem; the same one only once.
    pub fn problem(&mut self, problem: Problem) {
        if !self.found.problems.contains(&problem) {
            self.found.problems.push(problem);
        }
    }

    fn key_log(&mut self, at: At<'_>, reader: &mut dyn Read) {
        let mut text = Vec::new();
        if let Err(e) = reader.take(MAX_KEY_LOG).read_to_end(&mut text) {
            self.failed(at.label, &e);
        }
        let text = String::from_utf8_lossy(&text).into_owned();
        self.found.key_logs.push(KeyLog {
            label: at.label.to_owned(),
            text,
        });
    }

    fn other(&mut self, at: At<'_>, guess: Guess) {
        // A compressed stream has the name of its file, so it is still the file that the user named.
        if at.named && !at.label.contains('!') {
            let problem = Problem::new(at.label, format!("is {}", guess.what));
            self.problem(problem.advise(guess.advice.unwrap_or(SUPPORTED)));
        } else {
            *self.found.ignored.entry(guess.what).or_default() += 1;
        }
    }
}
