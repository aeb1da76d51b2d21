//! `rdpwhy knowledge`: cause files listed, checked, begun.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use rdpwhy_analyzer::knowledge::{Checked, TEMPLATE};

use crate::args::KnowledgeCommand;
use crate::render::knowledge::{json, list};
use crate::render::safe::{PARAGRAPH, safe};
use crate::{Surroundings, USAGE, engine, put};

/// Causes that are listed by name after a check.
const SHOWN: usize = 8;

/// Runs it and returns the exit status: 0, or 2 when a file has a mistake.
pub fn knowledge(
    command: &KnowledgeCommand,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let text = match command {
        KnowledgeCommand::Template => Ok(TEMPLATE.to_owned()),
        KnowledgeCommand::Check { folder } => check(folder),
        KnowledgeCommand::List {
            json: true,
            knowledge,
        } => all(knowledge.as_deref()).and_then(|k| json(&k).map_err(|e| vec![e.to_string()])),
        KnowledgeCommand::List { knowledge, .. } => {
            all(knowledge.as_deref()).map(|k| list(&k, surroundings))
        }
    };
    let written = text.and_then(|text| {
        put(out, text.as_bytes())
            .map_err(|e| vec![format!("standard output cannot be written: {e}")])
    });
    match written {
        Ok(()) => 0,
        Err(lines) => {
            for line in lines {
                let _ = writeln!(err, "{}", safe(&line, PARAGRAPH, surroundings.charset));
            }
            USAGE
        }
    }
}

fn all(folder: Option<&Path>) -> Result<rdpwhy_analyzer::Knowledge, Vec<String>> {
    engine::knowledge(folder).map_err(|text| text.lines().map(str::to_owned).collect())
}

/// What is right is told in a line; every mistake in one of its own, and how many there are.
fn check(folder: &Path) -> Result<String, Vec<String>> {
    let checked = engine::check(folder).map_err(|mut mistakes| {
        if mistakes.len() > 1 {
            mistakes.push(format!("{} mistakes", mistakes.len()));
        }
        mistakes
    })?;
    let Checked {
        added,
        replaced,
        signs,
        ..
    } = checked;
    let causes = match added.len() + replaced.len() {
        1 => "1 cause".to_owned(),
        n => format!("{n} causes"),
    };
    let mut text = format!("ok: {causes}, {signs} signs");
    for (word, ids) in [("new", &added), ("instead of the built-in one", &replaced)] {
        if !ids.is_empty() {
            let some: Vec<&str> = ids.iter().take(SHOWN).map(String::as_str).collect();
            let more = match ids.len() - some.len() {
                0 => String::new(),
                n => format!(" and {n} more"),
            };
            // Writing into a text cannot fail.
            let _ = write!(text, "; {word}: {}{more}", some.join(", "));
        }
    }
    text.push('\n');
    Ok(text)
}
