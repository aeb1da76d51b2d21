//! Where the result goes: standard output, or a file that is either the old one or the whole new one.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// A file that appears under its name only when all of it is written.
pub enum Output {
    /// A new file beside the one to be replaced.
    Replacing(NamedTempFile, PathBuf),
    /// A device or pipe, which cannot be replaced.
    Existing(fs::File),
}

impl Output {
    /// Opens it before the work begins: nobody wants to wait an hour to hear that the folder does not exist.
    ///
    /// # Errors
    /// What the system says about the folder.
    pub fn open(path: &Path) -> io::Result<Self> {
        match fs::metadata(path) {
            Ok(data) if data.is_dir() => {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a folder"));
            }
            Ok(data) if !data.is_file() => {
                return Ok(Self::Existing(
                    fs::OpenOptions::new().write(true).open(path)?,
                ));
            }
            _ => {}
        }
        let folder = path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".rdpwhy-");
        // As any program would make a file, not private as temporary files are.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        Ok(Self::Replacing(
            builder.tempfile_in(folder)?,
            path.to_owned(),
        ))
    }

    /// Writes all of it.
    ///
    /// # Errors
    /// What the system says; the old file is then still there.
    pub fn write(mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)?;
        self.finish()
    }

    /// Puts what was written in its place.
    ///
    /// # Errors
    /// What the system says; the old file is then still there.
    pub fn finish(self) -> io::Result<()> {
        match self {
            Self::Existing(_) => Ok(()),
            Self::Replacing(file, path) => {
                file.as_file().sync_all()?;
                file.persist(path).map(drop).map_err(|e| e.error)
            }
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Existing(file) => file.write(bytes),
            Self::Replacing(file, _) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Existing(file) => file.flush(),
            Self::Replacing(file, _) => file.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_old_file_stays_until_the_new_one_is_whole() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("report.json");
        fs::write(&path, "old").expect("old");
        let output = Output::open(&path).expect("opens");
        assert_eq!(fs::read_to_string(&path).expect("readable"), "old");
        output.write(b"new").expect("writes");
        assert_eq!(fs::read_to_string(&path).expect("readable"), "new");
        assert_eq!(fs::read_dir(folder.path()).expect("listable").count(), 1);
    }

    #[test]
    fn a_folder_is_no_file() {
        let folder = tempfile::tempdir().expect("folder");
        assert!(Output::open(folder.path()).is_err());
        assert!(Output::open(&folder.path().join("no/such")).is_err());
    }
}
