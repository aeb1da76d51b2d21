//! Gives up what only opening the network cards needed. Everything behind that works on bytes that strangers chose.

/// Becomes another user, if it is root, and gives up all capabilities. `asked`: who to become; else whoever called sudo,
/// else nobody.
///
/// # Errors
/// What stood in the way; the program must not go on with all rights then.
#[cfg(unix)]
pub fn drop(asked: Option<&str>) -> Result<(), String> {
    use nix::unistd::{Gid, Uid, User, geteuid, setgid, setgroups, setuid};

    if geteuid().is_root() {
        let named = |name: &str| match User::from_name(name) {
            Ok(Some(user)) => Ok((user.uid, user.gid)),
            Ok(None) => Err(format!("--user {name}: there is no such user")),
            Err(e) => Err(format!("--user {name}: {e}")),
        };
        let number = |name: &str| std::env::var(name).ok()?.parse::<u32>().ok();
        let (uid, gid) = match (asked, number("SUDO_UID"), number("SUDO_GID")) {
            (Some(name), ..) => named(name)?,
            (None, Some(uid), Some(gid)) => (Uid::from_raw(uid), Gid::from_raw(gid)),
            _ => named("nobody")?,
        };
        if uid.is_root() {
            return Ok(()); // asked for by name
        }
        let told = |what: &str, e: nix::Error| format!("giving up root: {what}: {e}");
        #[cfg(not(target_os = "macos"))]
        setgroups(&[gid]).map_err(|e| told("groups", e))?;
        setgid(gid).map_err(|e| told("group", e))?;
        setuid(uid).map_err(|e| told("user", e))?;
        if setuid(Uid::from_raw(0)).is_ok() {
            return Err("giving up root: it can be taken back".to_owned());
        }
    }
    capabilities()
}

/// Windows has nothing of the kind for a running program.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "it fails elsewhere")]
pub fn drop(_: Option<&str>) -> Result<(), String> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn capabilities() -> Result<(), String> {
    use caps::CapSet;
    for set in [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable] {
        caps::clear(None, set).map_err(|e| format!("giving up capabilities: {e}"))?;
    }
    Ok(())
}

#[cfg(all(unix, not(target_os = "linux")))]
#[allow(clippy::unnecessary_wraps, reason = "it fails elsewhere")]
fn capabilities() -> Result<(), String> {
    Ok(())
}
