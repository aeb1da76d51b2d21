//! Evidence and stores behind addresses.

use std::path::{Path, PathBuf};

use rdpwhy_lake::LakeError;
use rdpwhy_lake::store::{Manifest, Place};
use tempfile::TempDir;

use super::stop;
use crate::input::walk;
use crate::speaker::{Speaker, Stop};

/// Evidence that is here.
#[derive(Default)]
pub struct Fetched {
    /// Where.
    pub paths: Vec<PathBuf>,
    /// What was brought here, by the folder it lies in; gone when it is dropped.
    brought: Vec<(TempDir, String)>,
}

impl Fetched {
    /// What brought files are called: where they were.
    pub fn names(&self) -> Vec<(String, String)> {
        let name = |(folder, address): &(TempDir, String)| {
            let address = address.trim_end_matches('/').to_owned();
            (walk::label_of(folder.path()), address)
        };
        self.brought.iter().map(name).collect()
    }
}

/// Brings here what lies behind addresses; paths stay what they are.
pub fn fetch(paths: &[PathBuf], temporary: &Path, say: &mut Speaker<'_>) -> Result<Fetched, Stop> {
    let mut fetched = Fetched::default();
    for path in paths {
        let Some(address) = path.to_str().filter(|p| Place::is_address(p)) else {
            fetched.paths.push(path.clone());
            continue;
        };
        let folder = tempfile::Builder::new()
            .prefix("rdpwhy-")
            .tempdir_in(temporary)
            .map_err(|e| Stop::usage(format!("{}: {e}", temporary.display())))?;
        let got = rdpwhy_lake::wait(None, async {
            Place::parse(address)?.fetch(folder.path()).await
        });
        let (files, problems) = got.map_err(|e| stop(&e))?;
        for problem in problems {
            say.line(&format!("rdpwhy: {problem}"));
        }
        if files == 0 {
            return Err(Stop {
                what: format!("{address}: nothing could be read"),
                status: crate::NOTHING_READ,
            });
        }
        fetched.paths.push(folder.path().to_owned());
        fetched.brought.push((folder, address.to_owned()));
    }
    Ok(fetched)
}

/// The manifest of a store in a folder or behind an address.
pub fn manifest(store: &str) -> Result<Manifest, LakeError> {
    rdpwhy_lake::wait(None, async { Place::parse(store)?.manifest().await })
}
