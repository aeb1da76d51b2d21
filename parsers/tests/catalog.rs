//! The catalogue tests itself: every data file's samples become what the file expects, and real records, where they are
//! at hand, give every field that the file promises.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rdpwhy_parsers::raw::{RawRecord, to_event};
use rdpwhy_parsers::{EventBatch, EventRef, Field, Timestamp, Value, catalog};
use toml::Table;

fn data_files(folder: &str) -> Vec<(PathBuf, Table)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("catalog")
        .join(folder);
    let mut folders = vec![root];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text.parse().unwrap()));
            }
        }
    }
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files
}

/// The event that a record becomes.
fn event_of(record: &serde_json::Value) -> EventBatch {
    let mut batch = EventBatch::default();
    to_event(
        &RawRecord::from_json(record).expect("a record with a provider and an id"),
        &mut batch,
    );
    batch
}

fn equals(found: Value<'_>, wanted: &toml::Value) -> bool {
    match (found, wanted) {
        (Value::Int(n), toml::Value::Integer(w)) => n == *w,
        // A time stands in the files as people write it.
        (Value::Int(n), toml::Value::String(w)) => Timestamp::parse(w) == Some(Timestamp(n)),
        (Value::Text(t), toml::Value::String(w)) => t == w,
        (Value::Flag(b), toml::Value::Boolean(w)) => b == *w,
        (Value::Ip(ip), toml::Value::String(w)) => w.parse() == Ok(ip),
        _ => false,
    }
}

fn get<'a>(event: EventRef<'a>, name: &str) -> Option<Value<'a>> {
    event
        .get(Field::named(name).unwrap_or_else(|| panic!("no data file declares the field {name}")))
}

#[test]
fn every_sample_becomes_what_its_file_expects() {
    let files = data_files("events");
    let mut samples = 0;
    for (path, file) in &files {
        let list = file.get("sample").and_then(|s| s.as_array());
        for sample in list.into_iter().flatten() {
            samples += 1;
            let record = serde_json::from_str(sample["record"].as_str().unwrap()).unwrap();
            let batch = event_of(&record);
            let event = batch
                .event(0)
                .unwrap_or_else(|| panic!("{}: no event", path.display()));
            let kind = sample
                .get("kind")
                .unwrap_or(&file["kind"])
                .as_str()
                .unwrap();
            assert_eq!(event.event.kind.name(), kind, "{}", path.display());
            for (name, wanted) in sample
                .get("expect")
                .and_then(|e| e.as_table())
                .into_iter()
                .flatten()
            {
                let found = get(event, name);
                assert!(
                    found.is_some_and(|f| equals(f, wanted)),
                    "{}: {name} is {found:?}",
                    path.display()
                );
            }
            for name in sample
                .get("absent")
                .and_then(|a| a.as_array())
                .into_iter()
                .flatten()
            {
                assert_eq!(
                    get(event, name.as_str().unwrap()),
                    None,
                    "{}: {name}",
                    path.display()
                );
            }
        }
    }
    assert!(
        files.len() >= 300 && samples >= files.len(),
        "{} files, {samples} samples",
        files.len()
    );
}

/// The data files by provider (aliases too) and id, with the names they read and the field of each.
fn promised() -> BTreeMap<(String, u32), (PathBuf, Table)> {
    let mut by_id = BTreeMap::new();
    for (path, file) in data_files("events") {
        let id = u32::try_from(file["id"].as_integer().unwrap()).unwrap();
        let aliases = file
            .get("aliases")
            .and_then(|a| a.as_array())
            .cloned()
            .unwrap_or_default();
        for provider in std::iter::once(&file["provider"]).chain(&aliases) {
            by_id.insert(
                (provider.as_str().unwrap().to_ascii_lowercase(), id),
                (path.clone(), file.clone()),
            );
        }
    }
    by_id
}

/// Fields that the file reads from a name which the record has with a value, and that the event lacks all the same.
fn missing(raw: &RawRecord<'_>, event: EventRef<'_>, file: &Table) -> Vec<String> {
    let says_nothing = |v: &str| matches!(v.trim(), "" | "-" | "0" | "LOCAL" | "%%1833");
    let mut lacking = Vec::new();
    for (names, specs) in file
        .get("fields")
        .and_then(|f| f.as_table())
        .into_iter()
        .flatten()
    {
        let said = names
            .split('|')
            .any(|name| raw.get(name).is_some_and(|v| !says_nothing(v)));
        let list = specs
            .as_array()
            .cloned()
            .unwrap_or_else(|| vec![specs.clone()]);
        for spec in list {
            let (name, kind) = (
                spec["name"].as_str().unwrap(),
                spec["type"].as_str().unwrap(),
            );
            // A text need not hold a number, nor a program a service.
            let optional = matches!(kind, "status-in-text" | "hosted-service" | "ip" | "flag");
            let field = if kind == "endpoint" {
                format!("{name}_ip")
            } else {
                name.to_owned()
            };
            if said && !optional && get(event, &field).is_none() {
                lacking.push(format!("{names} -> {field}"));
            }
        }
    }
    lacking
}

/// How many names of a file the record has at all; a file that fits no record of its own id is wrong.
fn known_names(raw: &RawRecord<'_>, file: &Table) -> (usize, usize) {
    let fields = file.get("fields").and_then(|f| f.as_table());
    let all = fields.map_or(0, Table::len);
    let known = fields.map_or(0, |f| {
        f.keys()
            .filter(|n| n.split('|').any(|n| raw.get(n).is_some()))
            .count()
    });
    (known, all)
}

#[test]
fn real_records_give_what_the_files_promise() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/knowledge/records");
    let Ok(entries) = fs::read_dir(&folder) else {
        println!("skipped: ../shared/knowledge/records is not there");
        return;
    };
    let mut paths: Vec<_> = entries.map(|e| e.unwrap().path()).collect();
    paths.sort();
    let promised = promised();
    let (mut described, mut undescribed) = (BTreeSet::new(), BTreeSet::new());
    for path in paths {
        let file: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let record = file.get("event").unwrap_or(&file);
        // Records that a collector flattened are not in the shape of a record any more.
        let Some(raw) = RawRecord::from_json(record) else {
            continue;
        };
        let key = (raw.provider.to_ascii_lowercase(), raw.id);
        let Some((data_file, spec)) = promised.get(&key) else {
            undescribed.insert(key);
            continue;
        };
        let batch = event_of(record);
        let event = batch.event(0).expect("the data file describes it");
        assert_eq!(
            missing(&raw, event, spec),
            Vec::<String>::new(),
            "{} by {}",
            path.display(),
            data_file.display()
        );
        let (known, all) = known_names(&raw, spec);
        assert!(
            known > 0 || all == 0,
            "{}: no name of {} is in it",
            path.display(),
            data_file.display()
        );
        described.insert(key);
    }
    println!(
        "{} kinds of real records described, {} not: {undescribed:?}",
        described.len(),
        undescribed.len()
    );
    let mut sources = BTreeMap::<String, usize>::new();
    for (_, file) in data_files("events") {
        *sources
            .entry(file["source"].as_str().unwrap().to_owned())
            .or_default() += 1;
    }
    println!(
        "{} data files rest on {sources:?}",
        sources.values().sum::<usize>()
    );
    assert!(described.len() > 90);
}

#[test]
fn lookup_finds_every_file_in_any_case() {
    for spec in catalog::all() {
        let found = catalog::lookup(&spec.provider.to_ascii_uppercase(), spec.id);
        assert_eq!(
            found.map(|f| (f.provider, f.id)),
            Some((spec.provider, spec.id))
        );
    }
    assert!(catalog::lookup("no such provider", 1).is_none());
}
