//! Files, terminal and exit codes; decides nothing about RDP.

pub mod args;
pub mod input;
pub mod span;
