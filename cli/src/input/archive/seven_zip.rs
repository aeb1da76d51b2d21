//! 7z archives: members lie in blocks, and a block is decoded from its front.

use std::io::{self, BufReader, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};

use rdpwhy_parsers::ReadAt;
use sevenz_rust2::{Archive, ArchiveEntry, BlockDecoder, Error, Password};

use super::{GIVE_PASSWORD, label};
use crate::input::Problem;
use crate::input::limits::{Limit, MAX_MEMBERS, Metered};
use crate::input::source::Reader;
use crate::input::unpack::{At, Unpacker};

/// Decoding threads. The analyzer has the machine; unpacking is bound by the one stream a solid block is.
const THREADS: u32 = 1;

/// Gives every member to the unpacker.
///
/// The crate indexes its tables by numbers that the archive states, so a forged archive can make it panic. That must
/// not end the analysis of the evidence beside it.
pub fn seven_zip(unpacker: &mut Unpacker<'_>, at: At<'_>, bytes: &dyn ReadAt) {
    if catch_unwind(AssertUnwindSafe(|| blocks(unpacker, at, bytes))).is_err() {
        unpacker.problem(Problem::new(
            at.label,
            "is a 7z archive whose tables contradict each other",
        ));
    }
}

fn blocks(unpacker: &mut Unpacker<'_>, at: At<'_>, bytes: &dyn ReadAt) {
    let password = unpacker
        .options
        .password
        .map_or_else(Password::empty, Password::from);
    let mut reader = BufReader::with_capacity(64 << 10, Reader::new(bytes));
    let archive = match Archive::read(&mut reader, &password) {
        Ok(archive) => archive,
        Err(e) => return refuse(unpacker, at, &e),
    };
    if archive.files.len() as u64 > MAX_MEMBERS {
        return unpacker.failed(at.label, &io::Error::other(Limit::Members));
    }
    for block in 0..archive.blocks.len() {
        let decoder = BlockDecoder::new(THREADS, block, &archive, &password, &mut reader);
        let done =
            decoder.for_each_entries(&mut |entry, plain| Ok(member(unpacker, at, entry, plain)));
        if let Err(e) = done {
            refuse(unpacker, at, &e);
        }
        if unpacker.exhausted() {
            return;
        }
    }
}

/// Takes one member and says whether to go on. What is not wanted is read all the same: the next one begins behind it.
fn member(
    unpacker: &mut Unpacker<'_>,
    at: At<'_>,
    entry: &ArchiveEntry,
    plain: &mut dyn Read,
) -> bool {
    let budget = std::rc::Rc::clone(&unpacker.budget);
    let mut plain = Metered {
        inner: plain,
        budget: &budget,
    };
    if !entry.is_directory && entry.has_stream {
        let member = label(at.label, &entry.name);
        unpacker.member(
            At {
                label: &member,
                ..at
            },
            &mut plain,
        );
    }
    let rest = io::copy(&mut plain, &mut io::sink());
    rest.is_ok() && !unpacker.exhausted()
}

fn refuse(unpacker: &mut Unpacker<'_>, at: At<'_>, error: &Error) {
    let problem = match error {
        Error::MaybeBadPassword(_) if unpacker.options.password.is_some() => {
            Problem::new(at.label, "the password does not open this 7z archive")
                .advise(GIVE_PASSWORD)
        }
        Error::PasswordRequired | Error::MaybeBadPassword(_) => {
            Problem::new(at.label, "is an encrypted 7z archive").advise(GIVE_PASSWORD)
        }
        Error::Io(e, _) if Limit::of(e).is_some() => return unpacker.failed(at.label, e),
        e => Problem::new(
            at.label,
            format!("is a 7z archive that cannot be unpacked: {e}"),
        ),
    };
    unpacker.problem(problem);
}
