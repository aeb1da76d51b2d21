//! Evidence into stores and out again.

use std::fs;
use std::path::Path;

use rdpwhy_analyzer::{Progress, Silent};
use rdpwhy_lake::LakeError;
use rdpwhy_lake::sql::Engine;
use rdpwhy_lake::store::{Added, Manifest, Place, Told, fill, verify};

use crate::evidence::{Plain, cases, judge, tools, unit, write};

fn add(store: &Path, hosts: &[(&str, &Path)]) -> Vec<Told> {
    let units: Vec<_> = hosts.iter().map(|(name, path)| unit(name, path)).collect();
    let mut told = Vec::new();
    fill(
        store,
        &units,
        &judge(),
        &Plain,
        Some(2),
        &Silent,
        &mut |t| {
            told.push(t.clone());
        },
    )
    .unwrap();
    told
}

fn rows(store: &Path, sql: &str) -> Vec<Vec<Option<String>>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let engine = Engine::new(&tools(), Some(2));
        engine.open(&Place::folder(store).unwrap()).await.unwrap();
        engine.query(sql).await.unwrap().cells().unwrap()
    })
}

#[test]
fn verdicts_of_functions_are_those_of_the_table() {
    let evidence = tempfile::tempdir().unwrap();
    let store = tempfile::tempdir().unwrap();
    let names = cases();
    let paths: Vec<_> = names.iter().map(|n| evidence.path().join(n)).collect();
    for (name, path) in names.iter().zip(&paths) {
        write(name, path);
    }
    let hosts: Vec<(&str, &Path)> = names
        .iter()
        .zip(&paths)
        .map(|(n, p)| (n.as_str(), p.as_path()))
        .collect();
    add(store.path(), &hosts);
    assert_eq!(verify(store.path()).unwrap(), Vec::<String>::new());
    let table = rows(
        store.path(),
        "SELECT unit, json FROM verdict ORDER BY unit, id",
    );
    let made = rows(
        store.path(),
        "WITH judged AS (
            SELECT unit, unnest(rdp_diagnose(array_agg(event))) AS v FROM event GROUP BY unit
        )
        SELECT unit, get_field(v, 'json') FROM judged ORDER BY unit, get_field(v, 'id')",
    );
    assert!(table.len() > 90, "{} verdicts", table.len());
    assert_eq!(made, table);
    // Days are those of the folders.
    let days =
        "SELECT count(*) FROM event WHERE date <> coalesce(CAST(time AS DATE), DATE '1970-01-01')";
    assert_eq!(rows(store.path(), days), [[Some("0".to_owned())]]);
}

#[test]
fn evidence_that_is_there_is_known_under_any_path() {
    let evidence = tempfile::tempdir().unwrap();
    let store = tempfile::tempdir().unwrap();
    for place in ["a/SRV01", "b/SRV01", "b/SRV02"] {
        write("nla-required", &evidence.path().join(place));
    }
    let first = add(
        store.path(),
        &[("a/SRV01", &evidence.path().join("a/SRV01"))],
    );
    assert_eq!(first[0].added, Some(Added::New));
    let again = add(
        store.path(),
        &[
            ("/other/SRV01", &evidence.path().join("b/SRV01")),
            ("SRV02", &evidence.path().join("b/SRV02")),
        ],
    );
    assert_eq!(again[0].added, Some(Added::Known("a/SRV01".to_owned())));
    // Another host with the same files is another host.
    assert_eq!(again[1].added, Some(Added::New));
    let manifest = Manifest::read(store.path()).unwrap().unwrap();
    assert_eq!(manifest.inputs.len(), 2);
}

#[test]
fn a_verdict_of_evidence_added_in_two_parts_counts_once() {
    let evidence = tempfile::tempdir().unwrap();
    let store = tempfile::tempdir().unwrap();
    let whole = evidence.path().join("SRV01");
    write("nla-required", &whole);
    add(store.path(), &[("SRV01", &whole)]);
    fs::write(whole.join("note.evtx"), "nothing").unwrap();
    let again = add(store.path(), &[("SRV01", &whole)]);
    assert_eq!(again[0].added, Some(Added::New));
    let twice = rows(store.path(), "SELECT count(*) FROM verdict_rows");
    let once = rows(
        store.path(),
        "SELECT count(*), count(DISTINCT id) FROM verdict",
    );
    assert_eq!(once[0][0], once[0][1]);
    assert_ne!(twice[0][0], once[0][0]);
}

#[test]
fn damaged_and_missing_hosts_are_told_and_the_rest_is_complete() {
    let evidence = tempfile::tempdir().unwrap();
    let store = tempfile::tempdir().unwrap();
    let (good, bad, gone) = (
        evidence.path().join("good"),
        evidence.path().join("bad"),
        evidence.path().join("gone"),
    );
    write("nla-required", &good);
    write("wrong-credentials", &bad);
    let log = crate::evidence::files(&bad)
        .into_iter()
        .find(|f| f.extension().is_some_and(|e| e == "evtx"))
        .unwrap();
    let mut bytes = fs::read(&log).unwrap();
    let middle = 4096 + 2000;
    bytes[middle..middle + 600].fill(0xff);
    fs::write(&log, bytes).unwrap();
    let told = add(
        store.path(),
        &[("bad", &bad), ("gone", &gone), ("good", &good)],
    );
    assert_eq!(told[0].added, Some(Added::New));
    assert!(!told[0].problems.is_empty());
    assert_eq!(told[1].added, None);
    assert!(told[1].problems[0].contains("is gone"));
    assert_eq!(told[2].added, Some(Added::New));
    assert!(told[2].problems.is_empty());
    let lost = rows(
        store.path(),
        rdpwhy_lake::sql::named("lost-evidence").unwrap().sql,
    );
    assert_eq!(lost.len(), told[0].problems.len());
}

#[test]
fn what_is_broken_off_leaves_no_store() {
    struct Stopped;
    impl Progress for Stopped {
        fn bytes(&self, _: u64) {}
        fn source(&self, _: &str) {}
        fn stopped(&self) -> bool {
            true
        }
    }
    let evidence = tempfile::tempdir().unwrap();
    let store = tempfile::tempdir().unwrap();
    write("nla-required", evidence.path());
    let units = [unit("SRV01", evidence.path())];
    let done = fill(
        store.path(),
        &units,
        &judge(),
        &Plain,
        None,
        &Stopped,
        &mut |_| {},
    );
    assert!(matches!(done, Err(LakeError::BrokenOff)));
    assert!(Manifest::read(store.path()).unwrap().is_none());
}
