use rdpwhy_analyzer::Knowledge;

use crate::render::{self, Style};

/// The hand-made report of the renderers' tests, redacted.
#[test]
fn nothing_of_a_report_survives_in_any_output() {
    let knowledge = Knowledge::embedded().expect("checked by its own tests");
    let mut report = render::looks::sample::case();
    let names: Vec<String> = {
        let hosts = report.sources.iter().filter_map(|s| s.host.clone());
        let ends = report.attempts.iter().flat_map(|a| [&a.client, &a.server]);
        let ends = ends.flat_map(|e| [e.ip.clone(), e.host.clone()]).flatten();
        let users = report.attempts.iter().filter_map(|a| a.user.clone());
        hosts.chain(ends).chain(users).collect()
    };
    assert!(names.len() > 3);
    super::redact(&mut report, &knowledge);
    let style = Style {
        all: true,
        ..Style::default()
    };
    for text in [
        render::text(&report, &style),
        render::markdown(&report, &style),
        render::json::json(&report).expect("serialises"),
    ] {
        for name in &names {
            let parts = name
                .split('\\')
                .chain([name.as_str()])
                .filter(|p| p.len() > 1);
            for part in parts {
                assert!(!text.contains(part), "{part} in {text}");
            }
        }
    }
}
