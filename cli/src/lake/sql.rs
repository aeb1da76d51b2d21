//! `rdpwhy sql`: a question, an answer.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use rdpwhy_lake::LakeError;
use rdpwhy_lake::sql::{Answer, Engine, Tools, queries};
use rdpwhy_lake::store::Place;

use super::evidence::named;
use super::{Reading, remote, store, table, told};
use crate::evidence::Destination;
use crate::speaker::{Speaker, Stop};
use crate::{NOTHING_READ, Surroundings, put, render};

/// Shown below the help.
pub const EXAMPLES: &str = "\
Tables: event, attempt, verdict; their columns: SELECT table_name, column_name, data_type FROM information_schema.columns
Functions: rdp_diagnose(array_agg(event)) gives the verdicts of a case, rdp_report(array_agg(event)) its whole report as JSON,
parse_log('PATH', …) is a table of events without a store. Names that SQL uses itself stand in double quotes: \"values\", \"user\".

Exit status:
  0  answered    2  wrong usage or query    3  nothing could be read

Examples:
  rdpwhy sql --list
  rdpwhy sql --query hosts-by-cause --store cases
  rdpwhy sql --query worst-servers collections/ --by-host --format csv
  rdpwhy sql \"SELECT unit, cause, title FROM verdict WHERE severity = 'failure'\" --store s3://bucket/cases
  rdpwhy sql \"SELECT time, says FROM event WHERE \\\"values\\\"['client_ip'] = '10.0.0.7' ORDER BY time\" case-114/
  rdpwhy sql \"SELECT kind, count(*) FROM parse_log('System.evtx') GROUP BY kind\"";

/// `rdpwhy sql`.
#[derive(Debug, Args)]
pub struct Arguments {
    /// The query, unless --query names one; then evidence to ask: files, folders, archives, addresses
    #[arg(value_name = "SQL|PATH", required_unless_present_any = ["list", "query"])]
    pub words: Vec<PathBuf>,

    /// Ask this store: a folder, or an address such as s3://bucket/folder
    #[arg(long, value_name = "STORE")]
    pub store: Option<String>,

    /// Run a query of the library
    #[arg(long, value_name = "NAME")]
    pub query: Option<String>,

    /// List the library; with --query, print that query
    #[arg(long)]
    pub list: bool,

    /// How the answer is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub format: Format,

    /// Write it to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Have a cluster answer: the address of its scheduler
    ///
    /// Its executors read the store: STORE is the same folder for all of them, or an address such as s3://bucket/folder.
    #[cfg(feature = "cluster")]
    #[arg(long, value_name = "df://HOST:PORT", conflicts_with = "knowledge")]
    pub cluster: Option<String>,

    /// How evidence is read.
    #[command(flatten)]
    pub reading: Reading,
}

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people; long values are cut
    Table,
    /// For programs: an object per row
    Jsonl,
    /// For spreadsheets
    Csv,
}

/// Runs it and returns the exit status.
pub fn sql(
    args: &Arguments,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    told(err, surroundings, |say| run(args, out, say))
}

fn run(args: &Arguments, out: &mut dyn Write, say: &mut Speaker<'_>) -> Result<u8, Stop> {
    let chosen = args.query.as_deref().map(chosen).transpose()?;
    if args.list {
        let text = match chosen {
            Some(query) => query.to_owned(),
            None => library(),
        };
        put(out, text.as_bytes()).map_err(unwritable)?;
        return Ok(0);
    }
    let (query, paths) = match (chosen, args.words.split_first()) {
        (Some(query), _) => (query.to_owned(), args.words.as_slice()),
        (None, Some((query, paths))) => (text_of(query)?, paths),
        (None, None) => return Err(Stop::usage("no query is given: see rdpwhy sql --list")),
    };
    let output = Destination::open(args.output.as_deref())?;
    // A call inside a query works alone: the engine already runs as many as there are threads.
    let engine = engine(args, &args.reading.tools(Some(1))?)?;
    let asked = Asked::of(args, paths, say)?;
    let threads = args.reading.threads;
    rdpwhy_lake::wait(threads, async {
        if let Some(place) = asked.place()? {
            engine.open(&place).await?;
        }
        Ok::<_, LakeError>(())
    })?;
    if args.format == Format::Table {
        // How wide the columns are is known at the end.
        let answer = rdpwhy_lake::wait(threads, engine.query(&query))?;
        let cells = answer.cells().map_err(unwritable)?;
        let text = table::text(&answer.columns(), &answer.numbers(), &cells);
        output.write(&text, out)?;
        return Ok(0);
    }
    output.fill(out, |to| {
        rdpwhy_lake::wait(threads, async {
            let piece = |piece: &Answer| wanted(to, &written(piece, args.format)?);
            engine.each(&query, piece).await
        })
    })?;
    Ok(0)
}

/// Where the query runs.
#[cfg(feature = "cluster")]
fn engine(args: &Arguments, tools: &Tools) -> Result<Engine, Stop> {
    let threads = args.reading.threads;
    let Some(cluster) = &args.cluster else {
        return Ok(Engine::new(tools, threads));
    };
    let cluster = rdpwhy_lake::cluster::Address::parse(cluster)?;
    rdpwhy_lake::wait(Some(1), cluster.ready(std::time::Duration::ZERO, true))?;
    Ok(Engine::on(&cluster, tools, threads)?)
}

/// Where the query runs: without the feature `cluster` always here.
#[cfg(not(feature = "cluster"))]
#[allow(clippy::unnecessary_wraps, reason = "with the feature it can fail")]
fn engine(args: &Arguments, tools: &Tools) -> Result<Engine, Stop> {
    Ok(Engine::new(tools, args.reading.threads))
}

/// Writes it, and says whether somebody still reads: `| head` has seen enough.
fn wanted(to: &mut dyn Write, text: &str) -> Result<bool, Stop> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(e) => Err(unwritable(e)),
    }
}

/// What is asked.
enum Asked {
    /// No store: the query brings its own evidence, or needs none.
    Nothing,
    /// A store that is there.
    Store(String),
    /// One that lasts as long as the query.
    Passing(tempfile::TempDir),
}

impl Asked {
    fn of(args: &Arguments, paths: &[PathBuf], say: &mut Speaker<'_>) -> Result<Self, Stop> {
        if let Some(store) = &args.store {
            if !paths.is_empty() {
                return Err(Stop::usage(
                    "either --store or PATHs can be asked, not both",
                ));
            }
            return Ok(Self::Store(store.clone()));
        }
        match paths {
            [] => return Ok(Self::Nothing),
            [one] if is_store(one) => {
                return Ok(Self::Store(one.to_string_lossy().into_owned()));
            }
            _ => {}
        }
        let temporary = args.reading.temporary();
        let folder = tempfile::Builder::new()
            .prefix("rdpwhy-")
            .tempdir_in(&temporary)
            .map_err(|e| Stop::usage(format!("{}: {e}", temporary.display())))?;
        let evidence = named(paths, &args.reading, say)?;
        let store = folder.path().join("store");
        if !store::passing(&evidence, &args.reading, &store, say)? {
            return Err(Stop {
                what: "no event log and no capture could be read".to_owned(),
                status: NOTHING_READ,
            });
        }
        Ok(Self::Passing(folder))
    }

    fn place(&self) -> Result<Option<Place>, rdpwhy_lake::LakeError> {
        match self {
            Self::Nothing => Ok(None),
            Self::Store(address) => Place::parse(address).map(Some),
            Self::Passing(folder) => Place::folder(&folder.path().join("store")).map(Some),
        }
    }
}

/// Whether there is a store, rather than evidence.
fn is_store(path: &Path) -> bool {
    match path.to_str().filter(|p| Place::is_address(p)) {
        Some(address) => remote::manifest(address).is_ok(),
        None => path.join("store.json").is_file(),
    }
}

fn text_of(query: &Path) -> Result<String, Stop> {
    let text = query
        .to_str()
        .ok_or_else(|| Stop::usage("the query is no text"))?;
    if text.contains(char::is_whitespace) {
        return Ok(text.to_owned());
    }
    let known: Vec<&str> = queries().iter().map(|q| q.name).collect();
    let hint = match known.iter().find(|name| **name == text) {
        Some(name) => format!("did you mean --query {name}?"),
        None => "a query comes first: rdpwhy sql \"SELECT …\" PATH".to_owned(),
    };
    Err(Stop::usage(format!("{text}: is no query: {hint}")))
}

fn chosen(name: &str) -> Result<&'static str, Stop> {
    rdpwhy_lake::sql::named(name).map(|q| q.sql).ok_or_else(|| {
        let names: Vec<&str> = queries().iter().map(|q| q.name).collect();
        Stop::usage(format!(
            "--query {name}: there is no such query, but {}",
            names.join(", ")
        ))
    })
}

fn library() -> String {
    let width = queries().iter().map(|q| q.name.len()).max().unwrap_or(0);
    let line = |q: &rdpwhy_lake::sql::Named| format!("{:width$}  {}\n", q.name, q.title());
    queries().iter().map(line).collect()
}

/// A piece of the answer; one without rows is the first.
fn written(answer: &Answer, format: Format) -> Result<String, Stop> {
    if format == Format::Jsonl {
        let lines = answer.json_lines().map_err(unwritable)?;
        return Ok(render::json::visible(&lines));
    }
    let mut text = String::new();
    if answer.batches.is_empty() {
        crate::timeline::cells::row(answer.columns(), &mut text);
    }
    for row in answer.cells().map_err(unwritable)? {
        let cells = row.iter().map(|c| c.as_deref().unwrap_or_default());
        crate::timeline::cells::row(cells, &mut text);
    }
    Ok(text)
}

fn unwritable(e: impl std::fmt::Display) -> Stop {
    Stop::usage(format!("the result cannot be written: {e}"))
}
