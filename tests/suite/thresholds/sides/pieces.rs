//! Pieces of descriptions that put a case on one side of a number.

pub(super) const SERVER: &str = "role = \"server\"";
/// A server of which the System log is all that was collected.
pub(super) const ONLY_SYSTEM: &str = r#"role = "server"
missing_logs = [
  "Security",
  "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational",
  "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
  "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
]"#;
pub(super) const BEFORE: &str = "[[noise]]\nkind = \"services\"";
/// The service could not make a certificate either: access denied.
pub(super) const NO_CERTIFICATE: &str = r#"[[record]]
at = "09:00:00"
source = "rcm-system"
id = 1057
fields = [["Data", "Access is denied."]]
binary = "0500078000000000"

[[noise]]
kind = "services""#;

pub(super) const NO_SECURITY: &str = "role = \"server\"\nmissing_logs = [\"Security\"]";
/// Others who get in before and after.
pub(super) const COLLEAGUES: &str = r#"[[attempt]]
at = "09:59:30"
port = 50140
story = "session"
lasts_s = 600
client = "colleague"
user = 'CORP\ben'

[[attempt]]
at = "10:01:40"
port = 50141
story = "session"
lasts_s = 600
client = "colleague"
user = 'CORP\ben'

[host.colleague]
name = "WS9.corp.example"
ip = "10.2.1.9"
role = "client"
hops = 1

[[noise]]
kind = "services""#;
pub(super) const CRASHED_AGAIN: &str = r#"[[record]]
at = "09:40:00"
source = "scm"
id = 7031
fields = [["param1", "Cryptographic Services"], ["param2", "2"], ["param3", "60000"], ["param4", "1"], ["param5", "Restart the service"]]
binary_text = "CryptSvc"

[[noise]]
kind = "services""#;
pub(super) const ONE_MORE_TIMEOUT: &str = r#"[[record]]
at = "10:00:20"
source = "scm"
id = 7011
fields = [["param1", "30000"], ["param2", "ProfSvc"]]

[[noise]]
kind = "services""#;
pub(super) const TWO_MORE_TIMEOUTS: &str = r#"[[record]]
at = "10:00:20"
source = "scm"
id = 7011
fields = [["param1", "30000"], ["param2", "ProfSvc"]]

[[record]]
at = "10:00:30"
source = "scm"
id = 7011
fields = [["param1", "30000"], ["param2", "Winmgmt"]]

[[noise]]
kind = "services""#;

/// Logons of others are refused that often within the minute.
pub(super) const REFUSED: &str = r#"[[attempt]]
at = "10:00:20"
port = 50200
story = "logon-refused"
client = "flood"
user = 'CORP\admin'
times = 11
every_s = 2
code = 0xc000006a

[[noise]]
kind = "services""#;
/// The same machine tries a second name, and a third.
pub(super) const SECOND_NAME: &str = r#"[[attempt]]
at = "10:02:00"
port = 50200
story = "logon-refused"
user = 'CORP\ben'
code = 0xc000006a

[[noise]]
kind = "services""#;
pub(super) const SECOND_AND_THIRD_NAME: &str = r#"[[attempt]]
at = "10:02:00"
port = 50200
story = "logon-refused"
user = 'CORP\ben'
code = 0xc000006a

[[attempt]]
at = "10:02:40"
port = 50210
story = "logon-refused"
user = 'CORP\eva'
code = 0xc000006a

[[noise]]
kind = "services""#;
/// Strangers who open and say nothing.
pub(super) const STRANGERS: &str = r#"[[attempt]]
at = "09:58:00"
port = 31000
story = "connect-only"
client = "stranger"
user = "none"
times = 110
every_s = 4

[host.stranger]
name = "knocker.invalid"
ip = "203.0.113.50"
role = "outsider"
hops = 14

[[noise]]
kind = "services""#;
/// The session had a UDP channel.
pub(super) const WITH_UDP: &str = r#"ends = "lost"

[[attempt.record]]
after_ms = 1900
source = "rdpcorets"
id = 135
fields = [["TunnelID", 3], ["TransportType", "UDP"]]"#;
/// Two licensing records of the kind, and no connection in the evidence.
pub(super) const NOTHING_BUT_ADMIN: &str = r#"role = "server"
missing_logs = [
  "System",
  "Security",
  "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational",
  "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
  "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
]"#;
pub(super) const CLIENT: &str = "role = \"client\"";
pub(super) const NO_CLIENT_LOG: &str = "role = \"client\"\nmissing_logs = [\"System\", \"Microsoft-Windows-TerminalServices-RDPClient/Operational\"]";
pub(super) const CAPTURE: &str = "capture = \"server\"\n";

/// Somebody takes the connection and closes it; the service never saw it, and nothing else is wrong with the server.
pub(super) const RELAY_CLOSES_LATE: [(&str, &str); 3] = [
    ("id = 2004", "id = 2005"),
    ("id = 7011", "id = 7012"),
    (
        "story = \"slow-answer\"",
        "story = \"not-accepted\"\nwaits_ms = 110",
    ),
];
pub(super) const RELAY_CLOSES_SOON: [(&str, &str); 3] = [
    ("id = 2004", "id = 2005"),
    ("id = 7011", "id = 7012"),
    (
        "story = \"slow-answer\"",
        "story = \"not-accepted\"\nwaits_ms = 40",
    ),
];
