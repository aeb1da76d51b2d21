//! The nodes of a cluster as processes: one scheduler, and executors that ask it for work. Both run until they are told to
//! stop.

use std::net::{SocketAddr, TcpListener as Listener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use ballista_core::config::TaskSchedulingPolicy;
use ballista_core::error::BallistaError;
use ballista_core::registry::BallistaFunctionRegistry;
use ballista_executor::executor_process::{ExecutorProcessConfig, start_executor_process};
use ballista_scheduler::cluster::BallistaCluster;
use ballista_scheduler::config::SchedulerConfig;
use ballista_scheduler::scheduler_process::{create_scheduler, start_grpc_service_with_listener};
use datafusion_proto::protobuf::{LogicalPlanNode, PhysicalPlanNode};
use tokio::net::TcpListener;

use super::address::Address;
use super::codec::Codec;
use super::session::{Kit, MESSAGE, config, runtime};
use crate::error::LakeError;

/// An executor that was not heard of for so long is given up, and its work is done by others. It is heard of every five
/// seconds at least.
const SILENCE: u64 = 20;
/// How often that is looked at, seconds.
const LOOK: u64 = 3;
/// How long work waits for a new executor when the last one is gone, seconds.
const ALONE: u64 = 60;
/// How long results lie at the executors after a question was answered, seconds.
const KEPT: u64 = 300;
/// How long an executor waits for its scheduler when it begins.
const SCHEDULER: Duration = Duration::from_mins(1);
/// For what an executor has in hand when it is told to stop; the rest is done by others.
const WIND_UP: Duration = Duration::from_secs(10);

/// A scheduler's settings.
#[derive(Debug, Clone)]
pub struct Scheduler {
    /// Where it listens; port 0: any that is free.
    pub bind: SocketAddr,
}

/// An executor's settings.
#[derive(Debug, Clone)]
pub struct Executor {
    /// Its scheduler.
    pub scheduler: Address,
    /// Where others fetch results; port 0: any that is free.
    pub bind: SocketAddr,
    /// Name or address at which others reach it, where that is another.
    pub name: Option<String>,
    /// Folder for results on their way.
    pub work_dir: PathBuf,
    /// Hosts, or pieces of a question, in hand at a time.
    pub threads: usize,
}

fn taken(bind: SocketAddr, e: &std::io::Error) -> LakeError {
    LakeError::Asked(format!(
        "{bind}: cannot be listened at: {e}: another --bind may help, with port 0 for any that is free"
    ))
}

fn failed(e: &BallistaError) -> LakeError {
    LakeError::Asked(e.to_string())
}

/// Runs a scheduler until it is told to stop. `ready` is told where it listens.
///
/// # Errors
/// An address that cannot be listened at.
pub async fn scheduler(
    wanted: &Scheduler,
    kit: &Kit,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), LakeError> {
    let listener = TcpListener::bind(wanted.bind).await;
    let listener = listener.map_err(|e| taken(wanted.bind, &e))?;
    let address = listener.local_addr().map_err(|e| taken(wanted.bind, &e))?;
    let sessions = kit.clone();
    let settings = SchedulerConfig {
        external_host: address.ip().to_string(),
        bind_host: address.ip().to_string(),
        bind_port: address.port(),
        // Executors ask, so nobody has to reach them but for results.
        scheduling_policy: TaskSchedulingPolicy::PullStaged,
        executor_timeout_seconds: SILENCE,
        expire_dead_executor_interval_seconds: LOOK,
        no_executors_grace_period_seconds: ALONE,
        finished_job_data_clean_up_interval_seconds: KEPT,
        finished_job_state_clean_up_interval_seconds: KEPT,
        // Whoever asks needs to reach the scheduler alone.
        enable_embedded_flight_proxy: true,
        grpc_server_max_decoding_message_size: MESSAGE,
        grpc_server_max_encoding_message_size: MESSAGE,
        grpc_client_max_message_size: MESSAGE,
        override_config_producer: Some(Arc::new(config)),
        override_session_builder: Some(Arc::new(move |config| sessions.session(config))),
        override_logical_codec: Some(Arc::new(Codec::default())),
        ..SchedulerConfig::default()
    };
    let cluster = BallistaCluster::new_from_config(&settings).await;
    let cluster = cluster.map_err(|e| failed(&e))?;
    let scheduler =
        create_scheduler::<LogicalPlanNode, PhysicalPlanNode>(cluster, Arc::new(settings)).await;
    let scheduler = scheduler.map_err(|e| failed(&e))?;
    ready(address);
    tokio::select! {
        ended = Box::pin(start_grpc_service_with_listener(listener, scheduler)) => ended.map_err(|e| failed(&e)),
        () = told_to_stop() => Ok(()),
    }
}

/// Runs an executor until it is told to stop. `ready` is told where it listens.
///
/// # Errors
/// A scheduler that cannot be reached, an address that cannot be listened at, a folder that cannot be written.
pub async fn executor(
    wanted: &Executor,
    kit: &Kit,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), LakeError> {
    wanted.scheduler.ready(SCHEDULER, false).await?;
    // Whether it can be had, and which one that is: the engine's own server says neither.
    let address = Listener::bind(wanted.bind).and_then(|l| l.local_addr());
    let address = address.map_err(|e| taken(wanted.bind, &e))?;
    let folder = WorkFolder::within(&wanted.work_dir)?;
    let work_dir = folder.path()?;
    let session = kit.session(config())?;
    let temporary = work_dir.clone();
    let settings = ExecutorProcessConfig {
        bind_host: address.ip().to_string(),
        // A scheduler elsewhere sees an executor that listens everywhere where it comes from.
        external_host: wanted.name.clone().or_else(|| {
            let ip = address.ip();
            (!ip.is_unspecified()).then(|| ip.to_string())
        }),
        port: address.port(),
        scheduler_host: wanted.scheduler.host.clone(),
        scheduler_port: wanted.scheduler.port,
        vcores: wanted.threads,
        task_scheduling_policy: TaskSchedulingPolicy::PullStaged,
        work_dir: Some(work_dir),
        grpc_max_decoding_message_size: MESSAGE,
        grpc_max_encoding_message_size: MESSAGE,
        override_function_registry: Some(Arc::new(BallistaFunctionRegistry::from(&session))),
        override_runtime_producer: Some(Arc::new(move |_| runtime(Some(&temporary)))),
        override_config_producer: Some(Arc::new(config)),
        override_logical_codec: Some(Arc::new(Codec::default())),
        ..ExecutorProcessConfig::default()
    };
    ready(address);
    tokio::select! {
        // It hears of the end itself, takes its leave of the scheduler and winds up.
        ended = Box::pin(start_executor_process(Arc::new(settings))) => ended.map_err(|e| failed(&e)),
        () = out_of_patience() => Ok(()),
    }
}

/// The folder of an executor, gone with it. Never one that was there: the engine empties its folder.
struct WorkFolder(tempfile::TempDir);

impl WorkFolder {
    fn within(folder: &Path) -> Result<Self, LakeError> {
        std::fs::create_dir_all(folder).map_err(LakeError::io(folder))?;
        let made = tempfile::Builder::new()
            .prefix("rdpwhy-executor-")
            .tempdir_in(folder);
        Ok(Self(made.map_err(LakeError::io(folder))?))
    }

    fn path(&self) -> Result<String, LakeError> {
        let path = self.0.path();
        let text = path.to_str().map(str::to_owned);
        text.ok_or_else(|| LakeError::Asked(format!("{}: its name is no text", path.display())))
    }
}

/// Ctrl-C, or what the system sends when a process shall end.
async fn told_to_stop() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            return;
        };
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    {
        let _ = tokio::signal::ctrl_c().await;
    }
}

/// Told to stop twice, or once and long ago.
async fn out_of_patience() {
    told_to_stop().await;
    let _ = tokio::time::timeout(WIND_UP, told_to_stop()).await;
}
