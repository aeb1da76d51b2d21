//! Evidence files to RDP events.
//!
//! Everything above this crate sees [`Event`]s only: a Windows record and a TLS alert in a capture arrive in the same
//! shape. Nothing here fails: what cannot be read becomes a [`Defect`] with its place, and reading goes on. Nothing here
//! opens a file, prints or asks the time.

pub mod batch;
pub mod catalog;
pub mod code;
mod community_id;
mod continuity;
mod copies;
pub mod event;
pub mod evtx;
pub mod export;
pub mod kind;
pub mod monitor;
pub mod pcap;
pub mod raw;
pub mod rdp;
pub mod read_at;
pub mod restore;
pub mod time;
pub mod tls;

pub use batch::{Defect, EventBatch, Gap, Log, Origin};
pub use code::{Code, code};
pub use community_id::community_id;
pub use copies::Copies;
pub use event::{Event, EventRef, Guid, Sink, Value};
pub use kind::{Field, Kind};
pub use read_at::ReadAt;
pub use restore::Kept;
pub use time::Timestamp;
