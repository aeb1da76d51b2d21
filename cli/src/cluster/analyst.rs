//! What an executor does of a host: the same as `rdpwhy fleet` on one machine.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use rdpwhy_analyzer::pipeline;
use rdpwhy_lake::cluster::Work;
use rdpwhy_lake::store::Place;
use tempfile::TempDir;

use super::sent::{Answer, Host, Job, Prepared};
use crate::fleet::gate::Gate;
use crate::fleet::names::Names;
use crate::fleet::worker::Worker;
use crate::input::{Problem, walk};
use crate::progress::{Mode, Progress};
use crate::render::json;
use crate::render::safe::Charset;

/// Works on hosts, several at a time.
#[derive(Clone)]
pub struct Analyst(Arc<Inner>);

struct Inner {
    gate: Gate,
    /// Bytes of archive members that one host may keep in memory.
    memory: usize,
    threads: usize,
    temporary: PathBuf,
    progress: Progress,
    /// The job that was asked for last: one has many hosts.
    job: Mutex<Option<(String, Arc<Prepared>)>>,
}

impl Default for Analyst {
    fn default() -> Self {
        Self::new(std::env::temp_dir(), 1, 1 << 30)
    }
}

impl Analyst {
    /// With a folder for what does not fit in memory, and as much of that as all hosts in hand may take.
    pub fn new(temporary: PathBuf, threads: usize, max_memory: u64) -> Self {
        Self(Arc::new(Inner {
            gate: Gate::new(max_memory),
            memory: usize::try_from(max_memory / 4).unwrap_or(usize::MAX) / threads,
            threads,
            temporary,
            progress: Progress::new(Mode::Silent, Charset::Unicode),
            job: Mutex::default(),
        }))
    }
}

impl Work for Analyst {
    fn work(&self, job: &str, hosts: &[&str]) -> Result<Vec<Vec<u8>>, String> {
        let job = self.0.prepared(job)?;
        // The thread that asks is the engine's, and has a small stack.
        pipeline::within(Some(1), || {
            hosts.iter().map(|host| self.0.one(&job, host)).collect()
        })
    }
}

impl Inner {
    fn prepared(&self, text: &str) -> Result<Arc<Prepared>, String> {
        let mut last = self.job.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, prepared)) = last.as_ref().filter(|(known, _)| known == text) {
            return Ok(prepared.clone());
        }
        let prepared = Arc::new(Job::prepared(text)?);
        *last = Some((text.to_owned(), prepared.clone()));
        Ok(prepared)
    }

    fn one(&self, job: &Prepared, host: &str) -> Result<Vec<u8>, String> {
        let host: Host = serde_json::from_str(host).map_err(|_| {
            "an executor is another build of rdpwhy and does not understand a host".to_owned()
        })?;
        let brought = host.from().map(|(from, single)| self.bring(from, single));
        let (mut names, mut unit) = host.unit();
        let mut missing = Vec::new();
        let mut kept = None;
        match brought {
            None => {}
            Some(Ok(brought)) => {
                names = brought.names;
                missing = brought.missing;
                unit.paths = vec![brought.path];
                kept = Some(brought.folder);
            }
            Some(Err(problem)) => missing.push(problem),
        }
        let worker = Worker {
            units: std::slice::from_ref(&unit),
            earlier: Mutex::default(),
            knowledge: &job.knowledge,
            limits: &job.limits,
            key_logs: &job.key_logs,
            reading: &job.reading,
            temporary: &self.temporary,
            gate: &self.gate,
            memory: self.memory,
            parallel: self.threads,
            progress: &self.progress,
            names: &names,
            missing: &missing,
        };
        // Others may hold what room there is; they wait for nothing that this thread has.
        let _pass = worker.admit(0);
        let (files, lines) = worker.work(0).ok_or("an executor was broken off")?;
        drop(kept);
        let mut answer = json::line(&Answer { files })
            .unwrap_or_default()
            .into_bytes();
        answer.extend(lines);
        Ok(answer)
    }

    /// Brings a host's evidence here from its address.
    fn bring(&self, from: &str, single: bool) -> Result<Brought, Problem> {
        let problem = |path: &str, what: String| Problem {
            path: path.to_owned(),
            what,
            advice: None,
        };
        let folder = tempfile::Builder::new()
            .prefix("rdpwhy-")
            .tempdir_in(&self.temporary)
            .map_err(|e| problem(from, format!("cannot be brought: {e}")))?;
        let got = rdpwhy_lake::wait(Some(1), async {
            Place::parse(from)?.fetch(folder.path()).await
        });
        let (_, told) = got.map_err(|e| problem(from, e.to_string()))?;
        let missing = told.iter().map(|line| match line.rsplit_once(": ") {
            Some((path, what)) => problem(path, what.to_owned()),
            None => problem(from, line.clone()),
        });
        let mut path = folder.path().to_owned();
        if single {
            // It lies in the folder under its own name.
            path.extend(from.rsplit('/').next());
        }
        Ok(Brought {
            names: Names(vec![(walk::label_of(&path), from.to_owned())]),
            path,
            missing: missing.collect(),
            folder,
        })
    }
}

/// Evidence that was brought here.
struct Brought {
    path: PathBuf,
    names: Names,
    missing: Vec<Problem>,
    /// Gone when it is dropped.
    folder: TempDir,
}
