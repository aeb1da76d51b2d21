//! The steps of one attempt with what shows each: where it broke, and what was reached before.

use rdpwhy_parsers::catalog;

use crate::assemble;
use crate::attempt::{Attempt, Outcome};
use crate::evidence::Evidence;
use crate::report::Step;
use crate::stage::Stage;

/// Signs shown per step; a step of RdpCoreTS can have a dozen.
const MOST_SIGNS: usize = 4;

/// One step per stage that anybody saw, up to the one where it ended; one more that was never reached.
pub fn steps(evidence: &Evidence, a: &Attempt) -> Vec<Step> {
    let mut steps = Vec::new();
    let went_well = matches!(a.outcome, Outcome::Ok | Outcome::Cancelled) || (a.stage == Stage::Session && a.outcome != Outcome::Dropped);
    for stage in Stage::ALL.into_iter().filter(|s| *s <= a.stage) {
        let of_stage: Vec<_> = a
            .signs()
            .filter(|at| {
                let own = evidence.kind(*at).and_then(catalog::info).and_then(|i| i.stage).and_then(Stage::named);
                own == Some(stage) || (own.is_none() && stage == a.stage && ends(evidence, *at))
            })
            .collect();
        if of_stage.is_empty() && stage != a.stage {
            continue;
        }
        let first = of_stage.first().map(|at| evidence.time(*at));
        let signs = of_stage.iter().take(MOST_SIGNS).map(|at| assemble::sign(evidence, *at)).collect();
        #[allow(clippy::cast_precision_loss, reason = "milliseconds of one connection are far below 2^52")]
        let after_ms = first.map(|t| t.since(a.start) as f64 / 1_000_000.0);
        let state = if stage < a.stage || went_well { "passed" } else { "broke" };
        steps.push(Step { stage: stage.name(), state, after_ms, signs });
    }
    if a.outcome.is_bad() {
        if let Some(next) = Stage::ALL.into_iter().find(|s| *s > a.stage) {
            steps.push(Step { stage: next.name(), state: "not-reached", after_ms: None, signs: Vec::new() });
        }
    }
    steps
}

/// Whether a sign tells of the connection's end: it belongs to the step where it broke.
fn ends(evidence: &Evidence, at: crate::evidence::At) -> bool {
    evidence.kind(at).is_some_and(|k| {
        matches!(
            k.name(),
            "tcp.closed"
                | "tcp.refused"
                | "tcp.unanswered"
                | "tls.alerted"
                | "connection.disconnect-reason"
                | "socket.read-failed"
                | "socket.write-failed"
                | "session.disconnect-reason"
                | "client.disconnected"
                | "error-info.received"
        )
    })
}

/// Where it ended, for a sentence: "after the X.224 request".
pub fn reached(stage: Stage) -> &'static str {
    match stage {
        Stage::Name => "before the server's address was known",
        Stage::Tcp => "before or right after TCP came up",
        Stage::X224 => "after the connection request (X.224), before TLS",
        Stage::Tls => "during the TLS handshake",
        Stage::Credssp => "during the logon (CredSSP)",
        Stage::Authorization => "when the right to log on was checked",
        Stage::Mcs => "after the logon, while channels were set up (MCS)",
        Stage::Licensing => "during licensing",
        Stage::Activation => "while the session was being arranged",
        Stage::Session => "in the session",
    }
}
