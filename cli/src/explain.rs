//! `rdpwhy explain`: words in, their meanings out.

use std::io::Write;

use rdpwhy_analyzer::explain::{ExplainError, Explanation, explain as look_up};

use crate::args::Explain;
use crate::render::safe::{PARAGRAPH, safe};
use crate::render::{self, Style};
use crate::{Surroundings, USAGE, engine, put};

/// Runs it and returns the exit status: 0, or 2 when nothing is known of the words.
pub fn explain(
    args: &Explain,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let text = run(args, surroundings).and_then(|text| {
        put(out, text.as_bytes())
            .map_err(|e| vec![format!("standard output cannot be written: {e}")])
    });
    match text {
        Ok(()) => 0,
        Err(lines) => {
            for line in lines {
                let line = safe(&line, PARAGRAPH, surroundings.charset);
                // Nobody is there to be told when standard error cannot be written.
                let _ = writeln!(err, "rdpwhy: {line}");
            }
            USAGE
        }
    }
}

fn run(args: &Explain, surroundings: &Surroundings) -> Result<String, Vec<String>> {
    let lines = |text: String| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let knowledge = engine::knowledge(args.knowledge.as_deref()).map_err(lines)?;
    let explanation = look_up(&args.what, &knowledge).map_err(|e| unknown(&e))?;
    if args.json {
        return json(&explanation).map_err(|e| vec![format!("it cannot be written: {e}")]);
    }
    let style = Style {
        all: args.all,
        ..surroundings.style(args.color, false)
    };
    Ok(render::explain::explanation(&explanation, &style))
}

fn json(explanation: &Explanation) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(explanation)?;
    text.push('\n');
    Ok(text)
}

fn unknown(e: &ExplainError) -> Vec<String> {
    let mut lines = vec![e.to_string()];
    // What a number could have been meant to be, nobody can guess.
    if let ExplainError::Unknown { suggestions, .. } = e {
        lines.push(match suggestions.as_slice() {
            [] => "what is known: codes of mstsc, TLS, CredSSP, Kerberos, Windows statuses, event ids, and the causes of \
                   `rdpwhy knowledge list`"
                .to_owned(),
            [one] => format!("did you mean {one}?"),
            many => format!("did you mean one of {}?", many.join(", ")),
        });
    }
    lines
}
