//! Whoever can reach port 3389 chooses user names, host names and cookies: whatever they are, every output keeps its form.

use super::sample;
use crate::redact::texts;
use crate::render::safe::is_hidden;
use crate::render::{self, Style};

/// Names that were or could be tried.
const NAMES: &[&str] = &[
    "\u{1b}[2J\u{1b}[31mall is well\u{1b}[0m",
    "\u{1b}]8;;http://evil.example\u{7}click\u{1b}]8;;\u{7}",
    "a\r\nFix  run  calc.exe",
    "a\n# Heading\n\n- list",
    "ana\u{202e}nimda\u{2066}",
    "\u{9b}31mred\u{9d}",
    "a\0b\u{7f}\u{8}\u{8}\u{8}",
    "\",\"verdicts\":[],\"x\":\"",
    "</script><script>alert(1)</script><img src=x onerror=1>",
    "[a](javascript:1) ![b](http://x) `c` **d** ~~e~~ <b> | f |",
    "```\n# out\n```",
    "-->\n---\n",
    "=cmd|'/c calc'!A1",
    "{user}{host}{server}",
    "a\u{300}\u{301}\u{302}\u{303}\u{304}\u{305}",
    "\u{200b}\u{feff}\u{2800}\u{3164}",
    "𝕏\u{10ffff}\u{e0041}\u{fdd0}",
    "'; Remove-Item C:\\ -Recurse; '",
];

/// The sample report with a hostile text wherever evidence can put one.
fn report(name: &str) -> rdpwhy_analyzer::Report {
    let mut report = sample::case();
    let both = |text: &str| format!("{text} {name}");
    for source in &mut report.sources {
        source.path = both(&source.path);
        source.host = source.host.as_deref().map(both);
    }
    for coverage in &mut report.coverage {
        coverage.host = both(&coverage.host);
        coverage.channel = both(&coverage.channel);
    }
    for attempt in &mut report.attempts {
        for end in [&mut attempt.client, &mut attempt.server] {
            end.host = Some(name.to_owned());
        }
        attempt.user = Some(format!("CORP\\{name}"));
    }
    for verdict in &mut report.verdicts {
        verdict.host = Some(name.to_owned());
    }
    texts::each(&mut report, &mut |text| *text = both(text));
    report
}

fn style() -> Style {
    Style {
        all: true,
        ..Style::default()
    }
}

fn hostile() -> impl Iterator<Item = String> {
    let long = [
        "x".repeat(70_000),
        "\u{1b}[".repeat(9000),
        "a b ".repeat(9000),
    ];
    let pairs = NAMES
        .iter()
        .zip(NAMES.iter().skip(1))
        .map(|(a, b)| format!("{a}{b}"));
    NAMES
        .iter()
        .map(|n| (*n).to_owned())
        .chain(long)
        .chain(pairs)
}

fn hidden(text: &str) -> Option<char> {
    text.chars().find(|c| *c != '\n' && is_hidden(*c))
}

#[test]
fn the_text_stays_lines_of_visible_characters() {
    for name in hostile() {
        let text = render::text(&report(&name), &style());
        assert_eq!(hidden(&text), None, "{name:?}");
        let coloured = render::text(
            &report(&name),
            &Style {
                colour: true,
                ..style()
            },
        );
        // Nothing but colours is written, and without them it is the same text.
        let plain = anstream::adapter::strip_str(&coloured).to_string();
        assert_eq!(plain, text, "{name:?}");
        // No line of the text begins with what a name brought along behind a line break.
        assert!(
            !text
                .lines()
                .any(|l| l.starts_with("# ") || l.starts_with("Fix  run")),
            "{name:?}"
        );
    }
}

#[test]
fn the_json_says_what_the_evidence_says_and_shows_every_character() {
    for name in hostile() {
        let report = report(&name);
        let text = render::json::json(&report).expect("serialises");
        assert_eq!(hidden(&text), None, "{name:?}");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            value,
            serde_json::to_value(&report).expect("serialises"),
            "{name:?}"
        );
    }
}

/// Headings, fences and the like of a Markdown text, code blocks left out.
fn structure(text: &str) -> (Vec<&str>, usize) {
    let (mut headings, mut blocks) = (Vec::new(), 0);
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            Some(open) if line == open => fence = None,
            Some(_) => {}
            None if ticks >= 3 => {
                blocks += 1;
                fence = Some(line);
            }
            None => {
                if line.starts_with('#') {
                    headings.push(line.split(' ').next().unwrap_or_default());
                }
                let unescaped = line
                    .replace("\\\\", "")
                    .replace("\\<", "")
                    .replace("\\[", "")
                    .replace("\\`", "");
                assert!(!unescaped.contains(['<', '[', '`']), "{line}");
            }
        }
    }
    assert_eq!(fence, None, "a block that does not end");
    (headings, blocks)
}

#[test]
fn the_markdown_keeps_its_headings_and_blocks() {
    let (headings, blocks) = {
        let text = render::markdown(&report("ana"), &style());
        let (headings, blocks) = structure(&text);
        (headings.join(" "), blocks)
    };
    for name in hostile() {
        let text = render::markdown(&report(&name), &style());
        assert_eq!(hidden(&text), None, "{name:?}");
        let (now, now_blocks) = structure(&text);
        assert_eq!(
            (now.join(" "), now_blocks),
            (headings.clone(), blocks),
            "{name:?}"
        );
    }
}
