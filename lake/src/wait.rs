//! From a program without a runtime to one with, and back.

use crate::error::LakeError;

/// Runs it to its end, with so many threads; with as many as there are processors where nothing is said.
///
/// # Errors
/// Its own, and a runtime that cannot be made.
pub fn wait<T, E: From<LakeError>>(
    threads: Option<usize>,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(threads) = threads {
        builder.worker_threads(threads);
    }
    let runtime = builder.enable_all().build();
    let runtime = runtime.map_err(|e| LakeError::Asked(format!("no threads: {e}")))?;
    runtime.block_on(work)
}
