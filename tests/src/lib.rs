//! What the suite, the fuzz targets and the mutation runs share: the bodies that take any bytes, the seeds they start from,
//! and the damage that is done to evidence.
//!
//! A body returns if all is well and panics if not, so that the same lines serve libFuzzer, a seeded loop and an input that
//! once broke something.

#![allow(
    clippy::format_push_string,
    clippy::cast_possible_truncation,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "test code: its numbers are small and its file names its own"
)]
#![allow(
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so best by stopping"
)]

pub mod bodies;
pub mod damage;
pub mod evidence;
pub mod variation;
