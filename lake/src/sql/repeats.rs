//! What DataFusion 55 gets wrong about `unnest`: behind it a group's key stands as often as its list is long, and is still
//! taken for unique. What ORDER BY and GROUP BY name beside the key is then left away, and sums and orders are wrong. This
//! takes the belief away before the rules that act on it.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::common::{DataFusionError, FunctionalDependencies};
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::optimizer::Optimizer;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// Rules that act on it.
const BELIEVERS: [&str; 2] = ["eliminate_duplicated_expr", "optimize_projections"];

/// DataFusion's rules, and this one in front of those that need it.
pub fn rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let mut rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> = Vec::new();
    for rule in Optimizer::new().rules {
        if BELIEVERS.contains(&rule.name()) {
            rules.push(Arc::new(Repeats));
        }
        rules.push(rule);
    }
    rules
}

/// The rule.
#[derive(Debug)]
struct Repeats;

fn believes(plan: &LogicalPlan) -> bool {
    !plan.schema().functional_dependencies().is_empty()
}

impl OptimizerRule for Repeats {
    fn name(&self) -> &'static str {
        "unnest_repeats_keys"
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        _: &dyn OptimizerConfig,
    ) -> Result<Transformed<LogicalPlan>, DataFusionError> {
        let wrong = |p: &LogicalPlan| Ok(matches!(p, LogicalPlan::Unnest(_)) && believes(p));
        if !plan.exists(wrong)? {
            return Ok(Transformed::no(plan));
        }
        plan.transform_up(|plan| match plan {
            LogicalPlan::Unnest(mut unnest) => {
                let schema = unnest.schema.as_ref().clone();
                let schema = schema.with_functional_dependencies(FunctionalDependencies::empty())?;
                unnest.schema = Arc::new(schema);
                Ok(Transformed::yes(LogicalPlan::Unnest(unnest)))
            }
            // What stands above has it from below.
            plan if believes(&plan) => Ok(Transformed::yes(plan.recompute_schema()?)),
            plan => Ok(Transformed::no(plan)),
        })
    }
}
