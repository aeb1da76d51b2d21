//! The shim defines what the crate `pcap` declares, with as many arguments: a new release that wants more is noticed here,
//! not by somebody's linker.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so best by stopping"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// Names and numbers of arguments of the functions in a text: `fn pcap_close(arg1: *mut pcap_t);`.
fn functions(text: &str) -> BTreeMap<String, usize> {
    let code: String = text
        .lines()
        .filter(|l| !l.trim_start().starts_with("//"))
        .collect();
    let mut found = BTreeMap::new();
    for piece in code.split("fn pcap_").skip(1) {
        let (name, rest) = piece.split_once('(').expect("a function has arguments");
        let arguments = rest.split(')').next().unwrap_or_default();
        let count = arguments.split(',').filter(|a| a.contains(':')).count();
        found.insert(format!("pcap_{name}"), count);
    }
    found
}

#[test]
fn all_functions_of_the_crate_are_there() {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let told = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--offline", "--locked"])
        .args(["--filter-platform", env!("SHIM_TARGET")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        told.status.success(),
        "{}",
        String::from_utf8_lossy(&told.stderr)
    );
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).expect("JSON");
    let packages = told["packages"].as_array().expect("a list");
    let pcap = packages
        .iter()
        .find(|p| p["name"] == "pcap")
        .expect("the crate is used");
    let manifest = Path::new(pcap["manifest_path"].as_str().expect("a path"));
    let raw = manifest.with_file_name("src").join("raw.rs");
    let wanted = functions(&fs::read_to_string(raw).expect("the crate's source is there"));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs");
    let there = functions(&fs::read_to_string(source).expect("readable"));
    assert!(wanted.len() > 40, "{} functions found", wanted.len());
    assert_eq!(there, wanted);
}

#[test]
fn every_function_has_an_address() {
    let symbols = rdpwhy_pcap_shim::SYMBOLS;
    assert!(symbols.len() > 40);
    assert!(symbols.iter().all(|(_, address)| !address.0.is_null()));
}
