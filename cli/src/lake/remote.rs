//! Evidence and stores behind addresses.

use std::path::{Path, PathBuf};

use rdpwhy_lake::LakeError;
use rdpwhy_lake::store::{Manifest, Place};
use tempfile::TempDir;

use super::stop;
use crate::diagnose::Stop;

/// Evidence that is here.
pub struct Fetched {
    /// Where.
    pub paths: Vec<PathBuf>,
    /// What was brought here; gone when it is dropped.
    _folders: Vec<TempDir>,
}

/// Brings here what lies behind addresses; paths stay what they are.
pub fn fetch(paths: &[PathBuf], temporary: &Path) -> Result<Fetched, Stop> {
    let mut fetched = Fetched {
        paths: Vec::new(),
        _folders: Vec::new(),
    };
    for path in paths {
        let Some(address) = path.to_str().filter(|p| Place::is_address(p)) else {
            fetched.paths.push(path.clone());
            continue;
        };
        let folder = tempfile::Builder::new()
            .prefix("rdpwhy-")
            .tempdir_in(temporary)
            .map_err(|e| Stop::usage(format!("{}: {e}", temporary.display())))?;
        let got = wait(async { Place::parse(address)?.fetch(folder.path()).await });
        let files = got.map_err(|e| stop(&e))?;
        if files == 0 {
            return Err(Stop {
                what: format!("{address}: there is no file"),
                status: crate::NOTHING_READ,
            });
        }
        fetched.paths.push(folder.path().to_owned());
        fetched._folders.push(folder);
    }
    Ok(fetched)
}

/// The manifest of a store in a folder or behind an address.
pub fn manifest(store: &str) -> Result<Manifest, LakeError> {
    wait(async { Place::parse(store)?.manifest().await })
}

/// Runs it to its end.
pub fn wait<T>(work: impl Future<Output = Result<T, LakeError>>) -> Result<T, LakeError> {
    rdpwhy_lake::wait(None, work)
}
