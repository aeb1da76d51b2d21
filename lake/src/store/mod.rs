//! A case store: a folder of Parquet files, and a manifest that says which of them count.
//!
//! ```text
//! store.json                                   manifest: version, evidence, files with their SHA-256
//! event/date=2026-11-21/1f0c….parquet          one folder per day, in UTC; sorted by server, client, time
//! attempt/date=…/…    verdict/date=…/…
//! .lock                                        held while something is added
//! .aside-…/                                    files on their way in
//! ```
//!
//! Files are written aside, synced, moved to their places, and count when the new manifest has replaced the old one, which
//! is one rename. What breaks before that leaves the store as it was; the files it left are swept away by the next who adds.

mod add;
mod fill;
mod manifest;
mod part;
mod place;
mod verify;

pub use add::{Added, Adder, Outcome};
pub use fill::{Told, fill};
pub use manifest::{Input, Manifest, Part, VERSION};
pub use part::write_sorted;
#[cfg(feature = "cluster")]
pub use place::Listed;
pub use place::Place;
pub use verify::verify;
