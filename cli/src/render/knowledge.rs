//! The list of causes.

use rdpwhy_analyzer::Knowledge;
use serde::Serialize;

use super::page::{Page, faint, plain, strong};
use super::{MAX_WIDTH, MIN_WIDTH};
use crate::Surroundings;

/// Columns of what stands before the title.
const SIDE: usize = 10;
const YIELDS: usize = 9;

#[derive(Serialize)]
struct List<'a> {
    schema: &'static str,
    causes: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    stage: &'a str,
    side: &'a str,
    severity: &'a str,
    title: &'a str,
    /// Whether mstsc shows 0x904/0x7: yes, no, depends.
    yields_0x904_0x7: &'a str,
    mstsc: Option<&'a str>,
}

/// The list for programs.
///
/// # Errors
/// None that is known: all of its values serialise.
pub fn json(knowledge: &Knowledge) -> Result<String, serde_json::Error> {
    let causes = knowledge
        .causes
        .iter()
        .map(|c| Row {
            id: &c.id,
            stage: &c.stage,
            side: &c.side,
            severity: c.severity,
            title: &c.title,
            yields_0x904_0x7: &c.yields,
            mstsc: c.mstsc.as_deref(),
        })
        .collect();
    let mut text = serde_json::to_string_pretty(&List {
        schema: "rdpwhy.causes/1",
        causes,
    })?;
    text.push('\n');
    Ok(text)
}

/// The list for people, by stage in the order of a connection.
pub fn list(knowledge: &Knowledge, surroundings: &Surroundings) -> String {
    let mut page = Page::new(
        surroundings.width.clamp(MIN_WIDTH, MAX_WIDTH),
        surroundings.colour,
        surroundings.charset,
    );
    let longest = knowledge.causes.iter().map(|c| c.id.len()).max();
    let id = longest.unwrap_or_default() + 4;
    let title = id + SIDE + YIELDS;
    page.flow(
        title,
        &[
            faint("cause").padded(id),
            faint("side").padded(SIDE),
            faint("904/7").padded(YIELDS),
        ],
        &[faint("title")],
    );
    for stage in super::explain::stages(knowledge.causes.iter().map(|c| c.stage.as_str())) {
        page.gap();
        page.flow(0, &[], &[strong(stage)]);
        for c in knowledge.causes.iter().filter(|c| c.stage == stage) {
            page.flow(
                title,
                &[
                    plain(format!("  {}", c.id)).padded(id),
                    faint(&c.side).padded(SIDE),
                    faint(&c.yields).padded(YIELDS),
                ],
                &[plain(&c.title)],
            );
        }
    }
    page.finish()
}
