//! The only view of an evidence file's bytes.

use std::io;

/// Bytes that can be read at any place, from several threads at once. Implemented by the command line for files,
/// archive members and streams, and here for byte slices.
pub trait ReadAt: Send + Sync {
    /// Length in bytes, as far as it is known now.
    fn size(&self) -> u64;

    /// Reads into `buffer` from `offset` on; returns how many bytes were there (0 at the end).
    ///
    /// # Errors
    /// What the medium says; a file that shrank returns fewer bytes, not an error.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// Whether the bytes were found outside any file, in unallocated space for instance: what is read of them counts as
    /// recovered.
    fn carved(&self) -> bool {
        false
    }

    /// Fills as much of `buffer` as the medium holds from `offset` on; returns the count.
    ///
    /// # Errors
    /// As [`ReadAt::read_at`].
    fn fill_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            let Some(rest) = buffer.get_mut(done..) else {
                break;
            };
            match self.read_at(offset.saturating_add(done as u64), rest) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(done)
    }
}

impl<T: AsRef<[u8]> + Send + Sync> ReadAt for T {
    fn size(&self) -> u64 {
        self.as_ref().len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|o| self.as_ref().get(o..))
            .unwrap_or_default();
        let n = rest.len().min(buffer.len());
        if let (Some(to), Some(from)) = (buffer.get_mut(..n), rest.get(..n)) {
            to.copy_from_slice(from);
        }
        Ok(n)
    }
}
