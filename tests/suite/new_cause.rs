//! A root cause is data: what CONTRIBUTING.md promises, done with a folder of one file.

use std::fs;

use tempfile::TempDir;

use crate::case;
use crate::program::{list, rdpwhy, text};

const CASE: &str = "domain-controller-unreachable";
const CAUSE: &str = r#"
id = "no-logon-server"
title = "No logon server answers"
side = "directory"
host = "server"
severity = "failure"
summary = "{server} has no logon server for {user}."
refines = ["domain-controller-unreachable"]
yields = "no"

[[required]]
says = "the connection ended before a session"
fact = "outcome"
is = "failed"

[[required]]
says = "logon of {user} refused: {sub_status}"
event = "logon.failed"
where = { sub_status = "0xc000005e" }
statement = true

[remedy]
run_on = "server"
summary = "Bring a logon server back."
verify = "A logon works."
"#;

fn folder(text: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("credssp")).unwrap();
    fs::write(folder.path().join("credssp/no-logon-server.toml"), text).unwrap();
    folder
}

#[test]
fn one_file_makes_a_cause() {
    let knowledge = folder(CAUSE);
    let knowledge = knowledge.path().to_str().unwrap();
    let run = rdpwhy(&["knowledge", "check", knowledge]);
    assert_eq!(run.status, 0, "{}", run.err);
    assert!(run.out.contains("no-logon-server"), "{}", run.out);

    let case = case::all().iter().find(|c| c.name == CASE).unwrap();
    let evidence = case.evidence.laid_out();
    let path = evidence.path().to_str().unwrap();
    let json = ["diagnose", path, "--format", "json"];
    let before = rdpwhy(&json).report();
    assert_eq!(text(&before, "/verdicts/0/cause"), CASE);
    let after = [&json[..], &["--knowledge", knowledge, "--why-not", CASE]].concat();
    let after = rdpwhy(&after).report();
    assert_eq!(text(&after, "/verdicts/0/cause"), "no-logon-server");
    // The more general one steps behind, and the log of the reasoning says so.
    let reasoned = list(&after, "/reasoning/attempts");
    assert!(!reasoned.is_empty());
    assert!(reasoned.iter().all(|r| text(r, "/conclusion") == "behind"));
}

#[test]
fn mistakes_are_told_all_at_once() {
    let wrong = CAUSE
        .replace("\"directory\"", "\"nobody\"")
        .replace("logon.failed", "logon.faild")
        .replace("unreachable\"]", "unreachabel\"]");
    let knowledge = folder(&wrong);
    let path = knowledge.path().to_str().unwrap();
    for args in [
        vec!["knowledge", "check", path],
        vec!["diagnose", path, "--knowledge", path],
    ] {
        let run = rdpwhy(&args);
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{args:?}");
        for word in [
            "no-logon-server.toml:4: nobody",
            "no-logon-server.toml:18: ",
            "logon.failed",
        ] {
            assert!(run.err.contains(word), "{word} is not in {}", run.err);
        }
    }
}

#[test]
fn the_template_is_a_beginning() {
    let run = rdpwhy(&["knowledge", "template"]);
    assert!(run.status == 0 && run.out.contains("[[required]]"));
}
