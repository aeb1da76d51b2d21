//! Archives whose members have names.

mod seven_zip;
mod tar;
#[cfg(test)]
mod tests;
mod zip;

pub(super) use seven_zip::seven_zip;
pub(super) use tar::tar;
pub(super) use zip::zip;

/// `archive!member`, with `/` as separator whatever the packer wrote.
fn label(archive: &str, member: &str) -> String {
    let member = member.replace('\\', "/");
    format!("{archive}!{}", member.trim_start_matches("./"))
}

/// What to do about an encrypted archive.
const GIVE_PASSWORD: &str = "give its password with --password";
