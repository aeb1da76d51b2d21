//! The text report, looked at as a whole: hand-made reports against snapshots of what a person sees.

mod hostile;
pub mod sample;

use crate::render::safe::Charset;
use crate::render::{self, Style};

fn text(change: impl FnOnce(&mut Style)) -> String {
    let mut style = Style::default();
    change(&mut style);
    render::text(&sample::case(), &style)
}

#[test]
fn a_case_at_its_usual_width() {
    insta::assert_snapshot!(text(|_| {}));
}

#[test]
fn a_case_on_a_narrow_terminal() {
    insta::assert_snapshot!(text(|s| s.width = 80));
}

#[test]
fn a_case_on_a_wide_terminal_with_everything_shown() {
    insta::assert_snapshot!(text(|s| {
        s.width = 120;
        s.all = true;
    }));
}

#[test]
fn a_case_without_unicode() {
    let text = text(|s| s.charset = Charset::Ascii);
    assert!(text.is_ascii());
    insta::assert_snapshot!(text);
}

#[test]
fn colours_change_nothing_but_colours() {
    let coloured = text(|s| s.colour = true);
    assert!(coloured.contains("\u{1b}["));
    assert_eq!(
        anstream::adapter::strip_str(&coloured).to_string(),
        text(|_| {})
    );
}

#[test]
fn no_line_is_longer_than_it_must_be() {
    for width in [60, 80, 100, 120] {
        for line in text(|s| s.width = width).lines() {
            let columns = unicode_width::UnicodeWidthStr::width(line);
            let command = line.contains("icacls")
                || line.contains("wevtutil")
                || line.contains("Restart-Service");
            assert!(
                columns <= width || command,
                "{columns} columns of {width}: {line}"
            );
        }
    }
}

#[test]
fn a_case_for_a_ticket() {
    insta::assert_snapshot!(render::markdown(&sample::case(), &Style::default()));
}

#[test]
fn healthy_evidence_takes_a_line() {
    insta::assert_snapshot!(render::text(&sample::healthy(), &Style::default()));
}

#[test]
fn evidence_without_connections_says_so() {
    insta::assert_snapshot!(render::text(&sample::quiet(), &Style::default()));
}

#[test]
fn hostile_texts_stay_on_their_line() {
    let mut report = sample::case();
    for verdict in &mut report.verdicts {
        verdict.host = Some("RDS\u{1b}[2J\r\n\u{202e}07".to_owned());
    }
    let text = render::text(
        &report,
        &Style {
            colour: true,
            ..Style::default()
        },
    );
    assert!(!text.contains("\u{1b}[2J") && !text.contains('\u{202e}') && !text.contains('\r'));
    assert!(text.contains("RDS\\x1b[2J\\r\\n\\u{202e}07"));
}

#[test]
fn json_is_one_object_with_a_newline_at_its_end() {
    let json = render::json::json(&sample::case()).expect("serialises");
    assert!(json.starts_with("{\n") && json.ends_with("\n}\n"));
    let value: serde_json::Value = serde_json::from_str(&json).expect("parses");
    assert_eq!(
        value.pointer("/schema").and_then(|s| s.as_str()),
        Some("rdpwhy.report/1")
    );
}
