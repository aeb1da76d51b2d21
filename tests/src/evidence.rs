//! Evidence to damage: the described cases, and the real files beside the repository where they are.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// The repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The real files beside the repository; `None` where they are not, which is said.
pub fn samples() -> Option<PathBuf> {
    let folder = repository().join("../shared/samples");
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: ../shared/samples is not there");
    None
}

/// The files of a described case: path below its folder, and bytes.
pub fn case(name: &str) -> Vec<(String, Vec<u8>)> {
    written(&repository().join("fixtures/cases").join(name))
}

/// The text that describes a case.
pub fn description(name: &str) -> String {
    let path = repository().join("fixtures/cases").join(name);
    fs::read_to_string(path.join("case.toml")).unwrap()
}

/// The files that a description asks for.
pub fn described(text: &str) -> Vec<(String, Vec<u8>)> {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("case.toml"), text).unwrap();
    written(folder.path())
}

fn written(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let out = TempDir::new().unwrap();
    let files = rdpwhy_fixtures::case::write_case(folder, out.path())
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let label = |path: &Path| {
        let below = path.strip_prefix(out.path()).unwrap();
        below.to_string_lossy().replace('\\', "/")
    };
    files
        .iter()
        .map(|path| (label(path), fs::read(path).unwrap()))
        .collect()
}

/// Names of the described cases, sorted.
pub fn cases() -> Vec<String> {
    let entries = fs::read_dir(repository().join("fixtures/cases")).unwrap();
    let folders = entries.map(|e| e.unwrap().path()).filter(|p| p.is_dir());
    let mut names: Vec<String> = folders
        .map(|p| p.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// All files below a folder, sorted.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(folder) = todo.pop() {
        // A folder that holds nothing yet is not in the repository.
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries {
            let path = entry.unwrap().path();
            if path.is_dir() {
                todo.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}
