//! The report for programs.

use std::fmt::Write as _;
use std::io::{self, Write};

use rdpwhy_analyzer::report::Report;
use serde::Serialize as _;
use serde_json::Serializer;
use serde_json::ser::{Formatter, PrettyFormatter};

use super::safe::is_hidden;

/// One object of schema `rdpwhy.report/1`, indented, UTF-8, with a newline at its end.
///
/// # Errors
/// None that is known: all of the report's types serialise.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    let mut bytes = Vec::new();
    report.serialize(&mut Serializer::with_formatter(
        &mut bytes,
        Visible(PrettyFormatter::new()),
    ))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(serde::ser::Error::custom)
}

/// Any object, indented, with a newline at its end.
///
/// # Errors
/// When it does not serialise.
pub fn pretty(object: &impl serde::Serialize) -> Result<String, serde_json::Error> {
    let mut text = visible(&serde_json::to_string_pretty(object)?);
    text.push('\n');
    Ok(text)
}

/// Any object in one line, with a newline at its end.
///
/// # Errors
/// When it does not serialise.
pub fn line(object: &impl serde::Serialize) -> Result<String, serde_json::Error> {
    let mut text = visible(&serde_json::to_string(object)?);
    text.push('\n');
    Ok(text)
}

/// Escapes what does not show. Outside its texts JSON has nothing of the kind but line breaks.
pub(crate) fn visible(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && is_hidden(c) {
            for unit in units(c) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

/// JSON in which every character shows. Programs read the same texts; a person who looks at the file in a terminal is not
/// at the mercy of whoever chose a user name (JSON itself lets C1 controls and reordering marks stand as they are).
struct Visible(PrettyFormatter<'static>);

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(is_hidden) {
            let (before, from) = rest.split_at(at);
            writer.write_all(before.as_bytes())?;
            let mut behind = from.chars();
            for unit in behind.next().into_iter().flat_map(units) {
                write!(writer, "\\u{unit:04x}")?;
            }
            rest = behind.as_str();
        }
        writer.write_all(rest.as_bytes())
    }

    fn begin_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

/// The character's UTF-16 code units, as JSON escapes them.
fn units(c: char) -> impl Iterator<Item = u16> {
    let mut buffer = [0; 2];
    let used = c.encode_utf16(&mut buffer).len();
    buffer.into_iter().take(used)
}
