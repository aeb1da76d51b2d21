//! `rdpwhy store` and `rdpwhy sql`: evidence as tables. Built with the feature `lake` only.

mod evidence;
mod remote;
mod sql;
mod store;
mod table;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use rdpwhy_analyzer::Options;
use rdpwhy_lake::sql::Tools;
use rdpwhy_lake::{Judge, LakeError};

use crate::Surroundings;
use crate::args::threads;
use crate::engine;
use crate::span::Span;
use crate::speaker::{Speaker, Stop};
pub use evidence::Files;
pub use sql::{Arguments as Sql, EXAMPLES as SQL_EXAMPLES, sql};
pub use store::{EXAMPLES as STORE_EXAMPLES, Store, store};

/// How evidence is read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Evidence")]
pub struct Reading {
    /// Each folder or archive in PATH is a host, and judged by itself, as `rdpwhy fleet` does
    #[arg(long)]
    pub by_host: bool,

    /// With --by-host: hosts are so many folders below PATH
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub depth: usize,

    /// TLS secrets in the NSS key log format, to look into encrypted connections
    #[arg(long, value_name = "FILE")]
    pub keylog: Vec<PathBuf>,

    /// Password of encrypted archives
    #[arg(long, value_name = "PASSWORD")]
    pub password: Option<String>,

    /// Folder for what does not fit in memory
    #[arg(long, value_name = "FOLDER")]
    pub temp: Option<PathBuf>,

    /// Folder of cause files to use beside the built-in ones
    #[arg(long, value_name = "FOLDER")]
    pub knowledge: Option<PathBuf>,

    /// Zone of times without one (Europe/Berlin)
    #[arg(long, value_name = "ZONE")]
    pub tz: Option<String>,

    /// Threads; all processors by default
    #[arg(short = 'j', long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
}

impl Reading {
    /// What reads and judges. `threads` are those of one case.
    fn tools(&self, threads: Option<usize>) -> Result<Tools, Stop> {
        let span = Span::of(&crate::args::Span {
            since: None,
            until: None,
            around: None,
            window: "5m".to_owned(),
            tz: self.tz.clone(),
        });
        let options = Options {
            zone: span.map_err(Stop::usage)?.zone,
            threads,
            ..Options::default()
        };
        let knowledge = engine::knowledge(self.knowledge.as_deref()).map_err(Stop::usage)?;
        Ok(Tools {
            judge: Arc::new(Judge::new(knowledge, options)),
            opener: Arc::new(Files::of(self)?),
        })
    }

    fn temporary(&self) -> PathBuf {
        self.temp.clone().unwrap_or_else(std::env::temp_dir)
    }
}

/// Runs a command and tells what stopped it.
fn told(
    err: &mut dyn Write,
    surroundings: &Surroundings,
    run: impl FnOnce(&mut Speaker<'_>) -> Result<u8, Stop>,
) -> u8 {
    let mut say = Speaker { err, surroundings };
    match run(&mut say) {
        Ok(status) => status,
        Err(stop) => {
            say.error(stop.what);
            stop.status
        }
    }
}

impl From<LakeError> for Stop {
    fn from(error: LakeError) -> Self {
        stop(&error)
    }
}

pub(crate) fn stop(error: &LakeError) -> Stop {
    let status = match error {
        LakeError::BrokenOff => crate::interrupt::INTERRUPTED,
        LakeError::NoStore(_) => crate::NOTHING_READ,
        _ => crate::USAGE,
    };
    Stop {
        what: error.to_string(),
        status,
    }
}
