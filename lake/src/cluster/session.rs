//! What every node of a cluster knows alike: this crate's functions, DataFusion's rules with their mending, and how object
//! stores are opened. Functions travel by their names alone, so all nodes must be of one version.

use std::sync::Arc;

use ballista_core::extension::{SessionConfigExt as _, SessionStateExt as _};
use ballista_core::optimizer::with_ballista_optimizer_rules;
use datafusion::common::DataFusionError;
use datafusion::execution::object_store::{DefaultObjectStoreRegistry, ObjectStoreRegistry};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::execution::{FunctionRegistry as _, SessionState};
use datafusion::logical_expr::ScalarUDF;
use datafusion::optimizer::OptimizerRule;
use datafusion::prelude::SessionConfig;
use object_store::ObjectStore;
use url::Url;

use super::address::Address;
use super::codec::Codec;
use super::work::{Lines, Work};
use crate::sql::{Diagnose, Report, Tools, rules};
use crate::store::Place;

/// Largest message between nodes: a plan with the rows and key logs that it brings, a piece of a result.
pub const MESSAGE: u32 = 256 << 20;

/// What a node works with.
#[derive(Clone)]
pub struct Kit {
    /// Reads and judges.
    pub tools: Tools,
    /// Works on hosts.
    pub work: Arc<dyn Work>,
}

impl Kit {
    /// The functions.
    pub(super) fn functions(&self) -> [ScalarUDF; 3] {
        [
            ScalarUDF::from(Diagnose::new(self.tools.judge.clone())),
            ScalarUDF::from(Report::new(self.tools.judge.clone())),
            ScalarUDF::from(Lines::new(self.work.clone())),
        ]
    }

    /// A session of a scheduler or executor.
    pub(super) fn session(&self, config: SessionConfig) -> Result<SessionState, DataFusionError> {
        let mut state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(runtime(None)?)
            .with_default_features()
            .with_optimizer_rules(with_ballista_optimizer_rules(&rules()))
            .build();
        for function in self.functions() {
            state.register_udf(Arc::new(function))?;
        }
        Ok(state)
    }
}

/// The settings of every node, before those of a question.
pub fn config() -> SessionConfig {
    SessionConfig::new_with_ballista()
        .with_ballista_logical_extension_codec(Arc::new(Codec::default()))
        .with_ballista_grpc_client_max_message_size(MESSAGE as usize)
}

/// A session of whoever asks a cluster.
pub(crate) fn state(
    cluster: &Address,
    threads: Option<usize>,
    rules: Vec<Arc<dyn OptimizerRule + Send + Sync>>,
) -> Result<SessionState, DataFusionError> {
    let mut config = config().with_information_schema(true);
    if let Some(threads) = threads {
        config = config.with_target_partitions(threads);
    }
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_default_features()
        .with_optimizer_rules(rules)
        .build();
    state.upgrade_for_ballista(cluster.http())
}

/// Where plans run; what does not fit in memory lies in this folder.
pub(super) fn runtime(temporary: Option<&str>) -> Result<Arc<RuntimeEnv>, DataFusionError> {
    let mut builder =
        RuntimeEnvBuilder::new().with_object_store_registry(Arc::new(Stores::default()));
    if let Some(folder) = temporary {
        builder = builder.with_temp_file_path(folder);
    }
    builder.build_arc()
}

/// Object stores, opened when they are first asked for, with the keys of this node's environment.
#[derive(Debug, Default)]
struct Stores {
    open: DefaultObjectStoreRegistry,
}

impl ObjectStoreRegistry for Stores {
    fn register_store(
        &self,
        url: &Url,
        store: Arc<dyn ObjectStore>,
    ) -> Option<Arc<dyn ObjectStore>> {
        self.open.register_store(url, store)
    }

    fn deregister_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>, DataFusionError> {
        self.open.deregister_store(url)
    }

    fn get_store(&self, url: &Url) -> Result<Arc<dyn ObjectStore>, DataFusionError> {
        if let Ok(store) = self.open.get_store(url) {
            return Ok(store);
        }
        let place = Place::parse(url.as_str());
        let place = place.map_err(|e| DataFusionError::External(Box::new(e)))?;
        self.open.register_store(url, place.objects.clone());
        Ok(place.objects)
    }
}
