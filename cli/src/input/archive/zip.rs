//! Zip archives: members are found by the directory at the end, and each can be read alone.

use std::io::BufReader;

use rdpwhy_parsers::ReadAt;
use zip::ZipArchive;
use zip::read::{ZipReadOptions, read_zipfile_from_stream_with_options};
use zip::result::ZipError;

use super::{GIVE_PASSWORD, label};
use crate::input::Problem;
use crate::input::limits::{Limit, MAX_MEMBERS, Metered};
use crate::input::source::Reader;
use crate::input::unpack::{At, Unpacker};

/// Gives every member to the unpacker.
pub fn zip(unpacker: &mut Unpacker<'_>, at: At<'_>, bytes: &dyn ReadAt) {
    let reader = BufReader::with_capacity(64 << 10, Reader::new(bytes));
    let Ok(mut archive) = ZipArchive::new(reader) else {
        return from_the_front(unpacker, at, bytes);
    };
    let password = unpacker.options.password;
    let mut locked = Locked::default();
    for index in 0..archive.len() {
        if index as u64 >= MAX_MEMBERS {
            return unpacker.failed(at.label, &std::io::Error::other(Limit::Members));
        }
        let Ok(entry) = archive.by_index_raw(index) else {
            continue;
        };
        if !entry.is_file() {
            continue;
        }
        let name = entry.name().map_or_else(
            |_| format!("member {}", index + 1),
            std::borrow::Cow::into_owned,
        );
        let member = label(at.label, &name);
        let encrypted = entry.encrypted();
        drop(entry);
        if encrypted && password.is_none() {
            locked.count(member);
            continue;
        }
        let options =
            ZipReadOptions::new().password(password.filter(|_| encrypted).map(str::as_bytes));
        match archive.by_index_with_options(index, options) {
            Err(ZipError::InvalidPassword) => locked.count(member),
            Err(e) => unpacker.problem(Problem::new(member, format!("cannot be unpacked: {e}"))),
            Ok(entry) => {
                let budget = std::rc::Rc::clone(&unpacker.budget);
                let mut plain = Metered {
                    inner: entry,
                    budget: &budget,
                };
                unpacker.member(
                    At {
                        label: &member,
                        ..at
                    },
                    &mut plain,
                );
            }
        }
        if unpacker.exhausted() {
            return;
        }
    }
    locked.report(unpacker, at, password.is_some());
}

/// A zip archive without its directory, as an interrupted copy leaves it: members follow one another with their names
/// before them, so those that are whole can still be had, and the beginning of the one that is not.
fn from_the_front(unpacker: &mut Unpacker<'_>, at: At<'_>, bytes: &dyn ReadAt) {
    let what = "is a zip archive without a directory: read from its front as far as it goes";
    unpacker.problem(Problem::new(at.label, what).advise("it was probably cut off: copy it again"));
    let mut reader = BufReader::with_capacity(64 << 10, Reader::new(bytes));
    let password = unpacker.options.password.map(str::as_bytes);
    for _ in 0..MAX_MEMBERS {
        let options = ZipReadOptions::new().password(password);
        // Behind what does not read, nobody knows where the next member begins.
        let Ok(Some(entry)) = read_zipfile_from_stream_with_options(&mut reader, options) else {
            return;
        };
        if !entry.is_file() {
            continue;
        }
        let name = entry
            .name()
            .map(std::borrow::Cow::into_owned)
            .unwrap_or_default();
        let member = label(at.label, &name);
        let budget = std::rc::Rc::clone(&unpacker.budget);
        let mut plain = Metered {
            inner: entry,
            budget: &budget,
        };
        unpacker.member(
            At {
                label: &member,
                ..at
            },
            &mut plain,
        );
        if unpacker.exhausted() {
            return;
        }
    }
}

/// Members that did not open: said once for the archive, not once for each.
#[derive(Default)]
struct Locked {
    first: Option<String>,
    members: u64,
}

impl Locked {
    fn count(&mut self, member: String) {
        self.members += 1;
        self.first.get_or_insert(member);
    }

    fn report(self, unpacker: &mut Unpacker<'_>, at: At<'_>, tried: bool) {
        let Some(first) = self.first else { return };
        let what = match (tried, self.members) {
            (true, _) => format!("the password does not open {first}"),
            (false, 1) => format!("{first} is encrypted"),
            (false, n) => format!("{n} members are encrypted, the first is {first}"),
        };
        unpacker.problem(Problem::new(at.label, what).advise(GIVE_PASSWORD));
    }
}
