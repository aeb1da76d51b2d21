//! The steps of one attempt with what shows each: where it broke, and what was reached before.

use rdpwhy_parsers::catalog;

use crate::assemble;
use crate::attempt::{Attempt, Outcome};
use crate::evidence::Evidence;
use crate::names::{field, kind};
use crate::report::Step;
use crate::stage::Stage;

/// Signs shown per step; a step of RdpCoreTS can have a dozen.
const MOST_SIGNS: usize = 12;

/// One step per stage that anybody saw, up to the one where it ended; one more that was never reached.
pub fn steps(evidence: &Evidence, a: &Attempt) -> Vec<Step> {
    let mut steps = Vec::new();
    let went_well = matches!(a.outcome, Outcome::Ok | Outcome::Cancelled)
        || (a.stage == Stage::Session && a.outcome != Outcome::Dropped);
    for stage in Stage::ALL.into_iter().filter(|s| *s <= a.stage) {
        let of_stage: Vec<_> = a
            .signs()
            .filter(|at| {
                let own = evidence
                    .kind(*at)
                    .and_then(catalog::info)
                    .and_then(|i| i.stage)
                    .and_then(Stage::named);
                own == Some(stage) || (own.is_none() && stage == a.stage && ends(evidence, *at))
            })
            .collect();
        if of_stage.is_empty() && stage != a.stage {
            continue;
        }
        let first = of_stage.first().map(|at| evidence.time(*at));
        let signs = of_stage
            .iter()
            .take(MOST_SIGNS)
            .map(|at| assemble::sign(evidence, *at))
            .collect();
        #[allow(
            clippy::cast_precision_loss,
            reason = "milliseconds of one connection are far below 2^52"
        )]
        let after_ms = first.map(|t| t.since(a.start) as f64 / 1_000_000.0);
        let state = if stage < a.stage || went_well {
            "passed"
        } else {
            "broke"
        };
        let brief = brief(evidence, a, &of_stage);
        steps.push(Step {
            stage: stage.name(),
            state,
            after_ms,
            brief,
            signs,
        });
    }
    if a.outcome.is_bad()
        && let Some(next) = Stage::ALL.into_iter().find(|s| *s > a.stage)
    {
        steps.push(Step {
            stage: next.name(),
            state: "not-reached",
            after_ms: None,
            brief: None,
            signs: Vec::new(),
        });
    }
    steps
}

/// What was agreed in a step, from the packets that show it.
fn brief(evidence: &Evidence, a: &Attempt, signs: &[crate::evidence::At]) -> Option<String> {
    let find = |kind| {
        signs
            .iter()
            .filter_map(|at| evidence.event(*at))
            .find(|e| e.event.kind == kind)
    };
    let mut opened = a
        .events
        .iter()
        .filter_map(|at| evidence.event(*at))
        .filter(|e| e.event.kind == kind::TCP_OPENED);
    let monitored = opened.any(|e| e.text(field::TOLD_BY).is_some());
    let mut words = Vec::new();
    if let Some(ms) = find(kind::TCP_ESTABLISHED).and_then(|e| e.int(field::RTT_US)) {
        #[allow(
            clippy::cast_precision_loss,
            reason = "microseconds of a handshake are far below 2^52"
        )]
        words.push(format!("round trip {:.1} ms", ms as f64 / 1_000.0));
    }
    if let Some(e) = find(kind::X224_REQUESTED) {
        words.push(match e.int(field::REQUESTED_PROTOCOLS) {
            Some(p) => format!("asked for {}", protocols(p)),
            // A monitor's log does not say what was asked for.
            None if monitored => "asked".to_owned(),
            None => "no negotiation asked for".to_owned(),
        });
    }
    if let Some(p) = find(kind::X224_CONFIRMED).and_then(|e| e.int(field::SELECTED_PROTOCOL)) {
        words.push(format!("got {}", protocols(p)));
    }
    if let Some(c) = find(kind::NEGOTIATION_FAILED).and_then(|e| e.int(field::CODE)) {
        let name = u32::try_from(c)
            .ok()
            .and_then(|c| rdpwhy_parsers::code("negotiation-failure", c))
            .map_or("", |c| c.name);
        words.push(format!("refused: failure {c} {name}"));
    }
    if let Some(e) = find(kind::CLIENT_HELLO) {
        let offered = e
            .text(field::VERSIONS)
            .or_else(|| e.text(field::VERSION))
            .unwrap_or_default();
        words.push(match offered {
            "" => "ClientHello".to_owned(),
            offered => format!("ClientHello offers TLS {}", offered.replace(' ', ", ")),
        });
    }
    if let Some(e) = find(kind::SERVER_HELLO) {
        let text = |f| e.text(f).unwrap_or_default();
        let chosen = format!("{} {}", text(field::VERSION), text(field::SUITE));
        words.push(format!("ServerHello chose TLS {}", chosen.trim()));
    }
    if let Some(e) = find(kind::CERTIFICATE) {
        let expired = if e.flag(field::EXPIRED) {
            ", expired"
        } else {
            ""
        };
        words.push(format!(
            "certificate {}{expired}",
            e.text(field::SUBJECT).unwrap_or_default()
        ));
    }
    if let Some(e) = find(kind::ALERTED) {
        let alert = e.int(field::ALERT).unwrap_or_default();
        let name = u32::try_from(alert)
            .ok()
            .and_then(|a| rdpwhy_parsers::code("tls-alert", a))
            .map_or("", |c| c.name);
        words.push(format!(
            "{} sent alert {alert} {name}",
            e.text(field::FROM).unwrap_or("a side")
        ));
    }
    (!words.is_empty()).then(|| words.join(" · "))
}

/// requestedProtocols and selectedProtocol ([MS-RDPBCGR] 2.2.1.1.1), strongest last.
fn protocols(bits: i64) -> String {
    const NAMES: [(i64, &str); 5] = [
        (1, "TLS"),
        (2, "NLA"),
        (4, "RDSTLS"),
        (8, "NLA with early authorization"),
        (16, "AAD"),
    ];
    let names: Vec<&str> = NAMES
        .iter()
        .filter(|(bit, _)| bits & bit != 0)
        .map(|(_, n)| *n)
        .collect();
    if names.is_empty() {
        "standard RDP security".to_owned()
    } else {
        names.join(", ")
    }
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
