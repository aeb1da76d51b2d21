//! The way to a verdict as a flowchart: the steps of the connection as questions, and where one was answered "no", the
//! causes that were weighed, until one held.

mod draw;
mod wrap;

use rdpwhy_analyzer::report::{AttemptReport, Step, VerdictReport};
use rdpwhy_analyzer::stage::Stage;

use super::markup::Markup;
use crate::render::names::channels;
use crate::render::when::duration;
use crate::render::{Context, account, ladder};
use draw::{Column, Ink, Line, Node, Shape};

/// Causes ruled out that are drawn; the table below the picture has all.
const MOST_CAUSES: usize = 6;
/// Evidence told in one node.
const FEW_SIGNS: usize = 3;

/// Draws the chart of a verdict.
pub fn svg(m: &mut Markup, context: &Context<'_>, v: &VerdictReport) {
    let attempt = v
        .example
        .as_ref()
        .and_then(|id| context.report.attempts.iter().find(|a| a.id == *id));
    let mut steps = Column::default();
    let broke = if let Some(a) = attempt {
        path(&mut steps, context, a)
    } else {
        steps.add(
            Node::new(Shape::Start, Ink::Plain, "What the logs tell of the host")
                .line(Line::Plain, v.host.as_deref().unwrap_or("")),
            "",
        );
        0
    };
    let mut causes = Column::default();
    weigh(&mut causes, context, v);
    let title = format!("How it was decided: {}", v.title);
    draw::chart(m, &title, &steps, broke, &causes);
}

/// The steps that were taken, the one that was not, and those that were never reached; returns the number of the node that
/// the causes hang on.
fn path(column: &mut Column, context: &Context<'_>, a: &AttemptReport) -> usize {
    column.add(
        Node::new(Shape::Start, Ink::Plain, "A connection begins")
            .line(
                Line::Plain,
                &format!(
                    "{} → {}",
                    account::endpoint(&a.client),
                    account::endpoint(&a.server)
                ),
            )
            .line(Line::Faint, &context.clock.time(&a.started, None)),
        "",
    );
    let mut broke = 0;
    for step in a.steps.iter().filter(|s| s.state != "not-reached") {
        let node = question(context, step);
        if step.state == "broke" {
            broke = column.len();
            column.add(node, "yes");
            break;
        }
        column.add(node, if column.len() == 1 { "" } else { "yes" });
    }
    if broke == 0 {
        broke = column.len() - 1; // a remark on a connection that went well
        return broke;
    }
    let last = a
        .steps
        .iter()
        .rev()
        .find(|s| s.state == "broke")
        .and_then(|s| Stage::named(s.stage));
    let rest: Vec<&str> = Stage::ALL
        .into_iter()
        .filter(|s| last.is_some_and(|l| *s > l))
        .map(|s| ladder::name(s.name()))
        .collect();
    if !rest.is_empty() {
        let words = if a.outcome == "dropped" {
            "· the session went on no further"
        } else {
            "· not reached"
        };
        column.add(
            Node::new(Shape::Ghost, Ink::Faint, words).line(Line::Faint, &rest.join(", ")),
            "would go on",
        );
    }
    broke
}

fn question(context: &Context<'_>, step: &Step) -> Node {
    let asked = match step.stage {
        "name" => "Did the client look for the server?",
        "tcp" => "Did the port answer (TCP)?",
        "x224" => "Did both agree on a protocol (X.224)?",
        "tls" => "Did TLS come up?",
        "credssp" => "Did the user prove who they are (CredSSP)?",
        "authorization" => "May the user log on here?",
        "mcs" => "Were the channels set up (MCS)?",
        "licensing" => "Was a licence granted?",
        "activation" => "Was the session made ready?",
        "session" => "Did the session go on?",
        other => other,
    };
    let after = step
        .after_ms
        .filter(|ms| *ms >= 0.0)
        .map(|ms| format!(", after {}", duration(ms)))
        .unwrap_or_default();
    if step.state == "broke" {
        let mut node = Node::new(Shape::Question, Ink::Bad, asked)
            .line(Line::Strong, &format!("✗ no: it broke here{after}"));
        if let Some(brief) = &step.brief {
            node = node.line(Line::Plain, brief);
        }
        for sign in step.signs.iter().rev().take(FEW_SIGNS).rev() {
            node = node.line(Line::Plain, &sign.says);
            let place = context.names.place(sign.source, &sign.at);
            let event = sign
                .event
                .as_ref()
                .map_or(place, |e| format!("{e}, {}", sign.at));
            node = node.line(Line::Faint, &event);
        }
        return node;
    }
    let mut node =
        Node::new(Shape::Question, Ink::Good, asked).line(Line::Strong, &format!("✓ yes{after}"));
    if let Some(brief) = &step.brief {
        node = node.line(Line::Plain, brief);
    }
    let places = ladder::places(context, &step.signs);
    if !places.is_empty() {
        node = node.line(Line::Faint, &places);
    }
    node
}

/// The causes that were ruled out, then the one that held, and what follows from it.
fn weigh(column: &mut Column, context: &Context<'_>, v: &VerdictReport) {
    let shown = v.alternatives.len().min(MOST_CAUSES);
    let named = v.cause.is_some();
    for other in v.alternatives.iter().take(shown) {
        let (ink, answer) = if named {
            (Ink::Faint, "✗ ruled out")
        } else {
            (Ink::Unsure, "? cannot be told")
        };
        column.add(
            Node::new(Shape::Question, ink, &format!("{}?", other.title))
                .line(Line::Strong, answer)
                .line(Line::Plain, &channels(&other.why_not)),
            "no",
        );
    }
    let more = v.alternatives.len() - shown;
    if more > 0 {
        column.add(
            Node::new(
                Shape::Ghost,
                Ink::Faint,
                &format!("{more} more, in the table below"),
            ),
            "no",
        );
    }
    if named {
        let sure = v.confidence.unwrap_or("possible");
        let mut node = Node::new(Shape::Answer, Ink::Bad, &v.title)
            .line(Line::Strong, &format!("✓ this is it: {sure}"));
        for e in v
            .evidence
            .iter()
            .filter(|e| e.role != "contradicting")
            .take(FEW_SIGNS)
        {
            node = node
                .line(Line::Plain, &e.says)
                .line(Line::Faint, &context.names.place_of(e));
        }
        column.add(node, "no");
    } else {
        let mut node = Node::new(Shape::Answer, Ink::Unsure, "The evidence does not decide");
        for missing in v.missing.iter().take(FEW_SIGNS) {
            node = node.line(
                Line::Plain,
                &format!("missing: {}", channels(&missing.what)),
            );
        }
        column.add(node, "no");
    }
    if let Some(remedy) = &v.remedy {
        let place = remedy.host.as_deref().unwrap_or(&remedy.run_on);
        let place = if place.is_empty() {
            String::new()
        } else {
            format!("on {place}")
        };
        column.add(
            Node::new(Shape::Step, Ink::Plain, "What to do")
                .line(Line::Plain, &remedy.summary)
                .line(Line::Faint, &place),
            "so",
        );
        if !remedy.verify.is_empty() {
            column.add(
                Node::new(Shape::Step, Ink::Good, "It worked when")
                    .line(Line::Plain, &remedy.verify),
                "then",
            );
        }
    }
}
