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

use rdpwhy_analyzer::report::Report;
use rdpwhy_analyzer::timeline::Filter;
use rdpwhy_analyzer::{Ladders, Options, Timeline, Told};

use crate::Surroundings;
use crate::args::ProgressMode;
use crate::diagnose::add;
use crate::evidence::{self, Destination, Wanted};
use crate::redact;
use crate::render::{self, Context, Style};
use crate::seen;
use crate::span::Span;
use crate::speaker::{Speaker, Stop};
use crate::{asked, engine};
pub use arguments::{Arguments, EXAMPLES, Format};

/// Runs it and returns the exit status, which is that of `diagnose`.
pub fn report(
    args: &Arguments,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let mut say = Speaker { err, surroundings };
    let ended = run(args, out, &mut say);
    say.end(ended)
}

fn run(args: &Arguments, out: &mut dyn Write, say: &mut Speaker<'_>) -> Result<u8, Stop> {
    let span = Span::of(&args.span).map_err(Stop::usage)?;
    let told = seen::told(&args.seen, &args.only, &span).map_err(Stop::usage)?;
    let limits = limits(args, &span, told);
    let output = Destination::open(args.output.as_deref())?;
    let knowledge = engine::knowledge(args.knowledge.as_deref()).map_err(Stop::usage)?;
    let wanted = Wanted {
        paths: &args.paths,
        reading: &args.reading,
        progress: ProgressMode::Auto,
    };
    let found = evidence::gather(&wanted, say)?;
    let filter = asked::filter(&limits);
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
        found.key_logs,
        &limits,
        &knowledge,
        &found.progress,
        |mut report, timeline| {
            let status = evidence::status(&report);
            add(&mut report, problems);
            let text = if args.redact {
                let veil = redact::redact(&mut report, &knowledge);
                written(&report, &timeline.veiled(&veil), &filter, &style, args)
            } else {
                written(&report, timeline, &filter, &style, args)
            };
            (text, status)
        },
    );
    found.progress.finish();
    let (text, status) = told.map_err(Stop::usage)?;
    let text = text?;
    output.write(&text, out)?;
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

fn limits(args: &Arguments, span: &Span, told: Option<Told>) -> Options {
    Options {
        told,
        identities: args.redact,
        hash: true,
        ladders: Ladders::All,
        threads: args.threads,
        ..asked::options(span, &args.only)
    }
}
