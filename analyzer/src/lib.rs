//! Events to verdicts: one timeline, connection attempts on it, and the cause that explains each failure.
//!
//! Data flows one way: source → event → timeline → attempt → finding → verdict → report. Nothing here opens a file,
//! prints or asks the time.

pub mod report;
