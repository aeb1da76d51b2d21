//! `rdpwhy script`: every script parses, and names from the evidence are strings in it and nothing else.
//!
//! PowerShell's own parser is asked where `pwsh` is installed; a grammar of PowerShell always is.

use std::fs;
use std::process::Command;

use tempfile::TempDir;
use tree_sitter::{Node, Parser};

use crate::case;
use crate::program::{diagnose, knowledge, list, rdpwhy, text};

/// Stands at the beginning of every name, so that each of its places can be found.
const MARK: &str = "ZQX";

/// Names that would do something if they ever stood outside a string, or could end one.
const NAMES: &[&str] = &[
    "plain",
    "'; Remove-Item C:\\ -Recurse; '",
    "\"; calc; \"",
    "$(calc)",
    "`\" | calc #",
    "\u{2019}; calc; \u{2019}",
    "\u{201c}; calc; \u{201d}\u{201a}\u{201b}",
    "a\r\ncalc\r\n",
    "#> calc <#",
    "#STEPS##LOOK#",
    "@'\ncalc\n'@",
    "\0\u{1b}[2J\u{85}\u{2028}calc",
    "${env:PATH}; & calc",
    "{server}{user}",
    "-Recurse -Force",
];

fn tree(script: &str) -> tree_sitter::Tree {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_powershell::LANGUAGE.into())
        .expect("the grammar fits");
    parser.parse(script, None).expect("parsed")
}

/// The first place that is no PowerShell.
fn mistake(node: Node<'_>, script: &str) -> Option<String> {
    if node.is_error() || node.is_missing() {
        let line = node.start_position().row;
        let around: Vec<&str> = script
            .lines()
            .skip(line.saturating_sub(1))
            .take(3)
            .collect();
        return Some(format!("line {}: {}", line + 1, around.join("\n")));
    }
    if !node.has_error() {
        return None;
    }
    let mut cursor = node.walk();
    node.children(&mut cursor).find_map(|n| mistake(n, script))
}

/// Parses it with the grammar, and with PowerShell where that is installed; says what is wrong.
fn mistakes(scripts: &[(String, String)]) -> Vec<String> {
    let mut found: Vec<String> = scripts
        .iter()
        .filter_map(|(name, script)| {
            let told = mistake(tree(script).root_node(), script)?;
            Some(format!("{name}: {told}"))
        })
        .collect();
    if Command::new("pwsh").arg("-Version").output().is_err() {
        eprintln!("skipped: parsing scripts with PowerShell itself: pwsh is not installed");
        return found;
    }
    let folder = TempDir::new().unwrap();
    for (name, script) in scripts {
        fs::write(folder.path().join(format!("{name}.ps1")), script).unwrap();
    }
    let check = "Get-ChildItem -LiteralPath $args[0] -Filter *.ps1 | ForEach-Object { $e = $null; \
        [void][Management.Automation.Language.Parser]::ParseFile($_.FullName, [ref]$null, [ref]$e); \
        foreach ($x in $e) { '{0}: {1}: {2}' -f $_.Name, $x.Extent.StartLineNumber, $x.Message } }";
    let output = Command::new("pwsh")
        .args(["-NoProfile", "-NonInteractive", "-Command"])
        .arg(format!("& {{ {check} }} '{}'", folder.path().display()))
        .output()
        .unwrap();
    found.extend(
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned),
    );
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    found
}

#[test]
fn the_scripts_of_all_causes_parse() {
    let mut scripts =
        rdpwhy::script::remedies(knowledge(), ["SRV1.corp.example", "10.2.8.7", "CORP\\ana"]);
    assert_eq!(
        scripts.len(),
        knowledge()
            .causes
            .iter()
            .filter(|c| c.remedy.is_some())
            .count()
    );
    assert!(scripts.len() >= 57);
    for what in ["--collect", "--diagnose"] {
        let run = rdpwhy(&["script", what]);
        assert_eq!((run.status, run.err.as_str()), (0, ""));
        scripts.push((what.trim_start_matches('-').to_owned(), run.out));
    }
    assert_eq!(mistakes(&scripts), Vec::<String>::new());
}

#[test]
fn a_script_that_is_none_is_told() {
    let broken = [("x".to_owned(), "if ($a { Write-Host 'b }".to_owned())];
    assert!(!mistakes(&broken).is_empty());
}

/// Where a name stands, by the kind of the innermost node around it.
fn places<'a>(node: Node<'a>, script: &str, found: &mut Vec<(&'a str, usize)>) {
    let mut cursor = node.walk();
    let inside: Vec<Node<'a>> = node.children(&mut cursor).collect();
    for (at, _) in script.match_indices(MARK) {
        let here = node.start_byte() <= at && at < node.end_byte();
        if here
            && !inside
                .iter()
                .any(|c| c.start_byte() <= at && at < c.end_byte())
        {
            found.push((node.kind(), node.start_position().row));
        }
    }
    for child in inside {
        if script
            .get(child.byte_range())
            .is_some_and(|t| t.contains(MARK))
        {
            places(child, script, found);
        }
    }
}

#[test]
fn names_are_strings_and_nothing_else() {
    let plain = rdpwhy::script::remedies(knowledge(), ["A", "B", "C"]);
    let mut places_seen = 0;
    for hostile in NAMES {
        let name = format!("{MARK}{hostile}");
        for (id, script) in rdpwhy::script::remedies(knowledge(), [&name, &name, &name]) {
            assert!(script.is_ascii(), "{id}");
            let tree = tree(&script);
            assert_eq!(
                mistake(tree.root_node(), &script),
                None,
                "{id}, {hostile:?}"
            );
            let mut found = Vec::new();
            places(tree.root_node(), &script, &mut found);
            for (kind, line) in &found {
                assert_eq!(
                    *kind,
                    "verbatim_string_characters",
                    "{id}, {hostile:?}: {:?}",
                    script.lines().nth(*line)
                );
            }
            places_seen += found.len();
            // The commands are the same whatever the names are.
            let plain = &plain.iter().find(|(other, _)| *other == id).unwrap().1;
            let commands = |script: &str| -> Vec<String> {
                let steps = script
                    .lines()
                    .skip_while(|l| *l != "if ($Apply) { Save-Before }");
                steps.map(str::to_owned).collect()
            };
            assert_eq!(commands(&script), commands(plain), "{id}, {hostile:?}");
        }
    }
    assert!(places_seen > 1000, "{places_seen}");
}

#[test]
fn what_changes_something_is_a_step_that_asks() {
    for (id, script) in rdpwhy::script::remedies(knowledge(), ["A", "B", "C"]) {
        for (n, line) in script.lines().enumerate() {
            let changing = [
                "reg add",
                "reg delete",
                "Restart-",
                "Stop-",
                "Remove-Item",
                "icacls",
                "Set-",
            ];
            let inside = line.starts_with("    ") && !line.starts_with("     ");
            let from = script.lines().nth(n.saturating_sub(1)).unwrap_or_default();
            if from.starts_with("Invoke-Step")
                && inside
                && changing.iter().any(|c| line.trim().starts_with(c))
            {
                assert!(from.ends_with("$true {"), "{id}: {from}");
            }
        }
    }
}

#[test]
fn a_verdict_gives_its_names() {
    let showcase = concat!(env!("CARGO_MANIFEST_DIR"), "/../fixtures/showcase");
    let json = diagnose(&[showcase], &["--format", "json"]).report();
    let verdicts = list(&json, "/verdicts");
    let guesser = verdicts
        .iter()
        .find(|v| text(v, "/cause") == "wrong-credentials")
        .unwrap();
    let run = rdpwhy(&["script", "--fix", text(guesser, "/id"), showcase]);
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    assert!(
        run.out.contains("$Server = 'RDS07.corp.example'"),
        "{}",
        run.out
    );
    assert!(
        run.out.contains("cmdkey \"/delete:TERMSRV/${Server}\""),
        "{}",
        run.out
    );
    let run = rdpwhy(&["script", "--diagnose", showcase]);
    assert!(
        run.out.contains("[string] $Server = 'RDS07.corp.example'"),
        "{}",
        run.out
    );
}

#[test]
fn without_a_cause_there_is_nothing_to_mend() {
    let evidence = case::named("missing-system-log").evidence.laid_out();
    let folder = evidence.path().to_str().unwrap();
    let json = diagnose(&[folder], &["--format", "json"]).report();
    let id = text(&list(&json, "/verdicts")[0], "/id");
    for (asked, said) in [
        (id, "names no cause"),
        ("v-000000000000", "is no verdict of this evidence"),
        ("private-key-access-denied-x", "is no cause"),
    ] {
        let run = rdpwhy(&["script", "--fix", asked, folder]);
        assert_eq!((run.status, run.out.as_str()), (2, ""), "{asked}");
        assert!(run.err.contains(said), "{asked}: {}", run.err);
    }
}
