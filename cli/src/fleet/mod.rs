//! `rdpwhy fleet`: many hosts in one run, each on its own, and what they tell together.
//!
//! ```text
//! units (hosts) → gate → analysis, several at a time → queue (order of the hosts) → results, journal → tally → summary
//! ```

mod arguments;
pub(crate) mod gate;
mod journal;
mod line;
mod manifest;
pub(crate) mod names;
mod queue;
mod summary;
mod tally;
mod told;
pub(crate) mod units;
mod veiled;
pub(crate) mod worker;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rdpwhy_analyzer::{Options, pipeline};

use crate::asked::moment;
use crate::engine;
use crate::evidence::key_log;
use crate::interrupt::{self, INTERRUPTED};
use crate::output::Output;
use crate::progress::{Mode, Progress};
use crate::redact::Veil;
use crate::render::{self, Style};
use crate::span::Span;
use crate::speaker::{Speaker, Stop, cannot_write};
use crate::{NOTHING_READ, Surroundings, put};
pub use arguments::{EXAMPLES, Fleet, Format};
use gate::Gate;
use journal::{Earlier, Results};
use manifest::Manifest;
use names::Names;
use queue::Queue;
use tally::Tally;
use units::Stamp;
use worker::Worker;

/// Runs it and returns the exit status.
pub fn fleet(
    args: &Fleet,
    out: &mut (dyn Write + Send),
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let mut say = Speaker { err, surroundings };
    let ended = run(args, out, &mut say);
    say.end(ended)
}

fn run(args: &Fleet, out: &mut (dyn Write + Send), say: &mut Speaker<'_>) -> Result<u8, Stop> {
    let span = Span::of(&args.span).map_err(Stop::usage)?;
    let mut output = match args.output.as_deref().filter(|p| *p != Path::new("-")) {
        Some(path) => Some(Output::open(path).map_err(|e| cannot_write(path, &e))?),
        None => None,
    };
    let manifest = args.manifest.as_deref().map(Manifest::open).transpose();
    let manifest = manifest.map_err(|(path, e)| cannot_write(&path, &e))?;
    let knowledge = engine::knowledge(args.knowledge.as_deref()).map_err(Stop::usage)?;
    let progress = Progress::new(
        Mode::of(args.progress, say.surroundings.progress),
        say.surroundings.charset,
    );
    progress.source("looking for hosts");
    #[cfg(feature = "cluster")]
    let found = match &args.cluster {
        Some(_) => crate::cluster::hosts(&args.paths, args.depth)?,
        None => units::units(&args.paths, args.depth),
    };
    #[cfg(not(feature = "cluster"))]
    let found = units::units(&args.paths, args.depth);
    for problem in &found.problems {
        say.warning(problem);
    }
    if found.units.is_empty() {
        progress.finish();
        return Err(Stop {
            what: "no host was found: neither a folder nor an archive nor a log in it".to_owned(),
            status: NOTHING_READ,
        });
    }
    let mut key_logs = Vec::new();
    for path in args.reading.keylog.iter().chain(&found.key_logs) {
        key_logs.push(key_log(path)?);
    }
    let limits = Options {
        since: span.since.map(moment),
        until: span.until.map(moment),
        zone: span.zone.clone(),
        hash: args.hash.is_some(),
        identities: args.redact,
        ..Options::default()
    };
    let settings = settings(args, &key_logs);
    let temporary = args.reading.temporary();
    let (earlier, results) = match &args.results {
        None => (Earlier::default(), None),
        Some(path) => {
            let earlier = if args.resume {
                Earlier::read(path, &settings, &temporary).map_err(|e| {
                    Stop::usage(format!("{}: cannot be resumed: {e}", path.display()))
                })?
            } else {
                Earlier::default()
            };
            // The journal beside the results tells the names of all files.
            let results = if args.redact {
                Results::without_journal(path)
            } else {
                Results::create(path, &settings)
            };
            (earlier, Some(results.map_err(|e| cannot_write(path, &e))?))
        }
    };
    if say.surroundings.process {
        interrupt::listen();
    }
    let known = earlier.len();
    progress.total(
        found.units.len() as u64,
        found.units.iter().map(|u| u.files).sum(),
        found.units.iter().map(|u| u.bytes).sum(),
    );
    let sink = Mutex::new(Sink {
        queue: Queue::new(temporary.clone()),
        results,
        lines: match (args.format, &mut output) {
            (Format::Jsonl, Some(file)) => Some(file as &mut (dyn Write + Send)),
            (Format::Jsonl, None) => Some(&mut *out),
            _ => None,
        },
        manifest,
        tally: Tally::default(),
        veil: args.redact.then(|| Veil::new(&knowledge)),
        failed: None,
    });
    let threads = args.threads;
    let parallel = threads.unwrap_or_else(|| {
        std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
    });
    let gate = Gate::new(args.max_memory);
    let worker = Worker {
        units: &found.units,
        earlier: Mutex::new(earlier),
        knowledge: &knowledge,
        limits: &limits,
        key_logs: &key_logs,
        reading: &args.reading,
        temporary: &temporary,
        gate: &gate,
        memory: usize::try_from(args.max_memory / 4).unwrap_or(usize::MAX) / parallel,
        parallel,
        progress: &progress,
        names: &Names::default(),
        missing: &[],
    };
    let stopped = || interrupt::asked() || lock(&sink).failed.is_some();
    let take = |n: usize, stamps: Vec<Stamp>, bytes: Vec<u8>| {
        let label = found.units.get(n).map_or("", |u| u.label.as_str());
        let item = Item {
            label: label.to_owned(),
            stamps,
        };
        lock(&sink).take(n, item, bytes);
    };
    let here = || {
        let admit = |n| worker.admit(n);
        pipeline::each(threads, found.units.len(), admit, |n, _pass| {
            if stopped() {
                return;
            }
            if let Some((stamps, bytes)) = worker.work(n) {
                take(n, stamps, bytes);
            }
        });
        Ok(Vec::new())
    };
    #[cfg(feature = "cluster")]
    let ended: Result<Vec<String>, Stop> = match &args.cluster {
        Some(cluster) => crate::cluster::fleet(cluster, args, &key_logs, &worker, &stopped, &take),
        None => here(),
    };
    #[cfg(not(feature = "cluster"))]
    let ended: Result<Vec<String>, Stop> = here();
    progress.finish();
    for told in ended.iter().flatten() {
        say.line(told);
    }
    let mut sink = sink.into_inner().unwrap_or_else(PoisonError::into_inner);
    sink.rest();
    let interrupted = interrupt::asked();
    let done = sink.tally.summary(found.units.len() as u64, interrupted);
    let Sink {
        manifest,
        tally,
        failed,
        results,
        ..
    } = sink;
    if let Some(Failure { what, error }) = failed {
        let left = match &results {
            Some(r) if what == r.path().display().to_string() => {
                "; the hosts before are whole in it, and --resume goes on from there"
            }
            _ => "",
        };
        return Err(Stop::usage(format!(
            "{what}: cannot be written: {error}{left}"
        )));
    }
    if let Err(mut stop) = ended {
        if args.results.is_some() {
            stop.what += "; the hosts that were done are written, and --resume goes on from there";
        }
        return Err(stop);
    }
    let style = style(say.surroundings, output.is_some());
    let text = match args.format {
        Format::Text => summary::text(&done, &style),
        Format::Csv => summary::csv(&done),
        Format::Json => render::json::pretty(&done).map_err(unwritable)?,
        Format::Jsonl => {
            let object = serde_json::json!({ "type": "summary", "summary": &done });
            render::json::line(&object).map_err(unwritable)?
        }
    };
    match (output, &args.output) {
        (Some(output), Some(path)) => output
            .write(text.as_bytes())
            .map_err(|e| cannot_write(path, &e))?,
        _ => put(out, text.as_bytes()).map_err(unwritable)?,
    }
    if let Some(manifest) = manifest {
        manifest
            .finish()
            .map_err(|(path, e)| cannot_write(&path, &e))?;
    }
    if args.resume {
        say.line(&format!(
            "rdpwhy: {known} hosts were in the journal, {} of {} are in the results now",
            done.hosts, done.of
        ));
    }
    if interrupted {
        let go_on = match &args.results {
            Some(_) => "; --resume goes on from there",
            None => "",
        };
        say.line(&format!(
            "rdpwhy: broken off: {} of {} hosts are written{go_on}",
            done.hosts, done.of
        ));
        return Ok(INTERRUPTED);
    }
    Ok(tally.exit_status())
}

/// A host on its way to the output.
struct Item {
    label: String,
    stamps: Vec<Stamp>,
}

/// Where results go. Only what is written is counted.
struct Sink<'a> {
    queue: Queue<Item>,
    results: Option<Results>,
    /// Where lines go besides.
    lines: Option<&'a mut (dyn Write + Send)>,
    manifest: Option<Manifest>,
    tally: Tally,
    /// Whom the lines must not name. Hosts come by in their order, so that numbers are the same in every run.
    veil: Option<Veil>,
    failed: Option<Failure>,
}

/// What could not be written.
struct Failure {
    what: String,
    error: io::Error,
}

impl Sink<'_> {
    fn take(&mut self, number: usize, item: Item, bytes: Vec<u8>) {
        if self.failed.is_some() {
            return;
        }
        if let Err(error) = self.queue.put(number, item, bytes) {
            return self.fail("temporary file", error);
        }
        loop {
            match self.queue.next() {
                Ok(Some((_, item, bytes))) => self.write(item, &bytes),
                Ok(None) => break,
                Err(error) => return self.fail("temporary file", error),
            }
        }
    }

    /// Writes what waits for hosts that will not come any more.
    fn rest(&mut self) {
        while self.failed.is_none() {
            match self.queue.any() {
                Ok(Some((_, item, bytes))) => self.write(item, &bytes),
                Ok(None) => break,
                Err(error) => return self.fail("temporary file", error),
            }
        }
        if let Some(results) = self.results.as_mut().filter(|_| self.failed.is_none())
            && let Err(error) = results.finish()
        {
            let what = results.path().display().to_string();
            self.fail(what, error);
        }
    }

    fn write(&mut self, item: Item, bytes: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        let redacted = self.veil.as_mut().map(|veil| veiled::lines(veil, bytes));
        let bytes = redacted.as_deref().unwrap_or(bytes);
        if let Some(lines) = &mut self.lines
            && let Err(error) = put(*lines, bytes)
        {
            return self.fail("output", error);
        }
        if let Some(manifest) = &mut self.manifest
            && let Err((path, error)) = manifest.add(&item.stamps)
        {
            return self.fail(path.display().to_string(), error);
        }
        if let Some(results) = &mut self.results
            && let Err(error) = results.write(&item.label, item.stamps, bytes)
        {
            let what = results.path().display().to_string();
            return self.fail(what, error);
        }
        for text in bytes.split(|b| *b == b'\n').filter(|l| !l.is_empty()) {
            if let Ok(line) = serde_json::from_slice(text) {
                self.tally.add(&line);
            }
        }
    }

    fn fail(&mut self, what: impl Into<String>, error: io::Error) {
        let what = what.into();
        self.failed = Some(Failure { what, error });
    }
}

fn lock<'s, 'a>(sink: &'s Mutex<Sink<'a>>) -> std::sync::MutexGuard<'s, Sink<'a>> {
    sink.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unwritable(e: impl std::fmt::Display) -> Stop {
    Stop::usage(format!("the result cannot be written: {e}"))
}

/// What changes results, in one line: lines of a run with other settings are of no use.
fn settings(args: &Fleet, key_logs: &[crate::input::KeyLog]) -> String {
    let mut told = format!(
        "depth={} since={:?} until={:?} around={:?} window={} tz={:?} password={} carve={}",
        args.depth,
        args.span.since,
        args.span.until,
        args.span.around,
        args.span.window,
        args.span.tz,
        args.reading.password.is_some(),
        args.reading.carve,
    );
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let texts = key_logs.iter().map(|k| k.text.clone());
    let causes = args.knowledge.as_deref().map(engine::cause_files);
    let causes = causes.and_then(Result::ok).unwrap_or_default();
    for text in texts.chain(causes.into_iter().map(|(path, text)| path + &text)) {
        for byte in text.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    let _ = write!(told, " data={hash:016x}");
    told
}

fn style(surroundings: &Surroundings, to_file: bool) -> Style {
    Style {
        width: if to_file {
            Style::default().width
        } else {
            surroundings.width
        },
        colour: surroundings.colour && !to_file,
        charset: surroundings.charset,
        ..Style::default()
    }
}

/// `rdpwhy diagnose --by-host`.
pub fn by_host(
    args: &crate::args::Diagnose,
    format: Format,
    out: &mut (dyn Write + Send),
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let fleet_args = Fleet {
        paths: args.paths.clone(),
        format,
        output: args.output.clone(),
        results: None,
        resume: false,
        depth: 1,
        span: args.span.clone(),
        reading: args.reading.clone(),
        knowledge: args.knowledge.clone(),
        hash: args.hash,
        manifest: None,
        redact: args.redact,
        progress: args.progress,
        threads: args.threads,
        max_memory: arguments::MEMORY,
        #[cfg(feature = "cluster")]
        cluster: None,
    };
    fleet(&fleet_args, out, err, surroundings)
}
