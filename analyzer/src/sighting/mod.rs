//! One connection as one witness saw it: a capture, the server's logs, the client's log or a gateway's.
//!
//! Sightings still carry their witness's own clock; [`crate::clock`] learns the offsets from sightings of the same
//! connection, and [`crate::merge`] then makes one attempt of them.

use rdpwhy_parsers::Timestamp;
use std::net::IpAddr;

use crate::evidence::At;
use crate::hosts::HostId;

pub mod client;
pub mod contradiction;
pub mod gateway;
pub mod server;
pub mod session;
pub mod wire;

/// Who saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// A capture.
    Wire,
    /// RdpCoreTS and the server's other logs.
    Server,
    /// RDPClient.
    Client,
    /// TerminalServices-Gateway.
    Gateway,
}

/// One end, as far as the witness knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Peer {
    /// Address.
    pub ip: Option<IpAddr>,
    /// Port.
    pub port: Option<u16>,
    /// Host whose logs we hold.
    pub host: Option<HostId>,
    /// Name as the witness wrote it.
    pub name: Option<String>,
}

/// Something of a connection that no other one has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fingerprint {
    /// Random of the ClientHello, in hex.
    Random(String),
    /// Correlation id of the X.224 request, in hex.
    Correlation(String),
    /// Initial sequence numbers of client and server; some firewalls change them.
    Sequence(i64, i64),
}

/// One connection as one witness saw it.
#[derive(Debug, Clone)]
pub struct Sighting {
    /// Who saw it.
    pub view: View,
    /// The capture, for the wire.
    pub source: u32,
    /// Who connected.
    pub client: Peer,
    /// To whom.
    pub server: Peer,
    /// `DOMAIN\user` or `user`.
    pub user: Option<String>,
    /// First sign, in the witness's clock.
    pub start: Timestamp,
    /// Last sign, in the witness's clock.
    pub end: Timestamp,
    /// All signs, in order.
    pub events: Vec<At>,
    /// Session number at the server.
    pub session: Option<i64>,
    /// What every capture point of a connection sees alike, whatever addresses are translated on the way.
    pub fingerprints: Vec<Fingerprint>,
    /// Tries that were folded into this one.
    pub count: u64,
    /// The witness came when it was under way: its start is not the connection's.
    pub midstream: bool,
}

/// `DOMAIN\user` from its parts; `-` and empty count as absent.
pub fn account(domain: Option<&str>, user: Option<&str>) -> Option<String> {
    let real = |t: Option<&str>| {
        t.map(str::trim)
            .filter(|t| !t.is_empty() && *t != "-")
            .map(str::to_owned)
    };
    let user = real(user)?;
    if user.contains('\\') || user.contains('@') {
        return Some(user);
    }
    Some(match real(domain) {
        Some(domain) => format!("{domain}\\{user}"),
        None => user,
    })
}

/// Whether two spellings name the same account: case and a missing domain do not matter.
pub fn same_account(a: &str, b: &str) -> bool {
    let bare = |t: &str| {
        let t = t.rsplit('\\').next().unwrap_or(t);
        t.split('@').next().unwrap_or(t).to_lowercase()
    };
    bare(a) == bare(b)
}

/// A server as a person typed it: `name`, `name:port`, `1.2.3.4`, `[v6]:port`, bare `v6`.
pub fn target(text: &str) -> (String, Option<u16>) {
    let text = text.trim();
    if let Some(rest) = text.strip_prefix('[')
        && let Some((host, port)) = rest.split_once(']')
    {
        return (host.to_owned(), port.trim_start_matches(':').parse().ok());
    }
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => match port.parse() {
            Ok(port) => (host.to_owned(), Some(port)),
            Err(_) => (text.to_owned(), None),
        },
        _ => (text.to_owned(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_as_people_type_them() {
        assert_eq!(target("srv:3390"), ("srv".into(), Some(3390)));
        assert_eq!(target("10.0.0.1"), ("10.0.0.1".into(), None));
        assert_eq!(target("[fe80::1]:3389"), ("fe80::1".into(), Some(3389)));
        assert_eq!(target("fe80::1"), ("fe80::1".into(), None));
    }

    #[test]
    fn accounts_meet_whatever_their_spelling() {
        assert!(same_account("CORP\\Ana", "ana@corp.example"));
        assert!(!same_account("CORP\\ana", "CORP\\anna"));
        assert_eq!(account(Some("-"), Some("ana")).as_deref(), Some("ana"));
        assert_eq!(account(Some("CORP"), Some("-")), None);
    }
}
