//! What is damaged: the evidence of the described cases, and real files where there are some.

use std::fs;
use std::path::Path;

use rdpwhy_fixtures::seed::Seed;
use rdpwhy_tests::damage::{Damage, below, damaged};
use rdpwhy_tests::evidence;

/// Evidence that belongs together.
pub struct Subject {
    /// Where it comes from.
    pub name: String,
    /// Path below its folder, and bytes.
    pub files: Vec<(String, Vec<u8>)>,
}

/// A subject with damage in one of its files.
pub struct Mutation<'a> {
    /// Number of the mutation.
    pub number: u64,
    /// What it was before.
    pub subject: &'a Subject,
    /// Which of the subjects that is.
    pub index: usize,
    file: usize,
    bytes: Vec<u8>,
    /// What was done.
    pub kinds: Vec<Damage>,
}

/// All subjects, in the same order in every run. Files of a real collection stay together, other real files are alone.
pub fn all(samples: Option<&Path>) -> Vec<Subject> {
    let cases = evidence::cases().into_iter();
    let mut subjects: Vec<Subject> = cases
        .map(|name| Subject {
            files: evidence::case(&name),
            name,
        })
        .collect();
    let Some(samples) = samples else {
        return subjects;
    };
    let collections = samples.join("log-cases/cases");
    for path in evidence::files(samples) {
        let below = path
            .strip_prefix(samples)
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let bytes = fs::read(&path).unwrap();
        let (name, label) = match path.strip_prefix(&collections) {
            Ok(inside) => {
                let inside = inside.to_string_lossy().into_owned();
                match inside.split_once('/') {
                    Some((case, label)) => (format!("case {case}"), label.to_owned()),
                    None => (inside.clone(), inside),
                }
            }
            Err(_) => (
                below.clone(),
                path.file_name().unwrap().to_string_lossy().into_owned(),
            ),
        };
        match subjects.last_mut().filter(|s| s.name == name) {
            Some(subject) => subject.files.push((label, bytes)),
            None => subjects.push(Subject {
                name,
                files: vec![(label, bytes)],
            }),
        }
    }
    subjects
}

/// The mutation of this number.
pub fn mutation(subjects: &[Subject], number: u64) -> Mutation<'_> {
    let mut seed = Seed::of(&format!("mutation {number}"));
    let index = below(&mut seed, subjects.len());
    let subject = &subjects[index];
    let file = below(&mut seed, subject.files.len());
    let mut bytes = subject.files[file].1.clone();
    let kinds = damaged(&mut bytes, &mut seed);
    Mutation {
        number,
        subject,
        index,
        file,
        bytes,
        kinds,
    }
}

impl Subject {
    /// Lays it out below a folder.
    pub fn put(&self, folder: &Path) {
        for (label, bytes) in &self.files {
            put(folder, label, bytes);
        }
    }
}

impl Mutation<'_> {
    /// Lays it out below a folder.
    pub fn put(&self, folder: &Path) {
        for (n, (label, bytes)) in self.subject.files.iter().enumerate() {
            put(
                folder,
                label,
                if n == self.file { &self.bytes } else { bytes },
            );
        }
    }

    /// In one line.
    pub fn name(&self) -> String {
        let label = &self.subject.files[self.file].0;
        format!(
            "{}: {} of {}, {:?}",
            self.number, label, self.subject.name, self.kinds
        )
    }
}

fn put(folder: &Path, label: &str, bytes: &[u8]) {
    let path = folder.join(label);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}
