//! Events to verdicts: one timeline, connection attempts on it, and the cause that explains each failure.
//!
//! Data flows one way: source → event → timeline → attempt → finding → verdict → report. Nothing here opens a file,
//! prints or asks the time.

pub mod attempt;
pub mod clock;
pub mod stage;
pub mod merge;
pub mod facts;
pub mod moment;
pub mod tie;
pub mod join;
pub mod knowledge;
pub mod outcome;
pub mod tries;
pub mod reasons;
pub mod coverage;
pub mod matcher;
pub mod sentence;
pub mod judge;
pub mod verdict;
pub mod evidence;
pub mod hosts;
pub mod index;
pub mod names;
pub mod report;
pub mod sighting;
