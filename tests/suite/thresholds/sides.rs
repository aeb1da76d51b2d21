//! The numbers of the causes, and for each a described case a little below and a little above it.

mod pieces;

use pieces::{
    BEFORE, CAPTURE, CLIENT, COLLEAGUES, CRASHED_AGAIN, NO_CERTIFICATE, NO_CLIENT_LOG, NO_SECURITY,
    NOTHING_BUT_ADMIN, ONE_MORE_TIMEOUT, ONLY_SYSTEM, REFUSED, RELAY_CLOSES_LATE,
    RELAY_CLOSES_SOON, SECOND_AND_THIRD_NAME, SECOND_NAME, SERVER, STRANGERS, TWO_MORE_TIMEOUTS,
    WITH_UDP,
};

/// A described case with a number on one side of a cause's.
pub struct Side {
    /// The case.
    pub case: &'static str,
    /// What is changed in its description.
    pub changes: &'static [(&'static str, &'static str)],
    /// The cause whose number it is about.
    pub cause: &'static str,
    /// The number, as `super::numbers` spells it; empty for a window, or a number inside a fact.
    pub number: &'static str,
    /// Whether the sign with the number is seen.
    pub seen: bool,
    /// Whether the cause is named; nothing where the sign only supports or excludes.
    pub named: Option<bool>,
}

/// The sign alone: it supports or excludes, or is one of several that are needed.
const fn shows(
    case: &'static str,
    changes: &'static [(&'static str, &'static str)],
    cause: &'static str,
    number: &'static str,
    seen: bool,
) -> Side {
    Side {
        case,
        changes,
        cause,
        number,
        seen,
        named: None,
    }
}

/// The sign decides whether the cause is named.
const fn decides(
    case: &'static str,
    changes: &'static [(&'static str, &'static str)],
    cause: &'static str,
    number: &'static str,
    seen: bool,
) -> Side {
    Side {
        case,
        changes,
        cause,
        number,
        seen,
        named: Some(seen),
    }
}

/// On either side of each number: the same incident, a little less and a little more.
pub const SIDES: &[Side] = &[
    // The block of the audio service lasts a minute.
    decides(
        "audio-service-blocked",
        &[("lasts_s = 60", "lasts_s = 48")],
        "audio-service-blocked",
        "duration_ms min 50000",
        false,
    ),
    decides(
        "audio-service-blocked",
        &[("lasts_s = 60", "lasts_s = 52")],
        "audio-service-blocked",
        "duration_ms min 50000",
        true,
    ),
    decides(
        "audio-service-blocked",
        &[("lasts_s = 60", "lasts_s = 73")],
        "audio-service-blocked",
        "duration_ms max 75000",
        true,
    ),
    decides(
        "audio-service-blocked",
        &[("lasts_s = 60", "lasts_s = 77"), ("10:01:20", "10:01:40")],
        "audio-service-blocked",
        "duration_ms max 75000",
        false,
    ),
    // Who is thrown out at logon is out within a minute.
    decides(
        "shell-or-profile-failed",
        &[("lasts_s = 9", "lasts_s = 56")],
        "shell-or-profile-failed",
        "session_ms max 60000",
        true,
    ),
    decides(
        "shell-or-profile-failed",
        &[("lasts_s = 9", "lasts_s = 64")],
        "shell-or-profile-failed",
        "session_ms max 60000",
        false,
    ),
    // Arbitration takes a second or two, and half a minute never.
    decides(
        "session-conflict",
        &[(
            "story = \"arbitration-hangs\"",
            "story = \"arbitration-hangs\"\nlasts_s = 27",
        )],
        "session-conflict",
        "duration_ms min 30000",
        false,
    ),
    decides(
        "session-conflict",
        &[(
            "story = \"arbitration-hangs\"",
            "story = \"arbitration-hangs\"\nlasts_s = 32",
        )],
        "session-conflict",
        "duration_ms min 30000",
        true,
    ),
    // Fifty within ten seconds before and after are a flood.
    decides(
        "listener-flooded",
        &[
            ("id = 1006", "id = 1136"),
            ("times = 160", "times = 400"),
            ("every_s = 0.35", "every_s = 0.45"),
        ],
        "listener-flooded",
        "server_attempts_10s min 50",
        false,
    ),
    decides(
        "listener-flooded",
        &[
            ("id = 1006", "id = 1136"),
            ("times = 160", "times = 400"),
            ("every_s = 0.35", "every_s = 0.36"),
        ],
        "listener-flooded",
        "server_attempts_10s min 50",
        true,
    ),
    // Five visits at an even interval are a clock.
    decides(
        "load-balancer-misrouted",
        &[("times = 12", "times = 4")],
        "load-balancer-misrouted",
        "",
        false,
    ),
    decides(
        "load-balancer-misrouted",
        &[("times = 12", "times = 6")],
        "load-balancer-misrouted",
        "",
        true,
    ),
    // Without a connection three records of the broken key make it a fault of the host.
    decides(
        "server-only-private-key",
        &[
            (SERVER, ONLY_SYSTEM),
            (BEFORE, NO_CERTIFICATE),
            ("times = 3", "times = 2"),
        ],
        "private-key-access-denied",
        "alone tls.key-inaccessible count min 3",
        false,
    ),
    decides(
        "server-only-private-key",
        &[(SERVER, ONLY_SYSTEM), (BEFORE, NO_CERTIFICATE)],
        "private-key-access-denied",
        "alone tls.key-inaccessible count min 3",
        true,
    ),
    // A segment of more than what every host must accept is a question of size.
    decides(
        "wire-only-black-hole-left",
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-left\"\nlost_bytes = 530",
        )],
        "path-mtu-black-hole",
        "flow.measured.largest_lost_server min 536",
        false,
    ),
    decides(
        "wire-only-black-hole-left",
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-left\"\nlost_bytes = 542",
        )],
        "path-mtu-black-hole",
        "flow.measured.largest_lost_server min 536",
        true,
    ),
    // One repetition or two are ordinary; the third makes it lost.
    decides(
        "wire-only-black-hole-left",
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-left\"\nrepeats = 1",
        )],
        "path-mtu-black-hole",
        "flow.measured.largest_lost_server min 536",
        false,
    ),
    decides(
        "wire-only-black-hole-left",
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-left\"\nrepeats = 3",
        )],
        "path-mtu-black-hole",
        "flow.measured.largest_lost_server min 536",
        true,
    ),
    // Of small segments four repetitions in a row are a link that is down, or three where many others were lost, too.
    decides(
        "packet-loss",
        &[
            (SERVER, ONLY_SYSTEM),
            ("ends = \"lost\"", "ends = \"leave\""),
            ("story = \"starved\"", "story = \"starved\"\nrepeats = 2"),
        ],
        "packet-loss",
        "flow.measured.rto_backoff min 4",
        false,
    ),
    decides(
        "packet-loss",
        &[
            (SERVER, ONLY_SYSTEM),
            ("ends = \"lost\"", "ends = \"leave\""),
            ("story = \"starved\"", "story = \"starved\"\nrepeats = 4"),
        ],
        "packet-loss",
        "flow.measured.rto_backoff min 4",
        true,
    ),
    // A device that forgets does so after pauses that no ordinary work has.
    decides(
        "idle-timeout-middlebox",
        &[("lasts_s = 940", "lasts_s = 8")],
        "idle-timeout-middlebox",
        "tcp.closed.idle_ms min 10000",
        false,
    ),
    decides(
        "idle-timeout-middlebox",
        &[("lasts_s = 940", "lasts_s = 60")],
        "idle-timeout-middlebox",
        "tcp.closed.idle_ms min 10000",
        true,
    ),
    // A relay that finds nobody behind it closes at once.
    decides(
        "server-resources-exhausted",
        &RELAY_CLOSES_LATE,
        "local-relay",
        "tcp.closed.idle_ms max 50",
        false,
    ),
    decides(
        "server-resources-exhausted",
        &RELAY_CLOSES_SOON,
        "local-relay",
        "tcp.closed.idle_ms max 50",
        true,
    ),
    // Beside others that get in, a SYN lost once or twice is chance; three in a row are a filter.
    decides(
        "port-blocked",
        &[
            (SERVER, NO_SECURITY),
            ("\"unanswered\"", "\"unanswered\"\nrepeats = 1"),
            (BEFORE, COLLEAGUES),
        ],
        "port-blocked",
        "tcp.unanswered.syn_count min 3",
        false,
    ),
    decides(
        "port-blocked",
        &[
            (SERVER, NO_SECURITY),
            ("\"unanswered\"", "\"unanswered\"\nrepeats = 2"),
            (BEFORE, COLLEAGUES),
        ],
        "port-blocked",
        "tcp.unanswered.syn_count min 3",
        true,
    ),
    // A key service that crashes once is restarted; twice within a day it is broken.
    decides(
        "crypto-services-down",
        &[("id = 8193", "id = 8194")],
        "crypto-services-down",
        "service.crashed count min 2",
        false,
    ),
    decides(
        "crypto-services-down",
        &[("id = 8193", "id = 8194"), (BEFORE, CRASHED_AGAIN)],
        "crypto-services-down",
        "service.crashed count min 2",
        true,
    ),
    // One service that does not answer has its own trouble; three at a time share one.
    decides(
        "server-resources-exhausted",
        &[("id = 2004", "id = 2005"), (BEFORE, ONE_MORE_TIMEOUT)],
        "server-resources-exhausted",
        "service.response-timeout count min 3",
        false,
    ),
    decides(
        "server-resources-exhausted",
        &[("id = 2004", "id = 2005"), (BEFORE, TWO_MORE_TIMEOUTS)],
        "server-resources-exhausted",
        "service.response-timeout count min 3",
        true,
    ),
    // The reports of an update's effect speak of the first three days.
    decides(
        "update-regression",
        &[("\"06:10:00\"", "\"2026-11-18T07:40:00Z\"")],
        "update-regression",
        "",
        false,
    ),
    decides(
        "update-regression",
        &[("\"06:10:00\"", "\"2026-11-18T08:20:00Z\"")],
        "update-regression",
        "",
        true,
    ),
    // The server is silent for as long as the service is blocked.
    shows(
        "audio-service-blocked",
        &[(
            "story = \"licence-refused\"\nlasts_s = 60",
            "story = \"falls-silent\"\nlasts_s = 48",
        )],
        "audio-service-blocked",
        "flow.measured.server_silence_ms min 50000",
        false,
    ),
    shows(
        "audio-service-blocked",
        &[(
            "story = \"licence-refused\"\nlasts_s = 60",
            "story = \"falls-silent\"\nlasts_s = 52",
        )],
        "audio-service-blocked",
        "flow.measured.server_silence_ms min 50000",
        true,
    ),
    // … and no longer.
    shows(
        "audio-service-blocked",
        &[
            (
                "story = \"licence-refused\"\nlasts_s = 60",
                "story = \"falls-silent\"\nlasts_s = 72",
            ),
            ("10:01:20", "10:01:40"),
        ],
        "audio-service-blocked",
        "flow.measured.server_silence_ms max 70000",
        false,
    ),
    shows(
        "audio-service-blocked",
        &[
            (
                "story = \"licence-refused\"\nlasts_s = 60",
                "story = \"falls-silent\"\nlasts_s = 68",
            ),
            ("10:01:20", "10:01:40"),
        ],
        "audio-service-blocked",
        "flow.measured.server_silence_ms max 70000",
        true,
    ),
    // Five minutes are what Kerberos tolerates.
    shows(
        "clock-skew",
        &[("clock_ms = 660000", "clock_ms = 290000")],
        "clock-skew",
        "clock_offset_ms min 300000",
        false,
    ),
    shows(
        "clock-skew",
        &[("clock_ms = 660000", "clock_ms = 310000")],
        "clock-skew",
        "clock_offset_ms min 300000",
        true,
    ),
    // Whoever is gone within ten seconds was never idle.
    shows(
        "idle-timeout-middlebox",
        &[("lasts_s = 940", "lasts_s = 8")],
        "idle-timeout-middlebox",
        "duration_ms min 10000",
        false,
    ),
    shows(
        "idle-timeout-middlebox",
        &[("lasts_s = 940", "lasts_s = 12")],
        "idle-timeout-middlebox",
        "duration_ms min 10000",
        true,
    ),
    // A minute without a word, by the server's own count.
    shows(
        "idle-timeout-middlebox",
        &[(
            "lasts_s = 940\nends = \"cut\"",
            "lasts_s = 940\nends = \"cut\"\n\n[[attempt.record]]\nafter_ms = 939990\nsource = \"rdpcorets\"\nid = 145\nfields = [[\"IdleSeconds\", 55]]",
        )],
        "idle-timeout-middlebox",
        "connection.idle-measured.idle_s min 60",
        false,
    ),
    shows(
        "idle-timeout-middlebox",
        &[(
            "lasts_s = 940\nends = \"cut\"",
            "lasts_s = 940\nends = \"cut\"\n\n[[attempt.record]]\nafter_ms = 939990\nsource = \"rdpcorets\"\nid = 145\nfields = [[\"IdleSeconds\", 65]]",
        )],
        "idle-timeout-middlebox",
        "connection.idle-measured.idle_s min 60",
        true,
    ),
    // Keep-alives count as traffic: a device that forgets all the same forgets for another reason.
    shows(
        "idle-timeout-middlebox",
        &[("lasts_s = 940", "lasts_s = 940\nkeepalives = 2")],
        "idle-timeout-middlebox",
        "flow.measured.keepalives min 3",
        false,
    ),
    shows(
        "idle-timeout-middlebox",
        &[("lasts_s = 940", "lasts_s = 940\nkeepalives = 3")],
        "idle-timeout-middlebox",
        "flow.measured.keepalives min 3",
        true,
    ),
    shows(
        "idle-timeout-middlebox",
        &[("lasts_s = 940", "lasts_s = 940\nkeepalives = 3")],
        "idle-timeout-middlebox",
        "flow.measured.idle_before_end_ms max 9999",
        true,
    ),
    shows(
        "idle-timeout-middlebox",
        &[("lasts_s = 940", "lasts_s = 940\nkeepalives = 0")],
        "idle-timeout-middlebox",
        "flow.measured.idle_before_end_ms max 9999",
        false,
    ),
    // One such record may be of the hour after the installation.
    decides(
        "licensing-failed",
        &[
            (SERVER, NOTHING_BUT_ADMIN),
            (CLIENT, NO_CLIENT_LOG),
            (CAPTURE, ""),
            ("id = 50280", "id = 50281"),
        ],
        "licensing-failed",
        "alone licensing.grace-expired count min 2",
        false,
    ),
    decides(
        "licensing-failed",
        &[
            (SERVER, NOTHING_BUT_ADMIN),
            (CLIENT, NO_CLIENT_LOG),
            (CAPTURE, ""),
            ("id = 50280", "id = 1069"),
        ],
        "licensing-failed",
        "alone licensing.grace-expired count min 2",
        true,
    ),
    // A hundred failures within ten minutes are no people, however slowly they come.
    decides(
        "listener-flooded",
        &[
            ("id = 1006", "id = 1136"),
            ("story = \"connect-only\"", "story = \"scanned\""),
            (
                "story = \"not-accepted\"",
                "story = \"not-accepted\"\nwaits_ms = 9000",
            ),
            ("times = 160", "times = 94"),
            ("every_s = 0.35", "every_s = 2"),
        ],
        "listener-flooded",
        "server_failed_10m min 100",
        false,
    ),
    decides(
        "listener-flooded",
        &[
            ("id = 1006", "id = 1136"),
            ("story = \"connect-only\"", "story = \"scanned\""),
            (
                "story = \"not-accepted\"",
                "story = \"not-accepted\"\nwaits_ms = 9000",
            ),
            ("times = 160", "times = 104"),
            ("every_s = 0.35", "every_s = 2"),
        ],
        "listener-flooded",
        "server_failed_10m min 100",
        true,
    ),
    // Half of them would do where they come fast.
    shows(
        "listener-flooded",
        &[
            ("id = 1006", "id = 1136"),
            ("times = 160", "times = 44"),
            ("every_s = 0.35", "every_s = 2"),
        ],
        "listener-flooded",
        "server_failed_10m min 50",
        false,
    ),
    shows(
        "listener-flooded",
        &[
            ("id = 1006", "id = 1136"),
            ("times = 160", "times = 54"),
            ("every_s = 0.35", "every_s = 2"),
        ],
        "listener-flooded",
        "server_failed_10m min 50",
        true,
    ),
    // One client that fails is its own trouble.
    shows(
        "listener-flooded",
        &[("client = \"flood\"", "client = \"client\"")],
        "listener-flooded",
        "server_failing_clients_10m min 2",
        false,
    ),
    shows(
        "listener-flooded",
        &[("times = 160", "times = 160")],
        "listener-flooded",
        "server_failing_clients_10m min 2",
        true,
    ),
    // Passwords are guessed at the same time.
    shows(
        "listener-flooded",
        &[(BEFORE, REFUSED), ("times = 11\n", "times = 9\n")],
        "listener-flooded",
        "logon.refused-at-nla count min 10",
        false,
    ),
    shows(
        "listener-flooded",
        &[(BEFORE, REFUSED)],
        "listener-flooded",
        "logon.refused-at-nla count min 10",
        true,
    ),
    // Three repetitions take 1.4 s at least.
    shows(
        "server-resources-exhausted",
        &[
            ("id = 2004", "id = 2005"),
            ("id = 7011", "id = 7012"),
            (
                "story = \"slow-answer\"",
                "story = \"not-accepted\"\nwaits_ms = 1300",
            ),
        ],
        "packet-loss",
        "duration_ms min 1400",
        false,
    ),
    shows(
        "server-resources-exhausted",
        &[
            ("id = 2004", "id = 2005"),
            ("id = 7011", "id = 7012"),
            (
                "story = \"slow-answer\"",
                "story = \"not-accepted\"\nwaits_ms = 1500",
            ),
        ],
        "packet-loss",
        "duration_ms min 1400",
        true,
    ),
    // Three repetitions take 1.4 s at least.
    shows(
        "server-resources-exhausted",
        &[
            ("id = 2004", "id = 2005"),
            ("id = 7011", "id = 7012"),
            (
                "story = \"slow-answer\"",
                "story = \"not-accepted\"\nwaits_ms = 1300",
            ),
        ],
        "path-mtu-black-hole",
        "duration_ms min 1400",
        false,
    ),
    shows(
        "server-resources-exhausted",
        &[
            ("id = 2004", "id = 2005"),
            ("id = 7011", "id = 7012"),
            (
                "story = \"slow-answer\"",
                "story = \"not-accepted\"\nwaits_ms = 1500",
            ),
        ],
        "path-mtu-black-hole",
        "duration_ms min 1400",
        true,
    ),
    // Three repetitions among many segments are one mishap, among few they are the path.
    shows(
        "wire-only-duplicate-ip",
        &[(
            "ends = \"lost\"",
            "ends = \"lost\"\nrepeats = 3\nexchanges = 60",
        )],
        "packet-loss",
        "flow.measured.retransmission_permille min 50",
        false,
    ),
    shows(
        "wire-only-duplicate-ip",
        &[(
            "ends = \"lost\"",
            "ends = \"lost\"\nrepeats = 3\nexchanges = 4",
        )],
        "packet-loss",
        "flow.measured.retransmission_permille min 50",
        true,
    ),
    // … and twice is chance.
    shows(
        "packet-loss",
        &[
            ("story = \"starved\"", "story = \"starved\"\nrepeats = 2"),
            ("ends = \"lost\"", "ends = \"leave\""),
        ],
        "packet-loss",
        "flow.measured.rto_backoff min 3",
        false,
    ),
    shows(
        "packet-loss",
        &[
            ("story = \"starved\"", "story = \"starved\"\nrepeats = 3"),
            ("ends = \"lost\"", "ends = \"leave\""),
        ],
        "packet-loss",
        "flow.measured.rto_backoff min 3",
        true,
    ),
    // The same for what the client sends.
    decides(
        "wire-only-black-hole-left",
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-up\"\nlost_bytes = 530",
        )],
        "path-mtu-black-hole",
        "flow.measured.largest_lost_client min 536",
        false,
    ),
    decides(
        "wire-only-black-hole-left",
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-up\"\nlost_bytes = 542",
        )],
        "path-mtu-black-hole",
        "flow.measured.largest_lost_client min 536",
        true,
    ),
    // Under a flood an unanswered SYN is what the flood leaves over.
    shows(
        "port-blocked",
        &[
            (SERVER, NO_SECURITY),
            ("\"unanswered\"", "\"unanswered\"\nrepeats = 2"),
            (BEFORE, STRANGERS),
            ("times = 110\n", "times = 90\n"),
        ],
        "port-blocked",
        "server_attempts_10m max 99",
        true,
    ),
    shows(
        "port-blocked",
        &[
            (SERVER, NO_SECURITY),
            ("\"unanswered\"", "\"unanswered\"\nrepeats = 2"),
            (BEFORE, STRANGERS),
        ],
        "port-blocked",
        "server_attempts_10m max 99",
        false,
    ),
    // The service had failed before.
    shows(
        "rdp-service-crashed",
        &[("[\"param2\", \"1\"]", "[\"param2\", \"1\"]")],
        "rdp-service-crashed",
        "service.crashed.times min 2",
        false,
    ),
    shows(
        "rdp-service-crashed",
        &[("[\"param2\", \"1\"]", "[\"param2\", \"2\"]")],
        "rdp-service-crashed",
        "service.crashed.times min 2",
        true,
    ),
    // People mistype one name; whoever tries three guesses.
    shows(
        "wrong-credentials",
        &[(BEFORE, SECOND_NAME)],
        "scan-traffic",
        "client_users_tried min 3",
        false,
    ),
    shows(
        "wrong-credentials",
        &[(BEFORE, SECOND_AND_THIRD_NAME)],
        "scan-traffic",
        "client_users_tried min 3",
        true,
    ),
    // A healthy server answers at once.
    shows(
        "server-resources-exhausted",
        &[("lasts_s = 28", "lasts_s = 4\nwaits_ms = 1")],
        "server-resources-exhausted",
        "flow.measured.x224_answer_ms min 5000",
        false,
    ),
    shows(
        "server-resources-exhausted",
        &[("lasts_s = 28", "lasts_s = 6\nwaits_ms = 1")],
        "server-resources-exhausted",
        "flow.measured.x224_answer_ms min 5000",
        true,
    ),
    // The time-out of the affected builds is 65 seconds, give or take five.
    decides(
        "update-regression",
        &[
            ("KB5041578", "KB5053598"),
            ("lasts_s = 5400", "lasts_s = 40"),
            ("lasts_s = 5340", "lasts_s = 40"),
            ("ends = \"limit\"\ncode = 0xd0000001", "ends = \"lost\""),
            ("ends = \"lost\"", WITH_UDP),
        ],
        "update-regression",
        "session_ms min 60000",
        false,
    ),
    decides(
        "update-regression",
        &[
            ("KB5041578", "KB5053598"),
            ("lasts_s = 5400", "lasts_s = 42"),
            ("lasts_s = 5340", "lasts_s = 42"),
            ("ends = \"limit\"\ncode = 0xd0000001", "ends = \"lost\""),
            ("ends = \"lost\"", WITH_UDP),
        ],
        "update-regression",
        "session_ms min 60000",
        true,
    ),
    // … on either side.
    decides(
        "update-regression",
        &[
            ("KB5041578", "KB5053598"),
            ("lasts_s = 5400", "lasts_s = 49"),
            ("lasts_s = 5340", "lasts_s = 49"),
            ("ends = \"limit\"\ncode = 0xd0000001", "ends = \"lost\""),
            ("ends = \"lost\"", WITH_UDP),
        ],
        "update-regression",
        "session_ms max 70000",
        true,
    ),
    decides(
        "update-regression",
        &[
            ("KB5041578", "KB5053598"),
            ("lasts_s = 5400", "lasts_s = 53"),
            ("lasts_s = 5340", "lasts_s = 53"),
            ("ends = \"limit\"\ncode = 0xd0000001", "ends = \"lost\""),
            ("ends = \"lost\"", WITH_UDP),
        ],
        "update-regression",
        "session_ms max 70000",
        false,
    ),
];
