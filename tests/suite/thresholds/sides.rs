//! The numbers of the causes, and for each a described case a little below and a little above it.

mod pieces;

use pieces::{
    BEFORE, CAPTURE, CLIENT, COLLEAGUES, CRASHED_AGAIN, NO_CERTIFICATE, NO_CLIENT_LOG, NO_SECURITY,
    NOTHING_BUT_ADMIN, ONE_MORE_TIMEOUT, ONLY_SYSTEM, REFUSED, RELAY_CLOSES_LATE,
    RELAY_CLOSES_SOON, SECOND_AND_THIRD_NAME, SECOND_NAME, SERVER, STRANGERS, TWO_MORE_TIMEOUTS,
    WITH_UDP,
};

/// A described case twice, with a number a little below and a little above a cause's.
pub struct Pair {
    /// The case.
    pub case: &'static str,
    /// The cause whose number it is about.
    pub cause: &'static str,
    /// The number, as `super::numbers` spells it; empty for a window, or a number inside a fact.
    pub number: &'static str,
    /// What is changed in the description: below the number, and above it.
    pub changes: [Changes; 2],
    /// Whether the sign with the number is seen below it, and above it.
    pub seen: [bool; 2],
    /// Whether the cause is named where the sign is seen, and only there; else the sign only supports or excludes, or is one
    /// of several that are needed.
    pub decides: bool,
}

/// Words of a description, and what stands there instead.
pub type Changes = &'static [(&'static str, &'static str)];

impl Pair {
    const fn decides(mut self) -> Self {
        self.decides = true;
        self
    }
}

/// The sign is seen from the number on.
const fn at_least(
    case: &'static str,
    cause: &'static str,
    number: &'static str,
    below: Changes,
    above: Changes,
) -> Pair {
    Pair {
        case,
        cause,
        number,
        changes: [below, above],
        seen: [false, true],
        decides: false,
    }
}

/// The sign is seen up to the number.
const fn at_most(
    case: &'static str,
    cause: &'static str,
    number: &'static str,
    below: Changes,
    above: Changes,
) -> Pair {
    let pair = at_least(case, cause, number, below, above);
    Pair {
        seen: [true, false],
        ..pair
    }
}

/// On either side of each number: the same incident, a little less and a little more.
pub const PAIRS: &[Pair] = &[
    // The block of the audio service lasts a minute.
    at_least(
        "audio-service-blocked",
        "audio-service-blocked",
        "duration_ms min 50000",
        &[("lasts_s = 60", "lasts_s = 48")],
        &[("lasts_s = 60", "lasts_s = 52")],
    )
    .decides(),
    at_most(
        "audio-service-blocked",
        "audio-service-blocked",
        "duration_ms max 75000",
        &[("lasts_s = 60", "lasts_s = 73")],
        &[("lasts_s = 60", "lasts_s = 77"), ("10:01:20", "10:01:40")],
    )
    .decides(),
    // Who is thrown out at logon is out within a minute.
    at_most(
        "shell-or-profile-failed",
        "shell-or-profile-failed",
        "session_ms max 60000",
        &[("lasts_s = 9", "lasts_s = 56")],
        &[("lasts_s = 9", "lasts_s = 64")],
    )
    .decides(),
    // Arbitration takes a second or two, and half a minute never.
    at_least(
        "session-conflict",
        "session-conflict",
        "duration_ms min 30000",
        &[(
            "story = \"arbitration-hangs\"",
            "story = \"arbitration-hangs\"\nlasts_s = 27",
        )],
        &[(
            "story = \"arbitration-hangs\"",
            "story = \"arbitration-hangs\"\nlasts_s = 32",
        )],
    )
    .decides(),
    // Fifty within ten seconds before and after are a flood.
    at_least(
        "listener-flooded",
        "listener-flooded",
        "server_attempts_10s min 50",
        &[
            ("id = 1006", "id = 1136"),
            ("times = 160", "times = 400"),
            ("every_s = 0.35", "every_s = 0.45"),
        ],
        &[
            ("id = 1006", "id = 1136"),
            ("times = 160", "times = 400"),
            ("every_s = 0.35", "every_s = 0.36"),
        ],
    )
    .decides(),
    // Five visits at an even interval are a clock.
    at_least(
        "load-balancer-misrouted",
        "load-balancer-misrouted",
        "",
        &[("times = 12", "times = 4")],
        &[("times = 12", "times = 6")],
    )
    .decides(),
    // Without a connection three records of the broken key make it a fault of the host.
    at_least(
        "server-only-private-key",
        "private-key-access-denied",
        "alone tls.key-inaccessible count min 3",
        &[
            (SERVER, ONLY_SYSTEM),
            (BEFORE, NO_CERTIFICATE),
            ("times = 3", "times = 2"),
        ],
        &[(SERVER, ONLY_SYSTEM), (BEFORE, NO_CERTIFICATE)],
    )
    .decides(),
    // A segment of more than what every host must accept is a question of size.
    at_least(
        "wire-only-black-hole-left",
        "path-mtu-black-hole",
        "flow.measured.largest_lost_server min 536",
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-left\"\nlost_bytes = 530",
        )],
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-left\"\nlost_bytes = 542",
        )],
    )
    .decides(),
    // One repetition or two are ordinary; the third makes it lost.
    at_least(
        "wire-only-black-hole-left",
        "path-mtu-black-hole",
        "flow.measured.largest_lost_server min 536",
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-left\"\nrepeats = 1",
        )],
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-left\"\nrepeats = 3",
        )],
    )
    .decides(),
    // Of small segments four repetitions in a row are a link that is down, or three where many others were lost, too.
    at_least(
        "packet-loss",
        "packet-loss",
        "flow.measured.rto_backoff min 4",
        &[
            (SERVER, ONLY_SYSTEM),
            ("ends = \"lost\"", "ends = \"leave\""),
            ("story = \"starved\"", "story = \"starved\"\nrepeats = 2"),
        ],
        &[
            (SERVER, ONLY_SYSTEM),
            ("ends = \"lost\"", "ends = \"leave\""),
            ("story = \"starved\"", "story = \"starved\"\nrepeats = 4"),
        ],
    )
    .decides(),
    // A device that forgets does so after pauses that no ordinary work has.
    at_least(
        "idle-timeout-middlebox",
        "idle-timeout-middlebox",
        "tcp.closed.idle_ms min 10000",
        &[("lasts_s = 940", "lasts_s = 8")],
        &[("lasts_s = 940", "lasts_s = 60")],
    )
    .decides(),
    // A relay that finds nobody behind it closes at once.
    at_most(
        "server-resources-exhausted",
        "local-relay",
        "tcp.closed.idle_ms max 50",
        &RELAY_CLOSES_SOON,
        &RELAY_CLOSES_LATE,
    )
    .decides(),
    // Beside others that get in, a SYN lost once or twice is chance; three in a row are a filter.
    at_least(
        "port-blocked",
        "port-blocked",
        "tcp.unanswered.syn_count min 3",
        &[
            (SERVER, NO_SECURITY),
            ("\"unanswered\"", "\"unanswered\"\nrepeats = 1"),
            (BEFORE, COLLEAGUES),
        ],
        &[
            (SERVER, NO_SECURITY),
            ("\"unanswered\"", "\"unanswered\"\nrepeats = 2"),
            (BEFORE, COLLEAGUES),
        ],
    )
    .decides(),
    // A key service that crashes once is restarted; twice within a day it is broken.
    at_least(
        "crypto-services-down",
        "crypto-services-down",
        "service.crashed count min 2",
        &[("id = 8193", "id = 8194")],
        &[("id = 8193", "id = 8194"), (BEFORE, CRASHED_AGAIN)],
    )
    .decides(),
    // One service that does not answer has its own trouble; three at a time share one.
    at_least(
        "server-resources-exhausted",
        "server-resources-exhausted",
        "service.response-timeout count min 3",
        &[("id = 2004", "id = 2005"), (BEFORE, ONE_MORE_TIMEOUT)],
        &[("id = 2004", "id = 2005"), (BEFORE, TWO_MORE_TIMEOUTS)],
    )
    .decides(),
    // The reports of an update's effect speak of the first three days.
    at_least(
        "update-regression",
        "update-regression",
        "",
        &[("\"06:10:00\"", "\"2026-11-18T07:40:00Z\"")],
        &[("\"06:10:00\"", "\"2026-11-18T08:20:00Z\"")],
    )
    .decides(),
    // The server is silent for as long as the service is blocked.
    at_least(
        "audio-service-blocked",
        "audio-service-blocked",
        "flow.measured.server_silence_ms min 50000",
        &[(
            "story = \"licence-refused\"\nlasts_s = 60",
            "story = \"falls-silent\"\nlasts_s = 48",
        )],
        &[(
            "story = \"licence-refused\"\nlasts_s = 60",
            "story = \"falls-silent\"\nlasts_s = 52",
        )],
    ),
    // … and no longer.
    at_least(
        "audio-service-blocked",
        "audio-service-blocked",
        "flow.measured.server_silence_ms max 70000",
        &[
            (
                "story = \"licence-refused\"\nlasts_s = 60",
                "story = \"falls-silent\"\nlasts_s = 72",
            ),
            ("10:01:20", "10:01:40"),
        ],
        &[
            (
                "story = \"licence-refused\"\nlasts_s = 60",
                "story = \"falls-silent\"\nlasts_s = 68",
            ),
            ("10:01:20", "10:01:40"),
        ],
    ),
    // Five minutes are what Kerberos tolerates.
    at_least(
        "clock-skew",
        "clock-skew",
        "clock_offset_ms min 300000",
        &[("clock_ms = 660000", "clock_ms = 290000")],
        &[("clock_ms = 660000", "clock_ms = 310000")],
    ),
    // Whoever is gone within ten seconds was never idle.
    at_least(
        "idle-timeout-middlebox",
        "idle-timeout-middlebox",
        "duration_ms min 10000",
        &[("lasts_s = 940", "lasts_s = 8")],
        &[("lasts_s = 940", "lasts_s = 12")],
    ),
    // A minute without a word, by the server's own count.
    at_least(
        "idle-timeout-middlebox",
        "idle-timeout-middlebox",
        "connection.idle-measured.idle_s min 60",
        &[(
            "lasts_s = 940\nends = \"cut\"",
            "lasts_s = 940\nends = \"cut\"\n\n[[attempt.record]]\nafter_ms = 939990\nsource = \"rdpcorets\"\nid = 145\nfields = [[\"IdleSeconds\", 55]]",
        )],
        &[(
            "lasts_s = 940\nends = \"cut\"",
            "lasts_s = 940\nends = \"cut\"\n\n[[attempt.record]]\nafter_ms = 939990\nsource = \"rdpcorets\"\nid = 145\nfields = [[\"IdleSeconds\", 65]]",
        )],
    ),
    // Keep-alives count as traffic: a device that forgets all the same forgets for another reason.
    at_least(
        "idle-timeout-middlebox",
        "idle-timeout-middlebox",
        "flow.measured.keepalives min 3",
        &[("lasts_s = 940", "lasts_s = 940\nkeepalives = 2")],
        &[("lasts_s = 940", "lasts_s = 940\nkeepalives = 3")],
    ),
    at_most(
        "idle-timeout-middlebox",
        "idle-timeout-middlebox",
        "flow.measured.idle_before_end_ms max 9999",
        &[("lasts_s = 940", "lasts_s = 940\nkeepalives = 3")],
        &[("lasts_s = 940", "lasts_s = 940\nkeepalives = 0")],
    ),
    // One such record may be of the hour after the installation.
    at_least(
        "licensing-failed",
        "licensing-failed",
        "alone licensing.grace-expired count min 2",
        &[
            (SERVER, NOTHING_BUT_ADMIN),
            (CLIENT, NO_CLIENT_LOG),
            (CAPTURE, ""),
            ("id = 50280", "id = 50281"),
        ],
        &[
            (SERVER, NOTHING_BUT_ADMIN),
            (CLIENT, NO_CLIENT_LOG),
            (CAPTURE, ""),
            ("id = 50280", "id = 1069"),
        ],
    )
    .decides(),
    // A hundred failures within ten minutes are no people, however slowly they come.
    at_least(
        "listener-flooded",
        "listener-flooded",
        "server_failed_10m min 100",
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
    )
    .decides(),
    // Half of them would do where they come fast.
    at_least(
        "listener-flooded",
        "listener-flooded",
        "server_failed_10m min 50",
        &[
            ("id = 1006", "id = 1136"),
            ("times = 160", "times = 44"),
            ("every_s = 0.35", "every_s = 2"),
        ],
        &[
            ("id = 1006", "id = 1136"),
            ("times = 160", "times = 54"),
            ("every_s = 0.35", "every_s = 2"),
        ],
    ),
    // One client that fails is its own trouble.
    at_least(
        "listener-flooded",
        "listener-flooded",
        "server_failing_clients_10m min 2",
        &[("client = \"flood\"", "client = \"client\"")],
        &[("times = 160", "times = 160")],
    ),
    // Passwords are guessed at the same time.
    at_least(
        "listener-flooded",
        "listener-flooded",
        "logon.refused-at-nla count min 10",
        &[(BEFORE, REFUSED), ("times = 11\n", "times = 9\n")],
        &[(BEFORE, REFUSED)],
    ),
    // Three repetitions take 1.4 s at least.
    at_least(
        "server-resources-exhausted",
        "packet-loss",
        "duration_ms min 1400",
        &[
            ("id = 2004", "id = 2005"),
            ("id = 7011", "id = 7012"),
            (
                "story = \"slow-answer\"",
                "story = \"not-accepted\"\nwaits_ms = 1300",
            ),
        ],
        &[
            ("id = 2004", "id = 2005"),
            ("id = 7011", "id = 7012"),
            (
                "story = \"slow-answer\"",
                "story = \"not-accepted\"\nwaits_ms = 1500",
            ),
        ],
    ),
    // Three repetitions take 1.4 s at least.
    at_least(
        "server-resources-exhausted",
        "path-mtu-black-hole",
        "duration_ms min 1400",
        &[
            ("id = 2004", "id = 2005"),
            ("id = 7011", "id = 7012"),
            (
                "story = \"slow-answer\"",
                "story = \"not-accepted\"\nwaits_ms = 1300",
            ),
        ],
        &[
            ("id = 2004", "id = 2005"),
            ("id = 7011", "id = 7012"),
            (
                "story = \"slow-answer\"",
                "story = \"not-accepted\"\nwaits_ms = 1500",
            ),
        ],
    ),
    // Three repetitions among many segments are one mishap, among few they are the path.
    at_least(
        "wire-only-duplicate-ip",
        "packet-loss",
        "flow.measured.retransmission_permille min 50",
        &[(
            "ends = \"lost\"",
            "ends = \"lost\"\nrepeats = 3\nexchanges = 60",
        )],
        &[(
            "ends = \"lost\"",
            "ends = \"lost\"\nrepeats = 3\nexchanges = 4",
        )],
    ),
    // … and twice is chance.
    at_least(
        "packet-loss",
        "packet-loss",
        "flow.measured.rto_backoff min 3",
        &[
            ("story = \"starved\"", "story = \"starved\"\nrepeats = 2"),
            ("ends = \"lost\"", "ends = \"leave\""),
        ],
        &[
            ("story = \"starved\"", "story = \"starved\"\nrepeats = 3"),
            ("ends = \"lost\"", "ends = \"leave\""),
        ],
    ),
    // The same for what the client sends.
    at_least(
        "wire-only-black-hole-left",
        "path-mtu-black-hole",
        "flow.measured.largest_lost_client min 536",
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-up\"\nlost_bytes = 530",
        )],
        &[(
            "story = \"black-hole-left\"",
            "story = \"black-hole-up\"\nlost_bytes = 542",
        )],
    )
    .decides(),
    // Under a flood an unanswered SYN is what the flood leaves over.
    at_most(
        "port-blocked",
        "port-blocked",
        "server_attempts_10m max 99",
        &[
            (SERVER, NO_SECURITY),
            ("\"unanswered\"", "\"unanswered\"\nrepeats = 2"),
            (BEFORE, STRANGERS),
            ("times = 110\n", "times = 90\n"),
        ],
        &[
            (SERVER, NO_SECURITY),
            ("\"unanswered\"", "\"unanswered\"\nrepeats = 2"),
            (BEFORE, STRANGERS),
        ],
    ),
    // The service had failed before.
    at_least(
        "rdp-service-crashed",
        "rdp-service-crashed",
        "service.crashed.times min 2",
        &[("[\"param2\", \"1\"]", "[\"param2\", \"1\"]")],
        &[("[\"param2\", \"1\"]", "[\"param2\", \"2\"]")],
    ),
    // People mistype one name; whoever tries three guesses.
    at_least(
        "wrong-credentials",
        "scan-traffic",
        "client_users_tried min 3",
        &[(BEFORE, SECOND_NAME)],
        &[(BEFORE, SECOND_AND_THIRD_NAME)],
    ),
    // A healthy server answers at once.
    at_least(
        "server-resources-exhausted",
        "server-resources-exhausted",
        "flow.measured.x224_answer_ms min 5000",
        &[("lasts_s = 28", "lasts_s = 4\nwaits_ms = 1")],
        &[("lasts_s = 28", "lasts_s = 6\nwaits_ms = 1")],
    ),
    // The time-out of the affected builds is 65 seconds, give or take five.
    at_least(
        "update-regression",
        "update-regression",
        "session_ms min 60000",
        &[
            ("KB5041578", "KB5053598"),
            ("lasts_s = 5400", "lasts_s = 40"),
            ("lasts_s = 5340", "lasts_s = 40"),
            ("ends = \"limit\"\ncode = 0xd0000001", "ends = \"lost\""),
            ("ends = \"lost\"", WITH_UDP),
        ],
        &[
            ("KB5041578", "KB5053598"),
            ("lasts_s = 5400", "lasts_s = 42"),
            ("lasts_s = 5340", "lasts_s = 42"),
            ("ends = \"limit\"\ncode = 0xd0000001", "ends = \"lost\""),
            ("ends = \"lost\"", WITH_UDP),
        ],
    )
    .decides(),
    // … on either side.
    at_most(
        "update-regression",
        "update-regression",
        "session_ms max 70000",
        &[
            ("KB5041578", "KB5053598"),
            ("lasts_s = 5400", "lasts_s = 49"),
            ("lasts_s = 5340", "lasts_s = 49"),
            ("ends = \"limit\"\ncode = 0xd0000001", "ends = \"lost\""),
            ("ends = \"lost\"", WITH_UDP),
        ],
        &[
            ("KB5041578", "KB5053598"),
            ("lasts_s = 5400", "lasts_s = 53"),
            ("lasts_s = 5340", "lasts_s = 53"),
            ("ends = \"limit\"\ncode = 0xd0000001", "ends = \"lost\""),
            ("ends = \"lost\"", WITH_UDP),
        ],
    )
    .decides(),
];
