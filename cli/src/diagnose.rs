//! `rdpwhy diagnose`: paths in, report out.

use std::io::Write;

use rdpwhy_analyzer::nearest::nearest;
use rdpwhy_analyzer::report::{DefectReport, Report, SourceReport};
use rdpwhy_analyzer::{Knowledge, Ladders, Told};
use rdpwhy_parsers::Timestamp;

use crate::Surroundings;
use crate::args::{Diagnose, Format};
use crate::engine::{self, Limits};
use crate::evidence::{self, Destination, Gathered, Wanted};
use crate::fleet;
use crate::input::Problem;
use crate::progress::Progress;
use crate::redact;
use crate::render::{self, Style};
use crate::seen;
use crate::span::Span;
use crate::speaker::{Speaker, Stop};

/// Format of a source that could not be recognised or opened.
const UNREADABLE: &str = "unknown";

/// Runs it and returns the exit status.
pub fn diagnose(
    args: &Diagnose,
    out: &mut (dyn Write + Send),
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    if args.by_host {
        return fleet::by_host(args, out, err, surroundings);
    }
    let mut say = Speaker { err, surroundings };
    let ended = run(args, out, &mut say);
    say.end(ended)
}

fn run(args: &Diagnose, out: &mut dyn Write, say: &mut Speaker<'_>) -> Result<u8, Stop> {
    let span = Span::of(&args.span).map_err(Stop::usage)?;
    let told = seen::told(&args.seen, &args.only, &span).map_err(Stop::usage)?;
    let limits = limits(args, &span, told);
    let output = Destination::open(args.output.as_deref())?;
    let knowledge = engine::knowledge(args.knowledge.as_deref()).map_err(Stop::usage)?;
    if let Some(asked) = &args.why_not {
        known(&knowledge, asked)?;
    }
    #[cfg_attr(
        not(windows),
        allow(unused_mut, reason = "only Windows has logs of its own")
    )]
    let mut paths = args.paths.clone();
    #[cfg(windows)]
    if args.here {
        let here = crate::here::logs(&crate::here::folder(), &|path| std::fs::File::open(path));
        for remark in crate::here::remarks(&here) {
            say.line(&format!("rdpwhy: {remark}"));
        }
        paths.extend(here.readable);
    }
    let wanted = Wanted {
        paths: &paths,
        keylog: &args.keylog,
        password: args.password.as_deref(),
        temporary: args.temp.as_deref(),
        progress: args.progress,
        carve: args.carve,
    };
    let Gathered {
        inputs,
        key_logs,
        problems,
        ignored,
        progress,
    } = evidence::gather(&wanted, say)?;
    let mut report =
        engine::analyze(inputs, key_logs, &limits, &knowledge, &progress).map_err(Stop::usage)?;
    progress.finish();
    for problem in &problems {
        say.warning(problem);
    }
    if args.verbose {
        what_was_read(say, &report, &ignored, &progress);
    }
    let status = evidence::status(&report);
    if evidence::is_unreadable(&report) {
        for source in &report.sources {
            for defect in source.defects.iter().take(1) {
                say.error(format!("{}: {}: {}", source.path, defect.at, defect.what));
            }
        }
    }
    add(&mut report, problems);
    if args.redact {
        redact::redact(&mut report, &knowledge);
    }
    let text = rendered(&report, args, span, say.surroundings, output.is_file())?;
    output.write(&text, out)?;
    Ok(status)
}

fn rendered(
    report: &Report,
    args: &Diagnose,
    span: Span,
    surroundings: &Surroundings,
    to_file: bool,
) -> Result<String, Stop> {
    let style = Style {
        all: args.all,
        zone: span.zone,
        ..surroundings.style(args.color, to_file)
    };
    match args.format {
        Format::Text => Ok(render::text(report, &style)),
        Format::Markdown => Ok(render::markdown(report, &style)),
        Format::Json => render::json::json(report)
            .map_err(|e| Stop::usage(format!("the report cannot be written: {e}"))),
    }
}

fn what_was_read(
    say: &mut Speaker<'_>,
    report: &Report,
    ignored: &std::collections::BTreeMap<&'static str, u64>,
    progress: &Progress,
) {
    for source in &report.sources {
        let (records, events) = (source.records, source.events);
        say.line(&format!(
            "read {}: {}, {records} records, {events} of them used",
            source.path, source.format
        ));
    }
    for (kind, n) in ignored {
        say.line(&format!("left out {n} × {kind}"));
    }
    say.line(&format!("{:.1} s", progress.elapsed().as_secs_f64()));
}

/// Whether there is a cause of this id; if not, the ids that it may have been meant to be.
fn known(knowledge: &Knowledge, asked: &str) -> Result<(), Stop> {
    if knowledge.cause(asked).is_some() {
        return Ok(());
    }
    let ids = nearest(asked, knowledge.causes.iter().map(|c| c.id.as_str()), 5);
    let hint = if ids.is_empty() {
        String::new()
    } else {
        format!(": is it one of {}?", ids.join(", "))
    };
    Err(Stop::usage(format!(
        "--why-not {asked}: no cause has this id{hint}"
    )))
}

fn limits(args: &Diagnose, span: &Span, told: Option<Told>) -> Limits {
    Limits {
        since: span.since.map(moment),
        until: span.until.map(moment),
        host: args.only.host.clone(),
        client: args.only.client.clone(),
        server: args.only.server.clone(),
        user: args.only.user.clone(),
        told,
        why_not: args.why_not.clone(),
        zone: span.zone.clone(),
        identities: args.redact,
        hash: args.hash.is_some(),
        ladders: match args.format {
            Format::Json => Ladders::All,
            Format::Text | Format::Markdown => Ladders::Examples,
        },
        threads: args.threads,
    }
}

/// Beyond what nanoseconds can count there is no event either, so a saturated end is an open one.
pub(crate) fn moment(t: jiff::Timestamp) -> Timestamp {
    Timestamp(
        i64::try_from(t.as_nanosecond()).unwrap_or(if t.as_second() < 0 {
            i64::MIN
        } else {
            i64::MAX
        }),
    )
}

/// Puts what could not be read into the report: beside the source it belongs to, or as a source of its own.
pub(crate) fn add(report: &mut Report, problems: Vec<Problem>) {
    for problem in problems {
        let defect = DefectReport {
            at: "file".to_owned(),
            what: problem.what,
            lost: 0,
        };
        if let Some(source) = report.sources.iter_mut().find(|s| s.path == problem.path) {
            source.defects.push(defect);
            continue;
        }
        let id = report.sources.iter().map(|s| s.id + 1).max().unwrap_or(0);
        report.sources.push(SourceReport {
            id,
            path: problem.path,
            format: UNREADABLE.to_owned(),
            host: None,
            side: None,
            sha256: None,
            bytes: 0,
            records: 0,
            events: 0,
            first: None,
            last: None,
            defects: vec![defect],
        });
    }
}
