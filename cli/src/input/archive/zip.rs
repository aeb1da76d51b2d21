//! Zip archives: members are found by the directory at the end, and each can be read alone.

use std::io::BufReader;

use rdpwhy_parsers::ReadAt;
use zip::ZipArchive;
use zip::read::ZipReadOptions;
use zip::result::ZipError;

use super::{GIVE_PASSWORD, label};
use crate::input::Problem;
use crate::input::limits::{Limit, MAX_MEMBERS, Metered};
use crate::input::source::Reader;
use crate::input::unpack::{At, Unpacker};

/// Gives every member to the unpacker.
pub fn zip(unpacker: &mut Unpacker<'_>, at: At<'_>, bytes: &dyn ReadAt) {
    let mut archive = match ZipArchive::new(BufReader::with_capacity(64 << 10, Reader::new(bytes)))
    {
        Ok(archive) => archive,
        Err(e) => {
            let problem = Problem::new(
                at.label,
                format!("is a zip archive that cannot be read: {e}"),
            );
            return unpacker.problem(
                problem.advise("a copy that was cut off has no directory: copy it again"),
            );
        }
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
