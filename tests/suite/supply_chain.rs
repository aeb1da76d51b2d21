//! What the program is made of: code of its own that the compiler checks wholly, and packages of known contents.

use std::fs;
use std::path::{Path, PathBuf};

use rdpwhy_tests::evidence::{files, repository};

/// The one place where memory is handled by hand: symbols of libpcap, called through pointers.
const SHIM: &str = "cli/pcap-shim";

/// Folders of the workspace's packages.
fn members() -> Vec<String> {
    let manifest: toml::Table = fs::read_to_string(repository().join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let members = manifest["workspace"]["members"].as_array().unwrap();
    members
        .iter()
        .map(|m| m.as_str().unwrap().to_owned())
        .collect()
}

fn manifest(member: &str) -> toml::Table {
    let path = repository().join(member).join("Cargo.toml");
    fs::read_to_string(path).unwrap().parse().unwrap()
}

/// The compiler refuses `unsafe` wherever the workspace's lints hold; here is seen to it that they hold everywhere.
#[test]
fn only_the_shim_may_be_unsafe() {
    let workspace: toml::Table = fs::read_to_string(repository().join("Cargo.toml"))
        .unwrap()
        .parse()
        .unwrap();
    let level = &workspace["workspace"]["lints"]["rust"]["unsafe_code"];
    assert_eq!(level.as_str(), Some("forbid"));
    for member in members() {
        let lints = &manifest(&member)["lints"];
        let inherits = lints.get("workspace").and_then(toml::Value::as_bool);
        assert_eq!(inherits == Some(true), member != SHIM, "{member}");
    }
    let shim = repository().join(SHIM).canonicalize().unwrap();
    let sources = members()
        .into_iter()
        .flat_map(|m| ["src", "tests", "suite", "lab", "benches"].map(|f| (m.clone(), f)))
        .flat_map(|(m, f)| files(&repository().join(m).join(f)))
        .filter(|f| f.extension().is_some_and(|e| e == "rs"))
        .map(|f| f.canonicalize().unwrap())
        .filter(|f| !f.starts_with(&shim));
    let mut read = 0;
    for file in sources {
        read += 1;
        let text = fs::read_to_string(&file).unwrap();
        let used = text
            .lines()
            .map(|l| l.split("//").next().unwrap_or_default())
            .any(|l| {
                ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern"]
                    .iter()
                    .any(|u| is_code(l, u))
            });
        assert!(!used, "{}", file.display());
    }
    assert!(read > 200, "{read} files");
}

/// Whether a line holds this outside a text.
fn is_code(line: &str, what: &str) -> bool {
    line.find(what)
        .is_some_and(|at| line[..at].matches('"').count().is_multiple_of(2))
}

/// Everything comes from the registry, with the hash of its contents, or lies here.
#[test]
fn packages_come_from_the_registry_with_their_hashes() {
    let lock: toml::Table = fs::read_to_string(repository().join("Cargo.lock"))
        .unwrap()
        .parse()
        .unwrap();
    let packages = lock["package"].as_array().unwrap();
    assert!(packages.len() > 100);
    for package in packages {
        let name = package["name"].as_str().unwrap();
        match package.get("source").and_then(toml::Value::as_str) {
            Some(source) => {
                assert_eq!(
                    source, "registry+https://github.com/rust-lang/crates.io-index",
                    "{name}"
                );
                assert!(package.get("checksum").is_some(), "{name}");
            }
            None => assert!(is_here(name), "{name} comes from nowhere"),
        }
    }
}

fn is_here(name: &str) -> bool {
    let called = |folder: &Path| -> bool {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
        let manifest: toml::Table = manifest.parse().unwrap();
        manifest["package"]["name"].as_str() == Some(name)
    };
    let folders = members().into_iter().map(|m| repository().join(m));
    folders.collect::<Vec<PathBuf>>().iter().any(|f| called(f))
}
