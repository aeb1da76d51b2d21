//! Events, attempts and verdicts as tables: Arrow in memory, Parquet in a case store, SQL over both.
//!
//! ```text
//! sources → judged → rows (event, attempt, verdict) → Parquet in a store → SQL → rows → sources → judged: the same report
//! ```
//!
//! Each row of the table `event` carries in its column `event` one [`Line`](line::Line): the exact event, or what a source
//! told beside its events (what its logs cover, their gaps, what could not be read), since what was not recorded decides
//! verdicts as much as what was. So the verdicts can be made again from the rows alone, here or on another machine.
//!
//! Files and archives are opened by whoever uses this crate, see [`Opener`].

pub mod batch;
pub mod case;
#[cfg(feature = "cluster")]
pub mod cluster;
pub mod error;
pub mod line;
pub mod open;
pub mod rows;
pub mod schema;
pub mod sql;
pub mod store;
mod wait;

pub use case::{Case, Judge};
pub use error::LakeError;
pub use open::{Opened, Opener, Unit};
pub use wait::wait;
