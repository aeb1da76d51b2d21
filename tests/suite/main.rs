//! The suite: whole runs of the program over described cases, real samples and damaged files.
//!
//! Everything goes through [`rdpwhy::run`], as a person would, or through the analyzer's own entrance where the bytes of
//! a case are enough. The evidence of the cases is written once per process and kept in memory.

#![allow(
    clippy::format_push_string,
    clippy::cast_possible_truncation,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "test code: its numbers are small and its file names its own"
)]
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so best by stopping"
)]

mod asked;
mod bad_input;
mod browser;
mod case;
mod cases;
mod clocks;
mod contract;
mod contrib;
mod determinism;
mod diff;
mod explain;
mod exports;
mod fuzz;
mod hostile;
mod joining;
mod matrix;
mod mutation;
mod new_cause;
mod outputs;
mod parse;
mod points;
mod program;
mod properties;
mod readme;
mod redaction;
mod rules;
mod samples;
mod schemas;
mod scripts;
mod stability;
mod supply_chain;
mod thresholds;
mod variations;
mod verdicts;
