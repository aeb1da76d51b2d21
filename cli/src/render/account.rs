//! Attempts in words: who, from where, to where, and how it ended.

use rdpwhy_analyzer::report::{AttemptReport, Endpoint};

use super::Context;
use super::page::{Run, plain};

/// `WS-0417 10.2.8.41:50122`.
pub fn endpoint(end: &Endpoint) -> String {
    let address = match (&end.ip, end.port) {
        (Some(ip), Some(port)) if ip.contains(':') => Some(format!("[{ip}]:{port}")),
        (Some(ip), Some(port)) => Some(format!("{ip}:{port}")),
        (Some(ip), None) => Some(ip.clone()),
        (None, Some(port)) => Some(format!("port {port}")),
        (None, None) => None,
    };
    match (&end.host, address) {
        (Some(host), Some(address)) => format!("{host} {address}"),
        (Some(host), None) => host.clone(),
        (None, Some(address)) => address,
        (None, None) => "?".to_owned(),
    }
}

/// `WS-0417 10.2.8.41:50122 → 10.2.1.7:3389, CORP\ana, 2026-11-21 08:14:03.118; the server closed it (FIN).`
pub fn connection(context: &Context<'_>, attempt: &AttemptReport) -> Vec<Run> {
    let mut runs = vec![plain(format!(
        "{} → {},",
        endpoint(&attempt.client),
        endpoint(&attempt.server)
    ))];
    if let Some(user) = &attempt.user {
        runs.push(plain(format!(" {user},")));
    }
    runs.push(plain(format!(" {}", context.clock.time(&attempt.started, None))).whole());
    runs.push(plain(
        ending(attempt).map_or_else(|| ".".to_owned(), |end| format!("; {end}.")),
    ));
    runs
}

/// Who ended it, and how.
pub fn ending(attempt: &AttemptReport) -> Option<String> {
    let who = match attempt.closed_by {
        "client" => "the client",
        "server" => "the server",
        "middlebox" => "a device between the two",
        "nobody" => return Some("it went silent".to_owned()),
        _ => "somebody",
    };
    if attempt.closed_how == "negotiation-failure" {
        return Some("the server refused the protocols asked for".to_owned());
    }
    let how = match attempt.closed_how {
        "fin" => "closed it (FIN)",
        "rst" => "reset it (RST)",
        "alert" => "sent a TLS alert",
        "error-info" => "closed it and said why",
        "icmp" => "answered with ICMP",
        "refused" => "refused it",
        "silence" => return Some("nobody answered any more".to_owned()),
        "still-open" => return Some("still open when the evidence ends".to_owned()),
        _ if attempt.closed_by == "unknown" => return None,
        _ => "closed it",
    };
    Some(format!("{who} {how}"))
}

/// `disconnect reason 2308 (0x904), extended reason 7 (0x7)`: what the sides reported.
pub fn codes(attempt: &AttemptReport) -> Option<String> {
    let said: Vec<String> = attempt
        .codes
        .iter()
        .filter_map(|(name, code)| told(name, *code))
        .collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// One code as a person would say it. Reasons that every end by the socket carries say nothing and are left out.
fn told(name: &str, code: i64) -> Option<String> {
    let (registry, who) = match name {
        "disconnect_reason" => ("disconnect-reason", "mstsc said"),
        "server_reason" => ("rdpcorets-reason", "the server noted reason"),
        "session_reason" => ("session-reason", "the session ended with reason"),
        "negotiation_failure" => ("negotiation-failure", "the server refused with failure"),
        "error_info" => ("error-info", "the server sent error info"),
        "socket_error" => ("win32", "the server's socket failed with"),
        _ => return Some(format!("{} {code} ({code:#x})", name.replace('_', " "))),
    };
    let known = u32::try_from(code)
        .ok()
        .and_then(|c| rdpwhy_parsers::code(registry, c));
    let silent = matches!(
        (name, code),
        ("server_reason", 0 | 14) | ("session_reason", 0) | ("socket_error", 64)
    );
    if silent {
        return None;
    }
    let meaning = known.map_or_else(String::new, |c| format!(": {}", c.meaning));
    Some(format!("{who} {code} ({code:#x}){meaning}"))
}
