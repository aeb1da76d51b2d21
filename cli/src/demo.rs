//! `rdpwhy demo`: a case for people who have none of their own yet.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::args::{self, Arguments, Command};
use crate::diagnose::diagnose;
use crate::speaker::Speaker;
use crate::{Surroundings, USAGE};
use clap::Parser as _;

/// The case: two hosts and a capture. A test holds it equal to the folder that it is taken from.
const CASE: [(&str, &[u8]); 5] = [
    (
        "client/Microsoft-Windows-TerminalServices-RDPClient%4Operational.evtx",
        include_bytes!(
            "../../fixtures/showcase/client/Microsoft-Windows-TerminalServices-RDPClient%4Operational.evtx"
        ),
    ),
    (
        "server/Microsoft-Windows-RemoteDesktopServices-RdpCoreTS%4Operational.evtx",
        include_bytes!(
            "../../fixtures/showcase/server/Microsoft-Windows-RemoteDesktopServices-RdpCoreTS%4Operational.evtx"
        ),
    ),
    (
        "server/Security.evtx",
        include_bytes!("../../fixtures/showcase/server/Security.evtx"),
    ),
    (
        "server/System.evtx",
        include_bytes!("../../fixtures/showcase/server/System.evtx"),
    ),
    (
        "wire.pcapng",
        include_bytes!("../../fixtures/showcase/wire.pcapng"),
    ),
];

/// Runs it and returns the exit status: 0 when the case was written and diagnosed.
pub fn demo(
    args: &args::Demo,
    out: &mut (dyn Write + Send),
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    if let Err((path, error)) = write_case(&args.out) {
        Speaker { err, surroundings }
            .error(format!("{}: cannot be written: {error}", path.display()));
        return USAGE;
    }
    // Exactly what a person would type next, so that nothing in it can differ.
    let typed = ["rdpwhy".into(), "diagnose".into(), args.out.clone()];
    let Ok(Arguments {
        command: Command::Diagnose(diagnosis),
    }) = Arguments::try_parse_from(typed)
    else {
        return USAGE;
    };
    let status = diagnose(&diagnosis, out, err, surroundings);
    let folder = args.out.display();
    let mut say = Speaker { err, surroundings };
    say.line(&format!(
        "rdpwhy: this case lies in {folder} now; what to try with it:"
    ));
    say.line(&format!("  rdpwhy diagnose {folder} --all"));
    say.line(&format!("  rdpwhy report {folder} -o report.html"));
    say.line(&format!("  rdpwhy timeline {folder}"));
    // That a connection failed is what the case is for.
    if status == 1 { 0 } else { status }
}

/// Writes the files that are not there yet. A file of the same name with other content is somebody's own: it stays, and
/// nothing else is written.
fn write_case(folder: &Path) -> Result<(), (PathBuf, io::Error)> {
    for (name, bytes) in CASE {
        let path = folder.join(name);
        match fs::read(&path) {
            Ok(there) if there == bytes => {}
            Ok(_) => {
                let what = "a file of this name with other content is there";
                return Err((path, io::Error::new(io::ErrorKind::AlreadyExists, what)));
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err((path, e)),
        }
    }
    for (name, bytes) in CASE {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).map_err(|e| (parent.to_owned(), e))?;
        fs::write(&path, bytes).map_err(|e| (path, e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files below a folder, by their path in it.
    fn files(folder: &Path, under: &str) -> Vec<(String, Vec<u8>)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).expect("listable") {
            let path = entry.expect("entry").path();
            let name = path.file_name().expect("name").to_string_lossy();
            if path.is_dir() {
                found.extend(files(&path, &format!("{under}{name}/")));
            } else {
                found.push((format!("{under}{name}"), fs::read(&path).expect("readable")));
            }
        }
        found.sort();
        found
    }

    #[test]
    fn the_case_is_the_showcase() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/showcase");
        let ours: Vec<_> = CASE
            .iter()
            .map(|(n, b)| ((*n).to_owned(), b.to_vec()))
            .collect();
        assert!(files(&folder, "") == ours);
    }

    #[test]
    fn it_is_written_once_and_overwrites_nothing() {
        let folder = tempfile::tempdir().expect("folder");
        let run = || {
            let args = args::Demo {
                out: folder.path().join("case"),
            };
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let status = demo(&args, &mut out, &mut err, &Surroundings::default());
            (status, String::from_utf8(out).expect("UTF-8"))
        };
        let (status, out) = run();
        assert_eq!(status, 0);
        assert!(out.contains("private key"), "{out}");
        assert_eq!(run(), (0, out));
        let own = folder.path().join("case/wire.pcapng");
        fs::write(&own, "mine").expect("written");
        assert_eq!(run().0, USAGE);
        assert_eq!(fs::read(&own).expect("readable"), b"mine");
    }
}
