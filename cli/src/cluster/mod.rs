//! `rdpwhy cluster`, and `--cluster` of other commands: many machines that share the work. Built with the feature `cluster`
//! only.

mod analyst;
mod client;
mod sent;

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use rdpwhy_analyzer::Options;
use rdpwhy_lake::Judge;
use rdpwhy_lake::cluster::{self, Address, Kit};
use rdpwhy_lake::sql::Tools;

use crate::args::{memory, threads};
use crate::lake::{Files, stop};
use crate::render::safe::{Charset, PARAGRAPH, safe};
use crate::speaker::{Speaker, Stop};
use crate::{Surroundings, engine, put};
use analyst::Analyst;
pub use client::{fleet, hosts};

/// Shown below the help.
pub const EXAMPLES: &str = "\
A cluster is one scheduler and any number of executors, all of them of the same version of rdpwhy. They listen on this machine
alone unless --bind says otherwise, and whoever reaches them can have them read files: nothing is encrypted and nobody is asked
for a password, so keep them in a network of their own, a VPN or an SSH tunnel.

Exit status:
  0  told to stop (Ctrl-C, SIGTERM)    2  wrong usage, or an address that cannot be listened at or reached

Examples:
  rdpwhy cluster scheduler
  rdpwhy cluster executor --scheduler 127.0.0.1:50050
  rdpwhy fleet collections/ --cluster df://127.0.0.1:50050
  rdpwhy sql --query hosts-by-cause --store cases --cluster df://127.0.0.1:50050

  on several machines, with collections/ and cases at the same path on all of them, or in an object store:
  rdpwhy cluster scheduler --bind 10.0.0.1:50050
  rdpwhy cluster executor --scheduler 10.0.0.1:50050 --bind 10.0.0.2:50051
  rdpwhy cluster executor --scheduler 10.0.0.1:50050 --bind 10.0.0.3:50051";

/// `rdpwhy cluster`.
#[derive(Debug, Subcommand)]
pub enum Cluster {
    /// Take questions and deal them to executors
    Scheduler {
        /// Where to listen; port 0: any that is free
        #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50050")]
        bind: SocketAddr,
    },
    /// Do the work
    Executor(Box<Executor>),
}

/// `rdpwhy cluster executor`.
#[derive(Debug, Args)]
pub struct Executor {
    /// The scheduler
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    pub scheduler: String,

    /// Where others fetch results; port 0: any that is free
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    pub bind: SocketAddr,

    /// Name or address at which the others reach this executor, when it is not that of --bind
    #[arg(long, value_name = "HOST")]
    pub name: Option<String>,

    /// Folder for results on their way and for what does not fit in memory; a folder is made in it and removed in the end
    #[arg(long, value_name = "DIR")]
    pub work_dir: Option<PathBuf>,

    /// Hosts, or pieces of a question, in hand at a time; all processors by default
    #[arg(short = 'j', long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,

    /// Memory that the hosts in hand may take together, about; a single larger one is analysed alone
    #[arg(long, value_name = "SIZE", value_parser = memory, default_value = "1G")]
    pub max_memory: u64,

    /// Folder of cause files that rdp_diagnose uses beside the built-in ones; rdpwhy fleet brings its own
    #[arg(long, value_name = "FOLDER")]
    pub knowledge: Option<PathBuf>,
}

/// Runs it and returns the exit status.
pub fn cluster(
    command: &Cluster,
    out: &mut (dyn Write + Send),
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let mut say = Speaker { err, surroundings };
    cluster::warnings(|text| {
        // As everything that is told: no name of a file moves the cursor.
        eprintln!("rdpwhy: {}", safe(text, PARAGRAPH, Charset::Unicode));
    });
    let ended = match command {
        Cluster::Scheduler { bind } => scheduler(*bind, out),
        Cluster::Executor(args) => executor(args, out),
    };
    say.end(ended.map(|()| 0))
}

fn scheduler(bind: SocketAddr, out: &mut (dyn Write + Send)) -> Result<(), Stop> {
    let kit = kit(&Analyst::default(), None)?;
    let wanted = cluster::Scheduler { bind };
    let ready = |at: SocketAddr| {
        let _ = put(out, format!("scheduler at df://{at}\n").as_bytes());
    };
    rdpwhy_lake::wait(None, cluster::scheduler(&wanted, &kit, ready)).map_err(|e| stop(&e))
}

fn executor(args: &Executor, out: &mut (dyn Write + Send)) -> Result<(), Stop> {
    let threads = args.threads.unwrap_or_else(|| {
        std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get)
    });
    let work_dir = args.work_dir.clone().unwrap_or_else(std::env::temp_dir);
    let analyst = Analyst::new(work_dir.clone(), threads, args.max_memory);
    let kit = kit(&analyst, args.knowledge.as_deref())?;
    let wanted = cluster::Executor {
        scheduler: Address::parse(&args.scheduler).map_err(|e| stop(&e))?,
        bind: args.bind,
        name: args.name.clone(),
        work_dir,
        threads,
    };
    let ready = |at: SocketAddr| {
        let line = format!("executor at {at} works for {}\n", wanted.scheduler.text);
        let _ = put(out, line.as_bytes());
    };
    rdpwhy_lake::wait(None, cluster::executor(&wanted, &kit, ready)).map_err(|e| stop(&e))
}

fn kit(analyst: &Analyst, knowledge: Option<&Path>) -> Result<Kit, Stop> {
    let knowledge = engine::knowledge(knowledge).map_err(Stop::usage)?;
    let options = Options {
        // A call inside a query works alone: the engine already runs as many as there are threads.
        threads: Some(1),
        ..Options::default()
    };
    Ok(Kit {
        tools: Tools {
            judge: Arc::new(Judge::new(knowledge, options)),
            opener: Arc::new(Files::default()),
        },
        work: Arc::new(analyst.clone()),
    })
}
