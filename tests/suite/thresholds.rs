//! Numbers in the causes: no case that is not about a number may depend on it, and at each number there is a case on either
//! side.

mod sides;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rdpwhy_analyzer::attempt::Outcome;
use rdpwhy_analyzer::judge::{Judgement, judge, opinion};
use rdpwhy_analyzer::knowledge::{Cause, Condition, Sign, Test};
use rdpwhy_analyzer::matcher::Answer;
use rdpwhy_analyzer::matrix::Prepared;
use rdpwhy_analyzer::{Knowledge, Options, Silent};

use crate::case::{self, Case, Evidence};
use crate::program::{analyze, in_parallel, knowledge, text};
use crate::verdicts::named;
use sides::{Changes, PAIRS, Pair};

/// A number in a cause file that somebody chose: where, and the file with it scaled.
struct Scaled {
    cause: String,
    what: String,
    text: String,
}

fn cause_files() -> Vec<PathBuf> {
    let causes = Path::new(env!("CARGO_MANIFEST_DIR")).join("../analyzer/knowledge/causes");
    let stages = fs::read_dir(causes).unwrap().map(|e| e.unwrap().path());
    let mut files: Vec<PathBuf> = stages
        .flat_map(|stage| fs::read_dir(stage).unwrap().map(|e| e.unwrap().path()))
        .collect();
    files.sort();
    files
}

/// Fields whose numbers are codes, flags or versions: there is no half of them.
const CODES: [&str; 8] = [
    "reason",
    "code",
    "state",
    "flags",
    "version",
    "alert",
    "requested_protocols",
    "status",
];

/// The file with another number at this place of a line.
fn with_line(text: &str, number: usize, place: Range<usize>, new: u64) -> String {
    let change = |(i, line): (usize, &str)| {
        if i == number {
            format!("{}{new}{}", &line[..place.start], &line[place.end..])
        } else {
            line.to_owned()
        }
    };
    text.lines()
        .enumerate()
        .map(change)
        .collect::<Vec<_>>()
        .join("\n")
}

/// Numbers that measure: at least or at most so many, so long, so much. Below three nothing is to be halved.
fn scaled(path: &Path) -> Vec<Scaled> {
    let cause = path.file_stem().unwrap().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).unwrap();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with('#') {
            continue;
        }
        for word in ["min = ", "max = "] {
            let mut from = 0;
            while let Some(at) = line.get(from..).and_then(|rest| rest.find(word)) {
                let start = from + at + word.len();
                let digits = line[start..]
                    .find(|c: char| !c.is_ascii_digit())
                    .unwrap_or(line.len() - start);
                from = start + digits;
                let field = line[..start].rsplit(['{', ',']).nth(1).unwrap_or_default();
                let field = field.split('=').next().unwrap_or_default().trim();
                let Ok(n) = line[start..from].parse::<u64>() else {
                    continue;
                };
                if n < 3 || CODES.contains(&field) {
                    continue;
                }
                for new in [n / 2, n * 2] {
                    found.push(Scaled {
                        cause: cause.clone(),
                        what: format!("{cause}, line {}: {word}{new} instead of {n}", number + 1),
                        text: with_line(&text, number, start..from, new),
                    });
                }
            }
        }
        // `from = "-10m"`: how far around the connection a sign is looked for.
        for word in ["from = \"", "to = \""] {
            let Some(at) = line.find(word).filter(|_| line.contains("window")) else {
                continue;
            };
            let start = at + word.len() + usize::from(line[at + word.len()..].starts_with('-'));
            let digits = line[start..]
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(0);
            let Ok(n) = line[start..start + digits].parse::<u64>() else {
                continue;
            };
            for new in [n / 2, n * 2].into_iter().filter(|new| *new > 0) {
                found.push(Scaled {
                    cause: cause.clone(),
                    what: format!("{cause}, line {}: {word}{new} instead of {n}", number + 1),
                    text: with_line(&text, number, start..start + digits, new),
                });
            }
        }
    }
    found
}

/// The causes with this one changed; a minimum above its maximum is no knowledge.
fn with(scaled: &Scaled, path: &Path) -> Option<Knowledge> {
    let stage = path
        .parent()
        .unwrap()
        .file_name()
        .unwrap()
        .to_string_lossy();
    let label = format!("{stage}/{}.toml", scaled.cause);
    Knowledge::with([(label.as_str(), scaled.text.as_str())]).ok()
}

/// Halving or doubling a number changes nothing for cases that another cause explains.
#[test]
fn no_case_hangs_on_a_number_that_is_not_its_own() {
    let options = Options {
        threads: Some(1),
        ..Options::default()
    };
    let prepared: Vec<(&Case, Prepared)> = in_parallel(case::all(), |case| {
        (
            case,
            Prepared::new(case.evidence.sources(), &[], &options, &Silent).unwrap(),
        )
    });
    let mut variants = Vec::new();
    for path in cause_files() {
        for scaled in scaled(&path) {
            let knowledge = with(&scaled, &path);
            variants.extend(knowledge.map(|k| (scaled, k)));
        }
    }
    assert!(variants.len() > 300, "{} scaled numbers", variants.len());
    let complaints: Vec<Vec<String>> = in_parallel(&variants, |(scaled, changed)| {
        let number = |k: &Knowledge| k.causes.iter().position(|c| c.id == scaled.cause).unwrap();
        let (before, after) = (number(knowledge()), number(changed));
        let mut found = Vec::new();
        for (case, prepared) in &prepared {
            if about(case, &scaled.cause) {
                continue;
            }
            let matcher = prepared.matcher();
            for a in prepared.judged() {
                let stands = |k: &Knowledge, n: usize| {
                    matches!(judge(&matcher, &k.causes[n], n, a), Judgement::Stands(_))
                };
                if stands(knowledge(), before) == stands(changed, after) {
                    continue;
                }
                let best = |k: &Knowledge| {
                    opinion(&matcher, k, a)
                        .standing
                        .first()
                        .map(|f| k.causes[f.cause].id.clone())
                };
                let (one, two) = (best(knowledge()), best(changed));
                if one != two {
                    found.push(format!(
                        "{}: {}: {one:?} becomes {two:?}",
                        scaled.what, case.name
                    ));
                    break;
                }
            }
        }
        found
    });
    let complaints = complaints.concat();
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Whether a case has a cause, or is a near miss of it: then its numbers may decide.
fn about(case: &Case, cause: &str) -> bool {
    case.expected.near.iter().any(|near| near == cause) || crate::matrix::at_home(case, cause)
}

/// The numbers of a cause that measure something, each with the sign that it stands in: `session_ms max 60000` for a fact,
/// `tcp.closed.idle_ms min 10000` for a field, `service.crashed count min 2` for how often, `alone …` for what is said
/// without a connection. One and none are no thresholds.
fn numbers(cause: &Cause) -> Vec<(String, &Sign)> {
    let mut found = Vec::new();
    for signs in [&cause.required, &cause.supporting, &cause.excluding] {
        for sign in signs {
            numbers_of(sign, "", &mut found);
        }
    }
    for sign in &cause.alone {
        numbers_of(sign, "alone ", &mut found);
    }
    found
}

fn numbers_of<'a>(sign: &'a Sign, before: &str, found: &mut Vec<(String, &'a Sign)>) {
    let mut bounds = |what: &str, condition: &Condition| {
        for (word, bound) in [("min", condition.min), ("max", condition.max)] {
            if let Some(n) = bound.filter(|n| *n > 1) {
                found.push((format!("{before}{what} {word} {n}"), sign));
            }
        }
    };
    match &sign.test {
        Test::Fact(name, condition) => bounds(name.as_str(), condition),
        Test::Event(event) => {
            let kind = event.kinds[0].name();
            for (field, condition) in &event.values {
                if !CODES.contains(&field.name()) {
                    bounds(&format!("{kind}.{}", field.name()), condition);
                }
            }
            if event.count.0 > 1 {
                found.push((format!("{before}{kind} count min {}", event.count.0), sign));
            }
        }
        Test::Any(signs) | Test::All(signs) | Test::Witnesses(signs) => {
            for sign in signs {
                numbers_of(sign, before, found);
            }
        }
        Test::Absent(sign) => numbers_of(sign, before, found),
    }
}

#[test]
fn each_number_has_a_case_on_either_side() {
    let sides: Vec<(&Pair, Changes, bool)> = PAIRS
        .iter()
        .flat_map(|p| (p.changes.iter().zip(p.seen)).map(move |(c, seen)| (p, *c, seen)))
        .collect();
    let wrong = in_parallel(&sides, |(pair, changes, should)| {
        let mut description = case::named(pair.case).description();
        for (from, to) in *changes {
            assert!(description.contains(from), "{} has no {from}", pair.case);
            description = description.replace(from, to);
        }
        let evidence = Evidence::described(&description);
        let case = format!("{} with {changes:?}", pair.case);
        let cause = knowledge().cause(pair.cause).unwrap();
        let signs: Vec<&Sign> = numbers(cause)
            .into_iter()
            .filter_map(|(n, sign)| (n == pair.number).then_some(sign))
            .collect();
        let mut wrong = Vec::new();
        let inside = pair.number.is_empty();
        if signs.is_empty() && !inside {
            wrong.push(format!("{} has no number {}", pair.cause, pair.number));
        }
        if !inside && !pair.number.starts_with("alone") && seen(&evidence, &signs) != *should {
            let seen = if *should { "not seen" } else { "seen" };
            wrong.push(format!("{case}: {} is {seen}", pair.number));
        }
        let (report, _) = analyze(&evidence);
        let told = named(&report);
        if pair.decides && told.contains_key(pair.cause) != *should {
            let title = text(&report, "/verdicts/0/title");
            wrong.push(format!("{case}: {told:?}, {title}"));
        }
        (!wrong.is_empty()).then(|| wrong.join("\n"))
    });
    crate::properties::none(&wrong);
}

/// Whether one of the signs is seen at any connection that did not go well.
fn seen(evidence: &Evidence, signs: &[&Sign]) -> bool {
    let options = Options {
        threads: Some(1),
        ..Options::default()
    };
    let prepared = Prepared::new(evidence.sources(), &[], &options, &Silent).unwrap();
    let matcher = prepared.matcher();
    let mut asked = prepared
        .judged()
        .iter()
        .filter(|a| a.outcome != Outcome::Ok)
        .flat_map(|a| signs.iter().map(|sign| matcher.ask(sign, a)));
    asked.any(|answer| matches!(answer, Answer::Seen(_)))
}

/// A number that somebody adds to a cause needs its two cases.
#[test]
fn no_number_is_without_its_cases() {
    let has =
        |cause: &str, number: &str| PAIRS.iter().any(|p| p.cause == cause && p.number == number);
    let mut without = Vec::new();
    for cause in &knowledge().causes {
        for (number, _) in numbers(cause) {
            if !has(&cause.id, &number) {
                without.push(format!("{}: {number}", cause.id));
            }
        }
    }
    without.dedup();
    assert!(without.is_empty(), "{}", without.join("\n"));
}
