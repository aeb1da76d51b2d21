//! Where a store is: a folder, or an address in an object store.

use std::io::Write as _;
use std::path::Path as FsPath;
use std::sync::Arc;

use futures::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use url::Url;

use super::manifest::{Manifest, NAME};
use crate::error::LakeError;

/// A place that can be read from.
#[derive(Debug, Clone)]
pub struct Place {
    /// As given.
    pub address: String,
    /// What the object store is called among others: scheme and bucket.
    pub root: Url,
    /// The object store.
    pub objects: Arc<dyn ObjectStore>,
    /// Where in it.
    pub prefix: Path,
}

/// An object that was listed.
#[cfg(feature = "cluster")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Below the place.
    pub path: String,
    /// Its size.
    pub bytes: u64,
    /// When it was changed last, nanoseconds since 1970; 0 where nobody knows.
    pub modified: u64,
}

impl Place {
    /// Whether this is an address and no path.
    pub fn is_address(text: &str) -> bool {
        text.split_once("://").is_some_and(|(scheme, _)| {
            scheme.len() > 1 && scheme.chars().all(char::is_alphanumeric)
        })
    }

    /// A folder, or `s3://bucket/folder`, `gs://…`, `az://…`. Keys come from the environment, as each provider names them:
    /// `AWS_ACCESS_KEY_ID`, `GOOGLE_SERVICE_ACCOUNT`, `AZURE_STORAGE_ACCOUNT_NAME` ….
    ///
    /// # Errors
    /// What is no such address, and a folder that is not there.
    pub fn parse(address: &str) -> Result<Self, LakeError> {
        if !Self::is_address(address) {
            return Self::folder(FsPath::new(address));
        }
        let asked = |why: &dyn std::fmt::Display| LakeError::Asked(format!("{address}: {why}"));
        let url = Url::parse(address).map_err(|e| asked(&e))?;
        let keys = std::env::vars_os().filter_map(|(key, value)| {
            let key = key.into_string().ok()?.to_ascii_lowercase();
            Some((key, value.into_string().ok()?))
        });
        let (objects, prefix) =
            object_store::parse_url_opts(&url, keys).map_err(|error| LakeError::Object {
                place: address.to_owned(),
                error,
            })?;
        let root = url[..url::Position::BeforePath].to_owned();
        Ok(Self {
            address: address.to_owned(),
            root: Url::parse(&root).map_err(|e| asked(&e))?,
            objects: Arc::from(objects),
            prefix,
        })
    }

    /// A folder of this machine.
    ///
    /// # Errors
    /// When it is not there.
    pub fn folder(folder: &FsPath) -> Result<Self, LakeError> {
        let address = folder.display().to_string();
        let whole = folder.canonicalize().map_err(LakeError::io(folder))?;
        let prefix = Path::from_absolute_path(&whole).map_err(|e| LakeError::Object {
            place: address.clone(),
            error: e.into(),
        })?;
        let root = Url::parse("file:///").map_err(|e| LakeError::Asked(e.to_string()))?;
        Ok(Self {
            address,
            root,
            objects: Arc::new(LocalFileSystem::new()),
            prefix,
        })
    }

    /// A place in an object store that is open already.
    pub fn within(root: Url, objects: Arc<dyn ObjectStore>, prefix: Path) -> Self {
        Self {
            address: format!("{root}{prefix}"),
            root,
            objects,
            prefix,
        }
    }

    /// All objects, by their paths below this place; a single object has none.
    ///
    /// # Errors
    /// A place that cannot be listed, or where nothing is.
    #[cfg(feature = "cluster")]
    pub async fn list(&self) -> Result<Vec<Listed>, LakeError> {
        let told = |error| LakeError::Object {
            place: self.address.clone(),
            error,
        };
        let listed = |object: &object_store::ObjectMeta| {
            let below: Vec<String> = match object.location.prefix_match(&self.prefix) {
                Some(parts) => parts.map(|p| p.as_ref().to_owned()).collect(),
                None => Vec::new(),
            };
            Listed {
                path: below.join("/"),
                bytes: object.size,
                modified: object
                    .last_modified
                    .timestamp_nanos_opt()
                    .and_then(|n| u64::try_from(n).ok())
                    .unwrap_or(0),
            }
        };
        let mut stream = self.objects.list(Some(&self.prefix));
        let mut objects = Vec::new();
        while let Some(object) = stream.try_next().await.map_err(told)? {
            objects.push(listed(&object));
        }
        if objects.is_empty() {
            objects.push(listed(
                &self.objects.head(&self.prefix).await.map_err(told)?,
            ));
        }
        objects.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(objects)
    }

    /// Brings all objects here, below a folder: how many, and those that could not be read, also since they vanished
    /// meanwhile, a line each.
    ///
    /// # Errors
    /// A place that cannot be listed, and a folder that cannot be written.
    pub async fn fetch(&self, folder: &FsPath) -> Result<(usize, Vec<String>), LakeError> {
        let told = |error| LakeError::Object {
            place: self.address.clone(),
            error,
        };
        let mut listed = self.objects.list(Some(&self.prefix));
        let mut objects = Vec::new();
        while let Some(object) = listed.try_next().await.map_err(told)? {
            objects.push(object.location);
        }
        if objects.is_empty() {
            // The address of a single object.
            objects.push(self.prefix.clone());
        }
        objects.sort();
        let mut count = 0;
        let mut problems = Vec::new();
        for location in objects {
            let below = location.prefix_match(&self.prefix);
            let mut path = folder.to_owned();
            let mut parts = below.into_iter().flatten().peekable();
            if parts.peek().is_none() {
                path.extend(location.filename());
            }
            // A part of an object's name is never `..`, and no separator of this system.
            path.extend(parts.map(|p| p.as_ref().replace(['\\', ':'], "_")));
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent).map_err(LakeError::io(parent))?;
            let mut file = std::fs::File::create(&path).map_err(LakeError::io(&path))?;
            match self.bring(&location, &mut file).await {
                Ok(written) => {
                    written.map_err(LakeError::io(&path))?;
                    count += 1;
                }
                // What came is kept: a log is read as far as it goes.
                Err(e) => {
                    let root = self.root.as_str().trim_end_matches('/');
                    let why = match e {
                        object_store::Error::NotFound { .. } => "is not there".to_owned(),
                        e => e.to_string(),
                    };
                    problems.push(format!("{root}/{location}: {why}"));
                }
            }
        }
        Ok((count, problems))
    }

    /// Brings one object; inside, whether it could be written.
    async fn bring(
        &self,
        location: &Path,
        file: &mut std::fs::File,
    ) -> object_store::Result<std::io::Result<()>> {
        let mut bytes = self.objects.get(location).await?.into_stream();
        while let Some(piece) = bytes.try_next().await? {
            if let Err(e) = file.write_all(&piece) {
                return Ok(Err(e));
            }
        }
        Ok(Ok(()))
    }

    /// The manifest of the store that is there.
    ///
    /// # Errors
    /// When there is none, or one that cannot be read.
    pub async fn manifest(&self) -> Result<Manifest, LakeError> {
        let path = self.prefix.clone().join(NAME);
        let told = |error| match error {
            object_store::Error::NotFound { .. } => LakeError::NoStore(self.address.clone()),
            error => LakeError::Object {
                place: self.address.clone(),
                error,
            },
        };
        let found = self.objects.get(&path).await.map_err(told)?;
        let text = found.bytes().await.map_err(told)?;
        Manifest::parse(&self.address, &text)
    }
}
