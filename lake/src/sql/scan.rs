//! One table of a store, as its manifest has it: files that lie there and do not count are not seen, and files that are
//! added while a query runs neither.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use rdpwhy_parsers::Timestamp;
use serde::{Deserialize, Serialize};

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
    /// What it reads.
    of: Files,
}

/// What a scan reads: as much as another machine needs to read it too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// Name of the table.
    table: String,
    /// What the object store is called among others: scheme and bucket.
    root: String,
    /// Its files.
    parts: Vec<Part>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    /// Where in the object store.
    path: String,
    /// Its size.
    bytes: u64,
    /// The day of its folder, counted from 1970.
    day: i32,
}

impl Scan {
    /// The files of a table that the manifest names.
    ///
    /// # Errors
    /// A place whose name cannot be used.
    pub fn new(table: Table, place: &Place, manifest: &Manifest) -> Result<Self, LakeError> {
        let parts = manifest.parts.iter().filter_map(|part| {
            Some(Part {
                day: day(part.path.strip_prefix(table.name())?)?,
                path: format!("{}/{}", place.prefix, part.path),
                bytes: part.bytes,
            })
        });
        Self::of(Files {
            table: table.name().to_owned(),
            root: place.root.to_string(),
            parts: parts.collect(),
        })
    }

    /// The table of these files.
    ///
    /// # Errors
    /// A table that a store does not have, and an object store whose name cannot be used.
    pub fn of(files: Files) -> Result<Self, LakeError> {
        let table = Table::ALL.into_iter().find(|t| t.name() == files.table);
        let table = table
            .ok_or_else(|| LakeError::Asked(format!("{}: there is no such table", files.table)))?;
        ObjectStoreUrl::parse(&files.root)?;
        let columns = table.schema();
        let mut fields = columns.fields().to_vec();
        fields.push(Arc::new(Field::new(DATE, DataType::Date32, false)));
        Ok(Self {
            schema: Arc::new(Schema::new(fields)),
            files: columns,
            of: files,
        })
    }

    /// What it reads.
    #[cfg(feature = "cluster")]
    pub fn files(&self) -> &Files {
        &self.of
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
        if self.of.parts.is_empty() {
            // A scan of no file has no part, and a cluster would wait for one for ever.
            let columns = projection.cloned();
            let nothing =
                MemorySourceConfig::try_new_exec(&[vec![]], self.schema.clone(), columns)?;
            return Ok(nothing);
        }
        let date = Arc::new(Field::new(DATE, DataType::Date32, false));
        let schema = TableSchema::builder(self.files.clone())
            .with_table_partition_cols(vec![date])
            .build();
        let source = ParquetSource::new(schema)
            .with_table_parquet_options(state.default_table_options().parquet);
        let file = |part: &Part| {
            let file = PartitionedFile::new(part.path.clone(), part.bytes);
            file.with_partition_values(vec![ScalarValue::Date32(Some(part.day))])
        };
        let files: Vec<_> = self.of.parts.iter().map(file).collect();
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let root = ObjectStoreUrl::parse(&self.of.root)?;
        let config = FileScanConfigBuilder::new(root, Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
