//! Bytes of evidence where they lie: a file, a stretch of the temporary file, or memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rdpwhy_parsers::ReadAt;

/// Members up to this size are kept in memory.
const MAX_IN_MEMORY: usize = 64 << 20;

/// A file on disk, read at positions: it may shrink or be rotated meanwhile, which a memory map would not survive.
pub struct FileSource {
    path: PathBuf,
    open: Option<File>,
    size: u64,
}

impl FileSource {
    /// Opens the file, and keeps it open if it may.
    ///
    /// # Errors
    /// What the system says: missing, no permission.
    pub fn open(path: &Path, stay_open: bool) -> io::Result<Self> {
        let file = File::open(path)?;
        let size = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            open: stay_open.then_some(file),
            size,
        })
    }
}

impl ReadAt for FileSource {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.open {
            Some(file) => positioned_read(file, offset, buffer),
            None => positioned_read(&File::open(&self.path)?, offset, buffer),
        }
    }
}

#[cfg(unix)]
fn positioned_read(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

/// `seek_read` moves the handle's own position as well, which nobody here relies on.
#[cfg(windows)]
fn positioned_read(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

/// A stretch of the temporary file.
struct Stretch {
    file: Arc<File>,
    start: u64,
    length: u64,
}

impl ReadAt for Stretch {
    fn size(&self) -> u64 {
        self.length
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(offset);
        let wanted = buffer
            .len()
            .min(usize::try_from(left).unwrap_or(usize::MAX));
        let Some(buffer) = buffer.get_mut(..wanted) else {
            return Ok(0);
        };
        positioned_read(&self.file, self.start.saturating_add(offset), buffer)
    }
}

/// Where unpacked members and streams go: memory while they are small, one unlinked temporary file behind that. One file
/// for all, so that a thousand large members need one handle.
pub struct Spool {
    folder: PathBuf,
    file: Option<Arc<File>>,
    end: u64,
    in_memory: usize,
    memory: usize,
}

/// What a reader gave before it ended or failed.
pub struct Spooled {
    /// The bytes.
    pub bytes: Box<dyn ReadAt>,
    /// Why there are no more, unless the reader came to its end.
    pub broken: Option<io::Error>,
}

impl Spool {
    /// A spool that keeps so much in memory, and whose temporary file, if one is needed, lies in `folder`.
    pub fn new(folder: PathBuf, memory: usize) -> Self {
        Self {
            folder,
            file: None,
            end: 0,
            in_memory: 0,
            memory,
        }
    }

    /// Takes over all that `reader` gives. A reader that fails on its way leaves what it gave: the records of a torn
    /// archive are still records.
    ///
    /// # Errors
    /// When the temporary file cannot be made or written.
    pub fn take(&mut self, reader: &mut dyn Read) -> io::Result<Spooled> {
        let room = MAX_IN_MEMORY.min(self.memory.saturating_sub(self.in_memory));
        let mut memory = Vec::new();
        let broken = reader.take(room as u64).read_to_end(&mut memory).err();
        if broken.is_some() || memory.len() < room {
            self.in_memory += memory.len();
            memory.shrink_to_fit();
            return Ok(Spooled {
                bytes: Box::new(memory),
                broken,
            });
        }
        self.take_to_file(&memory, reader)
    }

    fn take_to_file(&mut self, begun: &[u8], reader: &mut dyn Read) -> io::Result<Spooled> {
        let file = if let Some(file) = &self.file {
            Arc::clone(file)
        } else {
            let made = tempfile::tempfile_in(&self.folder).map_err(|e| {
                io::Error::new(
                    e.kind(),
                    format!("no temporary file in {}: {e}", self.folder.display()),
                )
            })?;
            Arc::clone(self.file.insert(Arc::new(made)))
        };
        let start = self.end;
        let mut writer = &*file;
        writer.seek(SeekFrom::Start(start))?;
        writer.write_all(begun)?;
        let mut length = begun.len() as u64;
        let mut buffer = vec![0; 256 << 10];
        let broken = loop {
            match reader.read(&mut buffer) {
                Ok(0) => break None,
                Ok(n) => {
                    writer.write_all(buffer.get(..n).unwrap_or_default())?;
                    length += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => break Some(e),
            }
        };
        self.end = start + length;
        Ok(Spooled {
            bytes: Box::new(Stretch {
                file,
                start,
                length,
            }),
            broken,
        })
    }
}

/// `Read` and `Seek` over positioned bytes, for decoders.
pub struct Reader<'a> {
    bytes: &'a dyn ReadAt,
    position: u64,
}

impl<'a> Reader<'a> {
    /// Begins at the first byte.
    pub fn new(bytes: &'a dyn ReadAt) -> Self {
        Self { bytes, position: 0 }
    }
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.bytes.read_at(self.position, buffer)?;
        self.position += n as u64;
        Ok(n)
    }
}

impl Seek for Reader<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(n) => Some(n),
            SeekFrom::End(n) => self.bytes.size().checked_add_signed(n),
            SeekFrom::Current(n) => self.position.checked_add_signed(n),
        };
        let outside = || io::Error::new(io::ErrorKind::InvalidInput, "seek before the first byte");
        self.position = target.ok_or_else(outside)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &dyn ReadAt) -> Vec<u8> {
        let mut out = vec![0; usize::try_from(bytes.size()).expect("small")];
        assert_eq!(bytes.fill_at(0, &mut out).expect("readable"), out.len());
        out
    }

    #[test]
    fn members_too_large_for_memory_share_one_file() {
        let mut spool = Spool::new(std::env::temp_dir(), 10);
        let small = spool.take(&mut &b"small"[..]).expect("memory");
        let first = spool.take(&mut &[1; 100][..]).expect("file");
        let second = spool.take(&mut &[2; 50][..]).expect("file");
        assert_eq!(all(&*small.bytes), b"small");
        assert_eq!(all(&*first.bytes), [1; 100]);
        assert_eq!(all(&*second.bytes), [2; 50]);
        assert_eq!(second.bytes.read_at(50, &mut [0; 8]).expect("end"), 0);
    }

    #[test]
    fn a_torn_reader_leaves_what_it_gave() {
        struct Torn;
        impl Read for Torn {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("torn"))
            }
        }
        let mut spool = Spool::new(std::env::temp_dir(), 1000);
        let got = spool.take(&mut (&b"begun"[..]).chain(Torn)).expect("kept");
        assert_eq!(all(&*got.bytes), b"begun");
        assert!(got.broken.is_some());
    }
}
