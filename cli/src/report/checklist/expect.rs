//! What Windows' own tools say when a command went well.

use crate::script::effect;

/// What to expect of a command.
pub struct Expected {
    /// In words.
    pub words: &'static str,
    /// Whether the command changes nothing.
    pub reads_only: bool,
}

/// Beginnings of commands, the longer ones first, and what they say.
const TOOLS: &[(&str, &str)] = &[
    (
        "icacls",
        "\"Successfully processed … files; Failed processing 0 files\".",
    ),
    ("takeown", "\"SUCCESS\" for the file."),
    ("reg query", "The value is listed."),
    ("reg ", "\"The operation completed successfully.\""),
    ("sc query", "STATE is RUNNING."),
    ("sc ", "\"[SC] … SUCCESS\"."),
    ("netsh ", "\"Ok.\""),
    (
        "gpupdate",
        "\"Computer Policy update has completed successfully.\"",
    ),
    ("gpresult", "The policies that apply are listed."),
    ("w32tm /query", "A source other than \"Local CMOS Clock\"."),
    ("w32tm /stripchart", "Offsets below some seconds."),
    ("w32tm", "\"The command completed successfully.\""),
    ("certutil", "\"command completed successfully\"."),
    ("klist purge", "\"Ticket(s) purged!\""),
    ("klist", "The tickets are listed."),
    ("nltest", "\"The command completed successfully\"."),
    ("ipconfig", "The command ends without an error."),
    ("ping", "Answers from the address."),
    ("pktmon", "The command ends without an error."),
    ("wevtutil", "No output, and the file is there."),
    (
        "restart-service",
        "The prompt comes back without red text; Get-Service says Running.",
    ),
    (
        "start-service",
        "The prompt comes back without red text; Get-Service says Running.",
    ),
    (
        "stop-service",
        "The prompt comes back without red text; Get-Service says Stopped.",
    ),
    ("test-netconnection", "TcpTestSucceeded : True"),
    ("resolve-dnsname", "The server's address."),
    ("get-", "A list without red text."),
    ("test-", "True."),
    ("query ", "The sessions are listed."),
    ("qwinsta", "The listener rdp-tcp is in state Listen."),
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
    let words = TOOLS
        .iter()
        .find(|(tool, _)| line.starts_with(tool))
        .map_or("The prompt comes back without an error.", |(_, words)| {
            words
        });
    Expected {
        words,
        reads_only: effect::reads_only(command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_beginnings_come_first() {
        for (n, (tool, _)) in TOOLS.iter().enumerate() {
            assert!(
                !TOOLS.iter().take(n).any(|(t, _)| tool.starts_with(t)),
                "{tool}"
            );
        }
        assert!(of("reg query HKLM\\x").reads_only);
        assert!(!of("REG ADD x").reads_only);
        assert!(!of("Frobnicate").reads_only);
    }
}
