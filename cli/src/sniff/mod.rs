//! `rdpwhy sniff`: connections watched while they happen, from network cards, a pipe or a file.

mod arguments;
mod card;
mod feed;
mod keep;
mod line;
mod logs;
mod on_fail;
pub(crate) mod pcapng;
mod privileges;
mod view;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use rdpwhy_live::line::Drops;
use rdpwhy_live::{Engine, Line, Said, Setup, State, ledger};
use rdpwhy_parsers::Timestamp;
use rdpwhy_parsers::pcap::{Ports, Seen};
use rdpwhy_parsers::tls::keylog::KeyLog;

pub use arguments::{EXAMPLES, Sniff};
use arguments::{Format, Port};
use card::Refused;
use feed::News;
use keep::{Keeper, Rotation};
use line::Look;
use on_fail::OnFail;
use view::View;

use crate::args::Color;
use crate::evidence::key_log;
use crate::input::walk::{label_of, problem};
use crate::redact::Veil;
use crate::render::when::Clock;
use crate::speaker::{Speaker, Stop, cannot_write};
use crate::{NOTHING_READ, Surroundings, engine, put};

/// How long nothing has to come before the clock is moved on by hand.
const TICK: Duration = Duration::from_millis(100);
/// A pipe whose packets are not older than this tells of now; another one replays the past.
const LIVE_NS: i64 = 300_000_000_000;

/// Runs it and returns the exit status.
pub fn sniff(
    args: &Sniff,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let mut say = Speaker { err, surroundings };
    let ended = run(args, out, &mut say);
    say.end(ended)
}

fn refused(refused: Refused) -> Stop {
    let mut what = refused.what;
    for advice in refused.advice {
        what.push_str("\n  ");
        what.push_str(&advice);
    }
    Stop {
        what,
        status: NOTHING_READ,
    }
}

fn run(args: &Sniff, out: &mut dyn Write, say: &mut Speaker<'_>) -> Result<u8, Stop> {
    if args.list {
        for (name, about) in card::list().map_err(refused)? {
            let line = format!("{name:<16} {about}");
            put(out, format!("{}\n", line.trim_end()).as_bytes()).map_err(Stop::usage)?;
        }
        return Ok(0);
    }
    let zone = match &args.tz {
        Some(name) => Some(
            jiff::tz::TimeZone::get(name)
                .map_err(|_| Stop::usage(format!("{name:?} is no time zone")))?,
        ),
        None => None,
    };
    let limit = match &args.duration {
        Some(text) => Some(duration(text)?),
        None => None,
    };
    let knowledge = engine::knowledge(args.knowledge.as_deref()).map_err(Stop::usage)?;
    let keys = keys(args)?;
    let rotation = Rotation::read(&args.rotate, args.files).map_err(Stop::usage)?;

    let stop = Arc::new(AtomicBool::new(false));
    let (to, from) = feed::line();
    let mut sources = Vec::new();
    let mut open = 0;
    let follow = || match &args.logs {
        Some(folder) => logs::follow(folder, args.read.is_none(), to.clone(), Arc::clone(&stop))
            .map_err(|e| {
                let problem = problem(&label_of(folder), &e);
                Stop::usage(format!("--logs {}: {}", problem.path, problem.what))
            }),
        None => Ok(()),
    };
    let (label, format) = if let Some(path) = &args.read {
        let file = feed::file(path).map_err(|what| Stop {
            what,
            status: NOTHING_READ,
        })?;
        let label = label_of(path);
        sources.push(label.clone());
        open += 1;
        follow()?;
        feed::stream(label.clone(), file, to.clone());
        (label, "pcap")
    } else if args.pipe.is_some() {
        sources.push("-".to_owned());
        open += 1;
        follow()?;
        feed::stream("standard input".to_owned(), std::io::stdin(), to.clone());
        ("-".to_owned(), "pcap")
    } else {
        let mut cards = Vec::new();
        for name in &args.interface {
            cards.push(card::open(name, args).map_err(refused)?);
            sources.push(name.clone());
        }
        privileges::drop(args.user.as_deref()).map_err(Stop::usage)?;
        follow()?;
        open += cards.len();
        for card in cards {
            card.listen(to.clone(), Arc::clone(&stop));
        }
        (args.interface.join(","), "pcap-live")
    };
    drop(to);
    // Files are made by whoever the program is from here on.
    let keeper = match &args.write {
        Some(path) => {
            Some(Keeper::open(path, args.keep, rotation).map_err(|e| cannot_write(path, &e))?)
        }
        None => None,
    };
    let on_fail = match &args.on_fail {
        Some(command) => Some(OnFail::new(command).map_err(Stop::usage)?),
        None => None,
    };
    if say.surroundings.process {
        let stop = Arc::clone(&stop);
        // A second Ctrl-C ends the program at once.
        let pressed = ctrlc::set_handler(move || {
            if stop.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        });
        pressed.map_err(|e| Stop::usage(format!("Ctrl-C cannot be caught: {e}")))?;
    }
    let colour = match args.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => say.surroundings.colour,
    };
    let setup = Setup {
        label,
        format,
        ports: ports(&args.port),
        keys,
        identities: args.redact,
    };
    let mut session = Session {
        args,
        look: Look {
            clock: Clock::new(zone),
            charset: say.surroundings.charset,
            colour,
        },
        day: None,
        veil: args.redact.then(|| Veil::new(&knowledge)),
        view: (args.format == Format::Text
            && !args.plain
            && !args.redact
            && say.surroundings.terminal)
            .then(|| View::new(&sources)),
        keeper,
        on_fail,
        drops: Vec::new(),
        live: !args.interface.is_empty(),
        heard: None,
        out,
        engine: Engine::new(setup, knowledge),
    };
    let start = session.engine.start(sources);
    if args.format == Format::Jsonl {
        let start = session.veiled(start);
        session.json(&start)?;
    }
    let trouble = session.listen(&from, open, &stop, limit)?;
    for what in &trouble {
        say.error(what);
    }
    session.finish(!trouble.is_empty())
}

fn duration(text: &str) -> Result<Duration, Stop> {
    let wrong = || Stop::usage(format!("--for {text}: expected 90s, 10m or 2h"));
    let span: jiff::SignedDuration = text.trim().parse().map_err(|_| wrong())?;
    Duration::try_from(span).map_err(|_| wrong())
}

fn keys(args: &Sniff) -> Result<Option<KeyLog>, Stop> {
    let mut keys = KeyLog::default();
    for path in &args.keylog {
        keys.add(key_log(Path::new(path))?.text.as_bytes());
    }
    Ok((!args.keylog.is_empty()).then_some(keys))
}

fn ports(typed: &[Port]) -> Ports {
    let usual: Vec<u16> = typed
        .iter()
        .filter_map(|p| match p {
            Port::Number(n) => Some(*n),
            Port::Any => None,
        })
        .collect();
    Ports {
        only: !usual.is_empty() && !typed.contains(&Port::Any),
        usual,
    }
}

/// One run.
struct Session<'a> {
    args: &'a Sniff,
    engine: Engine,
    look: Look,
    day: Option<Date>,
    /// Whom lines must not name.
    veil: Option<Veil>,
    view: Option<View>,
    keeper: Option<Keeper>,
    on_fail: Option<OnFail>,
    drops: Vec<Drops>,
    /// Whether packets tell of now.
    live: bool,
    /// When something was heard last.
    heard: Option<(Instant, Timestamp)>,
    out: &'a mut dyn Write,
}

impl Session<'_> {
    /// Hears the sources until they are over, time is up, or somebody presses Ctrl-C; what went wrong.
    fn listen(
        &mut self,
        from: &Receiver<News>,
        mut open: usize,
        stop: &AtomicBool,
        limit: Option<Duration>,
    ) -> Result<Vec<String>, Stop> {
        let begun = Instant::now();
        let mut trouble = Vec::new();
        let mut ticked = Instant::now();
        while open > 0 {
            if limit.is_some_and(|limit| begun.elapsed() >= limit) {
                stop.store(true, Ordering::Relaxed);
            }
            if stop.load(Ordering::Relaxed) && self.args.interface.is_empty() {
                break; // a pipe or file may block for ever
            }
            match from.recv_timeout(TICK) {
                Ok(News::Bytes(bytes)) => self.bytes(&bytes)?,
                Ok(News::Frames(frames, bytes)) => {
                    for f in frames {
                        let data = bytes.get(f.data.0..f.data.1).unwrap_or_default();
                        self.frame(&Seen {
                            time: f.time,
                            link: f.link,
                            data,
                            wire_length: f.wire_length,
                        })?;
                    }
                }
                Ok(News::Counters(drops)) => self.counters(drops)?,
                Ok(News::Records(records)) => self.engine.logs(records),
                Ok(News::Over(why)) => {
                    trouble.extend(why);
                    open -= 1;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                self.tick()?;
            }
            self.tell()?;
        }
        // Whoever still reads logs may stop now.
        stop.store(true, Ordering::Relaxed);
        Ok(trouble)
    }

    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let mut failed = None;
        let keeper = &mut self.keeper;
        let pushed = self.engine.push(bytes, &mut |seen| {
            if let Some(keeper) = keeper
                && let Err(e) = keeper.packet(seen)
            {
                failed.get_or_insert(e);
            }
        });
        pushed.map_err(Stop::usage)?;
        self.heard();
        failed.map_or(Ok(()), |e| Err(self.cannot_keep(&e)))
    }

    fn frame(&mut self, seen: &Seen<'_>) -> Result<(), Stop> {
        if let Some(keeper) = &mut self.keeper
            && let Err(e) = keeper.packet(seen)
        {
            return Err(self.cannot_keep(&e));
        }
        self.engine.frame(seen).map_err(Stop::usage)?;
        self.heard();
        Ok(())
    }

    fn cannot_keep(&self, error: &std::io::Error) -> Stop {
        let path = self.args.write.as_deref().unwrap_or(Path::new("-"));
        cannot_write(path, error)
    }

    fn heard(&mut self) {
        self.heard = self.engine.now().map(|now| (Instant::now(), now));
    }

    /// Moves the capture's clock on while nothing comes, if it is the clock of now: a network card, or a pipe from one.
    fn tick(&mut self) -> Result<(), Stop> {
        let now = i64::try_from(jiff::Timestamp::now().as_nanosecond()).unwrap_or(i64::MAX);
        if self.live {
            return self.engine.pass(Timestamp(now)).map_err(Stop::usage);
        }
        let Some((at, moment)) = self.heard.filter(|_| self.args.pipe.is_some()) else {
            return Ok(());
        };
        if (now - moment.0).abs() < LIVE_NS {
            let since = i64::try_from(at.elapsed().as_nanos()).unwrap_or(i64::MAX);
            self.engine.pass(moment.plus(since)).map_err(Stop::usage)?;
        }
        Ok(())
    }

    fn counters(&mut self, drops: Drops) -> Result<(), Stop> {
        let known = self
            .drops
            .iter_mut()
            .find(|d| d.interface == drops.interface);
        let more = known
            .as_ref()
            .map_or(drops.dropped + drops.dropped_by_interface > 0, |d| {
                drops.dropped > d.dropped || drops.dropped_by_interface > d.dropped_by_interface
            });
        match known {
            Some(known) => known.clone_from(&drops),
            None => self.drops.push(drops.clone()),
        }
        if !more {
            return Ok(());
        }
        if self.args.format == Format::Jsonl {
            return self.json(&Line::Drops(drops));
        }
        if self.view.is_none() {
            let text = self.look.drops(&drops);
            return self.text(&text);
        }
        Ok(())
    }

    /// Tells what is new.
    fn tell(&mut self) -> Result<(), Stop> {
        for line in self.engine.lines() {
            self.line(line)?;
        }
        if let Some(view) = &mut self.view {
            let size = terminal_size::terminal_size()
                .map_or((100, 30), |(w, h)| (usize::from(w.0), usize::from(h.0)));
            if let Some(text) = view.draw(&self.engine, &self.drops, &self.look, size) {
                put(self.out, text.as_bytes()).map_err(Stop::usage)?;
            }
        }
        Ok(())
    }

    /// The line as it may be read by others.
    fn veiled(&mut self, mut line: Line) -> Line {
        let Some(veil) = &mut self.veil else {
            return line;
        };
        veil.learn(&self.engine.named());
        match &mut line {
            // A card's name tells nothing.
            Line::Start { sources, .. } if self.args.read.is_some() => {
                for source in sources {
                    *source = veil.path(source);
                }
            }
            Line::Start { .. } | Line::Drops(_) => {}
            Line::Attempt(said) => {
                veil.attempt(&mut said.attempt, said.verdict.as_mut());
                said.id = veil.number(&said.id);
                said.revises = said.revises.as_ref().map(|id| veil.number(id));
            }
            Line::Summary(summary) => veil.report(&mut summary.report),
        }
        line
    }

    fn line(&mut self, line: Line) -> Result<(), Stop> {
        if let Line::Attempt(said) = &line {
            self.keep(said)?;
        }
        let line = self.veiled(line);
        if let Line::Attempt(said) = &line {
            self.react(said)?;
        }
        if self.args.format == Format::Jsonl {
            return self.json(&line);
        }
        let Line::Attempt(said) = &line else {
            return Ok(());
        };
        if let Some(view) = &mut self.view {
            view.said(said);
            return Ok(());
        }
        // That a session which was not told of ended well is no news either.
        let went_well = matches!(said.state, State::Open | State::Ok);
        let worth = said.state.is_bad()
            || said.state == State::Waiting
            || (said.revises.is_some() && !(went_well && said.because == Some(ledger::ENDED)));
        if worth || self.args.all {
            let text = self.look.said(said, &mut self.day);
            return self.text(&text);
        }
        Ok(())
    }

    fn keep(&mut self, said: &Said) -> Result<(), Stop> {
        let now = self.engine.now().unwrap_or(Timestamp(0));
        if let Some(keeper) = &mut self.keeper
            && let Err(e) = keeper.said(said, now)
        {
            return Err(self.cannot_keep(&e));
        }
        Ok(())
    }

    fn react(&mut self, said: &Said) -> Result<(), Stop> {
        let failure = said
            .verdict
            .as_ref()
            .is_none_or(|v| v.severity == "failure");
        if let Some(on_fail) = &mut self.on_fail
            && said.state.is_bad()
            && failure
        {
            on_fail.run(serde_json::to_vec(said).map_err(Stop::usage)?);
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Stop> {
        put(self.out, format!("{text}\n").as_bytes()).map_err(Stop::usage)
    }

    fn json(&mut self, line: &Line) -> Result<(), Stop> {
        let text = crate::render::json::line(line).map_err(Stop::usage)?;
        put(self.out, text.as_bytes()).map_err(Stop::usage)
    }

    /// Says what there was, and gives the exit status.
    fn finish(mut self, troubled: bool) -> Result<u8, Stop> {
        let engine = std::mem::replace(
            &mut self.engine,
            Engine::new(
                Setup::default(),
                engine::knowledge(None).map_err(Stop::usage)?,
            ),
        );
        let ending = engine
            .finish(std::mem::take(&mut self.drops))
            .map_err(Stop::usage)?;
        if let Some(view) = self.view.take() {
            put(self.out, view.leave().as_bytes()).map_err(Stop::usage)?;
        }
        for line in ending.lines {
            self.line(line)?;
        }
        let status = match ending.summary.report.exit_status() {
            0 if troubled && ending.summary.packets == 0 => NOTHING_READ,
            status => status,
        };
        if self.args.format == Format::Jsonl {
            let line = self.veiled(Line::Summary(Box::new(ending.summary)));
            self.json(&line)?;
        } else if status != NOTHING_READ
            && let Line::Summary(summary) = self.veiled(Line::Summary(Box::new(ending.summary)))
        {
            let text = self.look.summary(&summary);
            self.text(&text)?;
        }
        if let Some(keeper) = self.keeper.take() {
            let path = self.args.write.as_deref().unwrap_or(Path::new("-"));
            keeper.finish().map_err(|e| cannot_write(path, &e))?;
        }
        if let Some(on_fail) = self.on_fail.take() {
            on_fail.finish();
        }
        Ok(status)
    }
}
