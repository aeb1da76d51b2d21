//! Stores and SQL as a process.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on says so best by stopping"
)]

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const HOSTS: [(&str, &str); 3] = [
    ("SRV01", "nla-required"),
    ("SRV02", "nla-required"),
    ("SRV03", "private-key-access-denied"),
];

/// Hosts in a folder `in`.
fn hosts() -> TempDir {
    let folder = tempfile::tempdir().expect("folder");
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cases");
    for (host, case) in HOSTS {
        let to = folder.path().join("in").join(host);
        rdpwhy_fixtures::case::write_case(&cases.join(case), &to).expect("a case");
    }
    folder
}

fn run<S: AsRef<OsStr>>(folder: &TempDir, args: impl IntoIterator<Item = S>) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rdpwhy"))
        .args(args)
        .current_dir(folder.path())
        .output()
        .expect("runs")
}

/// Standard output of a run that ends so.
fn told(folder: &TempDir, status: i32, args: &[&str]) -> String {
    let output = run(folder, args);
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{args:?}: {err}");
    String::from_utf8(output.stdout).expect("text")
}

fn complaint(folder: &TempDir, status: i32, args: &[&str]) -> String {
    let output = run(folder, args);
    assert_eq!(output.status.code(), Some(status), "{args:?}");
    String::from_utf8(output.stderr).expect("text")
}

#[test]
fn a_store_is_made_once_and_asked() {
    let folder = hosts();
    let add = ["store", "add", "s", "in", "--by-host"];
    let first = told(&folder, 0, &add);
    assert!(first.starts_with("added 3 hosts: "), "{first}");
    let manifest = fs::read(folder.path().join("s/store.json")).expect("a manifest");
    let again = told(&folder, 0, &add);
    assert!(again.contains("; 3 there already\n"), "{again}");
    let same = fs::read(folder.path().join("s/store.json")).expect("a manifest");
    assert_eq!(same, manifest);
    let list = told(&folder, 0, &["store", "list", "s"]);
    assert_eq!(list.lines().count(), 3);
    assert!(list.contains("in/SRV03"), "{list}");
    let whole = told(&folder, 0, &["store", "verify", "s"]);
    assert!(whole.contains("all as they were written"), "{whole}");
    let args = [
        "sql",
        "--query",
        "hosts-by-cause",
        "--store",
        "s",
        "--format",
        "jsonl",
    ];
    let causes = told(&folder, 0, &args);
    assert!(
        causes.contains(r#""cause":"nla-required","severity":"failure","hosts":2"#),
        "{causes}"
    );
    // The same question without a store, and the store as a path.
    let args = [
        "sql",
        "--query",
        "hosts-by-cause",
        "in",
        "--by-host",
        "--format",
        "jsonl",
    ];
    assert_eq!(told(&folder, 0, &args), causes);
    let args = ["sql", "--query", "hosts-by-cause", "s", "--format", "jsonl"];
    assert_eq!(told(&folder, 0, &args), causes);
}

/// The verdicts of the functions are those of `diagnose`, to the letter.
#[test]
fn sql_says_what_diagnose_says() {
    let folder = hosts();
    for (host, _) in HOSTS {
        let path = format!("in/{host}");
        let output = run(
            &folder,
            ["diagnose", &path, "--format", "json", "--hash", "sha256"],
        );
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let sql = format!("SELECT rdp_report(array_agg(event)) AS report FROM parse_log('{path}')");
        let line = told(&folder, 0, &["sql", &sql, "--format", "jsonl"]);
        let line: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let text = line["report"].as_str().expect("a text");
        let made: serde_json::Value = serde_json::from_str(text).expect("JSON");
        assert_eq!(made, report, "{host}");
    }
}

#[test]
fn answers_are_tables_lines_and_csv() {
    let folder = hosts();
    let sql = "SELECT cause, count(*) AS n, max(first) AS last FROM verdict GROUP BY cause ORDER BY n DESC";
    let ask = |format: &str| {
        told(
            &folder,
            0,
            &["sql", sql, "in", "--by-host", "--format", format],
        )
    };
    let table = ask("table");
    assert!(table.starts_with("cause  "), "{table}");
    assert!(table.ends_with("2 rows\n"), "{table}");
    let csv = ask("csv");
    assert!(
        csv.starts_with("cause,n,last\r\nnla-required,2,20"),
        "{csv}"
    );
    let lines = ask("jsonl");
    let first: serde_json::Value =
        serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    let last = first["last"].as_str().expect("a time");
    assert!(last.ends_with('Z') && csv.contains(last), "{lines}{csv}");
}

#[test]
fn mistakes_are_named_with_what_to_do() {
    let folder = hosts();
    let told = |status: i32, args: &[&str]| complaint(&folder, status, args);
    assert!(told(3, &["sql", "SELECT 1", "nowhere"]).contains("nowhere"));
    assert!(told(3, &["sql", "SELECT * FROM verdict", "--store", "in"]).contains("no case store"));
    assert!(told(2, &["sql", "--query", "no-such"]).contains("hosts-by-cause"));
    assert!(
        told(2, &["sql", "hosts-by-cause", "in"]).contains("did you mean --query hosts-by-cause?")
    );
    assert!(told(2, &["sql", "SELECT nothing FROM verdict", "in"]).contains("nothing"));
    assert!(told(2, &["sql", "DROP TABLE verdict", "in"]).contains("DDL"));
    assert!(told(3, &["store", "add", "s", "nowhere"]).contains("nowhere"));
    assert!(told(3, &["store", "add", "in", "in/SRV01"]).contains("no case store"));
}

#[test]
fn the_library_lists_itself() {
    let folder = hosts();
    let list = told(&folder, 0, &["sql", "--list"]);
    for name in [
        "hosts-by-cause",
        "spread",
        "first-after-change",
        "worst-servers",
        "attackers",
    ] {
        assert!(list.contains(name), "{list}");
        let sql = told(&folder, 0, &["sql", "--list", "--query", name]);
        assert!(sql.starts_with("-- "), "{sql}");
    }
}
