//! One connection, one line.

use jiff::civil::Date;
use rdpwhy_analyzer::report::{AttemptReport, Endpoint};
use rdpwhy_live::line::{Drops, Said, State, Summary};

use crate::render::safe::{Charset, SENTENCE, safe};
use crate::render::when::Clock;

/// How lines look.
pub struct Look {
    /// Zone of the times.
    pub clock: Clock,
    /// Characters that can be shown.
    pub charset: Charset,
    /// Escapes for colours.
    pub colour: bool,
}

/// What stands before the evidence that would decide.
const WOULD_TELL: &str = "would tell: ";

/// A colour by what it means.
#[derive(Clone, Copy)]
pub enum Tone {
    Bad,
    Fine,
    Faint,
    Strong,
    Plain,
}

impl Look {
    /// A text in the colour of its meaning.
    pub fn tone(&self, tone: Tone, text: &str) -> String {
        let code = match tone {
            _ if !self.colour => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Bad => "31;1",
            Tone::Fine => "32",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// One of two spellings, as the terminal can show them.
    pub fn or(&self, unicode: &'static str, ascii: &'static str) -> &'static str {
        match self.charset {
            Charset::Unicode => unicode,
            Charset::Ascii => ascii,
        }
    }

    /// The sign that stands before a connection.
    pub fn mark(&self, state: State, remark: bool) -> String {
        match state {
            State::Failed | State::Dropped if remark => "i".to_owned(),
            State::Failed | State::Dropped => self.tone(Tone::Bad, self.or("✗", "x")),
            State::Ok | State::Open => self.tone(Tone::Fine, self.or("✓", "+")),
            State::Waiting | State::Cancelled | State::Step | State::Unknown => {
                self.tone(Tone::Faint, self.or("·", "-"))
            }
        }
    }

    /// `08:14:03.118  ✗ 10.2.8.41:50122 → 10.2.1.7:3389  ana  The user name … (certain)` and what leads further.
    pub fn said(&self, said: &Said, day: &mut Option<Date>) -> String {
        let moment = said.attempt.ended.as_ref().unwrap_or(&said.at);
        let when = self.clock.time(moment, *day);
        *day = self.clock.day(moment);
        let remark = is_remark(said);
        let (who, what) = (self.who(&said.attempt), what(said));
        let text = format!("{when}  {} {who}  {what}", self.mark(said.state, remark));
        let text = safe(&text_without_escapes(&text, self), SENTENCE, self.charset);
        let text = self.recolour(&text, said.state, remark);
        let more = safe(&further(said).join("; "), SENTENCE, self.charset);
        format!("{text}\n    {}", self.tone(Tone::Faint, &more))
    }

    /// The same for a narrow screen: what happened first, who it happened to below.
    pub fn card(&self, said: &Said, day: &mut Option<Date>) -> Vec<String> {
        let moment = said.attempt.ended.as_ref().unwrap_or(&said.at);
        let when = self.clock.second(moment, *day);
        *day = self.clock.day(moment);
        let gated = |text: &str| safe(text, SENTENCE, self.charset);
        let mark = self.mark(said.state, is_remark(said));
        let what = gated(&what(said));
        let indent = " ".repeat(when.chars().count() + 4);
        let mut lines = vec![
            format!("{when}  {mark} {what}"),
            format!("{indent}{}", gated(&self.who(&said.attempt))),
        ];
        let (told, would): (Vec<String>, Vec<String>) = further(said)
            .into_iter()
            .partition(|m| !m.starts_with(WOULD_TELL));
        let told = told.join(self.or(" · ", ", "));
        for more in [told].into_iter().chain(would) {
            lines.push(format!("{indent}{}", self.tone(Tone::Faint, &gated(&more))));
        }
        lines
    }

    /// The gate takes escapes away, so the mark gets its colour behind it.
    fn recolour(&self, text: &str, state: State, remark: bool) -> String {
        let plain = Look {
            clock: self.clock.clone(),
            charset: self.charset,
            colour: false,
        };
        text.replacen(
            &format!("  {} ", plain.mark(state, remark)),
            &format!("  {} ", self.mark(state, remark)),
            1,
        )
    }

    /// `10.2.8.41:50122 → 10.2.1.7:3389  ana`.
    pub fn who(&self, a: &AttemptReport) -> String {
        let arrow = self.or("→", "->");
        let user = a
            .user
            .as_ref()
            .map(|u| format!("  {u}"))
            .unwrap_or_default();
        format!("{} {arrow} {}{user}", end(&a.client), end(&a.server))
    }

    /// The counters, when packets were lost.
    pub fn drops(&self, d: &Drops) -> String {
        let text = format!(
            "{}: {} packets dropped because they were not read in time, {} by the card; --buffer gives more room",
            d.interface, d.dropped, d.dropped_by_interface
        );
        safe(&text, SENTENCE, self.charset)
    }

    /// What there was, at the end.
    pub fn summary(&self, s: &Summary) -> String {
        let count = |state| s.connections.get(&state).copied().unwrap_or(0);
        let all: u64 = s.connections.values().sum();
        let mut parts = vec![
            format!("{} packets", s.packets),
            if all == 1 {
                "1 connection".to_owned()
            } else {
                format!("{all} connections")
            },
        ];
        for (state, word) in [
            (State::Failed, "failed"),
            (State::Dropped, "lost"),
            (State::Ok, "fine"),
            (State::Open, "open"),
            (State::Cancelled, "given up on purpose"),
            (State::Waiting, "waiting for a retry"),
            (State::Step, "steps of another"),
            (State::Unknown, "unknown"),
        ] {
            if count(state) > 0 {
                parts.push(format!("{} {word}", count(state)));
            }
        }
        let mut lines = vec![parts.join(self.or(" · ", ", "))];
        for v in &s.report.verdicts {
            let remark = v.severity == "remark";
            let sure = v.confidence.map(|c| format!(" ({c})")).unwrap_or_default();
            let tries = if v.tries == 1 {
                "1 try".to_owned()
            } else {
                format!("{} tries", v.tries)
            };
            let text = format!(
                "{}{sure}: {}, {tries}{}",
                v.title,
                v.host.as_deref().unwrap_or_default(),
                v.cause
                    .as_ref()
                    .map(|c| format!(", {c}"))
                    .unwrap_or_default(),
            );
            let mark = self.mark(State::Failed, remark);
            lines.push(format!("{mark} {}", safe(&text, SENTENCE, self.charset)));
        }
        if s.retired > 0 {
            lines.push(format!(
                "{} connections are older than what is kept: they are counted above, but not in the causes",
                s.retired
            ));
        }
        for d in &s.drops {
            lines.push(safe(
                &format!(
                    "{}: {} packets, {} dropped, {} dropped by the card",
                    d.interface, d.received, d.dropped, d.dropped_by_interface
                ),
                SENTENCE,
                self.charset,
            ));
        }
        lines.join("\n")
    }
}

fn text_without_escapes(text: &str, look: &Look) -> String {
    if look.colour {
        ["\x1b[31;1m", "\x1b[32m", "\x1b[2m", "\x1b[0m"]
            .iter()
            .fold(text.to_owned(), |t, code| t.replace(code, ""))
    } else {
        text.to_owned()
    }
}

fn is_remark(said: &Said) -> bool {
    said.verdict
        .as_ref()
        .is_some_and(|v| v.severity == "remark")
}

/// The verdict's title, if a cause is named, else how the connection stands.
fn what(said: &Said) -> String {
    let verdict = said.verdict.as_ref().filter(|_| said.state.is_bad());
    match verdict.filter(|v| v.cause.is_some()) {
        Some(v) => {
            let sure = v.confidence.map(|c| format!(" ({c})")).unwrap_or_default();
            v.title.clone() + &sure
        }
        None => headline(said),
    }
}

/// Stage and end, and what leads further.
fn further(said: &Said) -> Vec<String> {
    let a = &said.attempt;
    let mut more = vec![format!("at {}", a.stage), how(a)];
    if said.tries > 1 {
        more.push(format!("{} tries like this so far", said.tries));
    }
    if let Some(v) = said.verdict.as_ref().filter(|_| said.state.is_bad()) {
        if let Some(cause) = &v.cause {
            more.push(cause.clone());
        } else {
            let could = v.alternatives.iter().take(3).map(|x| x.cause.as_str());
            let could: Vec<&str> = could.collect();
            if !could.is_empty() {
                more.push(format!("could be {}", could.join(", ")));
            }
            if let Some(missing) = v.missing.first() {
                more.push(format!("{WOULD_TELL}{}", missing.what));
            }
        }
    }
    if let Some(because) = said.because.filter(|_| said.revises.is_some()) {
        more.push(format!("revised: {because}"));
    }
    more.retain(|m| !m.is_empty());
    more
}

/// What is said of a connection that has no verdict.
fn headline(said: &Said) -> String {
    match said.state {
        State::Open => "a session runs",
        State::Ok => "the session ended in an orderly way",
        State::Waiting => {
            "closed by the client before logon, without an error: waiting for a retry"
        }
        State::Cancelled => "given up by the client before logon",
        State::Step => "one step of a try that another connection decides",
        State::Failed => "it failed, and what was seen does not tell why",
        State::Dropped => "the session was lost, and what was seen does not tell why",
        State::Unknown => "the packets do not tell how it ended",
    }
    .to_owned()
}

fn how(a: &AttemptReport) -> String {
    match (a.closed_by, a.closed_how) {
        (_, "still-open") => String::new(),
        ("nobody", how) => how.to_owned(),
        (by, how) => format!("{how} by {by}"),
    }
}

fn end(e: &Endpoint) -> String {
    let name = e
        .host
        .as_ref()
        .or(e.ip.as_ref())
        .cloned()
        .unwrap_or_default();
    match e.port {
        Some(port) if name.contains(':') => format!("[{name}]:{port}"),
        Some(port) => format!("{name}:{port}"),
        None => name,
    }
}
