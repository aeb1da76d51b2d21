//! The numbers of the causes, and for each a described case a little below and a little above it.

/// A case, what is changed in its description, the cause whose number it is about, and whether that stands then.
pub type Side = (
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
    bool,
);

const SERVER: &str = "role = \"server\"";
/// A server of which the System log is all that was collected.
const ONLY_SYSTEM: &str = r#"role = "server"
missing_logs = [
  "Security",
  "Microsoft-Windows-RemoteDesktopServices-RdpCoreTS/Operational",
  "Microsoft-Windows-TerminalServices-RemoteConnectionManager/Operational",
  "Microsoft-Windows-TerminalServices-LocalSessionManager/Operational",
]"#;
const BEFORE: &str = "[[noise]]\nkind = \"services\"";
/// The service could not make a certificate either: access denied.
const NO_CERTIFICATE: &str = r#"[[record]]
at = "09:00:00"
source = "rcm-system"
id = 1057
fields = [["Data", "Access is denied."]]
binary = "0500078000000000"

[[noise]]
kind = "services""#;

const NO_SECURITY: &str = "role = \"server\"\nmissing_logs = [\"Security\"]";
/// Others who get in before and after.
const COLLEAGUES: &str = r#"[[attempt]]
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
const CRASHED_AGAIN: &str = r#"[[record]]
at = "09:40:00"
source = "scm"
id = 7031
fields = [["param1", "Cryptographic Services"], ["param2", "2"], ["param3", "60000"], ["param4", "1"], ["param5", "Restart the service"]]
binary_text = "CryptSvc"

[[noise]]
kind = "services""#;
const ONE_MORE_TIMEOUT: &str = r#"[[record]]
at = "10:00:20"
source = "scm"
id = 7011
fields = [["param1", "30000"], ["param2", "ProfSvc"]]

[[noise]]
kind = "services""#;
const TWO_MORE_TIMEOUTS: &str = r#"[[record]]
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

/// Somebody takes the connection and closes it; the service never saw it, and nothing else is wrong with the server.
const RELAY_CLOSES_LATE: [(&str, &str); 3] = [
    ("id = 2004", "id = 2005"),
    ("id = 7011", "id = 7012"),
    (
        "story = \"slow-answer\"",
        "story = \"not-accepted\"\nwaits_ms = 110",
    ),
];
const RELAY_CLOSES_SOON: [(&str, &str); 3] = [
    ("id = 2004", "id = 2005"),
    ("id = 7011", "id = 7012"),
    (
        "story = \"slow-answer\"",
        "story = \"not-accepted\"\nwaits_ms = 40",
    ),
];

/// On either side of each number: the same incident, a little less and a little more.
pub const SIDES: &[Side] = &[
    // The block of the audio service lasts a minute.
    (
        "audio-service-blocked",
        &[("lasts_s = 60", "lasts_s = 48")],
        "audio-service-blocked",
        false,
    ),
    (
        "audio-service-blocked",
        &[("lasts_s = 60", "lasts_s = 52")],
        "audio-service-blocked",
        true,
    ),
    (
        "audio-service-blocked",
        &[("lasts_s = 60", "lasts_s = 73")],
        "audio-service-blocked",
        true,
    ),
    (
        "audio-service-blocked",
        &[("lasts_s = 60", "lasts_s = 77"), ("10:01:20", "10:01:40")],
        "audio-service-blocked",
        false,
    ),
    // Who is thrown out at logon is out within a minute.
    (
        "shell-or-profile-failed",
        &[("lasts_s = 9", "lasts_s = 56")],
        "shell-or-profile-failed",
        true,
    ),
    (
        "shell-or-profile-failed",
        &[("lasts_s = 9", "lasts_s = 64")],
        "shell-or-profile-failed",
        false,
    ),
    // Arbitration takes a second or two, and half a minute never.
    (
        "session-conflict",
        &[(
            "story = \"arbitration-hangs\"",
            "story = \"arbitration-hangs\"\nlasts_s = 27",
        )],
        "session-conflict",
        false,
    ),
    (
        "session-conflict",
        &[(
            "story = \"arbitration-hangs\"",
            "story = \"arbitration-hangs\"\nlasts_s = 32",
        )],
        "session-conflict",
        true,
    ),
    // Fifty within ten seconds before and after are a flood.
    (
        "listener-flooded",
        &[
            ("id = 1006", "id = 1136"),
            ("times = 160", "times = 400"),
            ("every_s = 0.35", "every_s = 0.45"),
        ],
        "listener-flooded",
        false,
    ),
    (
        "listener-flooded",
        &[
            ("id = 1006", "id = 1136"),
            ("times = 160", "times = 400"),
            ("every_s = 0.35", "every_s = 0.36"),
        ],
        "listener-flooded",
        true,
    ),
    // Five visits at an even interval are a clock.
    (
        "load-balancer-misrouted",
        &[("times = 12", "times = 4")],
        "load-balancer-misrouted",
        false,
    ),
    (
        "load-balancer-misrouted",
        &[("times = 12", "times = 6")],
        "load-balancer-misrouted",
        true,
    ),
    // Without a connection three records of the broken key make it a fault of the host.
    (
        "server-only-private-key",
        &[
            (SERVER, ONLY_SYSTEM),
            (BEFORE, NO_CERTIFICATE),
            ("times = 3", "times = 2"),
        ],
        "private-key-access-denied",
        false,
    ),
    (
        "server-only-private-key",
        &[(SERVER, ONLY_SYSTEM), (BEFORE, NO_CERTIFICATE)],
        "private-key-access-denied",
        true,
    ),
    // A segment of more than what every host must accept is a question of size.
    (
        "wire-only-black-hole-left",
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-left\"\nlost_bytes = 530",
        )],
        "path-mtu-black-hole",
        false,
    ),
    (
        "wire-only-black-hole-left",
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-left\"\nlost_bytes = 542",
        )],
        "path-mtu-black-hole",
        true,
    ),
    // One repetition or two are ordinary; the third makes it lost.
    (
        "wire-only-black-hole-left",
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-left\"\nrepeats = 1",
        )],
        "path-mtu-black-hole",
        false,
    ),
    (
        "wire-only-black-hole-left",
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-left\"\nrepeats = 3",
        )],
        "path-mtu-black-hole",
        true,
    ),
    // Of small segments four repetitions in a row are a link that is down, or three where many others were lost, too.
    (
        "packet-loss",
        &[
            (SERVER, ONLY_SYSTEM),
            ("ends = \"lost\"", "ends = \"leave\""),
            ("story = \"starved\"", "story = \"starved\"\nrepeats = 2"),
        ],
        "packet-loss",
        false,
    ),
    (
        "packet-loss",
        &[
            (SERVER, ONLY_SYSTEM),
            ("ends = \"lost\"", "ends = \"leave\""),
            ("story = \"starved\"", "story = \"starved\"\nrepeats = 4"),
        ],
        "packet-loss",
        true,
    ),
    // A device that forgets does so after pauses that no ordinary work has.
    (
        "idle-timeout-middlebox",
        &[("lasts_s = 940", "lasts_s = 8")],
        "idle-timeout-middlebox",
        false,
    ),
    (
        "idle-timeout-middlebox",
        &[("lasts_s = 940", "lasts_s = 60")],
        "idle-timeout-middlebox",
        true,
    ),
    // A relay that finds nobody behind it closes at once.
    (
        "server-resources-exhausted",
        &RELAY_CLOSES_LATE,
        "local-relay",
        false,
    ),
    (
        "server-resources-exhausted",
        &RELAY_CLOSES_SOON,
        "local-relay",
        true,
    ),
    // Beside others that get in, a SYN lost once or twice is chance; three in a row are a filter.
    (
        "port-blocked",
        &[
            (SERVER, NO_SECURITY),
            ("\"unanswered\"", "\"unanswered\"\nrepeats = 1"),
            (BEFORE, COLLEAGUES),
        ],
        "port-blocked",
        false,
    ),
    (
        "port-blocked",
        &[
            (SERVER, NO_SECURITY),
            ("\"unanswered\"", "\"unanswered\"\nrepeats = 2"),
            (BEFORE, COLLEAGUES),
        ],
        "port-blocked",
        true,
    ),
    // A key service that crashes once is restarted; twice within a day it is broken.
    (
        "crypto-services-down",
        &[("id = 8193", "id = 8194")],
        "crypto-services-down",
        false,
    ),
    (
        "crypto-services-down",
        &[("id = 8193", "id = 8194"), (BEFORE, CRASHED_AGAIN)],
        "crypto-services-down",
        true,
    ),
    // One service that does not answer has its own trouble; three at a time share one.
    (
        "server-resources-exhausted",
        &[("id = 2004", "id = 2005"), (BEFORE, ONE_MORE_TIMEOUT)],
        "server-resources-exhausted",
        false,
    ),
    (
        "server-resources-exhausted",
        &[("id = 2004", "id = 2005"), (BEFORE, TWO_MORE_TIMEOUTS)],
        "server-resources-exhausted",
        true,
    ),
    // The reports of an update's effect speak of the first three days.
    (
        "update-regression",
        &[("\"06:10:00\"", "\"2026-11-18T07:40:00Z\"")],
        "update-regression",
        false,
    ),
    (
        "update-regression",
        &[("\"06:10:00\"", "\"2026-11-18T08:20:00Z\"")],
        "update-regression",
        true,
    ),
];
