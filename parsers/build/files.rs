//! The shapes of the data files, and how they are found and read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::fail;

/// `catalog/events/<channel>/<id>.toml`: how one Windows record becomes an event.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EventFile {
    pub provider: String,
    #[serde(default)]
    pub aliases: Vec<String>,
    pub channel: String,
    pub id: u32,
    pub kind: String,
    pub side: String,
    pub stage: Option<String>,
    pub meaning: String,
    #[allow(
        dead_code,
        reason = "where the field list comes from: for people and for the catalogue's own test"
    )]
    source: String,
    #[serde(default)]
    fields: BTreeMap<String, OneOrMore>,
    /// Constants added to every event of this file.
    #[serde(default)]
    pub set: BTreeMap<String, String>,
    #[serde(default)]
    pub variant: Vec<Variant>,
    #[allow(
        dead_code,
        reason = "checked by the catalogue's own test, not needed in the program"
    )]
    #[serde(default)]
    sample: Vec<toml::Table>,
}

impl EventFile {
    /// The values to keep, by their names in the record.
    pub fn values(&self) -> impl Iterator<Item = (&String, &FieldSpec)> {
        self.fields
            .iter()
            .flat_map(|(name, list)| list.as_slice().iter().map(move |f| (name, f)))
    }
}

/// A value that becomes two of ours is a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(FieldSpec),
    More(Vec<FieldSpec>),
}

impl OneOrMore {
    fn as_slice(&self) -> &[FieldSpec] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::More(more) => more,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FieldSpec {
    pub name: String,
    #[serde(rename = "type")]
    pub decode: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Variant {
    /// Our field name.
    pub field: String,
    /// Values (as text) that choose this variant; a trailing `*` matches a prefix.
    pub is: Vec<String>,
    pub kind: String,
    pub stage: Option<String>,
    /// One sentence for a person; the file's own when absent.
    pub meaning: Option<String>,
}

/// `catalog/wire/<name>.toml`: the facts that a capture shows.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WireFile {
    pub kind: Vec<WireKind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct WireKind {
    pub kind: String,
    pub stage: Option<String>,
    pub meaning: String,
    #[serde(default)]
    pub fields: Vec<String>,
}

/// `catalog/codes/<registry>.toml`: what numbers mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeFile {
    pub code: Vec<CodeRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CodeRow {
    pub value: u32,
    pub name: String,
    pub meaning: String,
    #[serde(default)]
    pub class: String,
    pub source: String,
}

/// All data files below a folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(dir) = todo.pop() {
        println!("cargo::rerun-if-changed={}", dir.display());
        let Ok(entries) = fs::read_dir(&dir) else {
            continue;
        };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "toml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Reads one data file; a mistake in it stops the build.
pub fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = fs::read_to_string(path).unwrap_or_else(|e| fail(path, &e.to_string()));
    toml::from_str(&text).unwrap_or_else(|e| fail(path, &e.to_string()))
}
