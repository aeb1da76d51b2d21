//! What to do about a cause.

use rdpwhy_analyzer::report::Remedy;

use super::evidence::Label;
use super::page::{Page, faint, plain, strong};

/// What to do, what it costs, how to take it back, and what shows that it worked. The texts stand from `column` on.
pub fn remedy(page: &mut Page, remedy: &Remedy, column: usize) {
    let mut label = Label::new("Fix");
    let place = match (remedy.run_on.as_str(), &remedy.host) {
        ("", _) => String::new(),
        (side, Some(host)) => format!("on {host} ({side}): "),
        ("directory", None) => "in the directory: ".to_owned(),
        (side, None) => format!("on the {side}: "),
    };
    page.flow(
        column,
        &[label.next()],
        &[strong(place), plain(&remedy.summary)],
    );
    for (n, command) in remedy.commands.iter().enumerate() {
        for (i, line) in command.trim().lines().enumerate() {
            let number = if i == 0 {
                format!("{}  ", n + 1)
            } else {
                "   ".to_owned()
            };
            page.verbatim(column, &faint(number), &strong(line).of_any_length());
        }
    }
    for (name, text) in [("Risk", &remedy.risk), ("Check", &remedy.verify)] {
        if !text.is_empty() {
            page.flow(column, &[Label::new(name).next()], &[plain(text)]);
        }
        if let (Some(undo), "Risk") = (&remedy.undo, name) {
            // A sentence, or a command to paste.
            if undo.trim_end().ends_with('.') {
                page.flow(column, &[Label::new("Undo").next()], &[plain(undo)]);
            } else {
                page.verbatim(
                    0,
                    &Label::new("Undo").next().padded(column),
                    &strong(undo).of_any_length(),
                );
            }
        }
    }
}
