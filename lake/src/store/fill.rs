//! Many cases into a store, several at a time, in their order.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use rayon::prelude::*;
use rdpwhy_analyzer::{Progress, pipeline};

use super::add::{Added, Adder, Outcome};
use crate::case::{self, Case, Judge};
use crate::error::LakeError;
use crate::open::{Opened, Opener, Unit};

/// Cases for each thread that are in hand before they go into the store: the slowest of a group is waited for.
const FOR_EACH_THREAD: usize = 8;
/// Bytes of evidence in hand; their rows take about as much again. A single larger case is taken alone.
const IN_HAND: u64 = 512 << 20;

/// What became of one unit, or of one host of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it is called.
    pub unit: String,
    /// None: nothing of it could be read.
    pub added: Option<Added>,
    /// Files read.
    pub files: usize,
    /// Events in them.
    pub events: u64,
    /// What could not be read, a line each.
    pub problems: Vec<String>,
}

/// One case on its way.
enum Ready {
    Case(Box<Case>),
    /// It is in the store, under this name.
    Known {
        unit: String,
        name: String,
        files: Vec<case::File>,
    },
    Nothing {
        unit: String,
        problems: Vec<String>,
    },
    Wrong(LakeError),
}

/// Reads, judges and adds units. Everything counts at the end, or nothing. `told` hears of each in the order of the units.
///
/// # Errors
/// What cannot be written, or [`LakeError::BrokenOff`] when `progress` says so: the store is then as it was.
pub fn fill(
    store: &Path,
    units: &[Unit],
    judge: &Judge,
    opener: &dyn Opener,
    threads: Option<usize>,
    progress: &dyn Progress,
    told: &mut dyn FnMut(&Told),
) -> Result<Outcome, LakeError> {
    let mut adder = Adder::open(store)?;
    let wide = pipeline::within(threads, rayon::current_num_threads);
    let mut rest = units;
    while !rest.is_empty() {
        let (group, others) = rest.split_at(group(rest, wide * FOR_EACH_THREAD));
        rest = others;
        let ready: Vec<Vec<Ready>> = pipeline::within(threads, || {
            group
                .par_iter()
                .with_max_len(1)
                .map(|unit| read(unit, &adder, judge, opener, progress))
                .collect()
        });
        if progress.stopped() {
            return Err(LakeError::BrokenOff);
        }
        for ready in ready.into_iter().flatten() {
            told(&add(&mut adder, ready)?);
        }
    }
    adder.commit()
}

/// How many of the units are taken together.
fn group(units: &[Unit], most: usize) -> usize {
    let mut bytes = 0_u64;
    let fit = units.iter().take(most).take_while(|unit| {
        bytes = bytes.saturating_add(unit.bytes);
        bytes <= IN_HAND
    });
    fit.count().max(1)
}

fn add(adder: &mut Adder, ready: Ready) -> Result<Told, LakeError> {
    match ready {
        Ready::Case(case) => Ok(Told {
            added: Some(adder.add(&case)?),
            files: case.files.len(),
            events: case.files.iter().map(|f| f.events).sum(),
            unit: case.label,
            problems: case.problems,
        }),
        Ready::Known { unit, name, files } => Ok(Told {
            unit,
            added: Some(Added::Known(name)),
            files: files.len(),
            events: files.iter().map(|f| f.events).sum(),
            problems: Vec::new(),
        }),
        Ready::Nothing { unit, problems } => Ok(Told {
            unit,
            added: None,
            files: 0,
            events: 0,
            problems,
        }),
        Ready::Wrong(error) => Err(error),
    }
}

fn read(
    unit: &Unit,
    adder: &Adder,
    judge: &Judge,
    opener: &dyn Opener,
    progress: &dyn Progress,
) -> Vec<Ready> {
    if progress.stopped() {
        return Vec::new();
    }
    // Nothing a host holds may stop the others, not even a mistake of this program.
    let done = catch_unwind(AssertUnwindSafe(|| {
        let opened = opener.open(unit);
        opened
            .into_iter()
            .map(|o| ready(&o, adder, judge, progress))
            .collect()
    }));
    done.unwrap_or_else(|_| {
        let why = "the analysis broke down: a mistake in this program, please report it";
        vec![Ready::Nothing {
            unit: unit.label.clone(),
            problems: vec![format!("{}: {why}", unit.label)],
        }]
    })
}

fn ready(opened: &Opened, adder: &Adder, judge: &Judge, progress: &dyn Progress) -> Ready {
    if opened.sources.is_empty() {
        return Ready::Nothing {
            unit: opened.label.clone(),
            problems: opened.problems.clone(),
        };
    }
    let read = judge.read(opened, progress);
    let (input, files) = case::input(opened, &read);
    if let Some(name) = adder.knows(&input) {
        return Ready::Known {
            unit: opened.label.clone(),
            name: name.to_owned(),
            files,
        };
    }
    match judge.tell(opened, read) {
        Ok(case) => Ready::Case(Box::new(case)),
        Err(error) => Ready::Wrong(error),
    }
}
