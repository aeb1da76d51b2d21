//! The report for programs.

use rdpwhy_analyzer::report::Report;

/// One object of schema `rdpwhy.report/1`, indented, UTF-8, with a newline at its end.
///
/// # Errors
/// None that is known: all of the report's types serialise.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
