//! `seeds FOLDER`: writes what each fuzz target starts from to `FOLDER/TARGET`, past findings included.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a tool of this repository that says why it stops by stopping"
)]

use std::fs;
use std::path::PathBuf;

use rdpwhy_tests::bodies::TARGETS;
use rdpwhy_tests::evidence;

fn main() {
    let out = PathBuf::from(std::env::args_os().nth(1).expect("usage: seeds FOLDER"));
    for target in TARGETS {
        let folder = out.join(target.name);
        fs::create_dir_all(&folder).unwrap();
        for (n, seed) in (target.seeds)().iter().enumerate() {
            fs::write(folder.join(format!("seed-{n}")), seed).unwrap();
        }
        let past = evidence::repository()
            .join("tests/regressions")
            .join(target.name);
        if past.is_dir() {
            for file in evidence::files(&past) {
                fs::copy(&file, folder.join(file.file_name().unwrap())).unwrap();
            }
        }
    }
}
