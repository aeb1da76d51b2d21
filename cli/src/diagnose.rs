//! `rdpwhy diagnose`: paths in, report out.

use std::io::Write;

use rdpwhy_analyzer::nearest::nearest;
use rdpwhy_analyzer::report::{DefectReport, Report, SourceReport};
use rdpwhy_analyzer::{Knowledge, Ladders, Options, Timeline, Told};

use crate::args::Diagnose;
use crate::evidence::{self, Destination, Gathered, Wanted};
use crate::export::{self, Format};
use crate::fleet;
use crate::input::Problem;
use crate::progress::Progress;
use crate::redact;
use crate::render::Style;
use crate::seen;
use crate::span::Span;
use crate::speaker::{Speaker, Stop};
use crate::{Surroundings, USAGE};
use crate::{asked, engine};

/// Format of a source that could not be recognised or opened.
const UNREADABLE: &str = "unknown";

/// Runs it and returns the exit status.
pub fn diagnose(
    args: &Diagnose,
    out: &mut (dyn Write + Send),
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let mut say = Speaker { err, surroundings };
    if args.by_host {
        let Some(format) = by_host(args.format) else {
            say.error("--by-host is written as text or json; see also rdpwhy fleet");
            return USAGE;
        };
        return fleet::by_host(args, format, out, say.err, surroundings);
    }
    let ended = run(args, out, &mut say);
    say.end(ended)
}

/// The form in which many hosts are told, where there is one.
fn by_host(format: Format) -> Option<fleet::Format> {
    match format {
        Format::Text => Some(fleet::Format::Text),
        Format::Json => Some(fleet::Format::Jsonl),
        _ => None,
    }
}

fn run(args: &Diagnose, out: &mut dyn Write, say: &mut Speaker<'_>) -> Result<u8, Stop> {
    let span = Span::of(&args.span).map_err(Stop::usage)?;
    let told = seen::told(&args.seen, &args.only, &span).map_err(Stop::usage)?;
    let limits = limits(args, &span, told);
    let output = Destination::open(args.output.as_deref())?;
    let mut exports = Vec::new();
    for export in &args.export {
        exports.push((export.format, Destination::open(Some(&export.file))?));
    }
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
        reading: &args.reading,
        progress: args.progress,
    };
    let Gathered {
        inputs,
        key_logs,
        problems,
        ignored,
        progress,
    } = evidence::gather(&wanted, say)?;
    let mut formats = args.export.iter().map(|e| e.format).chain([args.format]);
    let analysed = if formats.any(Format::wants_logons) {
        // The same attempts as the report has, if not all.
        let filter = asked::filter(&limits);
        let tell = |mut report: Report, timeline: &Timeline<'_>| {
            if !args.redact {
                let logons = export::logons(timeline, &filter);
                return (report, logons, None);
            }
            let veil = redact::redact(&mut report, &knowledge);
            let logons = export::logons(&timeline.veiled(&veil), &filter);
            (report, logons, Some(veil))
        };
        engine::report_and_timeline(inputs, key_logs, &limits, &knowledge, &progress, tell)
    } else {
        engine::analyze(inputs, key_logs, &limits, &knowledge, &progress)
            .map(|report| (report, Vec::new(), None))
    };
    progress.finish();
    let (mut report, logons, veil) = analysed.map_err(Stop::usage)?;
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
    if let Some(veil) = veil {
        let hide = |p: Problem| Problem {
            path: veil.path(&p.path),
            what: veil.text(&p.what),
            ..p
        };
        add(&mut report, problems.into_iter().map(hide).collect());
    } else {
        add(&mut report, problems);
        if args.redact {
            redact::redact(&mut report, &knowledge);
        }
    }
    let told = export::Told {
        report: &report,
        logons: &logons,
    };
    for (format, file) in exports {
        let style = style(args, span.clone(), say.surroundings, true);
        file.write(&text(&told, format, &style)?, out)?;
    }
    let style = style(args, span, say.surroundings, output.is_file());
    output.write(&text(&told, args.format, &style)?, out)?;
    Ok(status)
}

fn text(told: &export::Told<'_>, format: Format, style: &Style) -> Result<String, Stop> {
    export::text(told, format, style)
        .map_err(|e| Stop::usage(format!("the report cannot be written: {e}")))
}

fn style(args: &Diagnose, span: Span, surroundings: &Surroundings, to_file: bool) -> Style {
    Style {
        all: args.all,
        zone: span.zone,
        ..surroundings.style(args.color, to_file)
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

fn limits(args: &Diagnose, span: &Span, told: Option<Told>) -> Options {
    let mut formats = args.export.iter().map(|e| e.format).chain([args.format]);
    Options {
        told,
        why_not: args.why_not.clone(),
        identities: args.redact,
        hash: args.hash.is_some(),
        ladders: if formats.any(Format::wants_steps) {
            Ladders::All
        } else {
            Ladders::Examples
        },
        threads: args.threads,
        ..asked::options(span, &args.only)
    }
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
