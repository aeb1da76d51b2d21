//! What is written for other tools is what they take: checked against their own schemas and by their own importers.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::case;
use crate::program::{in_parallel, rdpwhy};
use crate::properties::none;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

fn run(args: &[&str], folder: &Path) -> String {
    let mut args: Vec<OsString> = args.iter().map(Into::into).collect();
    args.push(folder.as_os_str().to_owned());
    let run = rdpwhy(&args);
    assert!([0, 1, 4].contains(&run.status), "{args:?}: {}", run.err);
    run.out
}

fn objects(text: &str) -> Vec<Value> {
    let parsed = text.lines().map(|l| serde_json::from_str(l).unwrap());
    parsed.collect()
}

/// All cases in a form; `wrong` tells what does not fit. What was written must be something.
fn cases(args: &[&str], wrong: impl Fn(&str) -> Option<String> + Sync) {
    none(&in_parallel(case::all(), |case| {
        let folder = case.evidence.laid_out();
        let text = run(&[args, &["-j1"]].concat(), folder.path());
        assert!(!text.is_empty(), "{}: nothing was written", case.name);
        wrong(&text).map(|why| format!("{}: {why}", case.name))
    }));
}

fn ocsf(event: &Value) -> Result<(), String> {
    static CLASSES: LazyLock<BTreeMap<u64, Validator>> = LazyLock::new(|| {
        let class = |(uid, name): (u64, &str)| {
            let path = folder().join("ocsf-1.6.0").join(format!("{name}.json"));
            let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
            (uid, jsonschema::validator_for(&schema).unwrap())
        };
        [
            (2004, "detection_finding"),
            (4005, "rdp_activity"),
            (3002, "authentication"),
        ]
        .map(class)
        .into()
    });
    let class = event["class_uid"].as_u64().unwrap();
    let validator = CLASSES.get(&class).ok_or(format!("class {class}"))?;
    let wrong = validator.iter_errors(event).next();
    match wrong {
        Some(e) => {
            let shown: String = e.to_string().chars().take(300).collect();
            Err(format!("class {class} at {}: {shown}", e.instance_path()))
        }
        None => Ok(()),
    }
}

#[test]
fn ocsf_events_of_all_cases_fit_its_schema() {
    cases(&["diagnose", "--format", "ocsf"], |text| {
        objects(text).iter().find_map(|e| ocsf(e).err())
    });
    let folder = case::named("showcase").evidence.laid_out();
    let events = objects(&run(&["diagnose", "--format", "ocsf"], folder.path()));
    let classes: BTreeSet<u64> = events
        .iter()
        .map(|e| e["class_uid"].as_u64().unwrap())
        .collect();
    assert_eq!(classes, BTreeSet::from([2004, 3002, 4005]));
    let finding = &events[0];
    assert_eq!(
        finding["finding_info"]["analytic"]["uid"],
        "private-key-access-denied"
    );
    assert!(
        finding["remediation"]["desc"]
            .as_str()
            .unwrap()
            .contains("icacls")
    );
    // The schema refuses what it does not know.
    let mut more = finding.clone();
    more["rdp_cause"] = "x".into();
    assert!(ocsf(&more).is_err());
}

/// Fields that are not of the schema: our own, which it wants below a name of their own, and Winlogbeat's.
const BESIDE: [&str; 6] = [
    "rdpwhy.",
    "winlog.channel",
    "winlog.computer_name",
    "winlog.event_id",
    "winlog.provider_name",
    "winlog.record_id",
];
/// Allowed values of the categorization fields: elastic.co/docs/reference/ecs/ecs-category-field-values-reference.
const ALLOWED: [(&str, &[&str]); 4] = [
    (
        "event.kind",
        &[
            "alert",
            "asset",
            "enrichment",
            "event",
            "metric",
            "state",
            "pipeline_error",
            "signal",
        ],
    ),
    (
        "event.category",
        &[
            "api",
            "authentication",
            "configuration",
            "database",
            "driver",
            "email",
            "file",
            "host",
            "iam",
            "intrusion_detection",
            "library",
            "malware",
            "network",
            "package",
            "process",
            "registry",
            "session",
            "threat",
            "vulnerability",
            "web",
        ],
    ),
    (
        "event.type",
        &[
            "access",
            "admin",
            "allowed",
            "change",
            "connection",
            "creation",
            "deletion",
            "denied",
            "device",
            "end",
            "error",
            "group",
            "indicator",
            "info",
            "installation",
            "protocol",
            "start",
            "user",
        ],
    ),
    ("event.outcome", &["failure", "success", "unknown"]),
];

fn fields() -> &'static BTreeMap<String, (String, bool)> {
    static FIELDS: LazyLock<BTreeMap<String, (String, bool)>> = LazyLock::new(|| {
        let text = std::fs::read_to_string(folder().join("ecs-9.4.0/fields.tsv")).unwrap();
        let field = |line: &str| {
            let cells: Vec<&str> = line.split('\t').collect();
            (
                cells[0].to_owned(),
                (cells[1].to_owned(), cells[2] == "array"),
            )
        };
        text.lines().map(field).collect()
    });
    &FIELDS
}

/// What in a document the schema does not have, or has otherwise.
fn ecs(place: &str, value: &Value) -> Result<(), String> {
    if BESIDE
        .iter()
        .any(|b| place == *b || (b.ends_with('.') && place.starts_with(*b)))
    {
        return Ok(());
    }
    if let Some((kind, several)) = fields().get(place) {
        let items = match value {
            Value::Array(items) if *several => items.iter().collect(),
            one => vec![one],
        };
        for item in items {
            let fits = match kind.as_str() {
                "number" => item.is_number(),
                "boolean" => item.is_boolean(),
                "object" => item.is_object(),
                _ => item.is_string(),
            };
            let allowed = ALLOWED.iter().find(|(name, _)| *name == place);
            let allowed = allowed.is_none_or(|(_, v)| v.contains(&item.as_str().unwrap_or("")));
            let is_ip = place.rsplit('.').next() == Some("ip");
            let ip_reads = !is_ip
                || item
                    .as_str()
                    .is_some_and(|t| t.parse::<std::net::IpAddr>().is_ok());
            if !(fits && allowed && ip_reads) {
                return Err(format!("{place}: {item}"));
            }
        }
        return Ok(());
    }
    match value {
        Value::Object(members) => members.iter().try_for_each(|(name, v)| {
            let place = if place.is_empty() {
                name.clone()
            } else {
                format!("{place}.{name}")
            };
            ecs(&place, v)
        }),
        _ => Err(format!("{place} is no field of the schema")),
    }
}

#[test]
fn documents_for_elastic_have_fields_of_its_schema_only() {
    let wrong = |text: &str| objects(text).iter().find_map(|d| ecs("", d).err());
    cases(&["diagnose", "--format", "ecs"], wrong);
    cases(&["timeline", "--format", "ecs"], wrong);
    assert!(ecs("", &json!({"rdp": {"cookie": "x"}})).is_err());
    assert!(ecs("", &json!({"event": {"type": ["attack"]}})).is_err());
    assert!(ecs("", &json!({"source": {"ip": "host-1"}})).is_err());
}

/// An action and a document in turn, and no two documents of one id, so that sending twice adds nothing.
#[test]
fn elastics_bulk_interface_gets_an_action_before_each_document() {
    let folder = case::named("showcase").evidence.laid_out();
    let bulk = objects(&run(&["diagnose", "--format", "ecs-bulk"], folder.path()));
    let plain = objects(&run(&["diagnose", "--format", "ecs"], folder.path()));
    let (actions, documents): (Vec<_>, Vec<_>) =
        bulk.chunks(2).map(|p| (&p[0], p[1].clone())).unzip();
    assert_eq!(documents, plain);
    let ids: BTreeSet<&str> = actions
        .iter()
        .map(|a| a["create"]["_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), documents.len());
}

/// Splunk publishes no schema; this is what its documentation says of an event: docs.splunk.com, "Format events for HTTP
/// Event Collector". `fields` hold texts, or lists of them, and nothing deeper.
#[test]
fn events_for_splunk_have_the_envelope_of_its_documentation() {
    let schema = json!({
        "type": "object",
        "required": ["event"],
        "additionalProperties": false,
        "properties": {
            "time": {"type": ["string", "number"], "pattern": r"^[0-9]+\.[0-9]{3}$"},
            "host": {"type": "string", "minLength": 1},
            "source": {"type": "string"},
            "sourcetype": {"type": "string"},
            "index": {"type": "string"},
            "event": {"type": "object", "minProperties": 1},
            "fields": {"type": "object", "additionalProperties": {"type": ["string", "array"]}},
        },
    });
    let envelope = jsonschema::validator_for(&schema).unwrap();
    let wrong = |text: &str| {
        objects(text).iter().find_map(|e| {
            let e = envelope.iter_errors(e).next()?;
            Some(format!("{}: {e}", e.instance_path()))
        })
    };
    cases(&["diagnose", "--format", "splunk-hec"], wrong);
    cases(&["timeline", "--format", "splunk-hec"], wrong);
}

/// The columns of the standard profile as github.com/Yamato-Security/hayabusa, config/profiles.yaml, has them.
#[test]
fn rows_for_hayabusa_layouts_have_its_columns() {
    let wrong = |text: &str| {
        let mut rows = text.split("\r\n");
        let columns =
            "Timestamp,Computer,Channel,EventID,Level,RecordID,RuleTitle,Details,ExtraFieldInfo";
        if rows.next() != Some(columns) {
            return Some("the columns differ".to_owned());
        }
        rows.filter(|r| !r.is_empty()).find_map(|row| {
            let time = row.split(',').next().unwrap_or_default();
            let reads = jiff::Timestamp::strptime("%Y-%m-%d %H:%M:%S%.f %:z", time);
            reads.err().map(|e| format!("{row}: {e}"))
        })
    };
    cases(&["diagnose", "--format", "hayabusa-csv"], wrong);
    cases(&["timeline", "--format", "hayabusa-csv"], wrong);
}

/// Timesketch's own reader, out of its package, where that is installed.
#[test]
fn timesketch_takes_its_lines() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("importers/read_timesketch.py");
    let python = std::env::var("RDPWHY_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let folder = case::named("showcase").evidence.laid_out();
    let out = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for command in ["diagnose", "timeline"] {
        let text = run(&[command, "--format", "timesketch-jsonl"], folder.path());
        let path = out.path().join(format!("{command}.jsonl"));
        std::fs::write(&path, &text).unwrap();
        files.push((path, text.lines().count()));
    }
    let bad = out.path().join("bad.jsonl");
    std::fs::write(&bad, "{\"message\": \"x\"}\n").unwrap();
    let read = |path: &Path| {
        let output = Command::new(&python).arg(&script).arg(path).output();
        output.ok().map(|o| {
            (
                o.status.code(),
                String::from_utf8_lossy(&o.stdout).trim().to_owned(),
            )
        })
    };
    for (path, lines) in files {
        match read(&path) {
            Some((Some(77), why)) => return println!("skipped: {why}"),
            Some((Some(0), count)) => assert_eq!(count, lines.to_string(), "{}", path.display()),
            None => return println!("skipped: {python} is not there"),
            other => panic!("{}: {other:?}", path.display()),
        }
    }
    assert!(read(&bad).is_some_and(|(status, _)| status == Some(1)));
}

/// One run, several files; the same text as when it is asked for alone.
#[test]
fn a_run_writes_as_many_forms_as_are_asked_for() {
    let folder = case::named("showcase").evidence.laid_out();
    let out = tempfile::tempdir().unwrap();
    let file = |name: &str| out.path().join(name);
    for (command, formats) in [
        (
            "diagnose",
            &[
                "ocsf",
                "ecs",
                "ecs-bulk",
                "splunk-hec",
                "hayabusa-csv",
                "timesketch-jsonl",
                "json",
                "markdown",
            ][..],
        ),
        (
            "timeline",
            &[
                "ecs",
                "splunk-hec",
                "hayabusa-csv",
                "timesketch-csv",
                "jsonl",
            ],
        ),
    ] {
        for redact in [false, true] {
            let mut args: Vec<OsString> = vec![command.into()];
            for format in formats {
                args.push("--export".into());
                let mut export = OsString::from(format!("{format}="));
                export.push(file(format));
                args.push(export);
            }
            args.extend(redact.then(|| "--redact".into()));
            args.push(folder.path().into());
            let run_of_all = rdpwhy(&args);
            assert!(run_of_all.out.contains("private-key-access-denied") || command == "timeline");
            for format in formats {
                let mut alone = vec![command, "--format", format];
                alone.extend(redact.then_some("--redact"));
                let written = std::fs::read_to_string(file(format)).unwrap();
                assert_eq!(written, run(&alone, folder.path()), "{alone:?}");
            }
        }
    }
    let wrong = rdpwhy(&["diagnose", "x", "--export", "yaml=x"]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.err.contains("splunk-hec"), "{}", wrong.err);
}
