//! Which files the paths stand for.

use std::collections::{BTreeMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Problem;

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file with a size.
    File,
    /// A pipe or standard input: read once, from the front.
    Stream,
}

/// One file to look into.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// Path as given, joined with what lies below it, `/` as separator.
    pub label: String,
    /// Where it is; `-` for standard input.
    pub path: PathBuf,
    /// How it is read.
    pub kind: Kind,
    /// Whether the user named this very file, and so wants to hear when it is no evidence.
    pub named: bool,
}

/// All files below the paths, sorted by label, each once however often it is reached.
pub fn files(paths: &[PathBuf]) -> (Vec<File>, Vec<Problem>) {
    let mut walk = Walk {
        files: BTreeMap::new(),
        folders: HashSet::new(),
        problems: Vec::new(),
    };
    // Sorted, so that the label of a file that two paths lead to does not depend on their order.
    let mut paths: Vec<&PathBuf> = paths.iter().collect();
    paths.sort();
    for path in paths {
        walk.named(path);
    }
    let mut files: Vec<File> = walk.files.into_values().collect();
    files.sort_by(|a, b| a.label.cmp(&b.label));
    (files, walk.problems)
}

struct Walk {
    /// By canonical path: the same file is evidence once.
    files: BTreeMap<PathBuf, File>,
    /// Folders walked, by canonical path: ends the loops that links make.
    folders: HashSet<PathBuf>,
    problems: Vec<Problem>,
}

impl Walk {
    fn named(&mut self, path: &Path) {
        if path == Path::new("-") {
            self.add(
                path,
                "standard input".to_owned(),
                path.to_owned(),
                Kind::Stream,
                true,
            );
            return;
        }
        let label = label_of(path);
        match fs::metadata(path) {
            Err(e) => self.problem(&label, &e),
            Ok(data) if data.is_dir() => {
                let label = if label == "." { String::new() } else { label };
                self.folder(path, &label);
            }
            Ok(data) => {
                // `<(zcat …)` of a shell is a pipe; a block device is none of ours but reads like one.
                let kind = if data.is_file() {
                    Kind::File
                } else {
                    Kind::Stream
                };
                let canonical = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
                self.add(path, label, canonical, kind, true);
            }
        }
    }

    fn folder(&mut self, folder: &Path, label: &str) {
        let canonical = fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        if !self.folders.insert(canonical) {
            return;
        }
        let entries = match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => entries,
            Err(e) => return self.problem(if label.is_empty() { "." } else { label }, &e),
        };
        let mut names: Vec<_> = entries.into_iter().map(|e| e.file_name()).collect();
        names.sort();
        for name in names {
            self.entry(folder, label, &name);
        }
    }

    fn entry(&mut self, folder: &Path, label: &str, name: &OsStr) {
        let path = folder.join(name);
        let label = match label {
            "" => name.to_string_lossy().into_owned(),
            _ => format!("{}/{}", label.trim_end_matches('/'), name.to_string_lossy()),
        };
        match fs::metadata(&path) {
            // A link to nowhere is nobody's evidence.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => self.problem(&label, &e),
            Ok(data) if data.is_dir() => self.folder(&path, &label),
            Ok(data) if data.is_file() => {
                let canonical = fs::canonicalize(&path).unwrap_or_else(|_| path.clone());
                self.add(&path, label, canonical, Kind::File, false);
            }
            // A pipe that lies in a folder would be waited for without end.
            Ok(_) => {}
        }
    }

    fn add(&mut self, path: &Path, label: String, canonical: PathBuf, kind: Kind, named: bool) {
        let new = File {
            label,
            path: path.to_owned(),
            kind,
            named,
        };
        self.files
            .entry(canonical)
            .and_modify(|old| {
                old.named |= named;
                if new.label < old.label {
                    old.label.clone_from(&new.label);
                }
            })
            .or_insert(new);
    }

    fn problem(&mut self, label: &str, error: &io::Error) {
        self.problems.push(problem(label, error));
    }
}

/// What it means that a file or folder cannot be opened.
pub fn problem(label: &str, error: &io::Error) -> Problem {
    let what = match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "no permission to read it".to_owned(),
        _ => format!("cannot be opened: {error}"),
    };
    Problem::new(label, what)
}

/// The path as given with `/`, without a separator at its end.
pub fn label_of(path: &Path) -> String {
    let text = path.to_string_lossy();
    let text = if cfg!(windows) {
        text.replace('\\', "/")
    } else {
        text.into_owned()
    };
    match text.trim_end_matches('/') {
        "" if !text.is_empty() => "/".to_owned(),
        trimmed => trimmed.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(paths: &[PathBuf], below: &Path) -> Vec<String> {
        let base = label_of(below);
        files(paths)
            .0
            .into_iter()
            .map(|f| f.label.replace(&base, "BASE"))
            .collect()
    }

    #[test]
    fn a_file_is_listed_once_whatever_leads_to_it() {
        let folder = tempfile::tempdir().expect("folder");
        let base = folder.path();
        fs::create_dir(base.join("b")).expect("b");
        fs::write(base.join("b/x"), "1").expect("x");
        fs::write(base.join("a"), "2").expect("a");
        let all = ["BASE/a", "BASE/b/x"];
        assert_eq!(labels(&[base.to_owned()], base), all);
        assert_eq!(
            labels(&[base.join("b/"), base.to_owned(), base.join("b/x")], base),
            all
        );
        assert_eq!(
            labels(&[base.join("b/x"), base.to_owned(), base.join("b")], base),
            all
        );
    }

    #[cfg(unix)]
    #[test]
    fn loops_of_links_end() {
        let folder = tempfile::tempdir().expect("folder");
        let base = folder.path();
        fs::create_dir(base.join("a")).expect("a");
        fs::write(base.join("a/x"), "1").expect("x");
        std::os::unix::fs::symlink(base, base.join("a/up")).expect("up");
        std::os::unix::fs::symlink("nowhere", base.join("dead")).expect("dead");
        assert_eq!(labels(&[base.to_owned()], base), ["BASE/a/x"]);
    }

    #[test]
    fn a_missing_path_is_a_problem() {
        let (files, problems) = files(&[PathBuf::from("no/such")]);
        assert!(files.is_empty());
        assert_eq!(
            problems,
            [Problem::new("no/such", "no such file or folder")]
        );
    }
}
