//! Whoever can reach port 3389 chooses user names, host names and cookies. Whatever they are, every output of every command
//! keeps its form: lines of visible characters, JSON that parses, cells that no spreadsheet runs, text that is no markup.

use crate::case;
use crate::outputs;

/// Whether a terminal takes a character for a command, or hides it, or turns what follows around.
fn harms(c: char) -> bool {
    (c.is_control() && c != '\n')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The cells of a row of CSV.
fn cells(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut rest = row.chars().peekable();
    while let Some(c) = rest.next() {
        let cell = cells.last_mut().unwrap();
        match c {
            '"' if quoted && rest.peek() == Some(&'"') => {
                rest.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cell.push(c),
        }
    }
    assert!(!quoted, "a cell that does not end: {row}");
    cells
}

#[test]
fn names_break_no_output() {
    let case = case::named("hostile-names");
    let folder = case.evidence.laid_out();
    let outputs = outputs::all(folder.path(), &[]);
    assert!(outputs.len() > 18, "{}", outputs.len());
    let mut named = 0;
    for (typed, run) in &outputs {
        let csv = typed.contains("csv");
        for text in [&run.out, &run.err] {
            let text = if csv {
                text.replace("\r\n", "\n")
            } else {
                text.clone()
            };
            let harm = text.chars().find(|c| harms(*c));
            assert_eq!(harm, None, "{typed}");
        }
        named += usize::from(run.out.contains("pwned") || run.out.contains("calc"));
        if csv {
            let mut columns = None;
            for row in run.out.split("\r\n").filter(|r| !r.is_empty()) {
                let cells = cells(row);
                assert_eq!(*columns.get_or_insert(cells.len()), cells.len(), "{row}");
                let runs = |c: &String| {
                    c.starts_with(['=', '+', '-', '@', '\t', '\r']) && c.parse::<f64>().is_err()
                };
                assert!(!cells.iter().any(runs), "{typed}: {row}");
            }
        } else if ["jsonl", "ecs", "ocsf", "splunk-hec"]
            .iter()
            .any(|form| typed.contains(form))
        {
            for line in run.out.lines() {
                serde_json::from_str::<serde_json::Value>(line).unwrap();
            }
        } else if typed.contains("json") {
            run.report();
        } else if typed.contains("html") || *typed == "report --format html" {
            for markup in ["<img src=x", "<b onclick", "</script><script>pwned"] {
                assert!(!run.out.contains(markup), "{typed}: {markup}");
            }
        }
    }
    // The test would prove nothing if the names did not get as far as the outputs.
    assert!(named > 12, "{named} of {}", outputs.len());
}
