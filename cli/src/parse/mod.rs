//! `rdpwhy parse`: paths in, events out, a line each, for programs that bring their own engine. Nothing is judged, nothing
//! is kept, and what cannot be read stops nothing: it becomes a line of its own.

mod lines;

use std::io::{self, BufRead, BufWriter, Read as _, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::tz::TimeZone;
use rdpwhy_analyzer::Source;
use rdpwhy_analyzer::identities::Identities;
use rdpwhy_analyzer::pipeline::{self, Means};
use rdpwhy_analyzer::timeline::Entry;
use rdpwhy_parsers::EventRef;

use crate::args::{Reading, threads};
use crate::engine;
use crate::event_line::EventLine;
use crate::evidence::key_log;
use crate::input::walk::label_of;
use crate::input::{self, Found, Input};
use crate::redact::Veil;
use crate::span;
use crate::speaker::{Speaker, Stop};
use crate::{Surroundings, USAGE};

/// Shown below the help.
pub const EXAMPLES: &str = "\
Lines, one object each: events (as rdpwhy timeline --format jsonl has them, each by its own source's clock); {\"defect\": …}
for a part of a file that could not be read, {\"error\": …} for a file or path that could not, {\"end\": …} behind each file.

Exit status: 0 when every path was answered, be it by an error; 2 for wrong usage or when the answer cannot be written.

Examples:
  rdpwhy parse System.evtx trace.pcapng --jsonl
  find /evidence -name '*.evtx' | rdpwhy parse - --jsonl | jq -c 'select(.stage == \"tls\")'
  rdd.pipe('rdpwhy parse - --jsonl')                        Spark: an RDD of paths becomes one of events";

/// A path that is longer than this is none, bytes.
const LONGEST_PATH: u64 = 64 << 10;
/// Bytes of lines that are handed over at a time.
const AT_ONCE: usize = 64 << 10;

/// `rdpwhy parse`.
#[derive(Debug, Args)]
pub struct Parse {
    /// File, folder (searched through), archive; - reads paths from standard input, one a line
    ///
    /// Each path is answered before the next one is looked at. What a file holds is told by its content, never by its name.
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// Write JSON, an object a line: schema rdpwhy.event/1; so far there is no other form
    #[arg(long)]
    pub jsonl: bool,

    /// Zone of times in exports that name none (Europe/Berlin); UTC otherwise, which a defect then says
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,

    /// How.
    #[command(flatten)]
    pub reading: Reading,

    /// Replace users, hosts and addresses, the same one by the same in this run, so that the result can be passed on
    ///
    /// A name is known from the first record on that tells it in a field of its own. Read the result before it leaves the
    /// house: free text in a record can hold anything.
    #[arg(long)]
    pub redact: bool,

    /// Threads; all processors by default
    #[arg(short = 'j', long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
}

/// Runs it and returns the exit status.
pub fn parse(
    args: &Parse,
    out: &mut (dyn Write + Send),
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let mut say = Speaker { err, surroundings };
    say.end(run(args, out).map(|()| 0))
}

fn run(args: &Parse, out: &mut (dyn Write + Send)) -> Result<(), Stop> {
    let mut secrets = Vec::new();
    for path in &args.reading.keylog {
        secrets.push(key_log(path)?.text.into_bytes());
    }
    let zone = args.tz.as_deref().map(span::zone).transpose();
    let veil = if args.redact {
        let knowledge = engine::knowledge(None).map_err(Stop::usage)?;
        Some(Veil::new(&knowledge))
    } else {
        None
    };
    let mut run = Run {
        args,
        zone: zone.map_err(Stop::usage)?,
        secrets,
        out: BufWriter::with_capacity(AT_ONCE, out),
        veil,
    };
    match pipeline::within(args.threads, || run.all()) {
        // Whoever has seen enough closes its end.
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Stop {
            what: format!("standard output cannot be written: {e}"),
            status: USAGE,
        }),
        _ => Ok(()),
    }
}

/// One run.
struct Run<'a> {
    args: &'a Parse,
    zone: Option<TimeZone>,
    secrets: Vec<Vec<u8>>,
    out: BufWriter<&'a mut (dyn Write + Send)>,
    veil: Option<Veil>,
}

impl Run<'_> {
    fn all(&mut self) -> io::Result<()> {
        for path in &self.args.paths {
            if path.as_os_str() == "-" {
                self.listed(&mut io::stdin().lock())?;
            } else {
                self.path(path)?;
            }
        }
        Ok(())
    }

    /// Answers paths, one a line.
    fn listed(&mut self, list: &mut dyn BufRead) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            let read = (&mut *list).take(LONGEST_PATH).read_until(b'\n', &mut line);
            match read {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(e) => {
                    let what = format!("no more paths can be read: {e}");
                    return self.error("standard input", &what, None);
                }
            }
            while matches!(line.last(), Some(b'\n' | b'\r')) {
                line.pop();
            }
            match line.as_slice() {
                [] => {}
                // It is a file's name here: standard input holds the list.
                [b'-'] => self.path(Path::new("./-"))?,
                name => self.path(&path_of(name))?,
            }
        }
    }

    /// Answers one path, and hands the answer over before the next one is looked at.
    fn path(&mut self, path: &Path) -> io::Result<()> {
        let options = input::Options {
            password: self.args.reading.password.as_deref(),
            temporary: self.args.reading.temporary(),
            memory: input::MEMORY,
            open_files: input::OPEN_FILES,
            carve: self.args.reading.carve,
            watch: &|_| {},
        };
        let collect = || input::collect(&[path.to_owned()], &options);
        // Nothing that a file holds may stop the others, not even a mistake of this program.
        let Ok(found) = catch_unwind(AssertUnwindSafe(collect)) else {
            self.error(&label_of(path), BROKE_DOWN, None)?;
            return self.out.flush();
        };
        let Found {
            inputs,
            key_logs,
            problems,
            ..
        } = found;
        if inputs.is_empty() && key_logs.is_empty() && problems.is_empty() {
            let what = "there is no event log and no capture in it";
            self.error(&label_of(path), what, None)?;
        }
        for problem in &problems {
            self.error(&problem.path, &problem.what, problem.advice.as_deref())?;
        }
        let mut secrets = self.secrets.clone();
        secrets.extend(key_logs.into_iter().map(|k| k.text.into_bytes()));
        for input in inputs {
            self.input(input, &secrets)?;
        }
        self.out.flush()
    }

    /// Answers one file or member of an archive.
    fn input(&mut self, input: Input, secrets: &[Vec<u8>]) -> io::Result<()> {
        let source = Source {
            label: input.label,
            bytes: input.bytes,
        };
        let means = Means {
            secrets,
            zone: self.zone.as_ref(),
            hash: false,
        };
        let label = match &self.veil {
            Some(veil) => veil.path(&source.label),
            None => source.label.clone(),
        };
        let mut writer = Writer {
            out: &mut self.out,
            veil: self.veil.as_mut(),
            label: &label,
            carved: source.bytes.carved(),
            events: 0,
            failed: None,
        };
        let read = catch_unwind(AssertUnwindSafe(|| {
            pipeline::stream(&source, &means, &rdpwhy_analyzer::Silent, &mut |event| {
                writer.event(event);
            })
        }));
        let Writer { events, failed, .. } = writer;
        if let Some(e) = failed {
            return Err(e);
        }
        let Ok(read) = read else {
            return self.error(&source.label, BROKE_DOWN, None);
        };
        for defect in &read.batch.defects {
            let what = self.veiled(&defect.what);
            self.out
                .write_all(lines::defect(&label, defect, &what).as_bytes())?;
        }
        self.out
            .write_all(lines::end(&label, &read, events).as_bytes())
    }

    fn veiled(&self, text: &str) -> String {
        match &self.veil {
            Some(veil) => veil.text(text),
            None => text.to_owned(),
        }
    }

    fn error(&mut self, source: &str, what: &str, advice: Option<&str>) -> io::Result<()> {
        let source = match &self.veil {
            Some(veil) => veil.path(source),
            None => source.to_owned(),
        };
        let what = self.veiled(what);
        self.out
            .write_all(lines::error(&source, &what, advice).as_bytes())
    }
}

const BROKE_DOWN: &str = "reading it broke down: a mistake in this program, please report it";

/// Writes the events of one source.
struct Writer<'r, 'o, 'a> {
    out: &'r mut BufWriter<&'o mut (dyn Write + Send)>,
    veil: Option<&'r mut Veil>,
    label: &'a str,
    /// Whether all of the source lay outside any file.
    carved: bool,
    events: u64,
    /// Why nothing more is written.
    failed: Option<io::Error>,
}

impl Writer<'_, '_, '_> {
    fn event(&mut self, event: EventRef<'_>) {
        if self.failed.is_some() {
            return;
        }
        let mut entry = Entry::of(event, self.label);
        entry.recovered |= self.carved;
        let host;
        if let Some(veil) = self.veil.as_deref_mut() {
            let mut named = Identities::default();
            named.host(entry.host.unwrap_or_default());
            named.event(event);
            veil.learn(&named);
            entry.veil(veil);
            host = entry.host.map(|h| veil.name(h));
            entry.host = host.as_deref();
        }
        self.events += 1;
        let text = EventLine::new(&entry, None).text();
        self.failed = self.out.write_all(text.as_bytes()).err();
    }
}

#[cfg(unix)]
fn path_of(line: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    PathBuf::from(std::ffi::OsStr::from_bytes(line))
}

#[cfg(not(unix))]
fn path_of(line: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(line).into_owned())
}
