//! Reads `knowledge/moments.toml`: records that belong to a connection by their moment.

use super::check::KnowledgeError;
use super::document::{Document, Section};
use super::reader::Reader;
use crate::moment::Moment;
use crate::stage::Stage;

/// Reads the file.
///
/// # Errors
/// The first mistake in it.
pub(crate) fn moments(path: &str, text: &str) -> Result<Vec<Moment>, KnowledgeError> {
    let doc = Document::new(path, text);
    let table = doc.parse();
    let moments = table.as_ref().map(|t| {
        let top = Section::top(&doc, t);
        let reader = Reader { doc: &doc };
        let list = top
            .sections("moment")
            .into_iter()
            .filter_map(|s| moment(&reader, s))
            .collect();
        top.finish();
        list
    });
    drop(table);
    doc.finish(moments)
        .map_err(|mistakes| first(path, mistakes))
}

/// Where one mistake is enough, the first.
pub(super) fn first(path: &str, mistakes: Vec<KnowledgeError>) -> KnowledgeError {
    let none = || KnowledgeError {
        path: path.to_owned(),
        line: 1,
        what: "it cannot be read".to_owned(),
    };
    mistakes.into_iter().next().unwrap_or_else(none)
}

fn moment(reader: &Reader<'_>, s: Section<'_>) -> Option<Moment> {
    let kinds = reader.kinds(s.texts("kinds"));
    let values = reader.values(&s, &kinds);
    let side = s
        .needed("side")
        .and_then(|w| reader.doc.one_of(&w, &["server", "client"]));
    let stage = s.text("stage").map(|w| {
        let stages = Stage::ALL.map(Stage::name);
        reader.doc.one_of(&w, &stages).and_then(Stage::named)
    });
    let after = s.needed("after").and_then(|w| reader.span(&w));
    let keyed = s.flag("keyed").unwrap_or_default();
    let speakers = s.texts("speakers").into_iter().map(|w| w.text).collect();
    s.finish();
    Some(Moment {
        kinds,
        at_client: side? == "client",
        stage: stage.flatten(),
        after: after?,
        keyed,
        values,
        speakers,
    })
}
