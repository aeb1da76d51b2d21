//! What is done on purpose, and what must be said of it.

use crate::play::{Client, Rule, Server, Step};

use Client::{FreeRdp, Rdesktop};
use Server::{Nobody, Shadow, Xrdp};
use Step::{ClientEnds, ClientLeaves, Filter, Freeze, Kill, Run, Sent, Unfilter, Wait};
use Wanted::{Failure, Healthy, Waiting};

/// What must be said.
pub enum Wanted {
    /// Nobody is blamed.
    Healthy,
    /// The client closed before logon and said nothing: a retry may come.
    Waiting,
    /// One of these causes, or none with the log named that would tell.
    Failure(&'static [&'static str]),
}

/// One story.
pub struct Scenario {
    pub name: &'static str,
    pub wanted: Wanted,
    /// Seconds that somebody waits in vain before it is over: a timeout's own length.
    pub patience: f64,
    pub server: Server,
    /// What is done before the client begins.
    pub before: &'static [Step],
    pub client: Client,
    /// What is done then.
    pub then: &'static [Step],
}

const TRUST: &str = "/cert:ignore";
/// A client that asks for TLS alone, and takes any certificate.
const TLS: Client = FreeRdp(&[TRUST, "/sec:tls"]);
/// What a stack needs to give up, as the program has it.
const GIVEN_UP: f64 = 10.0;

/// A session with xrdp that is over at once when something goes wrong.
const USUAL: Scenario = Scenario {
    name: "",
    wanted: Healthy,
    patience: 0.0,
    server: Xrdp(&[]),
    before: &[],
    client: TLS,
    then: &[ClientEnds(20.0)],
};

/// Bytes after which xrdp's screen is there: what comes before it, the certificate above all, is a few KiB.
const SCREEN: u64 = 20_000;

const fn rule(on: &'static str, hook: &'static str, rule: &'static str) -> Step {
    Filter(Rule { on, hook, rule })
}

/// All of them; long ones first.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "the firewall drops the attempt",
        wanted: Failure(&["port-blocked"]),
        patience: GIVEN_UP,
        before: &[rule("s", "input", "tcp dport 3389 drop")],
        client: FreeRdp(&[TRUST]),
        then: &[ClientEnds(22.0)],
        ..USUAL
    },
    Scenario {
        name: "the server falls silent in a session",
        wanted: Failure(&["packet-loss", "network-adapter-dropped", "vpn-dropped"]),
        patience: GIVEN_UP,
        // FreeRDP asks every few seconds whether the server is there.
        then: &[
            Sent(SCREEN),
            Wait(2.0),
            Run("s", "ip link set up0 down"),
            Wait(16.0),
        ],
        ..USUAL
    },
    Scenario {
        name: "one direction is lost in the handshake",
        wanted: Failure(&["packet-loss", "path-mtu-black-hole"]),
        patience: GIVEN_UP,
        // Behind the router's tap: what the server says arrives there and goes no further.
        before: &[rule(
            "c",
            "input",
            "tcp sport 3389 ct reply packets > 2 drop",
        )],
        then: &[Wait(15.0)],
        ..USUAL
    },
    Scenario {
        name: "large packets vanish",
        wanted: Failure(&["path-mtu-black-hole", "packet-loss"]),
        patience: GIVEN_UP,
        before: &[rule("c", "input", "tcp sport 3389 meta length > 1000 drop")],
        then: &[Wait(15.0)],
        ..USUAL
    },
    Scenario {
        name: "a session with a tenth of its packets lost",
        before: &[rule("r", "forward", "numgen random mod 10 == 0 drop")],
        then: &[
            Sent(SCREEN),
            Wait(5.0),
            Unfilter("r"),
            Wait(1.0),
            ClientLeaves,
        ],
        ..USUAL
    },
    Scenario {
        name: "a healthy session with xrdp",
        then: &[Sent(SCREEN), Wait(4.0), ClientLeaves],
        ..USUAL
    },
    Scenario {
        name: "a healthy session with network level authentication",
        server: Shadow("nla"),
        client: FreeRdp(&[TRUST, "/sec:nla", "/p:secret"]),
        then: &[Sent(1), Wait(5.0), ClientLeaves],
        ..USUAL
    },
    Scenario {
        name: "a healthy session of an old client",
        server: Xrdp(&[("security_layer", "rdp")]),
        client: Rdesktop(&[]),
        then: &[Sent(SCREEN), Wait(4.0), ClientLeaves],
        ..USUAL
    },
    Scenario {
        name: "the password is wrong",
        wanted: Failure(&["wrong-credentials"]),
        server: Shadow("nla"),
        client: FreeRdp(&[TRUST, "/sec:nla", "/p:wrong"]),
        then: &[ClientEnds(20.0)],
        ..USUAL
    },
    Scenario {
        name: "the server demands network level authentication",
        wanted: Failure(&["nla-required"]),
        server: Shadow("nla"),
        ..USUAL
    },
    Scenario {
        name: "nobody listens",
        wanted: Failure(&["rdp-service-down", "rdp-port-changed"]),
        server: Nobody,
        client: FreeRdp(&[TRUST]),
        ..USUAL
    },
    Scenario {
        name: "the firewall rejects the attempt",
        wanted: Failure(&["port-blocked"]),
        before: &[rule(
            "r",
            "forward",
            "tcp dport 3389 reject with icmpx admin-prohibited",
        )],
        client: FreeRdp(&[TRUST]),
        then: &[ClientEnds(20.0)],
        ..USUAL
    },
    Scenario {
        name: "the router resets the session",
        wanted: Failure(&["connection-reset-by-middlebox"]),
        // Whoever speaks next is reset: FreeRDP asks every few seconds whether the server is there.
        then: &[
            Sent(SCREEN),
            Wait(2.0),
            rule("r", "forward", "meta l4proto tcp reject with tcp reset"),
            ClientEnds(20.0),
        ],
        ..USUAL
    },
    Scenario {
        name: "the router resets the handshake",
        wanted: Failure(&["connection-reset-by-middlebox", "tls-intercepted"]),
        before: &[rule(
            "r",
            "forward",
            "meta l4proto tcp ct packets > 5 reject with tcp reset",
        )],
        then: &[ClientEnds(20.0)],
        ..USUAL
    },
    Scenario {
        name: "the client refuses an expired certificate",
        // FreeRDP says goodbye as if all were well, encrypted: a person who looks at a certificate does the same.
        wanted: Waiting,
        server: Xrdp(&[
            ("certificate", "FOLDER/expired.pem"),
            ("key_file", "FOLDER/expired.key"),
        ]),
        client: FreeRdp(&["/cert:deny", "/sec:tls"]),
        ..USUAL
    },
    Scenario {
        name: "the server's key is missing",
        wanted: Failure(&[
            "security-layer-mismatch",
            "private-key-access-denied",
            "machine-keys-corrupt",
            "bound-certificate-unusable",
        ]),
        server: Xrdp(&[("key_file", "/nowhere/key.pem"), ("security_layer", "tls")]),
        ..USUAL
    },
    Scenario {
        name: "no TLS version in common",
        wanted: Failure(&["tls-version-mismatch"]),
        server: Xrdp(&[("ssl_protocols", "TLSv1.3"), ("security_layer", "tls")]),
        client: Rdesktop(&["-V", "1.2"]),
        ..USUAL
    },
    Scenario {
        name: "no cipher suite in common",
        wanted: Failure(&["tls-cipher-mismatch", "fips-mismatch"]),
        server: Xrdp(&[
            ("ssl_protocols", "TLSv1.2"),
            ("tls_ciphers", "ECDHE-RSA-AES256-GCM-SHA384"),
            ("security_layer", "tls"),
        ]),
        client: FreeRdp(&[
            TRUST,
            "/sec:tls",
            "/tls-ciphers:ECDHE-RSA-AES128-GCM-SHA256",
        ]),
        ..USUAL
    },
    Scenario {
        name: "the server is killed in the handshake",
        wanted: Failure(&["rdp-service-crashed"]),
        // It hears the request, and is gone before it can answer.
        before: &[Freeze],
        then: &[Sent(0), Wait(1.5), Kill("xrdp"), ClientEnds(20.0)],
        ..USUAL
    },
    Scenario {
        name: "the server is killed in a session",
        wanted: Failure(&["rdp-service-crashed", "server-restarting"]),
        then: &[Sent(SCREEN), Wait(2.0), Kill("xrdp"), ClientEnds(20.0)],
        ..USUAL
    },
];
