//! Results of hosts on their way to the output: they come in any order and leave in the order of the hosts.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

/// Finished results that wait in memory. Behind that they wait in a temporary file: one host with 2 million failed logons
/// must not hold up a thousand small ones, nor fill the memory with them.
const IN_MEMORY: usize = 16 << 20;

/// Waiting results.
pub struct Queue<T> {
    folder: PathBuf,
    limit: usize,
    next: usize,
    waiting: BTreeMap<usize, (T, Waiting)>,
    in_memory: usize,
    file: Option<File>,
    end: u64,
}

enum Waiting {
    Here(Vec<u8>),
    There(u64, usize),
}

impl<T> Queue<T> {
    /// A queue whose temporary file, if one is needed, lies in `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            limit: IN_MEMORY,
            next: 0,
            waiting: BTreeMap::new(),
            in_memory: 0,
            file: None,
            end: 0,
        }
    }

    /// Takes the result with this number.
    ///
    /// # Errors
    /// When the temporary file cannot be written.
    pub fn put(&mut self, number: usize, what: T, bytes: Vec<u8>) -> io::Result<()> {
        let waits = number != self.next && self.in_memory + bytes.len() > self.limit;
        let waiting = if waits {
            self.spill(&bytes)?
        } else {
            self.in_memory += bytes.len();
            Waiting::Here(bytes)
        };
        self.waiting.insert(number, (what, waiting));
        Ok(())
    }

    /// The next result, if it is there.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn next(&mut self) -> io::Result<Option<(usize, T, Vec<u8>)>> {
        let number = self.next;
        let taken = self.take(number)?;
        if taken.is_some() {
            self.next += 1;
        }
        Ok(taken)
    }

    /// The first result that is there, whatever is missing before it: for when nothing more comes.
    ///
    /// # Errors
    /// When the temporary file cannot be read.
    pub fn any(&mut self) -> io::Result<Option<(usize, T, Vec<u8>)>> {
        match self.waiting.keys().next().copied() {
            Some(number) => self.take(number),
            None => Ok(None),
        }
    }

    fn take(&mut self, number: usize) -> io::Result<Option<(usize, T, Vec<u8>)>> {
        let Some((what, waiting)) = self.waiting.remove(&number) else {
            return Ok(None);
        };
        let bytes = match waiting {
            Waiting::Here(bytes) => {
                self.in_memory -= bytes.len();
                bytes
            }
            Waiting::There(at, len) => {
                let mut bytes = vec![0; len];
                if let Some(file) = &mut self.file {
                    file.seek(SeekFrom::Start(at))?;
                    file.read_exact(&mut bytes)?;
                }
                bytes
            }
        };
        Ok(Some((number, what, bytes)))
    }

    fn spill(&mut self, bytes: &[u8]) -> io::Result<Waiting> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(tempfile::tempfile_in(&self.folder)?),
        };
        let at = self.end;
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        self.end += bytes.len() as u64;
        Ok(Waiting::There(at, bytes.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_leave_in_order_wherever_they_waited() {
        let mut queue = Queue::new(std::env::temp_dir());
        queue.limit = 8;
        let lines = |n: usize| vec![b"0123"[n]; 6];
        for n in [3, 1, 2] {
            queue.put(n, n * 10, lines(n)).expect("waits");
            assert!(queue.next().expect("reads").is_none());
        }
        assert!(queue.file.is_some(), "some had to wait in the file");
        queue.put(0, 0, lines(0)).expect("taken");
        for n in 0..4_usize {
            let (number, what, bytes) = queue.next().expect("reads").expect("there");
            assert_eq!((number, what, bytes), (n, n * 10, lines(n)));
        }
        assert!(queue.next().expect("reads").is_none());
        assert_eq!(queue.in_memory, 0);
    }

    #[test]
    fn what_is_there_can_be_taken_when_nothing_more_comes() {
        let mut queue = Queue::new(std::env::temp_dir());
        queue.put(2, (), vec![2]).expect("waits");
        queue.put(5, (), vec![5]).expect("waits");
        assert_eq!(queue.any().expect("reads").map(|t| t.0), Some(2));
        assert_eq!(queue.any().expect("reads").map(|t| t.0), Some(5));
        assert!(queue.any().expect("reads").is_none());
    }
}
