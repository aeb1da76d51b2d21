//! Hosts sent to a cluster, and their answers taken in. They go in jobs of some hundred, so that answers come while others
//! are worked on, and what is lost with a scheduler or its last executor is a few jobs and not all.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::{AsArray as _, RecordBatch, StringArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, UInt64Type};
use ballista_core::config::BALLISTA_SCHEDULER_MAX_PARTITIONS_PER_TASK;
use ballista_core::execution_plans::DistributedQueryExec;
use ballista_core::extension::SessionStateExt as _;
use ballista_core::serde::protobuf::CancelJobParams;
use ballista_core::serde::protobuf::scheduler_grpc_client::SchedulerGrpcClient;
use datafusion::common::DataFusionError;
use datafusion::datasource::provider_as_source;
use datafusion::execution::SessionState;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, ScalarUDF, col, lit};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionContext;
use datafusion_proto::protobuf::LogicalPlanNode;
use futures::{StreamExt as _, TryStreamExt as _};
use tokio::time::{interval, sleep};

use super::address::Address;
use super::session::config;
use super::work::{Lines, REFUSED, Work};
use crate::error::LakeError;
use crate::sql::{Given, short};

/// Hosts of one task at most: so few that little is done twice when an executor is lost.
const MOST_HOSTS: usize = 16;
/// Bytes of evidence of one task, about.
const MOST_BYTES: u64 = 32 << 20;
/// Tasks that hosts are dealt to where there are enough of them.
const TASKS: usize = 128;
/// Tasks of one job: its answers come when all of them are done.
const JOB: usize = 32;
/// Jobs under way: enough tasks for 256 processors, and while the last of one are worked on, nobody has to wait.
const JOBS: usize = 8;
/// How often a job is begun before it is given up.
const ATTEMPTS: u32 = 4;
/// For a scheduler or executors to come back.
const PATIENCE: Duration = Duration::from_secs(90);
/// Before a job is begun again.
const PAUSE: Duration = Duration::from_secs(2);
/// In what the engine says when answers lie at an executor that is gone.
const LOST: &str = "Shuffle fetch partition error";
/// How often it is looked whether somebody asked for the end.
const LOOK: Duration = Duration::from_millis(200);

/// A host to be worked on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its place among all.
    pub number: u64,
    /// What the node that gets it needs to know of it.
    pub text: String,
    /// Bytes of its evidence.
    pub bytes: u64,
}

/// Whoever waits for answers.
pub trait Heard: Sync {
    /// Takes a host's answer; each comes once, in any order.
    fn take(&self, number: u64, answer: &[u8]);

    /// What happens beside.
    fn tell(&self, what: &str);

    /// Whether somebody asked for the end.
    fn stopped(&self) -> bool;
}

/// Hosts for a cluster.
pub struct Fleet {
    address: Address,
    state: SessionState,
    function: Arc<ScalarUDF>,
    schema: SchemaRef,
}

impl Fleet {
    /// For this cluster. `work` is what does the work here, as it does there.
    ///
    /// # Errors
    /// When the engine refuses its settings.
    pub fn new(address: &Address, work: Arc<dyn Work>) -> Result<Self, LakeError> {
        // One task, one piece of the hosts: what is lost with an executor is little.
        let config = config()
            .with_target_partitions(1)
            .set_usize(BALLISTA_SCHEDULER_MAX_PARTITIONS_PER_TASK, 1);
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_default_features()
            .build();
        let fields = vec![
            Field::new("number", DataType::UInt64, false),
            Field::new("host", DataType::Utf8, false),
        ];
        Ok(Self {
            address: address.clone(),
            state: state.upgrade_for_ballista(address.http())?,
            function: Arc::new(ScalarUDF::from(Lines::new(work))),
            schema: Arc::new(Schema::new(fields)),
        })
    }

    /// Has all hosts worked on. Returns when every answer was taken, or somebody asked for the end.
    ///
    /// # Errors
    /// A scheduler or executors that went away and did not come back, a node that cannot do such work, a disk that is full
    /// there: the answers that were taken stand.
    pub async fn run(
        &self,
        job: &str,
        hosts: Vec<Host>,
        heard: &dyn Heard,
    ) -> Result<(), LakeError> {
        self.address.ready(PATIENCE, true).await?;
        let tasks = dealt(hosts);
        let jobs: Vec<Vec<Vec<Host>>> = tasks.chunks(JOB).map(<[Vec<Host>]>::to_vec).collect();
        let taken = Taken {
            heard,
            numbers: Mutex::default(),
        };
        let done = futures::stream::iter(jobs).map(|tasks| self.insist(job, tasks, &taken));
        done.buffer_unordered(JOBS).try_collect::<Vec<()>>().await?;
        Ok(())
    }

    /// A job, again and again with what is missing.
    async fn insist(
        &self,
        job: &str,
        mut tasks: Vec<Vec<Host>>,
        taken: &Taken<'_>,
    ) -> Result<(), LakeError> {
        let mut attempt = 1;
        loop {
            let done = Box::pin(self.once(job, &tasks, taken)).await;
            if taken.heard.stopped() {
                return Ok(());
            }
            taken.leave_missing(&mut tasks);
            let why = match done {
                Ok(()) if tasks.is_empty() => return Ok(()),
                Ok(()) => "answers are missing".to_owned(),
                Err(e) => self.why(&e)?,
            };
            let missing: usize = tasks.iter().map(Vec::len).sum();
            if attempt == ATTEMPTS {
                return Err(LakeError::Asked(format!(
                    "{}: {missing} hosts could not be done in {ATTEMPTS} attempts: {why}",
                    self.address.text
                )));
            }
            attempt += 1;
            taken.heard.tell(&format!(
                "{}: {why}: {missing} hosts are sent again",
                self.address.text
            ));
            sleep(PAUSE).await;
            self.address.ready(PATIENCE, true).await?;
        }
    }

    /// Why it failed; an error where it is of no use to try again.
    fn why(&self, e: &DataFusionError) -> Result<String, LakeError> {
        let text = e.to_string();
        let [before, behind] = REFUSED;
        let refused = text
            .split_once(before)
            .and_then(|(_, t)| t.split_once(behind));
        match refused {
            Some((why, _)) => Err(LakeError::Asked(format!("{}: {why}", self.address.text))),
            None if text.contains(LOST) => {
                Ok("an executor went away before its answers were fetched".to_owned())
            }
            None => Ok(short(&text)),
        }
    }

    async fn once(
        &self,
        job: &str,
        tasks: &[Vec<Host>],
        taken: &Taken<'_>,
    ) -> Result<(), DataFusionError> {
        let plan = self.plan(job, tasks)?;
        let context = SessionContext::new_with_state(self.state.clone());
        let plan = context.state().create_physical_plan(&plan).await?;
        let mut rows = execute_stream(plan.clone(), context.task_ctx())?;
        let mut look = interval(LOOK);
        loop {
            tokio::select! {
                batch = rows.try_next() => match batch? {
                    Some(batch) => taken.rows(&batch)?,
                    None => return Ok(()),
                },
                _ = look.tick() => if taken.heard.stopped() {
                    self.cancel(&plan).await;
                    return Ok(());
                },
            }
        }
    }

    fn plan(&self, job: &str, tasks: &[Vec<Host>]) -> Result<LogicalPlan, DataFusionError> {
        let piece = |hosts: &Vec<Host>| {
            let numbers = UInt64Array::from_iter_values(hosts.iter().map(|h| h.number));
            let texts = StringArray::from_iter_values(hosts.iter().map(|h| h.text.as_str()));
            let columns: [Arc<dyn arrow::array::Array>; 2] = [Arc::new(numbers), Arc::new(texts)];
            Ok(vec![RecordBatch::try_new(
                self.schema.clone(),
                columns.to_vec(),
            )?])
        };
        let pieces = tasks
            .iter()
            .map(piece)
            .collect::<Result<Vec<_>, DataFusionError>>()?;
        let given = Arc::new(Given::new(self.schema.clone(), pieces));
        let lines = self.function.call(vec![lit(job), col("host")]);
        LogicalPlanBuilder::scan("hosts", provider_as_source(given), None)?
            .project(vec![col("number"), lines.alias("lines")])?
            .build()
    }

    /// Tells the scheduler that nobody waits any more. Where that fails, it is done for nothing.
    async fn cancel(&self, plan: &Arc<dyn ExecutionPlan>) {
        let query = plan.downcast_ref::<DistributedQueryExec<LogicalPlanNode>>();
        let Some(job_id) = query.and_then(DistributedQueryExec::job_id) else {
            return;
        };
        if let Ok(mut scheduler) = SchedulerGrpcClient::connect(self.address.http()).await {
            let job_id = job_id.to_string();
            let _ = scheduler.cancel_job(CancelJobParams { job_id }).await;
        }
    }
}

/// Answers that were taken.
struct Taken<'a> {
    heard: &'a dyn Heard,
    numbers: Mutex<HashSet<u64>>,
}

impl Taken<'_> {
    /// Takes what was not there before: a job that was begun again tells some hosts twice.
    fn rows(&self, batch: &RecordBatch) -> Result<(), DataFusionError> {
        let wrong = || DataFusionError::Execution("an answer has not its columns".to_owned());
        let (Some(numbers), Some(lines)) = (
            batch.column(0).as_primitive_opt::<UInt64Type>(),
            batch
                .columns()
                .get(1)
                .and_then(|c| c.as_binary_opt::<i64>()),
        ) else {
            return Err(wrong());
        };
        for (number, lines) in numbers.iter().zip(lines.iter()) {
            let (Some(number), Some(lines)) = (number, lines) else {
                return Err(wrong());
            };
            let mut known = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
            let new = known.insert(number);
            drop(known);
            if new {
                self.heard.take(number, lines);
            }
        }
        Ok(())
    }

    /// Leaves the hosts whose answers are missing.
    fn leave_missing(&self, tasks: &mut Vec<Vec<Host>>) {
        let known = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        for hosts in tasks.iter_mut() {
            hosts.retain(|h| !known.contains(&h.number));
        }
        tasks.retain(|hosts| !hosts.is_empty());
    }
}

/// Hosts as tasks: many small ones together, a large one alone, and all of them at once where there are few.
fn dealt(hosts: Vec<Host>) -> Vec<Vec<Host>> {
    let most = hosts.len().div_ceil(TASKS).clamp(1, MOST_HOSTS);
    let mut tasks: Vec<Vec<Host>> = Vec::new();
    let mut bytes = 0_u64;
    for host in hosts {
        let size = host.bytes;
        match tasks.last_mut() {
            Some(task) if task.len() < most && bytes.saturating_add(size) <= MOST_BYTES => {
                task.push(host);
                bytes += size;
            }
            _ => {
                tasks.push(vec![host]);
                bytes = size;
            }
        }
    }
    tasks
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    fn hosts(count: u64, bytes: impl Fn(u64) -> u64) -> Vec<Host> {
        let host = |number| Host {
            number,
            text: String::new(),
            bytes: bytes(number),
        };
        (0..count).map(host).collect()
    }

    #[test]
    fn hosts_are_dealt_whole_and_in_their_order() {
        for count in [0, 1, 127, 128, 129, 1000, 100_000] {
            let all = hosts(count, |n| n % 7 * (MOST_BYTES / 4));
            let tasks = dealt(all.clone());
            assert!(tasks.iter().all(|t| (1..=MOST_HOSTS).contains(&t.len())));
            let sum = |t: &Vec<Host>| t.iter().map(|h| h.bytes).sum::<u64>();
            assert!(tasks.iter().all(|t| t.len() == 1 || sum(t) <= MOST_BYTES));
            assert_eq!(tasks.concat(), all);
        }
        assert_eq!(dealt(hosts(128, |_| 0)).len(), 128);
        assert_eq!(dealt(hosts(100_000, |_| 0)).len(), 6250);
    }

    #[derive(Default)]
    struct Ears(Mutex<Vec<u64>>);

    impl Heard for Ears {
        fn take(&self, number: u64, _: &[u8]) {
            self.0.lock().unwrap().push(number);
        }

        fn tell(&self, _: &str) {}

        fn stopped(&self) -> bool {
            false
        }
    }

    #[test]
    fn what_is_told_twice_is_taken_once() {
        let ears = Ears::default();
        let taken = Taken {
            heard: &ears,
            numbers: Mutex::default(),
        };
        let rows = |numbers: &[u64]| {
            let lines: Vec<&[u8]> = vec![b"x"; numbers.len()];
            let columns: [(&str, Arc<dyn arrow::array::Array>); 2] = [
                ("number", Arc::new(UInt64Array::from(numbers.to_vec()))),
                (
                    "lines",
                    Arc::new(arrow::array::LargeBinaryArray::from(lines)),
                ),
            ];
            RecordBatch::try_from_iter(columns).unwrap()
        };
        taken.rows(&rows(&[3, 1])).unwrap();
        taken.rows(&rows(&[1, 2, 3])).unwrap();
        assert_eq!(*ears.0.lock().unwrap(), [3, 1, 2]);
        let mut tasks = vec![hosts(3, |_| 0), hosts(5, |_| 0)];
        taken.leave_missing(&mut tasks);
        let left: Vec<u64> = tasks.concat().iter().map(|h| h.number).collect();
        assert_eq!(left, [0, 0, 4]);
    }
}
