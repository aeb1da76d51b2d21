//! Every named query over a store whose answer is known, on a folder and in an object store.

use std::path::Path;
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::{ObjectStoreExt as _, path::Path as ObjectPath};
use rdpwhy_analyzer::Silent;
use rdpwhy_lake::sql::{Engine, named, queries};
use rdpwhy_lake::store::{Place, fill};
use tempfile::TempDir;

use crate::evidence::{Plain, files, judge, tools, unit, write};

/// Three hosts with one cause, two with another, one that is scanned.
const HOSTS: [(&str, &str); 6] = [
    ("H1", "private-key-access-denied"),
    ("H2", "private-key-access-denied"),
    ("H3", "private-key-access-denied"),
    ("H4", "nla-required"),
    ("H5", "nla-required"),
    ("H6", "scan-traffic"),
];

fn store() -> TempDir {
    let evidence = tempfile::tempdir().unwrap();
    let store = tempfile::tempdir().unwrap();
    let units: Vec<_> = HOSTS
        .iter()
        .map(|(host, case)| {
            let folder = evidence.path().join(host);
            write(case, &folder);
            unit(host, &folder)
        })
        .collect();
    fill(
        store.path(),
        &units,
        &judge(),
        &Plain,
        None,
        &Silent,
        &mut |_| {},
    )
    .unwrap();
    store
}

fn run<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    runtime.block_on(work)
}

async fn ask(place: &Place, threads: usize, sql: &str) -> String {
    let engine = Engine::new(&tools(), Some(threads));
    engine.open(place).await.unwrap();
    let answer = engine.query(sql).await;
    answer
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
        .json_lines()
        .unwrap()
}

fn objects(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap()
}

#[test]
fn named_queries_answer_what_is_known() {
    let store = store();
    let place = Place::folder(store.path()).unwrap();
    let told = |name: &str| -> Vec<serde_json::Value> {
        let text = run(ask(&place, 2, named(name).unwrap().sql));
        text.lines().map(objects).collect()
    };
    let causes = told("hosts-by-cause");
    let hosts = |cause: &str| {
        let row = causes.iter().find(|r| r["cause"] == cause);
        row.map_or(0, |r| r["hosts"].as_i64().unwrap())
    };
    assert_eq!(hosts("private-key-access-denied"), 3, "{causes:?}");
    assert_eq!(hosts("nla-required"), 2, "{causes:?}");
    assert_eq!(hosts("scan-traffic"), 1, "{causes:?}");
    let spread = told("spread");
    let all: i64 = spread
        .iter()
        .filter(|r| r["cause"] == "private-key-access-denied")
        .map(|r| r["new_hosts"].as_i64().unwrap())
        .sum();
    assert_eq!(all, 3, "{spread:?}");
    let servers = told("worst-servers");
    assert!(
        servers
            .iter()
            .any(|r| r["causes"].as_str().unwrap().contains("nla-required")),
        "{servers:?}"
    );
    assert!(
        servers
            .iter()
            .all(|r| !r["causes"].as_str().unwrap().contains("scan-traffic")),
        "{servers:?}"
    );
    let attackers = told("attackers");
    assert!(!attackers.is_empty());
    assert!(
        attackers.iter().all(|r| r["as_what"] != ""),
        "{attackers:?}"
    );
    let changes = told("first-after-change");
    assert!(changes.iter().any(|r| r["hosts"] == 3), "{changes:?}");
    assert_eq!(told("lost-evidence").len(), 0);
}

#[test]
fn answers_do_not_depend_on_threads_or_place() {
    let store = store();
    let here = Place::folder(store.path()).unwrap();
    let there = run(upload(store.path()));
    assert!(queries().len() >= 5);
    for query in queries() {
        assert!(query.title().len() > 20, "{}", query.name);
        let one = run(ask(&here, 1, query.sql));
        let many = run(ask(&here, 4, query.sql));
        let remote = run(ask(&there, 4, query.sql));
        assert_eq!(one, many, "{}", query.name);
        assert_eq!(one, remote, "{}", query.name);
    }
}

/// A copy of a store in memory, as a bucket would have it.
async fn upload(store: &Path) -> Place {
    let bucket = Arc::new(InMemory::new());
    let prefix = ObjectPath::from("cases/2026");
    for file in files(store) {
        let below = file.strip_prefix(store).unwrap();
        let below = below.to_string_lossy().replace('\\', "/");
        let bytes = std::fs::read(&file).unwrap();
        let path = ObjectPath::parse(format!("{prefix}/{below}")).unwrap();
        bucket.put(&path, bytes.into()).await.unwrap();
    }
    Place::within("s3://bucket".parse().unwrap(), bucket, prefix)
}

#[test]
fn evidence_is_read_without_a_store() {
    let folder = tempfile::tempdir().unwrap();
    write("nla-required", folder.path());
    let path = folder.path().display().to_string().replace('\'', "''");
    let text = run(async {
        let engine = Engine::new(&tools(), None);
        let sql = format!(
            "WITH judged AS (SELECT unnest(rdp_diagnose(array_agg(event))) AS v FROM parse_log('{path}'))
             SELECT get_field(v, 'cause') AS cause FROM judged"
        );
        engine.query(&sql).await.unwrap().json_lines().unwrap()
    });
    assert_eq!(text.lines().next(), Some(r#"{"cause":"nla-required"}"#));
}

#[test]
fn values_are_found_by_name() {
    let store = store();
    let place = Place::folder(store.path()).unwrap();
    let sql = "SELECT count(*) AS n FROM event WHERE \"values\"['client_ip'] IS NOT NULL";
    let text = run(ask(&place, 2, sql));
    assert!(objects(text.trim())["n"].as_i64().unwrap() > 10, "{text}");
}

/// Behind `unnest` a group's key stands many times: what comes after it orders and groups all the same.
#[test]
fn verdicts_of_functions_are_sorted_and_counted_as_asked() {
    let evidence = tempfile::tempdir().unwrap();
    let store = tempfile::tempdir().unwrap();
    let units: Vec<_> = ["H1", "H2", "H3"]
        .map(|host| {
            let folder = evidence.path().join(host);
            write("listener-flooded", &folder);
            unit(host, &folder)
        })
        .into();
    fill(
        store.path(),
        &units,
        &judge(),
        &Plain,
        None,
        &Silent,
        &mut |_| {},
    )
    .unwrap();
    let place = Place::folder(store.path()).unwrap();
    let judged = "WITH judged AS (
        SELECT unit, unnest(rdp_diagnose(array_agg(event))) AS v FROM event GROUP BY unit
    )";
    for order in ["ASC", "DESC"] {
        let made = format!(
            "{judged} SELECT unit, get_field(v, 'id') AS id FROM judged
             ORDER BY unit, get_field(v, 'id') {order}"
        );
        let table = format!("SELECT unit, id FROM verdict ORDER BY unit, id {order}");
        let table = run(ask(&place, 2, &table));
        assert!(table.lines().count() >= 6, "{table}");
        assert_eq!(run(ask(&place, 2, &made)), table);
    }
    let made = format!(
        "{judged} SELECT unit, count(*) AS n FROM judged
         GROUP BY unit, get_field(v, 'severity') ORDER BY unit, n"
    );
    let table = "SELECT unit, count(*) AS n FROM verdict GROUP BY unit, severity ORDER BY unit, n";
    assert_eq!(run(ask(&place, 2, &made)), run(ask(&place, 2, table)));
}

#[test]
fn queries_only_read() {
    let store = store();
    let target = store.path().join("out.csv");
    let place = Place::folder(store.path()).unwrap();
    for sql in [
        format!("COPY verdict TO '{}'", target.display()),
        "CREATE TABLE x AS SELECT 1".to_owned(),
        format!(
            "CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '{}'",
            target.display()
        ),
        "INSERT INTO verdict_rows SELECT * FROM verdict_rows".to_owned(),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        "DROP TABLE event".to_owned(),
    ] {
        let refused = run(async {
            let engine = Engine::new(&tools(), None);
            engine.open(&place).await.unwrap();
            engine.query(&sql).await.is_err()
        });
        assert!(refused, "{sql}");
    }
    assert!(!target.exists());
}
