//! `rdpwhy store`: evidence into a folder of Parquet files.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use rdpwhy_lake::LakeError;
use rdpwhy_lake::store::{Added, Manifest, Told, fill, verify};
use serde_json::json;

use super::evidence::{Named, named};
use super::{Reading, remote, stop, told};
use crate::args::ProgressMode;
use crate::progress::{Mode, Progress};
use crate::render::{self, count, number, size};
use crate::speaker::{Speaker, Stop};
use crate::{NOTHING_READ, Surroundings, interrupt, put};

/// Shown below the help.
pub const EXAMPLES: &str = "\
A store is a folder of Parquet files, one folder per table and day (event/date=2026-11-21/…), that DuckDB, Spark, ClickHouse
and Athena read as well. What store.json does not name does not count.

Exit status:
  0  done    2  wrong usage, or the store cannot be written    3  nothing could be read
  1  with verify: something is wrong with the store            130  broken off: the store is as it was

Examples:
  rdpwhy store add cases case-114/                 one case, all its files together
  rdpwhy store add cases collections/ --by-host    each folder or archive in it is a host
  rdpwhy store list cases
  rdpwhy store verify cases
  rdpwhy sql --query hosts-by-cause --store cases
  duckdb -c \"SELECT cause, count(*) FROM 'cases/verdict/*/*.parquet' GROUP BY cause\"";

/// `rdpwhy store`.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Add evidence; what is there already is left as it is
    Add(Add),
    /// List what was added
    List {
        /// Folder or address of the store
        #[arg(value_name = "STORE")]
        store: String,
        /// Write it for programs, an object a line
        #[arg(long)]
        json: bool,
    },
    /// Check every file against the manifest
    Verify {
        /// Folder of the store
        #[arg(value_name = "STORE")]
        store: PathBuf,
    },
}

/// `rdpwhy store add`.
#[derive(Debug, Args)]
pub struct Add {
    /// Folder of the store; made where it is not there
    #[arg(value_name = "STORE")]
    pub store: PathBuf,

    /// Evidence: files, folders, archives, or addresses such as s3://bucket/folder
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// How.
    #[command(flatten)]
    pub reading: Reading,

    /// How progress is told on standard error
    #[arg(long, value_enum, default_value_t = ProgressMode::Auto)]
    pub progress: ProgressMode,
}

/// Runs it and returns the exit status.
pub fn store(
    command: &Store,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    told(err, surroundings, |say| match command {
        Store::Add(args) => add(args, out, say),
        Store::List { store, json } => list(store, *json, out),
        Store::Verify { store } => check(store, out),
    })
}

/// Progress that hears Ctrl-C.
struct Heard(Progress);

impl rdpwhy_analyzer::Progress for Heard {
    fn bytes(&self, n: u64) {
        self.0.bytes(n);
    }

    fn source(&self, label: &str) {
        self.0.source(label);
    }

    fn stopped(&self) -> bool {
        interrupt::asked()
    }
}

/// What was added, in numbers.
#[derive(Default)]
struct Sum {
    new: u64,
    known: u64,
    nothing: u64,
    files: u64,
    events: u64,
}

fn add(args: &Add, out: &mut dyn Write, say: &mut Speaker<'_>) -> Result<u8, Stop> {
    let tools = args.reading.tools(args.reading.threads)?;
    let evidence = named(&args.paths, &args.reading, say)?;
    if say.surroundings.process {
        interrupt::listen();
    }
    let mode = Mode::of(args.progress, say.surroundings.progress);
    let progress = Progress::new(mode, say.surroundings.charset);
    progress.total(evidence.units.len() as u64, 0, 0);
    let heard = Heard(progress);
    let mut sum = Sum::default();
    let mut lines = Vec::new();
    let mut tell = |told: &Told| {
        heard.0.host(told.files as u64);
        lines.extend(told.problems.iter().cloned());
        match &told.added {
            Some(Added::New) => {
                sum.new += 1;
                sum.files += told.files as u64;
                sum.events += told.events;
            }
            Some(Added::Known(name)) => {
                sum.known += 1;
                if *name != told.unit {
                    lines.push(format!("{}: is in the store as {name}", told.unit));
                }
            }
            None => sum.nothing += 1,
        }
    };
    let done = fill(
        &args.store,
        &evidence.units,
        &tools.judge,
        &evidence.files,
        args.reading.threads,
        &heard,
        &mut tell,
    );
    heard.0.finish();
    for line in lines {
        say.line(&format!("rdpwhy: {line}"));
    }
    let done = done.map_err(|e| stop(&e))?;
    let word = if args.reading.by_host {
        ("host", "hosts")
    } else {
        ("case", "cases")
    };
    let mut text = format!(
        "added {}: {}, {} events",
        count(sum.new, word.0, word.1),
        count(sum.files, "file", "files"),
        number(sum.events)
    );
    if sum.known > 0 {
        let _ = write!(text, "; {} there already", number(sum.known));
    }
    if sum.nothing > 0 {
        let nothing = number(sum.nothing);
        let _ = write!(text, "; {nothing} of which nothing could be read");
    }
    let _ = writeln!(
        text,
        "\nthe store has {} in {}",
        count(done.inputs as u64, "case or host", "cases and hosts"),
        count(done.parts as u64, "file", "files")
    );
    put(out, text.as_bytes()).map_err(unwritable)?;
    Ok(if sum.new + sum.known == 0 {
        NOTHING_READ
    } else {
        0
    })
}

fn list(store: &str, as_json: bool, out: &mut dyn Write) -> Result<u8, Stop> {
    let manifest = remote::manifest(store).map_err(|e| stop(&e))?;
    let mut text = String::new();
    for input in &manifest.inputs {
        let bytes: u64 = input.files.iter().map(|f| f.bytes).sum();
        let [events, attempts, verdicts] = input.rows;
        if as_json {
            let object = json!({
                "input": input.id,
                "unit": input.unit,
                "judged_by": input.judged_by,
                "files": input.files,
                "rows": {"event": events, "attempt": attempts, "verdict": verdicts},
                "problems": input.problems,
                "more_problems": input.more_problems,
            });
            text += &render::json::line(&object).map_err(unwritable)?;
            continue;
        }
        let mut facts = vec![
            count(input.files.len() as u64, "file", "files"),
            size(bytes),
            count(attempts, "connection", "connections"),
            count(verdicts, "verdict", "verdicts"),
        ];
        let problems = input.problems.len() as u64 + input.more_problems;
        if problems > 0 {
            facts.push(count(problems, "problem", "problems"));
        }
        let unit = super::table::cell(&input.unit);
        let _ = writeln!(text, "{}  {unit}  {}", input.id, facts.join(" · "));
    }
    put(out, text.as_bytes()).map_err(unwritable)?;
    Ok(0)
}

fn check(store: &std::path::Path, out: &mut dyn Write) -> Result<u8, Stop> {
    let wrong = verify(store).map_err(|e: LakeError| stop(&e))?;
    let manifest = Manifest::read(store).map_err(|e| stop(&e))?;
    let manifest = manifest.unwrap_or_default();
    let mut text: String = wrong
        .iter()
        .map(|line| format!("{}\n", super::table::cell(line)))
        .collect();
    if wrong.is_empty() {
        let rows: u64 = manifest.parts.iter().map(|p| p.rows).sum();
        text = format!(
            "{} in {}, {} rows: all as they were written\n",
            count(
                manifest.inputs.len() as u64,
                "case or host",
                "cases and hosts"
            ),
            count(manifest.parts.len() as u64, "file", "files"),
            number(rows)
        );
    }
    put(out, text.as_bytes()).map_err(unwritable)?;
    Ok(u8::from(!wrong.is_empty()))
}

fn unwritable(e: impl std::fmt::Display) -> Stop {
    Stop::usage(format!("the result cannot be written: {e}"))
}

/// Puts evidence into a store that lasts as long as the query.
pub(super) fn passing(
    evidence: &Named,
    reading: &Reading,
    store: &std::path::Path,
    say: &mut Speaker<'_>,
) -> Result<bool, Stop> {
    let tools = reading.tools(reading.threads)?;
    let mut read = false;
    let silent = Heard(Progress::new(Mode::Silent, say.surroundings.charset));
    let mut lines = Vec::new();
    let done = fill(
        store,
        &evidence.units,
        &tools.judge,
        &evidence.files,
        reading.threads,
        &silent,
        &mut |told| {
            read |= told.added.is_some();
            lines.extend(told.problems.iter().cloned());
        },
    );
    for line in lines {
        say.line(&format!("rdpwhy: {line}"));
    }
    done.map_err(|e| stop(&e))?;
    Ok(read)
}
