//! Three computers: a client, a router and a server, each a network namespace of its own, joined by cables.
//!
//! Nothing here touches the network of the machine that it runs on, and all of it goes when [`Net`] goes.

use std::process::Command;

use crate::shell::run;

/// Address of the server.
pub const SERVER: &str = "10.77.2.2";
/// The router's interface towards the client.
pub const TAP: &str = "rc";

/// The three of them.
pub struct Net {
    name: String,
}

impl Net {
    /// Makes them and joins them.
    pub fn new(number: usize) -> Result<Self, String> {
        let net = Self {
            name: format!("rdpwhy-{}-{number}", std::process::id()),
        };
        let [c, r, s] = ["c", "r", "s"].map(|who| net.of(who));
        for name in [&c, &r, &s] {
            run(&format!("ip netns add {name}"))?;
            run(&format!("ip -n {name} link set lo up"))?;
        }
        run(&format!(
            "ip link add up0 netns {c} type veth peer name {TAP} netns {r}"
        ))?;
        run(&format!(
            "ip link add up0 netns {s} type veth peer name rs netns {r}"
        ))?;
        for (who, device, address) in [
            (&c, "up0", "10.77.1.2/24"),
            (&r, TAP, "10.77.1.1/24"),
            (&r, "rs", "10.77.2.1/24"),
            (&s, "up0", "10.77.2.2/24"),
        ] {
            run(&format!("ip -n {who} addr add {address} dev {device}"))?;
            run(&format!("ip -n {who} link set {device} up"))?;
            // Segments as they are on real cables, where there is the tool for it.
            let _ = run(&format!(
                "ip netns exec {who} ethtool -K {device} tso off gso off gro off tx off"
            ));
        }
        run(&format!("ip -n {c} route add default via 10.77.1.1"))?;
        run(&format!("ip -n {s} route add default via 10.77.2.1"))?;
        net.sysctl("r", "net.ipv4.ip_forward", "1")?;
        // As Windows sends, so that what the router makes up itself differs.
        net.sysctl("c", "net.ipv4.ip_default_ttl", "128")?;
        net.sysctl("s", "net.ipv4.ip_default_ttl", "128")?;
        Ok(net)
    }

    fn of(&self, who: &str) -> String {
        format!("{}-{who}", self.name)
    }

    /// Sets a kernel parameter of one of them.
    pub fn sysctl(&self, who: &str, key: &str, value: &str) -> Result<(), String> {
        run(&format!(
            "ip netns exec {} sysctl -qw {key}={value}",
            self.of(who)
        ))
        .map(drop)
    }

    /// A command to be run on one of them: `c`, `r`, `s`.
    pub fn on(&self, who: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.of(who), program]);
        command
    }

    /// Runs a command of words there.
    pub fn run(&self, who: &str, command: &str) -> Result<String, String> {
        run(&format!("ip netns exec {} {command}", self.of(who)))
    }

    /// The processes that run on one of them.
    pub fn pids(&self, who: &str) -> Result<Vec<u32>, String> {
        let told = run(&format!("ip netns pids {}", self.of(who)))?;
        Ok(told
            .split_whitespace()
            .filter_map(|p| p.parse().ok())
            .collect())
    }

    /// Gives the packet filter of one of them a rule for `hook` (input, output, forward).
    pub fn rule(&self, who: &str, hook: &str, rule: &str) -> Result<(), String> {
        self.run(who, "nft add table inet lab")?;
        let chain =
            format!("nft add chain inet lab {hook} {{ type filter hook {hook} priority 0 ; }}");
        self.run(who, &chain)?;
        self.run(who, &format!("nft add rule inet lab {hook} {rule}"))
            .map(drop)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for who in ["c", "r", "s"] {
            let _ = run(&format!("ip netns del {}", self.of(who)));
        }
    }
}
