//! Mistakes in data files, with file and line.

use std::collections::BTreeMap;

use thiserror::Error;

use super::cause::{Cause, Sign, Test};
use super::reader::{self, Parsed};
use super::{CAUSE_FILES, Knowledge};
use crate::nearest::nearest;

/// What is wrong in a data file.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
#[error("{path}:{line}: {what}")]
pub struct KnowledgeError {
    /// The file.
    pub path: String,
    /// Line, from 1 on.
    pub line: usize,
    /// What was expected and found.
    pub what: String,
}

/// Files without a mistake.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The built-in causes with those of the files.
    pub knowledge: Knowledge,
    /// Ids of the files' causes that no built-in one has.
    pub added: Vec<String>,
    /// Ids of built-in causes that a file replaces.
    pub replaced: Vec<String>,
    /// Signs in the files, members of groups included.
    pub signs: usize,
}

/// Reads files beside the built-in ones. Each item is (path, text).
///
/// # Errors
/// All mistakes, by file and line.
pub fn check<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Checked, Vec<KnowledgeError>> {
    let (built_in, mut mistakes) = parse(CAUSE_FILES.iter().copied());
    let (files, more) = parse(files);
    mistakes.extend(more);
    twice(&files, &mut mistakes);
    let has = |id: &str| built_in.iter().any(|p| p.cause.id == id);
    let ids = |replaces: bool| -> Vec<String> {
        let ids = files.iter().map(|p| p.cause.id.clone());
        ids.filter(|id| has(id) == replaces).collect()
    };
    let (added, replaced) = (ids(false), ids(true));
    let signs = files.iter().map(|p| count(&p.cause)).sum();
    // A file that cannot be read may hold the cause that another one names.
    let whole = mistakes.is_empty();
    let mut all: BTreeMap<String, Parsed> = BTreeMap::new();
    for parsed in built_in.into_iter().chain(files) {
        all.insert(parsed.cause.id.clone(), parsed);
    }
    if whole {
        mistakes.extend(references(&all));
    }
    if !mistakes.is_empty() {
        mistakes.sort_by(|x, y| (&x.path, x.line).cmp(&(&y.path, y.line)));
        return Err(mistakes);
    }
    let knowledge = Knowledge {
        causes: all.into_values().map(|p| p.cause).collect(),
    };
    Ok(Checked {
        knowledge,
        added,
        replaced,
        signs,
    })
}

/// Reads files; what cannot be read is among the mistakes.
fn parse<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> (Vec<Parsed>, Vec<KnowledgeError>) {
    let (mut parsed, mut mistakes) = (Vec::new(), Vec::new());
    for (path, text) in files {
        match reader::parse(path, text) {
            Ok(p) => parsed.push(p),
            Err(m) => mistakes.extend(m),
        }
    }
    (parsed, mistakes)
}

/// One id, one file.
fn twice(files: &[Parsed], mistakes: &mut Vec<KnowledgeError>) {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for file in files {
        if let Some(other) = seen.insert(&file.cause.id, &file.path) {
            let what = format!("the cause {} stands in {other} as well", file.cause.id);
            mistakes.push(KnowledgeError {
                path: file.path.clone(),
                line: 1,
                what,
            });
        }
    }
}

/// Causes may only name causes that exist.
fn references(all: &BTreeMap<String, Parsed>) -> Vec<KnowledgeError> {
    let mut mistakes = Vec::new();
    for file in all.values() {
        for (other, line) in &file.named {
            let what = if *other == file.cause.id {
                format!("{other} names itself")
            } else if all.contains_key(other) {
                continue;
            } else {
                let like = nearest(other, all.keys().map(String::as_str), 1);
                let hint = like
                    .first()
                    .map(|l| format!("; did you mean {l}?"))
                    .unwrap_or_default();
                format!("there is no cause {other}{hint}")
            };
            mistakes.push(KnowledgeError {
                path: file.path.clone(),
                line: *line,
                what,
            });
        }
    }
    mistakes
}

fn count(cause: &Cause) -> usize {
    fn signs(list: &[Sign]) -> usize {
        let of = |sign: &Sign| match &sign.test {
            Test::Any(list) | Test::All(list) | Test::Witnesses(list) => signs(list),
            Test::Absent(inner) => signs(std::slice::from_ref(inner)),
            Test::Fact(..) | Test::Event(_) => 1,
        };
        list.iter().map(of).sum()
    }
    [
        &cause.required,
        &cause.supporting,
        &cause.excluding,
        &cause.alone,
    ]
    .map(|l| signs(l))
    .iter()
    .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = crate::knowledge::TEMPLATE;

    fn mistakes(path: &str, text: &str) -> Vec<String> {
        check([(path, text)])
            .expect_err("mistakes")
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn the_template_is_right_but_for_its_example_of_a_similar_cause() {
        assert_eq!(
            mistakes("tls/example-cause.toml", TEMPLATE)
                .first()
                .map(String::as_str),
            Some(&*format!(
                "tls/example-cause.toml:{}: there is no cause another-cause",
                TEMPLATE
                    .lines()
                    .position(|l| l.contains("another-cause"))
                    .unwrap_or_default()
                    + 1
            ))
        );
        let right = TEMPLATE.replace("another-cause", "packet-loss");
        let checked = check([("tls/example-cause.toml", right.as_str())]).expect("right");
        assert_eq!((checked.added.len(), checked.replaced.len()), (1, 0));
        assert!(checked.signs > 3);
    }

    #[test]
    fn every_mistake_is_told_with_its_line() {
        let text = r#"id = "my-cause"
titel = "A slip"
side = "sever"
host = "server"
severity = "failure"
summary = "What {nobody} fills."
yields = "yes"
refines = ["paket-loss"]

[[required]]
says = "no such fact"
fact = "outcom"
is = "failed"

[[required]]
says = "no such value {thumbprint}"
event = "tls.key-inaccessible"
where = { eror = 5, state = { mim = 1 } }
window = { from = "5 weeks", to = "1s" }

[[required]]
says = "nothing to look at"

[remedy]
run_on = "server"
verify = 7
"#;
        let found = mistakes("kb/tls/my-cause.toml", text);
        let lines: Vec<&str> = found.iter().filter_map(|m| m.split(':').nth(1)).collect();
        assert_eq!(
            lines,
            [
                "1", "2", "3", "6", "12", "16", "18", "18", "19", "21", "24", "26"
            ],
            "{found:#?}"
        );
    }

    #[test]
    fn the_file_is_named_after_its_cause_and_read_once() {
        let right = TEMPLATE.replace("another-cause", "packet-loss");
        let found = mistakes("tls/other-name.toml", &right);
        assert!(
            found
                .iter()
                .any(|m| m.contains("the file's name is other-name")),
            "{found:?}"
        );
        let files = [
            ("a/example-cause.toml", &*right),
            ("b/example-cause.toml", &*right),
        ];
        assert!(check(files).is_err());
        let broken = mistakes("a/example-cause.toml", "id = \"example-cause\"\nside = [\n");
        assert!(
            broken
                .iter()
                .all(|m| m.starts_with("a/example-cause.toml:")),
            "{broken:?}"
        );
    }
}
