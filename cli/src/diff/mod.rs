//! `rdpwhy diff`: two runs in, what is different between their verdicts out.

mod compare;
mod text;
mod told;

use std::fs::File;
use std::io::{BufReader, Read as _, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use rdpwhy_analyzer::Options;

use crate::args::{Color, ProgressMode, Reading};
use crate::engine;
use crate::evidence::{self, Destination, Wanted};
use crate::input::walk::{label_of, problem};
use crate::render::{json, when::Clock};
use crate::speaker::{Speaker, Stop};
use crate::{NOTHING_READ, Surroundings, span};
use compare::Difference;
use text::Page;
use told::Told;

/// Shown below the help.
pub const EXAMPLES: &str = "\
Exit status:
  0  the verdicts are the same
  1  they are not
  2  wrong usage
  3  one of the two could not be read

Examples:
  rdpwhy diagnose case-114/ --format json -o before.json
  rdpwhy diff before.json case-114/                         has the remedy helped?
  rdpwhy diff monday.jsonl tuesday.jsonl                    two results of rdpwhy fleet --results
  rdpwhy diagnose case-114/ --format json | rdpwhy diff before.json - --format json";

/// Exit status: the verdicts differ.
const DIFFERENT: u8 = 1;
/// Bytes that tell whether a file is one of our results.
const HEAD: u64 = 256;

/// `rdpwhy diff`.
#[derive(Debug, Args)]
pub struct Diff {
    /// Earlier run: a report of diagnose --format json, results of fleet, or evidence; - for standard input
    #[arg(value_name = "BEFORE")]
    pub before: PathBuf,

    /// Later run
    #[arg(value_name = "AFTER")]
    pub after: PathBuf,

    /// How the result is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// Write the result to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Zone that the text shows times in (Europe/Berlin)
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,

    /// Colours
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// How the result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs: schema rdpwhy.diff/1
    Json,
}

/// Runs it and returns the exit status.
pub fn diff(
    args: &Diff,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let mut say = Speaker { err, surroundings };
    let ended = run(args, out, &mut say);
    say.end(ended)
}

fn run(args: &Diff, out: &mut dyn Write, say: &mut Speaker<'_>) -> Result<u8, Stop> {
    if is_input(&args.before) && is_input(&args.after) {
        return Err(Stop::usage(
            "only one of the two can come from standard input",
        ));
    }
    let zone = args.tz.as_deref().map(span::zone).transpose();
    let zone = zone.map_err(Stop::usage)?;
    let output = Destination::open(args.output.as_deref())?;
    let before = told(&args.before, say)?;
    let difference = Difference::between(&before, &told(&args.after, say)?);
    let text = match args.format {
        Format::Json => json::pretty(&difference).map_err(Stop::usage)?,
        Format::Text => Page {
            clock: Clock::new(zone),
            charset: say.surroundings.charset,
            colour: match args.color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => say.surroundings.colour && !output.is_file(),
            },
        }
        .text(&difference),
    };
    output.write(&text, out)?;
    Ok(if difference.is_empty() { 0 } else { DIFFERENT })
}

fn is_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn unreadable(what: String) -> Stop {
    Stop {
        what,
        status: NOTHING_READ,
    }
}

/// One of the runs: read, or made of evidence now.
fn told(path: &Path, say: &mut Speaker<'_>) -> Result<Told, Stop> {
    if is_input(path) {
        return told::read("standard input", std::io::stdin().lock()).map_err(unreadable);
    }
    let label = label_of(path);
    let closed = |e: &std::io::Error| {
        let problem = problem(&label, e);
        unreadable(format!("{}: {}", problem.path, problem.what))
    };
    if std::fs::metadata(path).map_err(|e| closed(&e))?.is_dir() {
        return evidence(path, say);
    }
    let mut file = File::open(path).map_err(|e| closed(&e))?;
    let mut head = Vec::new();
    (&mut file)
        .take(HEAD)
        .read_to_end(&mut head)
        .map_err(|e| closed(&e))?;
    if told::is_ours(&head) {
        let whole = BufReader::new(head.chain(file));
        return told::read(&label, whole).map_err(unreadable);
    }
    evidence(path, say)
}

/// What `diagnose` says of the evidence.
fn evidence(path: &Path, say: &mut Speaker<'_>) -> Result<Told, Stop> {
    let knowledge = engine::knowledge(None).map_err(Stop::usage)?;
    let paths = [path.to_owned()];
    let found = evidence::gather(
        &Wanted {
            paths: &paths,
            reading: &Reading::default(),
            progress: ProgressMode::Auto,
        },
        say,
    )?;
    let report = engine::analyze(
        found.inputs,
        found.key_logs,
        &Options::default(),
        &knowledge,
        &found.progress,
    );
    found.progress.finish();
    let report = report.map_err(Stop::usage)?;
    for problem in &found.problems {
        say.warning(problem);
    }
    // One way into the comparison, whoever wrote the report.
    let text = json::json(&report).map_err(Stop::usage)?;
    told::read(&label_of(path), text.as_bytes()).map_err(unreadable)
}
