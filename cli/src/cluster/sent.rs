//! What travels between `rdpwhy fleet --cluster` and the executors, as JSON.

use std::path::PathBuf;

use rdpwhy_analyzer::{Knowledge, Options};
use serde::{Deserialize, Serialize};

use crate::args;
use crate::asked::moment;
use crate::engine;
use crate::fleet::Fleet;
use crate::fleet::names::Names;
use crate::fleet::units::{Stamp, Unit};
use crate::input::{KeyLog, walk};
use crate::span::Span;

/// What is the same for all hosts of a run.
#[derive(Debug, Serialize, Deserialize)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a switch that can be typed"
)]
pub struct Job {
    /// Of what sent it: another version finds other causes.
    version: String,
    since: Option<String>,
    until: Option<String>,
    around: Option<String>,
    window: String,
    tz: Option<String>,
    hash: bool,
    redact: bool,
    password: Option<String>,
    carve: bool,
    /// Label and text.
    key_logs: Vec<(String, String)>,
    /// Path and text of the cause files that are used beside the built-in ones.
    causes: Vec<(String, String)>,
}

/// A host.
#[derive(Debug, Serialize, Deserialize)]
pub struct Host {
    label: String,
    /// Whole paths, which are the same on all machines; none of evidence that has an address.
    paths: Vec<PathBuf>,
    /// Beginnings of paths, and what the user calls them.
    names: Vec<(String, String)>,
    many: bool,
    files: u64,
    bytes: u64,
    /// Address of the evidence.
    from: Option<String>,
    /// Whether there is one object alone.
    single: bool,
}

/// What an executor has of a host beside its lines, which follow behind a line break.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// Its files.
    pub files: Vec<Stamp>,
}

/// A job as an executor works on it.
pub struct Prepared {
    pub knowledge: Knowledge,
    pub limits: Options,
    pub key_logs: Vec<KeyLog>,
    pub reading: args::Reading,
}

impl Job {
    /// As the arguments say.
    ///
    /// # Errors
    /// Cause files that cannot be read.
    pub fn new(args: &Fleet, key_logs: &[KeyLog]) -> Result<Self, String> {
        let causes = args.knowledge.as_deref().map(engine::cause_files);
        let text = |k: &KeyLog| (k.label.clone(), k.text.clone());
        Ok(Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            since: args.span.since.clone(),
            until: args.span.until.clone(),
            around: args.span.around.clone(),
            window: args.span.window.clone(),
            tz: args.span.tz.clone(),
            hash: args.hash.is_some(),
            redact: args.redact,
            password: args.reading.password.clone(),
            carve: args.reading.carve,
            key_logs: key_logs.iter().map(text).collect(),
            causes: causes.transpose()?.unwrap_or_default(),
        })
    }

    /// What a job's text asks for.
    ///
    /// # Errors
    /// Why this program cannot do it.
    pub fn prepared(text: &str) -> Result<Prepared, String> {
        let ours = env!("CARGO_PKG_VERSION");
        let version = serde_json::from_str::<serde_json::Value>(text);
        let version = version
            .ok()
            .and_then(|job| job.get("version")?.as_str().map(str::to_owned));
        match version.as_deref() {
            Some(version) if version == ours => {}
            theirs => {
                let theirs = theirs.unwrap_or("unknown");
                return Err(format!(
                    "an executor is rdpwhy {ours} and the job is of rdpwhy {theirs}: all machines need the same version"
                ));
            }
        }
        let job: Self = serde_json::from_str(text).map_err(|_| {
            "an executor is another build of rdpwhy and does not understand the job".to_owned()
        })?;
        let span = Span::of(&args::Span {
            since: job.since,
            until: job.until,
            around: job.around,
            window: job.window,
            tz: job.tz,
        });
        let span = span.map_err(|e| e.to_string())?;
        let knowledge = if job.causes.is_empty() {
            engine::knowledge(None)?
        } else {
            let files = job.causes.iter().map(|(p, t)| (p.as_str(), t.as_str()));
            let checked = rdpwhy_analyzer::knowledge::check(files);
            let all = |mistakes: Vec<_>| {
                let mistakes = mistakes.iter().map(ToString::to_string);
                mistakes.collect::<Vec<_>>().join("; ")
            };
            checked.map_err(all)?.knowledge
        };
        let key_log = |(label, text)| KeyLog { label, text };
        Ok(Prepared {
            knowledge,
            limits: Options {
                since: span.since.map(moment),
                until: span.until.map(moment),
                zone: span.zone,
                hash: job.hash,
                identities: job.redact,
                ..Options::default()
            },
            key_logs: job.key_logs.into_iter().map(key_log).collect(),
            reading: args::Reading {
                password: job.password,
                carve: job.carve,
                ..args::Reading::default()
            },
        })
    }
}

impl Host {
    /// A host as another machine finds it.
    pub fn new(unit: &Unit) -> Self {
        let whole = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
        let name = |path: &PathBuf| (walk::label_of(&whole(path)), walk::label_of(path));
        Self {
            label: unit.label.clone(),
            paths: unit.paths.iter().map(whole).collect(),
            names: unit.paths.iter().map(name).collect(),
            many: unit.many,
            files: unit.files,
            bytes: unit.bytes,
            from: unit.from.as_ref().map(|(address, _)| address.clone()),
            single: matches!(&unit.from, Some((address, files)) if matches!(files.as_slice(), [one] if one.path == *address)),
        }
    }

    /// Its address, where it is not found by its paths, and whether that is of one object alone.
    pub fn from(&self) -> Option<(&str, bool)> {
        Some((self.from.as_deref()?, self.single))
    }

    /// What its evidence is called, and the host as it is analysed.
    pub fn unit(self) -> (Names, Unit) {
        let unit = Unit {
            label: self.label,
            paths: self.paths,
            many: self.many,
            files: self.files,
            bytes: self.bytes,
            from: None,
        };
        (Names(self.names), unit)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test")]

    use super::*;
    use crate::args::{Arguments, Command};
    use clap::Parser as _;

    fn job(args: &[&str]) -> Job {
        let args = Arguments::try_parse_from([&["rdpwhy", "fleet", "in"], args].concat());
        let Command::Fleet(args) = args.expect("arguments").command else {
            unreachable!("fleet was asked for");
        };
        Job::new(&args, &[]).expect("a job")
    }

    #[test]
    fn a_job_means_there_what_it_means_here() {
        let args = [
            "--since",
            "2026-11-21 08:00",
            "--tz",
            "Europe/Berlin",
            "--hash",
            "sha256",
        ];
        let text = serde_json::to_string(&job(&args)).expect("text");
        let prepared = Job::prepared(&text).expect("prepared");
        let since = prepared.limits.since.expect("a moment");
        assert_eq!(since.0, 1_795_244_400_000_000_000);
        assert!(prepared.limits.hash && !prepared.limits.identities);
        assert_eq!(prepared.limits.until, None);
    }

    #[test]
    fn jobs_of_another_version_are_refused() {
        let mut other = job(&[]);
        "0.0.9".clone_into(&mut other.version);
        let text = serde_json::to_string(&other).expect("text");
        for wrong in [text.as_str(), "{}", "nonsense", r#"{"version":9}"#] {
            let why = Job::prepared(wrong).err().expect("refused");
            assert!(why.contains("same version"), "{why}");
        }
        let newer = format!(r#"{{"version":"{}"}}"#, env!("CARGO_PKG_VERSION"));
        assert!(
            Job::prepared(&newer)
                .err()
                .is_some_and(|e| e.contains("another build"))
        );
    }

    #[test]
    fn hosts_are_found_by_whole_paths_and_called_as_before() {
        let unit = Unit {
            label: "in/h1".to_owned(),
            paths: vec!["in/h1".into()],
            many: false,
            files: 1,
            bytes: 2,
            from: None,
        };
        let text = serde_json::to_string(&Host::new(&unit)).expect("text");
        let host: Host = serde_json::from_str(&text).expect("a host");
        assert_eq!(host.from(), None);
        let (names, found) = host.unit();
        let path = found.paths.first().expect("a path");
        assert!(path.is_absolute());
        assert_eq!(
            names.of(format!("{}/System.evtx", walk::label_of(path))),
            "in/h1/System.evtx"
        );
        assert_eq!(found.label, unit.label);
    }
}
