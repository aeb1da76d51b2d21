//! Pieces of event logs in what is no event log: a disk image, unallocated space, a memory dump.

use std::io;

use rdpwhy_parsers::ReadAt;

/// First bytes of a chunk.
const SIGNATURE: &[u8; 8] = b"ElfChnk\0";
/// Length of a chunk.
const CHUNK: u64 = 65_536;
/// Bytes looked through at a time.
const BLOCK: usize = 1 << 20;
/// Chunks taken from one file: 64 GiB of logs. A place takes eight bytes here.
const MOST: usize = 1 << 20;

/// The chunks of a file, one behind the other: an event log without its header.
pub struct Carved {
    from: Box<dyn ReadAt>,
    places: Vec<u64>,
    size: u64,
}

impl Carved {
    /// How many chunks there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }
}

/// Looks for chunks at any byte; gives the file back where there is none.
///
/// # Errors
/// What the medium says.
pub fn carve(from: Box<dyn ReadAt>) -> io::Result<Result<Carved, Box<dyn ReadAt>>> {
    let places = places(&*from)?;
    let Some(last) = places.last() else {
        return Ok(Err(from));
    };
    let end = from.size().saturating_sub(*last).min(CHUNK);
    let size = (places.len() as u64 - 1) * CHUNK + end;
    Ok(Ok(Carved { from, places, size }))
}

fn places(from: &dyn ReadAt) -> io::Result<Vec<u64>> {
    let mut places: Vec<u64> = Vec::new();
    let mut block = vec![0; BLOCK];
    let mut at = 0;
    // Chunks do not overlap: one that is nearer is damage, or a copy of the first bytes.
    let mut free = 0;
    loop {
        let n = from.fill_at(at, &mut block)?;
        let bytes = block.get(..n).unwrap_or_default();
        for (offset, window) in bytes.windows(SIGNATURE.len()).enumerate() {
            let place = at + offset as u64;
            if window == SIGNATURE && place >= free {
                places.push(place);
                free = place + CHUNK;
                if places.len() == MOST {
                    return Ok(places);
                }
            }
        }
        if n < BLOCK {
            return Ok(places);
        }
        // A signature may lie across two blocks.
        at += (BLOCK - SIGNATURE.len() + 1) as u64;
    }
}

impl ReadAt for Carved {
    fn carved(&self) -> bool {
        true
    }

    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.size.saturating_sub(offset);
        let within = offset % CHUNK;
        let chunk = usize::try_from(offset / CHUNK).map_err(io::Error::other)?;
        let Some(place) = self.places.get(chunk).filter(|_| left > 0) else {
            return Ok(0);
        };
        let here = usize::try_from((CHUNK - within).min(left)).map_err(io::Error::other)?;
        let wanted = buffer.len().min(here);
        let Some(buffer) = buffer.get_mut(..wanted) else {
            return Ok(0);
        };
        self.from.read_at(place + within, buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_found_at_any_byte_and_across_blocks() {
        let mut image = vec![7_u8; 3 * BLOCK];
        let at = [513, BLOCK - 3, 2 * BLOCK + 70_001];
        for (n, at) in at.iter().enumerate() {
            image[*at..at + 8].copy_from_slice(SIGNATURE);
            image[at + 8] = u8::try_from(n).expect("small");
        }
        // A signature inside a chunk begins none.
        image[600..608].copy_from_slice(SIGNATURE);
        let carved = carve(Box::new(image)).expect("reads");
        let carved = carved.unwrap_or_else(|_| panic!("there are three"));
        assert_eq!((carved.len(), carved.size()), (3, 3 * CHUNK));
        for n in 0..3_u8 {
            let mut head = [0; 9];
            let read = carved.fill_at(u64::from(n) * CHUNK, &mut head);
            assert_eq!(read.expect("reads"), 9);
            assert_eq!((&head[..8], head[8]), (&SIGNATURE[..], n));
        }
        let mut all = vec![0; 4 * BLOCK];
        assert_eq!(carved.fill_at(0, &mut all).expect("reads"), 3 << 16);
        assert!(carve(Box::new(vec![1; 70_000])).expect("reads").is_err());
        assert!(carve(Box::new(Vec::new())).expect("reads").is_err());
    }
}
