//! Who takes part in a story, and what each of its steps does.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::net::Net;
use crate::peers::Bench;
use crate::scenarios::Scenario;
use crate::shell::{self, Running};

/// How long something may take that is to happen before the story can go on.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the program is given to say what it must say within a second.
const VERDICT: f64 = 1.5;

/// Who listens.
pub enum Server {
    Nobody,
    /// xrdp with these settings; `FOLDER` in a value is where the certificates are.
    Xrdp(&'static [(&'static str, &'static str)]),
    /// FreeRDP's shadow server with this security: `nla`, `tls`, `rdp`.
    Shadow(&'static str),
}

/// Who connects, and with what options.
pub enum Client {
    FreeRdp(&'static [&'static str]),
    Rdesktop(&'static [&'static str]),
}

/// A rule of a packet filter.
pub struct Rule {
    /// Computer: `c`, `r`, `s`.
    pub on: &'static str,
    /// `input`, `output`, `forward`.
    pub hook: &'static str,
    /// As `nft` has it.
    pub rule: &'static str,
}

/// One thing that happens.
pub enum Step {
    /// Seconds pass.
    Wait(f64),
    /// A client is connected and the server has sent it so many bytes; on a busy machine that takes its time.
    Sent(u64),
    /// The client ends by itself, within so many seconds; else the story goes on with it.
    ClientEnds(f64),
    /// The person closes the client.
    ClientLeaves,
    /// A packet filter gets a rule.
    Filter(Rule),
    /// A computer's packet filter is emptied.
    Unfilter(&'static str),
    /// A command runs on a computer.
    Run(&'static str, &'static str),
    /// The server stands still.
    Freeze,
    /// All programs of this name on the server are killed: xrdp has a process for each connection.
    Kill(&'static str),
}

fn seconds(n: f64) {
    sleep(Duration::from_secs_f64(n));
}

/// Starts the server.
pub fn serve(
    server: &Server,
    net: &Net,
    bench: &Bench,
    number: usize,
) -> Result<Option<Running>, String> {
    let folder = bench.folder.display().to_string();
    match server {
        Server::Nobody => Ok(None),
        Server::Xrdp(settings) => {
            let settings: Vec<(&str, String)> = settings
                .iter()
                .map(|(key, value)| (*key, value.replace("FOLDER", &folder)))
                .collect();
            let settings: Vec<(&str, &str)> = settings.iter().map(|(k, v)| (*k, &**v)).collect();
            bench.xrdp(net, number, &settings).map(Some)
        }
        Server::Shadow(security) => bench.shadow(net, number, security).map(Some),
    }
}

/// Plays one story from its beginning to its end.
pub fn play(scenario: &Scenario, net: &Net, bench: &Bench, number: usize) -> Result<(), String> {
    let server = serve(&scenario.server, net, bench, number)?;
    for step in scenario.before {
        happens(step, net, server.as_ref(), None)?;
    }
    let mut client = match scenario.client {
        Client::FreeRdp(options) => bench.freerdp(net, number, options)?,
        Client::Rdesktop(options) => bench.rdesktop(net, number, options)?,
    };
    for step in scenario.then {
        happens(step, net, server.as_ref(), Some(&mut client))?;
    }
    Ok(())
}

/// Whether the server has a connection on which it sent so many bytes.
fn has_sent(net: &Net, bytes: u64) -> bool {
    let told = net.run("s", "ss -Htni state established sport = :3389");
    let told = told.unwrap_or_default();
    let sent = |word: &str| word.strip_prefix("bytes_sent:")?.parse::<u64>().ok();
    let most = told.split_whitespace().filter_map(sent).max();
    !told.trim().is_empty() && most.unwrap_or(0) >= bytes
}

/// Does what a step says.
pub fn happens(
    step: &Step,
    net: &Net,
    server: Option<&Running>,
    client: Option<&mut Running>,
) -> Result<(), String> {
    match step {
        Step::Wait(n) => seconds(*n),
        // What does not come is for the verdict to tell.
        Step::Sent(bytes) => {
            let begun = Instant::now();
            while begun.elapsed() < PATIENCE && !has_sent(net, *bytes) {
                seconds(0.1);
            }
        }
        Step::ClientEnds(patience) => {
            if let Some(client) = client {
                client.wait(Duration::from_secs_f64(*patience));
            }
            seconds(VERDICT);
        }
        Step::ClientLeaves => {
            if let Some(client) = client {
                client.signal("TERM");
                client.wait(Duration::from_secs(3));
            }
            seconds(VERDICT);
        }
        Step::Filter(Rule { on, hook, rule }) => net.rule(on, hook, rule)?,
        Step::Unfilter(on) => drop(net.run(on, "nft flush ruleset")?),
        Step::Run(on, command) => drop(net.run(on, command)?),
        Step::Freeze => {
            if let Some(server) = server {
                server.signal("STOP");
            }
        }
        Step::Kill(name) => {
            for pid in net.pids("s")? {
                let told = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
                if told.trim() == *name {
                    let _ = shell::run(&format!("kill -KILL {pid}"));
                }
            }
        }
    }
    Ok(())
}
