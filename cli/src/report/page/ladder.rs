//! The ladder of a connection beside that of the last good one: each step with time and evidence.

use rdpwhy_analyzer::report::{AttemptReport, Step};

use super::super::compare;
use super::super::markup::Markup;
use super::{mark, verdict};
use crate::render::when::duration;
use crate::render::{Context, account, ladder};

/// Signs of a step that show at once; where it broke, twice as many.
const FEW: usize = 3;

/// Writes both as one table, so that the same step stands on one line.
pub fn side_by_side(m: &mut Markup, context: &Context<'_>, failed: &AttemptReport) {
    let good = compare::last_good(context.report, failed);
    let beside = good.as_ref().map(|g| g.attempt);
    m.within(
        "div",
        &[
            ("class", "wide"),
            ("tabindex", "0"),
            ("role", "region"),
            ("aria-label", "Steps of the connection"),
        ],
        |m| {
            m.within("table", &[("class", "ladder")], |m| {
                m.within("thead", &[], |m| {
                    m.within("tr", &[], |m| {
                        m.element("th", &[("scope", "col")], "Step");
                        m.within("th", &[("scope", "col")], |m| {
                            m.text("This connection");
                            m.element(
                                "small",
                                &[],
                                &format!(" {}", context.clock.time(&failed.started, None)),
                            );
                        });
                        if let Some(good) = &good {
                            m.within("th", &[("scope", "col")], |m| {
                                m.text(if good.same_client {
                                    "The last good one of the same pair"
                                } else {
                                    "A good one of another client"
                                });
                                let whose = if good.same_client {
                                    String::new()
                                } else {
                                    format!(", {}", account::endpoint(&good.attempt.client))
                                };
                                let when = context.clock.time(&good.attempt.started, None);
                                m.element("small", &[], &format!(" {when}{whose}"));
                            });
                        }
                    });
                });
                m.within("tbody", &[], |m| rows(m, context, failed, beside));
            });
        },
    );
    if good.is_none() {
        m.element("p", &[("class", "note")], "No connection to this server that went well is in the evidence, so there is none to compare with.");
    }
}

fn rows(
    m: &mut Markup,
    context: &Context<'_>,
    failed: &AttemptReport,
    good: Option<&AttemptReport>,
) {
    let step = |a: &AttemptReport, stage: &str| a.steps.iter().position(|s| s.stage == stage);
    for stage in rdpwhy_analyzer::stage::Stage::ALL {
        let name = stage.name();
        let this = step(failed, name).and_then(|i| failed.steps.get(i));
        let other = good.and_then(|g| step(g, name).and_then(|i| g.steps.get(i)));
        if this.is_none() && other.is_none() {
            continue;
        }
        m.within(
            "tr",
            &[("class", this.map_or("not-reached", |s| s.state))],
            |m| {
                m.element("th", &[("scope", "row")], ladder::name(name));
                m.within("td", &[], |m| cell(m, context, this, failed));
                if good.is_some() {
                    m.within("td", &[], |m| match other {
                        Some(s) => rung(m, context, s),
                        None => m.element("small", &[], "nothing recorded"),
                    });
                }
            },
        );
    }
}

/// A step that a failed connection has no entry for lies before what anybody saw, or behind its end.
fn cell(m: &mut Markup, context: &Context<'_>, step: Option<&Step>, attempt: &AttemptReport) {
    if let Some(s) = step {
        rung(m, context, s);
    } else {
        let order = |stage: &str| rdpwhy_analyzer::stage::Stage::named(stage);
        let last = attempt
            .steps
            .iter()
            .rev()
            .find(|s| s.state != "not-reached")
            .and_then(|s| order(s.stage));
        let behind = last.is_some_and(|l| {
            attempt
                .steps
                .first()
                .and_then(|f| order(f.stage))
                .is_some_and(|f| f <= l)
        });
        m.element(
            "small",
            &[],
            if behind {
                "· not reached, or not recorded"
            } else {
                "nothing recorded"
            },
        );
    }
}

fn rung(m: &mut Markup, context: &Context<'_>, step: &Step) {
    let word = match step.state {
        "passed" => "passed",
        "broke" => "broke here",
        _ => "not reached",
    };
    m.within("p", &[], |m| {
        m.within("span", &[("class", "state")], |m| {
            m.text(&format!("{} {word}", mark(step.state)));
        });
        if let Some(ms) = step.after_ms {
            m.element("small", &[], &format!(" {}", after(ms)));
        }
        if let Some(brief) = &step.brief {
            m.text(&format!(" {brief}"));
        }
    });
    let few = if step.state == "broke" { 2 * FEW } else { FEW };
    let (shown, rest) =
        step.signs.split_at(
            step.signs
                .len()
                .min(if step.state == "broke" { few } else { 0 }),
        );
    let list = |m: &mut Markup, signs: &[rdpwhy_analyzer::report::Sign]| {
        m.within("ul", &[("class", "signs")], |m| {
            for sign in signs {
                m.within("li", &[], |m| {
                    m.text(&format!("{} ", sign.says));
                    let place = context.names.place(sign.source, &sign.at);
                    let event = sign
                        .event
                        .as_ref()
                        .map_or(place.clone(), |e| format!("{e}, {}", sign.at));
                    verdict::place(m, sign.source, &sign.at, &event);
                });
            }
        });
    };
    if !shown.is_empty() {
        list(m, shown);
    }
    if !rest.is_empty() {
        m.within("details", &[], |m| {
            m.element("summary", &[], &ladder::places(context, rest));
            list(m, rest);
        });
    }
}

/// Clocks of logs are corrected to some milliseconds only, so a step can seem to come before the first packet.
fn after(ms: f64) -> String {
    if ms < 0.0 {
        format!("{} before the first packet", duration(-ms))
    } else {
        format!("after {}", duration(ms))
    }
}
