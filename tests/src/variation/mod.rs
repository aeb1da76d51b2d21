//! The same incident as it would look elsewhere: other names, addresses, ports, numbers, days and languages, less evidence of it,
//! and healthy traffic beside it. Whoever learnt the originals by heart falls here.
//!
//! Bytes are patched in place, so that every oddity of a real file stays; only what the variation is about changes.

pub mod beside;
pub mod grounds;
pub mod identity;
pub mod log;
pub mod packets;
pub mod truth;

use std::path::Path;
use std::sync::LazyLock;

use rdpwhy_analyzer::{Knowledge, Options, Silent, Source};
use serde_json::Value;

use grounds::Grounds;
use identity::{Identity, Texts};
use truth::{Answer, Score, Truth};

/// Files by label.
pub type Files = Vec<(String, Vec<u8>)>;

/// Days by which a variation is later: whole weeks, and few enough that no certificate of a healthy peer expires.
const LATER_DAYS: i64 = 35;
const DAY_NS: i64 = 86_400_000_000_000;

/// What is different.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Variation {
    /// Hosts, domains and users have other names.
    Names,
    /// All addresses are others of their kind.
    Addresses,
    /// The clients' ports are others.
    Ports,
    /// Record ids and process ids are others.
    Numbers,
    /// It happened five weeks later.
    Dates,
    /// Texts of the machine are in another language.
    Language,
    /// All of these at once.
    Elsewhere,
    /// The evidence begins later.
    HeadCut,
    /// The evidence ends earlier.
    TailCut,
    /// The capture holds the client's packets only.
    ClientsDirection,
    /// The capture holds the server's packets only.
    ServersDirection,
    /// Another host's healthy day lies beside it, in the same capture too.
    Overlaid,
    /// The n-th source is not there.
    Without(usize),
}

impl Variation {
    /// Those under which nothing that matters changes.
    pub const SAME: [Self; 8] = [
        Self::Names,
        Self::Addresses,
        Self::Ports,
        Self::Numbers,
        Self::Dates,
        Self::Language,
        Self::Elsewhere,
        Self::Overlaid,
    ];
    /// Those that leave less to be seen.
    pub const LESS: [Self; 4] = [
        Self::HeadCut,
        Self::TailCut,
        Self::ClientsDirection,
        Self::ServersDirection,
    ];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Addresses => "addresses",
            Self::Ports => "ports",
            Self::Numbers => "record and process ids",
            Self::Dates => "dates",
            Self::Language => "language",
            Self::Elsewhere => "all of these",
            Self::HeadCut => "head cut",
            Self::TailCut => "tail cut",
            Self::ClientsDirection => "client's direction only",
            Self::ServersDirection => "server's direction only",
            Self::Overlaid => "healthy traffic laid over",
            Self::Without(_) => "a source removed",
        }
    }

    /// Whether there is less evidence than before, so that an answer may become less sure or none.
    pub const fn leaves_less(self) -> bool {
        matches!(
            self,
            Self::HeadCut
                | Self::TailCut
                | Self::ClientsDirection
                | Self::ServersDirection
                | Self::Without(_)
        )
    }

    /// Who is who after it.
    pub const fn identity(self) -> Identity {
        let all = matches!(self, Self::Elsewhere);
        Identity {
            names: all || matches!(self, Self::Names),
            addresses: all || matches!(self, Self::Addresses),
            ports: all || matches!(self, Self::Ports),
        }
    }

    /// The evidence as it would be; `None` where the variation has nothing to work on.
    pub fn apply(self, files: &Files, names: &[String]) -> Option<Files> {
        let varied: Files = match self {
            Self::Without(n) => {
                let mut rest = files.clone();
                (n < rest.len() && rest.len() > 1).then(|| rest.remove(n))?;
                rest
            }
            Self::Overlaid => beside::overlaid(files)?,
            Self::ClientsDirection | Self::ServersDirection => {
                let from_client = self == Self::ClientsDirection;
                let keep =
                    |p: &packets::Packet<'_>| p.from_client().is_none_or(|c| c == from_client);
                each(files, |_, _| None, |bytes| packets::keep(bytes, keep))?
            }
            Self::HeadCut | Self::TailCut => {
                let (from, to) = self.span(files)?;
                each(
                    files,
                    |_, bytes| log::keep(bytes, from, to),
                    |bytes| packets::keep(bytes, |p| (from..=to).contains(&p.time)),
                )?
            }
            _ => {
                let all = self == Self::Elsewhere;
                let texts = Texts {
                    identity: self.identity(),
                    names,
                    language: all || self == Self::Language,
                    later_days: if all || self == Self::Dates {
                        LATER_DAYS
                    } else {
                        0
                    },
                };
                let numbers = all || self == Self::Numbers;
                each(
                    files,
                    |label, bytes| log::rewrite(bytes, &texts, numbers.then_some(label)),
                    |bytes| {
                        let later = texts.later_days * DAY_NS;
                        packets::rewrite(bytes, texts.identity, later)
                    },
                )?
            }
        };
        (varied != *files).then_some(varied)
    }

    /// What is left when a fifth of the time that the evidence covers is cut off.
    fn span(self, files: &Files) -> Option<(i64, i64)> {
        let spans = files
            .iter()
            .filter_map(|(_, bytes)| packets::span(bytes).or_else(|| log::span(bytes)));
        let (first, last) = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        let fifth = (last - first) / 5;
        Some(if self == Self::HeadCut {
            (first + fifth, i64::MAX)
        } else {
            (i64::MIN, last - fifth)
        })
    }
}

/// Does one thing to logs and another to captures; files of other kinds stay. `None` if there was nothing to do it to.
fn each(
    files: &Files,
    log: impl Fn(&str, &[u8]) -> Option<Vec<u8>>,
    capture: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Option<Files> {
    let mut done = false;
    let varied = files
        .iter()
        .map(|(label, bytes)| {
            let changed = log(label, bytes).or_else(|| capture(bytes));
            done |= changed.is_some();
            (label.clone(), changed.unwrap_or_else(|| bytes.clone()))
        })
        .collect();
    done.then_some(varied)
}

/// The evidence files below a folder, archives unpacked, by their path in it.
pub fn read(folder: &Path) -> Files {
    let mut files = Files::new();
    for path in crate::evidence::files(folder) {
        let label = path.strip_prefix(folder).unwrap_or(&path);
        let label = label.to_string_lossy().replace('\\', "/");
        let bytes = std::fs::read(&path).unwrap();
        let name = label.to_lowercase();
        if name.ends_with(".zip") {
            let mut zip = zip::ZipArchive::new(std::io::Cursor::new(bytes)).unwrap();
            for n in 0..zip.len() {
                let mut member = zip.by_index(n).unwrap();
                let mut inner = Vec::new();
                std::io::copy(&mut member, &mut inner).unwrap();
                files.push((member.name().unwrap().into_owned(), inner));
            }
        } else if name.ends_with(".tar.gz") {
            let unpacked = flate2::read::GzDecoder::new(&bytes[..]);
            for entry in tar::Archive::new(unpacked).entries().unwrap() {
                let mut entry = entry.unwrap();
                let label = entry.path().unwrap().to_string_lossy().into_owned();
                let mut inner = Vec::new();
                std::io::copy(&mut entry, &mut inner).unwrap();
                files.push((label, inner));
            }
        } else {
            files.push((label, bytes));
        }
    }
    files.retain(|(_, bytes)| !bytes.is_empty());
    files.sort();
    files
}

/// An incident with what is known of it.
pub struct Subject {
    /// What is known.
    pub truth: Truth,
    /// Its evidence.
    pub files: Files,
    names: Vec<String>,
    original: Score,
    /// What the original's answer rests on.
    grounds: Option<Grounds>,
}

impl Subject {
    /// An incident, its original analysed.
    pub fn new(truth: Truth, files: Files) -> Self {
        let report = analyze(&files);
        Self::judged(truth, files, &report)
    }

    fn judged(truth: Truth, files: Files, report: &Value) -> Self {
        let truth = truth.with_general(knowledge());
        Self {
            names: names(report),
            original: truth.score(report),
            grounds: truth.answer(report).map(|v| Grounds::of(report, v)),
            truth,
            files,
        }
    }

    /// A described case: the truth is what the suite has checked its report for.
    pub fn described(name: &str, files: Files) -> Self {
        let report = analyze(&files);
        Self::judged(Truth::of_report(name, &report), files, &report)
    }

    /// How the original's answer compares.
    pub const fn original(&self) -> &Score {
        &self.original
    }

    /// All variations that may be made of it.
    pub fn variations(&self) -> Vec<Variation> {
        let without = (0..self.files.len()).map(Variation::Without);
        let all = Variation::SAME.into_iter().chain(Variation::LESS);
        all.chain(without).collect()
    }

    /// Its evidence, varied; `None` where the variation changes nothing of it, or would change only the part of it that it
    /// knows how to rewrite: a host of another name whose collected state keeps the old one is two hosts.
    pub fn varied(&self, variation: Variation) -> Option<Files> {
        let rewritten = |label: &str| {
            let label = Path::new(label);
            let known = |e| label.extension().is_some_and(|x| x == e);
            ["evtx", "pcap", "pcapng"].into_iter().any(known)
        };
        if !variation.leaves_less() && !self.files.iter().all(|(label, _)| rewritten(label)) {
            return None;
        }
        variation.apply(&self.files, &self.names)
    }

    /// How the answer to a variation compares; `None` where the variation changes nothing of this evidence, or leaves
    /// nothing of the incident.
    pub fn scored(&self, variation: Variation) -> Option<Score> {
        let files = self.varied(variation)?;
        let mut truth = self.truth.elsewhere(variation.identity());
        if variation.leaves_less() {
            truth = truth.with_less();
        }
        let report = analyze(&files);
        let mut score = truth.is_told_of(&report).then(|| truth.score(&report))?;
        let spared = |g: &Grounds| g.spared(variation, &self.files);
        // "It cannot be told" is an answer only together with what would tell.
        if score.answer == Answer::Abstains
            && !self.grounds.as_ref().is_some_and(spared)
            && truth.asks_for_more(&report)
        {
            score.answer = Answer::Deprived;
        }
        Some(score)
    }
}

/// All described cases.
pub fn described() -> Vec<Subject> {
    let subject = |name: String| Subject::described(&name, crate::evidence::case(&name));
    crate::evidence::cases().into_iter().map(subject).collect()
}

fn knowledge() -> &'static Knowledge {
    static KNOWLEDGE: LazyLock<Knowledge> = LazyLock::new(|| Knowledge::embedded().unwrap());
    &KNOWLEDGE
}

/// What the program says of the evidence.
fn analyze(files: &Files) -> Value {
    let options = Options {
        threads: Some(1),
        ..Options::default()
    };
    let source = |(label, bytes): &(String, Vec<u8>)| Source {
        label: label.clone(),
        bytes: Box::new(bytes.clone()),
    };
    let sources = files.iter().map(source).collect();
    let report = rdpwhy_analyzer::analyze(sources, &[], knowledge(), &options, &Silent).unwrap();
    serde_json::to_value(&report).unwrap()
}

/// The parts of the names of hosts, domains and users that a report knows.
fn names(report: &Value) -> Vec<String> {
    // Windows' own accounts and what stands in all names.
    const KEPT: [&str; 8] = [
        "NT",
        "AUTHORITY",
        "SYSTEM",
        "LOCAL",
        "NETWORK",
        "SERVICE",
        "RDP",
        "TERMSRV",
    ];
    let at = |list: &str, fields: &[&str]| -> Vec<String> {
        let entries = report.pointer(list).and_then(Value::as_array);
        let texts = entries
            .into_iter()
            .flatten()
            .flat_map(|e| fields.iter().filter_map(|f| e.pointer(f)?.as_str()));
        texts.map(str::to_owned).collect()
    };
    let mut found = at("/sources", &["/host"]);
    found.extend(at("/attempts", &["/user", "/client/host", "/server/host"]));
    let parts = found.iter().flat_map(|name| name.split(['.', '\\', '@']));
    let mut parts: Vec<String> = parts
        .filter(|p| p.len() > 1 && p.contains(|c: char| c.is_ascii_alphabetic()) && p.is_ascii())
        .filter(|p| !KEPT.iter().any(|k| k.eq_ignore_ascii_case(p)))
        .map(str::to_owned)
        .collect();
    parts.sort();
    parts.dedup();
    parts
}
