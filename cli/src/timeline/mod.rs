//! `rdpwhy timeline`: paths in, every event out, on one clock.

mod arguments;
pub(crate) mod cells;
mod ecs;
mod fold;
mod hayabusa;
mod json;
pub(crate) mod names;
mod splunk;
mod story;
mod table;
mod timesketch;
mod values;

use std::io::Write;

use rdpwhy_analyzer::timeline::Filter;
use rdpwhy_analyzer::{Options, Timeline};

use crate::Surroundings;
use crate::args::ProgressMode;
use crate::evidence::{self, Destination, Wanted};
use crate::redact;
use crate::render::Style;
use crate::span::Span;
use crate::speaker::{Speaker, Stop};
use crate::{asked, engine};
pub use arguments::{Arguments, EXAMPLES, Format};

/// Runs it and returns the exit status.
pub fn timeline(
    args: &Arguments,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let mut say = Speaker { err, surroundings };
    let ended = run(args, out, &mut say).map(|()| 0);
    say.end(ended)
}

fn run(args: &Arguments, out: &mut dyn Write, say: &mut Speaker<'_>) -> Result<(), Stop> {
    let span = Span::of(&args.span).map_err(Stop::usage)?;
    let filter = filter(args, &span);
    let output = Destination::open(args.output.as_deref())?;
    let mut exports = Vec::new();
    for export in &args.export {
        exports.push((export.format, Destination::open(Some(&export.file))?));
    }
    let knowledge = engine::knowledge(None).map_err(Stop::usage)?;
    let wanted = Wanted {
        paths: &args.paths,
        reading: &args.reading,
        progress: ProgressMode::Auto,
    };
    let found = evidence::gather(&wanted, say)?;
    let limits = Options {
        zone: span.zone.clone(),
        threads: args.threads,
        identities: args.redact,
        ..Options::default()
    };
    let plain = style(args, span.clone(), say.surroundings, true);
    let style = style(args, span, say.surroundings, output.is_file());
    let tell = |timeline: &Timeline<'_>| {
        if let Some(id) = filter
            .attempt
            .as_deref()
            .filter(|id| !timeline.has_attempt(id))
        {
            return Err(Stop::usage(format!(
                "--attempt {id}: there is no such attempt"
            )));
        }
        let defects = timeline
            .defects()
            .map(|(path, d)| format!("{path}: {}: {}", d.at, d.what));
        let written = |format, style: &Style| match format {
            Format::Text => story::text(timeline, &filter, style),
            Format::Csv => table::csv(timeline, &filter),
            Format::Jsonl => json::lines(timeline, &filter, args.all),
            Format::TimesketchCsv => timesketch::csv(timeline, &filter),
            Format::TimesketchJsonl => timesketch::lines(timeline, &filter),
            Format::Ecs => ecs::lines(timeline, &filter),
            Format::SplunkHec => splunk::lines(timeline, &filter),
            Format::HayabusaCsv => hayabusa::csv(timeline, &filter),
        };
        for (format, file) in exports {
            file.write(&written(format, &plain), &mut std::io::sink())?;
        }
        let text = written(args.format, &style);
        Ok((text, defects.collect::<Vec<String>>()))
    };
    let told = if args.redact {
        // Who is to be forgotten is told by the whole report.
        engine::report_and_timeline(
            found.inputs,
            found.key_logs,
            &limits,
            &knowledge,
            &found.progress,
            |mut report, timeline| {
                let veil = redact::redact(&mut report, &knowledge);
                tell(&timeline.veiled(&veil))
            },
        )
    } else {
        engine::timeline(
            found.inputs,
            found.key_logs,
            &limits,
            &knowledge,
            &found.progress,
            tell,
        )
    };
    found.progress.finish();
    let (text, defects) = told.map_err(Stop::usage)??;
    for problem in &found.problems {
        say.warning(problem);
    }
    for defect in &defects {
        say.line(&format!("rdpwhy: {defect}"));
    }
    output.write(&text, out)
}

fn filter(args: &Arguments, span: &Span) -> Filter {
    Filter {
        stage: args.stage,
        attempt: args.attempt.clone(),
        ..asked::filter(&asked::options(span, &args.only))
    }
}

fn style(args: &Arguments, span: Span, surroundings: &Surroundings, to_file: bool) -> Style {
    Style {
        all: args.all,
        zone: span.zone,
        ..surroundings.style(args.color, to_file)
    }
}

#[cfg(test)]
mod tests;
