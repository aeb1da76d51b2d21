//! `rdpwhy report`: paths in, one file for the person who has to fix it out.
//!
//! The file needs nothing else: no network, no other file. Its tables, ladders and flowcharts are there without scripts;
//! with them the timeline is drawn, and tables sort and filter.

mod arguments;
mod checklist;
mod compare;
mod data;
mod document;
mod flowchart;
mod markup;
mod page;

use std::io::Write;
use std::path::Path;

use rdpwhy_analyzer::report::Report;
use rdpwhy_analyzer::timeline::Filter;
use rdpwhy_analyzer::{Timeline, Told};

use crate::args::ProgressMode;
use crate::diagnose::{Speaker, Stop, add, cannot_write, key_log, moment, nothing};
use crate::engine::{self, Limits};
use crate::output::Output;
use crate::progress::{Mode, Progress};
use crate::render::{self, Context, Style};
use crate::seen;
use crate::span::Span;
use crate::{NOTHING_READ, Surroundings, input, put};
pub use arguments::{Arguments, EXAMPLES, Format};

/// Runs it and returns the exit status, which is that of `diagnose`.
pub fn report(
    args: &Arguments,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let mut say = Speaker { err, surroundings };
    match run(args, out, &mut say) {
        Ok(status) => status,
        Err(stop) => {
            say.error(stop.what);
            stop.status
        }
    }
}

fn run(args: &Arguments, out: &mut dyn Write, say: &mut Speaker<'_>) -> Result<u8, Stop> {
    let span = Span::of(&args.span).map_err(Stop::usage)?;
    let told = seen::told(&args.seen, &args.only, &span).map_err(Stop::usage)?;
    let limits = limits(args, &span, told);
    let output = match args.output.as_deref().filter(|p| *p != Path::new("-")) {
        Some(path) => Some(Output::open(path).map_err(|e| cannot_write(path, &e))?),
        None => None,
    };
    let knowledge = engine::knowledge(args.knowledge.as_deref()).map_err(Stop::usage)?;
    let mut key_logs = Vec::new();
    for path in &args.keylog {
        key_logs.push(key_log(path)?);
    }
    let progress = Progress::new(
        Mode::of(ProgressMode::Auto, say.surroundings.progress),
        say.surroundings.charset,
    );
    let found = input::collect(
        &args.paths,
        &input::Options {
            password: args.password.as_deref(),
            temporary: args.temp.clone().unwrap_or_else(std::env::temp_dir),
            memory: input::MEMORY,
            open_files: input::OPEN_FILES,
            watch: &|label| progress.source(label),
        },
    );
    key_logs.extend(found.key_logs);
    if found.inputs.is_empty() {
        progress.finish();
        return Err(nothing(&args.paths, &found.problems, &found.ignored, say));
    }
    progress.total(
        0,
        found.inputs.len() as u64,
        found.inputs.iter().map(|i| i.bytes.size()).sum(),
    );
    let filter = filter(&limits);
    let problems = found.problems;
    for problem in &problems {
        say.warning(problem);
    }
    let style = Style {
        all: true,
        zone: span.zone,
        ..Style::default()
    };
    let told = engine::report_and_timeline(
        found.inputs,
        key_logs,
        &limits,
        &knowledge,
        &progress,
        |mut report, timeline| {
            let unreadable = report
                .sources
                .iter()
                .all(|s| s.records == 0 && !s.defects.is_empty());
            let status = if unreadable {
                NOTHING_READ
            } else {
                report.exit_status()
            };
            add(&mut report, problems);
            (written(&report, timeline, &filter, &style, args), status)
        },
    );
    progress.finish();
    let (text, status) = told.map_err(Stop::usage)?;
    let text = text?;
    match (output, &args.output) {
        (Some(output), Some(path)) => output
            .write(text.as_bytes())
            .map_err(|e| cannot_write(path, &e))?,
        _ => put(out, text.as_bytes())
            .map_err(|e| Stop::usage(format!("standard output cannot be written: {e}")))?,
    }
    Ok(status)
}

fn written(
    report: &Report,
    timeline: &Timeline<'_>,
    filter: &Filter,
    style: &Style,
    args: &Arguments,
) -> Result<String, Stop> {
    let context = Context::of(report, style);
    match (args.checklist, args.format) {
        (false, Format::Html) => page::page(&context, timeline, filter)
            .map_err(|e| Stop::usage(format!("the report cannot be written: {e}"))),
        (false, Format::Markdown) => Ok(render::markdown(report, style)),
        (true, Format::Html) => Ok(checklist::html(&context)),
        (true, Format::Markdown) => Ok(checklist::markdown(&context)),
    }
}

/// Checklists of a report's verdicts, one sheet of paper each, as one HTML file.
pub fn checklists(report: &Report, style: &Style) -> String {
    checklist::html(&Context::of(report, style))
}

fn limits(args: &Arguments, span: &Span, told: Option<Told>) -> Limits {
    Limits {
        since: span.since.map(moment),
        until: span.until.map(moment),
        host: args.only.host.clone(),
        client: args.only.client.clone(),
        server: args.only.server.clone(),
        user: args.only.user.clone(),
        zone: span.zone.clone(),
        told,
        why_not: None,
        identities: false,
        hash: true,
        threads: args.threads,
    }
}

/// Events are shown of what attempts are shown of.
fn filter(limits: &Limits) -> Filter {
    Filter {
        since: limits.since,
        until: limits.until,
        host: limits.host.clone(),
        client: limits.client.clone(),
        server: limits.server.clone(),
        user: limits.user.clone(),
        ..Filter::default()
    }
}
