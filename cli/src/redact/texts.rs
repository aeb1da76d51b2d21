//! Every text of a report that comes, in part, from the evidence, and every id.

use rdpwhy_analyzer::reasoning::{Reasoned, ReasonedSign};
use rdpwhy_analyzer::report::{AttemptReport, Evidence, Report, Sign, VerdictReport};

/// Hands over all sentences and commands.
pub fn each(report: &mut Report, to: &mut dyn FnMut(&mut String)) {
    for source in &mut report.sources {
        for defect in &mut source.defects {
            to(&mut defect.what);
        }
    }
    for clock in &mut report.clocks {
        to(&mut clock.basis);
    }
    for one in &mut report.attempts {
        attempt(one, to);
    }
    for one in &mut report.verdicts {
        verdict(one, to);
    }
    for reasoned in report.reasoning.iter_mut().flat_map(|r| &mut r.attempts) {
        reasoning(reasoned, to);
    }
}

/// Those of an attempt.
pub fn attempt(attempt: &mut AttemptReport, to: &mut dyn FnMut(&mut String)) {
    for step in &mut attempt.steps {
        step.brief.iter_mut().for_each(&mut *to);
        signs(&mut step.signs, to);
    }
}

fn signs(signs: &mut [Sign], to: &mut dyn FnMut(&mut String)) {
    for sign in signs {
        to(&mut sign.says);
    }
}

fn evidence(entries: &mut [Evidence], to: &mut dyn FnMut(&mut String)) {
    for entry in entries {
        to(&mut entry.says);
        to(&mut entry.origin);
    }
}

/// Those of a verdict.
pub fn verdict(verdict: &mut VerdictReport, to: &mut dyn FnMut(&mut String)) {
    to(&mut verdict.title);
    to(&mut verdict.summary);
    verdict.mstsc.iter_mut().for_each(&mut *to);
    evidence(&mut verdict.evidence, to);
    for alternative in &mut verdict.alternatives {
        to(&mut alternative.why_not);
    }
    for missing in &mut verdict.missing {
        to(&mut missing.what);
        missing.command.iter_mut().for_each(&mut *to);
    }
    signs(&mut verdict.changes, to);
    if let Some(remedy) = &mut verdict.remedy {
        for text in [&mut remedy.summary, &mut remedy.risk, &mut remedy.verify] {
            to(text);
        }
        remedy.undo.iter_mut().for_each(&mut *to);
        remedy.commands.iter_mut().for_each(to);
    }
}

fn reasoning(reasoned: &mut Reasoned, to: &mut dyn FnMut(&mut String)) {
    reasoned.clients.iter_mut().for_each(&mut *to);
    to(&mut reasoned.server);
    to(&mut reasoned.why);
    for list in [
        &mut reasoned.required,
        &mut reasoned.supporting,
        &mut reasoned.excluding,
    ] {
        for s in list.iter_mut() {
            reasoned_sign(s, to);
        }
    }
}

fn reasoned_sign(sign: &mut ReasonedSign, to: &mut dyn FnMut(&mut String)) {
    to(&mut sign.says);
    sign.note.iter_mut().for_each(&mut *to);
    evidence(&mut sign.found, to);
    for stretch in sign.covered.iter_mut().chain(&mut sign.missing) {
        to(&mut stretch.host);
        to(&mut stretch.why);
        stretch.command.iter_mut().for_each(&mut *to);
    }
    sign.members.iter_mut().for_each(|m| reasoned_sign(m, to));
}

/// Hands over all ids, where they are given and where they are pointed to.
pub fn ids(report: &mut Report, to: &mut dyn FnMut(&mut String)) {
    for attempt in &mut report.attempts {
        ids_of_attempt(attempt, to);
    }
    for verdict in &mut report.verdicts {
        ids_of_verdict(verdict, to);
    }
    for reasoned in report.reasoning.iter_mut().flat_map(|r| &mut r.attempts) {
        reasoned.attempts.iter_mut().for_each(&mut *to);
    }
}

/// Those of an attempt.
pub fn ids_of_attempt(attempt: &mut AttemptReport, to: &mut dyn FnMut(&mut String)) {
    to(&mut attempt.id);
    attempt.part_of.iter_mut().for_each(&mut *to);
    attempt.verdict.iter_mut().for_each(&mut *to);
}

/// Those of a verdict.
pub fn ids_of_verdict(verdict: &mut VerdictReport, to: &mut dyn FnMut(&mut String)) {
    to(&mut verdict.id);
    verdict.attempts.iter_mut().for_each(&mut *to);
    verdict.example.iter_mut().for_each(&mut *to);
}
