//! The connection that went well to hold a failed one against.

use rdpwhy_analyzer::report::{AttemptReport, Endpoint, Report};

/// A connection that went well, and whose it was.
pub struct Good<'a> {
    /// The connection.
    pub attempt: &'a AttemptReport,
    /// Whether it is of the same client.
    pub same_client: bool,
}

/// The last good connection of the same pair before `failed`; else the first one after it; else the same of any client to
/// that server.
pub fn last_good<'a>(report: &'a Report, failed: &AttemptReport) -> Option<Good<'a>> {
    let good = report
        .attempts
        .iter()
        .filter(|a| a.outcome == "ok" && same(&a.server, &failed.server));
    // Times are RFC 3339 in UTC with the same number of digits: they sort as texts.
    let rank = |a: &AttemptReport| {
        let before = a.started <= failed.started;
        (same(&a.client, &failed.client), before)
    };
    let mut best: Option<&AttemptReport> = None;
    for a in good {
        let better = best.is_none_or(|b| match rank(a).cmp(&rank(b)) {
            std::cmp::Ordering::Equal => (a.started > b.started) == rank(a).1,
            order => order.is_gt(),
        });
        if better {
            best = Some(a);
        }
    }
    best.map(|attempt| Good {
        attempt,
        same_client: same(&attempt.client, &failed.client),
    })
}

/// Whether two ends are the same machine, as far as their names or addresses tell.
fn same(a: &Endpoint, b: &Endpoint) -> bool {
    let equal = |a: &Option<String>, b: &Option<String>| match (a, b) {
        (Some(a), Some(b)) => Some(a.eq_ignore_ascii_case(b)),
        _ => None,
    };
    match (equal(&a.ip, &b.ip), equal(&a.host, &b.host)) {
        (Some(true), _) | (None, Some(true)) => true,
        // An address that has changed hands since, or a client behind DHCP: the name is what stays.
        (Some(false), by_name) => by_name == Some(true),
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(ip: &str, host: &str) -> Endpoint {
        let some = |t: &str| (!t.is_empty()).then(|| t.to_owned());
        Endpoint {
            ip: some(ip),
            port: None,
            host: some(host),
        }
    }

    #[test]
    fn machines_are_known_by_name_or_address() {
        assert!(same(&end("10.0.0.1", ""), &end("10.0.0.1", "WS7")));
        assert!(same(&end("10.0.0.1", "WS7"), &end("10.0.0.2", "ws7")));
        assert!(!same(&end("10.0.0.1", ""), &end("10.0.0.2", "WS7")));
        assert!(!same(&end("", ""), &end("", "")));
    }
}
