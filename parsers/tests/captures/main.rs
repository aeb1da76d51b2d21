//! Captures: every ending is told as it was, whatever the file format, the envelope and the split; no damage makes the
//! reader fail.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what is wrong by panicking"
)]

mod agreement;
mod beside;
mod damage;
mod endings;
mod envelopes;
mod files;
mod flows;
mod hostile;
mod one_way;
mod play;
mod samples;
mod tshark;
