//! Checklists: for each verdict the steps to take, in order, on one page to print.

mod expect;
mod page;
mod room;

use rdpwhy_analyzer::report::{Remedy, VerdictReport};

use crate::render::Context;
use crate::render::names::channels;

pub use page::{html, markdown};

/// Evidence to look at first, most telling first.
const FEW_SIGNS: usize = 2;
/// What is still missing that a checklist asks for.
const FEW_MISSING: usize = 3;

/// One thing to do.
pub struct Step {
    /// What, as a sentence.
    pub what: String,
    /// Lines to paste.
    pub command: Option<String>,
    /// What is seen when it went well.
    pub expect: String,
    /// What to do if it is not.
    pub otherwise: String,
    /// Who does it: client, server, gateway, network, directory side, with the host's name.
    pub who: String,
}

/// The steps for a verdict.
pub fn steps(context: &Context<'_>, v: &VerdictReport) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(first) = confirm(context, v) {
        steps.push(first);
    }
    match &v.remedy {
        Some(r) => remedy(&mut steps, v, r),
        None => collect(&mut steps, v),
    }
    steps
}

/// Before anybody changes anything: look at the evidence, on the machine that is to be changed.
fn confirm(context: &Context<'_>, v: &VerdictReport) -> Option<Step> {
    let told: Vec<_> = v.evidence.iter().filter(|e| e.role == "decisive").collect();
    let told = if told.is_empty() {
        v.evidence.iter().collect()
    } else {
        told
    };
    let first = told.first()?;
    let places: Vec<String> = told
        .iter()
        .take(FEW_SIGNS)
        .map(|e| {
            let event = e
                .event
                .as_ref()
                .map(|e| format!("{e}: "))
                .unwrap_or_default();
            format!(
                "{event}{}, {}",
                context.names.place_of(e),
                context.clock.moment(&e.time)
            )
        })
        .collect();
    Some(Step {
        what: format!("Look at what this rests on: {}.", places.join("; ")),
        command: None,
        expect: first.says.clone(),
        otherwise: "Stop: this list is for another case. Run the diagnosis again on fresh logs."
            .to_owned(),
        who: "whoever has the evidence".to_owned(),
    })
}

fn remedy(steps: &mut Vec<Step>, v: &VerdictReport, r: &Remedy) {
    let who = who(r);
    if !r.risk.trim().is_empty() {
        steps.push(Step {
            what: format!("Agree on the moment. {}", r.risk),
            command: None,
            expect: "Those concerned know and agree; somebody has console access.".to_owned(),
            otherwise: "Wait for a maintenance window.".to_owned(),
            who: format!("owner of {}", r.host.as_deref().unwrap_or("the system")),
        });
    }
    let back = match r.undo.as_deref().map(str::trim).filter(|u| !u.is_empty()) {
        Some(undo) => format!("take back: {undo}"),
        None => "leave the rest as it is".to_owned(),
    };
    if r.commands.is_empty() {
        steps.push(Step {
            what: r.summary.clone(),
            command: None,
            expect: "It is done, and written down below with the time.".to_owned(),
            otherwise: format!("Stop; {back}."),
            who: who.clone(),
        });
    }
    let mut explained = false;
    for (n, command) in r.commands.iter().enumerate() {
        let what = if n == 0 {
            r.summary.clone()
        } else {
            String::new()
        };
        let said = expect::of(command);
        let otherwise = if said.reads_only {
            "Note what it says; it tells what is still wrong.".to_owned()
        } else if explained {
            "As above.".to_owned()
        } else {
            explained = true;
            format!("\"Access denied\": use an elevated console. Anything else: stop; {back}")
        };
        steps.push(Step {
            what,
            command: Some(command.clone()),
            expect: said.words.to_owned(),
            otherwise,
            who: who.clone(),
        });
    }
    if !r.verify.trim().is_empty() {
        let next = v
            .alternatives
            .iter()
            .find(|a| a.confidence.is_some())
            .or(v.alternatives.first());
        let next = next
            .map(|a| format!(" Look at \"{}\" next.", a.title))
            .unwrap_or_default();
        steps.push(Step {
            what: "Let somebody connect, and check.".to_owned(),
            command: None,
            expect: r.verify.clone(),
            otherwise: format!("Export the logs again and run the diagnosis on them.{next}"),
            who: "a user, and whoever did the above".to_owned(),
        });
    }
}

/// Without a cause the thing to do is to get the evidence that decides.
fn collect(steps: &mut Vec<Step>, v: &VerdictReport) {
    for missing in v.missing.iter().take(FEW_MISSING) {
        steps.push(Step {
            what: format!("Get this: {}.", channels(&missing.what).trim_end_matches('.')),
            command: missing.command.clone(),
            expect: "A file with records of that time.".to_owned(),
            otherwise: "If the log is off or was overwritten, switch it on or make it larger, and wait for the next failure.".to_owned(),
            who: "administrator of that host".to_owned(),
        });
    }
    steps.push(Step {
        what: "Run the diagnosis again on the old files and the new ones together.".to_owned(),
        command: None,
        expect: "It names a cause.".to_owned(),
        otherwise: "Keep all files, and record the next failure with a capture on both sides."
            .to_owned(),
        who: "whoever has the evidence".to_owned(),
    });
}

fn who(r: &Remedy) -> String {
    let side = match r.run_on.as_str() {
        "" => "administrator".to_owned(),
        "network" => "network team".to_owned(),
        "directory" => "directory administrator".to_owned(),
        side => format!("administrator of the {side}"),
    };
    match &r.host {
        Some(host) => format!("{side}, on {host}"),
        None => side,
    }
}
