//! Tar archives: members one after the other.

use std::io::{self, Read};

use super::label;
use crate::input::limits::{Limit, MAX_MEMBERS, Metered};
use crate::input::unpack::{At, Unpacker};

/// Gives every member to the unpacker.
pub fn tar(unpacker: &mut Unpacker<'_>, at: At<'_>, reader: &mut dyn Read) {
    let mut archive = tar::Archive::new(reader);
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(e) => return unpacker.failed(at.label, &e),
    };
    for (index, entry) in entries.enumerate() {
        if index as u64 >= MAX_MEMBERS {
            return unpacker.failed(at.label, &io::Error::other(Limit::Members));
        }
        let entry = match entry {
            Ok(entry) => entry,
            // Behind a bad header nobody knows where the next one is.
            Err(e) => return unpacker.failed(at.label, &e),
        };
        let kind = entry.header().entry_type();
        if !(kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()) {
            continue;
        }
        let member = label(at.label, &String::from_utf8_lossy(&entry.path_bytes()));
        // Plain members take as many bytes as the archive has; a sparse one can claim any size.
        let budget = std::rc::Rc::clone(&unpacker.budget);
        let at = At {
            label: &member,
            ..at
        };
        if kind.is_gnu_sparse() {
            unpacker.member(
                at,
                &mut Metered {
                    inner: entry,
                    budget: &budget,
                },
            );
        } else {
            unpacker.member(at, &mut { entry });
        }
        if unpacker.exhausted() {
            return;
        }
    }
}
