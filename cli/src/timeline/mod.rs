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

use rdpwhy_analyzer::Timeline;
use rdpwhy_analyzer::timeline::Filter;

use crate::Surroundings;
use crate::args::ProgressMode;
use crate::diagnose::moment;
use crate::engine::{self, Limits};
use crate::evidence::{self, Destination, Wanted};
use crate::redact;
use crate::render::Style;
use crate::span::Span;
use crate::speaker::{Speaker, Stop};
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
    let knowledge = engine::knowledge(None).map_err(Stop::usage)?;
    let wanted = Wanted {
        paths: &args.paths,
        keylog: &args.keylog,
        password: args.password.as_deref(),
        temporary: args.temp.as_deref(),
        progress: ProgressMode::Auto,
        carve: args.carve,
    };
    let found = evidence::gather(&wanted, say)?;
    let limits = Limits {
        zone: span.zone.clone(),
        threads: args.threads,
        identities: args.redact,
        ..Limits::default()
    };
    let style = Style {
        all: args.all,
        zone: span.zone,
        ..say.surroundings.style(args.color, output.is_file())
    };
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
        let text = match args.format {
            Format::Text => story::text(timeline, &filter, &style),
            Format::Csv => table::csv(timeline, &filter),
            Format::Jsonl => json::lines(timeline, &filter, args.all),
            Format::TimesketchCsv => timesketch::csv(timeline, &filter),
            Format::TimesketchJsonl => timesketch::lines(timeline, &filter),
        };
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

#[cfg(test)]
mod tests;
