//! The tables as a whole: the described cases through rows and back, stores, every named query.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so best by stopping"
)]

mod cases;
mod evidence;
mod queries;
mod stores;
