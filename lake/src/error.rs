//! What can go wrong with tables and stores, with what to do about it.

use std::path::PathBuf;

use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use parquet::errors::ParquetError;

/// Why a store or a query cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The folder exists and is no case store.
    #[error("{0}: is no case store: there is no store.json in it")]
    NoStore(String),
    /// A manifest that cannot be understood.
    #[error("{place}: store.json cannot be read: {why}")]
    Manifest {
        /// Where the store is.
        place: String,
        /// What is wrong.
        why: String,
    },
    /// A store that a later version of this program wrote.
    #[error(
        "{place}: the store has version {found}, and this rdpwhy knows {known}: use a newer rdpwhy"
    )]
    Newer {
        /// Where the store is.
        place: String,
        /// Its version.
        found: u32,
        /// The newest that is understood.
        known: u32,
    },
    /// A store that an earlier version of this program wrote.
    #[error(
        "{place}: the store has version {found}, and this rdpwhy writes {known}: add its evidence to a new store"
    )]
    Older {
        /// Where the store is.
        place: String,
        /// Its version.
        found: u32,
        /// What is written now.
        known: u32,
    },
    /// Another process writes to the store.
    #[error("{0}: another rdpwhy is adding to this store")]
    Busy(PathBuf),
    /// A file of the store, or its folder.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// An object store.
    #[error("{place}: {error}")]
    Object {
        /// Its address.
        place: String,
        /// What it says.
        error: object_store::Error,
    },
    /// The knowledge of causes.
    #[error("{0}")]
    Knowledge(String),
    /// A table.
    #[error("{0}")]
    Arrow(#[from] ArrowError),
    /// A Parquet file.
    #[error("{0}")]
    Parquet(#[from] ParquetError),
    /// A query.
    #[error("{0}")]
    Query(#[from] DataFusionError),
    /// What was asked for cannot be done.
    #[error("{0}")]
    Asked(String),
    /// Somebody asked for the end.
    #[error("broken off; the store is as it was before")]
    BrokenOff,
}

impl LakeError {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self::Io { path, error }
    }
}
