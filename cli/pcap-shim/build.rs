//! Writes an empty library of the name that the crate `pcap` asks the linker for, so that nothing of libpcap is needed to
//! build: the symbols themselves are in this crate.

use std::path::Path;
use std::{env, fs, io};

/// A static library without members, as `ar` and `lib` write it.
const EMPTY: &[u8] = b"!<arch>\n";

fn main() -> io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    // For the test, which asks cargo for what this platform uses.
    println!(
        "cargo:rustc-env=SHIM_TARGET={}",
        env::var("TARGET").unwrap_or_default()
    );
    let Some(out) = env::var_os("OUT_DIR") else {
        return Err(io::Error::other("cargo did not set OUT_DIR"));
    };
    let out = Path::new(&out);
    // One name for each kind of linker: unix, MSVC, MinGW.
    for name in ["libpcap.a", "wpcap.lib", "libwpcap.a"] {
        fs::write(out.join(name), EMPTY)?;
    }
    println!("cargo:rustc-link-search=native={}", out.display());
    Ok(())
}
