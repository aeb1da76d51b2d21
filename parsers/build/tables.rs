//! The checked data files as Rust source.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use crate::files::{CodeFile, CodeRow, files, read};
use crate::{DECODES, Kinds, Row, fail};

/// The name of a field that a type makes: see [`DECODES`].
pub fn named(name: &str, suffix: &str) -> String {
    suffix
        .strip_prefix('=')
        .map_or_else(|| format!("{name}{suffix}"), str::to_owned)
}

/// The names of all kinds and fields, sorted. Constants, since a `const fn` looks names up in them.
pub fn names(kinds: &Kinds, fields: &BTreeSet<String>) -> String {
    let mut s = format!("const KINDS: [&str; {}] = [\n", kinds.len());
    for k in kinds.keys() {
        let _ = writeln!(s, "    {k:?},");
    }
    let _ = writeln!(s, "];\nconst FIELDS: [&str; {}] = [", fields.len());
    for f in fields {
        let _ = writeln!(s, "    {f:?},");
    }
    s.push_str("];\n");
    s
}

/// What each kind says, in the order of their names, and how each record is read, in the order of lookup.
pub fn events(kinds: &Kinds, rows: &[Row<'_>]) -> String {
    let mut channels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut sides = channels.clone();
    for (_, _, file, _) in rows {
        let variants = file.variant.iter().map(|v| &v.kind);
        for kind in std::iter::once(&file.kind).chain(variants) {
            channels.entry(kind).or_default().insert(&file.channel);
            sides.entry(kind).or_default().insert(&file.side);
        }
    }
    let mut s = String::from("static KIND_INFO: &[KindInfo] = &[\n");
    for (kind, (stage, meaning)) in kinds {
        let stage = stage.as_deref();
        let [channels, sides] =
            [&channels, &sides].map(|of| of.get(kind.as_str()).cloned().unwrap_or_default());
        let (channels, sides) = (Vec::from_iter(channels), Vec::from_iter(sides));
        let _ = writeln!(
            s,
            "    KindInfo {{ stage: {stage:?}, meaning: {meaning:?}, channels: &{channels:?}, sides: &{sides:?} }},"
        );
    }
    s.push_str("];\nstatic EVENTS: &[EventSpec] = &[\n");
    for row in rows {
        event(&mut s, row);
    }
    s.push_str("];\n");
    s
}

fn event(s: &mut String, (provider, id, file, _): &Row<'_>) {
    let (channel, side, meaning) = (&file.channel, &file.side, &file.meaning);
    let (name, kind, stage) = (&file.provider, &file.kind, file.stage.as_deref());
    let _ = writeln!(
        s,
        "    EventSpec {{ provider: {provider:?}, provider_name: {name:?}, id: {id}, channel: {channel:?}, kind: Kind::of({kind:?}),"
    );
    let _ = writeln!(
        s,
        "        side: {side:?}, stage: {stage:?}, meaning: {meaning:?},"
    );
    s.push_str("        fields: &[");
    for (windows, spec) in file.values() {
        let decode = DECODES
            .iter()
            .find(|d| d.0 == spec.decode)
            .expect("checked when it was read");
        let mut makes = decode
            .2
            .iter()
            .map(|x| format!("Field::of({:?})", named(&spec.name, x)));
        let first = makes.next().expect("every type makes a field");
        let second = makes
            .next()
            .map_or("None".to_owned(), |x| format!("Some({x})"));
        let decode = decode.1;
        let _ = write!(
            s,
            "FieldSpec {{ from: {windows:?}, field: {first}, second: {second}, decode: Decode::{decode} }}, "
        );
    }
    s.push_str("],\n        set: &[");
    for (name, text) in &file.set {
        let _ = write!(s, "(Field::of({name:?}), {text:?}), ");
    }
    s.push_str("],\n        variants: &[");
    for v in &file.variant {
        let (field, is, kind, stage) = (&v.field, &v.is, &v.kind, v.stage.as_deref());
        let _ = write!(
            s,
            "Variant {{ field: Field::of({field:?}), is: &{is:?}, kind: Kind::of({kind:?}), stage: {stage:?} }}, "
        );
    }
    s.push_str("] },\n");
}

/// The registries, sorted by name, and their numbers, sorted.
pub fn codes(folder: &Path) -> String {
    let mut s = String::from("static REGISTRIES: &[(&str, &[Code])] = &[\n");
    let mut paths = files(folder);
    // By name without suffix, as the program looks them up: "x" comes before "x-y", "x-y.toml" before "x.toml".
    paths.sort_by_key(|p| p.file_stem().map(ToOwned::to_owned));
    for path in paths {
        let mut file: CodeFile = read(&path);
        file.code.sort_by_key(|c| c.value);
        for pair in file.code.windows(2) {
            if let [a, b] = pair
                && a.value == b.value
            {
                fail(&path, &format!("{} stands in it twice", a.value));
            }
        }
        let registry = path
            .file_stem()
            .and_then(|s| s.to_str())
            .expect("found by its suffix");
        let _ = writeln!(s, "    ({registry:?}, &[");
        for row in &file.code {
            let CodeRow {
                value,
                name,
                meaning,
                class,
                source,
            } = row;
            let value = format!("0x{:04x}_{:04x}", value >> 16, value & 0xFFFF);
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
