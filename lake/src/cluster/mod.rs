//! A cluster of Apache Ballista: a scheduler, executors, and whoever asks them, all of them this program.
//!
//! ```text
//! fleet: hosts ─→ jobs of some hundred ─→ scheduler ─→ executors: rdp_lines(job, host) ─→ lines, told once each
//! sql:   query ─→ plan ─→ scheduler ─→ stages ─→ executors: Parquet, rdp_diagnose(…) ─→ rows
//! ```
//!
//! The piece of work is a whole host. Clocks, floods and what a log covers are found out from all logs of a host, so that
//! pieces by server, client and hour would need them all again, and could blame what is only missing in the piece.

mod address;
mod client;
mod codec;
mod nodes;
mod session;
mod warnings;
mod work;

pub use address::{Address, PORT};
pub use client::{Fleet, Heard, Host};
pub use codec::Codec;
pub use nodes::{Executor, Scheduler, executor, scheduler};
pub(crate) use session::state;
pub use session::{Kit, MESSAGE};
pub use warnings::warnings;
pub use work::{Lines, Work};
