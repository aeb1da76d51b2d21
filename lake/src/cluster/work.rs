//! Work on hosts as a function: `rdp_lines(job, host)` gives what this program has to say of a host. So an engine that knows
//! nothing of hosts brings them to wherever there is a processor, and again to another where one was lost.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, AsArray as _, LargeBinaryBuilder};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{DataFusionError, exec_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// What a node does of a host.
pub trait Work: Send + Sync {
    /// Works on hosts, one after the other, and gives each one's answer. `job` says what is the same for all of them. Whatever
    /// is wrong with a host belongs into its answer: an error stops the work on all hosts.
    ///
    /// # Errors
    /// Why this node cannot do such work.
    fn work(&self, job: &str, hosts: &[&str]) -> Result<Vec<Vec<u8>>, String>;
}

/// Stands before what a node says when it cannot do such work, and behind it.
pub(super) const REFUSED: [&str; 2] = ["rdpwhy: refused: ", " :refused"];

/// The function.
#[derive(Clone)]
pub struct Lines {
    work: Arc<dyn Work>,
    signature: Signature,
}

impl Lines {
    /// With what does the work here.
    pub fn new(work: Arc<dyn Work>) -> Self {
        let texts = vec![DataType::Utf8, DataType::Utf8];
        Self {
            work,
            // The evidence may be another the next time.
            signature: Signature::exact(texts, Volatility::Volatile),
        }
    }
}

// Functions are the same when they are called the same: there is one worker in a process.
impl PartialEq for Lines {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Lines {}

impl Hash for Lines {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl std::fmt::Debug for Lines {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl ScalarUDFImpl for Lines {
    fn name(&self) -> &'static str {
        "rdp_lines"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(DataType::LargeBinary)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        let [jobs, hosts] = args.args.as_slice() else {
            return exec_err!("{} takes a job and a host", self.name());
        };
        let text = |column: &ColumnarValue| {
            let column = column.to_array(args.number_rows)?;
            Ok::<_, DataFusionError>(cast(&column, &DataType::Utf8)?)
        };
        // The job is the same in every row.
        let job = match jobs {
            ColumnarValue::Scalar(job) => job.to_array()?,
            ColumnarValue::Array(jobs) => jobs.clone(),
        };
        let job = cast(&job, &DataType::Utf8)?;
        let hosts = text(hosts)?;
        let mut answers = LargeBinaryBuilder::new();
        if hosts.is_empty() {
            return Ok(ColumnarValue::Array(Arc::new(answers.finish())));
        }
        let job = job.as_string::<i32>().iter().flatten().next();
        let hosts: Vec<&str> = hosts.as_string::<i32>().iter().flatten().collect();
        let (Some(job), true) = (job, hosts.len() == args.number_rows) else {
            return exec_err!("{} takes a job and a host", self.name());
        };
        let [before, behind] = REFUSED;
        let done = self.work.work(job, &hosts);
        let done = done.map_err(|e| DataFusionError::Execution(format!("{before}{e}{behind}")))?;
        for answer in done {
            answers.append_value(answer);
        }
        Ok(ColumnarValue::Array(Arc::new(answers.finish())))
    }
}
