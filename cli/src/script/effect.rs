//! Whether a command of a remedy changes anything.

/// Cmdlets that only look, by their verb; whatever else a pipeline holds counts as a change.
const READING_VERBS: [&str; 13] = [
    "get-",
    "test-",
    "resolve-",
    "select-",
    "sort-",
    "where-",
    "format-",
    "measure-",
    "group-",
    "foreach-",
    "import-module",
    "out-",
    "compare-",
];

/// Programs that only look, with the beginning of what they are told; nothing after the name: whatever they are told.
const READING_PROGRAMS: [(&str, &[&str]); 22] = [
    ("arp", &["-a"]),
    (
        "certutil",
        &[
            "-scinfo",
            "-dcinfo",
            "-url",
            "-verify",
            "-template",
            "-config - -ping",
        ],
    ),
    ("change", &["logon /query"]),
    ("cmdkey", &["/list"]),
    ("fltmc", &["filters"]),
    ("gpresult", &["/scope", "/r"]),
    ("ipconfig", &["/all", "/displaydns"]),
    ("klist", &["get", "tickets"]),
    (
        "netsh",
        &[
            "interface portproxy show",
            "interface ipv4 show",
            "int ipv4 show",
            "winhttp show",
            "wlan show",
        ],
    ),
    ("nltest", &["/dsgetdc", "/sc_query"]),
    ("pathping", &[]),
    ("ping", &[]),
    ("qwinsta", &[]),
    ("query", &[]),
    ("quser", &[]),
    ("reg", &["query"]),
    ("sc", &["query", "qc"]),
    ("setspn", &["-q", "-l"]),
    ("tracert", &[]),
    ("w32tm", &["/query", "/stripchart", "/monitor"]),
    ("wevtutil", &["gl", "gli", "qe"]),
    ("whoami", &[]),
];

/// Whether running it leaves the machine as it was. What is not known changes something.
pub fn reads_only(command: &str) -> bool {
    parts(command).iter().all(|part| {
        let part = part.trim().trim_start_matches('(').to_ascii_lowercase();
        if part.is_empty() {
            return true;
        }
        if part.contains("-repair") || part.contains("invoke-") || part.contains(" -credential") {
            return false;
        }
        if READING_VERBS.iter().any(|verb| part.starts_with(verb)) {
            return true;
        }
        let (name, told) = part.split_once(' ').unwrap_or((&part, ""));
        let name = name.strip_suffix(".exe").unwrap_or(name);
        READING_PROGRAMS.iter().any(|(program, looks)| {
            *program == name
                && (looks.is_empty() || looks.iter().any(|l| told.trim().starts_with(l)))
        })
    })
}

/// The commands of a line: what stands between `|` and `;`, outside quotes.
fn parts(command: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut quote) = (0, None);
    for (at, c) in command.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '|' | ';' | '\n') => {
                parts.extend(command.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.extend(command.get(start..));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_is_as_harmless_as_its_worst_part() {
        for looks in [
            "Get-Service A, B | Format-Table Name",
            "reg query HKLM\\x",
            "query session",
            "netsh.exe interface ipv4 show subinterfaces",
            "(Get-ADUser (\"x\".Split(\"|\")[-1]) -Properties a).a.Count",
            "Get-Date; w32tm /query /status",
        ] {
            assert!(reads_only(looks), "{looks}");
        }
        for changes in [
            "Get-ChildItem 'Cert:\\x' | Remove-Item",
            "Get-Date; w32tm /resync",
            "REG ADD x",
            "Test-ComputerSecureChannel -Repair -Credential (Get-Credential)",
            "(Get-Content a) -replace \"b\", \"c\" | Set-Content a",
            "Frobnicate",
            "logoff 3",
        ] {
            assert!(!reads_only(changes), "{changes}");
        }
    }
}
