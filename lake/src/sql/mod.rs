//! SQL over a store: the tables `event`, `attempt` and `verdict`, and the functions that make verdicts.

mod answer;
mod functions;
mod given;
mod library;
mod log_table;
mod repeats;
mod scan;

use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::{SQLOptions, SessionConfig, SessionContext};
use datafusion::logical_expr::ScalarUDF;

use futures::TryStreamExt as _;

use crate::case::Judge;
use crate::error::LakeError;
use crate::open::Opener;
use crate::schema::Table;
use crate::store::Place;
pub use answer::Answer;
pub use functions::{Diagnose, Report};
pub use given::Given;
pub use library::{Named, named, queries};
pub use log_table::ParseLog;
pub use repeats::rules;
pub use scan::Scan;

/// What the functions need.
#[derive(Clone)]
pub struct Tools {
    /// Reads and judges.
    pub judge: Arc<Judge>,
    /// Opens evidence.
    pub opener: Arc<dyn Opener>,
}

/// Of what stands in a store twice, since evidence of one host was added at two times, one row is told.
const ONCE: &str = "SELECT * EXCLUDE (nth) FROM (
    SELECT *, row_number() OVER (PARTITION BY unit, id ORDER BY input) AS nth FROM TABLE_rows
) WHERE nth = 1";

/// Where queries are run.
pub struct Engine {
    context: SessionContext,
    /// Of the cluster that does the work.
    cluster: Option<String>,
}

impl Engine {
    /// Without tables; with the functions `rdp_diagnose`, `rdp_report` and `parse_log`. So many partitions are worked on at
    /// a time; by default as many as there are processors.
    pub fn new(tools: &Tools, threads: Option<usize>) -> Self {
        let mut config = SessionConfig::new().with_information_schema(true);
        if let Some(threads) = threads {
            config = config.with_target_partitions(threads);
        }
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_default_features()
            .with_optimizer_rules(repeats::rules())
            .build();
        let context = SessionContext::new_with_state(state);
        functions(&context, tools);
        Self {
            context,
            cluster: None,
        }
    }

    /// As [`Engine::new`], with the work done by a cluster. Stores are opened here and there: all nodes reach them at the same
    /// address or path.
    ///
    /// # Errors
    /// When the engine refuses its settings.
    #[cfg(feature = "cluster")]
    pub fn on(
        cluster: &crate::cluster::Address,
        tools: &Tools,
        threads: Option<usize>,
    ) -> Result<Self, LakeError> {
        let state = crate::cluster::state(cluster, threads, rules())?;
        let context = SessionContext::new_with_state(state);
        // The engine takes away all functions that are not its own.
        functions(&context, tools);
        Ok(Self {
            context,
            cluster: Some(cluster.text.clone()),
        })
    }

    /// Opens a store's tables.
    ///
    /// # Errors
    /// When there is no store, or one of another version.
    pub async fn open(&self, place: &Place) -> Result<(), LakeError> {
        let manifest = place.manifest().await?;
        self.context
            .runtime_env()
            .register_object_store(&place.root, place.objects.clone());
        for table in Table::ALL {
            let scan = Arc::new(Scan::new(table, place, &manifest)?);
            match table {
                Table::Event => drop(self.context.register_table(table.name(), scan)?),
                Table::Attempt | Table::Verdict => {
                    let rows = format!("{}_rows", table.name());
                    self.context.register_table(rows.as_str(), scan)?;
                    let once = self.context.sql(&ONCE.replace("TABLE_rows", &rows)).await?;
                    self.context
                        .register_table(table.name(), once.into_view())?;
                }
            }
        }
        Ok(())
    }

    /// Runs a query. It can read and nothing else: no statement that makes, changes or writes anything is taken.
    ///
    /// # Errors
    /// What is wrong with it, or with what it reads.
    pub async fn query(&self, sql: &str) -> Result<Answer, LakeError> {
        let frame = self.frame(sql).await?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await.map_err(|e| self.failed(e))?;
        Ok(Answer::new(schema, batches))
    }

    /// As [`Engine::query`], with the answer in pieces as they come: the first has the columns and no row. `take` says whether
    /// it wants more.
    ///
    /// # Errors
    /// As [`Engine::query`], and those of `take`.
    pub async fn each<E: From<LakeError>>(
        &self,
        sql: &str,
        mut take: impl FnMut(&Answer) -> Result<bool, E>,
    ) -> Result<(), E> {
        let frame = self.frame(sql).await?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let mut more = take(&Answer::new(schema.clone(), Vec::new()))?;
        let pieces = frame.execute_stream().await;
        let mut pieces = pieces.map_err(|e| self.failed(e))?;
        while more {
            let Some(piece) = pieces.try_next().await.map_err(|e| self.failed(e))? else {
                break;
            };
            more = take(&Answer::new(schema.clone(), vec![piece]))?;
        }
        Ok(())
    }

    fn failed(&self, e: DataFusionError) -> LakeError {
        match &self.cluster {
            None => e.into(),
            Some(cluster) => LakeError::Asked(format!("{cluster}: {}", short(&e.to_string()))),
        }
    }

    async fn frame(&self, sql: &str) -> Result<DataFrame, LakeError> {
        let reading = SQLOptions::new()
            .with_allow_ddl(false)
            .with_allow_dml(false)
            .with_allow_statements(false);
        Ok(self.context.sql_with_options(sql, reading).await?)
    }
}

/// What an error says that came from another node, without what was wrapped around it on its way.
pub(crate) fn short(text: &str) -> String {
    let mut rest = text;
    while let Some((_, inner)) = rest.split_once("DataFusionError(") {
        rest = inner;
    }
    // What is wrapped up in other errors stands in quotes.
    if let Some((_, quoted)) = rest.split_once("(\"")
        && let Some((quoted, _)) = quoted.split_once('"')
    {
        return quoted.to_owned();
    }
    let line = rest.lines().next().unwrap_or_default();
    line.trim_end_matches([')', '"']).to_owned()
}

/// Registers the functions.
pub fn functions(context: &SessionContext, tools: &Tools) {
    context.register_udf(ScalarUDF::from(Diagnose::new(tools.judge.clone())));
    context.register_udf(ScalarUDF::from(Report::new(tools.judge.clone())));
    context.register_udtf("parse_log", Arc::new(ParseLog::new(tools.clone())));
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn errors_of_other_nodes_are_told_in_short() {
        let full = "Execution error: Job 1 failed: DataFusionError(Shared(External(ArrowError(IoError(\"No space left on \
                    device (os error 28)\", Os { code: 28, kind: StorageFull }))))";
        assert_eq!(short(full), "No space left on device (os error 28)");
        let lost = "Job 1 failed: DataFusionError(Object at location /s/x.parquet not found: gone)";
        assert_eq!(
            short(lost),
            "Object at location /s/x.parquet not found: gone"
        );
        assert_eq!(
            short("Execution error: stream closed"),
            "Execution error: stream closed"
        );
    }
}
