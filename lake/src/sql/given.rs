//! A table whose rows are at hand.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::DataFusionError;
use datafusion::datasource::TableType;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::logical_expr::Expr;
use datafusion::physical_plan::ExecutionPlan;

/// Rows, in the pieces that are worked on at a time.
#[derive(Debug)]
pub struct Given {
    schema: SchemaRef,
    pieces: Vec<Vec<RecordBatch>>,
}

impl Given {
    /// These rows, all of this schema.
    pub fn new(schema: SchemaRef, pieces: Vec<Vec<RecordBatch>>) -> Self {
        Self { schema, pieces }
    }

    /// The rows.
    #[cfg(feature = "cluster")]
    pub fn pieces(&self) -> &[Vec<RecordBatch>] {
        &self.pieces
    }
}

#[async_trait]
impl TableProvider for Given {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let columns = projection.cloned();
        let rows = MemorySourceConfig::try_new_exec(&self.pieces, self.schema.clone(), columns)?;
        Ok(rows)
    }
}
