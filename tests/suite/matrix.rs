//! Every cause against every case, as one snapshot: a cause that speaks up where it should not is a changed line in review.
//!
//! `cargo insta review`, or `INSTA_UPDATE=always cargo test -p rdpwhy-tests matrix`, takes a change over.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rdpwhy_analyzer::judge::Opinion;
use rdpwhy_analyzer::matrix::opinions;
use rdpwhy_analyzer::{Options, Silent};

use crate::case::{self, Case};
use crate::program::{in_parallel, knowledge};

/// What became of a cause at an attempt; what is not listed was ruled out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Certain,
    Likely,
    Possible,
    Behind,
    Open,
}

impl Standing {
    const fn name(self) -> &'static str {
        match self {
            Self::Certain => "certain",
            Self::Likely => "likely",
            Self::Possible => "possible",
            Self::Behind => "behind",
            Self::Open => "open",
        }
    }
}

/// How many attempts of a case each cause stands at, and how.
type Row = BTreeMap<(Standing, &'static str), u32>;

fn row(case: &Case) -> (usize, Row) {
    let options = Options {
        threads: Some(1),
        ..Options::default()
    };
    let judged = opinions(case.evidence.sources(), &[], knowledge(), &options, &Silent).unwrap();
    let mut row = Row::new();
    for (_, opinion) in &judged {
        for (standing, cause) in standings(opinion) {
            let id = knowledge().causes[cause].id.as_str();
            *row.entry((standing, id)).or_default() += 1;
        }
    }
    (judged.len(), row)
}

fn standings(opinion: &Opinion) -> Vec<(Standing, usize)> {
    let standing = |f: &rdpwhy_analyzer::judge::Finding| {
        let how = match f.confidence.name() {
            "certain" => Standing::Certain,
            "likely" => Standing::Likely,
            _ => Standing::Possible,
        };
        (how, f.cause)
    };
    let behind = opinion.behind.iter().map(|b| (Standing::Behind, b.0));
    let open = opinion.open.iter().map(|o| (Standing::Open, o.0));
    let standing = opinion.standing.iter().map(standing);
    standing.chain(behind).chain(open).collect()
}

/// Causes that stand in a case that is not theirs, and why they are right there.
const AT_HOME_ELSEWHERE: [(&str, &str, &str); 3] = [
    (
        "listener-flooded",
        "scan-traffic",
        "whoever floods is a stranger himself, which is a remark",
    ),
    (
        "twenty-hosts",
        "rdp-service-down",
        "another of the twenty has a trouble of its own",
    ),
    (
        "showcase",
        "wrong-credentials",
        "a guesser is at work beside the failures, which is a remark",
    ),
];

/// Whether a cause is expected to stand in a case.
pub fn at_home(case: &Case, cause: &str) -> bool {
    let known = |(c, id, _): &(&str, &str, &str)| *c == case.name && *id == cause;
    cause == case.expected.first || AT_HOME_ELSEWHERE.iter().any(known)
}

/// Causes of a row that nobody expects there.
fn strangers(case: &Case, row: &Row) -> Vec<String> {
    row.keys()
        .filter(|(standing, cause)| *standing <= Standing::Possible && !at_home(case, cause))
        .map(|(standing, cause)| format!("{}: {cause} is {}", case.name, standing.name()))
        .collect()
}

fn written(case: &Case, attempts: usize, row: &Row) -> String {
    let mut text = format!("{} ({attempts} judged)\n", case.name);
    for how in [
        Standing::Certain,
        Standing::Likely,
        Standing::Possible,
        Standing::Behind,
        Standing::Open,
    ] {
        let causes: Vec<String> = row
            .iter()
            .filter(|((standing, _), _)| *standing == how)
            .map(|((_, cause), n)| format!("{cause} {n}"))
            .collect();
        if !causes.is_empty() {
            let _ = writeln!(text, "  {:8} {}", how.name(), causes.join(", "));
        }
    }
    text
}

#[test]
fn every_cause_meets_every_case() {
    let rows = in_parallel(case::all(), |case| {
        let (attempts, row) = row(case);
        (written(case, attempts, &row), strangers(case, &row))
    });
    let (rows, strangers): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    insta::with_settings!({
        snapshot_path => "snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        insta::assert_snapshot!("matrix", rows.join("\n"));
    });
    let strangers = strangers.concat();
    assert!(strangers.is_empty(), "{}", strangers.join("\n"));
}
