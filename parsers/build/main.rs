//! Checks the catalogue's data files and writes them as tables that are read in place.
//!
//! `catalog/events/<channel>/<id>.toml` and `catalog/wire/<name>.toml` become `names.rs` (all kinds and fields, sorted)
//! and `events.rs` (how a Windows record becomes an event); `catalog/codes/<registry>.toml` become `codes.rs`. A mistake
//! in a file stops the build with its path.
#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a build script says what is wrong by panicking"
)]

mod files;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use files::{EventFile, WireFile, files, read};

const SIDES: &[&str] = &["server", "client", "gateway", "domain-controller", "any"];
const STAGES: &[&str] = &[
    "name",
    "tcp",
    "x224",
    "tls",
    "credssp",
    "authorization",
    "mcs",
    "licensing",
    "activation",
    "session",
];
/// Name in the data files, variant of `catalog::Decode`, suffixes of the fields it makes; `=name` is a whole name.
const DECODES: &[(&str, &str, &[&str])] = &[
    ("text", "Text", &[""]),
    ("int", "Int", &[""]),
    ("int-in-text", "IntInText", &[""]),
    ("hex", "Hex", &[""]),
    ("status", "Status", &[""]),
    ("status-in-text", "StatusInText", &[""]),
    ("flag", "Flag", &[""]),
    ("ip", "Ip", &[""]),
    ("port", "Port", &[""]),
    ("direction", "Direction", &[""]),
    ("endpoint", "Endpoint", &["_ip", "_port"]),
    ("time", "Time", &[""]),
    ("hex-text", "HexText", &[""]),
    ("lower", "Lower", &[""]),
    ("binary-status", "BinaryStatus", &[""]),
    ("binary-status-tail", "BinaryStatusTail", &[""]),
    ("binary-io-status", "BinaryIoStatus", &[""]),
    ("binary-service", "BinaryService", &["", "=state"]),
    ("hosted-process", "HostedProcess", &[""]),
    ("hosted-service", "HostedService", &[""]),
];

/// What a kind proves and says: its stage and one sentence.
type Kinds = BTreeMap<String, (Option<String>, String)>;
/// Provider in ASCII lower case, id, and the file with its path.
type Row<'a> = (String, u32, &'a EventFile, &'a PathBuf);

fn main() {
    let root =
        PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("catalog");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    println!("cargo::rerun-if-changed={}", root.display());
    println!("cargo::rerun-if-changed=build");

    let mut kinds = Kinds::new();
    let mut fields = BTreeSet::new();
    for path in files(&root.join("wire")) {
        add_wire(&path, &mut kinds, &mut fields);
    }
    let events: Vec<(PathBuf, EventFile)> = files(&root.join("events"))
        .into_iter()
        .map(|path| {
            let file = read(&path);
            add_event(&path, &file, &mut kinds, &mut fields);
            (path, file)
        })
        .collect();
    let rows = rows(&events);
    assert!(
        kinds.len() < usize::from(u16::MAX) && fields.len() < usize::from(u16::MAX),
        "too many names for u16"
    );
    let write = |name: &str, text: String| {
        fs::write(out.join(name), text).expect("OUT_DIR is writable");
    };
    write("names.rs", tables::names(&kinds, &fields));
    write("events.rs", tables::events(&kinds, &rows));
    write("codes.rs", tables::codes(&root.join("codes")));
}

fn add_wire(path: &Path, kinds: &mut Kinds, fields: &mut BTreeSet<String>) {
    let file: WireFile = read(path);
    for k in file.kind {
        check(path, "stage", k.stage.as_deref().unwrap_or("tcp"), STAGES);
        fields.extend(k.fields);
        if kinds.insert(k.kind.clone(), (k.stage, k.meaning)).is_some() {
            fail(path, &format!("kind {} stands in two wire files", k.kind));
        }
    }
}

fn add_event(path: &Path, file: &EventFile, kinds: &mut Kinds, fields: &mut BTreeSet<String>) {
    if path.file_stem().and_then(|s| s.to_str()) != Some(&file.id.to_string()) {
        fail(path, "the file's name is not its event id");
    }
    check(path, "side", &file.side, SIDES);
    if file.meaning.trim().is_empty() || file.channel.is_empty() {
        fail(path, "meaning or channel is empty");
    }
    let variants = file.variant.iter().map(|v| {
        let meaning = v.meaning.as_ref().unwrap_or(&file.meaning);
        (&v.kind, &v.stage, meaning)
    });
    let own = (&file.kind, &file.stage, &file.meaning);
    for (kind, stage, meaning) in std::iter::once(own).chain(variants) {
        check(path, "stage", stage.as_deref().unwrap_or("tcp"), STAGES);
        let known = kinds
            .entry(kind.clone())
            .or_insert_with(|| (stage.clone(), meaning.clone()));
        // A kind proves one stage, whoever tells it.
        if known.0 != *stage {
            let elsewhere = &known.0;
            fail(
                path,
                &format!("kind {kind} has the stage {elsewhere:?} elsewhere"),
            );
        }
    }
    for (windows, f) in file.values() {
        let Some((_, _, suffixes)) = DECODES.iter().find(|d| d.0 == f.decode) else {
            let decode = &f.decode;
            fail(
                path,
                &format!("field {windows} has the unknown type {decode}"),
            );
        };
        fields.extend(suffixes.iter().map(|s| tables::named(&f.name, s)));
    }
    fields.extend(file.set.keys().cloned());
    for v in &file.variant {
        if !fields.contains(&v.field) {
            let field = &v.field;
            fail(
                path,
                &format!("variant looks at {field}, which no file declares before"),
            );
        }
    }
}

/// Sorted as the program looks them up: provider in ASCII lower case, then id.
fn rows(events: &[(PathBuf, EventFile)]) -> Vec<Row<'_>> {
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (path, file) in events {
        for provider in std::iter::once(&file.provider).chain(&file.aliases) {
            rows.push((provider.to_ascii_lowercase(), file.id, file, path));
        }
    }
    rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    for pair in rows.windows(2) {
        if let [a, b] = pair
            && (&a.0, a.1) == (&b.0, b.1)
        {
            fail(
                b.3,
                &format!("provider and id stand in {} as well", a.3.display()),
            );
        }
    }
    rows
}

fn check(path: &Path, what: &str, value: &str, allowed: &[&str]) {
    if !allowed.contains(&value) {
        fail(path, &format!("{what} {value} is none of {allowed:?}"));
    }
}

fn fail(path: &Path, why: &str) -> ! {
    panic!("{}: {why}", path.display())
}
