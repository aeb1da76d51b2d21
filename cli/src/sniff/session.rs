//! One run: what is heard goes in, lines come out.

use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use jiff::civil::Date;
use rdpwhy_live::line::Drops;
use rdpwhy_live::{Engine, Line, Said, Setup, State, ledger};
use rdpwhy_parsers::Timestamp;
use rdpwhy_parsers::pcap::Seen;

use super::arguments::{Format, Sniff};
use super::feed::News;
use super::keep::Keeper;
use super::line::Look;
use super::on_fail::OnFail;
use super::view::View;
use crate::redact::Veil;
use crate::speaker::{Stop, cannot_write};
use crate::{NOTHING_READ, engine, put};

/// How long nothing has to come before the clock is moved on by hand.
const TICK: Duration = Duration::from_millis(100);
/// A pipe whose packets are not older than this tells of now; another one replays the past.
const LIVE_NS: i64 = 300_000_000_000;

/// One run.
pub(super) struct Session<'a> {
    pub args: &'a Sniff,
    pub engine: Engine,
    pub look: Look,
    pub day: Option<Date>,
    /// Whom lines must not name.
    pub veil: Option<Veil>,
    pub view: Option<View>,
    pub keeper: Option<Keeper>,
    pub on_fail: Option<OnFail>,
    pub drops: Vec<Drops>,
    /// Whether packets tell of now.
    pub live: bool,
    /// When something was heard last.
    pub heard: Option<(Instant, Timestamp)>,
    pub out: &'a mut dyn Write,
}

impl Session<'_> {
    /// Hears the sources until they are over, time is up, or somebody presses Ctrl-C; what went wrong.
    pub(super) fn listen(
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
        if now.saturating_sub(moment.0).saturating_abs() < LIVE_NS {
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
    pub(super) fn veiled(&mut self, mut line: Line) -> Line {
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

    pub(super) fn json(&mut self, line: &Line) -> Result<(), Stop> {
        let text = crate::render::json::line(line).map_err(Stop::usage)?;
        put(self.out, text.as_bytes()).map_err(Stop::usage)
    }

    /// Says what there was, and gives the exit status.
    pub(super) fn finish(mut self, troubled: bool) -> Result<u8, Stop> {
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
