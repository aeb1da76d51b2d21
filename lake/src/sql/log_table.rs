//! `SELECT … FROM parse_log('System.evtx')`: evidence as the table `event`, without a store.

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::catalog::{TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{DataFusionError, ScalarValue, plan_err};
use datafusion::logical_expr::Expr;
use rdpwhy_analyzer::Silent;

use super::Tools;
use super::given::Given;
use crate::open::Unit;
use crate::schema::Table;

/// The function `parse_log(path, …)`: all paths are one case, as `rdpwhy diagnose` takes them.
pub struct ParseLog {
    tools: Tools,
}

impl ParseLog {
    /// With these tools.
    pub fn new(tools: Tools) -> Self {
        Self { tools }
    }
}

impl std::fmt::Debug for ParseLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("parse_log")
    }
}

impl TableFunctionImpl for ParseLog {
    fn call_with_args(
        &self,
        args: TableFunctionArgs<'_, '_>,
    ) -> Result<Arc<dyn TableProvider>, DataFusionError> {
        let mut paths = Vec::new();
        for arg in args.exprs() {
            match arg {
                Expr::Literal(
                    ScalarValue::Utf8(Some(path))
                    | ScalarValue::LargeUtf8(Some(path))
                    | ScalarValue::Utf8View(Some(path)),
                    _,
                ) => paths.push(PathBuf::from(path)),
                _ => return plan_err!("parse_log takes paths: parse_log('System.evtx')"),
            }
        }
        let Some(first) = paths.first() else {
            return plan_err!("parse_log takes paths: parse_log('System.evtx')");
        };
        let label = first.display().to_string();
        let unit = Unit {
            label: label.clone(),
            paths,
            many: false,
            bytes: 0,
        };
        let mut rows = Vec::new();
        let mut problems = Vec::new();
        for opened in self.tools.opener.open(&unit) {
            problems.extend(opened.problems.iter().cloned());
            if opened.sources.is_empty() {
                continue;
            }
            let read = self.tools.judge.read(&opened, &Silent);
            let case = self.tools.judge.tell(&opened, read);
            let case = case.map_err(|e| DataFusionError::Execution(e.to_string()))?;
            rows.push(case.table(Table::Event).clone());
        }
        if rows.is_empty() {
            let why = problems.join("; ");
            return plan_err!(
                "parse_log('{label}'): no event log and no capture could be read: {why}"
            );
        }
        Ok(Arc::new(Given::new(Table::Event.schema(), vec![rows])))
    }
}
