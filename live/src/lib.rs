//! Connections judged while their packets are still arriving.
//!
//! ```text
//! bytes or frames → Watch (parsers) → Told → Store (what is kept, bounded)
//!                                              ↓ the changed ones with their neighbours
//!                               judge_some (analyzer) → Ledger (what was said of each) → Line
//! ```
//!
//! Nothing here opens a file, knows a network card or asks the time: the clock is that of the packets, and whoever reads a
//! network card says how late it is. The same packets give the same lines, however they were split.
//!
//! Only what changed is judged again, among at most [`store::NEIGHBOURS`] connections of the same server, so that the
//! thousandth hour costs what the first one did.

pub mod engine;
pub mod ledger;
pub mod line;
pub mod probe;
pub mod store;

pub use engine::{Ending, Engine, Setup};
pub use line::{Line, Said, State};
