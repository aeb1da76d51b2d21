//! SHA-256 of the evidence, so that a report can be held against the files it was made from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rdpwhy_parsers::ReadAt;
use sha2::{Digest as _, Sha256};

use crate::input::Input;

/// Bytes read at once.
const PIECE: usize = 1 << 20;

/// Hex digests by label. A file that cannot be read to its end has none.
pub fn of(inputs: &[Input]) -> BTreeMap<String, String> {
    inputs
        .iter()
        .filter_map(|i| Some((i.label.clone(), digest(i.bytes.as_ref())?)))
        .collect()
}

fn digest(bytes: &dyn ReadAt) -> Option<String> {
    let mut hasher = Sha256::new();
    let mut piece = vec![0; PIECE];
    let mut at = 0u64;
    loop {
        let n = bytes.fill_at(at, &mut piece).ok()?;
        hasher.update(piece.get(..n)?);
        at = at.checked_add(n as u64)?;
        if n < piece.len() {
            break;
        }
    }
    let mut hex = String::new();
    for byte in hasher.finalize() {
        let _ = write!(hex, "{byte:02x}");
    }
    Some(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_bytes() {
        let bytes: &[u8] = b"abc";
        let said = digest(&bytes);
        assert_eq!(
            said.as_deref(),
            Some("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        );
    }
}
