//! The described cases: what each expects, and its evidence in memory.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rdpwhy_analyzer::Source;
use serde::Deserialize;
use tempfile::TempDir;

use crate::program::in_parallel;

/// `expected.toml`: what the analysis of a case has to say.
#[derive(Debug, Deserialize)]
pub struct Expected {
    /// Cause of the first verdict; empty if it names none.
    pub first: String,
    /// Its confidence; empty without cause.
    pub confidence: String,
    /// Exit status of `diagnose`.
    pub exit: u8,
    /// Causes that it nearly has: the evidence tempts, and none of them may be named for the connections it tempts at.
    #[serde(default)]
    pub near: Vec<String>,
    /// Tries per outcome, repetitions counted.
    pub outcomes: BTreeMap<String, u64>,
}

/// A case with its evidence.
pub struct Case {
    /// Name of its folder.
    pub name: String,
    /// Folder of its description.
    pub folder: PathBuf,
    /// What has to come out.
    pub expected: Expected,
    /// Its files.
    pub evidence: Evidence,
}

/// Files by their path below the case's folder, `/` as separator, sorted.
#[derive(Clone)]
pub struct Evidence(pub Vec<(String, Vec<u8>)>);

/// All cases, by name.
pub fn all() -> &'static [Case] {
    static ALL: LazyLock<Vec<Case>> = LazyLock::new(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cases");
        let mut folders: Vec<PathBuf> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_dir())
            .collect();
        folders.sort();
        in_parallel(&folders, |folder| Case::read(folder))
    });
    &ALL
}

/// The case of this name.
pub fn named(name: &str) -> &'static Case {
    all()
        .iter()
        .find(|case| case.name == name)
        .unwrap_or_else(|| panic!("no case {name}"))
}

impl Case {
    fn read(folder: &Path) -> Self {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(folder.join("expected.toml")).unwrap();
        let expected = toml::from_str(&text).unwrap_or_else(|e| panic!("{name}: {e}"));
        let evidence = Evidence::written(folder);
        Self {
            name,
            folder: folder.to_owned(),
            expected,
            evidence,
        }
    }

    /// The text of its description.
    pub fn description(&self) -> String {
        fs::read_to_string(self.folder.join("case.toml")).unwrap()
    }
}

impl Evidence {
    /// The evidence that a folder with a `case.toml` describes.
    fn written(description: &Path) -> Self {
        let out = TempDir::new().unwrap();
        let files = rdpwhy_fixtures::case::write_case(description, out.path())
            .unwrap_or_else(|e| panic!("{}: {e}", description.display()));
        let mut files: Vec<_> = files
            .iter()
            .map(|path| {
                let below = path.strip_prefix(out.path()).unwrap();
                let label = below.to_string_lossy().replace('\\', "/");
                (label, fs::read(path).unwrap())
            })
            .collect();
        files.sort();
        Self(files)
    }

    /// The evidence that this text describes.
    pub fn described(text: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("case.toml"), text).unwrap();
        Self::written(folder.path())
    }

    /// Puts the files below a folder.
    pub fn put(&self, folder: &Path) {
        for (label, bytes) in &self.0 {
            let path = folder.join(label);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    /// A folder of its own with the files.
    pub fn laid_out(&self) -> TempDir {
        let folder = TempDir::new().unwrap();
        self.put(folder.path());
        folder
    }

    /// All files but one.
    pub fn without(&self, label: &str) -> Self {
        Self(self.0.iter().filter(|(l, _)| l != label).cloned().collect())
    }

    /// With another's files below a folder of their own.
    pub fn beside(&self, folder: &str, other: &Self) -> Self {
        let more = other
            .0
            .iter()
            .map(|(label, bytes)| (format!("{folder}/{label}"), bytes.clone()));
        Self(self.0.iter().cloned().chain(more).collect())
    }

    /// As the analyzer takes it.
    pub fn sources(&self) -> Vec<Source> {
        self.0
            .iter()
            .map(|(label, bytes)| Source {
                label: label.clone(),
                bytes: Box::new(bytes.clone()),
            })
            .collect()
    }
}
