//! The remedy of a cause, with the names of the case in it.

use crate::assemble::Parts;
use crate::command;
use crate::knowledge::Cause;
use crate::matcher::peer_name;
use crate::report::Remedy;
use crate::verdict::Verdict;

/// With the names of the verdict's first attempt.
pub fn of_case(parts: &Parts<'_>, c: &Cause, v: &Verdict) -> Option<Remedy> {
    let first = v.attempts.first().and_then(|i| parts.attempts.get(*i));
    let alone = |side: &str| (c.host == side).then(|| v.host.clone());
    let named = |name: &str| match name {
        "server" => first
            .map(|a| peer_name(&a.server))
            .or_else(|| alone("server")),
        "client" => first
            .map(|a| peer_name(&a.client))
            .or_else(|| alone("client")),
        "host" => Some(v.host.clone()),
        "user" => first.and_then(|a| a.user.clone()),
        _ => None,
    };
    filled(c, named)
}

/// Without a case: markers stand where names go.
pub fn general(c: &Cause) -> Option<Remedy> {
    filled(c, |_| None)
}

fn filled(c: &Cause, named: impl Fn(&str) -> Option<String>) -> Option<Remedy> {
    c.remedy.as_ref().map(|r| Remedy {
        summary: command::fill_text(&r.summary, &named),
        run_on: r.run_on.clone(),
        host: if matches!(r.run_on.as_str(), "server" | "client") {
            named(&r.run_on)
        } else {
            None
        },
        commands: r
            .commands
            .iter()
            .map(|c| command::fill(c, &named))
            .collect(),
        risk: command::fill_text(&r.risk, &named),
        undo: r.undo.as_ref().map(|u| command::fill(u, &named)),
        verify: command::fill_text(&r.verify, &named),
    })
}
