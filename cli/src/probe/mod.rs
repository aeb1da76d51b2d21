//! `rdpwhy probe`: asks a server what a client would ask, up to the point where a password would be needed.

mod socket;

use std::fmt::Write as _;
use std::io::Write;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use rdpwhy_analyzer::evidence::{Evidence, SourceEvents};
use rdpwhy_analyzer::identities::{Identities, is_identity};
use rdpwhy_analyzer::report::Report;
use rdpwhy_analyzer::{Options, judge_all};
use rdpwhy_live::probe::question::{Version, client_hello, protocols, request, udp_syn};
use rdpwhy_live::probe::record::Packet;
use rdpwhy_live::probe::{Answer, LINK, answer};
use rdpwhy_parsers::pcap::{Reader, Seen};
use serde::Serialize;

use crate::args::{Color, Format};
use crate::output::Output;
use crate::redact::Veil;
use crate::render::safe::{SENTENCE, safe};
use crate::render::{self, Style};
use crate::sniff::pcapng::Writer;
use crate::speaker::{Speaker, Stop, cannot_write};
use crate::{NOTHING_READ, Surroundings, engine, put};

/// Pause between two connections: a server with a broken listener must not be made worse.
const POLITE: Duration = Duration::from_millis(250);

/// Shown below the help.
pub const EXAMPLES: &str = "\
Examples:
  rdpwhy probe rds07.corp.example
  rdpwhy probe 10.2.1.7:3390 --format json | jq '.questions[] | {asks, answer}'
  rdpwhy probe rds07 -w probe.pcapng && rdpwhy diagnose case-114/ probe.pcapng";

/// `rdpwhy probe`.
#[derive(Debug, Args)]
pub struct Probe {
    /// Server: name or address, with a port if it is not 3389
    #[arg(value_name = "HOST[:PORT]")]
    pub server: String,

    /// Seconds that an answer may take
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=60))]
    pub patience: u64,

    /// Write what was said as packets to FILE, to be used as one more source of `diagnose`
    #[arg(short, long, value_name = "FILE")]
    pub write: Option<PathBuf>,

    /// How the result is written
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,

    /// Replace users, hosts and addresses, the same one by the same, so that the result can be passed on
    ///
    /// The packets that --write keeps stay as they were.
    #[arg(long)]
    pub redact: bool,

    /// Folder of cause files to use beside the built-in ones
    #[arg(long, value_name = "FOLDER")]
    pub knowledge: Option<PathBuf>,

    /// Colours
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    pub color: Color,
}

/// One question and its answer.
#[derive(Debug, Serialize)]
struct Question {
    /// `rdp`, `tls`, `nla`, `mstsc`, `tls-1.2` …
    asks: String,
    /// Milliseconds until the TCP connection stood.
    connect_ms: Option<f64>,
    /// Milliseconds until the answer was there.
    answer_ms: Option<f64>,
    answer: Answer,
}

/// What was found out: schema `rdpwhy.probe/1`.
#[derive(Debug, Serialize)]
struct Found {
    schema: &'static str,
    host: String,
    address: String,
    /// Milliseconds that the name took.
    name_ms: f64,
    questions: Vec<Question>,
    /// Milliseconds until the server answered over UDP.
    udp_ms: Option<f64>,
    /// What `diagnose` says of the connection that asked as mstsc does: `rdpwhy.report/1`.
    report: Report,
}

impl Found {
    /// Forgets whom it asked.
    fn redact(&mut self, mut veil: Veil) {
        let mut known = Identities::default();
        known.host(&self.host);
        let answers = self.questions.iter().map(|q| &q.answer);
        for (field, value) in answers.filter_map(|a| a.certificate.as_ref()).flatten() {
            if is_identity(field) {
                known.host(value);
            }
        }
        veil.learn(&known);
        self.host = veil.address(&veil.name(&self.host));
        self.address = veil.address(&self.address);
        for question in &mut self.questions {
            let answer = &mut question.answer;
            for (field, value) in answer.certificate.iter_mut().flatten() {
                *value = if is_identity(field) {
                    veil.address(&veil.name(value))
                } else {
                    veil.text(value)
                };
            }
            if let Some((_, how)) = &mut answer.closed {
                *how = veil.text(how);
            }
        }
        veil.report(&mut self.report);
    }
}

/// Runs it and returns the exit status.
pub fn probe(
    args: &Probe,
    out: &mut dyn Write,
    err: &mut dyn Write,
    surroundings: &Surroundings,
) -> u8 {
    let mut say = Speaker { err, surroundings };
    let ended = run(args, out, &say);
    say.end(ended)
}

fn run(args: &Probe, out: &mut dyn Write, say: &Speaker<'_>) -> Result<u8, Stop> {
    let (host, port) = rdpwhy_analyzer::sighting::target(&args.server);
    let port = port.unwrap_or(3389);
    let knowledge = engine::knowledge(args.knowledge.as_deref()).map_err(Stop::usage)?;
    let output = match &args.write {
        Some(path) => Some(Output::open(path).map_err(|e| cannot_write(path, &e))?),
        None => None,
    };
    let clock = Instant::now();
    let addresses: Vec<SocketAddr> = (host.as_str(), port)
        .to_socket_addrs()
        .map_err(|e| Stop {
            what: format!("{host}: the name could not be resolved: {e}"),
            status: NOTHING_READ,
        })?
        .collect();
    let name_ms = (clock.elapsed().as_secs_f64() * 10_000.0).round() / 10.0;
    let Some(server) = addresses.first().copied() else {
        return Err(Stop {
            what: format!("{host}: the name has no address"),
            status: NOTHING_READ,
        });
    };
    let mut asking = Asking {
        server,
        host: &host,
        patience: Duration::from_secs(args.patience),
        number: 0,
        questions: Vec::new(),
    };
    let mut packets = asking.as_mstsc();
    let open = asking
        .questions
        .first()
        .is_some_and(|q| q.connect_ms.is_some());
    let mut udp_ms = None;
    if open {
        asking.protocols();
        asking.versions();
        let (of_udp, ms) = socket::datagrams(server, &udp_syn(1));
        packets.extend(of_udp);
        udp_ms = ms;
    }
    let questions = asking.questions;
    let capture = pcapng(&packets).map_err(Stop::usage)?;
    let mut reader = Reader::new(None);
    reader.push(&capture);
    let evidence = Evidence::new(vec![SourceEvents {
        sha256: None,
        label: format!("probe of {}", args.server),
        format: "pcapng",
        bytes: capture.len() as u64,
        batch: reader.finish(),
    }]);
    let options = Options {
        identities: args.redact,
        ..Options::default()
    };
    let report = judge_all(evidence, &knowledge, &options).map_err(Stop::usage)?;
    if let (Some(output), Some(path)) = (output, &args.write) {
        output.write(&capture).map_err(|e| cannot_write(path, &e))?;
    }
    let status = report.exit_status();
    let mut found = Found {
        schema: "rdpwhy.probe/1",
        host,
        address: server.to_string(),
        name_ms,
        questions,
        udp_ms,
        report,
    };
    if args.redact {
        found.redact(Veil::new(&knowledge));
    }
    let text = match args.format {
        Format::Json => render::json::line(&found).map_err(Stop::usage)?,
        format => text(&found, args, format, say.surroundings),
    };
    put(out, text.as_bytes())
        .map_err(|e| Stop::usage(format!("standard output cannot be written: {e}")))?;
    Ok(status)
}

/// The questions that are put.
struct Asking<'a> {
    server: SocketAddr,
    host: &'a str,
    patience: Duration,
    number: u32,
    questions: Vec<Question>,
}

impl Asking<'_> {
    fn ask(&mut self, asks: &str, bytes: &[Vec<u8>]) -> Vec<Packet> {
        if self.number > 0 {
            thread::sleep(POLITE);
        }
        self.number += 1;
        let talk = socket::talk(self.server, self.number, bytes, self.patience);
        let mut answer = answer(&talk.packets, self.server.port());
        if let Some(why) = talk.refused {
            answer.closed = Some(("nobody".to_owned(), why));
        }
        self.questions.push(Question {
            asks: asks.to_owned(),
            connect_ms: talk.connected,
            answer_ms: talk.answered.last().copied().flatten(),
            answer,
        });
        talk.packets
    }

    /// The whole way of a client, up to the server's certificate.
    fn as_mstsc(&mut self) -> Vec<Packet> {
        let hello = client_hello(
            &[Version::Tls12, Version::Tls13],
            Some(self.host),
            &random(),
        );
        self.ask("mstsc", &[request(protocols::MSTSC), hello])
    }

    /// Each protocol alone, as far as it can be asked alone.
    fn protocols(&mut self) {
        for (asks, wanted) in [
            ("rdp", protocols::RDP),
            ("tls", protocols::TLS),
            ("nla", protocols::NLA),
        ] {
            self.ask(asks, &[request(wanted)]);
        }
    }

    /// Each TLS version alone, where the server takes TLS at all.
    fn versions(&mut self) {
        let wanted =
            self.questions
                .iter()
                .find_map(|q| match (q.asks.as_str(), q.answer.selected) {
                    ("mstsc", Some(selected)) if selected > 0 => Some(protocols::MSTSC),
                    _ => None,
                });
        let Some(wanted) = wanted else { return };
        for version in Version::ALL {
            let hello = client_hello(&[version], Some(self.host), &random());
            self.ask(
                &format!("tls-{}", version.name()),
                &[request(wanted), hello],
            );
        }
    }
}

/// Bytes that differ from connection to connection; nothing depends on nobody guessing them.
fn random() -> [u8; 64] {
    use std::hash::{BuildHasher as _, Hasher as _};
    let mut bytes = [0; 64];
    for piece in bytes.chunks_mut(8) {
        let n = std::collections::hash_map::RandomState::new()
            .build_hasher()
            .finish();
        piece.copy_from_slice(&n.to_le_bytes());
    }
    bytes
}

fn pcapng(packets: &[Packet]) -> std::io::Result<Vec<u8>> {
    let mut file = Vec::new();
    let mut writer = Writer::new(&mut file)?;
    for (time, data) in packets {
        writer.packet(&Seen {
            time: *time,
            link: LINK,
            data,
            wire_length: data.len(),
        })?;
    }
    Ok(file)
}

fn text(found: &Found, args: &Probe, format: Format, surroundings: &Surroundings) -> String {
    let mut text = String::new();
    let _ = writeln!(
        text,
        "{} = {}, name {} ms",
        found.host, found.address, found.name_ms
    );
    for q in &found.questions {
        let ms = |ms: Option<f64>| ms.map_or("-".to_owned(), |ms| format!("{ms} ms"));
        let line = format!(
            "{:<8} connect {:<9} answer {:<9} {}",
            q.asks,
            ms(q.connect_ms),
            ms(q.answer_ms),
            words(&q.answer)
        );
        let _ = writeln!(text, "{}", safe(&line, SENTENCE, surroundings.charset));
    }
    let udp = found.udp_ms.map_or("no answer".to_owned(), |ms| {
        format!("answered after {ms} ms")
    });
    let _ = writeln!(text, "udp      {udp}");
    let certificate = found
        .questions
        .iter()
        .find_map(|q| q.answer.certificate.as_ref());
    for (field, value) in certificate.into_iter().flatten() {
        let line = format!("certificate {:<13} {value}", field.replace('_', " "));
        let _ = writeln!(text, "{}", safe(&line, SENTENCE, surroundings.charset));
    }
    let style = Style {
        all: true,
        ..surroundings.style(args.color, false)
    };
    text.push('\n');
    text.push_str(&match format {
        Format::Markdown => render::markdown(&found.report, &style),
        _ => render::text(&found.report, &style),
    });
    text
}

/// An answer in a few words.
fn words(a: &Answer) -> String {
    let mut words = Vec::new();
    if let Some(code) = a.failure {
        words.push(match code {
            1 => "refused: TLS is required".to_owned(),
            2 => "refused: TLS is not allowed".to_owned(),
            3 => "refused: the server has no certificate for TLS".to_owned(),
            4 => "refused: inconsistent flags".to_owned(),
            5 => "refused: network level authentication is required".to_owned(),
            6 => "refused: TLS with a client certificate is required".to_owned(),
            n => format!("refused: failure {n}"),
        });
    }
    if let Some(selected) = a.selected {
        words.push(match selected {
            0 => "selects standard RDP security".to_owned(),
            1 => "selects TLS".to_owned(),
            2 => "selects NLA".to_owned(),
            8 => "selects NLA with early authorization".to_owned(),
            n => format!("selects protocol {n}"),
        });
    }
    if let Some(version) = &a.tls {
        words.push(
            format!("TLS {version} {}", a.suite.as_deref().unwrap_or_default())
                .trim_end()
                .to_owned(),
        );
    }
    if let Some(alert) = a.alert {
        words.push(format!("TLS alert {alert}"));
    }
    if let Some((by, how)) = a.closed.as_ref().filter(|(by, _)| by != "client") {
        words.push(if by == "nobody" {
            how.clone()
        } else {
            format!("closed by the {by} ({how})")
        });
    }
    if words.is_empty() {
        words.push("no answer".to_owned());
    }
    words.join(", ")
}
