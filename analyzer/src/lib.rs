//! Events to verdicts: one timeline, connection attempts on it, and the cause that explains each failure.
//!
//! Data flows one way: source → event → timeline → attempt → finding → verdict → report. Nothing here opens a file,
//! prints or asks the time.

pub mod assemble;
pub mod attempt;
pub mod case;
pub mod changes;
pub mod clock;
pub mod command;
pub mod coverage;
pub mod crowd;
pub mod evidence;
pub mod explain;
pub mod facts;
pub mod fold;
pub mod good;
pub mod hosts;
pub mod identities;
pub mod index;
pub mod join;
pub mod judge;
pub mod kinds;
pub mod knowledge;
pub mod ladder;
pub mod matcher;
pub mod matrix;
pub mod merge;
pub mod missing;
pub mod moment;
pub mod named;
pub mod names;
pub mod nearest;
pub mod outcome;
pub mod pipeline;
pub mod reasoning;
pub mod reasons;
pub mod remedy;
pub mod report;
pub mod roles;
pub mod sentence;
pub mod sighting;
pub mod stage;
pub mod tie;
pub mod timeline;
pub mod told;
pub mod tries;
pub mod vantage;
pub mod verdict;

use rdpwhy_parsers::Timestamp;
use std::collections::HashMap;

pub use assemble::Parts;
use case::Case;
use evidence::{At, Evidence};
use fold::Folded;
use good::Good;
use identities::Identities;
use index::Index;
use judge::Opinion;
pub use knowledge::{Knowledge, KnowledgeError};
use matcher::Matcher;
pub use pipeline::{Progress, Silent, Source};
pub use report::Report;
pub use timeline::Timeline;
pub use told::Told;

/// What to look at. Everything is read either way; attempts outside are left out of the report.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Attempts from this moment on.
    pub since: Option<Timestamp>,
    /// Attempts up to this moment.
    pub until: Option<Timestamp>,
    /// With this host on either side.
    pub host: Option<String>,
    /// From this client: name or address.
    pub client: Option<String>,
    /// To this server: name or address.
    pub server: Option<String>,
    /// By this user.
    pub user: Option<String>,
    /// What somebody saw on the screen: one more source, and the only try that is reported.
    pub told: Option<Told>,
    /// Of times that stand in exports without a zone; UTC by default, which a defect then says.
    pub zone: Option<jiff::tz::TimeZone>,
    /// Cause whose reasoning the report shall hold.
    pub why_not: Option<String>,
    /// Whether the report tells apart whom it names, which redaction needs.
    pub identities: bool,
    /// Whether to hash every source (SHA-256).
    pub hash: bool,
    /// Of which attempts the report holds the steps.
    pub ladders: Ladders,
    /// Threads to read with; default: all cores.
    pub threads: Option<usize>,
}

/// Of which attempts a report holds the steps: they are most of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ladders {
    /// Of all.
    #[default]
    All,
    /// Of each verdict's example: as much as a text shows.
    Examples,
}

/// Reads and judges all evidence. `secrets` are key logs in the NSS format.
///
/// # Errors
/// When an embedded data file is wrong, which the tests exclude.
pub fn analyze(
    sources: Vec<Source>,
    secrets: &[Vec<u8>],
    knowledge: &Knowledge,
    options: &Options,
    progress: &dyn Progress,
) -> Result<Report, KnowledgeError> {
    // All of it by the same threads: what one of them gives back, an allocator keeps for that thread.
    pipeline::within(options.threads, || {
        let evidence = read(sources, secrets, options, progress);
        judge(evidence, knowledge, options, Asked::Report, |judged| {
            report(&judged, options)
        })
    })
}

fn report(judged: &Judged<'_>, options: &Options) -> Report {
    let mut report = assemble::report(judged.parts);
    report.reasoning = options
        .why_not
        .as_ref()
        .and_then(|id| reasoning::reasoning(judged.parts, judged.matcher, judged.kept, id));
    if options.identities {
        report.identities = Identities::of(judged.parts.evidence);
    }
    report
}

/// Reads and judges all evidence and tells it event by event: `tell` gets the timeline while the evidence is in memory.
///
/// # Errors
/// When an embedded data file is wrong, which the tests exclude.
pub fn timeline<T>(
    sources: Vec<Source>,
    secrets: &[Vec<u8>],
    knowledge: &Knowledge,
    options: &Options,
    progress: &dyn Progress,
    tell: impl FnOnce(&Timeline<'_>) -> T,
) -> Result<T, KnowledgeError> {
    let evidence = read(sources, secrets, options, progress);
    // What to show is chosen event by event; which attempts there are must not depend on it.
    let all = Options::default();
    judge(evidence, knowledge, &all, Asked::Timeline, |judged| {
        tell(&Timeline::new(&judged))
    })
}

/// Reads and judges all evidence: `tell` gets the report, and the timeline while the evidence is in memory.
///
/// # Errors
/// When an embedded data file is wrong, which the tests exclude.
pub fn report_and_timeline<T>(
    sources: Vec<Source>,
    secrets: &[Vec<u8>],
    knowledge: &Knowledge,
    options: &Options,
    progress: &dyn Progress,
    tell: impl FnOnce(Report, &Timeline<'_>) -> T,
) -> Result<T, KnowledgeError> {
    let evidence = read(sources, secrets, options, progress);
    report_and_timeline_of(evidence, knowledge, options, tell)
}

/// As [`report_and_timeline`], of evidence that was read by somebody else.
///
/// # Errors
/// When an embedded data file is wrong, which the tests exclude.
pub fn report_and_timeline_of<T>(
    evidence: Evidence,
    knowledge: &Knowledge,
    options: &Options,
    tell: impl FnOnce(Report, &Timeline<'_>) -> T,
) -> Result<T, KnowledgeError> {
    judge(evidence, knowledge, options, Asked::Timeline, |judged| {
        tell(report(&judged, options), &Timeline::new(&judged))
    })
}

/// Which attempts are judged and told, while the others are only looked at as what happened beside them.
pub type Wanted<'a> = &'a (dyn Fn(&attempt::Attempt) -> bool + Sync);

/// Judges what is there of a case that is not over: the attempts that are `wanted`, each by itself, with everything else
/// as their neighbourhood. Nothing is folded, so that each attempt keeps its id whatever comes later.
///
/// # Errors
/// When an embedded data file is wrong, which the tests exclude.
pub fn judge_some(
    evidence: Evidence,
    knowledge: &Knowledge,
    wanted: Wanted<'_>,
) -> Result<Report, KnowledgeError> {
    let options = Options {
        threads: Some(1),
        ..Options::default()
    };
    judge(
        evidence,
        knowledge,
        &options,
        Asked::Some(wanted),
        |judged| assemble::report(judged.parts),
    )
}

/// Judges evidence that was read by somebody else.
///
/// # Errors
/// When an embedded data file is wrong, which the tests exclude.
pub fn judge_all(
    evidence: Evidence,
    knowledge: &Knowledge,
    options: &Options,
) -> Result<Report, KnowledgeError> {
    judge(evidence, knowledge, options, Asked::Report, |judged| {
        report(&judged, options)
    })
}

fn read(
    mut sources: Vec<Source>,
    secrets: &[Vec<u8>],
    options: &Options,
    progress: &dyn Progress,
) -> Evidence {
    sources.sort_by(|a, b| a.label.cmp(&b.label));
    let means = pipeline::Means {
        secrets,
        zone: options.zone.as_ref(),
        hash: options.hash,
    };
    let mut read = pipeline::within(options.threads, || {
        pipeline::read(&sources, &means, progress)
    });
    read.extend(options.told.as_ref().map(told::source));
    Evidence::new(read)
}

/// Everything that was found out, on its way to a report or a timeline.
struct Judged<'a> {
    parts: &'a Parts<'a>,
    matcher: &'a Matcher<'a>,
    index: &'a Index,
    /// Per attempt: whether the options ask for it.
    kept: &'a [bool],
    /// The attempt that each of its signs belongs to.
    owners: &'a HashMap<At, usize>,
}

/// What is made of it.
#[derive(Clone, Copy)]
enum Asked<'a> {
    /// A report.
    Report,
    /// The timeline, perhaps a report as well.
    Timeline,
    /// A report of these attempts.
    Some(Wanted<'a>),
}

fn judge<T>(
    evidence: Evidence,
    knowledge: &Knowledge,
    options: &Options,
    asked: Asked<'_>,
    tell: impl FnOnce(Judged<'_>) -> T,
) -> Result<T, KnowledgeError> {
    let wanted = match asked {
        Asked::Some(wanted) => Some(wanted),
        Asked::Report | Asked::Timeline => None,
    };
    let looked_for = knowledge.looked_for_beside();
    let (case, mut attempts) = Case::new(evidence, options.told.as_ref(), &looked_for)?;
    let matcher = case.matcher();
    let kept = match wanted {
        None => options.kept(&case.evidence, &attempts),
        Some(wanted) => attempts.iter().map(wanted).collect(),
    };
    let opinion = |i: usize| {
        let a = attempts.get(i).filter(|a| a.part_of.is_none())?;
        // Of a case that is not over only what is asked for is judged, since it is asked for many times a second.
        if wanted.is_some() && kept.get(i) != Some(&true) {
            return None;
        }
        let mut opinion = judge::opinion(&matcher, knowledge, a);
        judge::forget(knowledge, a, &mut opinion);
        Some(opinion)
    };
    let opinions: Vec<Option<Opinion>> = if wanted.is_some() {
        // A handful of attempts, many times a second: not worth a pool.
        (0..attempts.len()).map(opinion).collect()
    } else {
        pipeline::within(options.threads, || pipeline::map(attempts.len(), opinion))
    };
    // The causes have asked what they ask for. A capture has a hundred thousand attempts, each with some thirty facts.
    if options.why_not.is_none() && !matches!(asked, Asked::Timeline) {
        for a in &mut attempts {
            a.facts.keep(&[facts::GUESSING]);
        }
    }
    // Folding forgets them, and only a timeline asks whose each event is.
    let signs: Vec<Vec<At>> = match asked {
        Asked::Timeline => attempts.iter().map(|a| a.signs().collect()).collect(),
        Asked::Report | Asked::Some(_) => Vec::new(),
    };
    let Folded {
        attempts,
        opinions,
        entry_of,
    } = match wanted {
        None => fold::fold(attempts, opinions),
        Some(_) => fold::unfolded(attempts, opinions),
    };
    let shown = match wanted {
        None => shown(&kept, &entry_of, &attempts),
        Some(_) => kept.clone(),
    };
    let all = kept.iter().all(|k| *k);
    let owners: HashMap<At, usize> = signs
        .iter()
        .zip(entry_of)
        .flat_map(|(signs, entry)| signs.iter().map(move |at| (*at, entry)))
        .collect();
    let good = Good::new(&attempts);
    let mut verdicts = verdict::verdicts(knowledge, &attempts, &good, opinions);
    verdict::add_alone(&matcher, knowledge, &attempts, &mut verdicts);
    // What a cause rests on may be in attempts that nobody asked for, so they are left out only now.
    if !all {
        verdicts.retain_mut(|v| {
            let alone = v.attempts.is_empty();
            v.attempts.retain(|i| shown.get(*i) == Some(&true));
            alone || !v.attempts.is_empty()
        });
    }
    let changes = knowledge::lists::changes()?;
    let histories: Vec<_> = verdicts
        .iter()
        .map(|v| changes::before(&case.evidence, &case.index, changes, &attempts, &good, v))
        .collect();
    let parts = Parts {
        evidence: &case.evidence,
        clocks: &case.clocks,
        coverage: &case.coverage,
        roles: &case.roles,
        knowledge,
        attempts: &attempts,
        shown: &shown,
        verdicts: &verdicts,
        histories: &histories,
        ladders: options.ladders,
    };
    Ok(tell(Judged {
        parts: &parts,
        matcher: &matcher,
        index: &case.index,
        kept: &kept,
        owners: &owners,
    }))
}

/// Which entries the report tells of: those that the options ask for, and the steps of the same tries.
fn shown(kept: &[bool], entry_of: &[usize], entries: &[attempt::Attempt]) -> Vec<bool> {
    let mut shown = vec![false; entries.len()];
    for (kept, entry) in kept.iter().zip(entry_of) {
        if let Some(s) = shown.get_mut(*entry) {
            *s |= kept;
        }
    }
    let links: Vec<(usize, usize)> = entries
        .iter()
        .enumerate()
        .filter_map(|(i, a)| Some((i, a.part_of?)))
        .collect();
    let asked = shown.clone();
    let is_asked = |i: usize| asked.get(i) == Some(&true);
    for (step, decided) in links {
        for (one, other) in [(step, decided), (decided, step)] {
            if let Some(s) = shown.get_mut(one) {
                *s |= is_asked(other);
            }
        }
    }
    shown
}

impl Options {
    /// Which attempts are reported.
    fn kept(&self, evidence: &Evidence, attempts: &[attempt::Attempt]) -> Vec<bool> {
        let told = |a: &attempt::Attempt| a.signs().any(|at| told::is_told(evidence, at));
        let the_try = attempts
            .iter()
            .position(told)
            .filter(|_| self.told.is_some());
        let asked = |(i, a): (usize, &attempt::Attempt)| match the_try {
            Some(the_try) => i == the_try || a.part_of == Some(the_try),
            None => self.keep(a),
        };
        attempts.iter().enumerate().map(asked).collect()
    }

    fn keep(&self, a: &attempt::Attempt) -> bool {
        let named = |wanted: &Option<String>, peers: &[&sighting::Peer]| {
            wanted.as_ref().is_none_or(|w| {
                peers.iter().any(|p| {
                    p.ip.is_some_and(|ip| ip.to_string() == *w)
                        || p.name.as_ref().is_some_and(|n| {
                            n.eq_ignore_ascii_case(w)
                                || n.split('.')
                                    .next()
                                    .is_some_and(|s| s.eq_ignore_ascii_case(w))
                        })
                })
            })
        };
        self.since.is_none_or(|t| a.end >= t)
            && self.until.is_none_or(|t| a.start <= t)
            && named(&self.host, &[&a.client, &a.server])
            && named(&self.client, &[&a.client])
            && named(&self.server, &[&a.server])
            && self.user.as_ref().is_none_or(|w| {
                a.user
                    .as_ref()
                    .is_some_and(|u| sighting::same_account(u, w))
            })
    }
}
