//! What is done on purpose, and what must be said of it.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::net::Net;
use crate::peers::Bench;

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
    pub play: fn(&Net, &Bench, usize) -> Result<(), String>,
}

const TRUST: &str = "/cert:ignore";

fn seconds(n: f64) {
    sleep(Duration::from_secs_f64(n));
}

/// All of them; long ones first.
pub const ALL: &[Scenario] = &[
    Scenario {
        name: "the firewall drops the attempt",
        wanted: Wanted::Failure(&["port-blocked"]),
        patience: 10.0,
        play: |net, bench, n| {
            let _server = bench.xrdp(net, n, &[])?;
            net.rule("s", "input", "tcp dport 3389 drop")?;
            let mut client = bench.freerdp(net, n, &[TRUST])?;
            client.wait(Duration::from_secs(22));
            Ok(())
        },
    },
    Scenario {
        name: "the server falls silent in a session",
        wanted: Wanted::Failure(&["packet-loss", "network-adapter-dropped", "vpn-dropped"]),
        patience: 10.0,
        play: |net, bench, n| {
            let _server = bench.xrdp(net, n, &[])?;
            let _client = bench.freerdp(net, n, &[TRUST, "/sec:tls"])?;
            seconds(4.0);
            net.run("s", "ip link set up0 down")?;
            // FreeRDP asks every few seconds whether the server is there.
            seconds(16.0);
            Ok(())
        },
    },
    Scenario {
        name: "one direction is lost in the handshake",
        wanted: Wanted::Failure(&["packet-loss", "path-mtu-black-hole"]),
        patience: 10.0,
        play: |net, bench, n| {
            let _server = bench.xrdp(net, n, &[])?;
            // Behind the router's tap: what the server says arrives there and goes no further.
            net.rule("c", "input", "tcp sport 3389 ct reply packets > 2 drop")?;
            let _client = bench.freerdp(net, n, &[TRUST, "/sec:tls"])?;
            seconds(15.0);
            Ok(())
        },
    },
    Scenario {
        name: "large packets vanish",
        wanted: Wanted::Failure(&["path-mtu-black-hole", "packet-loss"]),
        patience: 10.0,
        play: |net, bench, n| {
            let _server = bench.xrdp(net, n, &[])?;
            net.rule("c", "input", "tcp sport 3389 meta length > 1000 drop")?;
            let _client = bench.freerdp(net, n, &[TRUST, "/sec:tls"])?;
            seconds(15.0);
            Ok(())
        },
    },
    Scenario {
        name: "a session with a tenth of its packets lost",
        wanted: Wanted::Healthy,
        patience: 0.0,
        play: |net, bench, n| {
            let _server = bench.xrdp(net, n, &[])?;
            net.rule("r", "forward", "numgen random mod 10 == 0 drop")?;
            let mut client = bench.freerdp(net, n, &[TRUST, "/sec:tls"])?;
            seconds(9.0);
            net.run("r", "nft flush ruleset")?;
            seconds(1.0);
            client.signal("TERM");
            client.wait(Duration::from_secs(3));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "a healthy session with xrdp",
        wanted: Wanted::Healthy,
        patience: 0.0,
        play: |net, bench, n| {
            let _server = bench.xrdp(net, n, &[])?;
            let mut client = bench.freerdp(net, n, &[TRUST, "/sec:tls"])?;
            seconds(5.0);
            client.signal("TERM");
            client.wait(Duration::from_secs(3));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "a healthy session with network level authentication",
        wanted: Wanted::Healthy,
        patience: 0.0,
        play: |net, bench, n| {
            let _server = bench.shadow(net, n, "nla")?;
            let mut client = bench.freerdp(net, n, &[TRUST, "/sec:nla", "/p:secret"])?;
            seconds(5.0);
            client.signal("TERM");
            client.wait(Duration::from_secs(3));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "a healthy session of an old client",
        wanted: Wanted::Healthy,
        patience: 0.0,
        play: |net, bench, n| {
            let _server = bench.xrdp(net, n, &[("security_layer", "rdp")])?;
            let mut client = bench.rdesktop(net, n, &[])?;
            seconds(5.0);
            client.signal("TERM");
            client.wait(Duration::from_secs(3));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "the password is wrong",
        wanted: Wanted::Failure(&["wrong-credentials"]),
        patience: 0.0,
        play: |net, bench, n| {
            let _server = bench.shadow(net, n, "nla")?;
            let mut client = bench.freerdp(net, n, &[TRUST, "/sec:nla", "/p:wrong"])?;
            client.wait(Duration::from_secs(8));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "the server demands network level authentication",
        wanted: Wanted::Failure(&["nla-required"]),
        patience: 0.0,
        play: |net, bench, n| {
            let _server = bench.shadow(net, n, "nla")?;
            let mut client = bench.freerdp(net, n, &[TRUST, "/sec:tls"])?;
            client.wait(Duration::from_secs(5));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "nobody listens",
        wanted: Wanted::Failure(&["rdp-service-down", "rdp-port-changed"]),
        patience: 0.0,
        play: |net, bench, n| {
            let mut client = bench.freerdp(net, n, &[TRUST])?;
            client.wait(Duration::from_secs(5));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "the firewall rejects the attempt",
        wanted: Wanted::Failure(&["port-blocked"]),
        patience: 0.0,
        play: |net, bench, n| {
            let _server = bench.xrdp(net, n, &[])?;
            net.rule(
                "r",
                "forward",
                "tcp dport 3389 reject with icmpx admin-prohibited",
            )?;
            let mut client = bench.freerdp(net, n, &[TRUST])?;
            client.wait(Duration::from_secs(6));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "the router resets the session",
        wanted: Wanted::Failure(&["connection-reset-by-middlebox"]),
        patience: 0.0,
        play: |net, bench, n| {
            let _server = bench.xrdp(net, n, &[])?;
            let mut client = bench.freerdp(net, n, &[TRUST, "/sec:tls"])?;
            seconds(4.0);
            // Whoever speaks next is reset: FreeRDP asks every few seconds whether the server is there.
            net.rule("r", "forward", "meta l4proto tcp reject with tcp reset")?;
            client.wait(Duration::from_secs(9));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "the router resets the handshake",
        wanted: Wanted::Failure(&["connection-reset-by-middlebox", "tls-intercepted"]),
        patience: 0.0,
        play: |net, bench, n| {
            let _server = bench.xrdp(net, n, &[])?;
            net.rule(
                "r",
                "forward",
                "meta l4proto tcp ct packets > 5 reject with tcp reset",
            )?;
            let mut client = bench.freerdp(net, n, &[TRUST, "/sec:tls"])?;
            client.wait(Duration::from_secs(6));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "the client refuses an expired certificate",
        // FreeRDP says goodbye as if all were well, encrypted: a person who looks at a certificate does the same.
        wanted: Wanted::Waiting,
        patience: 0.0,
        play: |net, bench, n| {
            let file = |name: &str| bench.folder.join(name).display().to_string();
            let (pem, key) = (file("expired.pem"), file("expired.key"));
            let _server = bench.xrdp(net, n, &[("certificate", &pem), ("key_file", &key)])?;
            let mut client = bench.freerdp(net, n, &["/cert:deny", "/sec:tls"])?;
            client.wait(Duration::from_secs(5));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "the server's key is missing",
        wanted: Wanted::Failure(&[
            "security-layer-mismatch",
            "private-key-access-denied",
            "machine-keys-corrupt",
            "bound-certificate-unusable",
        ]),
        patience: 0.0,
        play: |net, bench, n| {
            let _server = bench.xrdp(
                net,
                n,
                &[("key_file", "/nowhere/key.pem"), ("security_layer", "tls")],
            )?;
            let mut client = bench.freerdp(net, n, &[TRUST, "/sec:tls"])?;
            client.wait(Duration::from_secs(5));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "no TLS version in common",
        wanted: Wanted::Failure(&["tls-version-mismatch"]),
        patience: 0.0,
        play: |net, bench, n| {
            let _server = bench.xrdp(
                net,
                n,
                &[("ssl_protocols", "TLSv1.3"), ("security_layer", "tls")],
            )?;
            let mut client = bench.rdesktop(net, n, &["-V", "1.2"])?;
            client.wait(Duration::from_secs(5));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "no cipher suite in common",
        wanted: Wanted::Failure(&["tls-cipher-mismatch", "fips-mismatch"]),
        patience: 0.0,
        play: |net, bench, n| {
            let settings = [
                ("ssl_protocols", "TLSv1.2"),
                ("tls_ciphers", "ECDHE-RSA-AES256-GCM-SHA384"),
                ("security_layer", "tls"),
            ];
            let _server = bench.xrdp(net, n, &settings)?;
            let options = [
                TRUST,
                "/sec:tls",
                "/tls-ciphers:ECDHE-RSA-AES128-GCM-SHA256",
            ];
            let mut client = bench.freerdp(net, n, &options)?;
            client.wait(Duration::from_secs(5));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "the server is killed in the handshake",
        wanted: Wanted::Failure(&["rdp-service-crashed"]),
        patience: 0.0,
        play: |net, bench, n| {
            let server = bench.xrdp(net, n, &[])?;
            // It hears the request, and is gone before it can answer.
            server.signal("STOP");
            let mut client = bench.freerdp(net, n, &[TRUST, "/sec:tls"])?;
            seconds(1.5);
            kill_all(net, &["xrdp"])?;
            client.wait(Duration::from_secs(5));
            seconds(1.5);
            Ok(())
        },
    },
    Scenario {
        name: "the server is killed in a session",
        wanted: Wanted::Failure(&["rdp-service-crashed", "server-restarting"]),
        patience: 0.0,
        play: |net, bench, n| {
            let _server = bench.xrdp(net, n, &[])?;
            let mut client = bench.freerdp(net, n, &[TRUST, "/sec:tls"])?;
            seconds(4.0);
            kill_all(net, &["xrdp"])?;
            client.wait(Duration::from_secs(5));
            seconds(1.5);
            Ok(())
        },
    },
];

/// Kills every program of these names on the server: xrdp has a process for each connection.
fn kill_all(net: &Net, names: &[&str]) -> Result<(), String> {
    let told = net.pids("s")?;
    for pid in told {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        if names.contains(&name.trim()) {
            let _ = crate::shell::run(&format!("kill -KILL {pid}"));
        }
    }
    Ok(())
}
