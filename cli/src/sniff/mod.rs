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
mod session;
mod view;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdpwhy_live::{Engine, Setup};
use rdpwhy_parsers::pcap::Ports;
use rdpwhy_parsers::tls::keylog::KeyLog;

pub use arguments::{EXAMPLES, Sniff};
use arguments::{Format, Port};
use card::Refused;
use keep::{Keeper, Rotation};
use line::Look;
use on_fail::OnFail;
use session::Session;
use view::View;

use crate::args::Color;
use crate::evidence::key_log;
use crate::input::walk::{label_of, problem};
use crate::redact::Veil;
use crate::render::when::Clock;
use crate::speaker::{Speaker, Stop, cannot_write};
use crate::{NOTHING_READ, Surroundings, engine, put, span};

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
    let zone = args.tz.as_deref().map(span::zone).transpose();
    let zone = zone.map_err(Stop::usage)?;
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
