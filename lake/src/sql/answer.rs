//! What a query gave.

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::{JsonArray, LineDelimited, WriterBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};

/// Rows, in the order that the query gave them.
pub struct Answer {
    /// Its columns.
    pub schema: SchemaRef,
    /// Its rows.
    pub batches: Vec<RecordBatch>,
}

/// RFC 3339 with microseconds, as in reports.
const MOMENT: &str = "%Y-%m-%dT%H:%M:%S%.6fZ";

impl Answer {
    pub(super) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }

    /// Names of the columns.
    pub fn columns(&self) -> Vec<&str> {
        let fields = self.schema.fields().iter();
        fields.map(|f| f.name().as_str()).collect()
    }

    /// Which columns hold numbers, which stand to the right in a table.
    pub fn numbers(&self) -> Vec<bool> {
        let fields = self.schema.fields().iter();
        fields.map(|f| f.data_type().is_numeric()).collect()
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each row's cells as text; none for null. Lists, maps and structs are JSON.
    ///
    /// # Errors
    /// A type that cannot be shown.
    pub fn cells(&self) -> Result<Vec<Vec<Option<String>>>, ArrowError> {
        let mut rows = Vec::new();
        for batch in &self.batches {
            let columns: Vec<Vec<Option<String>>> = batch
                .columns()
                .iter()
                .map(|c| column(c.as_ref()))
                .collect::<Result<_, _>>()?;
            let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
            for _ in 0..batch.num_rows() {
                let row = columns.iter_mut().map(|c| c.next().flatten());
                rows.push(row.collect());
            }
        }
        Ok(rows)
    }

    /// One JSON object per row, a line each; fields that are null are there as `null`.
    ///
    /// # Errors
    /// A type that JSON has no form for.
    pub fn json_lines(&self) -> Result<String, ArrowError> {
        let mut bytes = Vec::new();
        let mut writer = WriterBuilder::new()
            .with_explicit_nulls(true)
            .with_timestamp_tz_format(MOMENT.to_owned())
            .build::<_, LineDelimited>(&mut bytes);
        for batch in &self.batches {
            writer.write(batch)?;
        }
        writer.finish()?;
        drop(writer);
        text(bytes)
    }
}

fn text(bytes: Vec<u8>) -> Result<String, ArrowError> {
    String::from_utf8(bytes).map_err(|e| ArrowError::JsonError(e.to_string()))
}

fn column(column: &dyn Array) -> Result<Vec<Option<String>>, ArrowError> {
    if column.data_type().is_nested() {
        return nested(column);
    }
    let options = FormatOptions::new()
        .with_timestamp_tz_format(Some(MOMENT))
        .with_display_error(true);
    let shown = ArrayFormatter::try_new(column, &options)?;
    let cell = |row: usize| {
        let there = column.is_valid(row) && *column.data_type() != DataType::Null;
        there.then(|| shown.value(row).to_string())
    };
    Ok((0..column.len()).map(cell).collect())
}

/// Each value as JSON.
fn nested(column: &dyn Array) -> Result<Vec<Option<String>>, ArrowError> {
    let field = arrow::datatypes::Field::new("v", column.data_type().clone(), true);
    let schema = std::sync::Arc::new(arrow::datatypes::Schema::new(vec![field]));
    let mut cells = Vec::new();
    for row in 0..column.len() {
        if column.is_null(row) {
            cells.push(None);
            continue;
        }
        let one = RecordBatch::try_new(schema.clone(), vec![column.slice(row, 1)])?;
        let mut bytes = Vec::new();
        let mut writer = WriterBuilder::new()
            .with_timestamp_tz_format(MOMENT.to_owned())
            .build::<_, JsonArray>(&mut bytes);
        writer.write(&one)?;
        writer.finish()?;
        drop(writer);
        let text = text(bytes)?;
        // `[{"v":…}]`
        let value = text
            .strip_prefix("[{\"v\":")
            .and_then(|t| t.strip_suffix("}]"));
        cells.push(Some(value.unwrap_or(&text).to_owned()));
    }
    Ok(cells)
}
