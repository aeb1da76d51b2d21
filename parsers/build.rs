//! Checks the catalogue's data files and writes them as tables that are read in place.
//!
//! `catalog/events/<channel>/<id>.toml` and `catalog/wire/<name>.toml` become `names.rs` (all kinds and fields, sorted)
//! and `events.rs` (how a Windows record becomes an event); `catalog/codes/<registry>.toml` become `codes.rs`. A mistake in a file stops the build with its path.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct EventFile {
    provider: String,
    #[serde(default)]
    aliases: Vec<String>,
    channel: String,
    id: u32,
    kind: String,
    side: String,
    stage: Option<String>,
    meaning: String,
    /// Where the field list comes from; read by people and by the catalogue's own test.
    #[allow(dead_code)]
    source: String,
    #[serde(default)]
    fields: BTreeMap<String, OneOrMore>,
    /// Constants added to every event of this file.
    #[serde(default)]
    set: BTreeMap<String, String>,
    #[serde(default)]
    variant: Vec<Variant>,
    /// Checked by the catalogue's own test, not needed in the program.
    #[allow(dead_code)]
    #[serde(default)]
    sample: Vec<toml::Table>,
}

/// A value that becomes two of ours is a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(FieldSpec),
    More(Vec<FieldSpec>),
}

impl OneOrMore {
    fn iter(&self) -> std::slice::Iter<'_, FieldSpec> {
        match self {
            Self::One(one) => std::slice::from_ref(one).iter(),
            Self::More(more) => more.iter(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldSpec {
    name: String,
    #[serde(rename = "type")]
    decode: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Variant {
    /// Our field name.
    field: String,
    /// Values (as text) that choose this variant; a trailing `*` matches a prefix.
    is: Vec<String>,
    kind: String,
    stage: Option<String>,
    /// One sentence for a person; the file's own when absent.
    meaning: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireFile {
    kind: Vec<WireKind>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireKind {
    kind: String,
    stage: Option<String>,
    meaning: String,
    #[serde(default)]
    fields: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeFile {
    code: Vec<CodeRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CodeRow {
    value: u32,
    name: String,
    meaning: String,
    #[serde(default)]
    class: String,
    source: String,
}

const SIDES: &[&str] = &["server", "client", "gateway", "domain-controller", "any"];
const STAGES: &[&str] =
    &["name", "tcp", "x224", "tls", "credssp", "authorization", "mcs", "licensing", "activation", "session"];
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

fn main() {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("catalog");
    println!("cargo::rerun-if-changed={}", root.display());
    println!("cargo::rerun-if-changed=build.rs");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));

    let mut kinds = BTreeMap::<String, (Option<String>, String)>::new();
    let mut fields = BTreeSet::<String>::new();
    let mut events = Vec::new();
    for path in files(&root.join("wire")) {
        let file: WireFile = read(&path);
        for k in file.kind {
            check(&path, "stage", k.stage.as_deref().unwrap_or("tcp"), STAGES);
            fields.extend(k.fields);
            if kinds.insert(k.kind.clone(), (k.stage, k.meaning)).is_some() {
                fail(&path, &format!("kind {} stands in two wire files", k.kind));
            }
        }
    }
    for path in files(&root.join("events")) {
        let file: EventFile = read(&path);
        if path.file_stem().and_then(|s| s.to_str()) != Some(&file.id.to_string()) {
            fail(&path, "the file's name is not its event id");
        }
        check(&path, "side", &file.side, SIDES);
        if file.meaning.trim().is_empty() || file.channel.is_empty() {
            fail(&path, "meaning or channel is empty");
        }
        for stage in file.variant.iter().filter_map(|v| v.stage.as_deref()).chain(file.stage.as_deref()) {
            check(&path, "stage", stage, STAGES);
        }
        let variants = file.variant.iter().map(|v| (&v.kind, &v.stage, v.meaning.as_ref().unwrap_or(&file.meaning)));
        for (kind, stage, meaning) in std::iter::once((&file.kind, &file.stage, &file.meaning)).chain(variants) {
            let known = kinds.entry(kind.clone()).or_insert_with(|| (stage.clone(), meaning.clone()));
            // A kind proves one stage, whoever tells it.
            if known.0 != *stage {
                fail(&path, &format!("kind {kind} has the stage {:?} elsewhere", known.0));
            }
        }
        for (windows, f) in file.fields.iter().flat_map(|(w, list)| list.iter().map(move |f| (w, f))) {
            let Some((_, _, suffixes)) = DECODES.iter().find(|d| d.0 == f.decode) else {
                fail(&path, &format!("field {windows} has the unknown type {}", f.decode));
            };
            fields.extend(suffixes.iter().map(|s| named(&f.name, s)));
        }
        fields.extend(file.set.keys().cloned());
        for v in &file.variant {
            if !fields.contains(&v.field) {
                fail(&path, &format!("variant looks at {}, which no file declares before", v.field));
            }
        }
        events.push((path, file));
    }
    // Sorted as the program looks them up: ASCII-lowercase provider, then id.
    let mut rows: Vec<(String, u32, &EventFile, &PathBuf)> = Vec::new();
    for (path, f) in &events {
        for provider in std::iter::once(&f.provider).chain(&f.aliases) {
            rows.push((provider.to_ascii_lowercase(), f.id, f, path));
        }
    }
    rows.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    for pair in rows.windows(2) {
        if (&pair[0].0, pair[0].1) == (&pair[1].0, pair[1].1) {
            fail(pair[1].3, &format!("provider and id stand in {} as well", pair[0].3.display()));
        }
    }
    assert!(kinds.len() < usize::from(u16::MAX) && fields.len() < usize::from(u16::MAX), "too many names for u16");
    fs::write(out.join("codes.rs"), codes(&root.join("codes"))).expect("OUT_DIR is writable");
    fs::write(out.join("names.rs"), names(&kinds, &fields)).expect("OUT_DIR is writable");
    fs::write(out.join("events.rs"), table(&kinds, &fields, &rows)).expect("OUT_DIR is writable");
}

fn named(name: &str, suffix: &str) -> String {
    suffix.strip_prefix('=').map_or_else(|| format!("{name}{suffix}"), str::to_owned)
}

fn names(kinds: &BTreeMap<String, (Option<String>, String)>, fields: &BTreeSet<String>) -> String {
    let mut s = format!("static KINDS: [&str; {}] = [\n", kinds.len());
    for k in kinds.keys() {
        let _ = writeln!(s, "    {k:?},");
    }
    let _ = writeln!(s, "];\nstatic FIELDS: [&str; {}] = [", fields.len());
    for f in fields {
        let _ = writeln!(s, "    {f:?},");
    }
    s.push_str("];\n");
    // A const fn may not read a static of another item by reference in all editions; constants mirror them.
    s.replace("static ", "const ")
}

fn table(
    kinds: &BTreeMap<String, (Option<String>, String)>,
    fields: &BTreeSet<String>,
    rows: &[(String, u32, &EventFile, &PathBuf)],
) -> String {
    let stage = |s: &Option<String>| s.as_ref().map_or("None".to_owned(), |s| format!("Some({s:?})"));
    let mut s = String::from("static KIND_INFO: &[KindInfo] = &[\n");
    for (stage_of, meaning) in kinds.values() {
        let _ = writeln!(s, "    KindInfo {{ stage: {}, meaning: {meaning:?} }},", stage(stage_of));
    }
    s.push_str("];\nstatic EVENTS: &[EventSpec] = &[\n");
    for (provider, id, f, _) in rows {
        let _ = writeln!(
            s,
            "    EventSpec {{ provider: {provider:?}, id: {id}, channel: {:?}, kind: Kind::of({:?}), side: {:?}, stage: {}, meaning: {:?},",
            f.channel, f.kind, f.side, stage(&f.stage), f.meaning
        );
        s.push_str("        fields: &[");
        for (windows, spec) in f.fields.iter().flat_map(|(w, list)| list.iter().map(move |f| (w, f))) {
            let decode = DECODES.iter().find(|d| d.0 == spec.decode).expect("checked above");
            let first = named(&spec.name, decode.2[0]);
            let second = decode.2.get(1).map(|x| named(&spec.name, x));
            assert!(fields.contains(&first));
            let _ = write!(
                s,
                "FieldSpec {{ from: {windows:?}, field: Field::of({first:?}), second: {}, decode: Decode::{} }}, ",
                second.map_or("None".to_owned(), |x| format!("Some(Field::of({x:?}))")),
                decode.1
            );
        }
        s.push_str("],\n        set: &[");
        for (k, v) in &f.set {
            let _ = write!(s, "(Field::of({k:?}), {v:?}), ");
        }
        s.push_str("],\n        variants: &[");
        for v in &f.variant {
            let _ = write!(
                s,
                "Variant {{ field: Field::of({:?}), is: &{:?}, kind: Kind::of({:?}), stage: {} }}, ",
                v.field, v.is, v.kind, stage(&v.stage)
            );
        }
        s.push_str("] },\n");
    }
    s.push_str("];\n");
    s
}

fn codes(folder: &Path) -> String {
    let mut s = String::from("static REGISTRIES: &[(&str, &[Code])] = &[\n");
    let mut paths = files(folder);
    // By name without suffix, as the program looks them up: "x" comes before "x-y", "x-y.toml" before "x.toml".
    paths.sort_by_key(|p| p.file_stem().map(ToOwned::to_owned));
    for path in paths {
        let mut file: CodeFile = read(&path);
        file.code.sort_by_key(|c| c.value);
        if let Some(pair) = file.code.windows(2).find(|pair| pair[0].value == pair[1].value) {
            fail(&path, &format!("{} stands in it twice", pair[0].value));
        }
        let registry = path.file_stem().and_then(|s| s.to_str()).expect("found by its suffix");
        let _ = writeln!(s, "    ({registry:?}, &[");
        for CodeRow { value, name, meaning, class, source } in &file.code {
            let _ = writeln!(
                s,
                "        Code {{ value: {value}, name: {name:?}, meaning: {meaning:?}, class: {class:?}, source: {source:?} }},"
            );
        }
        s.push_str("    ]),\n");
    }
    s.push_str("];\n");
    s
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![folder.to_owned()];
    while let Some(dir) = todo.pop() {
        println!("cargo::rerun-if-changed={}", dir.display());
        let Ok(entries) = fs::read_dir(&dir) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if path.is_dir() {
                todo.push(path);
            } else if path.extension().is_some_and(|e| e == "toml") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> T {
    let text = fs::read_to_string(path).unwrap_or_else(|e| fail(path, &e.to_string()));
    toml::from_str(&text).unwrap_or_else(|e| fail(path, &e.to_string()))
}

fn check(path: &Path, what: &str, value: &str, allowed: &[&str]) {
    if !allowed.contains(&value) {
        fail(path, &format!("{what} {value} is none of {allowed:?}"));
    }
}

fn fail(path: &Path, why: &str) -> ! {
    panic!("{}: {why}", path.display())
}
