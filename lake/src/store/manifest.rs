//! What a store holds.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::case;
use crate::error::LakeError;

/// Version of a store's layout and tables; a change of a column's name or meaning raises it.
pub const VERSION: u32 = crate::schema::VERSION;
/// The manifest's name.
pub const NAME: &str = "store.json";

/// The file `store.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Always `rdpwhy.store`.
    pub schema: String,
    /// See [`VERSION`].
    pub version: u32,
    /// Version of the program that wrote last.
    pub written_by: String,
    /// The evidence, in the order in which it was added.
    pub inputs: Vec<Input>,
    /// The files that count, by path.
    pub parts: Vec<Part>,
}

/// Evidence that was added: a case, or one host of many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Input {
    /// 12 hex digits, a hash of its name and of what its files hold.
    pub id: String,
    /// What it is called.
    pub unit: String,
    /// Version of the program that judged it.
    pub judged_by: String,
    /// Its files.
    pub files: Vec<case::File>,
    /// Rows of events, attempts and verdicts.
    pub rows: [u64; 3],
    /// What could not be read, the first of it.
    pub problems: Vec<String>,
    /// How much more of that there is.
    pub more_problems: u64,
}

/// A file of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Part {
    /// Below the store, `/` as separator.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in hex digits.
    pub sha256: String,
    /// Its rows.
    pub rows: u64,
}

impl Default for Manifest {
    fn default() -> Self {
        Self {
            schema: "rdpwhy.store".to_owned(),
            version: VERSION,
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            inputs: Vec::new(),
            parts: Vec::new(),
        }
    }
}

impl Manifest {
    /// Reads a manifest; `place` is where the store is, for what is said of it.
    ///
    /// # Errors
    /// A text that is no manifest, or one of another version.
    pub fn parse(place: &str, text: &[u8]) -> Result<Self, LakeError> {
        #[derive(Deserialize)]
        struct Head {
            schema: String,
            version: u32,
        }
        let wrong = |why: String| LakeError::Manifest {
            place: place.to_owned(),
            why,
        };
        // Another version may have other fields, so that its number is read first.
        let head: Head = serde_json::from_slice(text).map_err(|e| wrong(e.to_string()))?;
        if head.schema != "rdpwhy.store" {
            return Err(wrong(format!("is of schema \"{}\"", head.schema)));
        }
        let (found, place) = (head.version, place.to_owned());
        match found.cmp(&VERSION) {
            std::cmp::Ordering::Greater => Err(LakeError::Newer {
                place,
                found,
                known: VERSION,
            }),
            std::cmp::Ordering::Less => Err(LakeError::Older {
                place,
                found,
                known: VERSION,
            }),
            std::cmp::Ordering::Equal => {
                serde_json::from_slice(text).map_err(|e| wrong(e.to_string()))
            }
        }
    }

    /// Reads a local store's manifest; none where there is no store yet.
    ///
    /// # Errors
    /// See [`Manifest::parse`], and what the system says.
    pub fn read(store: &Path) -> Result<Option<Self>, LakeError> {
        let path = store.join(NAME);
        match fs::read(&path) {
            Ok(text) => Self::parse(&store.display().to_string(), &text).map(Some),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(LakeError::io(path)(e)),
        }
    }

    /// Replaces a local store's manifest, by one rename.
    pub(super) fn write(&self, store: &Path) -> Result<(), LakeError> {
        let path = store.join(NAME);
        let new = store.join(format!(".{NAME}.new"));
        let mut text = serde_json::to_vec_pretty(self).unwrap_or_default();
        text.push(b'\n');
        let written = File::create(&new).and_then(|mut file| {
            file.write_all(&text)?;
            file.sync_all()
        });
        written.map_err(LakeError::io(&new))?;
        fs::rename(&new, &path).map_err(LakeError::io(&path))?;
        sync_folder(store)
    }

    /// Paths of the files that count.
    pub fn paths(&self) -> BTreeSet<&str> {
        self.parts.iter().map(|p| p.path.as_str()).collect()
    }
}

/// Makes names in a folder last. Windows has no such call, and needs none.
pub(super) fn sync_folder(folder: &Path) -> Result<(), LakeError> {
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|f| f.sync_all());
        synced.map_err(LakeError::io(folder))?;
    }
    Ok(())
}
