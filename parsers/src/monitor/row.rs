//! A line as names and values, whatever it was written in.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde_json::Value;

use crate::time::Timestamp;

/// Levels of objects inside each other that are followed.
const DEEPEST: u32 = 6;

/// One row; members of objects are called `outer.inner`, as Zeek calls them in its own columns.
#[derive(Debug, Default)]
pub struct Row(BTreeMap<String, String>);

impl Row {
    /// The object in a line.
    pub fn of_json(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let mut row = Self::default();
        value
            .is_object()
            .then(|| row.flatten("", &value, DEEPEST))?;
        Some(row)
    }

    fn flatten(&mut self, name: &str, value: &Value, left: u32) {
        let text = match value {
            Value::Object(members) if left > 0 => {
                for (inner, value) in members {
                    if name.is_empty() {
                        self.flatten(inner, value, left - 1);
                    } else {
                        self.flatten(&format!("{name}.{inner}"), value, left - 1);
                    }
                }
                return;
            }
            // As in a tab-separated log.
            Value::Array(items) => {
                let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                texts.join(",")
            }
            Value::Null | Value::Object(_) => return,
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.0.insert(name.to_owned(), text);
    }

    /// A value that is not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|v| !v.is_empty())
    }

    /// Whether there is such a column at all.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A whole number.
    pub fn count(&self, name: &str) -> Option<i64> {
        self.get(name)?.parse().ok()
    }

    /// Yes or no, as Zeek writes it in either form.
    pub fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)? {
            "T" | "true" => Some(true),
            "F" | "false" => Some(false),
            _ => None,
        }
    }

    /// An address and a port.
    pub fn end(&self, ip: &str, port: &str) -> Option<SocketAddr> {
        let ip: IpAddr = self.get(ip)?.parse().ok()?;
        Some(SocketAddr::new(ip, self.get(port)?.parse().ok()?))
    }

    /// A moment: seconds since 1970 with a fraction, or a date.
    pub fn time(&self, name: &str) -> Option<Timestamp> {
        let text = self.get(name)?;
        nanoseconds(text).map(Timestamp).or_else(|| date(text))
    }

    /// Seconds with a fraction as nanoseconds.
    pub fn span(&self, name: &str) -> Option<i64> {
        nanoseconds(self.get(name)?)
    }
}

/// `1297551041.284715` in nanoseconds, without the loss of a floating number. Exponents (`1.2e-05`) are of numbers below a
/// millisecond, which nobody needs.
fn nanoseconds(text: &str) -> Option<i64> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: i64 = seconds.parse().ok()?;
    if let Some((_, exponent)) = fraction.split_once(['e', 'E']) {
        return exponent.starts_with('-').then_some(0);
    }
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let digits: String = fraction
        .chars()
        .chain("000000000".chars())
        .take(9)
        .collect();
    whole
        .checked_mul(1_000_000_000)?
        .checked_add(digits.parse().ok()?)
}

/// `2026-11-21T08:14:03.118+0000`: Suricata writes the offset without a colon.
fn date(text: &str) -> Option<Timestamp> {
    let at = text.len().checked_sub(5)?;
    let (before, offset) = text.split_at_checked(at)?;
    if offset.starts_with(['+', '-']) && !offset.contains(':') {
        let (hours, minutes) = offset.split_at_checked(3)?;
        return Timestamp::parse(&format!("{before}{hours}:{minutes}"));
    }
    Timestamp::parse(text)
}

/// The header of a tab-separated log.
#[derive(Debug)]
pub struct Header {
    separator: String,
    unset: String,
    empty: String,
    path: String,
    fields: Vec<String>,
}

impl Default for Header {
    fn default() -> Self {
        Self {
            separator: "\t".to_owned(),
            unset: "-".to_owned(),
            empty: "(empty)".to_owned(),
            path: String::new(),
            fields: Vec::new(),
        }
    }
}

impl Header {
    /// Takes a line that begins with `#`. A log that was rotated into another has its header again.
    pub fn read(&mut self, line: &str) {
        if let Some(separator) = line.strip_prefix("#separator ") {
            let number = separator.strip_prefix("\\x").unwrap_or_default();
            let byte = u8::from_str_radix(number, 16);
            self.separator =
                byte.map_or_else(|_| separator.to_owned(), |b| char::from(b).to_string());
            return;
        }
        let mut cells = line.split(self.separator.as_str());
        let name = cells.next().unwrap_or_default();
        let mut value = || cells.next().unwrap_or_default().to_owned();
        match name {
            "#unset_field" => self.unset = value(),
            "#empty_field" => self.empty = value(),
            "#path" => self.path = value(),
            "#fields" => self.fields = cells.map(str::to_owned).collect(),
            _ => {}
        }
    }

    /// A row; `None` without a header, or when the columns are not those of it.
    pub fn row(&self, line: &str) -> Option<Row> {
        let cells: Vec<&str> = line.split(self.separator.as_str()).collect();
        if self.fields.is_empty() || cells.len() != self.fields.len() {
            return None;
        }
        let known = |v: &&str| *v != self.unset && *v != self.empty;
        let cells = self.fields.iter().zip(cells);
        let mut row: BTreeMap<String, String> = cells
            .map(|(name, v)| (name.clone(), if known(&v) { v } else { "" }.to_owned()))
            .collect();
        row.insert("_path".to_owned(), self.path.clone());
        Some(Row(row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_in_all_spellings() {
        assert_eq!(
            nanoseconds("1297551041.284715"),
            Some(1_297_551_041_284_715_000)
        );
        assert_eq!(nanoseconds("3"), Some(3_000_000_000));
        assert_eq!(nanoseconds("1.2e-05"), Some(0));
        assert_eq!(nanoseconds("1.x"), None);
        let at = Timestamp::parse("2026-11-21T08:14:03.118Z");
        assert_eq!(date("2026-11-21T08:14:03.118+0000"), at);
        assert_eq!(date("2026-11-21T09:14:03.118+0100"), at);
        assert_eq!(date("2026-11-21T08:14:03.118Z"), at);
        assert_eq!(date("é+000"), None);
    }

    #[test]
    fn a_header_names_the_columns() {
        let mut header = Header::default();
        for line in [
            "#separator \\x7c",
            "#unset_field|?",
            "#path|conn",
            "#fields|ts|uid|service",
        ] {
            header.read(line);
        }
        let row = header.row("1.5|C1|?").expect("a row");
        assert_eq!(
            (row.get("uid"), row.get("service"), row.get("_path")),
            (Some("C1"), None, Some("conn"))
        );
        assert!(row.has("service") && header.row("1.5|C1").is_none());
    }
}
