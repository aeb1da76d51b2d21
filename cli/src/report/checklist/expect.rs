//! What Windows' own tools say when a command went well.

/// What to expect of a command.
pub struct Expected {
    /// In words.
    pub words: &'static str,
    /// Whether the command changes nothing.
    pub reads_only: bool,
}

/// Beginnings of commands, the longer ones first; whether they change nothing; what they say.
const TOOLS: &[(&str, bool, &str)] = &[
    (
        "icacls",
        false,
        "\"Successfully processed … files; Failed processing 0 files\".",
    ),
    ("takeown", false, "\"SUCCESS\" for the file."),
    ("reg query", true, "The value is listed."),
    ("reg ", false, "\"The operation completed successfully.\""),
    ("sc query", true, "STATE is RUNNING."),
    ("sc ", false, "\"[SC] … SUCCESS\"."),
    ("netsh ", false, "\"Ok.\""),
    (
        "gpupdate",
        false,
        "\"Computer Policy update has completed successfully.\"",
    ),
    ("gpresult", true, "The policies that apply are listed."),
    (
        "w32tm /query",
        true,
        "A source other than \"Local CMOS Clock\".",
    ),
    ("w32tm /stripchart", true, "Offsets below some seconds."),
    ("w32tm", false, "\"The command completed successfully.\""),
    ("certutil", false, "\"command completed successfully\"."),
    ("klist purge", false, "\"Ticket(s) purged!\""),
    ("klist", true, "The tickets are listed."),
    ("nltest", true, "\"The command completed successfully\"."),
    ("ipconfig", false, "The command ends without an error."),
    ("ping", true, "Answers from the address."),
    ("pktmon", false, "The command ends without an error."),
    ("wevtutil", false, "No output, and the file is there."),
    (
        "restart-service",
        false,
        "The prompt comes back without red text; Get-Service says Running.",
    ),
    (
        "start-service",
        false,
        "The prompt comes back without red text; Get-Service says Running.",
    ),
    (
        "stop-service",
        false,
        "The prompt comes back without red text; Get-Service says Stopped.",
    ),
    ("test-netconnection", true, "TcpTestSucceeded : True"),
    ("resolve-dnsname", true, "The server's address."),
    ("get-", true, "A list without red text."),
    ("test-", true, "True."),
    ("query ", true, "The sessions are listed."),
    ("qwinsta", true, "The listener rdp-tcp is in state Listen."),
];

/// What the first line of a command is expected to say.
pub fn of(command: &str) -> Expected {
    let line = command
        .trim()
        .lines()
        .next()
        .unwrap_or_default()
        .trim_start()
        .to_ascii_lowercase();
    TOOLS
        .iter()
        .find(|(tool, _, _)| line.starts_with(tool))
        .map_or(
            Expected {
                words: "The prompt comes back without an error.",
                reads_only: false,
            },
            |(_, reads_only, words)| Expected {
                words,
                reads_only: *reads_only,
            },
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_beginnings_come_first() {
        for (n, (tool, _, _)) in TOOLS.iter().enumerate() {
            assert!(
                !TOOLS.iter().take(n).any(|(t, _, _)| tool.starts_with(t)),
                "{tool}"
            );
        }
        assert!(of("reg query HKLM\\x").reads_only);
        assert!(!of("REG ADD x").reads_only);
        assert!(!of("Frobnicate").reads_only);
    }
}
