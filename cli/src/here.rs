//! `rdpwhy diagnose --here`: which of this machine's own logs are of use, and which of them may be read.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rdpwhy_parsers::catalog;

/// This machine's logs.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Here {
    /// Those that can be read.
    pub readable: Vec<PathBuf>,
    /// Channels that only an elevated prompt may read.
    pub elevated: Vec<String>,
    /// Channels whose log cannot be read for another reason, with the reason.
    pub broken: Vec<(String, io::ErrorKind)>,
}

/// Where Windows keeps its logs.
#[cfg(windows)]
pub fn folder() -> PathBuf {
    let root = std::env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
    // A 32-bit program sees another System32.
    let native = Path::new(&root).join("Sysnative");
    let system = if native.exists() {
        native
    } else {
        Path::new(&root).join("System32")
    };
    system.join("winevt").join("Logs")
}

/// Looks for the logs of all channels that this program knows; `open` tells whether a file may be read.
pub fn logs(folder: &Path, open: &dyn Fn(&Path) -> io::Result<File>) -> Here {
    let mut here = Here::default();
    let channels: BTreeSet<&str> = catalog::all()
        .iter()
        .map(|s| s.channel)
        .filter(|c| !c.is_empty())
        .collect();
    for channel in channels {
        let path = folder.join(file_name(channel));
        match open(&path) {
            Ok(_) => here.readable.push(path),
            // Roles that are not installed have no log.
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                here.elevated.push(channel.to_owned());
            }
            Err(e) => here.broken.push((channel.to_owned(), e.kind())),
        }
    }
    here
}

/// What is to be said about logs that are left out.
pub fn remarks(here: &Here) -> Vec<String> {
    let mut remarks = Vec::new();
    if !here.elevated.is_empty() {
        remarks.push(format!(
            "not read, because only administrators may: {}; run this in an elevated prompt",
            here.elevated.join(", ")
        ));
    }
    for (channel, why) in &here.broken {
        remarks.push(format!("{channel}: {why}"));
    }
    remarks
}

/// `A/B` → `A%4B.evtx`, as Windows writes a channel's name in a file system.
fn file_name(channel: &str) -> String {
    format!("{}.evtx", channel.replace('/', "%4"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_are_found_by_their_channels() {
        let folder = tempfile::tempdir().expect("folder");
        let rdp = "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS%4Operational.evtx";
        for name in ["System.evtx", "Security.evtx", "Other.evtx", rdp] {
            std::fs::write(folder.path().join(name), "x").expect("file");
        }
        // Security may be read by administrators only.
        let open = |path: &Path| {
            if path.ends_with("Security.evtx") {
                return Err(io::ErrorKind::PermissionDenied.into());
            }
            File::open(path)
        };
        let here = logs(folder.path(), &open);
        let names: Vec<_> = here.readable.iter().filter_map(|p| p.file_name()).collect();
        assert_eq!(names, [rdp, "System.evtx"]);
        assert_eq!(here.elevated, ["Security"]);
        assert!(here.broken.is_empty());
        let remarks = remarks(&here);
        assert_eq!(remarks.len(), 1);
        assert!(
            remarks[0].contains("Security") && remarks[0].contains("elevated"),
            "{remarks:?}"
        );
    }
}
