//! How this crate's tables travel to the scheduler: a store's table by the names of its files, rows that are at hand as they
//! are. What becomes of them in a plan (scans of Parquet files, rows) every node knows by itself.

use std::any::Any;
use std::io::Cursor;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use arrow::ipc::reader::StreamReader;
use arrow::ipc::writer::StreamWriter;
use ballista_core::serde::BallistaLogicalExtensionCodec;
use datafusion::catalog::TableProvider;
use datafusion::common::{DataFusionError, TableReference, plan_err};
use datafusion::datasource::file_format::FileFormatFactory;
use datafusion::execution::TaskContext;
use datafusion::logical_expr::{Extension, LogicalPlan};
use datafusion_proto::logical_plan::LogicalExtensionCodec;

use crate::sql::{Given, Scan};

/// Stands before a store's table.
const SCAN: u8 = 1;
/// Stands before rows.
const GIVEN: u8 = 2;

/// Ballista's codec, and the tables of this crate.
#[derive(Debug, Default)]
pub struct Codec {
    ballista: BallistaLogicalExtensionCodec,
}

impl LogicalExtensionCodec for Codec {
    fn try_decode(
        &self,
        buf: &[u8],
        inputs: &[LogicalPlan],
        ctx: &TaskContext,
    ) -> Result<Extension, DataFusionError> {
        self.ballista.try_decode(buf, inputs, ctx)
    }

    fn try_encode(&self, node: &Extension, buf: &mut Vec<u8>) -> Result<(), DataFusionError> {
        self.ballista.try_encode(node, buf)
    }

    fn try_decode_table_provider(
        &self,
        buf: &[u8],
        table: &TableReference,
        schema: SchemaRef,
        _: &TaskContext,
    ) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        match buf.split_first() {
            Some((&SCAN, files)) => {
                let files = serde_json::from_slice(files).map_err(external)?;
                Ok(Arc::new(Scan::of(files).map_err(external)?))
            }
            Some((&GIVEN, rows)) => Ok(Arc::new(given(schema, rows)?)),
            _ => plan_err!("{table}: another version of rdpwhy sent this table"),
        }
    }

    fn try_encode_table_provider(
        &self,
        table: &TableReference,
        node: Arc<dyn TableProvider>,
        buf: &mut Vec<u8>,
    ) -> Result<(), DataFusionError> {
        let any: &dyn Any = node.as_ref();
        if let Some(scan) = any.downcast_ref::<Scan>() {
            buf.push(SCAN);
            return serde_json::to_writer(buf, scan.files()).map_err(external);
        }
        if let Some(given) = any.downcast_ref::<Given>() {
            buf.push(GIVEN);
            return send(given, buf);
        }
        plan_err!("{table}: this table cannot be asked on a cluster")
    }

    fn try_decode_file_format(
        &self,
        buf: &[u8],
        ctx: &TaskContext,
    ) -> Result<Arc<dyn FileFormatFactory>, DataFusionError> {
        self.ballista.try_decode_file_format(buf, ctx)
    }

    fn try_encode_file_format(
        &self,
        buf: &mut Vec<u8>,
        node: Arc<dyn FileFormatFactory>,
    ) -> Result<(), DataFusionError> {
        self.ballista.try_encode_file_format(buf, node)
    }
}

fn external(e: impl std::error::Error + Send + Sync + 'static) -> DataFusionError {
    DataFusionError::External(Box::new(e))
}

/// Each piece as a stream of Arrow's own format, with its length in front.
fn send(given: &Given, buf: &mut Vec<u8>) -> Result<(), DataFusionError> {
    for piece in given.pieces() {
        let mut bytes = Vec::new();
        let schema = given.schema();
        let mut writer = StreamWriter::try_new(&mut bytes, &schema)?;
        for rows in piece {
            writer.write(rows)?;
        }
        writer.finish()?;
        drop(writer);
        buf.extend((bytes.len() as u64).to_le_bytes());
        buf.extend(bytes);
    }
    Ok(())
}

fn given(schema: SchemaRef, mut bytes: &[u8]) -> Result<Given, DataFusionError> {
    let mut pieces = Vec::new();
    while !bytes.is_empty() {
        let piece = split(&mut bytes);
        let Some(piece) = piece else {
            return plan_err!("rows that were sent are not whole");
        };
        let reader = StreamReader::try_new(Cursor::new(piece), None)?;
        pieces.push(reader.collect::<Result<Vec<_>, _>>()?);
    }
    Ok(Given::new(schema, pieces))
}

/// Takes the first piece away.
fn split<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = bytes.split_first_chunk::<8>()?;
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (piece, rest) = rest.split_at_checked(length)?;
    *bytes = rest;
    Some(piece)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;
    use arrow::array::{RecordBatch, StringArray};
    use arrow::datatypes::{DataType, Field, Schema};

    fn rows(texts: &[&str]) -> RecordBatch {
        let schema = Schema::new(vec![Field::new("t", DataType::Utf8, false)]);
        let column = Arc::new(StringArray::from(texts.to_vec()));
        RecordBatch::try_new(Arc::new(schema), vec![column]).unwrap()
    }

    #[test]
    fn rows_arrive_in_their_pieces() {
        let pieces = vec![vec![rows(&["a", "b"])], vec![], vec![rows(&["c"])]];
        let sent = Given::new(rows(&[]).schema(), pieces.clone());
        let mut bytes = Vec::new();
        send(&sent, &mut bytes).unwrap();
        let come = given(rows(&[]).schema(), &bytes).unwrap();
        assert_eq!(come.pieces(), pieces);
        for cut in 1..bytes.len() {
            let part = bytes.get(..cut).unwrap();
            if let Ok(some) = given(rows(&[]).schema(), part) {
                assert!(some.pieces().len() < 3, "{cut}");
            }
        }
    }
}
