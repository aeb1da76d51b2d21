//! Functions that make verdicts of rows. They take the column `event` of all rows of one case, in any order.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, ListArray, StringBuilder, new_empty_array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, concat};
use arrow::datatypes::{DataType, Field};
use datafusion::common::{DataFusionError, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

use crate::case::Judge;
use crate::rows::{self, Of};
use crate::schema::Table;

/// Columns that verdicts have beyond those that say of which case they are.
const LEAD: usize = 2;

/// `rdp_diagnose(array_agg(event))`: the verdicts of a case, a struct each, with the columns of the table `verdict`.
#[derive(Clone)]
pub struct Diagnose {
    judge: Arc<Judge>,
    signature: Signature,
}

/// `rdp_report(array_agg(event))`: the whole report of a case as JSON, schema `rdpwhy.report/1`.
#[derive(Clone)]
pub struct Report {
    judge: Arc<Judge>,
    signature: Signature,
}

macro_rules! by_name {
    ($type:ident, $name:literal) => {
        impl $type {
            /// With this judge.
            pub fn new(judge: Arc<Judge>) -> Self {
                Self {
                    judge,
                    signature: Signature::user_defined(Volatility::Immutable),
                }
            }
        }

        // Functions are the same when they are called the same: there is one judge in a process.
        impl PartialEq for $type {
            fn eq(&self, _: &Self) -> bool {
                true
            }
        }

        impl Eq for $type {}

        impl Hash for $type {
            fn hash<H: Hasher>(&self, state: &mut H) {
                $name.hash(state);
            }
        }

        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str($name)
            }
        }
    };
}

by_name!(Diagnose, "rdp_diagnose");
by_name!(Report, "rdp_report");

impl ScalarUDFImpl for Diagnose {
    fn name(&self) -> &'static str {
        "rdp_diagnose"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(DataType::List(item()))
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>, DataFusionError> {
        lists_of_texts(self.name(), types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let mut counts = Vec::new();
        let mut verdicts: Vec<ArrayRef> = Vec::new();
        let of = Of {
            unit: "",
            input: "",
        };
        for report in reports(&self.judge, &args)? {
            let Some(report) = report else {
                counts.push(0);
                continue;
            };
            let rows = rows::verdicts(of, &report)?;
            counts.push(rows.num_rows());
            let columns: Vec<usize> = (LEAD..rows.num_columns()).collect();
            let rows: arrow::array::StructArray = rows.project(&columns)?.into();
            verdicts.push(Arc::new(rows));
        }
        let values = if verdicts.is_empty() {
            new_empty_array(item().data_type())
        } else {
            concat(&verdicts.iter().map(AsRef::as_ref).collect::<Vec<_>>())?
        };
        let offsets = OffsetBuffer::from_lengths(counts);
        let list = ListArray::try_new(item(), offsets, values, None)?;
        Ok(ColumnarValue::Array(Arc::new(list)))
    }
}

impl ScalarUDFImpl for Report {
    fn name(&self) -> &'static str {
        "rdp_report"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(DataType::Utf8)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>, DataFusionError> {
        lists_of_texts(self.name(), types)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let mut texts = StringBuilder::new();
        for report in reports(&self.judge, &args)? {
            let text = report.map(|r| serde_json::to_string(&r).unwrap_or_default());
            texts.append_option(text);
        }
        Ok(ColumnarValue::Array(Arc::new(texts.finish())))
    }
}

/// A verdict.
fn item() -> Arc<Field> {
    let schema = Table::Verdict.schema();
    let fields: Vec<_> = schema.fields().iter().skip(LEAD).cloned().collect();
    Arc::new(Field::new("item", DataType::Struct(fields.into()), true))
}

/// Engines hand texts on in several forms; all of them are taken as they come.
fn lists_of_texts(name: &str, types: &[DataType]) -> Result<Vec<DataType>, DataFusionError> {
    let is_text = |t: &DataType| {
        matches!(
            t,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null
        )
    };
    match types {
        [DataType::List(item) | DataType::LargeList(item)] if is_text(item.data_type()) => {
            Ok(types.to_vec())
        }
        _ => plan_err!("{name} takes the rows of one case: {name}(array_agg(event))"),
    }
}

/// The report on each row's list of lines; none where there is no list.
fn reports(
    judge: &Judge,
    args: &ScalarFunctionArgs,
) -> Result<Vec<Option<rdpwhy_analyzer::Report>>, DataFusionError> {
    let [lists] = args.args.as_slice() else {
        return exec_err!("takes one list of rows");
    };
    let lists = lists.to_array(args.number_rows)?;
    let lines = DataType::new_list(DataType::LargeUtf8, true);
    let lists = cast(&lists, &lines)?;
    let lists = lists.as_list::<i32>();
    (0..lists.len())
        .map(|row| {
            if lists.is_null(row) {
                return Ok(None);
            }
            let lines = lists.value(row);
            let lines = lines.as_string::<i64>();
            let report = judge.report(lines.iter().flatten());
            report
                .map(Some)
                .map_err(|e| DataFusionError::Execution(e.to_string()))
        })
        .collect()
}
