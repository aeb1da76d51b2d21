//! What is different between two runs, for people.

use super::compare::{Alone, Changed, Difference, Side};
use super::told::Verdict;
use crate::render::safe::{Charset, SENTENCE, safe};
use crate::render::when::Clock;

/// How it looks.
pub struct Page {
    /// Zone of the times.
    pub clock: Clock,
    /// Characters that can be shown.
    pub charset: Charset,
    /// Escapes for colours.
    pub colour: bool,
}

impl Page {
    /// Writes it.
    pub fn text(&self, difference: &Difference) -> String {
        let mut lines = vec![
            self.safe(&format!("before  {}", self.side(&difference.before))),
            self.safe(&format!("after   {}", self.side(&difference.after))),
            String::new(),
        ];
        for alone in &difference.appeared {
            lines.push(self.line("+", "31;1", &title(&alone.verdict)));
            lines.extend(self.below(&alone.verdict));
        }
        for alone in &difference.went {
            // Nobody knows whether what could not be looked at is gone.
            let (mark, colour) = alone.other.map_or(("-", "32"), |_| ("?", "33"));
            lines.push(self.line(mark, colour, &title(&alone.verdict)));
            lines.extend(self.below(&alone.verdict));
            lines.extend(unseen(alone).map(|why| format!("    {why}")));
        }
        for changed in &difference.changed {
            lines.push(self.line("~", "33", &title(&changed.after)));
            lines.extend(self.below(&changed.after));
            lines.extend(changed.fields.iter().map(|f| self.field(changed, f)));
        }
        if difference.is_empty() {
            lines.push(match difference.same {
                0 => "No difference: no verdict in either.".to_owned(),
                1 => "No difference: the same verdict in both.".to_owned(),
                n => format!("No difference: the same {n} verdicts in both."),
            });
        } else {
            lines.push(String::new());
            lines.push(format!(
                "{} appeared, {} went, {} changed, {} the same",
                difference.appeared.len(),
                difference.went.len(),
                difference.changed.len(),
                difference.same
            ));
        }
        lines.join("\n") + "\n"
    }

    fn safe(&self, text: &str) -> String {
        safe(text, SENTENCE, self.charset)
    }

    fn dots(&self, parts: &[String]) -> String {
        let dot = match self.charset {
            Charset::Unicode => " · ",
            Charset::Ascii => ", ",
        };
        parts.join(dot)
    }

    fn line(&self, mark: &str, code: &str, text: &str) -> String {
        let text = self.safe(text);
        if self.colour {
            format!("\x1b[{code}m{mark}\x1b[0m {text}")
        } else {
            format!("{mark} {text}")
        }
    }

    fn side(&self, side: &Side) -> String {
        let s = &side.summary;
        self.dots(&[
            side.path.clone(),
            format!("{} fine", s.ok),
            format!("{} failed", s.failed),
            format!("{} lost", s.dropped),
        ])
    }

    fn below(&self, v: &Verdict) -> Vec<String> {
        let mut parts = Vec::new();
        parts.extend(v.unit.clone());
        parts.extend(v.host.clone().filter(|h| v.unit.as_ref() != Some(h)));
        parts.extend(v.cause.clone());
        if v.tries > 0 {
            parts.push(match v.tries {
                1 => "1 try".to_owned(),
                n => format!("{n} tries"),
            });
        }
        if let Some(first) = &v.first {
            let last = v.last.as_ref().unwrap_or(first);
            parts.push(self.clock.span(first, last));
        }
        let line = self.safe(&self.dots(&parts));
        (!parts.is_empty())
            .then(|| format!("    {line}"))
            .into_iter()
            .collect()
    }

    fn field(&self, changed: &Changed, field: &str) -> String {
        let arrow = match self.charset {
            Charset::Unicode => "→",
            Charset::Ascii => "->",
        };
        let (before, after) = (
            self.value(&changed.before, field),
            self.value(&changed.after, field),
        );
        let change = self.safe(&format!("{before} {arrow} {after}"));
        format!("    {field:<11} {change}")
    }

    fn value(&self, v: &Verdict, field: &str) -> String {
        let value = match field {
            "cause" => v.cause.clone(),
            "severity" => Some(v.severity.clone()),
            "confidence" => v.confidence.clone(),
            "host" => v.host.clone(),
            "first" => v.first.as_ref().map(|t| self.clock.moment(t)),
            "last" => v.last.as_ref().map(|t| self.clock.moment(t)),
            _ => Some(v.tries.to_string()),
        };
        value.unwrap_or_else(|| "none".to_owned())
    }
}

/// `The user name or password is wrong (certain, remark)`.
fn title(v: &Verdict) -> String {
    let remark = (v.severity == "remark").then_some("remark");
    let more: Vec<&str> = v.confidence.as_deref().into_iter().chain(remark).collect();
    if more.is_empty() {
        v.title.clone()
    } else {
        format!("{} ({})", v.title, more.join(", "))
    }
}

fn unseen(alone: &Alone) -> Option<&'static str> {
    match alone.other? {
        "unreadable" => Some("nothing of this host could be read in the later run"),
        _ => Some("the later run has no such host"),
    }
}
