//! Evidence of the tests: the described cases, and the real files beside the repository where they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rdpwhy_analyzer::{Knowledge, Options, Source};
use rdpwhy_lake::sql::Tools;
use rdpwhy_lake::{Judge, Opened, Opener, Unit};

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Names of the described cases, sorted.
pub fn cases() -> Vec<String> {
    let folder = repository().join("fixtures/cases");
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_dir())
        .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Writes a described case into a folder.
pub fn write(name: &str, to: &Path) {
    let case = repository().join("fixtures/cases").join(name);
    rdpwhy_fixtures::case::write_case(&case, to).unwrap();
}

/// All files below a folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            todo.extend(fs::read_dir(path).unwrap().map(|e| e.unwrap().path()));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Files and folders as they are, without archives.
pub struct Plain;

impl Opener for Plain {
    fn open(&self, unit: &Unit) -> Vec<Opened> {
        let mut opened = Opened {
            label: unit.label.clone(),
            ..Opened::default()
        };
        for path in unit.paths.iter().flat_map(|p| files(p)) {
            let Ok(bytes) = fs::read(&path) else {
                opened.problems.push(format!("{}: is gone", path.display()));
                continue;
            };
            if bytes.starts_with(b"CLIENT_")
                || bytes.starts_with(b"SERVER_")
                || bytes.starts_with(b"#")
            {
                opened.secrets.push(bytes);
                continue;
            }
            opened.sources.push(Source {
                label: path.display().to_string(),
                bytes: Box::new(bytes),
            });
        }
        vec![opened]
    }
}

pub fn unit(label: &str, path: &Path) -> Unit {
    Unit {
        label: label.to_owned(),
        paths: vec![path.to_owned()],
        many: false,
        bytes: files(path)
            .iter()
            .map(|f| f.metadata().map_or(0, |m| m.len()))
            .sum(),
    }
}

pub fn judge() -> Judge {
    let options = Options {
        threads: Some(1),
        ..Options::default()
    };
    Judge::new(Knowledge::embedded().unwrap(), options)
}

pub fn tools() -> Tools {
    Tools {
        judge: Arc::new(judge()),
        opener: Arc::new(Plain),
    }
}
