//! A machine that stops at any step leaves the old store.

use std::cell::Cell;
use std::io;

use rdpwhy_analyzer::{Knowledge, Options, Silent};

use super::*;
use crate::case::Judge;
use crate::open::Opened;
use crate::store::verify;

thread_local! {
    /// Steps that are left before the machine stops.
    static LEFT: Cell<usize> = const { Cell::new(usize::MAX) };
}

fn stop(_: Step) -> io::Result<()> {
    let left = LEFT.get();
    LEFT.set(left.saturating_sub(1));
    if left == 0 {
        return Err(io::Error::new(
            io::ErrorKind::StorageFull,
            "no space left on device",
        ));
    }
    Ok(())
}

/// A case of the fixtures under a name of its own.
fn case(fixture: &str, label: &str) -> Case {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cases");
    let out = tempfile::tempdir().expect("a folder");
    let files = rdpwhy_fixtures::case::write_case(&cases.join(fixture), out.path());
    let source = |path: &PathBuf| rdpwhy_analyzer::Source {
        label: format!("{label}/{}", path.file_name().unwrap_or_default().display()),
        bytes: Box::new(fs::read(path).expect("a file")),
    };
    let opened = Opened {
        label: label.to_owned(),
        sources: files.expect("a case").iter().map(source).collect(),
        ..Opened::default()
    };
    let judge = Judge::new(Knowledge::embedded().expect("causes"), Options::default());
    let read = judge.read(&opened, &Silent);
    judge.tell(&opened, read).expect("rows")
}

/// All files of a store with their bytes, but for the lock.
fn files(store: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut todo = vec![store.to_owned()];
    while let Some(folder) = todo.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                todo.push(path);
            } else if !path.ends_with(".lock") {
                let bytes = fs::read(&path).expect("a file");
                found.insert(path, bytes);
            }
        }
    }
    found
}

#[test]
fn a_stop_at_any_step_leaves_the_old_store_and_is_swept() {
    let one = case("nla-required", "SRV01");
    let two = case("wrong-credentials", "SRV02");
    let mut steps = 0;
    // One case after the other is written, so that there are several files aside.
    for killed in [false, true] {
        for at in 0.. {
            let folder = tempfile::tempdir().expect("a folder");
            let store = folder.path().join("store");
            let mut adder = Adder::open(&store).expect("a store");
            adder.add(&one).expect("added");
            adder.commit().expect("committed");
            let before = files(&store);
            LEFT.set(at);
            let mut adder = Adder::watched(&store, stop, 1).expect("a store");
            let added = adder.add(&two).map(drop);
            let done = match added {
                Ok(()) if killed => {
                    // Killed: nobody tidies up.
                    let aside = adder.aside.path().to_owned();
                    let kept = fs::metadata(&aside).is_ok();
                    let done = adder.commit();
                    assert!(kept);
                    if done.is_err() {
                        fs::create_dir_all(aside.join("1")).expect("a folder");
                        fs::write(aside.join("1/event-1.parquet"), "half").expect("a file");
                    }
                    done.map(drop)
                }
                Ok(()) => adder.commit().map(drop),
                Err(e) => {
                    drop(adder);
                    Err(e)
                }
            };
            let Err(error) = done else {
                steps = at;
                break;
            };
            let told = error.to_string();
            assert!(told.contains("no space left"), "{told}");
            let manifest = Manifest::read(&store).expect("readable").expect("there");
            assert_eq!(manifest.inputs.len(), 1, "step {at}");
            for (path, bytes) in &before {
                assert_eq!(fs::read(path).ok().as_ref(), Some(bytes), "step {at}");
            }
            LEFT.set(usize::MAX);
            // The next one sweeps, and brings it in.
            drop(Adder::open(&store).expect("a store"));
            assert_eq!(files(&store), before, "step {at}");
            let mut adder = Adder::open(&store).expect("a store");
            adder.add(&two).expect("added");
            adder.commit().expect("committed");
            assert_eq!(verify(&store).expect("a store"), Vec::<String>::new());
        }
        LEFT.set(usize::MAX);
    }
    // Written, one file for each table and day placed, complete.
    assert!(steps >= 5, "{steps} steps");
}

#[test]
fn the_same_evidence_twice_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = folder.path().join("store");
    let case = case("nla-required", "a/SRV01");
    let mut adder = Adder::open(&store).expect("a store");
    assert_eq!(adder.add(&case).expect("added"), Added::New);
    assert_eq!(
        adder.add(&case).expect("added"),
        Added::Known("a/SRV01".to_owned())
    );
    adder.commit().expect("committed");
    let before = files(&store);
    let mut adder = Adder::open(&store).expect("a store");
    adder.add(&case).expect("added");
    adder.commit().expect("committed");
    assert_eq!(files(&store), before);
}

#[test]
fn the_same_evidence_gives_the_same_bytes() {
    let made = || {
        let folder = tempfile::tempdir().expect("a folder");
        let mut adder = Adder::open(folder.path()).expect("a store");
        adder.add(&case("nla-required", "SRV01")).expect("added");
        adder.commit().expect("committed");
        let files = files(folder.path()).into_iter();
        let below = |path: PathBuf| path.strip_prefix(folder.path()).map(Path::to_owned);
        files
            .map(|(p, b)| (below(p).expect("below"), b))
            .collect::<Vec<_>>()
    };
    assert_eq!(made(), made());
}

#[test]
fn two_do_not_add_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let _adder = Adder::open(folder.path()).expect("a store");
    assert!(matches!(
        Adder::open(folder.path()),
        Err(LakeError::Busy(_))
    ));
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("event")).expect("a folder");
    fs::write(folder.path().join("event/mine.parquet"), "mine").expect("a file");
    assert!(matches!(
        Adder::open(folder.path()),
        Err(LakeError::NoStore(_))
    ));
    assert_eq!(files(folder.path()).len(), 1);
}

#[test]
fn other_versions_are_named_with_what_to_do() {
    for (version, advice) in [
        (99, "use a newer rdpwhy"),
        (0, "add its evidence to a new store"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let text = format!(r#"{{"schema": "rdpwhy.store", "version": {version}, "else": 1}}"#);
        fs::write(folder.path().join(NAME), text).expect("a file");
        let told = Adder::open(folder.path())
            .err()
            .expect("refused")
            .to_string();
        assert!(
            told.contains(advice) && told.contains(&version.to_string()),
            "{told}"
        );
        let told = verify(folder.path()).expect_err("refused").to_string();
        assert!(told.contains(advice), "{told}");
    }
}

#[test]
fn what_was_changed_or_is_gone_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut adder = Adder::open(folder.path()).expect("a store");
    adder.add(&case("nla-required", "SRV01")).expect("added");
    adder.commit().expect("committed");
    assert_eq!(
        verify(folder.path()).expect("a store"),
        Vec::<String>::new()
    );
    let manifest = Manifest::read(folder.path())
        .expect("readable")
        .expect("there");
    let [first, second, ..] = manifest.parts.as_slice() else {
        unreachable!("a table each");
    };
    let path = folder.path().join(&first.path);
    let mut bytes = fs::read(&path).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).expect("a file");
    fs::remove_file(folder.path().join(&second.path)).expect("a file");
    fs::write(path.with_file_name("stray.parquet"), "").expect("a file");
    let wrong = verify(folder.path()).expect("a store").join("\n");
    for told in ["was changed", "No such file", "does not count", " rows of "] {
        assert!(wrong.contains(told), "{told}: {wrong}");
    }
}
