//! One verdict, as a person would explain it.

use rdpwhy_analyzer::report::{Evidence, Remedy, VerdictReport};

use super::super::flowchart;
use super::super::markup::Markup;
use super::ladder;
use crate::render::evidence::alike;
use crate::render::names::channels;
use crate::render::{Context, account, number, verdict};

/// Entries shown at once; the others fold out.
const FEW: usize = 6;

/// Writes all about it.
pub fn article(m: &mut Markup, context: &Context<'_>, v: &VerdictReport) {
    let class = match (v.severity, &v.cause) {
        ("remark", _) => "verdict remark",
        (_, Some(_)) => "verdict failure",
        (_, None) => "verdict open",
    };
    m.within("article", &[("class", class), ("id", &v.id)], |m| {
        heading(m, context, v);
        if !v.summary.trim().is_empty() {
            m.element("p", &[("class", "summary")], &v.summary);
        }
        m.within("div", &[("class", "columns")], |m| {
            m.within("div", &[], |m| {
                evidence(m, context, v);
                changes(m, context, v);
            });
            m.within("div", &[], |m| {
                if let Some(r) = &v.remedy {
                    remedy(m, r);
                }
                missing(m, v);
            });
        });
        example(m, context, v);
        m.within("details", &[("class", "path"), ("open", "")], |m| {
            m.within("summary", &[], |m| {
                m.element("h3", &[], "How this was decided");
            });
            flowchart::svg(m, context, v);
        });
        alternatives(m, v);
    });
}

fn heading(m: &mut Markup, context: &Context<'_>, v: &VerdictReport) {
    m.within("header", &[], |m| {
        m.within("h2", &[], |m| {
            let (mark, word) = match (v.severity, &v.cause) {
                ("remark", _) => ("i", "Remark"),
                (_, Some(_)) => ("✗", "Failure"),
                (_, None) => ("?", "Not explained"),
            };
            m.within("span", &[("class", "kind")], |m| {
                m.text(&format!("{mark} {word}"));
            });
            m.text(" ");
            m.text(&v.title);
        });
        m.within("p", &[("class", "facts")], |m| {
            sure(m, v.confidence);
            m.text(" ");
            m.text(&verdict::about(context, v).join(" · "));
        });
    });
}

/// How sure it is: three dots, of which more are filled the surer it is, and the word.
fn sure(m: &mut Markup, confidence: Option<&str>) {
    let (dots, word, means) = match confidence {
        Some("certain") => (
            "●●●",
            "certain",
            "a side states the reason itself, and nothing contradicts it",
        ),
        Some("likely") => (
            "●●○",
            "likely",
            "all signs of it are there, though no side states it",
        ),
        Some("possible") => (
            "●○○",
            "possible",
            "its signs are there, but not everything was recorded that could speak against it",
        ),
        _ => (
            "○○○",
            "cannot be told",
            "the evidence does not separate the causes that remain",
        ),
    };
    m.within("span", &[("class", "sure"), ("title", means)], |m| {
        m.within("span", &[("aria-hidden", "true")], |m| m.text(dots));
        m.text(&format!(" {word}"));
    });
}

fn example(m: &mut Markup, context: &Context<'_>, v: &VerdictReport) {
    let attempt = v
        .example
        .as_ref()
        .and_then(|id| context.report.attempts.iter().find(|a| a.id == *id));
    let mstsc = v.mstsc.as_deref().filter(|t| !t.is_empty());
    let Some(attempt) = attempt else {
        if let Some(mstsc) = mstsc {
            m.element("p", &[], &format!("mstsc shows {mstsc}."));
        }
        return;
    };
    m.element(
        "h3",
        &[],
        if v.attempts.len() > 1 {
            "One of these connections"
        } else {
            "The connection"
        },
    );
    m.within("p", &[], |m| {
        let runs = account::connection(context, attempt);
        m.text(&runs.iter().map(|r| r.text().to_owned()).collect::<String>());
        if let Some(mstsc) = mstsc {
            m.text(&format!(" mstsc shows {mstsc}."));
        }
        if let Some(codes) = account::codes(attempt) {
            m.text(&format!(" Reported: {codes}."));
        }
        m.text(" ");
        m.element(
            "button",
            &[
                ("type", "button"),
                ("class", "script-only to-attempt"),
                ("data-attempt", &attempt.id),
            ],
            "show it on the timeline",
        );
    });
    ladder::side_by_side(m, context, attempt);
}

fn evidence(m: &mut Markup, context: &Context<'_>, v: &VerdictReport) {
    if v.evidence.is_empty() {
        return;
    }
    m.element(
        "h3",
        &[],
        if v.cause.is_some() {
            "Why"
        } else {
            "What is there"
        },
    );
    let groups: Vec<_> = ["decisive", "supporting", "contradicting"]
        .into_iter()
        .flat_map(|role| alike(v, role))
        .collect();
    folded(m, &groups, "more", |m, g| group(m, context, g));
}

/// What says the same at several places: once, with all its places.
fn group(m: &mut Markup, context: &Context<'_>, group: &[&Evidence]) {
    let [first, again @ ..] = group else { return };
    entry(m, context, first);
    if again.is_empty() {
        return;
    }
    m.within("small", &[], |m| m.text(" · also "));
    let (shown, rest) = again.split_at(again.len().min(FEW));
    for (n, e) in shown.iter().enumerate() {
        if n > 0 {
            m.text(", ");
        }
        place(m, e.source, &e.at, &e.at);
    }
    if !rest.is_empty() {
        let last = rest.last().map(|e| context.clock.time(&e.time, None));
        m.within("small", &[], |m| {
            m.text(&format!(
                " and {} more times, the last at {}",
                number(rest.len() as u64),
                last.unwrap_or_default()
            ));
        });
    }
}

fn entry(m: &mut Markup, context: &Context<'_>, e: &Evidence) {
    m.within("span", &[("class", e.role)], |m| m.text(e.role));
    m.text(" ");
    m.text(&e.says);
    m.text(" ");
    place(m, e.source, &e.at, &{
        let mut place = context.names.place_of(e);
        if let Some(event) = &e.event {
            place = format!("{event} · {place}");
        }
        place
    });
    m.within("small", &[], |m| {
        m.text(&format!(" {}", context.clock.time(&e.time, None)));
        if let Some(raw) = &e.raw_time {
            m.text(&format!(
                " ({} in its own clock)",
                context.clock.time(raw, None)
            ));
        }
        if e.times > 1 {
            m.text(&format!(", {} times", number(e.times)));
        }
    });
}

/// A place in the evidence; with scripts it leads to the event on the timeline.
pub fn place(m: &mut Markup, source: u32, at: &str, words: &str) {
    m.element(
        "a",
        &[
            ("href", "#timeline"),
            ("class", "place"),
            ("data-source", &source.to_string()),
            ("data-at", at),
        ],
        words,
    );
}

fn changes(m: &mut Markup, context: &Context<'_>, v: &VerdictReport) {
    if v.changes.is_empty() && v.last_good.is_none() {
        return;
    }
    m.element("h3", &[], "What happened before");
    m.within("ul", &[("class", "plain")], |m| {
        for c in &v.changes {
            m.within("li", &[], |m| {
                m.element("b", &[], &context.clock.moment(&c.time));
                m.text(&format!(" {} ", c.says));
                place(m, c.source, &c.at, &context.names.place(c.source, &c.at));
            });
        }
        if let Some(good) = &v.last_good {
            m.within("li", &[], |m| {
                m.element("b", &[], &context.clock.moment(good));
                m.text(" the last connection that went well began");
            });
        }
    });
}

fn alternatives(m: &mut Markup, v: &VerdictReport) {
    if v.alternatives.is_empty() {
        return;
    }
    m.within("details", &[], |m| {
        let named = v.cause.is_some();
        m.within("summary", &[], |m| {
            m.element(
                "h3",
                &[],
                if named {
                    "What it is not, and why"
                } else {
                    "What it may be"
                },
            );
        });
        m.within("table", &[], |m| {
            m.within("thead", &[], |m| {
                m.within("tr", &[], |m| {
                    m.element("th", &[("scope", "col")], "Cause");
                    m.element(
                        "th",
                        &[("scope", "col")],
                        if named {
                            "Ruled out because"
                        } else {
                            "What speaks against it, or is not known"
                        },
                    );
                });
            });
            m.within("tbody", &[], |m| {
                for a in &v.alternatives {
                    m.within("tr", &[], |m| {
                        m.within("td", &[], |m| {
                            m.text(&a.title);
                            m.element("small", &[], &format!(" {}", a.cause));
                        });
                        m.element("td", &[], &channels(&a.why_not));
                    });
                }
            });
        });
    });
}

fn remedy(m: &mut Markup, r: &Remedy) {
    m.element("h3", &[], "What to do");
    m.within("p", &[], |m| {
        let place = match (r.run_on.as_str(), &r.host) {
            ("", _) => String::new(),
            (side, Some(host)) => format!("On {host} ({side}): "),
            ("directory", None) => "In the directory: ".to_owned(),
            (side, None) => format!("On the {side}: "),
        };
        m.element("b", &[], &place);
        m.text(&r.summary);
    });
    if !r.commands.is_empty() {
        m.within("ol", &[("class", "commands")], |m| {
            for c in &r.commands {
                m.within("li", &[], |m| command(m, c));
            }
        });
    }
    m.within("dl", &[], |m| {
        let undo = r.undo.as_deref().unwrap_or_default();
        for (name, text) in [
            ("Risk", r.risk.as_str()),
            ("Undo", undo),
            ("Check", r.verify.as_str()),
        ] {
            if !text.is_empty() {
                m.element("dt", &[], name);
                m.within("dd", &[], |m| {
                    // A sentence, or a command to paste.
                    if name == "Undo" && !text.trim_end().ends_with('.') {
                        command(m, text);
                    } else {
                        m.text(text);
                    }
                });
            }
        }
    });
}

/// Lines to paste.
pub fn command(m: &mut Markup, text: &str) {
    m.within("pre", &[("tabindex", "0")], |m| {
        m.within("code", &[], |m| m.lines(text));
    });
}

fn missing(m: &mut Markup, v: &VerdictReport) {
    if v.missing.is_empty() || v.confidence == Some("certain") {
        return; // what would make it surer is of no use to anybody
    }
    m.element(
        "h3",
        &[],
        if v.cause.is_some() {
            "What would make it surer"
        } else {
            "What would settle it"
        },
    );
    folded(m, &v.missing, "more", |m, missing| {
        m.text(&channels(&missing.what));
        if !missing.would_decide.is_empty() {
            m.element(
                "small",
                &[],
                &format!(" would decide {}", missing.would_decide.join(", ")),
            );
        }
        if let Some(c) = &missing.command {
            command(m, c);
        }
    });
}

/// A list of which the first entries show and the others fold out.
fn folded<T>(m: &mut Markup, entries: &[T], more: &str, write: impl Fn(&mut Markup, &T)) {
    let (shown, rest) = entries.split_at(entries.len().min(FEW));
    let list = |m: &mut Markup, entries: &[T]| {
        m.within("ul", &[("class", "plain")], |m| {
            for e in entries {
                m.within("li", &[], |m| write(m, e));
            }
        });
    };
    list(m, shown);
    if !rest.is_empty() {
        m.within("details", &[], |m| {
            m.element("summary", &[], &format!("{} {more}", rest.len()));
            list(m, rest);
        });
    }
}
