//! `rdpwhy timeline`: paths in, every event out, on one clock.

mod arguments;
pub(crate) mod cells;
mod fold;
mod json;
mod names;
mod story;
mod table;
mod timesketch;
mod values;

use std::io::Write;
use std::path::Path;

use rdpwhy_analyzer::timeline::Filter;

use crate::args::{Color, ProgressMode};
use crate::diagnose::{Speaker, Stop, cannot_write, key_log, moment, nothing};
use crate::engine::{self, Limits};
use crate::input;
use crate::output::Output;
use crate::progress::{Mode, Progress};
use crate::render::Style;
use crate::span::Span;
use crate::{Surroundings, put};
pub use arguments::{EXAMPLES, Format, Timeline};

/// Runs it and returns the exit status.
pub fn timeline(
    args: &Timeline,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let mut say = Speaker { err, surroundings };
    match run(args, out, &mut say) {
        Ok(()) => 0,
        Err(stop) => {
            say.error(stop.what);
            stop.status
        }
    }
}

fn run(args: &Timeline, out: &mut dyn Write, say: &mut Speaker<'_>) -> Result<(), Stop> {
    let span = Span::of(&args.span).map_err(Stop::usage)?;
    let filter = filter(args, &span);
    let output = match args.output.as_deref().filter(|p| *p != Path::new("-")) {
        Some(path) => Some(Output::open(path).map_err(|e| cannot_write(path, &e))?),
        None => None,
    };
    let knowledge = engine::knowledge(None).map_err(Stop::usage)?;
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
    let limits = Limits {
        zone: span.zone.clone(),
        threads: args.threads,
        ..Limits::default()
    };
    let style = style(args, span, say.surroundings, output.is_some());
    let told = engine::timeline(
        found.inputs,
        key_logs,
        &limits,
        &knowledge,
        &progress,
        |timeline| {
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
            let text = match args.format {
                Format::Text => story::text(timeline, &filter, &style),
                Format::Csv => table::csv(timeline, &filter),
                Format::Jsonl => json::lines(timeline, &filter, args.all),
                Format::TimesketchCsv => timesketch::csv(timeline, &filter),
                Format::TimesketchJsonl => timesketch::lines(timeline, &filter),
            };
            Ok((text, defects.collect::<Vec<String>>()))
        },
    );
    progress.finish();
    let (text, defects) = told.map_err(Stop::usage)??;
    for problem in &found.problems {
        say.warning(problem);
    }
    for defect in &defects {
        say.line(&format!("rdpwhy: {defect}"));
    }
    match (output, &args.output) {
        (Some(output), Some(path)) => output
            .write(text.as_bytes())
            .map_err(|e| cannot_write(path, &e)),
        _ => put(out, text.as_bytes())
            .map_err(|e| Stop::usage(format!("standard output cannot be written: {e}"))),
    }
}

fn filter(args: &Timeline, span: &Span) -> Filter {
    Filter {
        since: span.since.map(moment),
        until: span.until.map(moment),
        host: args.only.host.clone(),
        client: args.only.client.clone(),
        server: args.only.server.clone(),
        user: args.only.user.clone(),
        stage: args.stage.map(arguments::Stage::of_a_connection),
        attempt: args.attempt.clone(),
    }
}

fn style(args: &Timeline, span: Span, surroundings: &Surroundings, to_file: bool) -> Style {
    Style {
        width: if to_file {
            Style::default().width
        } else {
            surroundings.width
        },
        colour: match args.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => surroundings.colour && !to_file,
        },
        charset: surroundings.charset,
        all: args.all,
        zone: span.zone,
    }
}

#[cfg(test)]
mod tests;
