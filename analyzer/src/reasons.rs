//! Reason codes by what they mean for a connection; the numbers and their classes are in the parsers' code tables.

use rdpwhy_parsers::{EventRef, code};

use crate::names::field;

/// What a reason says about the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The user or the client's program ended it.
    Orderly,
    /// The user logged off.
    Logoff,
    /// Another connection took the session.
    Takeover,
    /// A time limit.
    Limit,
    /// An administrator.
    Admin,
    /// The network went away.
    Network,
    /// The name was not found.
    NameFailed,
    /// The port was not reached.
    ConnectFailed,
    /// Any other reason: something was wrong.
    Fault,
    /// No reason given.
    Unsaid,
}

/// RdpCoreTS 103.
pub fn rdpcorets(reason: i64) -> Class {
    class("rdpcorets-reason", reason)
}

/// LocalSessionManager 40.
pub fn session(reason: i64) -> Class {
    class("session-reason", reason)
}

/// RDPClient 1026.
pub fn client(reason: i64) -> Class {
    class("disconnect-reason", reason)
}

/// Set Error Info PDU ([MS-RDPBCGR] 2.2.5.1.1).
pub fn error_info(code: i64) -> Class {
    class("error-info", code)
}

fn class(registry: &str, value: i64) -> Class {
    let word = u32::try_from(value)
        .ok()
        .and_then(|v| code(registry, v))
        .map(|c| c.class);
    match word {
        Some("orderly" | "server") => Class::Orderly,
        Some("logoff") => Class::Logoff,
        Some("takeover") => Class::Takeover,
        Some("limit") => Class::Limit,
        Some("admin") => Class::Admin,
        Some("network") => Class::Network,
        Some("name") => Class::NameFailed,
        Some("connect") => Class::ConnectFailed,
        Some("unknown") => Class::Unsaid,
        _ => Class::Fault,
    }
}

/// Whether a Service Control Manager record is about TermService, by its short name (the display name is localised).
pub fn is_remote_desktop_service(e: EventRef<'_>) -> bool {
    let service = e.text(field::SERVICE).unwrap_or_default();
    service.eq_ignore_ascii_case("TermService")
        || service.eq_ignore_ascii_case("Remote Desktop Services")
}
