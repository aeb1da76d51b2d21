//! The timeline: a canvas and its controls for the script to fill, and a table that is there without it.

use rdpwhy_analyzer::Timeline;
use rdpwhy_analyzer::timeline::{Entry, Filter};

use super::super::markup::Markup;
use crate::render::names::channel;
use crate::render::{Context, ladder, number};

/// Rows of the table without scripts. With them it holds all events.
const STATIC_ROWS: usize = 1_000;

/// Writes the section.
pub fn section(
    m: &mut Markup,
    context: &Context<'_>,
    timeline: &Timeline<'_>,
    filter: &Filter,
    events: usize,
) {
    m.within("section", &[("id", "timeline"), ("aria-labelledby", "timeline-title")], |m| {
        m.element("h2", &[("id", "timeline-title")], "Timeline");
        m.element("p", &[], "All logs and captures on one clock. Each row of the picture is a log or a connection, each mark an event.");
        m.within("div", &[("class", "script-only timeline")], |m| {
            controls(m);
            picture(m);
        });
        table(m, context, timeline, filter, events);
    });
}

fn controls(m: &mut Markup) {
    m.within(
        "form",
        &[
            ("id", "filters"),
            ("class", "bar"),
            ("aria-label", "Filter"),
        ],
        |m| {
            for (id, name) in [
                ("rows", "Rows"),
                ("host", "Host"),
                ("stage", "Stage"),
                ("kind", "Kind"),
            ] {
                m.within("label", &[], |m| {
                    m.text(name);
                    m.within("select", &[("id", id)], |_| {});
                });
            }
            m.within("label", &[("class", "grow")], |m| {
                m.text("Text");
                m.void(
                    "input",
                    &[
                        ("id", "words"),
                        ("type", "search"),
                        ("placeholder", "name, address, code …"),
                    ],
                );
            });
            m.element(
                "button",
                &[("type", "button"), ("id", "everything")],
                "Show all",
            );
            m.element("output", &[("id", "count")], "");
        },
    );
}

fn picture(m: &mut Markup) {
    m.within(
        "div",
        &[
            ("class", "bar"),
            ("role", "toolbar"),
            ("aria-label", "Zoom"),
        ],
        |m| {
            for (id, sign, name) in [
                ("zoom-in", "+", "Zoom in"),
                ("zoom-out", "−", "Zoom out"),
                ("earlier", "←", "Earlier"),
                ("later", "→", "Later"),
                ("fit", "Fit", "Show the whole time"),
                ("to-failure", "✗ Failure", "Show the first failure"),
            ] {
                m.element(
                    "button",
                    &[
                        ("type", "button"),
                        ("id", id),
                        ("title", name),
                        ("aria-label", name),
                    ],
                    sign,
                );
            }
            m.within("ul", &[("id", "legend"), ("aria-label", "Legend")], |_| {});
        },
    );
    m.within("div", &[("id", "stage-area")], |m| {
        m.element(
            "canvas",
            &[
                ("id", "lanes"),
                ("tabindex", "0"),
                ("role", "application"),
                ("aria-label", "Timeline. Arrow keys move, plus and minus zoom, 0 shows all, N and P step through events, Enter opens one."),
            ],
            "",
        );
        m.within("div", &[("id", "tip"), ("role", "status"), ("hidden", "")], |_| {});
    });
    m.element("p", &[("class", "note")], "Wheel or + − to zoom, drag or ← → to move, ↑ ↓ for other rows, N and P from event to event, click or Enter for all fields.");
}

fn table(
    m: &mut Markup,
    context: &Context<'_>,
    timeline: &Timeline<'_>,
    filter: &Filter,
    events: usize,
) {
    let shown = events.min(STATIC_ROWS);
    m.within("div", &[("class", "beside")], |m| {
        m.within("div", &[("id", "rows-area"), ("class", "wide"), ("tabindex", "0"), ("role", "region"), ("aria-label", "Events")], |m| {
            m.within("table", &[("id", "events"), ("aria-rowcount", &(events + 1).to_string())], |m| {
                m.within("caption", &[], |m| {
                    m.text(&format!("{} events", number(events as u64)));
                    if shown < events {
                        m.within("span", &[("class", "script-off")], |m| {
                            m.text(&format!("; the first {} of them without scripts, all of them in rdpwhy timeline", number(shown as u64)));
                        });
                    }
                });
                m.within("thead", &[], |m| {
                    m.within("tr", &[], |m| {
                        for name in ["Time", "Host", "Log", "Event", "Stage", "What it says"] {
                            m.element("th", &[("scope", "col")], name);
                        }
                    });
                });
                m.within("tbody", &[], |m| {
                    for entry in timeline.entries(filter).take(shown) {
                        row(m, context, &entry);
                    }
                });
            });
        });
        m.within("aside", &[("id", "details"), ("class", "script-only"), ("aria-live", "polite"), ("aria-label", "Event")], |m| {
            m.element("p", &[("class", "note")], "Choose an event to see all its fields.");
        });
    });
}

fn row(m: &mut Markup, context: &Context<'_>, entry: &Entry<'_>) {
    m.within("tr", &[], |m| {
        m.element(
            "td",
            &[],
            &context
                .clock
                .time(&rdpwhy_analyzer::assemble::time(entry.time), None),
        );
        m.element("td", &[], entry.host.unwrap_or("wire"));
        m.element("td", &[], &channel(entry.channel));
        let event = match entry.origin {
            Some((provider, id)) => format!("{} {id}", channel(provider)),
            None => format!("packet {}", entry.place),
        };
        m.element("td", &[], &event);
        m.element("td", &[], entry.stage.map_or("", ladder::name));
        m.element("td", &[], &entry.says);
    });
}
