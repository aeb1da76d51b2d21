//! One table of a store, as its manifest has it: files that lie there and do not count are not seen, and files that are
//! added while a query runs neither.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use rdpwhy_parsers::Timestamp;

use crate::error::LakeError;
use crate::schema::{DATE, Table};
use crate::store::{Manifest, Place};

const SECONDS_A_DAY: i64 = 86_400;

/// A table of a store.
#[derive(Debug)]
pub struct Scan {
    /// Columns of the files.
    files: SchemaRef,
    /// And the day.
    schema: SchemaRef,
    root: ObjectStoreUrl,
    parts: Vec<PartitionedFile>,
}

impl Scan {
    /// The files of a table that the manifest names.
    ///
    /// # Errors
    /// A place whose name cannot be used.
    pub fn new(table: Table, place: &Place, manifest: &Manifest) -> Result<Self, LakeError> {
        let files = table.schema();
        let mut fields = files.fields().to_vec();
        fields.push(Arc::new(Field::new(DATE, DataType::Date32, false)));
        let parts = manifest.parts.iter().filter_map(|part| {
            let day = day(part.path.strip_prefix(table.name())?)?;
            let path = format!("{}/{}", place.prefix, part.path);
            let file = PartitionedFile::new(path, part.bytes);
            Some(file.with_partition_values(vec![ScalarValue::Date32(Some(day))]))
        });
        Ok(Self {
            schema: Arc::new(Schema::new(fields)),
            root: ObjectStoreUrl::parse(place.root.as_str())?,
            parts: parts.collect(),
            files,
        })
    }
}

/// The day in `/date=2026-11-21/…`, counted from 1970.
fn day(path: &str) -> Option<i32> {
    let day = path.strip_prefix('/')?.strip_prefix(DATE)?.get(1..11)?;
    let midnight = Timestamp::parse(&format!("{day}T00:00:00Z"))?;
    i32::try_from(midnight.0.div_euclid(SECONDS_A_DAY * 1_000_000_000)).ok()
}

#[async_trait]
impl TableProvider for Scan {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Days and the smallest and largest values of files and their pages leave much unread; what is read is filtered again.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>, DataFusionError> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let date = Arc::new(Field::new(DATE, DataType::Date32, false));
        let schema = TableSchema::builder(self.files.clone())
            .with_table_partition_cols(vec![date])
            .build();
        let source = ParquetSource::new(schema)
            .with_table_parquet_options(state.default_table_options().parquet);
        let groups =
            FileGroup::new(self.parts.clone()).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(self.root.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
