//! The remedy of a cause as a script: each command a step, with dry run, backup, undo and check around it.

use std::collections::BTreeSet;

use rdpwhy_analyzer::knowledge::{Cause, Remedy};

use super::literal::{comment, literal};
use super::parameters::{self, Names, Parameter};
use super::template::filled;
use super::{LOOK, TESTS, effect};

const FIX: &str = include_str!("powershell/fix.ps1");

/// What the script is for.
pub struct Case<'a> {
    /// Id of the verdict, or of the cause.
    pub id: &'a str,
    /// The cause.
    pub cause: &'a Cause,
    /// Its remedy, as its file has it.
    pub remedy: &'a Remedy,
    /// Names of the case.
    pub names: Names,
}

/// Writes it.
pub fn script(case: &Case<'_>) -> String {
    let Case {
        id,
        cause,
        remedy,
        names,
    } = case;
    let parameters = parameters::of(remedy, &cause.host, names);
    let declared: Vec<String> = parameters
        .iter()
        .map(|p| format!(",\n    # {}\n    {}", comment(&p.says), p.declared()))
        .collect();
    let undo = remedy.undo.as_deref().unwrap_or_default().trim();
    let mut texts: Vec<&str> = remedy.commands.iter().map(String::as_str).collect();
    if is_command(undo) {
        texts.push(undo);
    }
    let run_host = match remedy.run_on.as_str() {
        "server" => names.server.as_deref(),
        "client" => names.client.as_deref(),
        _ => None,
    };
    let needed = |texts: &[&str]| {
        let used = |p: &&Parameter| texts.iter().any(|t| p.in_command(t));
        let checks: Vec<String> = parameters
            .iter()
            .filter(used)
            .map(Parameter::checked)
            .collect();
        checks.join("\n")
    };
    let sentence = |text: &str| literal(&plain(text, names));
    let header = format!(
        "# {}\n#\n# {}, made by rdpwhy {}.\n#\n#   .\\fix.ps1                 shows each step and changes nothing\n\
         #   .\\fix.ps1 -Apply          does it, asking before each change; -Confirm:$false does not ask\n\
         #   .\\fix.ps1 -Apply -WhatIf  says what it would ask\n#   .\\fix.ps1 -Undo -Apply    takes it back\n",
        comment(&cause.title),
        comment(id),
        env!("CARGO_PKG_VERSION"),
    );
    let body = filled(
        FIX,
        &[
            ("PARAMETERS", &declared.concat()),
            ("ID", &literal(id)),
            ("TITLE", &literal(&cause.title)),
            ("SUMMARY", &sentence(&remedy.summary)),
            ("RISK", &sentence(&remedy.risk)),
            ("UNDOTEXT", &sentence(undo)),
            ("VERIFY", &sentence(&remedy.verify)),
            ("RUNON", &literal(&remedy.run_on)),
            ("RUNHOST", &literal(run_host.unwrap_or_default())),
            ("KEYS", &list(&registry_keys(&texts))),
            ("SERVICES", &list(&services(&texts))),
            (
                "FIREWALL",
                truth(texts.iter().any(|t| t.contains("NetFirewallRule"))),
            ),
            (
                "KEYFILES",
                truth(texts.iter().any(|t| t.contains("MachineKeys"))),
            ),
            ("LOOK", LOOK),
            ("TESTS", TESTS),
            ("UNDO", &undoing(undo, &parameters, &needed(&[undo]))),
            (
                "CHECKS",
                &needed(
                    &remedy
                        .commands
                        .iter()
                        .map(String::as_str)
                        .collect::<Vec<_>>(),
                ),
            ),
            ("STEPS", &steps(&remedy.commands, &parameters)),
            ("AFTER", after(&remedy.run_on)),
        ],
    );
    format!("{header}{body}")
}

fn steps(commands: &[String], parameters: &[Parameter]) -> String {
    let lines: Vec<String> = (1..)
        .zip(commands)
        .map(|(n, c)| step(n, c, parameters, ""))
        .collect();
    lines.join("\n")
}

fn step(n: usize, command: &str, parameters: &[Parameter], indent: &str) -> String {
    let changes = truth(!effect::reads_only(command));
    let code = parameters
        .iter()
        .fold(command.trim().to_owned(), |c, p| p.put_into(&c));
    let mut code = parameters::quoted_words(&code);
    if code.starts_with("icacls") && code.ends_with(" /c") {
        code.push_str("\n# With /c it goes on where a file refuses, and has told which.\n$global:LASTEXITCODE = 0");
    }
    let code: Vec<String> = code.lines().map(|l| format!("{indent}    {l}")).collect();
    format!(
        "{indent}Invoke-Step {n} {} {changes} {{\n{}\n{indent}}}",
        literal(command.trim()),
        code.join("\n")
    )
}

fn undoing(undo: &str, parameters: &[Parameter], checks: &str) -> String {
    let mut lines = vec!["    if ($UndoText) { Write-Host ('Undo: {0}' -f $UndoText) }".to_owned()];
    if is_command(undo) {
        lines.extend(checks.lines().map(|l| format!("    {l}")));
        lines.extend(
            (1..)
                .zip(undo.split("; "))
                .map(|(n, c)| step(n, c, parameters, "    ")),
        );
    } else {
        lines.push(
            "    Write-Host ('What was there before the changes lies in {0}' -f $Backup)"
                .to_owned(),
        );
    }
    lines.join("\n")
}

/// A way back is a sentence, which ends as one, or a command to paste.
pub fn is_command(undo: &str) -> bool {
    !undo.is_empty() && !undo.ends_with('.')
}

/// What tells, on that side, whether it worked.
fn after(run_on: &str) -> &'static str {
    match run_on {
        "server" => "Write-Host 'As it is now:'\nTest-RdpServer\nShow-Results",
        "client" => "Write-Host 'As it is now:'\nTest-RdpClock\nShow-Results",
        _ => "",
    }
}

/// A text of a cause file with the names of the case.
fn plain(text: &str, names: &Names) -> String {
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    rdpwhy_analyzer::command::fill_text(&one_line, |name| match name {
        "server" | "host" => names.server.clone(),
        "client" => names.client.clone(),
        "user" => names.user.clone(),
        _ => None,
    })
}

/// Keys that commands name, as `reg.exe` writes them.
fn registry_keys(commands: &[&str]) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for command in commands {
        for hive in ["HKLM", "HKCU"] {
            let mut rest = *command;
            while let Some(at) = rest.find(hive) {
                let from = rest.get(at..).unwrap_or_default();
                let end = from.find(['"', '\'', ',']).unwrap_or(from.len());
                let key = from.get(..end).unwrap_or_default().replacen(":\\", "\\", 1);
                if key.contains('\\') && !effect::reads_only(command) {
                    keys.insert(key);
                }
                rest = from.get(end.max(1)..).unwrap_or_default();
            }
        }
    }
    keys
}

/// Services that commands start, stop or set.
fn services(commands: &[&str]) -> BTreeSet<String> {
    const KNOWN: [&str; 8] = [
        "Audiosrv",
        "CryptSvc",
        "KeyIso",
        "SessionEnv",
        "TermService",
        "UmRdpService",
        "Tssdis",
        "CertPropSvc",
    ];
    let changing = commands.iter().filter(|c| !effect::reads_only(c));
    let words = changing.flat_map(|c| c.split(|c: char| !c.is_alphanumeric()));
    words
        .filter(|w| KNOWN.contains(w))
        .map(str::to_owned)
        .collect()
}

fn list(items: &BTreeSet<String>) -> String {
    items
        .iter()
        .map(|i| literal(i))
        .collect::<Vec<_>>()
        .join(", ")
}

fn truth(yes: bool) -> &'static str {
    if yes { "$true" } else { "$false" }
}
