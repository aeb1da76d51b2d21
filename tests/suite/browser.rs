//! The report in a real browser: Chromium, driven by the scripts of `tests/browser` through playwright-core.
//!
//! Where one of them is missing these tests say so and pass; with `RDPWHY_BROWSER=required` in the environment, which the
//! build server sets, they fail instead.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use rdpwhy::render::Style;
use rdpwhy_analyzer::report::{Alternative, Remedy, VerdictReport};
use rdpwhy_analyzer::{Options, Report, Silent, command};
use tempfile::TempDir;

use crate::case::{self, Evidence};
use crate::program::{diagnose, knowledge, list, rdpwhy};

/// What drives the pages: node, the folder that playwright-core lies in, Chromium.
struct Browser {
    chromium: PathBuf,
    modules: PathBuf,
}

impl Browser {
    /// None, said on standard error, where something is missing.
    fn find(test: &str) -> Option<Self> {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("browser");
        let modules = std::env::var_os("RDPWHY_PLAYWRIGHT").map_or(scripts, PathBuf::from);
        let mut missing = Vec::new();
        if in_path(&["node"]).is_none() {
            missing.push("node");
        }
        if !modules.join("node_modules/playwright-core").is_dir() {
            missing.push("playwright-core (npm ci in tests/browser)");
        }
        let chromium = std::env::var_os("RDPWHY_CHROMIUM")
            .map(PathBuf::from)
            .or_else(|| in_path(&["chromium", "chromium-browser", "google-chrome"]));
        if chromium.is_none() {
            missing.push("chromium");
        }
        if missing.is_empty() {
            return chromium.map(|chromium| Self { chromium, modules });
        }
        let missing = missing.join(", ");
        assert!(
            std::env::var_os("RDPWHY_BROWSER").is_none_or(|v| v != "required"),
            "{test} needs {missing}"
        );
        eprintln!("skipped: {test}: not installed: {missing}");
        None
    }

    /// Runs a script; every check in it has to hold, and there have to be that many. Returns the figures it tells.
    fn run(&self, script: &str, args: &[&str], checks: usize) -> BTreeMap<String, f64> {
        let output = Command::new("node")
            .arg(
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("browser")
                    .join(script),
            )
            .args(args)
            .env("RDPWHY_PLAYWRIGHT", &self.modules)
            .env("RDPWHY_CHROMIUM", &self.chromium)
            .output()
            .expect("node runs");
        let out = String::from_utf8_lossy(&output.stdout);
        let err = String::from_utf8_lossy(&output.stderr);
        let failed: Vec<&str> = out.lines().filter(|l| l.starts_with("FAILED")).collect();
        assert!(
            failed.is_empty() && output.status.success(),
            "{script}: {failed:#?}\n{err}"
        );
        let held = out.lines().filter(|l| l.starts_with("ok ")).count();
        assert!(held >= checks, "{script}: only {held} checks were made");
        out.lines()
            .filter_map(|l| {
                let (name, value) = l.strip_prefix("figure ")?.split_once(' ')?;
                Some((name.to_owned(), value.parse().ok()?))
            })
            .collect()
    }
}

fn in_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let all = names
        .iter()
        .flat_map(|n| folders.iter().map(move |f| f.join(n)));
    all.into_iter().find(|p| p.is_file())
}

/// Writes the report on a folder; the number of its events, which another command tells.
fn report(evidence: &Path, to: &Path) -> usize {
    let evidence = evidence.to_str().unwrap();
    let run = rdpwhy(&["report", evidence, "-o", to.to_str().unwrap()]);
    assert!(run.err.is_empty(), "{}", run.err);
    let events = rdpwhy(&["timeline", evidence, "--format", "jsonl"]);
    events.out.lines().count()
}

fn showcase() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/showcase")
}

#[test]
fn the_report_works_as_a_person_uses_it() {
    let Some(browser) = Browser::find("the report in a browser") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("report.html");
    let events = report(&showcase(), &file);
    let json = diagnose(&[showcase()], &["--format", "json"]).report();
    let attempts = list(&json, "/attempts").len();
    let args = [
        file.to_str().unwrap(),
        &events.to_string(),
        &attempts.to_string(),
    ];
    browser.run("report.mjs", &args, 60);
}

#[test]
fn names_that_mean_harm_are_text() {
    let Some(browser) = Browser::find("hostile names in a browser") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let evidence = case::named("hostile-names").evidence.laid_out();
    let page = folder.path().join("report.html");
    report(evidence.path(), &page);
    let sheets = folder.path().join("checklist.html");
    let run = rdpwhy(&[
        "report",
        evidence.path().to_str().unwrap(),
        "--checklist",
        "-o",
        sheets.to_str().unwrap(),
    ]);
    assert_eq!((run.status, run.err.as_str()), (1, ""));
    browser.run("hostile.mjs", &[page.to_str().unwrap()], 7);
    // A checklist names the host.
    let text = fs::read_to_string(&sheets).unwrap();
    assert!(text.contains("&lt;b onclick=pwned=1&gt;"), "{text}");
    assert!(!text.contains("<b on"), "{text}");
}

/// A hundred thousand events: sessions, as a busy server has them.
const BUSY: &str = r#"
title = "A busy server"
day = "2026-11-21"
covers = ["00:00", "23:30"]
capture = "server"

[host.server]
name = "SRV1.corp.example"
ip = "10.2.1.11"
role = "server"

[host.client]
name = "WS7.corp.example"
ip = "10.2.8.7"
role = "client"
hops = 1

[[attempt]]
at = "00:10:00"
port = 20000
story = "session"
lasts_s = 40
times = 1130
every_s = 70

[[attempt]]
at = "22:20:00"
port = 40000
story = "key-inaccessible"
times = 500
every_s = 8
"#;

#[test]
fn a_hundred_thousand_events_stay_smooth() {
    let Some(browser) = Browser::find("a large report in a browser") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("report.html");
    let evidence = Evidence::described(BUSY).laid_out();
    let events = report(evidence.path(), &file);
    assert!(events >= 100_000, "{events} events");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&fs::read(&file).unwrap()).unwrap();
    let bytes = gzip.finish().unwrap().len();
    assert!(bytes < 2 * 1024 * 1024, "{bytes} bytes, gzipped");
    let args = [file.to_str().unwrap(), &events.to_string()];
    let figures = browser.run("large.mjs", &args, 5);
    eprintln!("{events} events, {bytes} bytes gzipped, {figures:?}");
}

/// A verdict of each cause, with names that are longer than most.
fn every_cause() -> Report {
    let evidence = &case::named("private-key-access-denied").evidence;
    let options = Options {
        threads: Some(1),
        ..Options::default()
    };
    let mut report =
        rdpwhy_analyzer::analyze(evidence.sources(), &[], knowledge(), &options, &Silent).unwrap();
    let pattern = report.verdicts.first().expect("a verdict").clone();
    let names = |name: &str| {
        Some(match name {
            "user" => "CORPORATE\\anastasia.papadopoulou-admin".to_owned(),
            side => format!("remote-desktop-{side}-0417.subsidiary.corp.example"),
        })
    };
    report.verdicts = knowledge()
        .causes
        .iter()
        .map(|cause| VerdictReport {
            id: format!("v-{}", cause.id),
            cause: Some(cause.id.clone()),
            title: cause.title.clone(),
            host: names("server"),
            alternatives: cause
                .similar
                .iter()
                .map(|s| Alternative {
                    cause: s.cause.clone(),
                    title: s.cause.clone(),
                    confidence: None,
                    why_not: s.tell.clone(),
                })
                .collect(),
            remedy: cause.remedy.as_ref().map(|r| Remedy {
                summary: command::fill_text(&r.summary, names),
                run_on: r.run_on.clone(),
                host: names(&r.run_on),
                commands: r.commands.iter().map(|c| command::fill(c, names)).collect(),
                risk: command::fill_text(&r.risk, names),
                undo: r.undo.as_ref().map(|u| command::fill(u, names)),
                verify: command::fill_text(&r.verify, names),
            }),
            ..pattern.clone()
        })
        .collect();
    report
}

#[test]
fn the_checklist_of_every_cause_is_one_page() {
    let Some(browser) = Browser::find("checklists in a browser") else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("checklists.html");
    let report = every_cause();
    assert!(report.verdicts.len() >= 57);
    fs::write(
        &file,
        rdpwhy::report::checklists(&report, &Style::default()),
    )
    .unwrap();
    // A verdict without a cause has a list too: what to collect.
    let open = folder.path().join("open.html");
    let evidence = case::named("missing-system-log").evidence.laid_out();
    rdpwhy(&[
        "report",
        evidence.path().to_str().unwrap(),
        "--checklist",
        "-o",
        open.to_str().unwrap(),
    ]);
    let files = [file.to_str().unwrap(), open.to_str().unwrap()];
    browser.run("checklists.mjs", &files, 16);
}
