//! `rdpwhy script`: PowerShell for Windows PowerShell 5.1 and PowerShell 7 that collects, tests or mends.
//!
//! Nothing from the evidence stands where PowerShell would run it: commands are those of the cause files, and names are
//! literals in the script's parameters (`literal`).

pub(crate) mod effect;
mod fix;
mod literal;
mod parameters;
mod template;

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use rdpwhy_analyzer::nearest::nearest;
use rdpwhy_analyzer::report::{Report, VerdictReport};
use rdpwhy_analyzer::{Knowledge, Options, report};
use rdpwhy_parsers::catalog;

use crate::Surroundings;
use crate::args::{ProgressMode, Reading};
use crate::engine;
use crate::evidence::{self, Destination, Wanted};
use crate::redact;
use crate::speaker::{Speaker, Stop};
use literal::literal;
use parameters::Names;
use template::filled;

const LOOK: &str = include_str!("powershell/look.ps1");
const TESTS: &str = include_str!("powershell/tests.ps1");
const COLLECT: &str = include_str!("powershell/collect.ps1");
const DIAGNOSE: &str = include_str!("powershell/diagnose.ps1");
const RDP_PORT: u16 = 3389;

/// Shown below the help.
pub const EXAMPLES: &str = "\
Examples:
  rdpwhy script --collect -o collect.ps1                     run it on the server, and on a client that fails
  rdpwhy script --diagnose -o diagnose.ps1                   tests of a server, or of the way to one
  rdpwhy script --fix private-key-access-denied -o fix.ps1   the remedy of a cause
  rdpwhy script --fix v-8c20a1774e91 case-114/ -o fix.ps1    the remedy of a verdict, with the names of its case

All of them show what they would do, and write or change nothing before they are told to (-Run, -Apply).";

/// `rdpwhy script`.
#[derive(Debug, Args)]
pub struct Script {
    /// What to write.
    #[command(flatten)]
    pub what: What,

    /// Evidence that gives the names: file, folder or archive, as for diagnose
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Write the script to FILE instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace users, hosts and addresses, the same one by the same, so that the result can be passed on
    ///
    /// The names of the case are then placeholders, which have to be filled in before the script runs.
    #[arg(long, requires = "paths")]
    pub redact: bool,

    /// How.
    #[command(flatten)]
    pub reading: Reading,

    /// Folder of cause files to use beside the built-in ones
    #[arg(long, value_name = "FOLDER", help_heading = "Evidence")]
    pub knowledge: Option<PathBuf>,
}

/// One of three scripts.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct What {
    /// Export the logs, the state and, when asked, packets of a server or client into one zip file
    #[arg(long)]
    pub collect: bool,

    /// Test a server, or the way to one
    #[arg(long)]
    pub diagnose: bool,

    /// Do what mends a cause, or a verdict of the evidence: dry run, backup, undo, check
    #[arg(long, value_name = "CAUSE|VERDICT")]
    pub fix: Option<String>,
}

/// Runs it and returns the exit status: 0 when the script was written.
pub fn script(
    args: &Script,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let mut say = Speaker { err, surroundings };
    let ended = run(args, out, &mut say).map(|()| 0);
    say.end(ended)
}

fn run(args: &Script, out: &mut dyn Write, say: &mut Speaker<'_>) -> Result<(), Stop> {
    let output = Destination::open(args.output.as_deref())?;
    let knowledge = engine::knowledge(args.knowledge.as_deref()).map_err(Stop::usage)?;
    let report = if args.paths.is_empty() {
        None
    } else {
        Some(read(args, &knowledge, say)?)
    };
    let (report, veil) = match report {
        Some(mut report) if args.redact => {
            let veil = redact::redact(&mut report, &knowledge);
            (Some(report), Some(veil))
        }
        report => (report, None),
    };
    let text = match &args.what.fix {
        Some(asked) => {
            // Who asks may have read the verdict's id in a report that is not redacted.
            let known = veil.and_then(|v| v.known_id(asked));
            mend(&knowledge, report.as_ref(), known.as_ref().unwrap_or(asked))?
        }
        None if args.what.collect => collect(),
        None => test(report.as_ref()),
    };
    output.write(&text, out)
}

fn read(args: &Script, knowledge: &Knowledge, say: &mut Speaker<'_>) -> Result<Report, Stop> {
    let wanted = Wanted {
        paths: &args.paths,
        reading: &args.reading,
        progress: ProgressMode::Auto,
    };
    let found = evidence::gather(&wanted, say)?;
    let limits = Options {
        identities: args.redact,
        ..Options::default()
    };
    let report = engine::analyze(
        found.inputs,
        found.key_logs,
        &limits,
        knowledge,
        &found.progress,
    );
    found.progress.finish();
    for problem in &found.problems {
        say.warning(problem);
    }
    report.map_err(Stop::usage)
}

fn collect() -> String {
    // What nobody switches on is not there to be exported.
    let wanted =
        |c: &&str| !c.ends_with("/Analytic") && !c.ends_with("/Debug") && *c != STATE_CHANNEL;
    let mut channels: Vec<&str> = catalog::all()
        .iter()
        .map(|e| e.channel)
        .filter(wanted)
        .collect();
    channels.sort_unstable();
    channels.dedup();
    let channels: Vec<String> = channels
        .iter()
        .map(|c| format!("    {}", literal(c)))
        .collect();
    filled(
        COLLECT,
        &[("LOOK", LOOK), ("CHANNELS", &channels.join("\n"))],
    )
}

/// Of the records that the collecting script writes itself.
const STATE_CHANNEL: &str = "rdpwhy-collect/State";

fn test(report: Option<&Report>) -> String {
    let first = report.and_then(|r| {
        let judged = r.verdicts.iter().find_map(|v| example(r, v));
        judged.or(r.attempts.first())
    });
    let names = first.map(Names::of).unwrap_or_default();
    let port = first.and_then(|a| a.server.port).unwrap_or(RDP_PORT);
    let asked: Vec<String> = report
        .into_iter()
        .flat_map(|r| &r.verdicts)
        .filter_map(|v| v.cause.as_ref())
        .map(|cause| {
            let line = literal(&format!("The evidence speaks for {cause}."));
            format!("Write-Host {line}")
        })
        .collect();
    filled(
        DIAGNOSE,
        &[
            ("LOOK", LOOK),
            ("TESTS", TESTS),
            (
                "SERVER",
                &literal(names.server.as_deref().unwrap_or_default()),
            ),
            ("PORT", &port.to_string()),
            ("ASK", &asked.join("\n")),
        ],
    )
}

fn mend(knowledge: &Knowledge, report: Option<&Report>, asked: &str) -> Result<String, Stop> {
    let verdict = report.and_then(|r| {
        let same = |v: &&VerdictReport| v.id == asked || v.cause.as_deref() == Some(asked);
        r.verdicts.iter().find(same).map(|v| (r, v))
    });
    let id = match verdict {
        Some((_, v)) => v.cause.as_deref().ok_or_else(|| {
            Stop::usage(format!(
                "{asked} names no cause, so there is nothing to mend; rdpwhy report --checklist tells what to collect"
            ))
        })?,
        None if asked.starts_with("v-") => {
            return Err(Stop::usage(match report {
                Some(_) => format!("{asked} is no verdict of this evidence"),
                None => format!("{asked} is a verdict: give the evidence that it is of as well"),
            }));
        }
        None => asked,
    };
    let Some(cause) = knowledge.cause(id) else {
        let near = nearest(id, knowledge.causes.iter().map(|c| c.id.as_str()), 1);
        let near = near.first().map(|n| format!("; did you mean {n}?"));
        let near = near.unwrap_or_default();
        return Err(Stop::usage(format!("{id} is no cause{near}")));
    };
    let Some(remedy) = &cause.remedy else {
        return Err(Stop::usage(format!("{id} has no remedy")));
    };
    let attempt = verdict.and_then(|(r, v)| example(r, v));
    let mut names = attempt.map(Names::of).unwrap_or_default();
    if names.server.is_none() && cause.host == "server" {
        names.server = verdict.and_then(|(_, v)| v.host.clone());
    }
    let id = verdict.map_or(cause.id.as_str(), |(_, v)| v.id.as_str());
    Ok(fix::script(&fix::Case {
        id,
        cause,
        remedy,
        names,
    }))
}

/// The connection that a verdict is told by.
fn example<'a>(report: &'a Report, v: &VerdictReport) -> Option<&'a report::AttemptReport> {
    let id = v.example.as_ref().or(v.attempts.first())?;
    report.attempts.iter().find(|a| a.id == *id)
}

/// The remedies of all causes, as scripts with these names: for whoever checks that each of them parses.
pub fn remedies(knowledge: &Knowledge, names: [&str; 3]) -> Vec<(String, String)> {
    let [server, client, user] = names.map(|n| Some(n.to_owned()));
    let one = |cause: &rdpwhy_analyzer::knowledge::Cause| {
        let names = Names {
            server: server.clone(),
            client: client.clone(),
            user: user.clone(),
        };
        let remedy = cause.remedy.as_ref()?;
        let id = cause.id.as_str();
        Some((
            id.to_owned(),
            fix::script(&fix::Case {
                id,
                cause,
                remedy,
                names,
            }),
        ))
    };
    knowledge.causes.iter().filter_map(one).collect()
}
